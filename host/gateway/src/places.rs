//! Where the state directory and the configuration are, and who says so. Nothing is opened here.

use std::path::{Path, PathBuf};

use crate::cli::GlobalArgs;
use crate::process::Process;

/// The configuration's name in the state directory.
pub(crate) const CONFIG_FILE: &str = "creel.json5";
/// The variable that names the state directory.
const STATE_DIR_VARIABLE: &str = "CREEL_STATE_DIR";

/// Where things are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    /// The state directory.
    pub(crate) state_dir: PathBuf,
    /// `--state-dir`, `CREEL_STATE_DIR` or `default`.
    pub(crate) state_dir_said_by: &'static str,
    /// The configuration where `--config` names it; else it is in the state directory.
    pub(crate) config: Option<PathBuf>,
    /// The home directory.
    pub(crate) home: Option<PathBuf>,
}

/// Nothing says where the state directory is.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoPlace {
    /// No option, no variable and no home.
    #[error("no state directory is named, and there is no home directory to look in")]
    NoHome,
    /// A relative path, and nowhere to begin.
    #[error("`{}` is relative, and the current directory is gone", path.display())]
    Nowhere {
        /// The path.
        path: PathBuf,
    },
}

impl Places {
    /// Settles where things are: the option, then the variable, then the home directory.
    pub(crate) fn find(args: &GlobalArgs, process: &Process) -> Result<Self, NoPlace> {
        let variable = process.variable(STATE_DIR_VARIABLE).map(Path::new);
        settle(args, variable, process.home(), process.current_directory.as_deref())
    }

    /// The path of the configuration, for the operator's eyes.
    pub(crate) fn config_path(&self) -> PathBuf {
        self.config.clone().unwrap_or_else(|| self.state_dir.join(CONFIG_FILE))
    }
}

fn settle(
    args: &GlobalArgs,
    variable: Option<&Path>,
    home: Option<&Path>,
    current: Option<&Path>,
) -> Result<Places, NoPlace> {
    let absolute = |path: &Path| match current {
        Some(current) => Ok(current.join(path)),
        None if path.is_absolute() => Ok(path.to_owned()),
        None => Err(NoPlace::Nowhere { path: path.to_owned() }),
    };
    let (state_dir, state_dir_said_by) = match (&args.state_dir, variable, home) {
        (Some(named), _, _) => (absolute(named)?, "--state-dir"),
        (None, Some(named), _) => (absolute(named)?, STATE_DIR_VARIABLE),
        (None, None, Some(home)) => (home.join(".creel"), "default"),
        (None, None, None) => return Err(NoPlace::NoHome),
    };
    let config = args.config.as_deref().map(absolute).transpose()?;
    Ok(Places { state_dir, state_dir_said_by, config, home: home.map(Path::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(option: Option<&str>, variable: Option<&str>, home: Option<&str>, expect: Result<(&str, &str), NoPlace>) {
        let args = GlobalArgs { state_dir: option.map(PathBuf::from), config: None };
        let found = settle(&args, variable.map(Path::new), home.map(Path::new), Some(Path::new("/here")));
        let found = found.map(|places| (places.state_dir, places.state_dir_said_by));
        assert_eq!(found, expect.map(|(path, said_by)| (PathBuf::from(path), said_by)));
    }

    #[test]
    fn the_option_beats_the_variable_beats_the_home() {
        check(Some("/o"), Some("/v"), Some("/h"), Ok(("/o", "--state-dir")));
        check(None, Some("/v"), Some("/h"), Ok(("/v", "CREEL_STATE_DIR")));
        check(None, None, Some("/h"), Ok(("/h/.creel", "default")));
        check(None, None, None, Err(NoPlace::NoHome));
        check(Some("state"), None, None, Ok(("/here/state", "--state-dir")));
    }

    #[test]
    fn a_relative_path_needs_a_current_directory() {
        let args = GlobalArgs { state_dir: Some("state".into()), config: None };
        let error = settle(&args, None, None, None).map_err(|error| error.to_string());
        assert_eq!(error.err().as_deref(), Some("`state` is relative, and the current directory is gone"));
    }

    #[test]
    fn the_configuration_is_in_the_state_directory_unless_named() {
        let named = |config: Option<&str>| {
            let args = GlobalArgs { state_dir: Some("/s".into()), config: config.map(PathBuf::from) };
            settle(&args, None, None, Some(Path::new("/here"))).map(|places| places.config_path())
        };
        assert_eq!(named(None), Ok("/s/creel.json5".into()));
        assert_eq!(named(Some("other.json5")), Ok("/here/other.json5".into()));
    }
}
