//! Who is listened to, what counts as the same message, and in which order answers come.

use creel_fakes::ollama::{self, Reply};
use creel_fakes::signal::{Attachment, Message, Quote};
use creel_fakes::{Gate, anthropic, pictures};
use creel_runtime::Step;
use creel_tests::house::{ALICE, ALICE_UUID, API_KEY, Fakes, House};
use creel_tests::scene::{
    SEEING_PRIMARY, Scene, TEXT_AND_IMAGE_MODEL, alice, alice_shows, ask, person, refusals, roles, sent,
};

const GROUP: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const TEXT_PRIMARY: &str = r#"model: { primary: "ollama/glm-5:cloud" }"#;

/// Messages that were dropped as doubles.
async fn doubles(house: &House, count: usize) -> Vec<String> {
    let doubles = house.steps.wait_for(count, |step| match step {
        Step::Duplicate { message, .. } => Some(message.clone()),
        _ => None,
    });
    doubles.await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_is_refused_before_anything_is_fetched() {
    let fakes = Fakes::start().await;
    // Without a directory each attachment would be a request to the daemon, which the fake would show.
    let channels = fakes.channel_with(&format!(r#"allowFrom: ["{ALICE}"]"#));
    let place = Scene { channels: Some(channels), ..Scene::of(TEXT_AND_IMAGE_MODEL) }.place(&fakes);
    let house = place.start().await;
    let (number, uuid) = person(1);
    let stranger = Message::from_number(&number, &uuid, "Mallory").saying("let me in");
    fakes.signal.receive(&stranger.with(Attachment::jpeg(pictures::jpeg()))).expect("received");
    let answer = ask(&fakes, &house, &alice().saying("hello")).await;

    assert_eq!((answer.message.as_str(), answer.recipients), ("You said: hello", vec![ALICE_UUID.to_owned()]));
    let refused = house.steps.wait_for(1, |step| match step {
        Step::Refused { sender, code, rule, .. } => Some((sender.clone(), code.clone(), rule.clone())),
        _ => None,
    });
    let rule = "`dmPolicy` is `allowlist` and the sender is not on `allowFrom`";
    let expect = (format!("uuid:{uuid}"), "DM_POLICY_NOT_ALLOWLISTED".to_owned(), rule.to_owned());
    assert_eq!(refused.await, [expect]);
    fakes.signal.wait_for_requests(2).await.expect("the event stream and the answer");
    let calls = fakes.signal.requests_to("/api/v1/rpc").into_iter().map(|request| request.json().expect("JSON"));
    assert_eq!(calls.map(|call| call["method"].clone()).collect::<Vec<_>>(), ["send"]);
    assert_eq!(std::fs::read_dir(place.inbound()).expect("a directory").count(), 0);
    let store = house.store.clone();
    // No decision is lost when a host stops in good order.
    house.stop().await;
    let records = store.audit_tail(50).expect("read");
    let record = records.into_iter().find(|record| record.action == "receive on signal").expect("a record");
    assert_eq!((record.verdict.as_str(), record.rule.as_str()), ("refused", rule));
    assert_eq!((record.plugin.as_str(), record.target), ("signal", format!("uuid:{uuid}")));
    assert_eq!(fakes.anthropic.requests().len(), 0);
    assert_eq!(refusals(&fakes), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_message_is_answered_once_also_after_a_restart() {
    let fakes = Fakes::start().await;
    let place = Scene::of(SEEING_PRIMARY).place(&fakes);
    let house = place.start().await;
    let first = fakes.signal.receive(&alice_shows(&pictures::jpeg(), "what is this?")).expect("received");
    sent(&fakes, &house, 1).await;
    fakes.signal.receive_again(&first);
    let id = [format!("uuid:{ALICE_UUID}:{}", first.timestamp_ms)];
    assert_eq!(doubles(&house, 1).await, id);
    house.stop().await;

    let house = place.start().await;
    fakes.signal.wait_for_listeners(2).await.expect("a listener");
    fakes.signal.receive_again(&first);
    assert_eq!(doubles(&house, 1).await, id);
    let answer = ask(&fakes, &house, &alice().saying("something else")).await;
    assert_eq!(answer.message, "You said: something else");
    assert_eq!((fakes.signal.sent().len(), fakes.anthropic.requests().len()), (2, 2));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_sent_in_quickly_are_answered_in_order() {
    let fakes = Fakes::start().await;
    let house = Scene::of(TEXT_PRIMARY).place(&fakes).start().await;
    fakes.ollama.hold();
    for text in ["one", "two", "three", "four"] {
        fakes.signal.receive(&alice().saying(text)).expect("received");
    }
    let received = house.steps.wait_for(4, |step| matches!(step, Step::Received { .. }).then_some(()));
    received.await;
    fakes.ollama.wait_until_held(1).await.expect("a request");
    // One turn of a conversation at a time: the others wait.
    assert_eq!(fakes.ollama.requests().len(), 1);
    fakes.ollama.release();
    let answers: Vec<_> = sent(&fakes, &house, 4).await.into_iter().map(|sent| sent.message).collect();
    assert_eq!(answers, ["You said: one", "You said: two", "You said: three", "You said: four"]);
    let chats = fakes.ollama.accepted();
    assert_eq!(roles(&chats[0]), ["user"]);
    let said: Vec<_> = chats[3].messages.iter().map(|message| message.content.as_str()).collect();
    assert_eq!(said, ["one", "You said: one", "two", "You said: two", "three", "You said: three", "four"]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_waits_for_its_model_holds_up_no_other() {
    let (number, uuid) = person(1);
    let fakes = Fakes::start().await;
    let channels = fakes.channel_with(&format!(r#"allowFrom: ["{ALICE}", "{number}"]"#));
    let house = Scene { channels: Some(channels), ..Scene::of(TEXT_PRIMARY) }.place(&fakes).start().await;
    let gate = Gate::closed();
    let line = r#"{"model":"glm-5:cloud","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"late"},"done":true,"done_reason":"stop"}"#;
    let late = creel_fakes::Answer::chunks(200, "application/x-ndjson", [format!("{line}\n")]);
    fakes.ollama.script(late.pause_before(0, &gate));
    fakes.signal.receive(&alice().saying("hello")).expect("received");
    gate.wait_until_reached(1).await.expect("Alice's turn");
    let bob = Message::from_number(&number, &uuid, "Bob").saying("hi");
    let answer = ask(&fakes, &house, &bob).await;
    assert_eq!((answer.message.as_str(), answer.recipients), ("You said: hi", vec![uuid]));
    gate.open();
    let answers = sent(&fakes, &house, 2).await;
    assert_eq!((answers[1].message.as_str(), &answers[1].recipients), ("late", &vec![ALICE_UUID.to_owned()]));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_group_the_answer_quotes_and_the_model_is_told_who_speaks() {
    let (number, uuid) = person(1);
    let members = [ALICE_UUID, uuid.as_str()];
    let (anthropic, ollama) = (anthropic::Config::with_api_key(API_KEY), ollama::Config::new());
    let fakes = Fakes::of(anthropic, ollama, |signal| signal.and_group(GROUP, "friends", &members)).await;
    let channels = fakes.channel_with(&format!(r#"allowFrom: ["{ALICE}"], groupAllowFrom: ["group:{GROUP}"]"#));
    let house = Scene { channels: Some(channels), ..Scene::of(TEXT_PRIMARY) }.place(&fakes).start().await;
    let asked = fakes.signal.receive(&alice().saying("hello").in_group(GROUP)).expect("received");
    sent(&fakes, &house, 1).await;
    let quote = Quote { timestamp_ms: asked.timestamp_ms, author: ALICE_UUID.to_owned(), text: "hello".to_owned() };
    let bob = Message::from_number(&number, &uuid, "Bob").saying("me too").in_group(GROUP).quoting(quote);
    let from_bob = fakes.signal.receive(&bob).expect("received");
    let answers = sent(&fakes, &house, 2).await;

    let places: Vec<_> = answers.iter().map(|sent| (sent.recipients.len(), sent.group.as_deref())).collect();
    assert_eq!(places, [(0, Some(GROUP)); 2]);
    assert_eq!(answers[0].quote, Some((asked.timestamp_ms, ALICE_UUID.to_owned())));
    assert_eq!(answers[1].quote, Some((from_bob.timestamp_ms, uuid)));
    let chats = fakes.ollama.accepted();
    let said: Vec<_> = chats[1].messages.iter().map(|message| message.content.as_str()).collect();
    assert_eq!(said, ["Alice: hello", "You said: Alice: hello", "Bob: me too"]);
    // Between two there is nothing to tell apart.
    let answer = ask(&fakes, &house, &alice().saying("alone")).await;
    assert_eq!((answer.message.as_str(), answer.quote), ("You said: alone", None));
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_is_not_listed_is_refused() {
    let (anthropic, ollama) = (anthropic::Config::with_api_key(API_KEY), ollama::Config::new());
    let (number, uuid) = person(1);
    let fakes = Fakes::of(anthropic, ollama, |signal| signal.and_group(GROUP, "friends", &[uuid.as_str()])).await;
    let house = Scene::of(TEXT_PRIMARY).place(&fakes).start().await;
    let bob = Message::from_number(&number, &uuid, "Bob").saying("hello").in_group(GROUP);
    fakes.signal.receive(&bob).expect("received");
    let refused = house.steps.wait_for(1, |step| match step {
        Step::Refused { code, rule, .. } => Some((code.clone(), rule.clone())),
        _ => None,
    });
    let rule = "`groupPolicy` is `allowlist` and the sender is not on `allowFrom`";
    assert_eq!(refused.await, [("GROUP_POLICY_NOT_ALLOWLISTED".to_owned(), rule.to_owned())]);
    let answer = ask(&fakes, &house, &alice().saying("hello")).await;
    assert_eq!((answer.message.as_str(), answer.group), ("You said: hello", None));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_answer_is_sent_in_pieces_in_order() {
    let words: Vec<String> = (0..1_500).map(|number| format!("word{number:04}")).collect();
    let text = words.join(" ");
    let whole = text.clone();
    let ollama = ollama::Config::new().replying(move |_| Reply::text(&whole));
    let fakes = Fakes::replying(anthropic::Config::with_api_key(API_KEY), ollama).await;
    let house = Scene::of(TEXT_PRIMARY).place(&fakes).start().await;
    ask(&fakes, &house, &alice().saying("tell me everything")).await;
    let pieces: Vec<_> = sent(&fakes, &house, 4).await.into_iter().map(|sent| sent.message).collect();
    assert!(pieces.iter().all(|piece| piece.chars().count() <= 4_000));
    assert_eq!(pieces.join(" "), text);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_without_any_account_answers_from_the_bytes() {
    let fakes = Fakes::start().await;
    let house = Scene::of(r#"model: { primary: "local-vision/basic" }"#).bare_place(&fakes).start().await;
    let answer = ask(&fakes, &house, &alice().saying("?").with(Attachment::png(pictures::png_sized(300, 200)))).await;
    assert!(answer.message.contains("PNG") && answer.message.contains("300"), "{}", answer.message);
    assert_eq!((fakes.anthropic.requests().len(), fakes.ollama.requests().len()), (0, 0));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_describer_without_any_account_serves_a_primary_that_cannot_see() {
    let fakes = Fakes::start().await;
    let tool = r#"models: [{ provider: "local-vision", model: "basic" }]"#;
    let house = Scene { image_tool: tool, ..Scene::of(TEXT_PRIMARY) }.bare_place(&fakes).start().await;
    ask(&fakes, &house, &alice().saying("?").with(Attachment::png(pictures::png_sized(300, 200)))).await;
    let said = &fakes.ollama.accepted()[0].messages[0].content;
    assert!(said.contains(", described: ") && said.contains("PNG") && said.contains("300"), "{said}");
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}
