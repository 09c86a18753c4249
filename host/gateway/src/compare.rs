//! What differs between the daemon that answers and the shell that asks: where they look, and what their variables hold.
//! Values never travel: the daemon sends keyed fingerprints, and they are compared here with those of this shell.

use std::path::Path;

use creel_policy::credential::{Comparison, Variable, compare};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::boot;
use crate::error::CommandError;
use crate::places::Places;
use crate::process::Process;
use crate::views::{Answerer, Daemon};

/// Where the one who asks looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Caller {
    /// Its home directory.
    pub(crate) home: Option<String>,
    /// The state directory that it means.
    pub(crate) state_dir: String,
    /// The configuration that it means.
    pub(crate) config_path: String,
}

/// A place that is another one for the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Difference {
    /// `home`, `state_dir` or `config_path`.
    pub(crate) what: String,
    /// What it is for the daemon.
    pub(crate) daemon: Option<String>,
    /// What it is for the one who asks.
    pub(crate) caller: Option<String>,
}

/// Adds to an answer who asked, and what is another for the daemon; where the daemon told of its variables, their
/// comparison takes the place of what it told.
///
/// # Errors
///
/// [`CommandError`] where the answer cannot be read, or there is no key to compare by.
pub(crate) fn annotate(
    json: &str,
    is_compared: bool,
    places: &Places,
    process: &Process,
) -> Result<String, CommandError> {
    let answerer: Answerer = serde_json::from_str(json)?;
    let mut answer: Map<String, Value> = serde_json::from_str(json)?;
    let caller = Caller::of(places);
    let differences = answerer.daemon.as_ref().map(|daemon| differences(daemon, &caller)).unwrap_or_default();
    answer.insert("caller".to_owned(), serde_json::to_value(caller)?);
    answer.insert("differences".to_owned(), serde_json::to_value(differences)?);
    let told = answer.remove("variables").filter(|_| answerer.daemon.is_some());
    if is_compared {
        let told = told.map(serde_json::from_value::<Option<Vec<Variable>>>).transpose()?.flatten();
        let compared = told.map(|told| with_shell(&told, places, process)).transpose()?;
        answer.insert("comparison".to_owned(), serde_json::to_value(compared)?);
    }
    Ok(serde_json::to_string_pretty(&answer)?)
}

/// Compares by the key of the state directory, which the daemon has used.
fn with_shell(told: &[Variable], places: &Places, process: &Process) -> Result<Vec<Comparison>, CommandError> {
    let key = boot::open_or_create_state(places)?.fingerprint_key().map_err(boot::BootError::State)?;
    let environment = process.environment();
    Ok(compare(told, |name| Variable::of(name, environment.availability(name, &key))))
}

impl Caller {
    fn of(places: &Places) -> Self {
        let shown = |path: &Path| boot::real_path(path).unwrap_or_else(|| path.to_owned()).display().to_string();
        Self {
            home: places.home.as_ref().map(|home| home.display().to_string()),
            state_dir: shown(&places.state_dir),
            config_path: shown(&places.config_path()),
        }
    }
}

/// The places that are other ones for the daemon; links count as what they lead to.
fn differences(daemon: &Daemon, caller: &Caller) -> Vec<Difference> {
    let real = |path: &str| {
        boot::real_path(Path::new(path)).map_or_else(|| path.to_owned(), |path| path.display().to_string())
    };
    let all = [
        ("home", daemon.home.clone(), caller.home.clone()),
        ("state_dir", Some(daemon.state_dir.clone()), Some(caller.state_dir.clone())),
        ("config_path", Some(daemon.config_path.clone()), Some(caller.config_path.clone())),
    ];
    let differ =
        |ours: &Option<String>, theirs: &Option<String>| ours.as_deref().map(real) != theirs.as_deref().map(real);
    let differing = all.into_iter().filter(|(_, daemon, caller)| differ(daemon, caller));
    differing.map(|(what, daemon, caller)| Difference { what: what.to_owned(), daemon, caller }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_another_is_a_difference() {
        let daemon = Daemon {
            pid: 7,
            version: "0.1.0".into(),
            home: Some("/nowhere/a".into()),
            state_dir: "/nowhere/s".into(),
            config_path: "/nowhere/s/creel.json5".into(),
            config_sha256: String::new(),
            started_ms: 0,
        };
        let caller = |home: Option<&str>, state_dir: &str, config_path: &str| Caller {
            home: home.map(str::to_owned),
            state_dir: state_dir.to_owned(),
            config_path: config_path.to_owned(),
        };
        let what = |caller: &Caller| differences(&daemon, caller).into_iter().map(|one| one.what).collect::<Vec<_>>();
        assert_eq!(what(&caller(Some("/nowhere/a"), "/nowhere/s", "/nowhere/s/creel.json5")), [""; 0]);
        assert_eq!(what(&caller(Some("/nowhere/b"), "/nowhere/s", "/nowhere/s/creel.json5")), ["home"]);
        assert_eq!(what(&caller(None, "/nowhere/t", "/nowhere/c")), ["home", "state_dir", "config_path"]);
    }
}
