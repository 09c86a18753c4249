//! What goes and what stays: by age, by who refers to it, and by whether anybody ever asked for it.

use super::*;
use crate::fixture::{message, outbound};
use crate::turn::{InboundId, Inserted, NewInbound};

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
/// The present of these tests.
const NOW: u64 = 1_000 * DAY;
/// Older than a week goes.
const BEFORE: u64 = NOW - 7 * DAY;
const OLD: u64 = NOW - 100 * DAY;

struct House {
    fixture: Fixture,
}

impl House {
    fn new() -> Self {
        Self { fixture: Fixture::new() }
    }

    fn store(&self) -> &Store {
        &self.fixture.store
    }

    fn put(&self, at_ms: u64) -> MediaRef {
        self.store().media_put(Area::Inbound, None, PNG, at_ms).unwrap().media
    }

    /// A message of a session of its own with that medium as its attachment.
    fn received(&self, session: &str, media: &MediaRef) -> InboundId {
        let message = NewInbound { session: session.to_owned(), ..message(&media.to_string(), 1) };
        let Inserted::New(id) = self.store().inbound_insert(&message).unwrap() else { panic!("it is new") };
        self.store().inbound_attachment_stored(id, 0, media).unwrap();
        id
    }

    fn answered(&self, session: &str, media: &MediaRef, at_ms: u64) -> InboundId {
        let id = self.received(session, media);
        self.store().inbound_ready(id, at_ms).unwrap();
        let reply = Reply {
            text: String::new(),
            media: vec![],
            model: "a/b".to_owned(),
            derivation_json: "{}".to_owned(),
            usage_json: None,
        };
        self.store().reply_commit(id, &reply, &[], at_ms).unwrap();
        id
    }

    fn sent(&self, media: &MediaRef) -> crate::outbox::OutboxId {
        self.store().outbox_put(&NewOutbound { media: vec![media.clone()], ..outbound("") }, OLD).unwrap()
    }

    /// Sweeps, and says whether the medium is still there.
    fn stays(&self, media: &MediaRef) -> bool {
        let would = self.store().media_sweepable(BEFORE, NOW).unwrap();
        assert_eq!(self.store().media_sweep(BEFORE, NOW).unwrap(), would, "what is said is what is done");
        match self.store().medium(media) {
            Ok(_) => true,
            Err(error) => {
                let expect = format!("expired: `{media}` was stored and has been cleaned away");
                assert_eq!(error.to_string(), expect);
                assert!(!self.fixture.area("inbound").join(media.id.as_str()).exists());
                false
            }
        }
    }
}

fn check(what: &str, stays: bool, arrange: impl FnOnce(&House) -> MediaRef) {
    let house = House::new();
    let media = arrange(&house);
    assert_eq!(house.stays(&media), stays, "{what}");
}

#[test]
fn age_alone_takes_what_nobody_refers_to() {
    check("old", false, |house| house.put(OLD));
    check("one millisecond too old", false, |house| house.put(BEFORE - 1));
    check("just old enough to stay", true, |house| house.put(BEFORE));
    check("of today", true, |house| house.put(NOW));
    check("kept by the operator, and old", false, |house| {
        let mut new = house.store().media_begin(Area::Inbound, None, 99).unwrap();
        new.keep();
        new.write(PNG).unwrap();
        new.finish(OLD).unwrap().media
    });
}

/// A file that was uploaded an hour ago, for an hour.
fn ended(house: &House) -> MediaRef {
    let mut new = house.store().media_begin(Area::Inbound, None, 99).unwrap();
    new.keep();
    new.lasts(HOUR);
    new.write(PNG).unwrap();
    new.finish(NOW - HOUR).unwrap().media
}

#[test]
fn a_file_goes_at_its_own_end_unless_something_live_refers_to_it() {
    check("at its end", false, ended);
    check("a delivery that is not settled has it", true, |house| {
        let media = ended(house);
        house.sent(&media);
        media
    });
    check("an unfinished turn has it", true, |house| {
        let media = ended(house);
        house.received("signal:alice", &media);
        media
    });
    check("a session that is not idle has it", true, |house| {
        let media = ended(house);
        house.answered("signal:alice", &media, NOW);
        media
    });
    let house = House::new();
    let media = ended(&house);
    let none = Swept::default();
    assert_eq!(house.store().media_sweep(0, NOW - 1).unwrap(), none, "one millisecond before");
    house.store().medium(&media).unwrap();
    // One that is old as well is counted once.
    let one = Swept { media: 1, bytes: PNG.len() as u64, ..none };
    assert_eq!(house.store().media_sweepable(NOW, NOW).unwrap(), one);
    assert_eq!(house.store().media_sweep(0, NOW).unwrap(), one, "whatever its age");
    assert_eq!(code(house.store().medium(&media)), "expired");
}

#[test]
fn a_medium_that_is_just_being_named_is_left_alone() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let put = |at_ms| store.media_put(Area::Inbound, None, PNG, at_ms).unwrap().media;
    // `gc --older-than 0s` beside a daemon.
    let (fresh, late) = (put(NOW - HOUR), put(NOW - HOUR - 1));
    store.media_sweep(NOW, NOW).unwrap();
    assert!(store.medium(&fresh).is_ok());
    assert_eq!(code(store.medium(&late)), "expired");
    // Named and then let go of, it is like any other.
    let delivery = store.outbox_put(&NewOutbound { media: vec![fresh.clone()], ..outbound("") }, 1).unwrap();
    store.outbox_delivered(delivery, "1", NOW).unwrap();
    store.media_sweep(NOW, NOW).unwrap();
    assert_eq!(code(store.medium(&fresh)), "expired");
}

#[test]
fn an_unfinished_turn_keeps_its_media() {
    check("received", true, |house| {
        let media = house.put(OLD);
        house.received("s", &media);
        media
    });
    check("ready, and its session idle otherwise", true, |house| {
        let media = house.put(OLD);
        let id = house.received("s", &media);
        house.store().inbound_ready(id, OLD).unwrap();
        media
    });
    check("failed before it was ready", false, |house| {
        let media = house.put(OLD);
        let id = house.received("s", &media);
        house.store().inbound_failed(id, "no", &[], NOW).unwrap();
        media
    });
    check("an idle session's picture, which its new turn replays", true, |house| {
        let media = house.put(OLD);
        house.answered("s", &media, OLD);
        house.received("s", &house.put(NOW));
        media
    });
    check("the turn of another session", false, |house| {
        let media = house.put(OLD);
        house.answered("s", &media, OLD);
        house.received("t", &house.put(NOW));
        media
    });
}

#[test]
fn a_session_keeps_its_media_until_it_is_idle() {
    let idle_ms = MediaPolicy::default().session_idle_ms;
    let check_idle = |what: &str, stays, last_ms| {
        check(what, stays, |house| {
            let media = house.put(OLD);
            house.answered("s", &media, last_ms);
            media
        });
    };
    check_idle("spoken in today", true, NOW);
    check_idle("just not idle", true, NOW - idle_ms);
    check_idle("idle", false, NOW - idle_ms - 1);
    check("the last entry counts, not the one that names it", true, |house| {
        let media = house.put(OLD);
        house.answered("s", &media, OLD);
        house.answered("s", &house.put(NOW), NOW);
        media
    });
    check("as the operator says what idle is", false, |house| {
        let policy = MediaPolicy { session_idle_ms: DAY, ..MediaPolicy::default() };
        house.store().keep_media_by(policy);
        let media = house.put(OLD);
        house.answered("s", &media, NOW - 2 * DAY);
        media
    });
    check("one of two sessions is not idle", true, |house| {
        let media = house.put(OLD);
        house.answered("s", &media, OLD);
        let other = NewInbound { session: "t".to_owned(), ..message("again", 1) };
        let Inserted::New(id) = house.store().inbound_insert(&other).unwrap() else { panic!("it is new") };
        house.store().inbound_attachment_stored(id, 0, &media).unwrap();
        house.store().inbound_ready(id, NOW).unwrap();
        media
    });
}

#[test]
fn a_delivery_keeps_its_media_until_it_is_settled() {
    let check_settled = |what: &str, stays, settle: fn(&Store, crate::outbox::OutboxId)| {
        check(what, stays, |house| {
            let media = house.put(OLD);
            settle(house.store(), house.sent(&media));
            media
        });
    };
    check_settled("pending", true, |_, _| {});
    check_settled("under way", true, |store, id| store.outbox_begin(id).unwrap());
    check_settled("tried and to be tried again", true, |store, id| store.outbox_attempt(id, "no", NOW).unwrap());
    check_settled("delivered", false, |store, id| store.outbox_delivered(id, "1", NOW).unwrap());
    check_settled("given up", false, |store, id| store.outbox_given_up(id, "no", NOW).unwrap());
}

/// What the references say outlives the process, and so does what is said of them.
#[test]
fn references_are_as_durable_as_what_they_say() {
    let house = House::new();
    let (media, free) = (house.put(OLD), house.put(OLD));
    house.received("s", &media);
    house.answered("t", &free, OLD);
    let house = House { fixture: house.fixture.crash(0) };
    let holders = |house: &House, media| {
        let holders = house.store().media_holders(media, NOW).unwrap();
        holders.into_iter().map(|holder| (holder.holder, holder.id, holder.session, holder.live)).collect::<Vec<_>>()
    };
    assert_eq!(holders(&house, &media), [("inbound".to_owned(), 1, "s".to_owned(), true)]);
    let ended = |holder: &str, id| (holder.to_owned(), id, "t".to_owned(), false);
    assert_eq!(holders(&house, &free), [ended("entry", 1), ended("inbound", 2)]);
    assert!(house.stays(&media) && !house.stays(&free));
}

#[test]
fn a_session_holds_what_it_was_given_and_nothing_else() {
    let house = House::new();
    let (given, made, sent, other) = (house.put(NOW), house.put(NOW), house.put(NOW), house.put(NOW));
    let id = house.received("alice", &given);
    house.received("bob", &other);
    house.store().inbound_ready(id, NOW).unwrap();
    let reply = Reply {
        text: String::new(),
        media: vec![made.clone()],
        model: "a/b".to_owned(),
        derivation_json: "{}".to_owned(),
        usage_json: None,
    };
    let delivery = NewOutbound { session: "alice".to_owned(), media: vec![sent.clone()], ..outbound("") };
    house.store().reply_commit(id, &reply, &[delivery], NOW).unwrap();
    let none = inbound("none.png");
    for (media, session, expect) in [
        (&given, "alice", true),
        (&made, "alice", true),
        (&sent, "alice", true),
        (&other, "alice", false),
        (&given, "bob", false),
        (&other, "bob", true),
        (&given, "alic", false),
        (&given, "Alice", false),
        (&given, "", false),
        (&none, "alice", false),
        (&MediaRef { area: Area::Outbound, id: given.id.clone() }, "alice", false),
    ] {
        assert_eq!(house.store().media_held_by(media, session).unwrap(), expect, "{media} {session}");
    }
    // Holding it does not end with the turn, nor with the medium.
    let house = House { fixture: house.fixture.crash(0) };
    house.store().media_remove(&given, true, NOW).unwrap();
    assert!(house.store().media_held_by(&given, "alice").unwrap());
}

/// Case L12: the older gateway stored in an area and beside it, and swept both.
#[test]
fn old_files_that_nobody_asked_for_go_too() {
    let house = House::new();
    let fixture = &house.fixture;
    let age = |path: &std::path::Path, at_ms: u64| {
        let file = std::fs::File::open(path).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_millis(at_ms)).unwrap();
    };
    let plant = |path: &str, at_ms| {
        let planted = fixture.plant(path, PNG);
        age(&planted, at_ms);
        planted
    };
    let gone = [
        plant("inbound/old.png", OLD),
        plant("inbound/no id.png", OLD),
        plant("outbound/old.png", BEFORE - 1),
        plant("workspace/main/old.png", OLD),
        plant("beside.png", OLD),
    ];
    let needed = inbound("needed.png");
    let kept = [
        plant("inbound/young.png", BEFORE),
        plant("beside-young.png", NOW),
        plant("inbound/.hidden", OLD),
        plant("inbound/below/old.png", OLD),
        plant("workspace/beside.png", OLD),
        plant("inbound/needed.png", OLD),
    ];
    house.received("s", &needed);
    let outside = fixture.temp.path().join("outside");
    std::fs::write(&outside, "x").unwrap();
    age(&outside, OLD);
    for link in ["inbound/link.png", "link.png"] {
        symlink(&outside, fixture.state().join("media").join(link)).unwrap();
    }
    let would = house.store().media_sweepable(BEFORE, NOW).unwrap();
    assert_eq!(would, Swept { files: 5, file_bytes: 5 * PNG.len() as u64, ..Swept::default() });
    assert!(gone.iter().all(|path| path.exists()), "looking removes nothing");
    assert_eq!(house.store().media_sweep(BEFORE, NOW).unwrap(), would);
    assert!(gone.iter().all(|path| !path.exists()));
    assert!(kept.iter().all(|path| path.exists()) && outside.exists());
    for link in ["inbound/link.png", "link.png"] {
        assert!(fixture.state().join("media").join(link).symlink_metadata().unwrap().is_symlink());
    }
    assert_eq!(code(house.store().medium(&inbound("old.png"))), "not-found");
    assert_eq!(bytes(house.store(), &needed), PNG);
    assert_eq!(house.store().media_sweep(BEFORE, NOW).unwrap(), Swept::default());
}

/// Case M14: the number of fresh media takes none of them away; more than one batch of them hides nothing behind it.
#[test]
fn media_go_by_age_and_never_by_count() {
    let house = House::new();
    let fresh: Vec<_> = (0..550).map(|_| house.put(NOW)).collect();
    let needed: Vec<_> = (0..300).map(|n| house.put(OLD + n)).collect();
    needed.iter().for_each(|media| {
        house.received("s", media);
    });
    let two_days = house.put(NOW - 2 * DAY);
    assert_eq!(house.store().media_sweep(NOW - DAY, NOW).unwrap().media, 1);
    assert_eq!(code(house.store().medium(&two_days)), "expired");
    assert!(fresh.iter().chain(&needed).all(|media| house.store().medium(media).is_ok()));
}

#[test]
fn a_removal_asks_who_needs_it() {
    let house = House::new();
    let (needed, free) = (house.put(OLD), house.put(OLD));
    house.received("s", &needed);
    house.answered("t", &free, OLD);
    let Removal::Held(holders) = house.store().media_remove(&needed, false, NOW).unwrap() else { panic!("it is held") };
    let holder = MediaHolder { holder: "inbound".to_owned(), id: 1, session: "s".to_owned(), live: true };
    assert_eq!(holders, [holder]);
    assert_eq!(bytes(house.store(), &needed), PNG);
    for (media, force) in [(&free, false), (&needed, true)] {
        assert_eq!(house.store().media_remove(media, force, NOW).unwrap(), Removal::Removed);
        assert_eq!(code(house.store().medium(media)), "expired");
        assert_eq!(house.store().media_remove(media, force, NOW).unwrap(), Removal::NotThere);
    }
    assert_eq!(house.store().media_remove(&inbound("none.png"), true, NOW).unwrap(), Removal::NotThere);
    assert_eq!(house.store().media_verify(false, NOW).unwrap().flaws, []);
}
