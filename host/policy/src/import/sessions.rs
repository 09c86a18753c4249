//! The list of sessions of the older gateway: which transcript each has, and where its conversation goes on here. What
//! has no conversation of a channel goes nowhere, and says why. No file is looked at.

use serde_json::{Map, Value};

use super::SourceFile;
use super::history::string;
use crate::ids::{AgentId, ChannelId, session_key};
use crate::problem::Problem;

type Object = Map<String, Value>;

/// A session of that gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldSession {
    /// Its key, e.g. `agent:main:signal:group:…`.
    pub key: String,
    /// The file of its transcript, directly in the directory of the list.
    pub transcript: String,
    /// Where it goes on, or why nowhere.
    pub target: Result<Target, &'static str>,
}

/// A conversation here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The agent that it was with.
    pub agent: AgentId,
    /// The channel.
    pub channel: ChannelId,
    /// The key of the session.
    pub session: String,
    /// The channel's own name of the conversation.
    pub conversation: String,
    /// Whether more than two take part.
    pub is_group: bool,
    /// What the operator should know about it.
    pub remark: Option<&'static str>,
}

/// Reads `sessions.json`.
///
/// # Errors
///
/// Where it is no JSON object.
pub fn read_sessions(source: SourceFile<'_>) -> Result<Vec<OldSession>, Problem> {
    let problem = |line, column, message: &str| Problem {
        file: source.name.to_owned(),
        line,
        column,
        key: String::new(),
        message: message.to_owned(),
        hint: None,
    };
    let root: Value = serde_json::from_str(source.text)
        .map_err(|error| problem(error.line(), error.column(), "it is not the JSON of a list of sessions"))?;
    let Value::Object(root) = root else { return Err(problem(0, 0, "it is not a list of sessions by their keys")) };
    let sessions = root.iter().filter_map(|(key, entry)| {
        let entry = entry.as_object()?;
        Some(OldSession { key: key.clone(), transcript: transcript(entry)?, target: target(key, entry) })
    });
    Ok(sessions.collect())
}

/// The name of the transcript; a path to it is of a host that may be another one.
fn transcript(entry: &Object) -> Option<String> {
    let file = string(entry, &["sessionFile"]).and_then(|path| path.rsplit(['/', '\\']).next()).map(str::to_owned);
    let file = file.or_else(|| Some(format!("{}.jsonl", string(entry, &["sessionId"])?)))?;
    let is_plain = !file.starts_with('.') && !file.contains(['/', '\\', '\0']) && file.ends_with(".jsonl");
    is_plain.then_some(file)
}

/// Where a session goes on.
fn target(key: &str, entry: &Object) -> Result<Target, &'static str> {
    let (agent, rest) = match key.strip_prefix("agent:") {
        Some(rest) => rest.split_once(':').ok_or("its key is malformed")?,
        None => ("main", key),
    };
    let agent = AgentId::parse(agent).map_err(|_| "its agent has a name that Creel does not take")?;
    let segments: Vec<&str> = rest.split(':').collect();
    match segments.as_slice() {
        ["cron" | "hook" | "subagent" | "acp" | "heartbeat" | "node" | "explicit" | "global" | "unknown", ..] => {
            Err("it is no conversation of a channel")
        }
        [_] => {
            let (channel, to) = last_route(entry).ok_or("nothing says which conversation it was")?;
            let remark = "all direct conversations were one session there; it goes on in the one that was heard last";
            let target = direct(agent, channel, to)?;
            Ok(Target { remark: Some(remark), ..target })
        }
        [channel, "direct" | "dm", ..] => direct(agent, channel, behind(rest, 2)),
        [channel, "default", "direct" | "dm", ..] => direct(agent, channel, behind(rest, 3)),
        [channel, "group", ..] => group(agent, channel, (behind(rest, 2), entry)),
        ["direct" | "dm", ..] => {
            let (channel, _) = last_route(entry).ok_or("nothing says which channel it was")?;
            direct(agent, channel, behind(rest, 1))
        }
        [_, _, "direct" | "dm", ..] => Err("it is of a second account of its channel"),
        [_, "channel" | "room", ..] => Err("its channel has no plugin here"),
        _ => Err("its key says no conversation that Creel knows"),
    }
}

/// What stands behind the first `count` segments.
fn behind(text: &str, count: usize) -> &str {
    text.splitn(count + 1, ':').nth(count).unwrap_or_default()
}

/// Channel and receiver of what was last sent.
fn last_route(entry: &Object) -> Option<(&str, &str)> {
    let context = entry.get("deliveryContext").and_then(Value::as_object);
    let route = context.and_then(|context| Some((string(context, &["channel"])?, string(context, &["to"])?)));
    route.or_else(|| Some((string(entry, &["lastChannel"])?, string(entry, &["lastTo"])?)))
}

/// A conversation between two. Only Signal has a plugin here, which names people by their account id or their number.
fn direct(agent: AgentId, channel: &str, peer: &str) -> Result<Target, &'static str> {
    let channel = known_channel(channel)?;
    let peer = peer.strip_prefix("signal:").unwrap_or(peer);
    let bare = peer.strip_prefix("uuid:").unwrap_or(peer);
    let digits = peer.strip_prefix('+').unwrap_or_default();
    let (conversation, remark) = if is_uuid(bare) {
        (format!("uuid:{}", bare.to_ascii_lowercase()), None)
    } else if (5..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
        let remark =
            "it goes on where Signal tells the sender by this number; who is told by an account id begins anew";
        (peer.to_owned(), Some(remark))
    } else {
        return Err("it names nobody that Signal knows");
    };
    let session = session_key(&channel, &conversation, None);
    Ok(Target { agent, channel, session, conversation, is_group: false, remark })
}

/// A group. Keys are in lower case there and the ids of Signal's groups are not, so the id is taken from where it was
/// last sent to.
fn group(agent: AgentId, channel: &str, (id, entry): (&str, &Object)) -> Result<Target, &'static str> {
    let channel = known_channel(channel)?;
    let objects = ["deliveryContext", "origin"].iter().filter_map(|name| entry.get(*name)?.as_object());
    let routes = objects
        .chain([entry])
        .flat_map(|object| ["to", "from", "lastTo", "groupId"].iter().filter_map(|name| string(object, &[name])));
    let mut ids = routes.map(|route| {
        let route = route.strip_prefix("signal:").unwrap_or(route);
        route.strip_prefix("group:").unwrap_or(route)
    });
    let written = ids.find(|written| written.eq_ignore_ascii_case(id));
    let Some(written) = written.or_else(|| Some(id).filter(|id| !id.bytes().any(|b| b.is_ascii_alphabetic()))) else {
        return Err("its key has lost the upper case of the group's id, and nothing else holds it");
    };
    let body = written.trim_end_matches('=');
    let is_base64 = body.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'));
    if body.is_empty() || written.len() > 88 || !is_base64 {
        return Err("it names no group that Signal knows");
    }
    let conversation = format!("group:{written}");
    let session = session_key(&channel, &conversation, None);
    Ok(Target { agent, channel, session, conversation, is_group: true, remark: None })
}

fn known_channel(channel: &str) -> Result<ChannelId, &'static str> {
    ChannelId::parse(channel).ok().filter(|id| id.as_str() == "signal").ok_or("its channel has no plugin here")
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests;
