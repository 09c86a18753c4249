//! `creel secrets audit`: reads what lies in the state directory, asks the daemon or the files whether references
//! resolve, and says what is wrong. What counts as a finding is `creel_policy::audit`'s to say.

use std::path::PathBuf;

use creel_policy::audit::{Code, FileFact, FileKind, Finding, Severity, TextKind, locate, of_files, of_text};
use creel_policy::config::{Config, parse_config};
use creel_policy::import::CONFIG_NAMES;
use creel_policy::limits::CONFIG_BYTES_MAX;
use creel_policy::profiles::{Profiles, parse_profiles};
use creel_store::older::{OlderDir, OlderEntry, OlderError, OlderKind};
use creel_store::state::StateError;
use zeroize::Zeroizing;

use crate::answers::Source;
use crate::boot::{self, BootError, Files, PROFILES_FILE};
use crate::cli::{AuditArgs, SeverityArg};
use crate::clock;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::explain;
use crate::places::{CONFIG_FILE, Places};
use crate::plugins::{Absences, LockError, LockFile};
use crate::process::Process;
use crate::render;
use crate::views::{Answerer, AuditView, FilesRead};

/// A file with its path for people.
struct Text {
    name: String,
    text: Zeroizing<String>,
}

/// What was read.
struct Read {
    config: Option<Text>,
    profiles: Option<Text>,
    findings: Vec<Finding>,
}

/// Answers `creel secrets audit`.
///
/// # Errors
///
/// [`CommandError`], e.g. where the configuration is not valid.
pub(crate) fn run(args: &AuditArgs, places: &Places, process: &Process) -> Result<Exit, CommandError> {
    let read = look(places)?;
    let Read { config: config_text, profiles: profiles_text, mut findings } = read;
    let config_path =
        config_text.as_ref().map_or_else(|| places.config_path().display().to_string(), |text| text.name.clone());
    let config = match &config_text {
        Some(Text { name, text }) => parse_config(name, text).map_err(BootError::Config)?,
        None => Config::default(),
    };
    let profiles = match &profiles_text {
        Some(Text { name, text }) => parse_profiles(name, text, &config.secrets).map_err(BootError::Profiles)?,
        None => Profiles::default(),
    };
    let ids: Vec<_> = profiles.profiles.iter().map(|profile| profile.id.clone()).collect();
    if let Some(Text { name, text }) = &config_text {
        findings.extend(of_text(name, text, TextKind::Config(&ids)));
    }
    if let Some(Text { name, text }) = &profiles_text {
        findings.extend(of_text(name, text, TextKind::Profiles));
    }
    let mut view = match explain::ask_daemon_for("/v1/secrets/audit", places)? {
        Some(json) => {
            explain::note_other_config(&json, places, process)?;
            serde_json::from_str(&json)?
        }
        None => from_files(config, profiles, &config_path, places, process)?,
    };
    for Text { name, text } in [&config_text, &profiles_text].into_iter().flatten() {
        locate(&mut view.findings, name, text);
    }
    view.findings.extend(findings);
    view.findings.sort_by(|one, other| place(one).cmp(&place(other)));
    let exit = if args.check { judged(&view.findings, severity(args.severity_min)) } else { Exit::Ok };
    let text =
        if args.json { serde_json::to_string_pretty(&view)? } else { render::audit(&view, process.style_of_stdout()) };
    explain::print(&text)?;
    Ok(exit)
}

fn place(finding: &Finding) -> (&str, usize, usize, Code) {
    (&finding.file, finding.line, finding.column, finding.code)
}

/// How a check ends: a call that will fail weighs more than a secret that is not kept well.
fn judged(findings: &[Finding], severity_min: Severity) -> Exit {
    let minded: Vec<&Finding> = findings.iter().filter(|finding| finding.severity >= severity_min).collect();
    if minded.iter().any(|finding| finding.code == Code::RefUnresolved) {
        return Exit::Missing;
    }
    if minded.is_empty() { Exit::Ok } else { Exit::Refused }
}

fn severity(argument: SeverityArg) -> Severity {
    match argument {
        SeverityArg::Info => Severity::Info,
        SeverityArg::Warn => Severity::Warn,
        SeverityArg::Error => Severity::Error,
    }
}

/// Where no daemon runs, the same object is made from the files and the environment of this shell.
fn from_files(
    config: Config,
    profiles: Profiles,
    config_path: &str,
    places: &Places,
    process: &Process,
) -> Result<AuditView, CommandError> {
    let whence = "whether references resolve is said by the files and the environment of this shell";
    explain::note(process, &format!("no daemon is running in `{}`; {whence}", places.state_dir.display()));
    // A directory that others can write is a finding, and not used for anything more.
    let state = boot::open_state(places).ok().flatten();
    let lock = match state.as_ref().map(LockFile::read).transpose() {
        Ok(lock) => lock.unwrap_or_default(),
        // Its mode is a finding; what it approves has no say in where secrets are.
        Err(LockError::State(StateError::Exposed { .. })) => LockFile::default(),
        Err(error) => return Err(error.into()),
    };
    let files = Files { config, config_path: PathBuf::from(config_path), config_sha256: None, profiles, lock };
    let installed = files.find_plugins(places, process);
    let knowledge = files.know(&installed, process, state.as_ref())?;
    let read = FilesRead { state_dir: places.state_dir.display().to_string(), config_path: config_path.to_owned() };
    let answerer = Answerer { daemon: None, files: Some(read) };
    let absent = Absences::default();
    let source = Source { knowledge: &knowledge, absent: &absent, answerer: &answerer, now_ms: clock::now_ms() };
    Ok(serde_json::from_str(&source.audit().map_err(CommandError::from)?)?)
}

/// Looks at everything that lies in the state directory, without using it: what is wrong with it is what is sought.
fn look(places: &Places) -> Result<Read, CommandError> {
    let dir = match OlderDir::open_ambient(&places.state_dir) {
        Ok(dir) => Some(dir),
        Err(OlderError::Open { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    let named = match &places.config {
        Some(path) => Some(Text { name: path.display().to_string(), text: Zeroizing::new(boot::read_named(path)?) }),
        None => None,
    };
    let Some(dir) = dir else {
        return match named {
            Some(_) => Ok(Read { config: named, profiles: None, findings: Vec::new() }),
            None => Err(BootError::NoState { path: places.state_dir.clone() }.into()),
        };
    };
    let text = |name: &str| -> Result<Option<Text>, OlderError> {
        let shown = dir.display_path().join(name).display().to_string();
        Ok(dir.read_text(name, CONFIG_BYTES_MAX)?.map(|text| Text { name: shown, text }))
    };
    let config = match named {
        Some(named) => Some(named),
        None => text(CONFIG_FILE)?,
    };
    let profiles = text(PROFILES_FILE)?;
    let holds_plaintext = config.as_ref().is_some_and(|Text { name, text }| {
        let found = of_text(name, text, TextKind::Config(&[]));
        found.iter().any(|finding| finding.code == Code::PlaintextFound)
    });
    let mut findings = of_files(&facts(&dir, holds_plaintext)?, rustix::process::geteuid().as_raw());
    residue(&dir, &mut findings)?;
    Ok(Read { config, profiles, findings })
}

/// Owners and modes of the directory and of what lies directly in it.
fn facts(dir: &OlderDir, holds_plaintext: bool) -> Result<Vec<FileFact>, CommandError> {
    let fact = |entry: &OlderEntry, kind| FileFact {
        name: dir.display_path().join(&entry.name).display().to_string().trim_end_matches('/').to_owned(),
        kind,
        mode: entry.mode,
        owner: entry.owner,
    };
    let mut facts = vec![fact(&dir.own_entry()?, FileKind::Directory)];
    for entry in dir.entries()? {
        let kind = match (entry.kind, entry.name.as_str()) {
            // The socket is as open as its directory.
            (OlderKind::Symlink | OlderKind::Other, _) => continue,
            (OlderKind::File, CONFIG_FILE) if holds_plaintext => FileKind::Secret,
            (OlderKind::File, CONFIG_FILE) => FileKind::Rules,
            (OlderKind::File, name) if holds_secrets(name) => FileKind::Secret,
            (OlderKind::File, "creel.lock" | "imported-media.json") => FileKind::Guarded,
            // Whoever writes a component, a lock file or the database says what Creel does.
            (OlderKind::Directory | OlderKind::File, _) => FileKind::Rules,
        };
        facts.push(fact(&entry, kind));
    }
    Ok(facts)
}

fn holds_secrets(name: &str) -> bool {
    let begins = [CONFIG_FILE, PROFILES_FILE, "vault.", ".env"].iter().any(|begin| name.starts_with(begin));
    begins || name.ends_with(".key") || CONFIG_NAMES.contains(&name)
}

/// Files of the older gateway, and copies of ours, that Creel does not read and that may hold secrets.
fn residue(dir: &OlderDir, findings: &mut Vec<Finding>) -> Result<(), CommandError> {
    const BESIDE: [&str; 4] = [".env", "auth.json", "models.json", "auth-profile.json"];
    const OF_AGENT: [&str; 4] = ["auth-profiles.json", "auth.json", "models.json", ".env"];
    let copies = dir.entries()?.into_iter().map(|entry| entry.name);
    let copies =
        copies.filter(|name| [CONFIG_FILE, PROFILES_FILE].iter().any(|ours| name != ours && name.starts_with(ours)));
    let names = CONFIG_NAMES.iter().chain(&BESIDE).map(|name| (*name).to_owned()).chain(copies);
    for name in names {
        of_unread(dir, &name, findings)?;
    }
    let mut below: Vec<(String, &[&str])> =
        vec![("credentials".to_owned(), &["oauth.json"]), ("agent".to_owned(), &OF_AGENT)];
    if let Ok(Some(agents)) = dir.below("agents") {
        for agent in agents.entries()?.into_iter().filter(|agent| agent.kind == OlderKind::Directory) {
            below.push((format!("agents/{}", agent.name), &OF_AGENT));
            below.push((format!("agents/{}/agent", agent.name), &OF_AGENT));
        }
    }
    for (path, names) in below {
        // What lies behind a link is not ours.
        let Ok(Some(dir)) = dir.below(&path) else { continue };
        for name in names {
            of_unread(&dir, name, findings)?;
        }
    }
    Ok(())
}

fn of_unread(dir: &OlderDir, name: &str, findings: &mut Vec<Finding>) -> Result<(), CommandError> {
    match dir.read_text(name, CONFIG_BYTES_MAX) {
        Ok(Some(text)) => {
            let shown = dir.display_path().join(name).display().to_string();
            findings.extend(of_text(&shown, &text, TextKind::Unread));
            Ok(())
        }
        // Nobody reads it, so nothing is lost where it is no text.
        Ok(None)
        | Err(
            OlderError::Symlink { .. }
            | OlderError::WrongKind { .. }
            | OlderError::NotText { .. }
            | OlderError::TooLarge { .. },
        ) => Ok(()),
        Err(error @ (OlderError::Open { .. } | OlderError::Io { .. })) => Err(error.into()),
    }
}
