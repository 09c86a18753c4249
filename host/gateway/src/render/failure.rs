//! Errors as people read them: what failed and why in one line, what is wrong in the files a line each, and what to do.

use creel_policy::problem::Problem;
use creel_store::state::StateError;

use super::{Style, shown};
use crate::boot::BootError;
use crate::error::CommandError;
use crate::places::NoPlace;
use crate::plugins::{FileRefusal, LockError};

/// An error with its causes, its problems and its hint.
pub(crate) fn failure(error: &CommandError, style: Style) -> String {
    let mut text = format!("{} {}\n", style.red("error:"), chain(error));
    for problem in problems(error) {
        text.push_str(&format!("{}\n", shown(&problem.to_string())));
        if let Some(hint) = &problem.hint {
            text.push_str(&format!("  {} {}\n", style.bold("hint:"), shown(hint)));
        }
    }
    if let Some(hint) = hint(error) {
        text.push_str(&format!("{} {hint}\n", style.bold("hint:")));
    }
    text
}

/// Something that is good to know.
pub(crate) fn note(text: &str, style: Style) -> String {
    format!("{} {}\n", style.bold("note:"), shown(text))
}

/// An error and its causes; what a tool said may take several lines.
fn chain(error: &CommandError) -> String {
    let text = creel_engine::chain(error);
    text.lines().map(shown).collect::<Vec<_>>().join("\n")
}

fn problems(error: &CommandError) -> Vec<&Problem> {
    match error {
        CommandError::Boot(BootError::Config(problems) | BootError::Profiles(problems)) => problems.iter().collect(),
        CommandError::Boot(BootError::Lock(LockError::Invalid(problem)))
        | CommandError::Lock(LockError::Invalid(problem)) => vec![problem],
        _ => Vec::new(),
    }
}

/// What to do, where that is known and not plain from the error.
fn hint(error: &CommandError) -> Option<String> {
    match error {
        CommandError::Place(NoPlace::NoHome) => Some("pass `--state-dir`, or set `CREEL_STATE_DIR`".to_owned()),
        CommandError::Boot(BootError::NoConfig { path }) => Some(format!(
            "write `{}`, e.g. `{{ agents: {{ defaults: {{ model: {{ primary: \"anthropic/claude-haiku-4-5\" }} }} }} }}`",
            path.display()
        )),
        CommandError::Boot(BootError::NoState { .. }) => {
            Some("`creel serve` makes it; or name another with `--state-dir`".to_owned())
        }
        CommandError::Boot(BootError::State(error)) => of_state(error),
        CommandError::Build(error) => error.hint(),
        CommandError::NobodyToAsk => Some("pass `--yes`".to_owned()),
        CommandError::Listen { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
            Some("stop the other program, or pass `--listen` with another port".to_owned())
        }
        CommandError::NoPlugin { searched, .. } => {
            let searched: Vec<String> = searched.iter().map(|path| format!("`{}`", path.display())).collect();
            Some(format!("looked in {}; build it with `creel plugin build`", searched.join(", ")))
        }
        CommandError::Component(FileRefusal::WritableByOthers { path, .. }) => {
            Some(format!("run `chmod go-w {}`", path.display()))
        }
        CommandError::LookAlike { .. } => Some("give the plugin a name of its own in its `plugin.toml`".to_owned()),
        _ => None,
    }
}

fn of_state(error: &StateError) -> Option<String> {
    match error {
        StateError::WritableByOthers { path, .. } => Some(format!("run `chmod go-w {}`", path.display())),
        StateError::Exposed { name, .. } => Some(format!("run `chmod 600` on `{name}` in the state directory")),
        StateError::Locked { .. } => {
            Some("ask it with `creel models status`, or give this one its own `--state-dir`".to_owned())
        }
        _ => None,
    }
}
