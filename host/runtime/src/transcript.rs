//! A session's log as messages for a model: media as handles where the model takes them, as words where it does not.

use std::collections::{BTreeMap, BTreeSet};

use creel_engine::types;
use creel_policy::manifest::Input;
use creel_policy::media::{MediaRef, kind_of};
use creel_policy::route::Needs;
use creel_store::media::Medium;
use creel_store::session::{Entry, Role};

use crate::core::{Core, StoreFailed};

/// What is said before a message that nobody had asked for, where a conversation begins with it.
const SENT_BEFORE: &str = "[This was sent to the conversation, unasked, before what follows:]";

/// A session's log with what is known of its media.
pub(crate) struct Transcript {
    entries: Vec<Entry>,
    media: BTreeMap<MediaRef, Medium>,
    descriptions: BTreeMap<MediaRef, String>,
}

/// A medium as the interface has it.
pub(crate) fn wit_media(medium: Medium) -> types::Media {
    types::Media {
        uri: medium.media.to_string(),
        content_type: medium.content_type,
        size: medium.size,
        name: medium.name,
    }
}

impl Transcript {
    /// Takes a session's log and looks up its media. A medium that is gone is told as words, never dropped silently.
    /// A log that was cut so that it begins with an answer loses that: models take no conversation that they begin. What
    /// was sent before anybody wrote is told in words for the same reason.
    pub(crate) async fn of(core: &Core, entries: Vec<Entry>) -> Result<Self, StoreFailed> {
        let entries: Vec<Entry> =
            entries.into_iter().skip_while(|entry| entry.role == Role::Assistant && !is_sent(entry)).collect();
        let named: Vec<MediaRef> = entries.iter().flat_map(|entry| entry.media.iter().cloned()).collect();
        let media = core
            .store(move |store| {
                let found = named.into_iter().filter_map(|media| Some((media.clone(), store.medium(&media).ok()?)));
                Ok::<_, std::convert::Infallible>(found.collect())
            })
            .await?;
        Ok(Self { entries, media, descriptions: BTreeMap::new() })
    }

    /// What the last message brings that a model must take: its attachments, and what it names of earlier ones.
    pub(crate) fn needs(&self) -> Needs {
        let last = self.entries.iter().rev().find(|entry| entry.role == Role::User);
        let media = last.into_iter().flat_map(|entry| &entry.media).filter_map(|media| self.media.get(media));
        let inputs = media.filter_map(|medium| kind_of(&medium.content_type).input());
        Needs::of(std::iter::once(Input::Text).chain(inputs))
    }

    /// The pictures of the last message.
    pub(crate) fn new_pictures(&self) -> Vec<Medium> {
        let last = self.entries.iter().rev().find(|entry| entry.role == Role::User);
        let media = last.into_iter().flat_map(|entry| &entry.media);
        media.filter_map(|media| self.media.get(media)).filter(|medium| is_picture(medium)).cloned().collect()
    }

    /// Every picture of the conversation.
    pub(crate) fn pictures(&self) -> Vec<Medium> {
        self.media.values().filter(|medium| is_picture(medium)).cloned().collect()
    }

    /// Notes what a model said about a picture.
    pub(crate) fn describe(&mut self, media: MediaRef, text: String) {
        self.descriptions.insert(media, text);
    }

    /// The media that a model which takes these inputs is given.
    pub(crate) fn media_for(&self, accepts: &BTreeSet<Input>) -> Vec<MediaRef> {
        let taken = self.media.values().filter(|medium| takes(accepts, medium));
        taken.map(|medium| medium.media.clone()).collect()
    }

    /// The messages for a model that takes these inputs.
    pub(crate) fn messages(&self, system_prompt: Option<&str>, accepts: &BTreeSet<Input>) -> Vec<types::Message> {
        let system = system_prompt.map(|prompt| types::Message {
            role: types::Role::System,
            parts: vec![types::Part::Text(prompt.to_owned())],
        });
        let first = self.entries.iter().take_while(|entry| is_sent(entry)).count();
        let told = self.entries.iter().take(first).map(|entry| types::Message {
            role: types::Role::User,
            parts: std::iter::once(types::Part::Text(SENT_BEFORE.to_owned()))
                .chain(self.parts(entry, accepts))
                .collect(),
        });
        let entries = self.entries.iter().skip(first).map(|entry| types::Message {
            role: match entry.role {
                Role::User => types::Role::User,
                Role::Assistant => types::Role::Assistant,
            },
            parts: self.parts(entry, accepts),
        });
        let entries = told.chain(entries);
        system.into_iter().chain(entries.filter(|message| !message.parts.is_empty())).collect()
    }

    fn parts(&self, entry: &Entry, accepts: &BTreeSet<Input>) -> Vec<types::Part> {
        let mut parts = Vec::new();
        for media in &entry.media {
            parts.push(match self.media.get(media) {
                Some(medium) if entry.role == Role::User && takes(accepts, medium) => {
                    types::Part::Media(wit_media(medium.clone()))
                }
                Some(medium) => types::Part::Text(self.in_words(medium)),
                None => types::Part::Text(format!("[An attachment ({media}) is not stored any more.]")),
            });
        }
        parts.extend(
            entry
                .missing
                .iter()
                .map(|reason| types::Part::Text(format!("[An attachment could not be fetched: {reason}]"))),
        );
        if !entry.text.is_empty() {
            parts.push(types::Part::Text(entry.text.clone()));
        }
        parts
    }

    fn in_words(&self, medium: &Medium) -> String {
        match self.descriptions.get(&medium.media) {
            Some(description) => format!("[Attached picture {}, described: {description}]", medium.media),
            None => format!(
                "[Attached: {} ({}, {} bytes); this model cannot look at it.]",
                medium.media, medium.content_type, medium.size
            ),
        }
    }
}

/// Whether it answers nothing that was written.
fn is_sent(entry: &Entry) -> bool {
    entry.role == Role::Assistant && entry.inbound.is_none()
}

fn is_picture(medium: &Medium) -> bool {
    kind_of(&medium.content_type).input() == Some(Input::Image)
}

/// Whether a model that takes these inputs takes a medium.
fn takes(accepts: &BTreeSet<Input>, medium: &Medium) -> bool {
    kind_of(&medium.content_type).input().is_some_and(|input| accepts.contains(&input))
}
