//! Tests of the outbox: order, tries, and what a crash in the middle of a try leaves.

use super::*;
use crate::fixture::{self, Fixture, outbound, outstanding};

fn only(store: &Store) -> OutboxRow {
    let mut rows = fixture::heads(store);
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

#[test]
fn a_try_that_ends_without_a_word_is_counted() {
    let fixture = Fixture::new();
    let id = fixture.store.outbox_put(&outbound("hello"), 1).unwrap();
    let row = only(&fixture.store);
    assert_eq!((row.attempts, row.interrupted, row.next_attempt_ms), (0, 0, 1));
    fixture.store.outbox_begin(id).unwrap();
    let fixture = fixture.crash(0);
    let row = only(&fixture.store);
    assert_eq!((row.attempts, row.interrupted), (1, 1));
    fixture.store.outbox_begin(id).unwrap();
    fixture.store.outbox_attempt(id, "the daemon is away", 5).unwrap();
    let fixture = fixture.crash(0);
    let row = only(&fixture.store);
    assert_eq!((row.attempts, row.interrupted, row.next_attempt_ms), (2, 1, 5));
    assert_eq!(row.last_error.as_deref(), Some("the daemon is away"));
    fixture.store.outbox_begin(id).unwrap();
    fixture.store.outbox_delivered(id, "1700", 6).unwrap();
    let fixture = fixture.crash(0);
    assert!(outstanding(&fixture.store).is_empty());
}

#[test]
fn what_answers_nothing_stands_in_the_log_of_its_session() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    store.outbox_put(&outbound("unasked"), 7).unwrap();
    store.outbox_put(&NewOutbound { session: "signal:bob".to_owned(), ..outbound("elsewhere") }, 8).unwrap();
    let entries = store.history("signal:alice", None, 10).unwrap();
    let said: Vec<_> =
        entries.iter().map(|entry| (entry.role, entry.text.as_str(), entry.inbound, entry.at_ms)).collect();
    assert_eq!(said, [(Role::Assistant, "unasked", None, 7)]);
    assert_eq!(store.conversation_of("signal:alice").unwrap(), None, "nobody has written from there");
    // What is too large for the outbox is in neither.
    let large = NewOutbound { session: "x".repeat(KEY_BYTES_MAX + 1), ..outbound("lost") };
    assert!(matches!(store.outbox_put(&large, 9), Err(TurnError::TooLarge { .. })));
    assert_eq!(store.session_names("", 10, |_| true).unwrap(), ["signal:alice", "signal:bob"]);
}

#[test]
fn what_is_settled_stays_settled() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let given_up = store.outbox_put(&outbound("a"), 1).unwrap();
    let delivered = store.outbox_put(&outbound("b"), 1).unwrap();
    store.outbox_given_up(given_up, "rejected", 2).unwrap();
    store.outbox_delivered(delivered, "7", 2).unwrap();
    for (id, text) in [
        (given_up, "no delivery under number 1 is outstanding"),
        (delivered, "no delivery under number 2 is outstanding"),
    ] {
        for result in [
            store.outbox_begin(id),
            store.outbox_attempt(id, "x", 3),
            store.outbox_delivered(id, "x", 3),
            store.outbox_given_up(id, "x", 3),
        ] {
            assert_eq!(result.unwrap_err().to_string(), text);
        }
    }
}

#[test]
fn however_much_waits_in_one_session_every_other_has_its_head() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let of = |session: &str| NewOutbound { session: session.to_owned(), ..outbound("x") };
    let settled = store.outbox_put(&of("signal:bob"), 1).unwrap();
    store.outbox_given_up(settled, "gone", 1).unwrap();
    let first = store
        .write::<_, TurnError>(|transaction| {
            let first = insert(transaction, &of("signal:alice"), None, 5)?;
            (0..1_500).try_for_each(|_| insert(transaction, &of("signal:alice"), None, 5).map(|_| ()))?;
            Ok(first)
        })
        .unwrap();
    let bob = store.outbox_put(&of("signal:bob"), 9).unwrap();
    let eve = store.outbox_put(&of("signal:eve"), 1).unwrap();
    let elsewhere = NewOutbound { channel: ChannelId::parse("telegram").unwrap(), ..of("telegram:alice") };
    let elsewhere = store.outbox_put(&elsewhere, 1).unwrap();
    let telegram = ChannelId::parse("telegram").unwrap();
    let heads = |channels: &[ChannelId], count| {
        store.outbox_heads(channels, count).unwrap().iter().map(|row| row.id).collect::<Vec<_>>()
    };
    let signal = [crate::fixture::channel()];
    assert_eq!(heads(&signal, 10), [eve, first, bob]);
    assert_eq!(heads(&signal, 2), [eve, first]);
    assert_eq!(heads(&[crate::fixture::channel(), telegram], 10), [eve, elsewhere, first, bob]);
    assert_eq!(heads(&[], 10), []);
    store.outbox_begin(first).unwrap();
    assert_eq!(store.outbox_heads(&signal, 2).unwrap()[1].interrupted, 1);
    store.outbox_delivered(first, "1", 1).unwrap();
    assert_eq!(heads(&signal, 10), [eve, OutboxId(first.0 + 1), bob]);
}

#[test]
fn the_words_of_a_failure_are_cut_at_a_character() {
    let fixture = Fixture::new();
    let id = fixture.store.outbox_put(&outbound("a"), 1).unwrap();
    fixture.store.outbox_attempt(id, &"ü".repeat(2000), 2).unwrap();
    assert_eq!(only(&fixture.store).last_error.map(|text| text.len()), Some(2048));
}
