//! `creel explain …` and `creel models status`: ask the daemon, and where there is none, answer from the files with the
//! very same functions. The answer's exit code is the same either way.

use std::io::Write as _;
use std::path::Path;

use creel_policy::manifest::Input;

use crate::admin::Client;
use crate::answers::{self, AuthAsked, EgressAsked, MediaAsked, NoAnswerError, RouteAsked};
use crate::boot::{self, BootError};
use crate::cli::{ExplainCommand, StatusArgs, UseArg};
use crate::clock;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::places::Places;
use crate::plugins::sha256;
use crate::process::Process;
use crate::render;
use crate::serve;
use crate::views::{Answerer, AuthView, EgressView, FilesRead, MediaView, RouteView, StatusView};

/// A question, and who is to be asked.
enum Question {
    Auth(AuthAsked),
    Media(MediaAsked),
    Route(RouteAsked),
    Egress(EgressAsked),
    Status,
}

/// Answers `creel explain …`.
///
/// # Errors
///
/// [`CommandError`].
pub(crate) fn run(command: &ExplainCommand, places: &Places, process: &Process) -> Result<Exit, CommandError> {
    let (question, wants_json) = match command {
        ExplainCommand::Auth(args) => {
            let question = AuthAsked {
                provider: args.provider.to_string(),
                use_: args.use_.map(|use_| word_of_use(use_).to_owned()),
                profile: args.profile.as_ref().map(ToString::to_string),
                model: args.model(),
            };
            (Question::Auth(question), args.json)
        }
        ExplainCommand::Media(args) => (Question::Media(MediaAsked { reference: args.reference.clone() }), args.json),
        ExplainCommand::Route(args) => {
            let needs: Vec<_> = args.needs.iter().map(|need| word_of_input(*need)).collect();
            (Question::Route(RouteAsked { needs: needs.join(",") }), args.json)
        }
        ExplainCommand::Egress(args) => {
            let (name, method, url) = (args.name.clone(), args.method.clone(), args.url.clone());
            (Question::Egress(EgressAsked { name, method, url }), args.json)
        }
    };
    let json = ask(&question, places, process)?;
    let style = process.style_of_stdout();
    let (exit, text) = match question {
        Question::Auth(_) => {
            let view: AuthView = serde_json::from_str(&json)?;
            (yes_if(view.winner.is_some() || is_bare(&view)), render::auth(&view, style))
        }
        Question::Media(_) => {
            let view: MediaView = serde_json::from_str(&json)?;
            (yes_if(view.verdict == "allowed"), render::media(&view, style))
        }
        Question::Route(_) => {
            let view: RouteView = serde_json::from_str(&json)?;
            (yes_if(view.plan.is_some()), render::route(&view, style))
        }
        Question::Egress(_) => {
            let view: EgressView = serde_json::from_str(&json)?;
            (yes_if(view.verdict == "allowed"), render::egress(&view, style))
        }
        Question::Status => (Exit::Ok, String::new()),
    };
    print(if wants_json { &json } else { &text })?;
    Ok(exit)
}

/// Answers `creel models status`.
///
/// # Errors
///
/// [`CommandError`].
pub(crate) fn status(args: &StatusArgs, places: &Places, process: &Process) -> Result<Exit, CommandError> {
    let json = ask(&Question::Status, places, process)?;
    let view: StatusView = serde_json::from_str(&json)?;
    let text = render::status(&view, process.style_of_stdout());
    print(if args.json { &json } else { &text })?;
    let can_be_called = |state: &str| matches!(state, "ok" | "not-needed");
    let all = view.providers.iter().flat_map(|provider| &provider.uses).all(|one| can_be_called(&one.state));
    Ok(yes_if(all || !args.check))
}

/// Writes an answer to standard output.
///
/// # Errors
///
/// [`CommandError::Output`].
pub(crate) fn print(text: &str) -> Result<(), CommandError> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| match text.ends_with('\n') {
        true => out.flush(),
        false => writeln!(out).and_then(|()| out.flush()),
    });
    written.map_err(CommandError::Output)
}

fn yes_if(yes: bool) -> Exit {
    if yes { Exit::Ok } else { Exit::Refused }
}

/// No credential, and none needed.
fn is_bare(view: &AuthView) -> bool {
    view.failure.is_none() && view.candidates.is_empty()
}

fn ask(question: &Question, places: &Places, process: &Process) -> Result<String, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CommandError::Runtime)?;
    let answered = runtime.block_on(async {
        match Client::connect(&places.state_dir).await? {
            Some(client) => ask_daemon(client, question).await.map(Some),
            None => Ok(None),
        }
    })?;
    if let Some(json) = answered {
        note_other_config(&json, places, process)?;
        return Ok(json);
    }
    note(
        process,
        &format!(
            "no daemon is running in `{}`; this answer is from the files and the environment of this shell",
            places.state_dir.display()
        ),
    );
    from_files(question, places, process)
}

async fn ask_daemon(client: Client, question: &Question) -> Result<String, crate::admin::AdminError> {
    match question {
        Question::Auth(question) => {
            let mut query = vec![("provider", question.provider.as_str())];
            query.extend(question.use_.as_deref().map(|use_| ("for", use_)));
            query.extend(question.profile.as_deref().map(|profile| ("profile", profile)));
            query.extend(question.model.as_deref().map(|model| ("model", model)));
            client.ask("/v1/explain/auth", &query).await
        }
        Question::Media(question) => client.ask("/v1/explain/media", &[("reference", &question.reference)]).await,
        Question::Route(question) => client.ask("/v1/explain/route", &[("needs", &question.needs)]).await,
        Question::Egress(question) => {
            let query = [("name", &*question.name), ("method", &*question.method), ("url", &*question.url)];
            client.ask("/v1/explain/egress", &query).await
        }
        Question::Status => client.ask("/v1/status", &[]).await,
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
    let answerer = Answerer {
        daemon: None,
        files: Some(FilesRead {
            state_dir: places.state_dir.display().to_string(),
            config_path: files.config_path.display().to_string(),
        }),
    };
    if let Question::Media(question) = question {
        let state = state.ok_or_else(|| BootError::NoState { path: places.state_dir.clone() })?;
        let store = creel_store::Store::open(&state)?;
        return answers::media(&store, &answerer, question).map_err(CommandError::from);
    }
    let installed = files.find_plugins(places, process);
    let knowledge = files.know(&installed, process, state.as_ref())?;
    let absent = installed.absent(&serve::wanted(&knowledge));
    let now_ms = clock::now_ms();
    let answer = match question {
        Question::Auth(question) => answers::auth(&knowledge, &answerer, question, now_ms),
        Question::Route(question) => answers::route(&knowledge, &answerer, question),
        Question::Egress(question) => answers::egress(&knowledge, &answerer, question),
        Question::Status | Question::Media(_) => answers::status(&knowledge, &answerer, &absent, now_ms),
    };
    Ok(answer?)
}

/// Tells the operator when the daemon goes by another configuration than the one that was named, or than the one that
/// is there now.
fn note_other_config(json: &str, places: &Places, process: &Process) -> Result<(), CommandError> {
    let answerer: Answerer = serde_json::from_str(json)?;
    let Some(daemon) = answerer.daemon else { return Ok(()) };
    let named = places.config.as_ref().and_then(|path| std::fs::canonicalize(path).ok());
    if named.is_some_and(|named| std::fs::canonicalize(&daemon.config_path).is_ok_and(|used| used != named)) {
        note(process, &format!("the daemon uses `{}`, and answers by that", daemon.config_path));
    }
    let now = boot::read_bounded(Path::new(&daemon.config_path)).map(|text| sha256(text.as_bytes()));
    if now.is_ok_and(|now| now != daemon.config_sha256) {
        note(process, &format!("`{}` has changed since the daemon read it: restart the daemon", daemon.config_path));
    }
    Ok(())
}

fn note(process: &Process, text: &str) {
    let line = render::note(text, process.style_of_stderr());
    // Where standard error is closed there is nobody to tell.
    drop(std::io::stderr().lock().write_all(line.as_bytes()));
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
