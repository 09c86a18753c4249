//! What every fake can do, tried on the simplest one.

use serde_json::json;

use crate::client::{Call, raw};
use crate::ollama::{Config, Ollama};
use crate::{Answer, Gate, Running};

async fn fake() -> Running<Ollama> {
    Ollama::start(Config::new()).await.unwrap()
}

fn chat() -> Call {
    let message = json!({"role": "user", "content": "hello there"});
    Call::post("/api/chat", &json!({"model": "glm-5:cloud", "messages": [message]}))
}

#[tokio::test]
async fn what_was_received_is_remembered() {
    let fake = fake().await;
    let got = chat().header("x-trace", "1").send(&fake).await;
    assert_eq!(got.status, 200);
    let requests = fake.wait_for_requests(1).await.unwrap();
    assert_eq!((requests[0].method.as_str(), requests[0].path.as_str()), ("POST", "/api/chat"));
    assert_eq!(requests[0].header("x-trace"), Some("1"));
    assert_eq!(requests[0].json().unwrap()["model"], "glm-5:cloud");
    fake.wait_for_answered(1).await.unwrap();
    assert_eq!(fake.refusals(), []);
}

#[tokio::test]
async fn held_answers_wait_together() {
    let fake = fake().await;
    fake.hold();
    let calls: Vec<_> = (0..5).map(|_| tokio::spawn(chat().try_open(fake.address()))).collect();
    fake.wait_until_held(5).await.unwrap();
    assert_eq!(fake.requests().len(), 5);
    assert!(calls.iter().all(|call| !call.is_finished()));
    fake.release();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status, 200);
    }
}

#[tokio::test]
async fn a_scripted_answer_is_given_once() {
    let fake = fake().await;
    fake.script(Answer::json(503, &json!({"error": "busy"})).header("retry-after", "7"));
    let got = chat().send(&fake).await;
    assert_eq!((got.error().as_str(), got.header("retry-after")), ("503 busy", "7"));
    assert_eq!(chat().send(&fake).await.status, 200);
}

#[tokio::test]
async fn an_intercepted_path_is_not_judged() {
    let fake = fake().await;
    fake.intercept("/api/tags", Answer::status(302).header("location", "http://127.0.0.1:9/"));
    let got = Call::get("/api/tags").header("authorization", "Bearer x").send(&fake).await;
    assert_eq!((got.status, got.header("location")), (302, "http://127.0.0.1:9/"));
    assert_eq!(fake.refusals(), []);
    assert_eq!(Call::get("/api/tags").send(&fake).await.status, 200);
}

#[tokio::test]
async fn a_stream_pauses_at_its_gate_and_breaks_where_it_is_cut() {
    let fake = fake().await;
    let gate = Gate::closed();
    let answer = Answer::chunks(200, "text/plain", ["one ", "two ", "three "]);
    fake.intercept("/api/tags", answer.pause_before(1, &gate).cut_before(2));
    let mut open = Call::get("/api/tags").open(&fake).await;
    assert_eq!(open.until("one ").await, "one ");
    gate.wait_until_reached(1).await.unwrap();
    gate.open();
    let got = open.rest().await;
    assert_eq!((got.body.as_str(), got.broken), ("two ", true));
}

#[tokio::test]
async fn a_body_of_known_length_can_be_cut() {
    let fake = fake().await;
    fake.intercept("/api/tags", Answer::text(200, "text/plain", "0123456789").cut_before(0));
    let got = Call::get("/api/tags").send(&fake).await;
    assert_eq!((got.body.as_str(), got.broken), ("01234", true));
    assert_eq!(got.header("content-length"), "10");
}

#[tokio::test]
async fn no_answer_at_all() {
    let fake = fake().await;
    fake.intercept("/api/tags", Answer::nothing());
    assert!(Call::get("/api/tags").try_open(fake.address()).await.is_err());
    fake.wait_for_requests(1).await.unwrap();
}

#[tokio::test]
async fn a_client_that_hangs_up_is_noticed() {
    let fake = fake().await;
    let gate = Gate::closed();
    fake.intercept("/api/tags", Answer::chunks(200, "text/plain", ["one", "two"]).pause_before(1, &gate));
    let mut open = Call::get("/api/tags").open(&fake).await;
    open.until("one").await;
    drop(open);
    fake.wait_for_abandoned(1).await.unwrap();
}

#[tokio::test]
async fn a_client_that_hangs_up_on_a_held_answer_is_noticed() {
    let fake = fake().await;
    fake.hold();
    let call = tokio::spawn(chat().try_open(fake.address()));
    fake.wait_until_held(1).await.unwrap();
    call.abort();
    fake.wait_for_abandoned(1).await.unwrap();
}

#[tokio::test]
async fn everyone_can_be_hung_up_on() {
    let fake = fake().await;
    let gate = Gate::closed();
    for _ in 0..2 {
        fake.intercept("/api/tags", Answer::chunks(200, "text/plain", ["one", "two"]).pause_before(1, &gate));
    }
    let mut first = Call::get("/api/tags").open(&fake).await;
    let mut second = Call::get("/api/tags").open(&fake).await;
    first.until("one").await;
    second.until("one").await;
    fake.disconnect_all();
    assert!(first.rest().await.broken && second.rest().await.broken);
    assert_eq!(Call::get("/api/tags").send(&fake).await.status, 200);
}

#[tokio::test]
async fn a_stopped_fake_refuses_and_comes_back_at_the_same_address() {
    let fake = fake().await;
    assert_eq!(Call::get("/api/version").send(&fake).await.status, 200);
    fake.stop().await;
    assert!(Call::get("/api/version").try_open(fake.address()).await.is_err());
    fake.restart().await.unwrap();
    fake.restart().await.unwrap();
    assert_eq!(Call::get("/api/version").send(&fake).await.status, 200);
    assert_eq!(fake.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_fake_is_shared_between_threads_and_stops_under_load() {
    let fake = std::sync::Arc::new(fake().await);
    let storm: Vec<_> = (0..32)
        .map(|_| {
            let fake = std::sync::Arc::clone(&fake);
            tokio::spawn(async move { chat().try_open(fake.address()).await.is_ok() })
        })
        .collect();
    fake.wait_for_requests(4).await.unwrap();
    fake.stop().await;
    for call in storm {
        call.await.unwrap();
    }
    fake.restart().await.unwrap();
    assert_eq!(chat().send(&fake).await.status, 200);
}

#[tokio::test]
async fn a_dropped_fake_is_gone() {
    let fake = fake().await;
    let address = fake.address();
    let gate = Gate::closed();
    fake.intercept("/api/tags", Answer::chunks(200, "text/plain", ["one", "two"]).pause_before(1, &gate));
    let mut open = Call::get("/api/tags").open(&fake).await;
    open.until("one").await;
    drop(fake);
    assert!(open.rest().await.broken);
    assert!(Call::get("/api/version").try_open(address).await.is_err());
}

#[tokio::test]
async fn a_request_that_breaks_off_is_a_refusal_and_no_request() {
    let fake = fake().await;
    let head = format!("POST /api/chat HTTP/1.1\r\nhost: {}\r\n", fake.address());
    let request = format!("{head}content-type: application/json\r\ncontent-length: 50\r\n\r\n{{}}");
    assert_eq!(raw(fake.address(), request.as_bytes()).await, "");
    assert_eq!(fake.requests().len(), 0);
    let refusal = fake.refusals().remove(0);
    assert_eq!((refusal.request.as_str(), refusal.status), ("POST /api/chat", None));
    assert!(refusal.reason.starts_with("the body of the request broke off"), "{}", refusal.reason);
}
