//! What the operator says about keeping media: how much, how large, and how long. The store holds it as a value that a
//! reload replaces; where it is written is not known here.

use std::sync::PoisonError;

use creel_policy::config::{KindBytes, MediaConfig, Quotas};
use creel_policy::media::{Area, MediaKind, MediaRefusal, MediaRefusalCode};

use crate::db::Store;

/// How media are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaPolicy {
    /// Bytes of all media of an area.
    pub quotas: Quotas,
    /// Bytes of one medium, by its kind.
    pub bytes_max: KindBytes,
    /// Milliseconds after which a medium that nothing refers to is removed; `None`: never for its age.
    pub ttl_ms: Option<u64>,
    /// Milliseconds without a message after which a session no longer holds its media.
    pub session_idle_ms: u64,
}

impl MediaPolicy {
    /// What the configuration says.
    #[must_use]
    pub fn of(config: &MediaConfig) -> Self {
        let MediaConfig { quotas, bytes_max, ttl_ms, session_idle_ms, .. } = *config;
        Self { quotas, bytes_max, ttl_ms, session_idle_ms }
    }

    /// Bytes that all media of an area may have together.
    #[must_use]
    pub fn quota(&self, area: &Area) -> u64 {
        match area {
            Area::Inbound => self.quotas.inbound,
            Area::Outbound => self.quotas.outbound,
            Area::Workspace(_) => self.quotas.workspace,
        }
    }

    /// Refuses a medium that is larger than its kind may be.
    pub(super) fn judge_size(&self, kind: MediaKind, size: u64) -> Result<(), MediaRefusal> {
        let bytes_max = self.bytes_max.of(kind);
        if size <= bytes_max {
            return Ok(());
        }
        let (what, key) = match kind {
            MediaKind::Image => ("an image", "image"),
            MediaKind::Audio => ("an audio file", "audio"),
            MediaKind::Video => ("a video", "video"),
            MediaKind::Document | MediaKind::Other => ("a document", "document"),
        };
        let rule = format!("{what} has at most {bytes_max} bytes (`media.maxMb.{key}`)");
        Err(MediaRefusal::new(MediaRefusalCode::TooLarge, rule))
    }

    /// Bytes that no medium of any kind may pass.
    pub(super) fn bytes_max_of_any(&self) -> u64 {
        let KindBytes { image, audio, video, document } = self.bytes_max;
        image.max(audio).max(video).max(document)
    }
}

impl Default for MediaPolicy {
    fn default() -> Self {
        Self::of(&MediaConfig::default())
    }
}

impl Store {
    /// Keeps media in this way from now on, in this process. What is being written goes on by what it began with.
    pub fn keep_media_by(&self, policy: MediaPolicy) {
        *self.keeping().write().unwrap_or_else(PoisonError::into_inner) = policy;
    }

    /// How media are kept now.
    #[must_use]
    pub fn media_policy(&self) -> MediaPolicy {
        *self.keeping().read().unwrap_or_else(PoisonError::into_inner)
    }
}
