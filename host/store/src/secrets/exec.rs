//! Secrets of commands: the command is looked at, asked once for all that is wanted of it, and its answer taken apart.
//! How a program is run is not known here.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use creel_policy::config::ExecProvider;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::file::is_ours;
use super::text::Found;
use super::{Answer, Places};
use crate::command::{Bounds, Call, Unanswered, run};
use crate::limits::cut;

/// The one version of the protocol.
const PROTOCOL: u64 = 1;
/// Bytes of what a command says about an id that it cannot give.
const SAID_BYTES_MAX: usize = 200;

/// What a command reads.
#[derive(Serialize)]
struct Question<'a> {
    #[serde(rename = "protocolVersion")]
    protocol_version: u64,
    provider: &'a str,
    ids: &'a [&'a str],
}

/// What it writes.
#[derive(Deserialize)]
struct Reply {
    #[serde(rename = "protocolVersion")]
    protocol_version: Option<serde_json::Number>,
    #[serde(default)]
    values: BTreeMap<String, Found>,
    #[serde(default)]
    errors: BTreeMap<String, Said>,
}

/// Why it gives no value.
#[derive(Deserialize)]
struct Said {
    message: Option<String>,
    code: Option<String>,
}

/// Asks the command once and answers each id.
pub(super) fn ask(
    alias: &str,
    provider: &ExecProvider,
    ids: &[&str],
    places: &Places<'_>,
    batch_bytes_max: u64,
) -> Vec<Answer> {
    let answered = answer(alias, provider, ids, places, batch_bytes_max);
    answered.unwrap_or_else(|why| {
        let why = format!("Exec provider \"{alias}\" {why}");
        ids.iter().map(|_| Answer::Refused(why.clone())).collect()
    })
}

fn answer(
    alias: &str,
    provider: &ExecProvider,
    ids: &[&str],
    places: &Places<'_>,
    batch_bytes_max: u64,
) -> Result<Vec<Answer>, String> {
    let question = Question { protocol_version: PROTOCOL, provider: alias, ids };
    let question = serde_json::to_vec(&question).map_err(|_| "cannot be asked".to_owned())?;
    if question.len() as u64 > batch_bytes_max {
        return Err(format!("would be asked with more than {batch_bytes_max} bytes (`maxBatchBytes`)"));
    }
    let command = vetted(provider, places)?;
    let arguments: Vec<&OsStr> = provider.args.iter().map(OsStr::new).collect();
    let bounds = Bounds {
        time: Duration::from_millis(provider.timeout_ms),
        silence: Duration::from_millis(provider.no_output_timeout_ms),
        output_bytes_max: provider.output_bytes_max,
    };
    let (variables, input) = (variables(provider, places), Zeroizing::new(question));
    let output = run(Call { program: &command, arguments: &arguments, variables, input, bounds });
    let output = output.map_err(|why| unanswered(&why, provider))?;
    read(alias, provider, ids, &output)
}

fn unanswered(why: &Unanswered, provider: &ExecProvider) -> String {
    match why {
        Unanswered::Start(error) => format!("cannot be started: {}", error.kind()),
        Unanswered::Wait(error) => format!("cannot be waited for: {}", error.kind()),
        Unanswered::TimedOut => format!("timed out after {} ms", provider.timeout_ms),
        Unanswered::Silent => format!("produced no output for {} ms", provider.no_output_timeout_ms),
        Unanswered::TooMuch => format!("output exceeded {} bytes", provider.output_bytes_max),
        // What it said on standard error may be anything, and is not shown.
        Unanswered::Failed { status, .. } => format!("failed: {status}"),
    }
}

/// Only what the operator named: a command does not see the daemon's other secrets.
fn variables(provider: &ExecProvider, places: &Places<'_>) -> Vec<(OsString, Zeroizing<Vec<u8>>)> {
    let passed = provider.pass_env.iter().filter_map(|name| {
        let value = places.environment.get(name)?;
        Some((OsString::from(name), Zeroizing::new(value.to_vec())))
    });
    let given = provider
        .env
        .iter()
        .map(|(name, value)| (OsString::from(name), Zeroizing::new(value.expose_secret().as_bytes().to_vec())));
    passed.chain(given).collect()
}

fn read(alias: &str, provider: &ExecProvider, ids: &[&str], output: &[u8]) -> Result<Vec<Answer>, String> {
    let text =
        Zeroizing::new(std::str::from_utf8(output).map_err(|_| "returned what is not UTF-8".to_owned())?.to_owned());
    if text.trim().is_empty() {
        return Err("returned empty output".to_owned());
    }
    let is_protocol = || {
        let keys: Result<BTreeMap<String, serde::de::IgnoredAny>, _> = serde_json::from_str(&text);
        keys.is_ok_and(|keys| keys.contains_key("protocolVersion"))
    };
    if !provider.json_only && ids.len() == 1 && !is_protocol() {
        // B5: the value as it is, or as a JSON string.
        return Ok(vec![match serde_json::from_str(&text) {
            Ok(Found::Text(value)) => Answer::Value(value),
            Ok(Found::NotText | Found::Nothing) | Err(_) => Answer::Value(Zeroizing::new(text.trim().to_owned())),
        }]);
    }
    if serde_json::from_str::<serde::de::IgnoredAny>(&text).is_err() {
        return Err("returned invalid JSON".to_owned());
    }
    let reply: Reply = serde_json::from_str(&text).map_err(|_| "returned JSON of another form".to_owned())?;
    if reply.protocol_version.as_ref().and_then(serde_json::Number::as_u64) != Some(PROTOCOL) {
        return Err("protocolVersion must be 1".to_owned());
    }
    Ok(take(alias, ids, reply))
}

fn take(alias: &str, ids: &[&str], mut reply: Reply) -> Vec<Answer> {
    let about = |what: String| Answer::Refused(format!("Exec provider \"{alias}\" {what}"));
    // All of them first: what is said about one may hold another.
    let refusals: Vec<Option<Answer>> = ids
        .iter()
        .map(|id| {
            let said = reply.errors.get(*id)?;
            if said.code.as_deref() == Some("SECRET_REF_NOT_FOUND") {
                return Some(Answer::not_found("not known to the command"));
            }
            Some(about(format!("failed for id \"{id}\"{}", why(said, &reply.values))))
        })
        .collect();
    let answer = |(id, refusal): (&&str, Option<Answer>)| {
        refusal.unwrap_or_else(|| match reply.values.remove(*id) {
            Some(Found::Text(value)) => Answer::Value(value),
            Some(Found::NotText) => about(format!("response for id \"{id}\" is not a string")),
            Some(Found::Nothing) | None => about(format!("response missing id \"{id}\"")),
        })
    };
    ids.iter().zip(refusals).map(answer).collect()
}

/// What the command says, as far as it may be shown: a short line that holds none of the values.
fn why(said: &Said, values: &BTreeMap<String, Found>) -> String {
    let text = [said.code.as_deref(), said.message.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(": ");
    let holds_value = values.values().any(|value| matches!(value, Found::Text(value) if text.contains(value.trim())));
    if text.is_empty() || holds_value {
        return String::new();
    }
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!(" ({})", cut(&plain, SAID_BYTES_MAX))
}

/// The command as it will be run, if nobody but the operator can have put it there.
#[expect(clippy::disallowed_methods, reason = "the door to the commands that the operator named for secrets")]
fn vetted(provider: &ExecProvider, places: &Places<'_>) -> Result<PathBuf, String> {
    let failed = |error: std::io::Error| format!("command cannot be found: {}", error.kind());
    let named = Path::new(&provider.command);
    let is_symlink = std::fs::symlink_metadata(named).map_err(failed)?.is_symlink();
    if is_symlink && !provider.allow_symlink_command {
        return Err("command must not be a symlink".to_owned());
    }
    let command = std::fs::canonicalize(named).map_err(failed)?;
    let metadata = std::fs::metadata(&command).map_err(failed)?;
    if !metadata.is_file() || metadata.mode() & 0o111 == 0 {
        return Err("command is not an executable file".to_owned());
    }
    let trusted = || {
        let mut dirs = provider.trusted_dirs.iter().filter_map(|dir| std::fs::canonicalize(places.absolute(dir)?).ok());
        dirs.any(|dir| command.starts_with(dir))
    };
    if !provider.trusted_dirs.is_empty() && !trusted() {
        return Err("command is outside trustedDirs".to_owned());
    }
    if !provider.allow_insecure_path {
        for path in command.ancestors() {
            private(path, &std::fs::metadata(path).map_err(failed)?)?;
        }
    }
    Ok(command)
}

/// Refuses what others could replace. In a directory with the sticky bit nobody can replace what is another's.
fn private(path: &Path, metadata: &std::fs::Metadata) -> Result<(), String> {
    const STICKY: u32 = 0o1000;
    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
    if !is_ours(owner) {
        return Err(format!("command can be replaced: `{}` belongs to user {owner}", path.display()));
    }
    let is_shared = metadata.is_dir() && mode & STICKY != 0;
    if mode & 0o022 != 0 && !is_shared {
        return Err(format!(
            "command can be replaced: `{}` can be written by others (mode {mode:04o})",
            path.display()
        ));
    }
    Ok(())
}
