//! Discovery against real directories and the cargo that runs these tests; nothing is compiled or fetched.

use std::fs;

use tempfile::TempDir;

use super::super::environment::Environment;
use super::super::process::AmbientMachine;
use super::super::run::tests::options;
use super::*;

/// A directory of its own, away from this workspace; symbolic links in its path are resolved.
struct Tree {
    _directory: TempDir,
    root: PathBuf,
}

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().canonicalize().expect("there");
        let tree = Self { _directory: directory, root };
        for (path, text) in files {
            tree.write(path, text);
        }
        tree
    }

    /// A workspace with plugins `beta` and `alpha`, a library beside them and a plugin elsewhere.
    fn workspace() -> Self {
        let tree = Self::new(&[("Cargo.toml", "[workspace]\nmembers = ['plugins/*', 'tests/guest']\nresolver = '3'")]);
        tree.plugin("plugins/beta", "beta", "");
        tree.plugin("plugins/alpha", "alpha", "[package.metadata.creel]\nstack_bytes = 1048576");
        tree.plugin("plugins/sdk", "sdk", "");
        fs::remove_file(tree.root.join("plugins/sdk/plugin.toml")).expect("removed");
        tree.plugin("tests/guest", "guest", "");
        tree
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("written");
    }

    fn plugin(&self, path: &str, id: &str, more: &str) {
        let package = format!("[package]\nname = 'crate-{id}'\nversion = '0.1.0'\nedition = '2024'\n{more}\n");
        self.write(&format!("{path}/Cargo.toml"), &package);
        self.write(&format!("{path}/src/lib.rs"), "");
        let manifest = format!(
            "[plugin]\nid = '{id}'\nversion = '1.2.3'\ninterface = 'creel:plugin@0.1'\nsummary = 'for a test'\n"
        );
        self.write(&format!("{path}/plugin.toml"), &manifest);
    }

    fn options(&self, here: &str, directories: &[&str]) -> BuildOptions {
        BuildOptions {
            current_directory: self.root.join(here),
            directories: directories.iter().map(PathBuf::from).collect(),
            environment: std::env::vars_os().collect::<Environment>(),
            ..options()
        }
    }

    /// What is found from `here`, with the root of the tree left out of every path.
    fn find(&self, here: &str, directories: &[&str]) -> Result<Vec<PluginCrate>, DiscoverError> {
        let options = self.options(here, directories);
        let machine = AmbientMachine::new(options.environment.clone());
        let toolchain = Toolchain {
            name: "cargo".into(),
            cargo: machine.find("cargo").expect("cargo runs these tests"),
            set: Vec::new(),
            cargo_arguments: Vec::new(),
            link_arguments: Vec::new(),
            work_directory: "components",
        };
        match search(&options)? {
            Search::Crates(crates) => {
                crates.iter().map(|directory| crate_in(&machine, &options, &toolchain, directory)).collect()
            }
            Search::Workspace(directory) => crates_around(&machine, &options, &toolchain, &directory),
        }
    }

    fn ids(&self, here: &str, directories: &[&str]) -> Vec<String> {
        let crates = self.find(here, directories).expect("plugins");
        crates.iter().map(|plugin| plugin.manifest.id.to_string()).collect()
    }

    fn check(&self, here: &str, directories: &[&str], expect: &str) {
        let error = self.find(here, directories).expect_err("an error");
        assert_eq!(error.to_string().replace(&self.root.display().to_string(), "/t"), expect);
    }
}

#[test]
fn every_plugin_of_the_workspace_is_found_from_anywhere_within() {
    let tree = Tree::workspace();
    assert_eq!(tree.ids("", &[]), ["alpha", "beta"]);
    assert_eq!(tree.ids("plugins", &[]), ["alpha", "beta"]);
    assert_eq!(tree.ids("plugins/beta/src", &[]), ["alpha", "beta"]);
}

#[test]
fn a_plugin_crate_builds_itself() {
    let tree = Tree::workspace();
    assert_eq!(tree.ids("plugins/beta", &[]), ["beta"]);
    assert_eq!(tree.ids("tests/guest", &[]), ["guest"]);
}

#[test]
fn named_directories_are_taken_in_their_order_and_once() {
    let tree = Tree::workspace();
    tree.plugin("alone", "alone", "[workspace]");
    let named = ["plugins/beta", "alone", "tests/guest", "./plugins/../plugins/beta/"];
    assert_eq!(tree.ids("", &named), ["beta", "alone", "guest"]);
    assert_eq!(tree.ids("plugins", &["../alone"]), ["alone"]);
}

#[test]
fn a_crate_knows_its_workspace_and_its_wishes() {
    let tree = Tree::workspace();
    tree.plugin("alone", "alone", "[workspace]");
    let crates = tree.find("", &["plugins/alpha", "alone"]).expect("plugins");
    let [alpha, alone] = &crates[..] else { panic!("two crates") };
    assert_eq!(alpha.manifest.version, "1.2.3");
    assert_eq!(alpha.workspace_root, tree.root);
    assert_eq!(alpha.run_in, tree.root.join("plugins/alpha"));
    assert_eq!(alpha.stack_bytes, 1 << 20);
    assert_eq!(alone.workspace_root, tree.root.join("alone"));
    assert_eq!(alone.stack_bytes, STACK_BYTES_DEFAULT);
    assert!(alpha.manifest.text.starts_with("[plugin]\nid = 'alpha'\n"));
}

#[test]
fn where_there_is_nothing_the_error_says_where_it_was_sought() {
    let tree = Tree::workspace();
    tree.check("", &["gone"], "could not open directory `/t/gone`");
    tree.check("", &["plugins"], "`/t/plugins` is no plugin crate: there is no `Cargo.toml` in it");
    tree.check("", &["plugins/sdk"], "`/t/plugins/sdk` is no plugin crate: there is no `plugin.toml` in it");

    let empty = Tree::new(&[]);
    empty.check("", &[], "no plugin was named, and `/t` is in no cargo workspace");
    let hint = empty.find("", &[]).expect_err("an error").hint();
    assert_eq!(hint.as_deref(), Some("name the directory of a plugin crate: `creel plugin build DIR`"));

    let without = Tree::new(&[("Cargo.toml", "[workspace]\nmembers = ['tests/guest']\nresolver = '3'")]);
    without.plugin("tests/guest", "guest", "");
    let nothing = "no plugin was named, and no crate of the workspace has a `plugin.toml` below `/t/plugins`";
    without.check("", &[], nothing);
}

#[test]
fn a_manifest_that_cannot_be_read_stops_everything() {
    let tree = Tree::workspace();
    tree.write("plugins/alpha/plugin.toml", "[plugin]\nid = 'Alpha'\n");
    let error = "`/t/plugins/alpha/plugin.toml` is not a manifest";
    tree.check("", &[], error);
    tree.check("", &["plugins/alpha"], error);
    fs::write(tree.root.join("plugins/alpha/plugin.toml"), b"\xff").expect("written");
    tree.check("", &[], "`/t/plugins/alpha/plugin.toml` is not UTF-8");
    let large = format!("# {}", "x".repeat(creel_policy::limits::MANIFEST_BYTES_MAX));
    tree.write("plugins/alpha/plugin.toml", &large);
    tree.check("", &[], "`/t/plugins/alpha/plugin.toml` is larger than 262144 bytes");
}

#[test]
fn a_misspelt_key_is_named_with_the_right_one() {
    let tree = Tree::workspace();
    let manifest = "[plugin]\nid = 'a'\nversion = '1.0.0'\ninterface = 'creel:plugin@0.1'\nsummary = 's'\n[media]\nsplise = true\n";
    tree.write("plugins/alpha/plugin.toml", manifest);
    let error = tree.find("", &[]).expect_err("an error");
    let cause = std::error::Error::source(&error).map(ToString::to_string).expect("a cause");
    assert!(cause.starts_with("plugin.toml:7:1: media.splise: "), "{cause}");
    assert_eq!(error.hint().as_deref(), Some("did you mean `splice`?"));
}

#[test]
fn what_cargo_does_not_like_is_passed_on() {
    let tree = Tree::workspace();
    tree.plugin("outside", "outside", "");
    let error = tree.find("", &["outside"]).expect_err("an error").to_string();
    let (first, rest) = error.split_once('\n').expect("two lines");
    assert_eq!(first, format!("cargo cannot read the workspace of `{}`", tree.root.join("outside").display()));
    assert!(rest.contains("current package believes it's in a workspace when it's not"), "{rest}");
}

#[test]
fn a_program_is_no_plugin() {
    let tree = Tree::workspace();
    fs::rename(tree.root.join("plugins/alpha/src/lib.rs"), tree.root.join("plugins/alpha/src/main.rs")).expect("moved");
    tree.check("", &[], "crate `crate-alpha` has no library");
}

#[test]
fn two_crates_of_one_id_are_refused() {
    let tree = Tree::workspace();
    tree.plugin("plugins/gamma", "beta", "");
    tree.write("plugins/gamma/Cargo.toml", "[package]\nname = 'gamma'\nversion = '0.1.0'\nedition = '2024'\n");
    let crates = tree.find("", &[]).expect("crates");
    let error = check_ids(&crates).expect_err("an error").to_string();
    let root = tree.root.display();
    assert_eq!(error, format!("two crates make plugin `beta`: `{root}/plugins/beta` and `{root}/plugins/gamma`"));
}

fn wish(table: serde_json::Value) -> Result<u64, String> {
    stack_bytes(&serde_json::json!({ "creel": table }))
}

#[test]
fn a_stack_is_as_large_as_the_crate_wishes_within_bounds() {
    assert_eq!(stack_bytes(&serde_json::Value::Null), Ok(65_536));
    assert_eq!(stack_bytes(&serde_json::json!({ "docs": {} })), Ok(65_536));
    assert_eq!(wish(serde_json::json!({})), Ok(65_536));
    assert_eq!(wish(serde_json::json!({ "stack_bytes": 16_384 })), Ok(16_384));
    assert_eq!(wish(serde_json::json!({ "stack_bytes": 16_777_216 })), Ok(16_777_216));
    for bad in ["16368", "16777232", "65537", "-65536", "65536.5", "\"64 KiB\"", "null"] {
        let value: serde_json::Value = serde_json::from_str(bad).expect("JSON");
        let expect = format!("`stack_bytes` is {bad}; it must be a multiple of 16 from 16384 to 16777216");
        assert_eq!(wish(serde_json::json!({ "stack_bytes": value })), Err(expect));
    }
    let unknown = "unknown key `stack_byte`; the only one is `stack_bytes`";
    assert_eq!(wish(serde_json::json!({ "stack_byte": 1 })), Err(unknown.to_owned()));
    assert_eq!(wish(serde_json::json!(1)), Err("it is not a table".to_owned()));
}
