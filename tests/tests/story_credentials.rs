//! Which credential goes on the wire, and that `explain` and `status` say the same. There is no silent fallback.

use creel_fakes::{anthropic, ollama, pictures};
use creel_policy::credential::{CredentialDerivation, Use, Verdict};
use creel_policy::ids::ProviderId;
use creel_runtime::{AuthQuestion, Step};
use creel_tests::house::{API_KEY, Fakes, House, STALE_OAUTH_TOKEN};
use creel_tests::scene::{
    KEY_BY_REFERENCE, SEEING_PRIMARY, Scene, TEXT_AND_IMAGE_MODEL, alice, alice_shows, ask, attempts, refusals,
};

/// A token that the fake Anthropic takes.
const OAUTH_TOKEN: &str = "sk-ant-oat01-good-token-0123456789abcdef";
const REFUSED: &str = "I could not answer: the gateway's credential was refused. Its operator has been told.";

/// The derivations of the calls so far.
fn derivations(house: &House) -> Vec<CredentialDerivation> {
    let all = house.steps.all().into_iter().filter_map(|step| match step {
        Step::Credential { credential, .. } => Some(credential),
        _ => None,
    });
    all.collect()
}

/// What `explain auth` says of Anthropic.
fn explained(house: &House, use_: Use) -> CredentialDerivation {
    let provider = ProviderId::parse("anthropic").expect("an id");
    let question = AuthQuestion { provider: &provider, use_: Some(use_), model: None, profile: None };
    let explained = house.host.knowledge().explain_auth(&question, house.host.now_ms());
    explained.unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// What `models status` says of Anthropic: for each use the state and the credential.
fn status(house: &House) -> Vec<(Use, &'static str, Option<String>)> {
    let all = house.host.knowledge().models_status(house.host.now_ms()).into_iter();
    let anthropic = all.filter(|status| status.provider.as_str() == "anthropic");
    let uses = anthropic.flat_map(|status| status.uses);
    uses.map(|used| (used.use_, used.state, used.winner.map(|winner| winner.id))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_explained_is_what_is_sent_and_what_the_upstream_receives() {
    let fakes = Fakes::start().await;
    let house = Scene::of(TEXT_AND_IMAGE_MODEL).place(&fakes).start().await;
    let before = explained(&house, Use::Image);
    assert_eq!(status(&house), [(Use::Image, "ok", Some("anthropic:default".to_owned()))]);
    ask(&fakes, &house, &alice_shows(&pictures::jpeg(), "what is this?")).await;

    assert_eq!(derivations(&house), [before.clone()]);
    assert_eq!(explained(&house, Use::Image), before);
    let lines: Vec<_> =
        before.candidates.iter().map(|one| (one.id.as_str(), one.verdict, one.reason.as_str())).collect();
    assert_eq!(
        lines,
        [
            ("anthropic:default", Verdict::Chosen, "the first that can be sent, as class `api_key`"),
            ("env:ANTHROPIC_API_KEY", Verdict::PassedOver, "usable, but `anthropic:default` comes first"),
            ("env:ANTHROPIC_OAUTH_TOKEN", Verdict::PassedOver, "usable, but `anthropic:default` comes first"),
        ]
    );
    let request = &fakes.anthropic.requests()[0];
    assert_eq!((request.header("x-api-key"), request.header("authorization")), (Some(API_KEY), None));
    assert!(!request.contains(STALE_OAUTH_TOKEN));
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chat_and_pictures_get_the_same_credential() {
    let fakes = Fakes::start().await;
    let house = Scene::of(SEEING_PRIMARY).place(&fakes).start().await;
    ask(&fakes, &house, &alice().saying("hello")).await;
    ask(&fakes, &house, &alice_shows(&pictures::jpeg(), "what is this?")).await;
    let requests = fakes.anthropic.requests();
    assert_eq!(requests.iter().map(|one| one.header("x-api-key")).collect::<Vec<_>>(), [Some(API_KEY); 2]);
    let both = derivations(&house);
    assert_eq!(both[0].candidates, both[1].candidates);
    assert_eq!(explained(&house, Use::Chat).candidates, explained(&house, Use::Image).candidates);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oauth_token_goes_as_a_bearer_with_its_beta_header() {
    let anthropic = anthropic::Config::with_api_key(API_KEY).and_oauth_token(OAUTH_TOKEN);
    let fakes = Fakes::replying(anthropic, ollama::Config::new()).await;
    let profiles = r#"{ "version": 1, "profiles": { "anthropic:max": { "type": "token", "provider": "anthropic",
        "tokenRef": { "source": "env", "provider": "default", "id": "MY_TOKEN" } } } }"#;
    let place = Scene::of(TEXT_AND_IMAGE_MODEL).bare_place(&fakes);
    let place = place.profiles(profiles).variable("MY_TOKEN", OAUTH_TOKEN).variable("ANTHROPIC_API_KEY", API_KEY);
    let house = place.start().await;
    ask(&fakes, &house, &alice_shows(&pictures::jpeg(), "what is this?")).await;

    let request = &fakes.anthropic.requests()[0];
    assert_eq!(request.header("authorization"), Some(format!("Bearer {OAUTH_TOKEN}").as_str()));
    assert_eq!(request.header("anthropic-beta"), Some("oauth-2025-04-20"));
    assert_eq!(request.header("x-api-key"), None);
    assert!(!request.contains(API_KEY));
    assert_eq!(derivations(&house)[0].chosen().map(|one| one.id.clone()), Some("anthropic:max".to_owned()));
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_whose_reference_is_not_set_fails_and_nothing_takes_over() {
    // The image path of the story: a profile error was swallowed, and a stale token of the environment was sent.
    let fakes = Fakes::start().await;
    let place = Scene::of(TEXT_AND_IMAGE_MODEL).bare_place(&fakes).profiles(KEY_BY_REFERENCE);
    let house = place.variable("ANTHROPIC_OAUTH_TOKEN", STALE_OAUTH_TOKEN).start().await;
    let answer = ask(&fakes, &house, &alice_shows(&pictures::jpeg(), "what is this?")).await;

    assert_eq!(fakes.anthropic.requests().len(), 0);
    assert_eq!(answer.message, REFUSED);
    let failure = "credential `anthropic:default` (env:ANTHROPIC_API_KEY) failed: unresolved_ref: \
                   env:ANTHROPIC_API_KEY is not set";
    let hint = "check `ANTHROPIC_API_KEY` in the daemon's environment, which is not that of your shell; nothing takes \
                over for a configured credential";
    let derivation = &derivations(&house)[0];
    assert_eq!((derivation.failure.as_deref(), derivation.hint.as_deref()), (Some(failure), Some(hint)));
    let stale = derivation.candidates.iter().find(|one| one.id == "env:ANTHROPIC_OAUTH_TOKEN").expect("a candidate");
    let passed = "usable, but `anthropic:default` failed, and nothing takes over for it";
    assert_eq!((stale.verdict, stale.reason.as_str()), (Verdict::PassedOver, passed));
    let attempt = ("anthropic/claude-haiku-4-5".into(), "credential-missing".into(), failure.into(), "next-model");
    assert_eq!(attempts(&house), [attempt]);
    assert_eq!(explained(&house, Use::Image), *derivation);
    assert_eq!(status(&house), [(Use::Image, "failed", None)]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_the_configuration_that_is_refused_upstream_is_not_replaced() {
    let fakes = Fakes::start().await;
    let keyed = r#"auth: "api-key", apiKey: { source: "env", provider: "default", id: "OLD_KEY" }"#;
    let place = Scene { anthropic: keyed, ..Scene::of(SEEING_PRIMARY) }.bare_place(&fakes);
    let place = place.variable("OLD_KEY", "sk-ant-api03-old-key-0123456789").variable("ANTHROPIC_API_KEY", API_KEY);
    let house = place.start().await;
    let answer = ask(&fakes, &house, &alice().saying("hello")).await;

    assert_eq!(answer.message, REFUSED);
    let sent: Vec<_> =
        fakes.anthropic.requests().iter().map(|one| one.header("x-api-key").map(str::to_owned)).collect();
    assert_eq!(sent, [Some("sk-ant-api03-old-key-0123456789".to_owned())]);
    let chosen = derivations(&house)[0].chosen().map(|one| one.id.clone());
    assert_eq!(chosen.as_deref(), Some("models.providers.anthropic.apiKey"));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_placeholder_of_a_local_server_is_sent_to_nobody() {
    let fakes = Fakes::start().await;
    let scene = Scene { ollama: r#"apiKey: "ollama-local""#, ..Scene::of(TEXT_AND_IMAGE_MODEL) };
    let house = scene.place(&fakes).start().await;
    ask(&fakes, &house, &alice().saying("hello")).await;
    ask(&fakes, &house, &alice_shows(&pictures::jpeg(), "what is this?")).await;

    let all = [fakes.ollama.requests(), fakes.anthropic.requests()].concat();
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|request| !request.contains("ollama-local")));
    assert_eq!((all[0].header("authorization"), all[1].header("x-api-key")), (None, Some(API_KEY)));
    assert!(!all[0].contains(API_KEY));
    // The record says of each request which credential went with it, and of a bare one none.
    let recorded = house.steps.wait_for(2, |step| match step {
        Step::Egress { plugin, credential, .. } if plugin != "signal" => Some((plugin.clone(), credential.clone())),
        _ => None,
    });
    let expect = [("ollama".to_owned(), None), ("anthropic".to_owned(), Some("account".to_owned()))];
    assert_eq!(recorded.await, expect);
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_placeholder_as_a_key_of_anthropic_is_no_key() {
    let fakes = Fakes::start().await;
    let scene = Scene { anthropic: r#"apiKey: "ollama-local""#, ..Scene::of(SEEING_PRIMARY) };
    let house = scene.bare_place(&fakes).start().await;
    let answer = ask(&fakes, &house, &alice().saying("hello")).await;
    assert_eq!(answer.message, REFUSED);
    assert_eq!(fakes.anthropic.requests().len(), 0);
    house.stop().await;
}
