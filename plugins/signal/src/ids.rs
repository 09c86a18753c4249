//! The grammar of Signal's names: people, conversations, messages and attachments. Parses and prints; asks nobody.

use std::fmt;

/// Somebody on Signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Person {
    /// The account id, stable for as long as the account lives; lower case.
    Uuid(String),
    /// A phone number, `+` and digits, where no account id is known.
    Number(String),
}

impl Person {
    /// Reads `uuid:<uuid>`, a bare uuid or a phone number; `signal:` before it is allowed.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("signal:").unwrap_or(text);
        let bare = text.strip_prefix("uuid:").unwrap_or(text);
        if is_uuid(bare) {
            return Some(Self::Uuid(bare.to_ascii_lowercase()));
        }
        is_number(text).then(|| Self::Number(text.to_owned()))
    }

    /// The person behind a pair of fields, either of which the daemon may leave out; the account id counts first.
    pub(crate) fn from_fields(uuid: Option<&str>, number: Option<&str>) -> Option<Self> {
        let parse = |text: Option<&str>| text.and_then(Self::parse);
        parse(uuid).or_else(|| parse(number))
    }

    /// As the daemon takes it: without the `uuid:`.
    pub(crate) fn recipient(&self) -> &str {
        match self {
            Self::Uuid(text) | Self::Number(text) => text,
        }
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(uuid) => write!(f, "uuid:{uuid}"),
            Self::Number(number) => f.write_str(number),
        }
    }
}

/// Where a message is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Between two.
    Person(Person),
    /// `group:<id>`; the id is base64 of 16 or 32 bytes.
    Group(String),
    /// `username:<name>`, to which can only be sent.
    Username(String),
}

impl Place {
    /// Reads the id of a conversation.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("signal:").unwrap_or(text);
        if let Some(group) = text.strip_prefix("group:") {
            return is_group_id(group).then(|| Self::Group(group.to_owned()));
        }
        if let Some(name) = text.strip_prefix("username:") {
            return is_username(name).then(|| Self::Username(name.to_owned()));
        }
        Person::parse(text).map(Self::Person)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(person) => person.fmt(f),
            Self::Group(id) => write!(f, "group:{id}"),
            Self::Username(name) => write!(f, "username:{name}"),
        }
    }
}

/// A message: who said it, and when by the sender's clock, which is how Signal itself names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MessageId {
    /// `None` for what this account said itself.
    pub(crate) author: Option<Person>,
    /// Milliseconds since the Unix epoch.
    pub(crate) timestamp: u64,
}

impl MessageId {
    /// Reads `<person>:<timestamp>`, or a bare timestamp for what this account said.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (author, timestamp) = match text.rsplit_once(':') {
            Some((author, timestamp)) => (Some(Person::parse(author)?), timestamp),
            None => (None, text),
        };
        let digits = timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let timestamp = timestamp.parse().ok().filter(|_| digits)?;
        Some(Self { author, timestamp })
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.author {
            Some(author) => write!(f, "{author}:{}", self.timestamp),
            None => write!(f, "{}", self.timestamp),
        }
    }
}

/// Whether this is the id of an attachment as the daemon gives it, which is also the name of its file: nothing that
/// could mean another directory.
pub(crate) fn is_attachment_id(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && !text.starts_with('.')
        && !text.contains("..")
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

/// Whether this is a phone number in the international form of E.164.
pub(crate) fn is_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (5..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Standard base64 with its padding, of no more than 64 bytes.
fn is_group_id(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let padding = text.len() - body.len();
    (1..=88).contains(&text.len())
        && text.len().is_multiple_of(4)
        && padding <= 2
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

/// A nickname, a dot and digits.
fn is_username(text: &str) -> bool {
    text.split_once('.').is_some_and(|(nickname, digits)| {
        (3..=32).contains(&nickname.len())
            && nickname.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && (2..=20).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "7ccae375-cd51-4c82-8b1e-7be3280aa485";

    #[test]
    fn people_are_read_in_every_spelling_and_printed_in_one() {
        let check = |text: &str, expect: &str| {
            assert_eq!(Person::parse(text).expect("a person").to_string(), expect);
        };
        let printed = format!("uuid:{UUID}");
        check(UUID, &printed);
        check(&UUID.to_uppercase(), &printed);
        check(&printed, &printed);
        check(&format!("signal:{printed}"), &printed);
        check("+15551234567", "+15551234567");
        check("signal:+15551234567", "+15551234567");
        assert_eq!(Person::parse(&printed).expect("a person").recipient(), UUID);
    }

    #[test]
    fn what_only_resembles_a_person_is_none() {
        let near = [
            "",
            "+",
            "15551234567",
            "+0555123456",
            "+1555",
            "+1234567890123456",
            "+1555 1234567",
            "+15551234567\n",
            "uuid:",
            "uuid:+15551234567",
            "--account",
            "7ccae375-cd51-4c82-8b1e-7be3280aa48",
            "7ccae375-cd51-4c82-8b1e-7be3280aa48g",
            "7ccae375ccd51-4c82-8b1e-7be3280aa485",
        ];
        for text in near {
            assert_eq!(Person::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_account_id_counts_before_the_number() {
        let number = Some("+15551234567");
        assert_eq!(Person::from_fields(Some(UUID), number), Some(Person::Uuid(UUID.to_owned())));
        assert_eq!(Person::from_fields(None, number), Some(Person::Number("+15551234567".to_owned())));
        assert_eq!(Person::from_fields(Some(""), number), Some(Person::Number("+15551234567".to_owned())));
        assert_eq!(Person::from_fields(None, None), None);
    }

    #[test]
    fn places_are_people_groups_and_usernames() {
        for text in [
            &format!("uuid:{UUID}"),
            "+15551234567",
            "group:EdSqI90cS0UomDpgUXOlCoObWvQOXlH5G3Z2d3f4ayE=",
            "username:ana.42",
        ] {
            assert_eq!(Place::parse(text).expect("a place").to_string(), text);
        }
        for text in [
            "",
            "group:",
            "group:abc",
            "group:a=bc",
            "group:../x",
            "group:ab\"=",
            "username:a",
            "username:ana.4;2",
            "email:x@y",
        ] {
            assert_eq!(Place::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_message_is_named_by_its_author_and_time() {
        for text in [&format!("uuid:{UUID}:1700000000000"), "+15551234567:1700000000000", "1700000000000"] {
            assert_eq!(MessageId::parse(text).expect("a message id").to_string(), text);
        }
        assert_eq!(MessageId::parse("1700000000000").expect("a message id").author, None);
        for text in [
            "",
            ":",
            "+15551234567:",
            "+15551234567",
            "+15551234567:-1",
            "+15551234567:+1",
            "somebody:17",
            "99999999999999999999",
        ] {
            assert_eq!(MessageId::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_attachment_is_named_by_one_harmless_segment() {
        for text in ["a", "1h3gGaF7Mb1Xh1cD.jpg", "kIAf-_3.tar.gz"] {
            assert!(is_attachment_id(text), "{text:?}");
        }
        for text in ["", ".", "..", ".hidden", "a..b", "a/b", "../a", "a\\b", "a b", "ä.jpg", "a\0", &"a".repeat(256)]
        {
            assert!(!is_attachment_id(text), "{text:?}");
        }
    }
}
