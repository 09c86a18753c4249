//! The program of `host/EMBEDDING.md` as it stands, in this process: what it prints, and what it asked of the others.

use creel_fakes::anthropic::Role;

#[expect(dead_code, reason = "its `main` prints where nobody reads")]
#[path = "../examples/embedded.rs"]
mod embedded;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_asks_a_model_and_answers_a_message_without_a_daemon() {
    let others = embedded::Others::start().await.expect("somebody to speak with");
    let mut out = Vec::new();
    embedded::embed(&others, &mut out).await.expect("it comes to its end");

    let printed = "the model says: You said: Say pong.\nover Signal went: You said: Hello from Signal\n";
    assert_eq!(String::from_utf8(out).expect("text"), printed);
    let asked = others.anthropic.accepted();
    let asked: Vec<_> = asked.iter().map(|request| (request.model.as_str(), request.last_user_text())).collect();
    let model = "claude-haiku-4-5";
    assert_eq!(asked, [(model, "Say pong.".to_owned()), (model, "Hello from Signal".to_owned())]);
    // The message is a session of its own, which holds nothing of the call.
    assert!(others.anthropic.accepted().iter().all(|request| request.turns.iter().all(|turn| turn.role == Role::User)));
    for request in others.anthropic.requests() {
        assert_eq!((request.header("x-api-key"), request.header("authorization")), (Some(embedded::KEY), None));
    }
    let sent = others.signal.sent();
    let sent: Vec<_> = sent.iter().map(|sent| (sent.message.as_str(), sent.recipients.as_slice())).collect();
    assert_eq!(sent, [("You said: Hello from Signal", ["11111111-1111-4111-8111-111111111111".to_owned()].as_slice())]);
    let faults = [others.anthropic.refusals(), others.signal.refusals()].concat();
    assert!(faults.is_empty(), "{faults:?}");
}
