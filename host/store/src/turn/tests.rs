//! Tests of the durable turn: each step, each step twice, and a process that ends behind each step.

use super::*;
use crate::Store;
use crate::fixture::{Fixture, PNG, heads, message, outbound, outstanding};
use crate::session::{Entry, Role};
use creel_policy::media::Area;

fn reply(text: &str) -> Reply {
    Reply {
        text: text.to_owned(),
        media: Vec::new(),
        model: "ollama/glm-5:cloud".to_owned(),
        derivation_json: "{}".to_owned(),
        usage_json: None,
    }
}

fn history(store: &Store) -> Vec<Entry> {
    store.history("signal:alice", None, 100).expect("the history can be read")
}

fn next(store: &Store) -> Option<InboundRecord> {
    store.inbound_next("signal:alice").expect("it can be read")
}

fn state(store: &Store, id: InboundId) -> InboundState {
    store.inbound(id).expect("it is stored").state
}

#[test]
fn a_process_that_ends_behind_any_step_loses_nothing_and_repeats_nothing() {
    let fixture = Fixture::new();
    let id = fixture.receive("m1", 2);

    let fixture = fixture.crash(0);
    let unfinished = next(&fixture.store).expect("it is not lost");
    assert_eq!(unfinished.message.text, "text of m1");
    assert_eq!(unfinished.attachments.len(), 2);
    assert_eq!(unfinished.attachments[1].json, r#"{"token":"1"}"#);
    let medium = fixture.store.media_put(Area::Inbound, None, PNG, 3).unwrap();
    fixture.store.inbound_attachment_stored(id, 0, &medium.media).unwrap();

    let fixture = fixture.crash(0);
    let record = fixture.store.inbound(id).unwrap();
    assert_eq!(record.attachments[0].state, AttachmentState::Stored(medium.media.clone()));
    assert_eq!(record.attachments[1].state, AttachmentState::Pending);
    let early = fixture.store.inbound_ready(id, 4).unwrap_err();
    assert_eq!(early.to_string(), "message 1 has 1 attachments that are still to be collected");
    fixture.store.inbound_attachment_failed(id, 1, "gone").unwrap();
    let seq = fixture.store.inbound_ready(id, 4).unwrap();

    let fixture = fixture.crash(0);
    assert_eq!(fixture.store.inbound_ready(id, 5).unwrap(), seq);
    let entries = history(&fixture.store);
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].media, vec![medium.media.clone()]);
    assert_eq!(entries[0].missing, vec!["gone".to_owned()]);
    assert_eq!(next(&fixture.store).map(|record| record.state), Some(InboundState::Ready));
    fixture.store.reply_commit(id, &reply("a cat"), &[outbound("a cat")], 6).unwrap();

    let fixture = fixture.crash(0);
    fixture.store.reply_commit(id, &reply("a dog"), &[outbound("a dog")], 7).unwrap();
    assert_eq!(next(&fixture.store), None);
    let entries = history(&fixture.store);
    let said: Vec<_> = entries.iter().map(|entry| (entry.role, entry.text.as_str())).collect();
    assert_eq!(said, [(Role::User, "text of m1"), (Role::Assistant, "a cat")]);
    let pending = heads(&fixture.store);
    assert_eq!(pending.iter().map(|row| row.message.text.as_str()).collect::<Vec<_>>(), ["a cat"]);
    assert_eq!(pending[0].inbound, Some(id));
    assert_eq!(outstanding(&fixture.store), [pending[0].id]);
}

#[test]
fn a_double_is_known_even_after_it_was_answered() {
    let fixture = Fixture::new();
    let id = fixture.receive("m1", 0);
    assert_eq!(fixture.store.inbound_insert(&message("m1", 1)).unwrap(), Inserted::Duplicate(id));
    fixture.store.inbound_ready(id, 1).unwrap();
    fixture.store.reply_commit(id, &reply("x"), &[], 2).unwrap();
    let fixture = fixture.crash(0);
    assert_eq!(fixture.store.inbound_insert(&message("m1", 1)).unwrap(), Inserted::Duplicate(id));
    let other = NewInbound { channel: ChannelId::parse("telegram").unwrap(), ..message("m1", 0) };
    assert!(matches!(fixture.store.inbound_insert(&other).unwrap(), Inserted::New(_)));
}

#[test]
fn steps_out_of_order_are_refused_by_name() {
    let fixture = Fixture::new();
    let id = fixture.receive("m1", 1);
    let store = &fixture.store;
    let media = store.media_put(Area::Inbound, None, PNG, 3).unwrap().media;
    let text = |result: Result<(), TurnError>| result.unwrap_err().to_string();
    assert_eq!(
        text(store.reply_commit(id, &reply("x"), &[], 1)),
        "message 1 is `received`, which does not go on to `answered`"
    );
    assert_eq!(text(store.inbound_attachment_stored(id, 1, &media)), "message 1 has no attachment 1");
    assert_eq!(text(store.inbound_attachment_stored(InboundId(9), 0, &media)), "no message has the number 9");
    store.inbound_failed(id, "no model takes images", &[outbound("sorry")], 2).unwrap();
    store.inbound_failed(id, "again", &[outbound("sorry")], 2).unwrap();
    assert_eq!(
        text(store.inbound_attachment_stored(id, 0, &media)),
        "message 1 is `failed`, which does not go on to `received`"
    );
    assert_eq!(
        text(store.reply_commit(id, &reply("x"), &[], 1)),
        "message 1 is `failed`, which does not go on to `answered`"
    );
    assert_eq!(store.inbound(id).unwrap().reason.as_deref(), Some("no model takes images"));
    assert_eq!(outstanding(store).len(), 1);
    let answered = fixture.receive("m2", 0);
    store.inbound_ready(answered, 3).unwrap();
    store.reply_commit(answered, &reply("x"), &[], 4).unwrap();
    assert_eq!(
        text(store.inbound_failed(answered, "late", &[], 5)),
        "message 2 is `answered`, which does not go on to `failed`"
    );
    assert_eq!(state(store, answered), InboundState::Answered);
}

#[test]
fn an_attachment_that_is_collected_twice_stays_the_first() {
    let fixture = Fixture::new();
    let id = fixture.receive("m1", 1);
    let first = fixture.store.media_put(Area::Inbound, None, PNG, 3).unwrap().media;
    let second = fixture.store.media_put(Area::Inbound, None, PNG, 3).unwrap().media;
    fixture.store.inbound_attachment_stored(id, 0, &first).unwrap();
    fixture.store.inbound_attachment_stored(id, 0, &second).unwrap();
    fixture.store.inbound_attachment_failed(id, 0, "gone").unwrap();
    assert_eq!(fixture.store.inbound(id).unwrap().attachments[0].state, AttachmentState::Stored(first));
}

#[test]
fn a_session_has_one_message_whose_turn_it_is() {
    let fixture = Fixture::new();
    let (first, second) = (fixture.receive("m1", 0), fixture.receive("m2", 0));
    let other = NewInbound { session: "signal:bob".to_owned(), ..message("m3", 0) };
    let Inserted::New(other) = fixture.store.inbound_insert(&other).unwrap() else { panic!("it is new") };
    let next = |session: &str| fixture.store.inbound_next(session).unwrap().map(|record| record.id);
    assert_eq!((next("signal:alice"), next("signal:bob"), next("signal:eve")), (Some(first), Some(other), None));
    fixture.store.inbound_ready(first, 1).unwrap();
    assert_eq!(next("signal:alice"), Some(first));
    fixture.store.reply_commit(first, &reply("x"), &[], 2).unwrap();
    assert_eq!(next("signal:alice"), Some(second));
    fixture.store.inbound_failed(second, "x", &[], 3).unwrap();
    assert_eq!(next("signal:alice"), None);
}

#[test]
fn however_much_waits_in_one_session_every_other_is_taken_up() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let of =
        |session: &str, n: usize| NewInbound { session: session.to_owned(), ..message(&format!("{session}{n}"), 0) };
    let alice: Vec<_> = (0..40).map(|n| store.inbound_insert(&of("signal:alice", n)).unwrap()).collect();
    store.inbound_insert(&of("signal:bob", 0)).unwrap();
    let telegram = ChannelId::parse("telegram").unwrap();
    store.inbound_insert(&NewInbound { channel: telegram.clone(), ..of("telegram:eve", 0) }).unwrap();
    let Inserted::New(done) = store.inbound_insert(&of("signal:carol", 0)).unwrap() else { panic!("it is new") };
    store.inbound_failed(done, "x", &[], 1).unwrap();
    let signal = crate::fixture::channel();
    let expected = [("signal:alice", &signal), ("signal:bob", &signal), ("telegram:eve", &telegram)]
        .map(|(key, channel)| (key.to_owned(), channel.clone()));
    assert_eq!(store.inbound_sessions("", 10).unwrap(), expected);
    assert_eq!(store.inbound_sessions("", 2).unwrap(), expected[..2]);
    assert_eq!(store.inbound_sessions("signal:bob", 2).unwrap(), expected[2..]);
    assert_eq!(store.inbound_sessions("telegram:eve", 2).unwrap(), []);
    for inserted in alice {
        let Inserted::New(id) = inserted else { panic!("it is new") };
        store.inbound_failed(id, "x", &[], 1).unwrap();
    }
    assert_eq!(store.inbound_sessions("", 10).unwrap(), expected[1..]);
}

#[test]
fn a_turn_sees_what_came_before_it_and_not_behind() {
    let fixture = Fixture::new();
    let (first, second) = (fixture.receive("m1", 0), fixture.receive("m2", 0));
    let through = fixture.store.inbound_ready(first, 1).unwrap();
    fixture.store.inbound_ready(second, 2).unwrap();
    let seen = fixture.store.history("signal:alice", Some(through), 10).unwrap();
    assert_eq!(seen.iter().map(|entry| entry.text.as_str()).collect::<Vec<_>>(), ["text of m1"]);
    let last = fixture.store.history("signal:alice", None, 1).unwrap();
    assert_eq!(last.iter().map(|entry| entry.text.as_str()).collect::<Vec<_>>(), ["text of m2"]);
    assert!(fixture.store.history("signal:bob", None, 10).unwrap().is_empty());
}

#[test]
fn bounds_are_reached_and_not_passed() {
    use creel_policy::limits::{ATTACHMENTS_MAX, INBOUND_TEXT_BYTES_MAX};
    let fixture = Fixture::new();
    let insert = |message: &NewInbound| fixture.store.inbound_insert(message).map(|_| ()).map_err(|e| e.to_string());
    let most = NewInbound { text: "x".repeat(INBOUND_TEXT_BYTES_MAX), ..message("m1", ATTACHMENTS_MAX) };
    assert_eq!(insert(&most), Ok(()));
    let long = NewInbound { text: "x".repeat(INBOUND_TEXT_BYTES_MAX + 1), ..message("m2", 0) };
    assert_eq!(insert(&long), Err("the text of the message has more than 262144 bytes".to_owned()));
    assert_eq!(insert(&message("m3", 33)), Err("a message has at most 32 attachments".to_owned()));
}

#[test]
fn what_is_stored_names_media_by_handle_and_by_nothing_else() {
    let fixture = Fixture::new();
    let id = fixture.receive("m1", 1);
    let media = fixture.store.media_put(Area::Inbound, None, PNG, 3).unwrap().media;
    fixture.store.inbound_attachment_stored(id, 0, &media).unwrap();
    fixture.store.inbound_ready(id, 4).unwrap();
    let state = fixture.state();
    drop(fixture.store);
    let database = std::fs::read(state.join("creel.db")).unwrap();
    let path = state.to_str().unwrap().as_bytes();
    assert!(!database.windows(path.len()).any(|window| window == path));
    assert!(database.windows(16).any(|window| window == b"media://inbound/"));
}

/// Where a turn stands, in the order in which it goes there.
fn standing(store: &Store, id: InboundId) -> usize {
    let Ok(record) = store.inbound(id) else { return 0 };
    let (entries, deliveries) = (history(store).len(), outstanding(store).len());
    match (record.state, &record.attachments[0].state) {
        (InboundState::Received, AttachmentState::Pending) => {
            assert_eq!((entries, deliveries), (0, 0));
            1
        }
        (InboundState::Received, AttachmentState::Stored(media)) => {
            assert_eq!((entries, deliveries), (0, 0));
            store.media_open(media).unwrap();
            2
        }
        (InboundState::Ready, AttachmentState::Stored(_)) => {
            assert_eq!((entries, deliveries), (1, 0));
            3
        }
        (InboundState::Answered, AttachmentState::Stored(_)) => {
            assert_eq!((entries, deliveries), (2, 2));
            4
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_power_cut_at_any_byte_leaves_whole_steps() {
    let fixture = Fixture::new();
    let log = fixture.state().join("creel.db-wal");
    let id = fixture.receive("m1", 1);
    let media = fixture.store.media_put(Area::Inbound, None, PNG, 3).unwrap().media;
    fixture.store.inbound_attachment_stored(id, 0, &media).unwrap();
    fixture.store.inbound_ready(id, 4).unwrap();
    let deliveries = [outbound("a cat"), outbound("and a dog")];
    fixture.store.reply_commit(id, &reply("a cat and a dog"), &deliveries, 5).unwrap();
    let length = std::fs::metadata(&log).unwrap().len();
    let mut seen = Vec::new();
    // 997 is prime: the cuts fall on every part of the frames of the log.
    for lost in (0..length).step_by(997) {
        let after = fixture.crash(lost);
        seen.push(standing(&after.store, id));
    }
    assert!(seen.is_sorted_by(|later, earlier| later >= earlier), "{seen:?}");
    seen.dedup();
    assert_eq!(seen, [4, 3, 2, 1, 0]);
}

#[test]
fn k14_u12_a_message_that_names_a_medium_of_its_session_shows_it_again_and_no_one_elses() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let said = |session: &str, message_id: &str, text: String, attached: &[MediaRef]| {
        let new = NewInbound { session: session.to_owned(), text, ..message(message_id, attached.len()) };
        let id = match store.inbound_insert(&new).unwrap() {
            Inserted::New(id) | Inserted::Duplicate(id) => id,
        };
        for (position, media) in attached.iter().enumerate() {
            store.inbound_attachment_stored(id, position, media).unwrap();
        }
        store.inbound_ready(id, 5).unwrap();
        store.history(session, None, 100).unwrap().pop().unwrap().media
    };
    let put = |bytes: &[u8]| store.media_put(Area::Inbound, None, bytes, 3).unwrap().media;
    let (cat, dog, hers) = (put(b"cat"), put(b"dog"), put(b"hers"));
    said("signal:alice", "m1", String::new(), std::slice::from_ref(&cat));
    said("signal:bea", "m2", String::new(), std::slice::from_ref(&hers));
    // As the older gateway wrote it, and more than once.
    let text = format!("[media attached 1/1: {cat}] like {cat} and {hers}, media://inbound/none.png");
    assert_eq!(said("signal:alice", "m3", text.clone(), std::slice::from_ref(&dog)), [dog, cat.clone()]);
    assert_eq!(said("signal:bea", "m4", text, &[]), [hers]);
    store.media_remove(&cat, true, 9).unwrap();
    assert_eq!(said("signal:alice", "m5", format!("again {cat}"), &[]), []);
}
