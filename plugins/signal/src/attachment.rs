//! Attachments on their way in and out: the token by which one is found again, and the data URI in which one is sent.

use creel_sdk::Media;
use creel_sdk::channel::Attachment;
use serde::{Deserialize, Serialize};

use crate::envelope::WireAttachment;
use crate::ids::{self, Person, Place};
use crate::limits::NAME_CHARS_MAX;

/// How an attachment is found again, also after a restart.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Token {
    /// The daemon's id of it, which is also the name of its file.
    pub(crate) id: String,
    /// In whose conversation it came, as the daemon wants to know; or
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recipient: Option<String>,
    /// in which group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group_id: Option<String>,
}

impl Token {
    /// Reads a token that this plugin made.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str::<Self>(text).ok().filter(|token| ids::is_attachment_id(&token.id))
    }
}

/// The attachment of a message; `None` where the daemon gives no usable id, so that nothing can be fetched.
pub(crate) fn incoming(wire: WireAttachment, sender: &Person, place: &Place) -> Option<Attachment> {
    let id = wire.id.filter(|id| ids::is_attachment_id(id))?;
    let (recipient, group_id) = match place {
        Place::Group(group) => (None, Some(group.clone())),
        Place::Person(_) | Place::Username(_) => (Some(sender.recipient().to_owned()), None),
    };
    Some(Attachment {
        token: serde_json::to_string(&Token { id, recipient, group_id }).ok()?,
        name: wire.filename.and_then(|name| display_name(&name)),
        content_type: wire.content_type,
        size: wire.size,
    })
}

/// What stands in a data URI before the base64 of a medium. All of it is plain ASCII that JSON does not escape.
pub(crate) fn data_uri_head(media: &Media) -> String {
    let content_type =
        if is_content_type(&media.content_type) { media.content_type.as_str() } else { "application/octet-stream" };
    let id = media.uri.rsplit('/').next().unwrap_or_default();
    let name = media.name.as_deref().and_then(display_name).unwrap_or_else(|| id.to_owned());
    format!("data:{content_type};filename={};base64,", percent_encoded(&name))
}

/// The last segment of a name that somebody gave, without control characters, and cut.
fn display_name(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
    let clean = clean.trim().trim_start_matches('.');
    (!clean.is_empty()).then(|| clean.to_owned())
}

/// `type/subtype` of RFC 6838, without parameters: a comma or a semicolon would end it.
fn is_content_type(text: &str) -> bool {
    let is_name = |name: &str| {
        (1..=127).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    text.split_once('/').is_some_and(|(kind, subtype)| is_name(kind) && is_name(subtype))
}

/// RFC 3986 with its unreserved characters alone, which the daemon decodes.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(id: &str, filename: &str) -> WireAttachment {
        WireAttachment {
            content_type: Some("image/jpeg".to_owned()),
            filename: Some(filename.to_owned()),
            id: Some(id.to_owned()),
            size: Some(7),
        }
    }

    fn ana() -> Person {
        Person::Uuid("7ccae375-cd51-4c82-8b1e-7be3280aa485".to_owned())
    }

    #[test]
    fn a_token_says_where_the_attachment_came_up() {
        let check = |place: &Place, expect: &str| {
            let attachment = incoming(wire("a.jpg", "cat.jpg"), &ana(), place).expect("an attachment");
            assert_eq!(attachment.token, expect);
            assert_eq!(attachment.name.as_deref(), Some("cat.jpg"));
            assert_eq!(attachment.size, Some(7));
            assert!(Token::parse(&attachment.token).is_some());
        };
        check(&Place::Person(ana()), r#"{"id":"a.jpg","recipient":"7ccae375-cd51-4c82-8b1e-7be3280aa485"}"#);
        check(&Place::Group("Z3JvdXA=".to_owned()), r#"{"id":"a.jpg","groupId":"Z3JvdXA="}"#);
    }

    #[test]
    fn the_longest_token_fits() {
        let place = Place::Group("a".repeat(88));
        let attachment = incoming(wire(&"a".repeat(255), "x"), &ana(), &place).expect("an attachment");
        assert!(attachment.token.len() < 4096);
    }

    #[test]
    fn an_id_that_names_another_directory_is_no_attachment() {
        for id in ["../secret", "/etc/passwd", "", "a b"] {
            assert!(incoming(wire(id, "x"), &ana(), &Place::Person(ana())).is_none(), "{id:?}");
            assert!(Token::parse(&serde_json::json!({ "id": id }).to_string()).is_none(), "{id:?}");
        }
        for text in ["", "{}", "[]", r#"{"id":"a","path":"/etc"}"#] {
            assert_eq!(Token::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn names_are_for_display_alone() {
        let check = |name: &str, expect: Option<&str>| assert_eq!(display_name(name).as_deref(), expect, "{name:?}");
        check("holiday photo.jpg", Some("holiday photo.jpg"));
        check("../../etc/passwd", Some("passwd"));
        check("C:\\Users\\a\\cat.jpg", Some("cat.jpg"));
        check("..", None);
        check("", None);
        check("\r\n", None);
        check(&"n".repeat(300), Some(&"n".repeat(100)));
    }

    #[test]
    fn a_data_uri_has_no_place_for_tricks() {
        let check = |content_type: &str, name: Option<&str>, expect: &str| {
            let media = Media {
                uri: "media://outbound/0123.png".to_owned(),
                content_type: content_type.to_owned(),
                size: 3,
                name: name.map(str::to_owned),
            };
            assert_eq!(data_uri_head(&media), expect);
        };
        check("image/png", Some("cat.png"), "data:image/png;filename=cat.png;base64,");
        check("image/png", None, "data:image/png;filename=0123.png;base64,");
        check("image/svg+xml", Some("a"), "data:image/svg+xml;filename=a;base64,");
        check("image/png", Some("a b;c,d\"e.png"), "data:image/png;filename=a%20b%3Bc%2Cd%22e.png;base64,");
        check("image/png", Some("äöü+.png"), "data:image/png;filename=%C3%A4%C3%B6%C3%BC%2B.png;base64,");
        check("text/plain; charset=utf-8", Some("a"), "data:application/octet-stream;filename=a;base64,");
        check("image/png,\"x", Some("a"), "data:application/octet-stream;filename=a;base64,");
        check("", Some("a"), "data:application/octet-stream;filename=a;base64,");
    }
}
