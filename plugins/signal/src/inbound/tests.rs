//! What each kind of envelope turns out to be, and the near misses.

use serde_json::{Value, json};

use super::*;

const ANA: &str = "7ccae375-cd51-4c82-8b1e-7be3280aa485";
const BEN: &str = "0f3a1b2c-0000-4000-8000-00000000beef";
const OWN: &str = "+15550000000";
const GROUP: &str = "EdSqI90cS0UomDpgUXOlCoObWvQOXlH5G3Z2d3f4ayE=";
const THEN: u64 = 1_700_000_000_000;

/// An event from Ana with these fields beside her own.
fn event(content: Value) -> Value {
    let mut envelope = json!({
        "source": "+15551234567", "sourceNumber": "+15551234567", "sourceUuid": ANA, "sourceName": "Ana",
        "sourceDevice": 1, "timestamp": THEN, "serverReceivedTimestamp": THEN + 5, "serverDeliveredTimestamp": THEN + 6,
    });
    let fields = envelope.as_object_mut().expect("an object");
    fields.extend(content.as_object().expect("an object").clone());
    json!({ "account": OWN, "envelope": envelope })
}

fn data(fields: Value) -> Value {
    let mut message = json!({ "timestamp": THEN, "message": "hello", "expiresInSeconds": 0, "viewOnce": false });
    let known = message.as_object_mut().expect("an object");
    known.extend(fields.as_object().expect("an object").clone());
    event(json!({ "dataMessage": message }))
}

fn hear(event: &Value) -> Heard {
    read(&event.to_string(), &Settings::default())
}

fn message(event: &Value) -> Inbound {
    match hear(event) {
        Heard::Message(message, 0) => *message,
        other => panic!("{event:#} is {other:?}"),
    }
}

fn ignored(event: &Value, expect: &'static str) {
    assert_eq!(hear(event), Heard::Ignored(expect), "{event:#}");
}

fn trouble(event: &Value, expect: &str) {
    match hear(event) {
        Heard::Trouble(why) => assert!(why.contains(expect), "{why}"),
        other => panic!("{event:#} is {other:?}"),
    }
}

fn picture(id: &str) -> Value {
    json!({ "contentType": "image/jpeg", "filename": "cat.jpg", "id": id, "size": 1234, "width": 4, "height": 3 })
}

#[test]
fn a_text_of_somebody() {
    let expect = Inbound {
        id: format!("uuid:{ANA}:{THEN}"),
        sender: Peer {
            id: format!("uuid:{ANA}"),
            aliases: vec!["+15551234567".to_owned(), ANA.to_owned()],
            name: Some("Ana".to_owned()),
        },
        conversation: Conversation { id: format!("uuid:{ANA}"), is_group: false, thread: None },
        text: "hello".to_owned(),
        attachments: Vec::new(),
        reply_to: None,
        sent_at_ms: THEN,
    };
    assert_eq!(message(&data(json!({}))), expect);
}

#[test]
fn a_sender_without_a_number_and_one_without_an_account_id() {
    let mut hidden = data(json!({}));
    hidden["envelope"]["sourceNumber"] = Value::Null;
    hidden["envelope"]["source"] = json!(ANA);
    let peer = message(&hidden).sender;
    assert_eq!((peer.id, peer.aliases), (format!("uuid:{ANA}"), vec![ANA.to_owned()]));

    let mut old = data(json!({}));
    old["envelope"]["sourceUuid"] = Value::Null;
    old["envelope"]["sourceName"] = json!(" ");
    let heard = message(&old);
    assert_eq!(heard.id, format!("+15551234567:{THEN}"));
    assert_eq!(heard.conversation.id, "+15551234567");
    assert_eq!((heard.sender.aliases, heard.sender.name), (Vec::new(), None));

    let mut oldest = data(json!({}));
    for field in ["sourceUuid", "sourceNumber", "sourceName"] {
        oldest["envelope"].as_object_mut().expect("an object").remove(field);
    }
    assert_eq!(message(&oldest).sender.id, "+15551234567");
    oldest["envelope"]["source"] = Value::Null;
    trouble(&oldest, "no sender");
}

#[test]
fn a_message_in_a_group_is_answered_in_the_group() {
    let heard = message(&data(
        json!({ "groupInfo": { "groupId": GROUP, "groupName": "Cats", "revision": 3, "type": "DELIVER" } }),
    ));
    assert_eq!(heard.conversation, Conversation { id: format!("group:{GROUP}"), is_group: true, thread: None });
    assert_eq!(heard.sender.id, format!("uuid:{ANA}"));
}

#[test]
fn a_group_that_cannot_be_named_is_no_conversation_with_the_sender() {
    trouble(&data(json!({ "groupInfo": { "groupId": "not base64!" } })), "group");
    trouble(&data(json!({ "groupInfo": { "groupId": null, "type": "DELIVER" } })), "group");
}

#[test]
fn media_alone_are_a_message_without_text() {
    let heard = message(&data(json!({ "message": null, "attachments": [picture("a1.jpg"), picture("a2.jpg")] })));
    assert_eq!(heard.text, "");
    let tokens: Vec<_> = heard.attachments.iter().map(|attachment| attachment.token.as_str()).collect();
    let token = |id| json!({ "id": id, "recipient": ANA }).to_string();
    assert_eq!(tokens, [token("a1.jpg"), token("a2.jpg")]);
    assert_eq!(heard.attachments[0].content_type.as_deref(), Some("image/jpeg"));
    assert_eq!(heard.attachments[0].size, Some(1234));
}

#[test]
fn an_attachment_that_the_daemon_does_not_have_is_counted() {
    let lost = json!({ "contentType": "image/jpeg", "id": null, "size": null, "filename": null });
    let heard = hear(&data(json!({ "attachments": [lost, picture("a.jpg")] })));
    let Heard::Message(heard, missing) = heard else { panic!("{heard:?}") };
    assert_eq!((heard.attachments.len(), missing), (1, 1));
    trouble(&data(json!({ "message": null, "attachments": [lost] })), "the daemon has none of them");
    trouble(&data(json!({ "message": null, "attachments": [picture("../../etc/passwd")] })), "has none of them");
}

#[test]
fn attachments_are_bounded() {
    let many: Vec<_> = (0..100).map(|number| picture(&format!("a{number}"))).collect();
    let Heard::Message(heard, missing) = hear(&data(json!({ "attachments": many }))) else { panic!("no message") };
    assert_eq!((heard.attachments.len(), missing), (ATTACHMENTS_MAX, 100 - ATTACHMENTS_MAX));
}

#[test]
fn a_quote_names_the_message_that_is_answered() {
    let answers = |quote: Value| message(&data(json!({ "quote": quote }))).reply_to;
    let full = json!({ "id": 17, "author": "+15559876543", "authorNumber": "+15559876543", "authorUuid": BEN, "text": "?", "attachments": [] });
    assert_eq!(answers(full), Some(format!("uuid:{BEN}:17")));
    assert_eq!(answers(json!({ "id": 17, "author": BEN })), Some(format!("uuid:{BEN}:17")));
    assert_eq!(answers(json!({ "id": 17, "authorNumber": "+15559876543" })), Some("+15559876543:17".to_owned()));
    assert_eq!(answers(json!({ "id": 17, "authorNumber": OWN, "authorUuid": BEN })), Some("17".to_owned()));
    assert_eq!(answers(json!({ "id": 17, "author": "somebody" })), None);
}

#[test]
fn a_mention_is_read_by_name() {
    let mentions = json!([{ "name": "Ben", "number": null, "uuid": BEN, "start": 4, "length": 1 }]);
    assert_eq!(message(&data(json!({ "message": "ask \u{FFFC}!", "mentions": mentions }))).text, "ask @Ben!");
}

#[test]
fn an_edit_is_a_message_of_its_own_that_says_so() {
    let edit = |content: Value| event(json!({ "editMessage": content }));
    let heard = message(&edit(json!({
        "targetSentTimestamp": THEN - 60_000,
        "dataMessage": { "timestamp": THEN, "message": "hello!", "quote": { "id": 17, "authorUuid": BEN } },
    })));
    assert_eq!(heard.id, format!("uuid:{ANA}:{THEN}"));
    assert_eq!(heard.text, "[edited] hello!");
    assert_eq!(heard.reply_to, Some(format!("uuid:{ANA}:{}", THEN - 60_000)));
    ignored(&edit(json!({ "targetSentTimestamp": 1 })), "an edit without content");
    let empty = json!({ "targetSentTimestamp": 1, "dataMessage": { "timestamp": THEN, "message": null } });
    ignored(&edit(empty), "a message without text or attachments");
}

#[test]
fn what_is_not_said_to_us_is_ignored() {
    ignored(&event(json!({ "receiptMessage": { "when": THEN, "isRead": true, "timestamps": [1] } })), "a receipt");
    ignored(
        &event(json!({ "typingMessage": { "action": "STARTED", "timestamp": THEN } })),
        "a note that somebody is typing",
    );
    ignored(&event(json!({ "callMessage": { "offerMessage": {} } })), "a call");
    ignored(&event(json!({ "storyMessage": { "textAttachment": { "text": "look" } } })), "a story");
    ignored(&event(json!({})), "an envelope without content");
    ignored(&json!({ "account": OWN }), "an event without an envelope");
    ignored(&json!({ "account": OWN, "envelope": { "timestamp": THEN } }), "an envelope without a sender");
    let reaction = json!({ "message": null, "reaction": { "emoji": "👍", "targetAuthorUuid": ANA, "targetSentTimestamp": 1, "isRemove": false } });
    ignored(&data(reaction), "a reaction");
    ignored(&data(json!({ "message": null, "remoteDelete": { "timestamp": 1 } })), "a deletion");
    let expiration = json!({ "message": null, "isExpirationUpdate": true, "expiresInSeconds": 60 });
    ignored(&data(expiration), "a change of the time after which messages disappear");
    ignored(&data(json!({ "message": null, "sticker": { "packId": "x", "stickerId": 1 } })), "a sticker");
    let update = json!({ "message": null, "groupInfo": { "groupId": GROUP, "type": "UPDATE" } });
    ignored(&data(update), "a message without text or attachments");
}

#[test]
fn what_we_said_ourselves_is_ignored() {
    let sent = json!({ "syncMessage": { "sentMessage": { "destination": "+15551234567", "timestamp": THEN, "message": "hi" } } });
    ignored(&event(sent), "an echo of what another device of this account did");
    let mut own = data(json!({}));
    own["envelope"]["sourceNumber"] = json!(OWN);
    ignored(&own, "a message of this account itself");
}

#[test]
fn an_event_of_another_account_is_ignored_where_one_is_set() {
    let settings = |account: &str| Settings { account: Some(account.to_owned()), ..Settings::default() };
    let event = data(json!({})).to_string();
    assert_eq!(read(&event, &settings("+15559999999")), Heard::Ignored("an event of another account"));
    assert!(matches!(read(&event, &settings(OWN)), Heard::Message(_, 0)));
}

#[test]
fn the_operator_can_do_without_attachments() {
    let settings = Settings { ignore_attachments: true, ..Settings::default() };
    let with_text = data(json!({ "attachments": [picture("a.jpg")] })).to_string();
    let Heard::Message(heard, 0) = read(&with_text, &settings) else { panic!("no message") };
    assert_eq!((heard.text.as_str(), heard.attachments.len()), ("hello", 0));
    let alone = data(json!({ "message": null, "attachments": [picture("a.jpg")] })).to_string();
    assert_eq!(read(&alone, &settings), Heard::Ignored("a message without text or attachments"));
}

#[test]
fn the_operator_can_have_stories() {
    let settings = Settings { ignore_stories: false, ..Settings::default() };
    let story = event(
        json!({ "storyMessage": { "allowsReplies": true, "groupId": GROUP, "fileAttachment": picture("s.jpg") } }),
    );
    let Heard::Message(heard, 0) = read(&story.to_string(), &settings) else { panic!("no message") };
    assert_eq!(heard.id, format!("uuid:{ANA}:{THEN}"));
    assert_eq!(heard.conversation.id, format!("group:{GROUP}"));
    assert_eq!(heard.attachments.len(), 1);
}

#[test]
fn what_could_not_be_decrypted_is_trouble() {
    let mut event = event(json!({}));
    event["exception"] = json!({ "message": "invalid\nmessage", "type": "ProtocolInvalidMessageException" });
    trouble(&event, "could not decrypt a message: ProtocolInvalidMessageException: invalidmessage");
}

#[test]
fn what_is_no_event_is_trouble_and_stays_private() {
    for text in ["", "{", "[]", "null", r#"{"envelope":{"timestamp":"my secret"}}"#, r#"{"envelope":"my secret"}"#] {
        let Heard::Trouble(why) = read(text, &Settings::default()) else { panic!("{text}") };
        assert!(why.contains("not as signal-cli writes them") && !why.contains("secret"), "{why}");
    }
}

#[test]
fn what_later_daemons_add_is_no_trouble() {
    let heard =
        data(json!({ "storyContext": { "authorUuid": BEN }, "pollVote": null, "somethingNew": [1, { "a": null }] }));
    assert_eq!(message(&heard).text, "hello");
}
