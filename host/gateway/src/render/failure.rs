//! Errors as people read them: what failed and why in one line, what is wrong in the files a line each, and what to do.

use std::io;
use std::path::PathBuf;

use creel_policy::problem::Problem;
use creel_store::state::StateError;

use super::{Style, shown};
use crate::boot::BootError;
use crate::compare::Difference;
use crate::error::CommandError;
use crate::import::ImportError;
use crate::places::NoPlace;
use crate::plugins::{Absence, FileRefusal, LockError, PluginVeto};

/// An error with its causes, its problems and its hint.
pub(crate) fn failure(error: &CommandError, style: Style) -> String {
    format!("{} {}", style.red("error:"), reasons(error, style))
}

/// What failed and why, without the word that it is an error.
pub(crate) fn reasons(error: &CommandError, style: Style) -> String {
    let mut text = format!("{}\n", chain(error));
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

/// A place that is another one for the daemon than for this shell.
pub(crate) fn difference(difference: &Difference, style: Style) -> String {
    let what = match difference.what.as_str() {
        "home" => "home directory",
        "state_dir" => "state directory",
        "config_path" => "configuration",
        other => other,
    };
    let place =
        |place: &Option<String>| place.as_ref().map_or_else(|| "not set".to_owned(), |place| format!("`{place}`"));
    let (theirs, ours) = (place(&difference.daemon), place(&difference.caller));
    let said = format!("the daemon's {what} is {theirs}, and that of this shell {ours}");
    format!("{} {}\n", style.red("warning:"), shown(&said))
}

/// Why a plugin cannot be called, and what to do about it, in one line: for the log and for `status`.
pub(crate) fn absence(absence: &Absence) -> String {
    let hint = match absence {
        Absence::NotFound { searched, .. } => {
            format!("build it with `creel plugin build`; it was sought in {}", list(searched))
        }
        Absence::Veto(veto) => match of_veto(veto) {
            Some(hint) => hint,
            None => return shown(&veto.to_string()),
        },
        Absence::Load { .. } => "build it anew with `creel plugin build`".to_owned(),
    };
    shown(&format!("{absence}; {hint}"))
}

fn of_veto(veto: &PluginVeto) -> Option<String> {
    match veto {
        PluginVeto::NotApproved { path, .. } | PluginVeto::Changed { path, .. } => {
            Some(format!("to allow it, run `creel plugin approve {}`", path.display()))
        }
        PluginVeto::LookAlike { .. } => Some("give it a name of its own in its `plugin.toml`".to_owned()),
        PluginVeto::Shadowed { .. } | PluginVeto::Off { .. } => None,
    }
}

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
    paths.join(", ")
}

/// An error and its causes; what a tool said may take several lines.
fn chain(error: &CommandError) -> String {
    let text = creel_engine::chain(error);
    text.lines().map(shown).collect::<Vec<_>>().join("\n")
}

fn problems(error: &CommandError) -> &[Problem] {
    match error {
        CommandError::Boot(BootError::Config(problems) | BootError::Profiles(problems)) => problems,
        CommandError::Boot(BootError::Lock(LockError::Invalid(problem)))
        | CommandError::Lock(LockError::Invalid(problem)) => std::slice::from_ref(problem),
        CommandError::Agents(error) => error.problems(),
        CommandError::Import(ImportError::Source(problems) | ImportError::Result(problems)) => problems,
        _ => &[],
    }
}

/// What to do, where that is known and not plain from the error.
fn hint(error: &CommandError) -> Option<String> {
    match error {
        CommandError::Place(NoPlace::NoHome) => Some("pass `--state-dir`, or set `CREEL_STATE_DIR`".to_owned()),
        CommandError::Boot(error) => of_boot(error),
        CommandError::Lock(error) => of_lock(error),
        CommandError::Build(error) => error.hint(),
        CommandError::Import(error) => error.hint(),
        CommandError::NoDaemon { .. } => Some("start one with `creel serve`; it reads everything then".to_owned()),
        CommandError::NobodyToAsk => Some("pass `--yes`".to_owned()),
        CommandError::Listen { source, .. } => of_listen(source),
        CommandError::NoPlugin { searched, .. } => {
            Some(format!("build it with `creel plugin build`; it was sought in {}", list(searched)))
        }
        CommandError::Component(error) => of_file(error),
        CommandError::LookAlike { .. } => Some("give the plugin a name of its own in its `plugin.toml`".to_owned()),
        CommandError::Vault(error) => super::vault::hint(error),
        CommandError::Agents(error) => error.hint(),
        CommandError::MediaCommand(error) => error.hint(),
        CommandError::NoSecret { .. } => Some("`creel secrets list` shows what is there".to_owned()),
        CommandError::Entry(_)
        | CommandError::Place(NoPlace::Nowhere { .. })
        | CommandError::Older(_)
        | CommandError::Admin(_)
        | CommandError::Log(_)
        | CommandError::Store(_)
        | CommandError::Question(_)
        | CommandError::Media(_)
        | CommandError::Engine(_)
        | CommandError::Start(_)
        | CommandError::Socket(_)
        | CommandError::Signals(_)
        | CommandError::StoppedAtOnce
        | CommandError::Runtime(_)
        | CommandError::NoCurrentDirectory
        | CommandError::Answer(_)
        | CommandError::Output(_)
        | CommandError::Demo(_) => None,
    }
}

fn of_boot(error: &BootError) -> Option<String> {
    match error {
        BootError::NoConfig { path } => Some(format!(
            "write `{}`, e.g. `{{ agents: {{ defaults: {{ model: {{ primary: \"anthropic/claude-haiku-4-5\" }} }} }} }}`",
            path.display()
        )),
        BootError::NoState { .. } => Some("`creel serve` makes it; or name another with `--state-dir`".to_owned()),
        BootError::State(error) => of_state(error),
        BootError::Lock(error) => of_lock(error),
        BootError::ReadConfig { .. } | BootError::Config(_) | BootError::Profiles(_) | BootError::Random(_) => None,
    }
}

fn of_lock(error: &LockError) -> Option<String> {
    match error {
        LockError::State(error) => of_state(error),
        LockError::Invalid(_) | LockError::Format(_) => None,
    }
}

fn of_file(error: &FileRefusal) -> Option<String> {
    match error {
        FileRefusal::WritableByOthers { path, .. } => Some(format!("run `chmod go-w {}`", path.display())),
        FileRefusal::ForeignOwner { path, .. } => {
            Some(format!("copy it, or run `chown $(id -u) {}` as root", path.display()))
        }
        FileRefusal::Read { .. } | FileRefusal::NotFile { .. } | FileRefusal::NotPlugin { .. } => None,
    }
}

fn of_listen(error: &io::Error) -> Option<String> {
    let is_taken = error.kind() == io::ErrorKind::AddrInUse;
    is_taken.then(|| "stop the other program, or pass `--listen` with another port".to_owned())
}

pub(super) fn of_state(error: &StateError) -> Option<String> {
    match error {
        StateError::WritableByOthers { path, .. } => Some(format!("run `chmod go-w {}`", path.display())),
        StateError::Exposed { name, .. } => Some(format!("run `chmod 600` on `{name}` in the state directory")),
        StateError::Locked { .. } => {
            Some("ask it with `creel models status`, or give this one its own `--state-dir`".to_owned())
        }
        StateError::NotAKey { name } => Some(format!("remove `{name}`, and a new one is made; fingerprints change")),
        StateError::Open { .. }
        | StateError::ForeignOwner { .. }
        | StateError::BadName { .. }
        | StateError::Symlink { .. }
        | StateError::WrongKind { .. }
        | StateError::TooLarge { .. }
        | StateError::NotText { .. }
        | StateError::Io { .. } => None,
    }
}
