//! Which variables a tool starts with: those of the operator, without what an outer `cargo run` or a build for the
//! host left there. Nothing here reads the process.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Variables that steer a build for the host or belong to an outer cargo. What configures networks, registries, proxies
/// and directories stays.
const DROPPED: &[&str] = &[
    "CARGO",
    "CARGO_CRATE_NAME",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CARGO_MAKEFLAGS",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_RUSTC_CURRENT_DIR",
    "CARGO_TARGET_TMPDIR",
    "MAKEFLAGS",
    "MFLAGS",
    "OUT_DIR",
    "RUSTC",
    "RUSTC_BOOTSTRAP",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
    "RUST_RECURSION_COUNT",
];

/// The same, by the beginning of the name.
const DROPPED_PREFIXES: &[&str] = &[
    "CARGO_BIN_",
    "CARGO_BUILD_",
    "CARGO_CFG_",
    "CARGO_FEATURE_",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_PROFILE_",
    "CARGO_TARGET_WASM32_",
    "CARGO_UNSTABLE_",
];

/// Kept although a prefix above fits: where things go and how many run at once are the operator's.
const KEPT: &[&str] = &["CARGO_BUILD_JOBS", "CARGO_BUILD_TARGET_DIR"];

/// Set by rustup's own `cargo` for everything beneath it.
const RUSTUP_TOOLCHAIN: &str = "RUSTUP_TOOLCHAIN";

/// The variables of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// The value of a variable that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// The variables for a tool that runs in `directory`.
    ///
    /// Beneath a cargo, `RUSTUP_TOOLCHAIN` is what that cargo runs with. It stays, since without it an outer
    /// `cargo +1.95 run` would build plugins with another compiler, except where a `rust-toolchain.toml` around the
    /// directory says which one is right there.
    pub(crate) fn for_tools_in(&self, directory: &Path) -> Self {
        let beneath_cargo = self.get("CARGO").is_some() && self.get("CARGO_PKG_NAME").is_some();
        let drop_toolchain = beneath_cargo && names_its_toolchain(directory);
        let kept = |name: &OsStr| !(is_dropped(name) || drop_toolchain && name == RUSTUP_TOOLCHAIN);
        self.0.iter().filter(|(name, _)| kept(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Cargo's own directory, as cargo finds it.
    pub(crate) fn cargo_home(&self) -> Option<PathBuf> {
        self.home_of("CARGO_HOME", ".cargo")
    }

    /// Rustup's own directory, as rustup finds it.
    pub(crate) fn rustup_home(&self) -> Option<PathBuf> {
        self.home_of("RUSTUP_HOME", ".rustup")
    }

    fn home_of(&self, name: &str, default: &str) -> Option<PathBuf> {
        let home = || self.get("HOME").map(|home| Path::new(home).join(default));
        self.get(name).map(PathBuf::from).or_else(home)
    }
}

impl FromIterator<(OsString, OsString)> for Environment {
    fn from_iter<I: IntoIterator<Item = (OsString, OsString)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

fn is_dropped(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    let by_prefix = DROPPED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) && !KEPT.contains(&name);
    by_prefix || DROPPED.contains(&name)
}

fn names_its_toolchain(directory: &Path) -> bool {
    let has_file = |at: &Path| ["rust-toolchain.toml", "rust-toolchain"].iter().any(|file| at.join(file).is_file());
    directory.ancestors().any(has_file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    fn check(name: &str, is_kept: bool) {
        let kept = environment(&[(name, "x")]).for_tools_in(Path::new("/nowhere"));
        assert_eq!(kept.get(name).is_some(), is_kept, "{name}");
    }

    #[test]
    fn what_an_outer_cargo_left_is_dropped() {
        for name in DROPPED {
            check(name, false);
        }
        check("CARGO_PKG_NAME", false);
        check("CARGO_MANIFEST_DIR", false);
        check("CARGO_BUILD_TARGET", false);
        check("CARGO_BUILD_RUSTFLAGS", false);
        check("CARGO_PROFILE_RELEASE_LTO", false);
        check("CARGO_TARGET_WASM32_WASIP2_LINKER", false);
    }

    #[test]
    fn what_the_operator_set_stays() {
        check("PATH", true);
        check("CARGO_HOME", true);
        check("CARGO_TARGET_DIR", true);
        check("CARGO_BUILD_TARGET_DIR", true);
        check("CARGO_BUILD_JOBS", true);
        check("CARGO_NET_OFFLINE", true);
        check("CARGO_HTTP_PROXY", true);
        check("CARGO_REGISTRIES_MINE_TOKEN", true);
        check("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER", true);
        check("RUSTUP_HOME", true);
        check("RUSTUP_TOOLCHAIN", true);
        check("RUSTUP_DIST_SERVER", true);
    }

    #[test]
    fn a_toolchain_file_beats_what_an_outer_cargo_exported() {
        let plain = tempfile::tempdir().expect("a directory");
        let pinned = tempfile::tempdir().expect("a directory");
        let below = pinned.path().join("plugins/a");
        std::fs::create_dir_all(&below).expect("a directory");
        std::fs::write(pinned.path().join("rust-toolchain.toml"), "").expect("a file");

        let beneath =
            environment(&[("CARGO", "/bin/cargo"), ("CARGO_PKG_NAME", "creel"), ("RUSTUP_TOOLCHAIN", "1.95")]);
        assert!(beneath.for_tools_in(plain.path()).get(RUSTUP_TOOLCHAIN).is_some());
        assert!(beneath.for_tools_in(&below).get(RUSTUP_TOOLCHAIN).is_none());
        let by_hand = environment(&[("RUSTUP_TOOLCHAIN", "1.95")]);
        assert!(by_hand.for_tools_in(&below).get(RUSTUP_TOOLCHAIN).is_some());
    }

    #[test]
    fn homes_are_found_as_their_tools_find_them() {
        let both = environment(&[("HOME", "/home/a"), ("CARGO_HOME", "/opt/cargo"), ("RUSTUP_HOME", "")]);
        assert_eq!(both.cargo_home(), Some("/opt/cargo".into()));
        assert_eq!(both.rustup_home(), Some("/home/a/.rustup".into()));
        assert_eq!(environment(&[]).cargo_home(), None);
    }
}
