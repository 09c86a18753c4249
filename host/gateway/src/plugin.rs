//! `creel plugin approve`, `list` and `inspect`: which plugins there are, what they ask for, and the operator's yes.

use std::io::{BufRead as _, Write as _};
use std::path::Path;

use creel_policy::ids::PluginId;
use serde::Serialize;

use crate::admin::Client;
use crate::boot::{self, Files};
use crate::cli::{ApproveArgs, InspectArgs, ListArgs};
use crate::clock;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::explain::print;
use crate::places::Places;
use crate::plugins::{self, ComponentFile, Installed, LockFile, Pin, Standing, is_path};
use crate::process::Process;
use crate::render::{self, Asked};
use crate::views::LoadedView;

/// A plugin in `creel plugin list`.
#[derive(Serialize)]
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) version: Option<String>,
    pub(crate) summary: String,
    /// `shipped`, `approved`, `not-approved`, `changed`, `look-alike`, `shadowed`, `off` or `not-built`.
    pub(crate) standing: &'static str,
    /// Why it may not run.
    pub(crate) reason: Option<String>,
    /// Whether the daemon runs this very component; `None` where there is no daemon.
    pub(crate) running: Option<bool>,
    pub(crate) path: Option<String>,
    pub(crate) sha256: Option<String>,
}

/// Shows every plugin that is found.
///
/// # Errors
///
/// [`CommandError`].
pub(crate) fn list(args: &ListArgs, places: &Places, process: &Process) -> Result<Exit, CommandError> {
    #[derive(Serialize)]
    struct List<'a> {
        plugins: &'a [Listed],
        unusable: Vec<String>,
    }
    let (_, installed) = installed(places, process)?;
    let listed = listed(&installed, running(places)?.as_ref());
    let unusable = installed.unusable.iter().map(|refusal| creel_engine::chain(refusal)).collect();
    if args.json {
        print(&serde_json::to_string_pretty(&List { plugins: &listed, unusable })?)?;
    } else {
        print(&render::plugins(&listed, &unusable, process.style_of_stdout()))?;
    }
    Ok(Exit::Ok)
}

/// Shows what one plugin asks for.
///
/// # Errors
///
/// [`CommandError`].
pub(crate) fn inspect(args: &InspectArgs, places: &Places, process: &Process) -> Result<Exit, CommandError> {
    let (_, installed) = installed(places, process)?;
    let file = component(&args.plugin, installed, process)?;
    let asked = Asked::of(&file);
    if args.json {
        print(&serde_json::to_string_pretty(&asked)?)?;
    } else {
        print(&render::asked(&asked, process.style_of_stdout()))?;
    }
    Ok(Exit::Ok)
}

/// Shows what a plugin asks for and, after a yes, pins it.
///
/// # Errors
///
/// [`CommandError`].
pub(crate) fn approve(args: &ApproveArgs, places: &Places, process: &Process) -> Result<Exit, CommandError> {
    let (files, installed) = installed(places, process)?;
    let file = component(&args.plugin, installed, process)?;
    let id = file.id().clone();
    if plugins::shipped(&id).is_some_and(|text| text == file.manifest_text) {
        print(&format!("plugin `{id}` comes with Creel and needs no approval"))?;
        return Ok(Exit::Ok);
    }
    if let Some(of) = plugins::taken_for(&id, &files.lock) {
        return Err(CommandError::LookAlike { id, of });
    }
    print(&render::asked(&Asked::of(&file), process.style_of_stdout()))?;
    if !args.yes && !is_wanted(&id, process)? {
        print("not approved")?;
        return Ok(Exit::Refused);
    }
    let state = boot::open_or_create_state(places)?;
    // Read again: another approval may have been written while the question stood.
    let mut lock = LockFile::read(&state)?;
    let pin = Pin {
        component_sha256: file.sha256.clone(),
        manifest_sha256: file.manifest_sha256.clone(),
        approved_at: clock::rfc3339(clock::now_ms()),
    };
    lock.plugins.insert(id.clone(), pin);
    lock.write(&state)?;
    print(&format!(
        "approved `{id}`; it runs once the configuration names it; a running daemon is told by `creel reload`"
    ))?;
    let (_, installed) = self::installed(places, process)?;
    let is_found = installed.found.iter().any(|found| found.file.sha256 == file.sha256);
    if !is_found {
        let directory = places.state_dir.join("plugins");
        print(&format!(
            "hint: put the file into `{}`, or name its directory in `plugins.load.paths`",
            directory.display()
        ))?;
    }
    Ok(Exit::Ok)
}

fn installed(places: &Places, process: &Process) -> Result<(Files, Installed), CommandError> {
    let state = boot::open_state(places)?;
    let files = boot::read(places, state.as_ref())?;
    let installed = files.find_plugins(places, process);
    Ok((files, installed))
}

/// The component that is meant: a file, or the one that is found under an id.
fn component(named: &str, installed: Installed, process: &Process) -> Result<ComponentFile, CommandError> {
    if is_path(named) {
        let current = process.current_directory.as_deref().unwrap_or(Path::new(""));
        return Ok(plugins::read(&current.join(named))?);
    }
    let searched = installed.searched;
    let found = installed.found.into_iter().find(|found| found.file.id().as_str() == named);
    match (found, PluginId::parse(named)) {
        (Some(found), _) => Ok(found.file),
        (None, Ok(id)) => Err(CommandError::NoPlugin { id, searched }),
        (None, Err(bad)) => Err(CommandError::Question(bad.into())),
    }
}

fn is_wanted(id: &PluginId, process: &Process) -> Result<bool, CommandError> {
    if !process.stdin_is_terminal {
        return Err(CommandError::NobodyToAsk);
    }
    let mut out = std::io::stderr().lock();
    write!(out, "Approve `{id}`? [y/N] ").and_then(|()| out.flush()).map_err(CommandError::Output)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(CommandError::Output)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// What the daemon runs; `None` where there is no daemon.
fn running(places: &Places) -> Result<Option<LoadedView>, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CommandError::Runtime)?;
    let answered = runtime.block_on(async {
        match Client::connect(&places.state_dir).await? {
            Some(client) => client.ask("/v1/plugins", &[]).await.map(Some),
            None => Ok(None),
        }
    })?;
    Ok(answered.map(|json| serde_json::from_str(&json)).transpose()?)
}

fn listed(installed: &Installed, running: Option<&LoadedView>) -> Vec<Listed> {
    let mut listed: Vec<Listed> = installed
        .found
        .iter()
        .map(|found| {
            let (file, info) = (&found.file, &found.file.manifest.plugin);
            let reason = match &found.standing {
                Standing::Refused(veto) => Some(veto.to_string()),
                Standing::Shipped | Standing::Approved => None,
            };
            let is_running = |loaded: &LoadedView| loaded.plugins.iter().any(|plugin| plugin.sha256 == file.sha256);
            Listed {
                id: info.id.to_string(),
                version: Some(info.version.clone()),
                summary: info.summary.clone(),
                standing: found.standing.word(),
                reason,
                running: running.map(is_running),
                path: Some(file.path.display().to_string()),
                sha256: Some(file.sha256.clone()),
            }
        })
        .collect();
    let missing = installed.manifests().into_values().filter(|manifest| installed.get(&manifest.plugin.id).is_none());
    listed.extend(missing.map(|manifest| Listed {
        id: manifest.plugin.id.to_string(),
        version: Some(manifest.plugin.version),
        summary: manifest.plugin.summary,
        standing: "not-built",
        reason: Some("no component was found".to_owned()),
        running: running.map(|_| false),
        path: None,
        sha256: None,
    }));
    listed.sort_by(|a, b| a.id.cmp(&b.id));
    listed
}
