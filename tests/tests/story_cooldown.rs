//! What follows a failure: who takes over, who rests and for how long, and that everybody is told. Time is the test's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use creel_fakes::anthropic::{self, error, rate_limited};
use creel_fakes::ollama;
use creel_policy::credential::{CredentialDerivation, Use};
use creel_policy::ids::ProviderId;
use creel_runtime::{AuthQuestion, Step};
use creel_tests::house::{API_KEY, Fakes, House, Place};
use creel_tests::scene::{SEEING_PRIMARY, Scene, alice, ask, attempts};
use serde_json::Value;

const OAUTH_TOKEN: &str = "sk-ant-oat01-good-token-0123456789abcdef";
const REFUSED: &str = "I could not answer: the gateway's credential was refused. Its operator has been told.";
const START_MS: u64 = 1_800_000_000_000;
const WITH_FALLBACK: &str = r#"model: { primary: "anthropic/claude-haiku-4-5", fallbacks: ["ollama/glm-5:cloud"] }"#;
const PRIMARY: &str = "anthropic/claude-haiku-4-5";

/// A key and a token of one provider, in that order.
const KEY_THEN_TOKEN: &str = r#"{ "version": 1, "profiles": {
    "anthropic:key": { "type": "api_key", "provider": "anthropic",
        "keyRef": { "source": "env", "provider": "default", "id": "ANTHROPIC_API_KEY" } },
    "anthropic:max": { "type": "token", "provider": "anthropic",
        "tokenRef": { "source": "env", "provider": "default", "id": "MY_TOKEN" } } },
    "order": { "anthropic": ["anthropic:key", "anthropic:max"] } }"#;

/// A clock that stands until it is moved.
#[derive(Clone)]
struct Time(Arc<AtomicU64>);

impl Time {
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(START_MS)))
    }

    fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    fn of(&self, place: Place) -> Place {
        let now = Arc::clone(&self.0);
        place.clock(Arc::new(move || now.load(Ordering::SeqCst)))
    }
}

/// A fake that takes a key and a token.
async fn two_credentials() -> Fakes {
    let anthropic = anthropic::Config::with_api_key(API_KEY).and_oauth_token(OAUTH_TOKEN);
    Fakes::replying(anthropic, ollama::Config::new()).await
}

fn keyed(scene: &Scene<'_>, fakes: &Fakes, time: &Time) -> Place {
    let place = scene.bare_place(fakes).profiles(KEY_THEN_TOKEN);
    time.of(place.variable("ANTHROPIC_API_KEY", API_KEY).variable("MY_TOKEN", OAUTH_TOKEN))
}

/// What Anthropic was sent with each request: `key` or `token`.
fn credentials(fakes: &Fakes) -> Vec<&'static str> {
    let requests = fakes.anthropic.requests();
    requests.iter().map(|one| if one.header("x-api-key").is_some() { "key" } else { "token" }).collect()
}

/// What `models status` says of the use of Anthropic: state, credential, why.
fn status(house: &House) -> (&'static str, Option<String>, String) {
    let all = house.host.knowledge().models_status(house.host.now_ms());
    let uses = all.into_iter().filter(|status| status.provider.as_str() == "anthropic").flat_map(|status| status.uses);
    let mut uses = uses.map(|used| (used.state, used.winner.map(|winner| winner.id), used.detail));
    uses.next().expect("Anthropic is used")
}

fn explained(house: &House) -> CredentialDerivation {
    let provider = ProviderId::parse("anthropic").expect("an id");
    let question = AuthQuestion { provider: &provider, use_: Some(Use::Chat), model: None, profile: None };
    let explained = house.host.knowledge().explain_auth(&question, house.host.now_ms());
    explained.expect("a provider that is served")
}

/// The attempts that stand beside the last answer in the session's log: model, credential, fault, what followed,
/// whether it was skipped.
fn recorded(house: &House) -> Vec<(String, String, String, String, bool)> {
    let session = house.steps.all().into_iter().rev().find_map(|step| match step {
        Step::Answered { session, .. } => Some(session),
        _ => None,
    });
    let log = house.store.history(&session.expect("an answer"), None, 100).expect("a store");
    let json = log.last().and_then(|entry| entry.derivation_json.clone()).expect("an answer has a derivation");
    let derivation: Value = serde_json::from_str(&json).expect("JSON");
    let word = |one: &Value, key: &str| one[key].as_str().unwrap_or("-").to_owned();
    let attempt = |one: &Value| {
        let skipped = one["skipped"].as_bool().expect("it is said");
        (word(one, "model"), word(one, "credential"), word(one, "fault"), word(one, "next"), skipped)
    };
    derivation["attempts"].as_array().expect("a list").iter().map(attempt).collect()
}

fn row(
    model: &str,
    credential: &str,
    fault: &str,
    next: &str,
    skipped: bool,
) -> (String, String, String, String, bool) {
    (model.into(), credential.into(), fault.into(), next.into(), skipped)
}

fn skipped(house: &House) -> Vec<(String, String, u64)> {
    let all = house.steps.all().into_iter().filter_map(|step| match step {
        Step::ModelSkipped { model, reason, until_ms, .. } => Some((model, reason, until_ms)),
        _ => None,
    });
    all.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_primary_is_followed_by_its_fallback_and_rests_until_its_time_is_over() {
    let (fakes, time) = (Fakes::start().await, Time::new());
    let house = time.of(Scene::of(WITH_FALLBACK).place(&fakes)).start().await;
    fakes.anthropic.script(error(401, "authentication_error", "invalid x-api-key"));
    ask(&fakes, &house, &alice().saying("one")).await;

    // H1: it is visible in the steps, beside the answer and in the status.
    let failed = attempts(&house);
    assert_eq!((failed.len(), failed[0].1.as_str(), failed[0].3), (1, "authentication", "next-model"));
    assert_eq!(recorded(&house), [row(PRIMARY, "anthropic:default", "authentication", "next-model", false)]);
    let (state, winner, detail) = status(&house);
    assert_eq!((state, winner), ("cooling", None));
    let failure = "credential `anthropic:default` (env:ANTHROPIC_API_KEY) failed: cooling until 2027-01-15T08:00:30Z: \
                   not accepted";
    assert_eq!(detail, format!("{failure} [cooldown 30s]"));
    assert_eq!(explained(&house).failure.as_deref(), Some(failure));

    // While it rests nobody asks it, and nothing of the environment takes over.
    time.pass(29);
    ask(&fakes, &house, &alice().saying("two")).await;
    assert_eq!((fakes.anthropic.requests().len(), fakes.ollama.accepted().len()), (1, 2));
    let reason = "cooling until 2027-01-15T08:00:30Z: not accepted".to_owned();
    assert_eq!(skipped(&house), [(PRIMARY.to_owned(), reason, START_MS + 30_000)]);
    assert_eq!(recorded(&house), [row(PRIMARY, "-", "authentication", "next-model", true)]);

    // U19: then it is asked again, without a restart.
    time.pass(1);
    ask(&fakes, &house, &alice().saying("three")).await;
    assert_eq!((fakes.anthropic.requests().len(), fakes.ollama.accepted().len()), (2, 2));
    assert_eq!(recorded(&house), []);
    let (state, winner, _) = status(&house);
    assert_eq!((state, winner.as_deref()), ("ok", Some("anthropic:default")));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_profile_of_the_order_takes_over_and_the_first_rests_through_a_restart() {
    let (fakes, time) = (two_credentials().await, Time::new());
    let place = keyed(&Scene::of(WITH_FALLBACK), &fakes, &time);
    let house = place.start().await;
    fakes.anthropic.script(rate_limited(90));
    ask(&fakes, &house, &alice().saying("one")).await;

    assert_eq!(credentials(&fakes), ["key", "token"]);
    assert_eq!(recorded(&house), [row(PRIMARY, "anthropic:key", "rate-limited", "next-profile", false)]);
    let (state, winner, detail) = status(&house);
    assert_eq!((state, winner.as_deref()), ("ok", Some("anthropic:max")));
    assert_eq!(detail, "the first that can be sent, as class `token`; `anthropic:key` [cooldown 2m]");
    house.stop().await;

    let house = place.start().await;
    let resting = explained(&house).candidates.into_iter().find(|one| one.id == "anthropic:key").expect("a candidate");
    assert_eq!(resting.reason, "cooling until 2027-01-15T08:01:30Z: rate limit, of `anthropic/claude-haiku-4-5` alone");
    ask(&fakes, &house, &alice().saying("two")).await;
    assert_eq!(credentials(&fakes), ["key", "token", "token"]);
    time.pass(90);
    ask(&fakes, &house, &alice().saying("three")).await;
    assert_eq!(credentials(&fakes), ["key", "token", "token", "key"]);
    assert_eq!(fakes.ollama.requests().len(), 0);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_rotation_is_allowed_and_then_the_fallback_answers() {
    let (fakes, time) = (two_credentials().await, Time::new());
    let house = keyed(&Scene::of(WITH_FALLBACK), &fakes, &time).start().await;
    fakes.anthropic.script(rate_limited(90));
    fakes.anthropic.script(rate_limited(120));
    ask(&fakes, &house, &alice().saying("one")).await;
    let expect = [
        row(PRIMARY, "anthropic:key", "rate-limited", "next-profile", false),
        row(PRIMARY, "anthropic:max", "rate-limited", "next-model", false),
    ];
    assert_eq!(recorded(&house), expect);
    // H9: all profiles rest; the fallback answers at once. What is over soonest is told.
    ask(&fakes, &house, &alice().saying("two")).await;
    assert_eq!((credentials(&fakes), fakes.ollama.accepted().len()), (vec!["key", "token"], 2));
    let (state, _, detail) = status(&house);
    assert_eq!(state, "cooling");
    assert!(detail.starts_with("credential `anthropic:key` (env:ANTHROPIC_API_KEY) failed: cooling"), "{detail}");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_that_was_asked_for_by_name_is_never_replaced() {
    let (fakes, time) = (two_credentials().await, Time::new());
    let pinned = r#"model: { primary: "anthropic/claude-haiku-4-5", profile: "anthropic:key" }"#;
    let house = keyed(&Scene::of(pinned), &fakes, &time).start().await;
    fakes.anthropic.script(error(403, "permission_error", "this API key was revoked"));
    let answer = ask(&fakes, &house, &alice().saying("one")).await;
    assert_eq!(answer.message, REFUSED);
    let failed = attempts(&house);
    assert_eq!((failed.len(), failed[0].1.as_str(), failed[0].3), (1, "credential-invalid", "next-model"));
    // Nobody else can answer, and a key that is dead is not asked again just to see.
    let answer = ask(&fakes, &house, &alice().saying("two")).await;
    assert_eq!((answer.message.as_str(), credentials(&fakes)), (REFUSED, vec!["key"]));
    assert!(status(&house).2.ends_with("invalid or revoked [disabled:auth_permanent 10m]"), "{}", status(&house).2);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_is_probed_where_nobody_else_can_answer_and_a_success_ends_it() {
    let (fakes, time) = (Fakes::start().await, Time::new());
    let house = time.of(Scene::of(SEEING_PRIMARY).place(&fakes)).start().await;
    fakes.anthropic.script(rate_limited(90));
    let answer = ask(&fakes, &house, &alice().saying("one")).await;
    let later = "I could not answer: the model cannot be reached just now. Please send it again in a while.";
    assert_eq!(answer.message, later);
    assert_eq!(status(&house).0, "cooling");
    // H12: one try, with the credential that rests; it works, and nothing rests any more.
    ask(&fakes, &house, &alice().saying("two")).await;
    assert_eq!(fakes.anthropic.requests().len(), 2);
    assert_eq!(status(&house).0, "ok");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_key_starts_clean() {
    let (fakes, time) = (Fakes::start().await, Time::new());
    let place = |key: &str| {
        let place = Scene::of(SEEING_PRIMARY).bare_place(&fakes).profiles(creel_tests::scene::KEY_BY_REFERENCE);
        time.of(place.variable("ANTHROPIC_API_KEY", key))
    };
    let directory = tempfile::tempdir().expect("a temporary directory");
    let house = place("sk-ant-api03-old-key-0123456789").at(directory.path()).start().await;
    let answer = ask(&fakes, &house, &alice().saying("one")).await;
    assert_eq!((answer.message.as_str(), status(&house).0), (REFUSED, "cooling"));
    house.stop().await;
    let house = place(API_KEY).at(directory.path()).start().await;
    assert_eq!(status(&house).0, "ok");
    let answer = ask(&fakes, &house, &alice().saying("two")).await;
    assert!(answer.message.ends_with("two"), "{}", answer.message);
    house.stop().await;
}
