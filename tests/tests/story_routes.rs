//! Which model gets what: a picture is a need like any other, and each model is given what it takes.

use creel_fakes::anthropic::{self, Block, Reply, overloaded};
use creel_fakes::signal::Attachment;
use creel_fakes::{ollama, pictures};
use creel_runtime::Step;
use creel_tests::house::{API_KEY, Fakes, House};
use creel_tests::scene::{
    SEEING_PRIMARY, Scene, TEXT_AND_IMAGE_MODEL, alice, alice_shows, ask, attempts, pictures, refusals, roles,
    seen_by_anthropic, seen_by_ollama, sums,
};

const TEXT_PRIMARY: &str = r#"model: { primary: "ollama/glm-5:cloud" }"#;
const DESCRIBER: &str =
    r#"models: [{ provider: "anthropic", model: "claude-haiku-4-5", profile: "anthropic:default" }]"#;
const IMAGE_FALLBACK: &str = r#"model: { primary: "ollama/glm-5:cloud" },
    imageModel: { primary: "anthropic/claude-haiku-4-5", fallbacks: ["ollama/qwen3-vl:8b"] }"#;

fn described(house: &House) -> usize {
    house.steps.all().iter().filter(|step| matches!(step, Step::Described { .. })).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_is_described_once_for_a_primary_that_cannot_see() {
    let fakes = Fakes::start().await;
    let place = Scene { image_tool: DESCRIBER, ..Scene::of(TEXT_PRIMARY) }.place(&fakes);
    let house = place.start().await;
    let picture = pictures::jpeg();
    let sum = pictures::sha256_hex(&picture);
    ask(&fakes, &house, &alice_shows(&picture, "what is this?")).await;

    let described_by = fakes.anthropic.accepted();
    assert_eq!(seen_by_anthropic(&described_by[0]), [sum.clone()]);
    assert_eq!(fakes.anthropic.requests()[0].header("x-api-key"), Some(API_KEY));
    let primary = &fakes.ollama.accepted()[0];
    assert_eq!(primary.model, "glm-5:cloud");
    assert_eq!(roles(primary), ["user"]);
    let said = &primary.messages[0].content;
    assert!(said.starts_with("[Attached picture media://inbound/"), "{said}");
    assert!(
        said.contains(&format!("described: I see 1 picture: a 640x480 JPEG, mainly orange, sha256 {sum}")),
        "{said}"
    );
    assert!(said.ends_with("what is this?"), "{said}");
    assert!(seen_by_ollama(primary).is_empty());

    // A later turn, the same bytes again, and a restart: nobody is asked twice.
    ask(&fakes, &house, &alice().saying("which colours?")).await;
    ask(&fakes, &house, &alice_shows(&picture, "and now?")).await;
    assert_eq!(described(&house), 1);
    house.stop().await;
    let house = place.start().await;
    ask(&fakes, &house, &alice().saying("once more?")).await;
    assert_eq!(fakes.anthropic.requests().len(), 1);
    assert_eq!(described(&house), 0);
    let chats = fakes.ollama.accepted();
    let described = |chat: &ollama::Request| -> Vec<bool> {
        let users = chat.messages.iter().filter(|message| message.role == "user");
        users.map(|message| message.content.contains(&sum)).collect()
    };
    let expect: [&[bool]; 4] = [&[true], &[true, false], &[true, false, true], &[true, false, true, false]];
    assert_eq!(chats.iter().map(described).collect::<Vec<_>>(), expect);
    assert!(chats.iter().all(|chat| seen_by_ollama(chat).is_empty()));
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_sees_gets_pictures_as_they_are_and_again_with_the_history() {
    let fakes = Fakes::start().await;
    let house = Scene::of(SEEING_PRIMARY).place(&fakes).start().await;
    let shown = pictures(2);
    ask(&fakes, &house, &alice_shows(&shown[0], "first?")).await;
    ask(&fakes, &house, &alice_shows(&shown[1], "second?")).await;
    ask(&fakes, &house, &alice().saying("which was brighter?")).await;

    let asked = fakes.anthropic.accepted();
    let seen: Vec<_> = asked.iter().map(seen_by_anthropic).collect();
    assert_eq!(seen, [sums(&shown[..1]), sums(&shown), sums(&shown)]);
    assert_eq!(asked[2].turns.len(), 5);
    assert_eq!(asked[2].turns[4].content, [Block::Text("which was brighter?".to_owned())]);
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ollama_gets_pictures_as_bare_base64() {
    let fakes = Fakes::start().await;
    let house = Scene::of(r#"model: { primary: "ollama/qwen3-vl:8b" }"#).place(&fakes).start().await;
    let shown = pictures(2);
    ask(&fakes, &house, &alice_shows(&shown[0], "first?")).await;
    let both = alice().saying("both?").with(Attachment::jpeg(shown[1].clone())).with(Attachment::png(pictures::png()));
    ask(&fakes, &house, &both).await;

    // The fake decodes `images` as Go does: a `data:` URL would have been refused.
    let seen: Vec<_> = fakes.ollama.accepted().iter().map(seen_by_ollama).collect();
    let all = sums([&shown[0], &shown[1], &pictures::png()]);
    assert_eq!(seen, [all[..1].to_vec(), all]);
    assert_eq!(fakes.anthropic.requests().len(), 0);
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_without_pictures_goes_to_the_primary_again() {
    let fakes = Fakes::start().await;
    let house = Scene::of(TEXT_AND_IMAGE_MODEL).place(&fakes).start().await;
    let picture = pictures::jpeg();
    ask(&fakes, &house, &alice_shows(&picture, "what is this?")).await;
    ask(&fakes, &house, &alice().saying("thank you")).await;

    assert_eq!(fakes.anthropic.requests().len(), 1);
    let chat = &fakes.ollama.accepted()[0];
    assert_eq!(roles(chat), ["user", "assistant", "user"]);
    let shown = &chat.messages[0].content;
    let words = format!("(image/jpeg, {} bytes); this model cannot look at it.]", picture.len());
    assert!(shown.starts_with("[Attached: media://inbound/") && shown.contains(&words), "{shown}");
    assert_eq!(chat.messages[2].content, "thank you");
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_model_that_is_refused_is_followed_by_its_fallback() {
    let anthropic = anthropic::Config::with_api_key("another key than the one configured");
    let fakes = Fakes::replying(anthropic, ollama::Config::new()).await;
    let house = Scene::of(IMAGE_FALLBACK).place(&fakes).start().await;
    let picture = pictures::jpeg();
    let answer = ask(&fakes, &house, &alice_shows(&picture, "what is this?")).await;

    let expect = ("anthropic/claude-haiku-4-5", "authentication", "next-model");
    let failed = attempts(&house);
    assert_eq!(failed.len(), 1);
    assert_eq!((failed[0].0.as_str(), failed[0].1.as_str(), failed[0].3), expect);
    assert!(failed[0].2.contains("invalid x-api-key"), "{}", failed[0].2);
    assert_eq!(fakes.anthropic.requests().len(), 1);
    let chats = fakes.ollama.accepted();
    assert_eq!((chats[0].model.as_str(), seen_by_ollama(&chats[0])), ("qwen3-vl:8b", sums([&picture])));
    assert!(answer.message.contains(&sums([&picture])[0]), "{}", answer.message);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_model_declines_no_other_is_asked() {
    let anthropic =
        anthropic::Config::with_api_key(API_KEY).replying(|_| Reply::text("I would rather not.").stopped_by("refusal"));
    let fakes = Fakes::replying(anthropic, ollama::Config::new()).await;
    let house = Scene::of(IMAGE_FALLBACK).place(&fakes).start().await;
    let answer = ask(&fakes, &house, &alice_shows(&pictures::jpeg(), "what is this?")).await;

    assert_eq!(answer.message, "The model declined to answer that.");
    let failed = attempts(&house);
    assert_eq!((failed.len(), failed[0].1.as_str(), failed[0].3), (1, "content-refused", "stop"));
    assert_eq!(fakes.anthropic.requests().len(), 1);
    assert_eq!(fakes.ollama.requests().len(), 0);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_is_overloaded_is_asked_again() {
    let fakes = Fakes::start().await;
    let house = Scene::of(IMAGE_FALLBACK).place(&fakes).start().await;
    let picture = pictures::jpeg();
    fakes.anthropic.script(overloaded());
    let answer = ask(&fakes, &house, &alice_shows(&picture, "what is this?")).await;

    let failed = attempts(&house);
    assert_eq!((failed.len(), failed[0].1.as_str(), failed[0].3), (1, "overloaded", "retry"));
    let seen: Vec<_> = fakes.anthropic.accepted().iter().map(seen_by_anthropic).collect();
    assert_eq!(seen, [sums([&picture]), sums([&picture])]);
    assert!(answer.message.contains(&sums([&picture])[0]), "{}", answer.message);
    assert_eq!(fakes.ollama.requests().len(), 0);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_too_large_for_a_describer_is_left_to_the_next() {
    let fakes = Fakes::start().await;
    let models = r#"models: [{ provider: "anthropic", model: "claude-haiku-4-5", maxBytes: 4096 },
                             { provider: "ollama", model: "qwen3-vl:8b" }]"#;
    let house = Scene { image_tool: models, ..Scene::of(TEXT_PRIMARY) }.place(&fakes).start().await;
    let (large, small) = (pictures::png_of_at_least(4097), pictures::png());
    assert!(small.len() <= 4096);
    ask(&fakes, &house, &alice().saying("large").with(Attachment::png(large.clone()))).await;
    assert_eq!(fakes.anthropic.requests().len(), 0);
    ask(&fakes, &house, &alice().saying("small").with(Attachment::png(small.clone()))).await;

    let described: Vec<_> = fakes.anthropic.accepted().iter().map(seen_by_anthropic).collect();
    assert_eq!(described, [sums([&small])]);
    let chats = fakes.ollama.accepted();
    let asked: Vec<_> = chats.iter().map(|chat| (chat.model.as_str(), seen_by_ollama(chat))).collect();
    assert_eq!(asked, [("qwen3-vl:8b", sums([&large])), ("glm-5:cloud", vec![]), ("glm-5:cloud", vec![])]);
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_too_large_for_every_describer_is_said_to_be() {
    let fakes = Fakes::start().await;
    let models = r#"models: [{ provider: "anthropic", model: "claude-haiku-4-5", maxBytes: 4096 }]"#;
    let house = Scene { image_tool: models, ..Scene::of(TEXT_PRIMARY) }.place(&fakes).start().await;
    let large = pictures::png_of_at_least(4097);
    let answer = ask(&fakes, &house, &alice().saying("large").with(Attachment::png(large))).await;

    let apology = "I could not answer: no model is set up for what you sent. Its operator has been told.";
    assert_eq!(answer.message, apology);
    assert_eq!((fakes.anthropic.requests().len(), fakes.ollama.requests().len()), (0, 0));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_history_still_begins_with_the_user() {
    let fakes = Fakes::start().await;
    let directory = fakes.attachments.path().display().to_string();
    let channels = fakes.channel_with(&format!(
        r#"attachmentsDir: "{directory}", allowFrom: ["{}"], historyLimit: 2"#,
        creel_tests::house::ALICE
    ));
    let house = Scene { channels: Some(channels), ..Scene::of(SEEING_PRIMARY) }.place(&fakes).start().await;
    for text in ["one", "two", "three"] {
        let answer = ask(&fakes, &house, &alice().saying(text)).await;
        assert_eq!(answer.message, format!("You said: {text}"));
    }
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_goes_on_after_a_turn_that_failed() {
    let fakes = Fakes::start().await;
    let house = Scene::of(SEEING_PRIMARY).place(&fakes).start().await;
    fakes.anthropic.script(anthropic::error(400, "invalid_request_error", "no"));
    let apology = ask(&fakes, &house, &alice().saying("one")).await;
    assert_eq!(apology.message, "I could not answer: something went wrong on my side. Its operator has been told.");
    let answer = ask(&fakes, &house, &alice().saying("two")).await;
    assert!(answer.message.contains("two"), "{}", answer.message);
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}
