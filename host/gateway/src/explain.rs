//! `creel explain …` and `creel models status`: ask the daemon, and where there is none, answer from the files with the
//! very same functions. The answer's exit code is the same either way.

use std::io::Write as _;
use std::path::Path;

use creel_policy::manifest::Input;
use creel_store::Store;
use serde::Deserialize;

use crate::admin::{AdminError, Client};
use crate::answers::{self, AuthAsked, EgressAsked, MediaAsked, NoAnswerError, RouteAsked, Source};
use crate::boot::{self, BootError};
use crate::cli::{ExplainAuthArgs, ExplainCommand, StatusArgs, UseArg};
use crate::clock;
use crate::compare::{self, Difference};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::places::Places;
use crate::plugins::sha256;
use crate::probe;
use crate::process::Process;
use crate::render::{self, Style};
use crate::views::{Answerer, AuthView, EgressView, FilesRead, MediaView, ProbeView, RouteView, StatusView, UseView};

/// What is asked.
enum Question {
    Auth(AuthAsked),
    Media(MediaAsked),
    Route(RouteAsked),
    Egress(EgressAsked),
    Status { is_check: bool, is_probe: bool },
}

/// How an answer is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Prose,
}

/// Answers `creel explain …`.
///
/// # Errors
///
/// [`CommandError`].
pub(crate) fn run(command: &ExplainCommand, places: &Places, process: &Process) -> Result<Exit, CommandError> {
    let (question, is_json) = match command {
        ExplainCommand::Auth(args) => (Question::Auth(auth_asked(args)), args.json),
        ExplainCommand::Media(args) => {
            let (reference, session) = (args.reference.clone(), args.session.clone());
            (Question::Media(MediaAsked { reference, session }), args.json)
        }
        ExplainCommand::Route(args) => {
            let needs: Vec<_> = args.needs.iter().map(|need| word_of_input(*need)).collect();
            let (needs, model) = (needs.join(","), args.model.clone());
            (Question::Route(RouteAsked { needs, model, tokens: args.tokens }), args.json)
        }
        ExplainCommand::Egress(args) => {
            let (name, method, url) = (args.name.clone(), args.method.clone(), args.url.clone());
            (Question::Egress(EgressAsked { name, method, url }), args.json)
        }
    };
    answer(&question, form(is_json), places, process)
}

/// Answers `creel models status`.
///
/// # Errors
///
/// [`CommandError`].
pub(crate) fn status(args: &StatusArgs, places: &Places, process: &Process) -> Result<Exit, CommandError> {
    answer(&Question::Status { is_check: args.check, is_probe: args.probe }, form(args.json), places, process)
}

/// Writes an answer to standard output.
///
/// # Errors
///
/// [`CommandError::Output`].
pub(crate) fn print(text: &str) -> Result<(), CommandError> {
    let mut out = std::io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    write!(out, "{text}{end}").and_then(|()| out.flush()).map_err(CommandError::Output)
}

fn answer(question: &Question, form: Form, places: &Places, process: &Process) -> Result<Exit, CommandError> {
    let json = match ask_daemon(question, places)? {
        Some(json) => {
            note_other_config(&json, places, process)?;
            json
        }
        None => {
            let json = from_files(question, places, process)?;
            let state_dir = places.state_dir.display();
            let whence = "this answer is from the files and the environment of this shell";
            let calls = match question {
                Question::Status { is_probe: true, .. } => ", and the calls were made by this program",
                Question::Auth(AuthAsked { variables: true, .. }) => ", so that there is nothing to compare it with",
                _ => "",
            };
            note(process, &format!("no daemon is running in `{state_dir}`; {whence}{calls}"));
            json
        }
    };
    let json = match question {
        Question::Auth(asked) => compare::annotate(&json, asked.variables, places, process)?,
        Question::Status { .. } => compare::annotate(&json, false, places, process)?,
        Question::Media(_) | Question::Route(_) | Question::Egress(_) => json,
    };
    warn_of_differences(&json, places, process)?;
    let (exit, prose) = read(question, &json, process.style_of_stdout())?;
    print(match form {
        Form::Json => &json,
        Form::Prose => &prose,
    })?;
    Ok(exit)
}

/// Reads an answer: what the program ends with, and what people are told.
fn read(question: &Question, json: &str, style: Style) -> Result<(Exit, String), serde_json::Error> {
    Ok(match question {
        Question::Auth(_) => {
            let view: AuthView = serde_json::from_str(json)?;
            // A plugin that declares no credential needs none.
            (yes_if(view.winner.is_some() || view.failure.is_none()), render::auth(&view, style))
        }
        Question::Media(_) => {
            let view: MediaView = serde_json::from_str(json)?;
            (yes_if(view.verdict == "allowed"), render::media(&view, style))
        }
        Question::Route(_) => {
            let view: RouteView = serde_json::from_str(json)?;
            (yes_if(view.plan.is_some()), render::route(&view, style))
        }
        Question::Egress(_) => {
            let view: EgressView = serde_json::from_str(json)?;
            (yes_if(view.verdict == "allowed"), render::egress(&view, style))
        }
        Question::Status { is_check, .. } => {
            let view: StatusView = serde_json::from_str(json)?;
            let mut uses = view.providers.iter().flat_map(|provider| &provider.uses);
            let is_good = |probe: &ProbeView| probe.status.is_good();
            let can_be_called = |one: &UseView| matches!(one.state.as_str(), "ok" | "not-needed");
            let can_all_be_called = uses.all(|one| can_be_called(one) && one.probe.as_ref().is_none_or(is_good));
            (yes_if(can_all_be_called || !is_check), render::status(&view, style))
        }
    })
}

/// Asks the daemon of the state directory; `None` where none is running.
fn ask_daemon(question: &Question, places: &Places) -> Result<Option<String>, CommandError> {
    asked_by(places, async |client| exchange(client, question).await)
}

/// Asks the daemon a question that has a path and nothing more.
pub(crate) fn ask_daemon_for(path: &str, places: &Places) -> Result<Option<String>, CommandError> {
    asked_by(places, async |client| client.ask(path, &[]).await)
}

fn asked_by(
    places: &Places,
    ask: impl AsyncFnOnce(Client) -> Result<String, AdminError>,
) -> Result<Option<String>, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CommandError::Runtime)?;
    let asked = async {
        match Client::connect(&places.state_dir).await? {
            Some(client) => ask(client).await.map(Some),
            None => Ok(None),
        }
    };
    runtime.block_on(asked).map_err(CommandError::from)
}

async fn exchange(client: Client, question: &Question) -> Result<String, AdminError> {
    match question {
        Question::Auth(asked) => {
            let mut query = vec![("provider", asked.provider.as_str())];
            query.extend(asked.use_.as_deref().map(|use_| ("for", use_)));
            query.extend(asked.profile.as_deref().map(|profile| ("profile", profile)));
            query.extend(asked.model.as_deref().map(|model| ("model", model)));
            query.extend(asked.variables.then_some(("variables", "true")));
            client.ask("/v1/explain/auth", &query).await
        }
        Question::Media(asked) => {
            let mut query = vec![("reference", asked.reference.as_str())];
            query.extend(asked.session.as_deref().map(|session| ("session", session)));
            client.ask("/v1/explain/media", &query).await
        }
        Question::Route(asked) => {
            let tokens = asked.tokens.to_string();
            let mut query = vec![("needs", asked.needs.as_str()), ("tokens", tokens.as_str())];
            query.extend(asked.model.as_deref().map(|model| ("model", model)));
            client.ask("/v1/explain/route", &query).await
        }
        Question::Egress(asked) => {
            let query = [("name", &*asked.name), ("method", &*asked.method), ("url", &*asked.url)];
            client.ask("/v1/explain/egress", &query).await
        }
        Question::Status { is_probe: false, .. } => client.ask("/v1/status", &[]).await,
        Question::Status { is_probe: true, .. } => client.tell("/v1/probe").await,
    }
}

fn from_files(question: &Question, places: &Places, process: &Process) -> Result<String, CommandError> {
    let state = boot::open_state(places)?;
    let files = boot::read(places, state.as_ref())?;
    if files.config_sha256.is_none() {
        note(process, &format!("there is no configuration `{}`", files.config_path.display()));
    }
    for problem in &files.profiles.problems {
        note(process, &problem.to_string());
    }
    let read = FilesRead {
        state_dir: places.state_dir.display().to_string(),
        config_path: files.config_path.display().to_string(),
    };
    let answerer = Answerer { daemon: None, files: Some(read) };
    if matches!(question, Question::Status { is_probe: true, .. }) {
        return probe::from_files(files, state.as_ref(), &answerer, places, process);
    }
    if let Question::Media(asked) = question {
        let state = state.as_ref().ok_or_else(|| BootError::NoState { path: places.state_dir.clone() })?;
        return Ok(answers::media((&Store::open(state)?, &files.config), &answerer, asked)?);
    }
    let by_source = |ask: &dyn Fn(Source<'_>) -> Result<String, NoAnswerError>| {
        let installed = files.find_plugins(places, process);
        let knowledge = files.know(&installed, process, state.as_ref())?;
        let knowledge = boot::remembering(knowledge, places, state.as_ref())?;
        let absent = installed.absent(&knowledge);
        let source = Source { knowledge: &knowledge, absent: &absent, answerer: &answerer, now_ms: clock::now_ms() };
        ask(source).map_err(CommandError::from)
    };
    match question {
        Question::Auth(asked) => by_source(&|source| source.auth(asked)),
        Question::Route(asked) => by_source(&|source| source.route(asked)),
        Question::Egress(asked) => by_source(&|source| source.egress(asked)),
        Question::Status { .. } | Question::Media(_) => by_source(&|source| source.status()),
    }
}

/// Tells the operator when the daemon goes by another configuration than the one that was named, or than the one that
/// is there now.
pub(crate) fn note_other_config(json: &str, places: &Places, process: &Process) -> Result<(), CommandError> {
    let answerer: Answerer = serde_json::from_str(json)?;
    let Some(daemon) = answerer.daemon else { return Ok(()) };
    let named = places.config.as_ref().and_then(|path| boot::real_path(path));
    if named.is_some_and(|named| boot::real_path(Path::new(&daemon.config_path)).is_some_and(|used| used != named)) {
        note(process, &format!("the daemon uses `{}`, and answers by that", daemon.config_path));
    }
    let now = boot::read_bounded(Path::new(&daemon.config_path)).map(|text| sha256(text.as_bytes()));
    if now.is_ok_and(|now| now != daemon.config_sha256) {
        note(process, &format!("`{}` has changed since the daemon read it: run `creel reload`", daemon.config_path));
    }
    Ok(())
}

/// Tells the operator where the daemon looks, if it is somewhere else than this shell would look.
fn warn_of_differences(json: &str, places: &Places, process: &Process) -> Result<(), CommandError> {
    #[derive(Default, Deserialize)]
    struct Differing {
        #[serde(default)]
        differences: Vec<Difference>,
    }
    let Differing { differences } = serde_json::from_str(json)?;
    // A configuration that was named is noted already.
    let is_new = |one: &&Difference| one.what != "config_path" || places.config.is_none();
    for difference in differences.iter().filter(is_new) {
        let line = render::difference(difference, process.style_of_stderr());
        // Where standard error is closed there is nobody to tell.
        drop(std::io::stderr().lock().write_all(line.as_bytes()));
    }
    Ok(())
}

/// Tells the operator something on standard error.
pub(crate) fn note(process: &Process, text: &str) {
    let line = render::note(text, process.style_of_stderr());
    // Where standard error is closed there is nobody to tell.
    drop(std::io::stderr().lock().write_all(line.as_bytes()));
}

fn form(is_json: bool) -> Form {
    if is_json { Form::Json } else { Form::Prose }
}

fn yes_if(yes: bool) -> Exit {
    if yes { Exit::Ok } else { Exit::Refused }
}

fn auth_asked(args: &ExplainAuthArgs) -> AuthAsked {
    AuthAsked {
        provider: args.provider.to_string(),
        use_: args.use_.map(|use_| word_of_use(use_).to_owned()),
        profile: args.profile.as_ref().map(ToString::to_string),
        model: args.model(),
        variables: args.compare_shell,
    }
}

fn word_of_use(use_: UseArg) -> &'static str {
    match use_ {
        UseArg::Chat => "chat",
        UseArg::Image => "image",
        UseArg::Audio => "audio",
        UseArg::Tool => "tool",
    }
}

fn word_of_input(input: Input) -> &'static str {
    match input {
        Input::Text => "text",
        Input::Image => "image",
        Input::Audio => "audio",
        Input::Video => "video",
        Input::Document => "document",
    }
}

impl From<NoAnswerError> for CommandError {
    fn from(error: NoAnswerError) -> Self {
        match error {
            NoAnswerError::Question(bad) => Self::Question(bad),
            NoAnswerError::Media(error) => Self::Media(error),
            NoAnswerError::Write(error) => Self::Answer(error),
        }
    }
}
