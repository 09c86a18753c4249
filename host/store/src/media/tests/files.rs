//! Tests of files as their uploaders list them, and of the end that they may give them.

use creel_policy::agent::AgentGrant;
use creel_policy::ids::AgentId;

use super::*;
use crate::fixture::{operator, outbound};
use crate::media::{FileOrder, FilePlace, FilesWanted, MediaWanted, PurposeWanted};
use crate::resolve::{Asker, Deed, Scope};

fn agent(name: &str) -> AgentId {
    AgentId::parse(name).unwrap()
}

fn of_alice() -> Area {
    Area::Workspace(agent("alice"))
}

/// Uploads a file of Alice's.
fn upload(store: &Store, purpose: Option<&str>, lasts_ms: Option<u64>, at_ms: u64) -> MediaRef {
    let mut new = store.media_begin(of_alice(), Some("a.png"), 99).unwrap();
    new.keep();
    if let Some(purpose) = purpose {
        new.purpose(purpose);
    }
    if let Some(lasts_ms) = lasts_ms {
        new.lasts(lasts_ms);
    }
    new.write(PNG).unwrap();
    new.finish(at_ms).unwrap().media
}

const ALL: FilesWanted<'static> =
    FilesWanted { purpose: None, only: None, order: FileOrder::Oldest, place: FilePlace::First, count: 100 };

fn listed(store: &Store, wanted: &FilesWanted<'_>, now_ms: u64) -> Vec<MediaRef> {
    let page = store.files(&of_alice(), wanted, now_ms).unwrap().unwrap();
    page.files.into_iter().map(|medium| medium.media).collect()
}

/// Goes through all files in pages of `count`, from either end.
fn walk(store: &Store, order: FileOrder, count: usize, is_backwards: bool) -> Vec<MediaRef> {
    let mut seen: Vec<MediaRef> = Vec::new();
    let mut last = is_backwards.then(|| listed(store, &FilesWanted { order, ..ALL }, 100).pop().unwrap());
    seen.extend(last.clone());
    loop {
        let place = match (&last, is_backwards) {
            (None, _) => FilePlace::First,
            (Some(last), false) => FilePlace::Behind(last),
            (Some(last), true) => FilePlace::Before(last),
        };
        let page = store.files(&of_alice(), &FilesWanted { order, count, place, ..ALL }, 100).unwrap().unwrap();
        assert!(page.files.len() == count || !page.has_more, "only the last page is short");
        let mut files: Vec<MediaRef> = page.files.into_iter().map(|medium| medium.media).collect();
        if is_backwards {
            files.reverse();
        }
        last = files.last().cloned();
        seen.extend(files);
        if !page.has_more {
            break;
        }
    }
    if is_backwards {
        seen.reverse();
    }
    seen
}

#[test]
fn pages_in_either_direction_neither_miss_nor_repeat_a_file() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    // Some of them of one moment, and others' in between.
    let mut files: Vec<(u64, MediaRef)> =
        [1, 2, 2, 2, 2, 3, 5, 5, 8].map(|at_ms| (at_ms, upload(store, None, None, at_ms))).into();
    store.media_put(Area::Workspace(agent("bob")), None, PNG, 2).unwrap();
    store.media_put(Area::Inbound, None, PNG, 2).unwrap();
    files.sort();
    let oldest: Vec<MediaRef> = files.into_iter().map(|(_, media)| media).collect();
    let newest: Vec<MediaRef> = oldest.iter().rev().cloned().collect();
    for count in 1..=10 {
        for is_backwards in [false, true] {
            assert_eq!(walk(store, FileOrder::Oldest, count, is_backwards), oldest, "{count} {is_backwards}");
            assert_eq!(walk(store, FileOrder::Newest, count, is_backwards), newest, "{count} {is_backwards}");
        }
    }
}

#[test]
fn a_page_lies_beside_a_file_of_the_area_and_be_it_gone() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let [one, two, three] = [1, 2, 3].map(|at_ms| upload(store, None, None, at_ms));
    let of_bob = store.media_put(Area::Workspace(agent("bob")), None, PNG, 2).unwrap().media;
    let never = MediaRef { area: of_alice(), id: of_bob.id.clone() };
    for media in [&of_bob, &never] {
        for place in [FilePlace::Behind(media), FilePlace::Before(media)] {
            assert_eq!(store.files(&of_alice(), &FilesWanted { place, ..ALL }, 9).unwrap(), None, "{place:?}");
        }
    }
    // Whoever deletes what it has seen goes on behind it.
    store.media_remove(&one, true, 4).unwrap();
    store.media_remove(&two, true, 4).unwrap();
    let behind = FilesWanted { place: FilePlace::Behind(&two), ..ALL };
    assert_eq!(listed(store, &behind, 9), [three]);
}

#[test]
fn files_are_sought_by_what_they_are_for_and_by_their_ids() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let (vision, unsaid) = (upload(store, Some("vision"), None, 1), upload(store, None, None, 2));
    let user_data = upload(store, Some("user_data"), None, 3);
    let of = |purpose, or_none| FilesWanted { purpose: Some(PurposeWanted { purpose, or_none }), ..ALL };
    assert_eq!(listed(store, &of("vision", false), 9), std::slice::from_ref(&vision));
    assert_eq!(listed(store, &of("user_data", false), 9), std::slice::from_ref(&user_data));
    assert_eq!(listed(store, &of("user_data", true), 9), [unsaid.clone(), user_data.clone()]);
    assert_eq!(listed(store, &of("batch", false), 9), []);
    let only = [user_data.id.clone(), vision.id.clone()];
    assert_eq!(listed(store, &FilesWanted { only: Some(&only), ..ALL }, 9), [vision.clone(), user_data]);
    assert_eq!(listed(store, &FilesWanted { only: Some(&[]), ..ALL }, 9), []);
    // What was said is there after a restart, too.
    let fixture = fixture.restart();
    assert_eq!(fixture.store.medium(&vision).unwrap().purpose.as_deref(), Some("vision"));
}

#[test]
fn the_same_bytes_are_a_file_for_each_upload() {
    let fixture = Fixture::new();
    let (one, two) =
        (upload(&fixture.store, Some("vision"), Some(5), 1), upload(&fixture.store, Some("evals"), None, 2));
    assert_ne!(one, two);
    let (one, two) = (fixture.store.medium(&one).unwrap(), fixture.store.medium(&two).unwrap());
    assert_eq!(one.sha256, two.sha256);
    assert_eq!((one.purpose.as_deref(), one.ends_ms), (Some("vision"), Some(6)));
    assert_eq!((two.purpose.as_deref(), two.ends_ms), (Some("evals"), None));
}

#[test]
fn from_its_end_on_a_file_is_not_found() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let file = upload(store, None, Some(10), 5);
    let (alice, grant) = (agent("alice"), AgentGrant::default());
    let handle = file.to_string();
    let ask = |asker, deed| {
        let scope = Scope { agent: &alice, asker, ..operator() };
        match store.resolve(&handle, &scope, deed).unwrap().outcome {
            Ok(found) => found.medium().unwrap().media.to_string(),
            Err(refusal) => refusal.to_string(),
        }
    };
    let over = format!("expired: `{handle}` was uploaded for a time that is over");
    let (agent_asks, session_asks) = (Asker::Agent(&grant), Asker::Session("signal:alice"));
    for asker in [agent_asks, session_asks] {
        for (now_ms, expect) in [(14, &handle), (15, &over), (16, &over)] {
            assert_eq!(&ask(asker, Deed::Look { now_ms }), expect, "{asker:?} {now_ms}");
            assert_eq!(&ask(asker, Deed::Take { now_ms }), expect, "{asker:?} {now_ms}");
        }
    }
    let shown = |now_ms| {
        let wanted = MediaWanted { now_ms, ..MediaWanted::default() };
        store.media_of_agent((&alice, &grant), wanted, None, 9).unwrap().media.len()
    };
    assert_eq!((shown(14), shown(15)), (1, 0));
    assert_eq!((listed(store, &ALL, 14).len(), listed(store, &ALL, 15).len()), (1, 0));
    // A page still lies behind it.
    assert_eq!(listed(store, &FilesWanted { place: FilePlace::Behind(&file), ..ALL }, 15), []);
    // The operator sees what lies there, and a session keeps what it was given.
    assert_eq!(ask(Asker::Operator, Deed::Look { now_ms: 15 }), handle);
    let message = NewOutbound { session: "signal:alice".to_owned(), media: vec![file.clone()], ..outbound("x") };
    store.outbox_put(&message, 6).unwrap();
    assert_eq!(ask(session_asks, Deed::Take { now_ms: 15 }), handle);
    assert_eq!(ask(agent_asks, Deed::Take { now_ms: 15 }), over);
}
