//! The story of the design, told against strict fakes: what was asked of the upstream is what is asserted.

use creel_fakes::pictures;
use creel_fakes::signal::{Attachment, Message};
use creel_runtime::Step;
use creel_tests::house::{ALICE, ALICE_UUID, API_KEY, Fakes, Place, STALE_OAUTH_TOKEN};

/// A text-only primary, an image model, a profile by reference, and a stale token beside the right key.
fn place(fakes: &Fakes, tools: &str) -> Place {
    let config = format!(
        r#"{{
          models: {{ providers: {{
            anthropic: {{ baseUrl: "{}" }},
            ollama: {{ baseUrl: "{}" }},
          }} }},
          agents: {{ defaults: {{ model: {{ primary: "ollama/glm-5:cloud" }},
                                  imageModel: {{ primary: "anthropic/claude-haiku-4-5", fallbacks: [] }} }} }},
          {tools}
          {}
        }}"#,
        fakes.anthropic.base_url(),
        fakes.ollama.base_url(),
        fakes.channel(),
    );
    let profiles = r#"{ "version": 1, "profiles": { "anthropic:default": { "type": "api_key", "provider": "anthropic",
        "keyRef": { "source": "env", "provider": "default", "id": "ANTHROPIC_API_KEY" } } } }"#;
    Place::with(config)
        .profiles(profiles)
        .variable("ANTHROPIC_API_KEY", API_KEY)
        .variable("ANTHROPIC_OAUTH_TOKEN", STALE_OAUTH_TOKEN)
}

fn alice() -> Message {
    Message::from_number(ALICE, ALICE_UUID, "Alice")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_goes_to_the_image_model_with_the_key_of_the_profile() {
    // U1, #69620.
    let fakes = Fakes::start().await;
    let place = place(&fakes, "");
    let house = place.start().await;
    let picture = pictures::jpeg();
    fakes.signal.receive(&alice().saying("what is this?").with(Attachment::jpeg(picture.clone()))).expect("received");
    let sent = fakes.signal.wait_for_sent(1).await.unwrap_or_else(|_| panic!("{:#?}", house.steps.all()));

    let requests = fakes.anthropic.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("x-api-key"), Some(API_KEY));
    assert_eq!(requests[0].header("authorization"), None);
    assert_eq!(fakes.anthropic.refusals().len(), 0);
    assert_eq!(fakes.ollama.requests().len(), 0);
    let sha256 = pictures::sha256_hex(&picture);
    assert!(sent[0].message.contains(&sha256), "{}", sent[0].message);
    let chosen = house.steps.wait_for(1, |step| match step {
        Step::Credential { credential, .. } => credential.chosen().map(|chosen| chosen.id.clone()),
        _ => None,
    });
    assert_eq!(chosen.await, ["anthropic:default"]);
    house.host.shutdown().await;
}
