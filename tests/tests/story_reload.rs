//! Another configuration while the host runs: what has begun ends by the old one, what begins goes by the new one, and
//! nothing is half applied.

use creel_fakes::{anthropic, ollama, pictures};
use creel_runtime::{Host, Reloaded, Step};
use creel_store::state::StateRoot;
use creel_tests::house::{API_KEY, Fakes, Place, plugins};
use creel_tests::scene::{Scene, TEXT_AND_IMAGE_MODEL, alice_shows, ask, refusals};

/// A token that the fake Anthropic takes.
const OAUTH_TOKEN: &str = "sk-ant-oat01-good-token-0123456789abcdef";
/// The profile that takes the place of the one in the story.
const TOKEN_PROFILE: &str = r#"{ "version": 1, "profiles": { "anthropic:default": { "type": "token",
    "provider": "anthropic", "token": "sk-ant-oat01-good-token-0123456789abcdef" } } }"#;

fn reload(place: &Place, host: &Host) -> Reloaded {
    let root = StateRoot::open_ambient(place.path()).expect("a state directory");
    host.reload(place.knowledge(&root), plugins().to_vec())
}

/// What stands in that list, and nothing else has changed.
fn changed(channel: impl FnOnce(&mut Reloaded) -> &mut Vec<String>) -> Reloaded {
    let mut reloaded = Reloaded::default();
    channel(&mut reloaded).push("signal".to_owned());
    reloaded
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_under_way_keeps_its_credential_and_the_next_gets_the_new_one() {
    let upstream = anthropic::Config::with_api_key(API_KEY).and_oauth_token(OAUTH_TOKEN);
    let fakes = Fakes::replying(upstream, ollama::Config::new()).await;
    let scene = Scene::of(TEXT_AND_IMAGE_MODEL);
    let place = scene.place(&fakes);
    let house = place.start().await;

    fakes.anthropic.hold();
    fakes.signal.receive(&alice_shows(&pictures::jpeg(), "first")).expect("received");
    fakes.anthropic.wait_until_held(1).await.expect("asked");
    let next = scene.bare_place(&fakes).at(place.path()).profiles(TOKEN_PROFILE);
    assert_eq!(reload(&next, &house.host), Reloaded::default(), "no channel has changed");
    fakes.anthropic.release();
    house.steps.wait_for(1, |step| matches!(step, Step::Delivered { .. }).then_some(())).await;
    ask(&fakes, &house, &alice_shows(&pictures::png(), "second")).await;

    let requests = fakes.anthropic.requests();
    let sent: Vec<_> = requests.iter().map(|one| (one.header("x-api-key"), one.header("authorization"))).collect();
    let bearer = format!("Bearer {OAUTH_TOKEN}");
    assert_eq!(sent, [(Some(API_KEY), None), (None, Some(bearer.as_str()))]);
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_changed_listens_anew_and_loses_nothing() {
    let fakes = Fakes::start().await;
    let place = Scene::of(TEXT_AND_IMAGE_MODEL).place(&fakes);
    let house = place.start().await;
    let connected = |step: &Step| {
        let Step::Listening { state, .. } = step else { return None };
        (state == "connected").then_some(())
    };
    house.steps.wait_for(1, connected).await;
    let with = |from: &str, to: &str| {
        let config = place.config().replace(from, to);
        assert_ne!(config, place.config());
        Place::with(config).at(place.path()).variable("ANTHROPIC_API_KEY", API_KEY)
    };

    let strict = with("dmPolicy:", "ignoreStories: false, dmPolicy:");
    assert_eq!(reload(&strict, &house.host), changed(|reloaded| &mut reloaded.channels_restarted));
    house.steps.wait_for(2, connected).await;
    ask(&fakes, &house, &alice_shows(&pictures::jpeg(), "one")).await;

    let off = with("signal: {", "signal: { enabled: false,");
    assert_eq!(reload(&off, &house.host), changed(|reloaded| &mut reloaded.channels_stopped));
    assert_eq!(reload(&strict, &house.host), changed(|reloaded| &mut reloaded.channels_started));
    house.steps.wait_for(3, connected).await;
    ask(&fakes, &house, &alice_shows(&pictures::png(), "two")).await;
    assert_eq!(fakes.signal.sent().len(), 2);
    assert_eq!(fakes.anthropic.accepted().len(), 2);
    house.stop().await;
}
