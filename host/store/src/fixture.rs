//! What the tests of this crate share: a state directory, a store, small media. Only tests see this.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use creel_policy::ids::{AgentId, ChannelId};
use creel_policy::media::url::UrlAccess;

use crate::outbox::{NewOutbound, OutboxId, OutboxRow};
use crate::resolve::{Asker, Scope};
use crate::state::StateRoot;
use crate::turn::{InboundId, Inserted, NewInbound};
use crate::{Store, StoreError};

/// The smallest bytes that are a PNG to everybody.
pub(crate) const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03\x08\x02\0\0\0";

/// A state directory that goes when dropped, with its store.
pub(crate) struct Fixture {
    pub(crate) temp: tempfile::TempDir,
    pub(crate) root: StateRoot,
    pub(crate) store: Store,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let temp = tempfile::tempdir().expect("a temporary directory can be made");
        Self::open(temp)
    }

    /// As a process that ends and one that starts.
    pub(crate) fn restart(self) -> Self {
        let Self { temp, root, store } = self;
        drop((root, store));
        Self::open(temp)
    }

    /// As a process that is killed and one that starts: goes on from what is on disk at this very moment, with nothing
    /// closed. `lost` bytes at the end of the database's log did not make it.
    pub(crate) fn crash(&self, lost: u64) -> Self {
        let temp = tempfile::tempdir().expect("a temporary directory can be made");
        copy_dir(&self.state(), &temp.path().join("state"));
        let log = temp.path().join("state/creel.db-wal");
        let file = std::fs::OpenOptions::new().write(true).open(log).expect("the log is there");
        let length = file.metadata().expect("it has a length").len();
        file.set_len(length.saturating_sub(lost)).expect("it can be cut");
        Self::open(temp)
    }

    fn open(temp: tempfile::TempDir) -> Self {
        let root = StateRoot::open_ambient(&temp.path().join("state")).expect("the state directory opens");
        let store = Store::open(&root).expect("the store opens");
        Self { temp, root, store }
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.temp.path().join("state")
    }

    pub(crate) fn area(&self, area: &str) -> PathBuf {
        self.state().join("media").join(area)
    }

    /// Puts a file where the older gateway would have.
    pub(crate) fn plant(&self, path: impl AsRef<Path>, bytes: &[u8]) -> PathBuf {
        let path = self.state().join("media").join(path);
        std::fs::create_dir_all(path.parent().expect("it has a parent")).expect("the directory can be made");
        std::fs::write(&path, bytes).expect("the file can be written");
        path
    }

    /// A message that has just come in.
    pub(crate) fn receive(&self, message_id: &str, attachments: usize) -> InboundId {
        match self.store.inbound_insert(&message(message_id, attachments)).expect("it can be stored") {
            Inserted::New(id) | Inserted::Duplicate(id) => id,
        }
    }
}

/// The operator's view of the agent `main`, with no roots and the usual URLs.
pub(crate) fn operator() -> Scope<'static> {
    static MAIN: LazyLock<AgentId> = LazyLock::new(|| AgentId::parse("main").expect("it is well formed"));
    static URLS: LazyLock<UrlAccess> = LazyLock::new(UrlAccess::default);
    Scope { agent: &MAIN, workspace: None, roots: &[], workspace_only: false, urls: &URLS, asker: Asker::Operator }
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("the directory can be made");
    let mode = std::fs::metadata(from).expect("it is there").permissions();
    for entry in std::fs::read_dir(from).expect("it is a directory") {
        let entry = entry.expect("it reads");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("it has a kind").is_dir() {
            copy_dir(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), &to).expect("it can be copied");
        }
    }
    std::fs::set_permissions(to, mode).expect("it can be set");
}

pub(crate) fn channel() -> ChannelId {
    ChannelId::parse("signal").expect("it is well formed")
}

/// The oldest message of each session that is not settled.
pub(crate) fn heads(store: &Store) -> Vec<OutboxRow> {
    store.outbox_heads(&[channel()], 10).expect("they can be read")
}

/// All messages that are not settled, in their order.
pub(crate) fn outstanding(store: &Store) -> Vec<OutboxId> {
    let read = store.read::<_, StoreError>(|transaction| {
        let unsettled = "SELECT id FROM outbox WHERE state IN ('pending', 'under-way') ORDER BY id";
        let mut statement = transaction.prepare(unsettled)?;
        let ids = statement.query_map([], |row| row.get(0).map(OutboxId))?;
        Ok(ids.collect::<Result<_, _>>()?)
    });
    read.expect("they can be read")
}

pub(crate) fn message(message_id: &str, attachments: usize) -> NewInbound {
    NewInbound {
        channel: channel(),
        message_id: message_id.to_owned(),
        session: "signal:alice".to_owned(),
        sender_json: r#"{"id":"alice"}"#.to_owned(),
        conversation_json: r#"{"id":"alice"}"#.to_owned(),
        text: format!("text of {message_id}"),
        attachments: (0..attachments).map(|n| format!(r#"{{"token":"{n}"}}"#)).collect(),
        reply_to: None,
        sent_at_ms: 1,
        received_ms: 2,
    }
}

pub(crate) fn outbound(text: &str) -> NewOutbound {
    NewOutbound {
        channel: channel(),
        session: "signal:alice".to_owned(),
        conversation_json: r#"{"id":"alice"}"#.to_owned(),
        text: text.to_owned(),
        media: Vec::new(),
        reply_to: None,
    }
}
