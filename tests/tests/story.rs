//! The story of the design, told against strict fakes: what was asked of the upstream is what is asserted.

use creel_fakes::pictures;
use creel_runtime::Step;
use creel_tests::house::{API_KEY, Fakes};
use creel_tests::scene::{Scene, TEXT_AND_IMAGE_MODEL, alice_shows, ask};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_goes_to_the_image_model_with_the_key_of_the_profile() {
    // U1, #69620.
    let fakes = Fakes::start().await;
    let house = Scene::of(TEXT_AND_IMAGE_MODEL).place(&fakes).start().await;
    let picture = pictures::jpeg();
    let sent = ask(&fakes, &house, &alice_shows(&picture, "what is this?")).await;

    let requests = fakes.anthropic.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("x-api-key"), Some(API_KEY));
    assert_eq!(requests[0].header("authorization"), None);
    assert_eq!(fakes.anthropic.refusals().len(), 0);
    assert_eq!(fakes.ollama.requests().len(), 0);
    let sha256 = pictures::sha256_hex(&picture);
    assert!(sent.message.contains(&sha256), "{}", sent.message);
    let chosen = house.steps.wait_for(1, |step| match step {
        Step::Credential { credential, .. } => credential.chosen().map(|chosen| chosen.id.clone()),
        _ => None,
    });
    assert_eq!(chosen.await, ["anthropic:default"]);
    house.stop().await;
}
