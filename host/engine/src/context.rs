//! What one call may do and know, decided before it starts by those who call the engine. Nothing here decides.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use creel_policy::grant::Grant;
use creel_policy::media::{Area, MediaRef};
use creel_store::ingest::GrantedDir;

use crate::added::AddedHeaders;
use crate::credential::{Masks, Slots};
use crate::egress::EgressRecord;

/// Granted directories, open, by the name the plugin uses.
pub type Roots = BTreeMap<String, Arc<GrantedDir>>;

/// Hears of each request, and may slow down whoever made it.
pub type Witness = Arc<dyn Fn(&EgressRecord) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// What one call may do and know.
pub struct CallContext {
    /// Names the call in logs.
    pub call: String,
    /// What its plugin was granted.
    pub grant: Arc<Grant>,
    /// What the plugin sees of the operator's settings, a JSON object.
    pub settings_json: String,
    /// Milliseconds since the Unix epoch at the start.
    pub now_ms: u64,
    /// The same clock, for what happens later in the call.
    pub clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Fresh random bits.
    pub entropy: u64,
    /// Credentials by slot, selected before the call.
    pub slots: Slots,
    /// Headers that the operator's entry adds.
    pub headers: AddedHeaders,
    /// Media that the call may name.
    pub media: MediaScope,
    /// Where media that the call makes go.
    pub area: Area,
    /// Bytes of one medium that the call makes, at most [`creel_policy::limits::MEDIUM_BYTES_MAX`].
    pub medium_bytes_max: u64,
    /// Granted directories.
    pub roots: Arc<Roots>,
    /// Milliseconds that the whole call may take; `None` for a task that listens.
    pub total_ms_max: Option<u64>,
    /// Hears of each request that went out or was refused.
    pub witness: Witness,
}

impl CallContext {
    /// What no response and no word of the plugin may hold.
    pub(crate) fn masks(&self) -> Masks {
        Masks::of(&self.slots, &self.headers)
    }
}

impl fmt::Debug for CallContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallContext")
            .field("call", &self.call)
            .field("plugin", &self.grant.plugin)
            .finish_non_exhaustive()
    }
}

/// The media that one call may name: those it was given and those it made. Cannot be widened by the plugin.
#[derive(Debug, Default)]
pub struct MediaScope(Mutex<BTreeSet<MediaRef>>);

impl MediaScope {
    /// A scope of exactly these.
    pub fn of(media: impl IntoIterator<Item = MediaRef>) -> Self {
        Self(Mutex::new(media.into_iter().collect()))
    }

    /// Whether the call may name it.
    #[must_use]
    pub fn contains(&self, media: &MediaRef) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(media)
    }

    /// Everything in it, in order.
    #[must_use]
    pub fn all(&self) -> Vec<MediaRef> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(crate) fn add(&self, media: MediaRef) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(media);
    }
}
