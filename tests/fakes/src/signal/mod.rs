//! A strict fake of `signal-cli daemon --http`: routes, and what a test may do with it. Messages come in through
//! `message` and `events`; what a client asks of the daemon stands in `rpc` and `send`.

mod events;
mod message;
mod rpc;
mod send;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::sync::watch;

pub use message::{Attachment, Message, Quote, Received};
pub use send::{SendFailure, Sent, SentAttachment};

use crate::answer::{Answer, Live};
use crate::exchange::{Recorded, lock};
use crate::running::{self, Running};
use crate::sync::{Overdue, reach};
use crate::wire::{Service, Verdict};
use events::Events;

/// Whether the daemon serves one account (`-a`) or all of its accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A call need not name the account.
    OneAccount,
    /// Every call must name the account.
    AllAccounts,
}

/// A group that the account is a member of.
#[derive(Clone, Debug)]
pub struct Group {
    /// Base64.
    pub id: String,
    /// For people.
    pub name: String,
    /// Numbers or account ids of the other members.
    pub members: Vec<String>,
}

/// How the fake is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// The number of the daemon's own account.
    pub account: String,
    /// The daemon's directory for attachments; it must exist.
    pub attachments_dir: PathBuf,
    /// One account, or all.
    pub mode: Mode,
    /// The groups of the account.
    pub groups: Vec<Group>,
    /// Numbers and account ids that nobody has registered.
    pub unregistered: Vec<String>,
    /// Whether messages that come while nobody listens wait for a listener; otherwise they are lost.
    pub keeps_unheard: bool,
    /// The pause after which an idle event stream gets a comment.
    pub keep_alive_after: Duration,
    /// The time of the first message; each later one is a second after the one before.
    pub first_timestamp_ms: u64,
}

impl Config {
    /// One account, no groups; messages wait for a listener.
    #[must_use]
    pub fn new(account: &str, attachments_dir: impl Into<PathBuf>) -> Self {
        Self {
            account: account.to_owned(),
            attachments_dir: attachments_dir.into(),
            mode: Mode::OneAccount,
            groups: Vec::new(),
            unregistered: Vec::new(),
            keeps_unheard: true,
            keep_alive_after: Duration::from_secs(15),
            first_timestamp_ms: 1_760_000_000_000,
        }
    }

    /// Adds a group.
    #[must_use]
    pub fn and_group(mut self, id: &str, name: &str, members: &[&str]) -> Self {
        let members = members.iter().map(|&member| member.to_owned()).collect();
        self.groups.push(Group { id: id.to_owned(), name: name.to_owned(), members });
        self
    }
}

/// The fake of the daemon.
#[derive(Debug)]
pub struct Signal {
    config: Config,
    events: Events,
    clock_s: AtomicU64,
    attachment_count: AtomicU64,
    failures: Mutex<VecDeque<SendFailure>>,
    sent: Mutex<Vec<Sent>>,
    sent_count: watch::Sender<usize>,
    /// Numbers and account ids that belong together, learnt from what came in.
    contacts: Mutex<Vec<(Option<String>, String)>>,
}

impl Signal {
    /// Starts the fake on a port of its own.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub async fn start(config: Config) -> io::Result<Running<Self>> {
        let events = Events::new(config.keeps_unheard);
        let sent_count = watch::Sender::new(0);
        running::start(Self {
            config,
            events,
            clock_s: AtomicU64::new(0),
            attachment_count: AtomicU64::new(0),
            failures: Mutex::default(),
            sent: Mutex::default(),
            sent_count,
            contacts: Mutex::default(),
        })
        .await
    }

    /// The daemon's time in milliseconds; no two calls get the same.
    fn now_ms(&self) -> u64 {
        self.config.first_timestamp_ms + 1000 * self.clock_s.fetch_add(1, Ordering::Relaxed)
    }

    fn subscribe(&self, request: &Recorded) -> Verdict {
        let account = account_in(request.query.as_deref());
        if let Some(account) = account.filter(|account| *account != self.config.account) {
            return Verdict::refused(Answer::status(400), format!("unknown account `{account}`"));
        }
        let (keep_alive, keep_alive_after) = (Bytes::from_static(b":\n"), self.config.keep_alive_after);
        let live = Live { events: self.events.subscribe(), keep_alive, keep_alive_after };
        Verdict::good(Answer::live("text/event-stream", live))
    }

    fn call(&self, request: &Recorded) -> Verdict {
        match request.content_type().as_deref() {
            Some("application/json") => {}
            Some(_) | None => return refusal(415, "the content-type is not `application/json`"),
        }
        if let Some(fault) = request.framing_fault() {
            return refusal(411, fault);
        }
        rpc::answer(self, &request.body)
    }
}

impl Service for Signal {
    fn answer(&self, request: &Recorded) -> Verdict {
        if !is_local(request.header("host")) {
            return refusal(421, "the host header does not name this machine");
        }
        if request.headers.contains_key("authorization") {
            return refusal(401, "a credential leaked to a server that needs none: `authorization`");
        }
        let wanted = match request.path.as_str() {
            "/api/v1/events" | "/api/v1/check" => Method::GET,
            "/api/v1/rpc" => Method::POST,
            _ => return refusal(404, "no such path"),
        };
        if request.method != wanted {
            return refusal(405, "the method does not fit the path");
        }
        match request.path.as_str() {
            "/api/v1/events" => self.subscribe(request),
            "/api/v1/rpc" => self.call(request),
            _ => Verdict::good(Answer::status(200)),
        }
    }

    fn is_held(&self, request: &Recorded) -> bool {
        request.path != "/api/v1/events"
    }

    fn hung_up(&self) {
        self.events.forget_listeners();
    }
}

impl Running<Signal> {
    /// A message comes in: its attachments are written to the daemon's directory, and the envelope goes to every
    /// event stream, or waits for one.
    ///
    /// # Errors
    ///
    /// When an attachment cannot be written.
    pub fn receive(&self, message: &Message) -> io::Result<Received> {
        let signal = self.fake();
        let (envelope, received) = message::arrive(signal, message)?;
        signal.events.push(&signal.config.account, &envelope);
        Ok(received)
    }

    /// A message comes in a second time, as after a lost acknowledgement: the same envelope, byte for byte.
    pub fn receive_again(&self, received: &Received) {
        let signal = self.fake();
        signal.events.push(&signal.config.account, &received.envelope);
    }

    /// An envelope of any kind comes in: an edit, a receipt, somebody typing, a message of one's own from another
    /// device, or nonsense.
    pub fn receive_envelope(&self, envelope: &Value) {
        let signal = self.fake();
        signal.events.push(&signal.config.account, envelope);
    }

    /// Sends bytes to every event stream as they are.
    pub fn push_bytes(&self, bytes: &[u8]) {
        self.fake().events.push_bytes(Bytes::copy_from_slice(bytes));
    }

    /// Ends every event stream as a server does that shuts down in good order.
    pub fn end_streams(&self) {
        self.fake().events.forget_listeners();
    }

    /// Waits until `count` event streams were opened since the fake was started, closed ones included.
    ///
    /// # Errors
    ///
    /// [`Overdue`] when that did not happen in time.
    pub async fn wait_for_listeners(&self, count: usize) -> Result<(), Overdue> {
        let mut opened = self.fake().events.opened();
        reach(&mut opened, count, "event streams", || self.requests().iter().map(summary).collect()).await
    }

    /// Everything that was sent through the daemon, oldest first.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        lock(&self.fake().sent).clone()
    }

    /// Waits until `count` messages were sent, and returns all.
    ///
    /// # Errors
    ///
    /// [`Overdue`] when they were not sent in time.
    pub async fn wait_for_sent(&self, count: usize) -> Result<Vec<Sent>, Overdue> {
        let mut sent = self.fake().sent_count.subscribe();
        reach(&mut sent, count, "sent messages", || self.requests().iter().map(summary).collect()).await?;
        Ok(self.sent())
    }

    /// Lets the next `send` that is well formed fail. More than one failure are used in turn.
    pub fn fail_next_send(&self, failure: SendFailure) {
        lock(&self.fake().failures).push_back(failure);
    }
}

fn refusal(status: u16, fault: &str) -> Verdict {
    Verdict::refused(Answer::status(status), fault)
}

fn summary(request: &Recorded) -> String {
    let method = request.json().ok().and_then(|body| body.get("method").map(Value::to_string));
    format!("{} {} {}", request.method, request.path, method.unwrap_or_default())
}

/// The daemon answers to names of this machine alone, so that a web page cannot reach it through DNS rebinding.
fn is_local(host: Option<&str>) -> bool {
    let Some(host) = host else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

/// The account of the query, decoded as a form: a bare `+` is a space there.
fn account_in(query: Option<&str>) -> Option<String> {
    let value = query?.split('&').find_map(|pair| pair.strip_prefix("account="))?;
    let value = value.replace('+', " ");
    let account = percent_decode_str(&value).decode_utf8_lossy().into_owned();
    (!account.is_empty()).then_some(account)
}

/// A group as `listGroups` shows it.
fn group_json(group: &Group) -> Value {
    let members: Vec<Value> = group.members.iter().map(|member| send::address(member, &[])).collect();
    json!({
        "id": group.id,
        "name": group.name,
        "description": "",
        "isMember": true,
        "isBlocked": false,
        "messageExpirationTime": 0,
        "members": members,
        "pendingMembers": [],
        "requestingMembers": [],
        "admins": [],
        "banned": [],
        "permissionAddMember": "EVERY_MEMBER",
        "permissionEditDetails": "EVERY_MEMBER",
        "permissionSendMessage": "EVERY_MEMBER",
        "groupInviteLink": null,
    })
}
