//! Tests of which media an agent is shown, page by page.

use creel_policy::agent::{AgentGrant, SessionPattern, SharedArea};
use creel_policy::ids::AgentId;

use super::*;
use crate::media::{BadCursor, MediaCursor, MediaWanted};

fn agent(name: &str) -> AgentId {
    AgentId::parse(name).unwrap()
}

fn of_alice() -> AgentGrant {
    AgentGrant {
        media: [SharedArea::Inbound].into(),
        sessions: vec![SessionPattern::parse("signal:alice").unwrap()],
        ..AgentGrant::default()
    }
}

/// Puts a medium that a message to somebody names.
fn held(fixture: &Fixture, area: Area, session: &str, at_ms: u64) -> MediaRef {
    let medium = fixture.store.media_put(area, None, format!("{session} {at_ms}").as_bytes(), at_ms).unwrap().media;
    let message = NewOutbound { session: session.to_owned(), media: vec![medium.clone()], ..outbound("x") };
    fixture.store.outbox_put(&message, at_ms).unwrap();
    medium
}

#[test]
fn an_agent_is_shown_its_own_and_those_of_its_sessions_and_no_near_miss() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let own = store.media_put(Area::Workspace(agent("one")), None, b"own", 1).unwrap().media;
    let others = store.media_put(Area::Workspace(agent("two")), None, b"other", 2).unwrap().media;
    let of_alice_in = held(&fixture, Area::Inbound, "signal:alice", 3);
    let of_bob = held(&fixture, Area::Inbound, "signal:bob", 4);
    let of_alice_out = held(&fixture, Area::Outbound, "signal:alice", 5);
    let of_nobody = store.media_put(Area::Inbound, None, b"nobody's", 6).unwrap().media;
    let check = |name: &str, grant: &AgentGrant, wanted: MediaWanted<'_>, expect: &[&MediaRef]| {
        let page = store.media_of_agent((&agent(name), grant), wanted, None, 10).unwrap();
        let shown: Vec<&MediaRef> = page.media.iter().map(|medium| &medium.media).collect();
        assert_eq!(shown, expect, "{name} {wanted:?}");
        assert_eq!(page.next, None);
    };
    let all = MediaWanted::default();
    let in_area = |area| MediaWanted { area: Some(area), ..MediaWanted::default() };
    let of_session = |session| MediaWanted { session: Some(session), ..MediaWanted::default() };
    let inbound = Area::Inbound;
    check("one", &AgentGrant::default(), all, &[&own]);
    check("two", &AgentGrant::default(), all, &[&others]);
    check("three", &AgentGrant::default(), all, &[]);
    check("one", &of_alice(), all, &[&own, &of_alice_in]);
    check("one", &of_alice(), in_area(&inbound), &[&of_alice_in]);
    check("one", &of_alice(), in_area(&Area::Outbound), &[]);
    check("one", &of_alice(), in_area(&Area::Workspace(agent("two"))), &[]);
    check("one", &of_alice(), of_session("signal:alice"), &[&of_alice_in]);
    check("one", &of_alice(), of_session("signal:bob"), &[]);
    check("main", &AgentGrant::everything(), all, &[&of_alice_in, &of_bob, &of_alice_out]);
    check("main", &AgentGrant::everything(), of_session("signal:bob"), &[&of_bob]);
    assert!(store.medium(&of_nobody).is_ok());
}

#[test]
fn pages_follow_each_other_and_skip_what_is_not_shown() {
    let fixture = Fixture::new();
    let mut expect = Vec::new();
    for n in 1..=7 {
        expect.push(held(&fixture, Area::Inbound, "signal:alice", 5));
        held(&fixture, Area::Inbound, "signal:bob", 5 + n);
    }
    let (one, grant) = (agent("one"), of_alice());
    let mut shown = Vec::new();
    let mut after: Option<MediaCursor> = None;
    loop {
        let page = fixture.store.media_of_agent((&one, &grant), MediaWanted::default(), after.as_ref(), 3).unwrap();
        shown.extend(page.media.into_iter().map(|medium| medium.media));
        let Some(next) = page.next else { break };
        // It goes to the client and comes back.
        after = Some(MediaCursor::parse(&next.to_string()).unwrap());
        assert_eq!(after, Some(next));
    }
    expect.sort();
    expect.dedup();
    assert_eq!(shown, expect);
}

#[test]
fn a_cursor_that_is_none_is_refused() {
    let check = |text: &str| assert_eq!(MediaCursor::parse(text), Err(BadCursor), "{text}");
    check("");
    check("5");
    check("5@");
    check("@media://inbound/a.png");
    check("-1@media://inbound/a.png");
    check("99999999999999999999@media://inbound/a.png");
    check("9223372036854775808@media://inbound/a.png");
    check("5@/etc/passwd");
    assert!(MediaCursor::parse("9223372036854775807@media://inbound/a.png").is_ok());
}
