//! Tests of the outbox: order, tries, and what a crash in the middle of a try leaves.

use super::*;
use crate::fixture::{Fixture, outbound};

fn only(store: &Store) -> OutboxRow {
    let mut rows = store.outbox_pending(None, 10).unwrap();
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
    assert!(fixture.store.outbox_pending(None, 10).unwrap().is_empty());
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
fn deliveries_come_in_order_and_in_pages() {
    let fixture = Fixture::new();
    let ids: Vec<_> = (0..4).map(|n| fixture.store.outbox_put(&outbound(&n.to_string()), 9 - n).unwrap()).collect();
    let page = |after, count| {
        let rows = fixture.store.outbox_pending(after, count).unwrap();
        rows.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 3), ids[..3]);
    assert_eq!(page(Some(ids[2]), 3), ids[3..]);
}

#[test]
fn the_words_of_a_failure_are_cut_at_a_character() {
    let fixture = Fixture::new();
    let id = fixture.store.outbox_put(&outbound("a"), 1).unwrap();
    fixture.store.outbox_attempt(id, &"ü".repeat(2000), 2).unwrap();
    assert_eq!(only(&fixture.store).last_error.map(|text| text.len()), Some(2048));
}
