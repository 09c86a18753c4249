//! A secret is on the wire where it belongs and nowhere else, also where an upstream sends it back.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use creel_fakes::anthropic::{self, Reply, error};
use creel_fakes::{Answer, ollama, pictures};
use creel_policy::credential::Use;
use creel_policy::ids::ProviderId;
use creel_runtime::AuthQuestion;
use creel_tests::house::{Fakes, STALE_OAUTH_TOKEN};
use creel_tests::scene::{
    KEY_BY_REFERENCE, SEEING_PRIMARY, Scene, alice, alice_shows, ask, attempts, files_below, refusals,
};
use creel_tests::search::{holds, leaks, spellings};
use serde_json::json;

/// A key that looks different in each spelling.
const KEY: &str = "sk-ant-api03-right+key/with=odd&signs%0123456789abcdef";
const MASK: &str = "[redacted]";

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic while writing").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Everything that is logged in this process, at every level.
fn log() -> &'static Lines {
    static LOG: OnceLock<Lines> = OnceLock::new();
    LOG.get_or_init(|| {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
        tracing::subscriber::set_global_default(subscriber.with_writer(move || writer.clone()).finish())
            .expect("the only subscriber");
        lines
    })
}

/// A key that is spread over several events of a stream, so that no run of bytes holds it.
fn in_small_events(text: &str) -> Answer {
    let event =
        |value: serde_json::Value| format!("event: {}\ndata: {value}\n\n", value["type"].as_str().expect("a type"));
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5-20251001",
        "content": [], "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 1, "output_tokens": 1}});
    let mut events = vec![
        event(json!({"type": "message_start", "message": message})),
        event(json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})),
    ];
    for part in text.as_bytes().chunks(5) {
        let part = String::from_utf8_lossy(part);
        let delta = json!({"type": "text_delta", "text": part});
        events.push(event(json!({"type": "content_block_delta", "index": 0, "delta": delta})));
    }
    events.push(event(json!({"type": "content_block_stop", "index": 0})));
    let delta = json!({"stop_reason": "end_turn", "stop_sequence": null});
    events.push(event(json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 9}})));
    events.push(event(json!({"type": "message_stop"})));
    Answer::chunks(200, "text/event-stream; charset=utf-8", events)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_nowhere_but_on_the_wire() {
    let lines = log();
    let anthropic = anthropic::Config::with_api_key(KEY).replying(|request| match request.last_user_text() {
        text if text.contains("key") => Reply::text(&format!("It is {KEY} or {}.", STANDARD_NO_PAD.encode(KEY))),
        text => Reply::text(&format!("You said: {text}")),
    });
    let fakes = Fakes::replying(anthropic, ollama::Config::new()).await;
    let place = Scene::of(SEEING_PRIMARY).bare_place(&fakes).profiles(KEY_BY_REFERENCE);
    let place = place.variable("ANTHROPIC_API_KEY", KEY).variable("ANTHROPIC_OAUTH_TOKEN", STALE_OAUTH_TOKEN);
    let now = Arc::new(AtomicU64::new(1_800_000_000_000));
    let clock = Arc::clone(&now);
    let place = place.clock(Arc::new(move || clock.load(Ordering::SeqCst)));
    let house = place.start().await;

    // An answer that holds the key, whole and in base64.
    ask(&fakes, &house, &alice_shows(&pictures::jpeg(), "what is this?")).await;
    let told = ask(&fakes, &house, &alice().saying("what is your key?")).await;
    assert_eq!(told.message, format!("It is {MASK} or {MASK}."));
    // One that holds it in small pieces.
    fakes.anthropic.script(in_small_events(&format!("Here: {KEY}!")));
    let told = ask(&fakes, &house, &alice().saying("letter by letter?")).await;
    assert_eq!(told.message, format!("Here: {MASK}!"));
    // An error that holds it in every spelling.
    let spelled: Vec<_> =
        spellings(KEY.as_bytes()).into_iter().filter_map(|(_, text)| String::from_utf8(text).ok()).collect();
    let message = format!("invalid x-api-key: {}", spelled.join(" "));
    fakes.anthropic.script(error(401, "authentication_error", &message));
    let apology = ask(&fakes, &house, &alice().saying("again?")).await;
    assert_eq!(
        apology.message,
        "I could not answer: the gateway's credential was refused. Its operator has been told."
    );
    let failed = attempts(&house);
    assert!(failed[0].2.contains(&format!("invalid x-api-key: {MASK}")), "{}", failed[0].2);
    // A refused key rests for half a minute.
    now.fetch_add(30_000, Ordering::SeqCst);
    // The fake refuses a request that holds the key anywhere else, so that the history is clean.
    let told = ask(&fakes, &house, &alice().saying("thank you")).await;
    assert!(told.message.contains("thank you"), "{}", told.message);
    assert_eq!(refusals(&fakes), [""; 0]);
    assert!(fakes.anthropic.requests().iter().all(|request| request.header("x-api-key") == Some(KEY)));

    let provider = ProviderId::parse("anthropic").expect("an id");
    let question = AuthQuestion { provider: &provider, use_: Some(Use::Chat), model: None, profile: None };
    let explained = house.host.knowledge().explain_auth(&question, house.host.now_ms());
    let explained = explained.unwrap_or_else(|problems| panic!("{problems:#?}"));
    let status = house.host.knowledge().models_status(house.host.now_ms());
    let steps = house.steps.all();
    let mut told: Vec<(String, Vec<u8>)> = vec![
        ("explain".to_owned(), serde_json::to_vec(&explained).expect("JSON")),
        ("explain, debug".to_owned(), format!("{explained:?}").into_bytes()),
        ("status".to_owned(), serde_json::to_vec(&status).expect("JSON")),
        ("steps".to_owned(), serde_json::to_vec(&steps).expect("JSON")),
        ("steps, debug".to_owned(), format!("{steps:?}").into_bytes()),
        ("sent".to_owned(), format!("{:?}", fakes.signal.sent()).into_bytes()),
        ("plan, debug".to_owned(), format!("{:?}", house.host.knowledge().plan).into_bytes()),
        ("audit, debug".to_owned(), format!("{:?}", house.store.audit_tail(1_000).expect("records")).into_bytes()),
    ];
    house.stop().await;
    told.push(("log".to_owned(), lines.0.lock().expect("no panic while writing").clone()));
    assert!(told.last().is_some_and(|(_, log)| holds(log, "credential chosen")));
    let files = files_below(place.path());
    assert!(files.iter().any(|(name, bytes)| name.starts_with("creel.db") && holds(bytes, "thank you")));
    told.extend(files);
    let secrets = [("the key", KEY.as_bytes()), ("the stale token", STALE_OAUTH_TOKEN.as_bytes())];
    assert_eq!(leaks(&secrets, &told), [""; 0]);
}
