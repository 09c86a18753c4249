//! Decides what an event of the daemon is: a message, nothing for us, or trouble that the operator should see. Pure: the
//! same event always gives the same answer.

use creel_sdk::channel::{Conversation, Inbound, Peer};

use crate::attachment;
use crate::envelope::{
    DataMessage, EditMessage, Envelope, Event, Exception, GroupInfo, Quote, StoryMessage, WireAttachment,
};
use crate::ids::{MessageId, Person, Place};
use crate::limits::{ATTACHMENTS_MAX, NAME_CHARS_MAX};
use crate::mention;
use crate::settings::Settings;

/// Stands before the text of a message that replaces an earlier one.
pub(crate) const EDIT_MARK: &str = "[edited] ";

/// What an event turned out to be.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    /// Somebody said something; the count is of attachments that the daemon cannot hand out.
    Message(Box<Inbound>, usize),
    /// Nothing to act on: what it was.
    Ignored(&'static str),
    /// Something that should have been a message and is none: why.
    Trouble(String),
}

/// Reads the data of one server-sent event.
pub(crate) fn read(json: &str, settings: &Settings) -> Heard {
    match serde_json::from_str::<Event>(json) {
        Ok(event) => read_event(event, settings),
        // What serde says may quote the message, which is nobody's business in a log.
        Err(error) => {
            Heard::Trouble(format!("an event is not as signal-cli writes them, at column {}", error.column()))
        }
    }
}

fn read_event(event: Event, settings: &Settings) -> Heard {
    if let (Some(ours), Some(theirs)) = (&settings.account, &event.account)
        && ours != theirs
    {
        return Heard::Ignored("an event of another account");
    }
    if let Some(exception) = event.exception {
        return Heard::Trouble(exception_words(&exception));
    }
    let own = event.account.or_else(|| settings.account.clone()).and_then(|account| Person::parse(&account));
    match event.envelope {
        Some(envelope) => Reading { own, settings }.envelope(envelope),
        None => Heard::Ignored("an event without an envelope"),
    }
}

/// The class of the failure and its words; these speak of keys and sessions, not of what was written.
fn exception_words(exception: &Exception) -> String {
    let kind = exception.kind.as_deref().unwrap_or("an unknown failure");
    let message = exception.message.as_deref().unwrap_or("no more is known");
    let words: String = format!("the daemon could not decrypt a message: {kind}: {message}");
    words.chars().filter(|c| !c.is_control()).take(500).collect()
}

/// What stays the same while one event is read.
struct Reading<'a> {
    own: Option<Person>,
    settings: &'a Settings,
}

/// Who said it and by which name.
struct Sender {
    person: Person,
    peer: Peer,
    sent_at_ms: u64,
}

impl Reading<'_> {
    fn envelope(&self, envelope: Envelope) -> Heard {
        if envelope.sync_message.is_some() {
            return Heard::Ignored("an echo of what another device of this account did");
        }
        let has_content =
            envelope.data_message.is_some() || envelope.edit_message.is_some() || envelope.story_message.is_some();
        let Some(sender) = sender(&envelope) else {
            return match has_content {
                true => Heard::Trouble("a message names no sender".to_owned()),
                false => Heard::Ignored("an envelope without a sender"),
            };
        };
        if self.is_own(&envelope, &sender.person) {
            return Heard::Ignored("a message of this account itself");
        }
        match envelope {
            Envelope { edit_message: Some(edit), .. } => self.edit(edit, sender),
            Envelope { data_message: Some(data), .. } => self.data(data, sender, None),
            Envelope { story_message: Some(story), .. } => self.story(story, sender),
            Envelope { receipt_message: Some(_), .. } => Heard::Ignored("a receipt"),
            Envelope { typing_message: Some(_), .. } => Heard::Ignored("a note that somebody is typing"),
            Envelope { call_message: Some(_), .. } => Heard::Ignored("a call"),
            _ => Heard::Ignored("an envelope without content"),
        }
    }

    fn is_own(&self, envelope: &Envelope, sender: &Person) -> bool {
        let number = envelope.source_number.as_deref().and_then(Person::parse);
        self.own.is_some() && (self.own == number || self.own.as_ref() == Some(sender))
    }

    /// An edit is a message of its own that answers the one it replaces: what was acted on cannot be taken back.
    fn edit(&self, edit: EditMessage, sender: Sender) -> Heard {
        let Some(data) = edit.data_message else {
            return Heard::Ignored("an edit without content");
        };
        let target =
            edit.target_sent_timestamp.map(|timestamp| MessageId { author: Some(sender.person.clone()), timestamp });
        self.data(data, sender, Some(target))
    }

    /// `edits` is there for an edit, and holds the message that it replaces where that is known.
    fn data(&self, data: DataMessage, sender: Sender, edits: Option<Option<MessageId>>) -> Heard {
        if data.is_expiration_update == Some(true) {
            return Heard::Ignored("a change of the time after which messages disappear");
        }
        if data.reaction.is_some() {
            return Heard::Ignored("a reaction");
        }
        if data.remote_delete.is_some() {
            return Heard::Ignored("a deletion");
        }
        let Some(place) = place(data.group_info, &sender.person) else {
            return Heard::Trouble("a message names a group that is none".to_owned());
        };
        let text = data.message.unwrap_or_default();
        let text = mention::with_names(&text, &data.mentions.unwrap_or_default());
        let has_sticker = data.sticker.is_some();
        let timestamp = data.timestamp.unwrap_or(sender.sent_at_ms);
        let is_edit = edits.is_some();
        let reply_to = edits.flatten().or_else(|| data.quote.and_then(|quote| self.quoted(&quote)));
        let said = Said {
            text: if is_edit { format!("{EDIT_MARK}{text}") } else { text },
            attachments: data.attachments.unwrap_or_default(),
            place,
            timestamp,
            reply_to,
        };
        match self.message(said, sender) {
            Heard::Ignored(_) if has_sticker => Heard::Ignored("a sticker"),
            heard => heard,
        }
    }

    fn story(&self, story: StoryMessage, sender: Sender) -> Heard {
        if self.settings.ignore_stories {
            return Heard::Ignored("a story");
        }
        let group = story.group_id.map(|id| GroupInfo { group_id: Some(id) });
        let Some(place) = place(group, &sender.person) else {
            return Heard::Trouble("a story names a group that is none".to_owned());
        };
        let said = Said {
            text: story.text_attachment.and_then(|attachment| attachment.text).unwrap_or_default(),
            attachments: story.file_attachment.into_iter().collect(),
            place,
            timestamp: sender.sent_at_ms,
            reply_to: None,
        };
        self.message(said, sender)
    }

    fn message(&self, said: Said, sender: Sender) -> Heard {
        let wanted = if self.settings.ignore_attachments { Vec::new() } else { said.attachments };
        let offered = wanted.len();
        let attachments: Vec<_> = wanted
            .into_iter()
            .filter_map(|wire| attachment::incoming(wire, &sender.person, &said.place))
            .take(ATTACHMENTS_MAX)
            .collect();
        let missing = offered - attachments.len();
        let is_empty = matches!(said.text.as_str(), "" | EDIT_MARK) && attachments.is_empty();
        if is_empty && missing > 0 {
            return Heard::Trouble("a message holds attachments alone, and the daemon has none of them".to_owned());
        }
        if is_empty {
            return Heard::Ignored("a message without text or attachments");
        }
        let id = MessageId { author: Some(sender.person), timestamp: said.timestamp };
        let inbound = Inbound {
            id: id.to_string(),
            sender: sender.peer,
            conversation: Conversation {
                id: said.place.to_string(),
                is_group: matches!(said.place, Place::Group(_)),
                thread: None,
            },
            text: said.text,
            attachments,
            reply_to: said.reply_to.map(|id| id.to_string()),
            sent_at_ms: said.timestamp,
        };
        Heard::Message(Box::new(inbound), missing)
    }

    /// The id of the quoted message; what this account said has the id that `deliver` gave it.
    fn quoted(&self, quote: &Quote) -> Option<MessageId> {
        let number = quote.author_number.as_deref().or(quote.author.as_deref()).and_then(Person::parse);
        if self.own.is_some() && self.own == number {
            return Some(MessageId { author: None, timestamp: quote.id });
        }
        let author = Person::from_fields(quote.author_uuid.as_deref(), quote.author_number.as_deref()).or(number)?;
        Some(MessageId { author: Some(author), timestamp: quote.id })
    }
}

/// What was said, where, and when.
struct Said {
    text: String,
    attachments: Vec<WireAttachment>,
    place: Place,
    timestamp: u64,
    reply_to: Option<MessageId>,
}

fn sender(envelope: &Envelope) -> Option<Sender> {
    let source = envelope.source.as_deref();
    let number = envelope.source_number.as_deref().or(source).and_then(Person::parse);
    let person = Person::from_fields(envelope.source_uuid.as_deref(), envelope.source_number.as_deref())
        .or_else(|| source.and_then(Person::parse))?;
    let id = person.to_string();
    let other_names = number.iter().map(|number| number.recipient()).chain([person.recipient()]);
    let mut aliases: Vec<String> = Vec::new();
    for alias in other_names {
        if alias != id && !aliases.iter().any(|known| known == alias) {
            aliases.push(alias.to_owned());
        }
    }
    let name = envelope.source_name.as_deref().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
    let name = (!name.trim().is_empty()).then(|| name.trim().to_owned());
    Some(Sender { person, peer: Peer { id, aliases, name }, sent_at_ms: envelope.timestamp })
}

/// A group where one is named, else the conversation with the sender; `None` where the group's id is malformed, since
/// an answer must never go to another place than the question came from.
fn place(group: Option<GroupInfo>, sender: &Person) -> Option<Place> {
    match group {
        Some(group) => Place::parse(&format!("group:{}", group.group_id.unwrap_or_default())),
        None => Some(Place::Person(sender.clone())),
    }
}

#[cfg(test)]
mod tests;
