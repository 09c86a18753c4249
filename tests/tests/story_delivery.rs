//! A reply that is durable arrives: failures are tried again in order, lasting ones recorded, and a daemon may go and
//! come back.

use creel_fakes::signal::{Message, SendFailure};
use creel_fakes::{Answer, Gate};
use creel_policy::ids::ChannelId;
use creel_runtime::Step;
use creel_store::Store;
use creel_store::outbox::NewOutbound;
use creel_store::state::StateRoot;
use creel_tests::house::{ALICE, Fakes, House};
use creel_tests::scene::{Scene, alice, ask, outbox, person, refusals, sent};
use rusqlite::Connection;

const TEXT_PRIMARY: &str = r#"model: { primary: "ollama/glm-5:cloud" }"#;

/// The failed deliveries: why, and the pause until the next try.
async fn failures(house: &House, count: usize) -> Vec<(String, Option<u64>)> {
    let failures = house.steps.wait_for(count, |step| match step {
        Step::DeliveryFailed { reason, next_try_ms, .. } => Some((reason.clone(), *next_try_ms)),
        _ => None,
    });
    failures.await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_that_failed_is_tried_again_before_those_behind_it() {
    let fakes = Fakes::start().await;
    let house = Scene::of(TEXT_PRIMARY).place(&fakes).start().await;
    fakes.signal.fail_next_send(SendFailure::Network);
    for text in ["one", "two"] {
        fakes.signal.receive(&alice().saying(text)).expect("received");
    }
    let answers: Vec<_> = sent(&fakes, &house, 2).await.into_iter().map(|sent| sent.message).collect();
    assert_eq!(answers, ["You said: one", "You said: two"]);
    let why = "the daemon could not reach Signal for this recipient";
    assert_eq!(failures(&house, 1).await, [(why.to_owned(), Some(1_000))]);
    assert_eq!(fakes.ollama.requests().len(), 2);
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pause_of_a_rate_limit_is_kept() {
    let fakes = Fakes::start().await;
    let house = Scene::of(TEXT_PRIMARY).place(&fakes).start().await;
    fakes.signal.fail_next_send(SendFailure::RateLimited(Some(2)));
    let answer = ask(&fakes, &house, &alice().saying("one")).await;
    assert_eq!(answer.message, "You said: one");
    assert_eq!(failures(&house, 1).await, [("Signal limits how much this account may send".to_owned(), Some(2_000))]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recipient_who_is_not_registered_is_given_up_and_others_are_not() {
    let fakes = Fakes::start().await;
    let place = Scene::of(TEXT_PRIMARY).place(&fakes);
    let house = place.start().await;
    fakes.signal.fail_next_send(SendFailure::Unregistered);
    fakes.signal.receive(&alice().saying("one")).expect("received");
    assert_eq!(failures(&house, 1).await, [("the recipient is not registered with Signal".to_owned(), None)]);
    let answer = ask(&fakes, &house, &alice().saying("two")).await;
    assert_eq!(answer.message, "You said: two");
    house.steps.wait_for(1, |step| matches!(step, Step::Delivered { .. }).then_some(())).await;
    assert_eq!(outbox(&house.store), []);
    house.stop().await;
    // A restart brings nothing back.
    let house = place.start().await;
    let answer = ask(&fakes, &house, &alice().saying("three")).await;
    assert_eq!(answer.message, "You said: three");
    assert_eq!(fakes.signal.sent().len(), 2);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_that_hangs_holds_up_no_other_conversation() {
    let (number, uuid) = person(1);
    let fakes = Fakes::start().await;
    let channels = fakes.channel_with(&format!(r#"allowFrom: ["{ALICE}", "{number}"]"#));
    let house = Scene { channels: Some(channels), ..Scene::of(TEXT_PRIMARY) }.place(&fakes).start().await;
    let gate = Gate::closed();
    let late =
        Answer::text(200, "application/json", r#"{"jsonrpc":"2.0","id":1,"result":{"timestamp":17,"results":[]}}"#);
    fakes.signal.intercept("/api/v1/rpc", late.pause_before(0, &gate));
    fakes.signal.receive(&alice().saying("hello")).expect("received");
    gate.wait_until_reached(1).await.expect("Alice's delivery");
    let bob = Message::from_number(&number, &uuid, "Bob").saying("hi");
    let answer = ask(&fakes, &house, &bob).await;
    assert_eq!((answer.message.as_str(), answer.recipients), ("You said: hi", vec![uuid]));
    gate.open();
    house.steps.wait_for(2, |step| matches!(step, Step::Delivered { .. }).then_some(())).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_replies_that_wait_in_one_conversation_hide_no_other() {
    let fakes = Fakes::start().await;
    let place = Scene::of(TEXT_PRIMARY).place(&fakes);
    let root = StateRoot::open_ambient(place.path()).expect("a state directory");
    let store = Store::open(&root).expect("a store");
    let (waits, due) = (person(1).1, person(2).1);
    let reply = |uuid: &str, text: &str| NewOutbound {
        channel: ChannelId::parse("signal").expect("an id"),
        session: format!("signal:uuid:{uuid}"),
        conversation_json: format!(r#"{{"id":"uuid:{uuid}","is_group":false,"thread":null}}"#),
        text: text.to_owned(),
        media: Vec::new(),
        reply_to: None,
    };
    const FAR: u64 = 4_000_000_000_000;
    for _ in 0..1_100 {
        store.outbox_put(&reply(&waits, "later"), FAR).expect("stored");
    }
    store.outbox_put(&reply(&due, "now"), 1).expect("stored");
    drop(store);
    let house = place.start().await;
    let sent = sent(&fakes, &house, 1).await;
    assert_eq!((sent[0].message.as_str(), &sent[0].recipients), ("now", &vec![due]));
    house.stop().await;
    let database = Connection::open(place.path().join("creel.db")).expect("the database");
    let waiting = database.query_row("SELECT count(*) FROM outbox WHERE state = 'pending'", [], |row| row.get(0));
    assert_eq!(waiting, Ok(1_100));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_restarts_is_listened_to_again() {
    let fakes = Fakes::start().await;
    let house = Scene::of(TEXT_PRIMARY).place(&fakes).start().await;
    ask(&fakes, &house, &alice().saying("one")).await;
    fakes.signal.stop().await;
    let lost = house.steps.wait_for(1, |step| match step {
        Step::Listening { state, .. } if state.starts_with("lost: ") => Some(state.clone()),
        _ => None,
    });
    lost.await;
    fakes.signal.restart().await.expect("the same address");
    let answer = ask(&fakes, &house, &alice().saying("two")).await;
    assert_eq!(answer.message, "You said: two");
    let states = house.steps.all().into_iter().filter_map(|step| match step {
        Step::Listening { state, .. } => Some(state),
        _ => None,
    });
    let connected = states.filter(|state| state == "connected").count();
    assert_eq!(connected, 2);
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_waits_for_a_daemon_that_is_away() {
    let fakes = Fakes::start().await;
    let place = Scene::of(TEXT_PRIMARY).place(&fakes);
    let house = place.start().await;
    fakes.ollama.hold();
    fakes.signal.receive(&alice().saying("one")).expect("received");
    fakes.ollama.wait_until_held(1).await.expect("a request");
    fakes.signal.stop().await;
    fakes.ollama.release();
    let failed = failures(&house, 1).await;
    assert_eq!(failed[0].1, Some(1_000), "{failed:?}");
    house.stop().await;
    // Also over a restart of the host.
    fakes.signal.restart().await.expect("the same address");
    let house = place.start().await;
    let answers = sent(&fakes, &house, 1).await;
    assert_eq!(answers[0].message, "You said: one");
    assert_eq!(fakes.ollama.requests().len(), 1);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_under_way_is_finished_before_the_host_stops() {
    let fakes = Fakes::start().await;
    let place = Scene::of(TEXT_PRIMARY).place(&fakes);
    let house = place.start().await;
    fakes.ollama.hold();
    fakes.signal.receive(&alice().saying("one")).expect("received");
    fakes.ollama.wait_until_held(1).await.expect("a request");
    let steps = std::sync::Arc::clone(&house.steps);
    let stopping = tokio::spawn(house.stop());
    // No new message is taken in any more, and the answer is still waited for.
    tokio::task::yield_now().await;
    fakes.ollama.release();
    stopping.await.expect("a host that stops");
    assert!(steps.all().iter().any(|step| matches!(step, Step::Recorded { .. })), "{:#?}", steps.all());
    let house = place.start().await;
    let answers = sent(&fakes, &house, 1).await;
    assert_eq!(answers[0].message, "You said: one");
    assert_eq!(fakes.ollama.requests().len(), 1);
    house.stop().await;
}
