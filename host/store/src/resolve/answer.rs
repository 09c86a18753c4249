//! What a resolution says: to the program that asked, and as JSON to the operator.

use creel_policy::media::url::MediaUrl;
use creel_policy::media::{MediaRef, MediaRefusal, MediaRefusalCode};

use crate::media::Medium;

/// Characters of the text that was asked for, in the answer: a `data:` URL may be a hundred megabytes.
const INPUT_CHARS_MAX: usize = 512;

/// What came of a text that was to name a medium, and why.
#[derive(Debug)]
pub struct MediaResolution {
    /// The text as it came, cut where it is long.
    pub input: String,
    /// What was found, or why there is nothing.
    pub outcome: Result<Found, MediaRefusal>,
    /// What each root said, for the operator.
    pub roots: Vec<RootReport>,
}

/// What a text names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A medium. After a mere look at a file it has the handle that it will have once it is taken.
    Medium(Box<Medium>),
    /// A URL that may be fetched.
    Url(MediaUrl),
}

/// A root that media can lie under.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RootReport {
    /// The name of its area, or of the grant.
    pub name: String,
    /// The canonical path, for the operator's eyes; as it is configured where there is none.
    pub path: String,
    /// How the host uses it.
    pub mode: &'static str,
    /// Whether it holds what was named.
    pub verdict: RootVerdict,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What a root says to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RootVerdict {
    /// The name leads into it.
    Matches,
    /// It does not.
    DoesNotMatch,
    /// The name was refused, or needs no root, before any was looked at.
    NotAsked,
    /// There is nothing at its path.
    Missing,
    /// It is there and cannot be granted; `detail` says why.
    Unusable,
    /// `tools.fs.workspaceOnly` keeps it shut.
    Shut,
}

impl Found {
    /// The medium, where it is one.
    #[must_use]
    pub fn medium(&self) -> Option<&Medium> {
        match self {
            Self::Medium(medium) => Some(medium),
            Self::Url(_) => None,
        }
    }
}

impl MediaResolution {
    /// The medium, or why there is none; a URL is none yet.
    #[must_use]
    pub fn medium(&self) -> Option<&Medium> {
        self.outcome.as_ref().ok().and_then(Found::medium)
    }
}

/// The text that was asked for, on one line and of bounded length.
pub(super) fn shown_input(reference: &str) -> String {
    let mut shown: String = reference.chars().take(INPUT_CHARS_MAX).collect();
    if shown.len() < reference.len() {
        shown.push('…');
    }
    shown
}

impl serde::Serialize for MediaResolution {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Flat<'a> {
            input: &'a str,
            uri: Option<&'a MediaRef>,
            verdict: &'static str,
            reason: Option<MediaRefusalCode>,
            detail: Option<&'a str>,
            content_type: Option<&'a str>,
            size: Option<u64>,
            roots: &'a [RootReport],
        }
        let (medium, refusal) = (self.medium(), self.outcome.as_ref().err());
        Flat {
            input: &self.input,
            uri: medium.map(|medium| &medium.media),
            verdict: if refusal.is_none() { "allowed" } else { "refused" },
            reason: refusal.map(|refusal| refusal.code),
            detail: refusal.map(|refusal| refusal.detail.as_str()),
            content_type: medium.map(|medium| medium.content_type.as_str()),
            size: medium.map(|medium| medium.size),
            roots: &self.roots,
        }
        .serialize(serializer)
    }
}
