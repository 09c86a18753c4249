//! `creel demo`: the whole chain on one machine. A real host with the real plugins, in front of strict stand-ins of
//! Ollama, Anthropic and the Signal daemon; real pictures go in, and what comes back over Signal is printed.

mod narrator;
mod scene;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use creel_fakes::pictures;
use creel_runtime::{Host, Knowledge, Observer, Setup};
use creel_store::Store;
use creel_store::secrets::{Environment, Places as SecretPlaces};
use creel_store::state::StateRoot;
use serde_json::json;

use crate::boot;
use crate::cli::DemoArgs;
use crate::component_build;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::places::{CONFIG_FILE, Places};
use crate::process::Process;
use crate::serve;

use narrator::{Delivered, Narrator};
use scene::{Asked, Picture, Scene};

/// The one key that the stand-in of Anthropic accepts, and a token beside it that must never be sent.
const KEY: &str = "sk-ant-api03-the-one-right-key-of-the-demo";
const STALE_TOKEN: &str = "sk-ant-oat01-a-stale-token-that-must-not-be-sent";
/// Where the real key is.
const KEY_VARIABLE: &str = "ANTHROPIC_API_KEY";
/// How long the reply may take; the real API takes seconds.
const PATIENCE: Duration = Duration::from_secs(180);
/// Bytes of a picture of the user's own: what the stand-in of Anthropic takes in one picture.
const IMAGE_BYTES_MAX: u64 = 3_750_000;

/// Why the demo did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// A stand-in could not be started or used.
    #[error("the stand-in of {what} failed")]
    StandIn {
        /// Which.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The user's picture.
    #[error("could not read the picture `{path}`")]
    Image {
        /// Where.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The user's picture is none, or too large.
    #[error("`{path}` {reason}")]
    NotAPicture {
        /// Where.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A directory for the demo.
    #[error("could not make a directory for the demo")]
    Directory(#[source] std::io::Error),
    /// `--anthropic-live` without a key.
    #[error("`--anthropic-live` needs a key in `{KEY_VARIABLE}`")]
    NoKey,
    /// No reply.
    #[error("no reply came within {} s", PATIENCE.as_secs())]
    NoReply,
    /// A reply that could not be delivered.
    #[error("the reply could not be delivered: {reason}")]
    NotDelivered {
        /// Why.
        reason: String,
    },
    /// A reply that does not prove that the pictures arrived.
    #[error("the reply does not name the SHA-256 of every picture: {reply}")]
    NotProven {
        /// What came back.
        reply: String,
    },
    /// A stand-in refused a request.
    #[error("the stand-in of {what} refused a request: {reason}")]
    Strict {
        /// Which.
        what: &'static str,
        /// What it found wrong.
        reason: String,
    },
}

/// Runs the demo.
///
/// # Errors
///
/// [`CommandError`] unless the reply was delivered, and, with the stand-in, proves that every picture arrived whole.
pub(crate) fn run(args: &DemoArgs, process: &Process) -> Result<Exit, CommandError> {
    let sent = match &args.image {
        Some(path) => vec![own_picture(path)?],
        None => scene::own_pictures(),
    };
    let key = match (args.anthropic_live, process.variable(KEY_VARIABLE)) {
        (false, _) => None,
        (true, Some(key)) => Some(key.to_owned()),
        (true, None) => return Err(DemoError::NoKey.into()),
    };
    let components = component_build::shipped(process)?;
    crate::runtime()?.block_on(play(Play { args, process, sent, live_key: key, components }))
}

struct Play<'a> {
    args: &'a DemoArgs,
    process: &'a Process,
    sent: Vec<Picture>,
    live_key: Option<std::ffi::OsString>,
    components: Option<std::path::PathBuf>,
}

async fn play(play: Play<'_>) -> Result<Exit, CommandError> {
    let home = tempfile::tempdir().map_err(DemoError::Directory)?;
    let attachments = home.path().join("signal-cli/attachments");
    std::fs::create_dir_all(&attachments).map_err(DemoError::Directory)?;
    let accepted = play.live_key.is_none().then_some(KEY);
    let scene = Scene::start(accepted, &attachments).await?;
    let narrator = Arc::new(Narrator::new(play.args.json));
    let host = start(&play, &scene, &narrator, home.path()).await?;

    introduce(&narrator, &scene, &play.sent);
    scene.send(&play.sent)?;
    let ended = tokio::time::timeout(PATIENCE, narrator.ended()).await;
    host.shutdown().await;
    let verdict = match ended {
        Err(_) | Ok(None) => Err(DemoError::NoReply),
        Ok(Some(Delivered::No { reason })) => Err(DemoError::NotDelivered { reason }),
        Ok(Some(Delivered::Yes)) => proven(&scene, &play.sent).await,
    };
    verdict?;
    Ok(Exit::Ok)
}

/// Writes what an operator would write and starts a host on it, as `creel serve` does.
async fn start(play: &Play<'_>, scene: &Scene, narrator: &Arc<Narrator>, home: &Path) -> Result<Host, CommandError> {
    let attachments = home.join("signal-cli/attachments");
    let places = Places {
        state_dir: home.join("state"),
        state_dir_said_by: "the demo",
        config: None,
        home: Some(home.to_owned()),
    };
    let state = boot::open_or_create_state(&places)?;
    let config = scene.config(&attachments, play.components.as_deref());
    write(&state, CONFIG_FILE, &config)?;
    write(&state, boot::PROFILES_FILE, scene::PROFILES)?;
    let files = boot::read(&places, Some(&state))?;
    let mut installed = files.find_plugins(&places, play.process);
    let environment = match &play.live_key {
        Some(key) => Environment::of([(KEY_VARIABLE.into(), key.clone())]),
        // A stale token lies beside the key, as in the story that Creel was made for.
        None => {
            Environment::of([(KEY_VARIABLE.into(), KEY.into()), ("ANTHROPIC_OAUTH_TOKEN".into(), STALE_TOKEN.into())])
        }
    };
    let fingerprint_key = state.fingerprint_key().map_err(boot::BootError::State)?;
    let secret_places =
        SecretPlaces { environment: &environment, key: &fingerprint_key, state: Some(&state), home: None };
    let knowledge = Knowledge::gather(files.config, files.profiles, installed.manifests(), &secret_places);
    let engine = serve::engine(&state)?;
    let plugins = serve::load_plugins(&engine, &knowledge, &mut installed, play.process).plugins;
    let store = Store::open(&state)?;
    let observer = Arc::clone(narrator) as Arc<dyn Observer>;
    Ok(Host::start(Setup { knowledge, plugins, store, clock: play.process.clock(), observer }).await?)
}

fn write(state: &StateRoot, name: &str, text: &str) -> Result<(), CommandError> {
    state.write_private(name, text.as_bytes()).map_err(|error| boot::BootError::State(error).into())
}

/// Says who stands in for whom, and what is sent.
fn introduce(narrator: &Narrator, scene: &Scene, sent: &[Picture]) {
    let anthropic = match &scene.anthropic {
        Asked::Fake(fake) => format!("{} (a strict stand-in)", fake.base_url()),
        Asked::Live => "https://api.anthropic.com (the real one)".to_owned(),
    };
    let (ollama, signal) = (scene.ollama.base_url(), scene.signal.base_url());
    let fields = json!({ "anthropic": anthropic, "ollama": ollama, "signal": signal });
    narrator.tell(
        "scene",
        &fields,
        &[
            format!("Anthropic     {anthropic}"),
            format!("Ollama        {ollama} (a strict stand-in; its model reads text only)"),
            format!("Signal daemon {signal} (a strict stand-in)"),
        ],
    );
    let described: Vec<_> = sent.iter().map(|picture| (picture, pictures::sha256_hex(&picture.bytes))).collect();
    let list: Vec<_> = described
        .iter()
        .map(|(picture, sha256)| json!({ "name": picture.name, "bytes": picture.bytes.len(), "sha256": sha256 }))
        .collect();
    let lines: Vec<String> = described
        .iter()
        .map(|(picture, sha256)| format!("{} ({} bytes), sha256 {sha256}", picture.name, picture.bytes.len()))
        .collect();
    narrator.tell("sent", &json!({ "pictures": list }), &lines);
}

/// With the stand-in of Anthropic: the reply that Signal got names every picture that was sent, and nobody had
/// anything to complain about.
async fn proven(scene: &Scene, sent: &[Picture]) -> Result<(), DemoError> {
    let reply = scene.reply().await.map_err(|_| DemoError::NoReply)?;
    let Asked::Fake(anthropic) = &scene.anthropic else { return Ok(()) };
    let refusals =
        [("Anthropic", anthropic.refusals()), ("Ollama", scene.ollama.refusals()), ("Signal", scene.signal.refusals())];
    for (what, refusals) in refusals {
        if let Some(refusal) = refusals.first() {
            return Err(DemoError::Strict { what, reason: refusal.reason.clone() });
        }
    }
    let is_named = |picture: &Picture| reply.contains(&pictures::sha256_hex(&picture.bytes));
    if sent.iter().all(is_named) { Ok(()) } else { Err(DemoError::NotProven { reply }) }
}

fn own_picture(path: &Path) -> Result<Picture, DemoError> {
    use std::io::Read as _;
    let shown = path.display().to_string();
    let failed = |source| DemoError::Image { path: shown.clone(), source };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(IMAGE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > IMAGE_BYTES_MAX {
        let reason = format!("is larger than {IMAGE_BYTES_MAX} bytes, the most that Anthropic takes of one picture");
        return Err(DemoError::NotAPicture { path: shown, reason });
    }
    if pictures::media_type(&bytes).is_none() {
        let reason = "is not a JPEG, PNG, GIF or WebP picture".to_owned();
        return Err(DemoError::NotAPicture { path: shown, reason });
    }
    let name = path.file_name().map_or_else(|| "picture".into(), |name| name.to_string_lossy().into_owned());
    Ok(Picture { name, bytes })
}
