//! `creel secrets` as operators and scripts meet it: what it prints, with which exit code, and that no value is ever
//! printed or lies in the state directory. No plugin is loaded here.

#![expect(clippy::disallowed_methods, reason = "tests arrange files and run the program")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use creel_store::secrets::Secret;
use serde_json::Value;
use tempfile::TempDir;

const VALUE: &str = "sk-ant-api03-a-value-of-the-vault-test";
const OTHER: &str = "sk-ant-api03-another-value-of-that-test";

struct Place {
    temp: TempDir,
    state: PathBuf,
}

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Place {
    fn new() -> Self {
        let temp = tempfile::tempdir().expect("a directory");
        let state = temp.path().join("state");
        Self { temp, state }
    }

    fn configure(&self, config: &str) {
        fs::create_dir_all(&self.state).expect("a directory");
        fs::set_permissions(&self.state, fs::Permissions::from_mode(0o700)).expect("permissions");
        fs::write(self.state.join("creel.json5"), config).expect("a configuration");
    }

    fn run(&self, args: &[&str], input: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_creel"));
        command.args(args).env_clear().env("HOME", self.temp.path()).env("CREEL_STATE_DIR", &self.state);
        command.env("GIVEN", VALUE).env("BLANK", " ").env("PASSPHRASE", "correct horse").current_dir(self.temp.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        let mut stdin = child.stdin.take().expect("its input");
        // A program that needs no input may have ended by now.
        drop(stdin.write_all(input.as_bytes()));
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        let ran = Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
        for value in [VALUE, OTHER] {
            assert!(!ran.out.contains(value) && !ran.err.contains(value), "{args:?} printed a value");
        }
        ran
    }

    fn secrets(&self, args: &[&str], input: &str) -> Ran {
        self.run(&[&["secrets"], args].concat(), input)
    }

    fn list(&self) -> Vec<(String, String)> {
        let ran = self.secrets(&["list", "--json"], "");
        let json: Value = serde_json::from_str(&ran.out).expect("JSON");
        let text = |secret: &Value, key: &str| secret[key].as_str().expect("a string").to_owned();
        let secrets = json["secrets"].as_array().expect("a list").iter();
        secrets.map(|secret| (text(secret, "name"), text(secret, "fingerprint"))).collect()
    }
}

fn check(ran: &Ran, code: i32, out: &str, err: &str) {
    assert_eq!((ran.out.as_str(), ran.err.as_str(), ran.code), (out, err, Some(code)));
}

#[test]
fn a_secret_is_set_listed_and_removed() {
    let place = Place::new();
    place.configure("{}");
    let empty = "there are no secrets in the vault; `creel secrets set NAME` puts one there\n";
    check(&place.secrets(&["list"], ""), 0, empty, "");
    let set = place.secrets(&["set", "anthropic/key"], &format!("{VALUE}\n"));
    assert_eq!((set.code, set.err.as_str()), (Some(0), ""));
    let list = place.list();
    let fingerprint = &list[0].1;
    let expect = format!(
        "set `anthropic/key` (fingerprint {fingerprint})\nrefer to it with {{ source: \"vault\", provider: \"default\", \
         id: \"anthropic/key\" }}\n"
    );
    assert_eq!(set.out, expect);
    fs::write(place.temp.path().join("key.txt"), format!("{VALUE}\n")).expect("a file");
    place.secrets(&["set", "b", "--from-file", "key.txt"], "");
    place.secrets(&["set", "c", "--from-env", "GIVEN"], "");
    place.secrets(&["set", "d"], OTHER);
    let list = place.list();
    assert_eq!(list.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["anthropic/key", "b", "c", "d"]);
    assert!(list[..3].iter().all(|(_, other)| other == fingerprint) && list[3].1 != *fingerprint);
    let replaced = place.secrets(&["set", "d"], VALUE);
    assert!(replaced.out.starts_with("replaced `d` (fingerprint "), "{}", replaced.out);
    check(&place.secrets(&["rotate"], ""), 0, "the vault has a fresh key; secrets in it: 4\n", "");
    assert!(place.list().iter().all(|(_, other)| other == fingerprint));
    check(&place.secrets(&["rm", "d"], ""), 0, "removed `d`\n", "");
    let gone = "error: there is no secret `d` in the vault\nhint: `creel secrets list` shows what is there\n";
    check(&place.secrets(&["rm", "d"], ""), 5, "", gone);
    let table = place.secrets(&["list"], "").out;
    assert!(table.starts_with("  name           fingerprint  age\n  anthropic/key  "), "{table}");

    let spellings = Secret::parse(VALUE).expect("a secret").spellings();
    let mut files = 0;
    for entry in fs::read_dir(&place.state).expect("the state directory") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let bytes = fs::read(&path).expect("a file");
            let found = spellings.iter().any(|spelling| bytes.windows(spelling.len()).any(|part| part == &***spelling));
            assert!(!found, "{} holds a value", path.display());
            files += 1;
        }
    }
    assert!(files >= 4, "the vault, its key, its lock and the key of fingerprints");
}

#[test]
fn what_cannot_be_a_secret_is_refused() {
    let place = Place::new();
    let check = |args: &[&str], input: &str, code: i32, err: &str| {
        let ran = place.secrets(args, input);
        assert_eq!((ran.err.as_str(), ran.code), (err, Some(code)), "{args:?}");
        assert_eq!(ran.out, "");
    };
    let bad = |why: &str| format!("error: the value cannot be a secret: {why}\n");
    check(&["set", "a"], " \n", 3, &bad("it is blank"));
    check(&["set", "a", "--from-env", "BLANK"], "", 3, &bad("it is blank"));
    check(&["set", "a"], "a\nb", 3, &bad("it holds a character that no header can carry, e.g. a line break"));
    check(&["set", "a"], &"x".repeat(9_000), 3, &bad("it has more than 8192 bytes"));
    check(&["set", "a"], &"x".repeat(1 << 20), 3, &bad("it has more than 8192 bytes"));
    let redacted = "it is the placeholder of a redacted value (SECRET_REF_REDACTED_VALUE)";
    check(&["set", "a"], "__OPENCLAW_REDACTED__", 3, &bad(redacted));
    check(&["set", "a", "--from-env", "UNSET"], "", 5, "error: the variable `UNSET` is not set\n");
    let missing = "error: could not read `none.txt`: No such file or directory (os error 2)\n";
    check(&["set", "a", "--from-file", "none.txt"], "", 5, missing);
    for name in ["../a", "a b", ""] {
        let ran = place.secrets(&["set", name], VALUE);
        assert_eq!(ran.code, Some(2), "{name}: {}", ran.err);
        assert!(ran.err.contains("the `id` of a `vault` reference is 1 to 256 of letters"), "{}", ran.err);
    }
    // A value cannot be an argument.
    assert_eq!(place.secrets(&["set", "a", "value"], "").code, Some(2));
    assert_eq!(place.list(), []);
}

#[test]
fn a_vault_that_cannot_be_opened_says_what_to_do() {
    let place = Place::new();
    let none = place.secrets(&["list"], "");
    assert_eq!(none.code, Some(5), "{}", none.err);
    assert!(none.err.starts_with("error: there is no state directory"), "{}", none.err);
    place.secrets(&["set", "a"], VALUE);
    let (key, sealed) = (place.state.join("vault.key"), place.state.join("vault.sealed"));
    let kept = fs::read(&key).expect("the key");
    fs::remove_file(&key).expect("it is there");
    let ran = place.secrets(&["set", "b"], OTHER);
    let expect = "error: the key of the vault is not there: `vault.key` in the state directory\nhint: put the key back";
    assert!(ran.code == Some(5) && ran.err.starts_with(expect), "{}", ran.err);
    fs::write(&key, kept).expect("the key is put back");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("permissions");
    let open = place.secrets(&["list"], "");
    assert!(open.code == Some(4) && open.err.contains("hint: run `chmod 600`"), "{}", open.err);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("permissions");
    assert_eq!(place.list().len(), 1);
    let good = fs::read(&sealed).expect("the vault");
    fs::write(&sealed, &good[..good.len() - 1]).expect("a cut vault");
    for args in [&["list"][..], &["set", "b"], &["rm", "a"], &["rotate"]] {
        let ran = place.secrets(args, OTHER);
        let expect = "error: the vault `vault.sealed` in the state directory is damaged: it was cut or changed\nhint: ";
        assert!(ran.code == Some(1) && ran.err.starts_with(expect), "{args:?}: {}", ran.err);
    }
    fs::write(&sealed, good).expect("the vault is put back");
    place.configure(r#"{ secrets: { vault: { key: "passphrase", passphraseFrom: "${PASSPHRASE}" } } }"#);
    let ran = place.secrets(&["list"], "");
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    assert!(
        ran.err.contains("of kind `file`, and `secrets.vault` of the configuration says `passphrase`"),
        "{}",
        ran.err
    );
    fs::remove_file(&sealed).expect("it is there");
    place.secrets(&["set", "p"], VALUE);
    assert_eq!(place.list().len(), 1);
    assert!(!place.secrets(&["list"], "").out.contains("horse"));
}
