//! First, tenth, concurrent, replayed and after a restart: one case. What the upstream decoded is what was sent.

use creel_fakes::signal::{Attachment, Message};
use creel_fakes::{ollama, pictures};
use creel_runtime::Step;
use creel_store::resolve::{Asker, Deed, MediaResolution};
use creel_tests::house::{ALICE, ALICE_UUID, Fakes, House};
use creel_tests::scene::{
    SEEING_PRIMARY, Scene, TEXT_AND_IMAGE_MODEL, alice, alice_shows, ask, person, pictures, refusals,
    seen_by_anthropic, seen_by_ollama, sent, sums,
};

/// The handles of the media that were stored so far.
fn stored(house: &House) -> Vec<String> {
    let all = house.steps.all().into_iter().filter_map(|step| match step {
        Step::MediaStored { media, .. } => Some(media.uri.to_string()),
        _ => None,
    });
    all.collect()
}

/// What the host says to a spelling.
fn look(house: &House, spelling: &str) -> MediaResolution {
    let scope = house.host.knowledge();
    let scope = scope.media_scope(Asker::Operator);
    house.store.resolve(spelling, &scope, Deed::Look { now_ms: 1 }).expect("a store that works")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tenth_picture_arrives_as_the_first_did() {
    let fakes = Fakes::start().await;
    let house = Scene::of(TEXT_AND_IMAGE_MODEL).place(&fakes).start().await;
    let shown = pictures(10);
    for picture in &shown {
        let answer = ask(&fakes, &house, &alice_shows(picture, "what is this?")).await;
        assert!(answer.message.contains(&sums([picture])[0]), "{}", answer.message);
    }
    // The image model takes pictures, so that the history shows it all that came before.
    let seen: Vec<_> = fakes.anthropic.accepted().iter().map(seen_by_anthropic).collect();
    let expect: Vec<_> = (1..=10).map(|count| sums(&shown[..count])).collect();
    assert_eq!(seen, expect);
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_pictures_of_eight_people_at_once() {
    let fakes = Fakes::start().await;
    let numbers: Vec<_> = (0..8).map(person).collect();
    let list: Vec<_> = numbers.iter().map(|(number, _)| format!("\"{number}\"")).collect();
    let directory = fakes.attachments.path().display();
    let channels = fakes.channel_with(&format!(r#"attachmentsDir: "{directory}", allowFrom: [{}]"#, list.join(", ")));
    let house = Scene { channels: Some(channels), ..Scene::of(TEXT_AND_IMAGE_MODEL) }.place(&fakes).start().await;
    let shown = pictures(8);
    fakes.anthropic.hold();
    for ((number, uuid), picture) in numbers.iter().zip(&shown) {
        let message = Message::from_number(number, uuid, "Somebody").saying("what is this?");
        fakes.signal.receive(&message.with(Attachment::jpeg(picture.clone()))).expect("received");
    }
    // All eight are under way at the same time.
    fakes.anthropic.wait_until_held(8).await.unwrap_or_else(|_| panic!("{:#?}", house.steps.all()));
    fakes.anthropic.release();
    let answers = sent(&fakes, &house, 8).await;
    for ((_, uuid), sum) in numbers.iter().zip(sums(&shown)) {
        let own: Vec<_> = answers.iter().filter(|answer| answer.recipients == [uuid.clone()]).collect();
        assert_eq!(own.len(), 1);
        assert!(own[0].message.starts_with("I see 1 picture") && own[0].message.contains(&sum), "{}", own[0].message);
    }
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_pictures_in_one_conversation_at_once() {
    let fakes = Fakes::start().await;
    let house = Scene::of(SEEING_PRIMARY).place(&fakes).start().await;
    let shown = pictures(8);
    for (number, picture) in shown.iter().enumerate() {
        fakes.signal.receive(&alice_shows(picture, &format!("number {number}?"))).expect("received");
    }
    let answers = sent(&fakes, &house, 8).await;
    for (number, (answer, sum)) in answers.iter().zip(sums(&shown)).enumerate() {
        assert!(answer.message.contains(&sum), "{}", answer.message);
        assert!(answer.message.ends_with(&format!("You said: number {number}?")), "{}", answer.message);
    }
    let last = fakes.anthropic.accepted().pop().expect("a request");
    assert_eq!(seen_by_anthropic(&last), sums(&shown));
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_pictures_in_one_message() {
    let fakes = Fakes::start().await;
    let house = Scene::of(SEEING_PRIMARY).place(&fakes).start().await;
    let shown = pictures(8);
    let message = shown.iter().fold(alice(), |message, picture| message.with(Attachment::jpeg(picture.clone())));
    let answer = ask(&fakes, &house, &message).await;
    assert!(answer.message.starts_with("I see 8 pictures"), "{}", answer.message);
    assert_eq!(seen_by_anthropic(&fakes.anthropic.accepted()[0]), sums(&shown));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_are_replayed_after_a_restart_and_the_first_one_after_it_arrives() {
    let fakes = Fakes::start().await;
    let place = Scene::of(SEEING_PRIMARY).place(&fakes);
    let shown = pictures(3);
    for (at, picture) in shown.iter().enumerate() {
        let house = place.start().await;
        // The daemon has swept its own copies away.
        for file in std::fs::read_dir(fakes.attachments.path()).expect("a directory") {
            std::fs::remove_file(file.expect("a file").path()).expect("removed");
        }
        ask(&fakes, &house, &alice_shows(picture, "what is this?")).await;
        let seen = fakes.anthropic.accepted().pop().map(|request| seen_by_anthropic(&request));
        assert_eq!(seen, Some(sums(&shown[..=at])));
        house.stop().await;
    }
    let house = place.start().await;
    ask(&fakes, &house, &alice().saying("and all of them?")).await;
    let seen = fakes.anthropic.accepted().pop().map(|request| seen_by_anthropic(&request));
    assert_eq!(seen, Some(sums(&shown)));
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_granted_directory_attachments_are_asked_of_the_daemon() {
    let fakes = Fakes::start().await;
    let channels = fakes.channel_with(&format!(r#"allowFrom: ["{ALICE}"]"#));
    let house = Scene { channels: Some(channels), ..Scene::of(SEEING_PRIMARY) }.place(&fakes).start().await;
    let shown = pictures(2);
    for picture in &shown {
        ask(&fakes, &house, &alice_shows(picture, "what is this?")).await;
    }
    let fetched = fakes.signal.requests_to("/api/v1/rpc").into_iter().map(|request| request.json().expect("JSON"));
    let fetched: Vec<_> = fetched.filter(|call| call["method"] == "getAttachment").collect();
    assert_eq!(fetched.len(), 2);
    assert_eq!(fetched[0]["params"]["recipient"], ALICE_UUID);
    let last = fakes.anthropic.accepted().pop().expect("a request");
    assert_eq!(seen_by_anthropic(&last), sums(&shown));
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_goes_on_without_an_attachment_that_is_gone_and_says_so() {
    let fakes = Fakes::start().await;
    let house = Scene::of(r#"model: { primary: "ollama/qwen3-vl:8b" }"#).place(&fakes).start().await;
    let picture = pictures::jpeg();
    let message = alice_shows(&picture, "both?").with(Attachment::jpeg(pictures::jpeg_of(1)).missing());
    let answer = ask(&fakes, &house, &message).await;

    let chat = fakes.ollama.accepted().pop().expect("a chat");
    assert_eq!(seen_by_ollama(&chat), sums([&picture]));
    let said = &chat.messages[0].content;
    assert!(said.starts_with("[An attachment could not be fetched: ") && said.ends_with("]\nboth?"), "{said}");
    assert!(answer.message.contains(&sums([&picture])[0]), "{}", answer.message);
    let missing = house.steps.wait_for(1, |step| match step {
        Step::MediaMissing { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    assert!(said.contains(&missing.await[0]));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_spelling_of_a_picture_is_the_same_handle() {
    let fakes = Fakes::replying(creel_fakes::anthropic::Config::with_api_key("x"), ollama::Config::new()).await;
    for place in
        [Scene::of(TEXT_AND_IMAGE_MODEL).place(&fakes), Scene::of(TEXT_AND_IMAGE_MODEL).place(&fakes).behind_a_link()]
    {
        let house = place.start().await;
        ask(&fakes, &house, &alice_shows(&pictures::jpeg(), "what is this?")).await;
        let handle = stored(&house).pop().expect("a medium");
        let file = handle.strip_prefix("media://inbound/").expect("a handle of the inbound area");
        let path = place.inbound().join(file);
        let real = path.canonicalize().expect("a file");
        let spellings = [
            handle.clone(),
            format!("media/inbound/{file}"),
            path.display().to_string(),
            format!("file://{}", path.display()),
            real.display().to_string(),
            format!("file://localhost{}", real.display()),
        ];
        for spelling in spellings {
            let resolved = look(&house, &spelling);
            let found = resolved.outcome.unwrap_or_else(|refusal| panic!("{spelling}: {refusal}"));
            let medium = found.medium().expect("no URL");
            assert_eq!(medium.media.to_string(), handle, "{spelling}");
            assert_eq!(medium.sha256, sums([&pictures::jpeg()])[0]);
        }
        let outside = fakes.attachments.path().join(file).display().to_string();
        let refused = look(&house, &outside).outcome.expect_err("a refusal");
        assert_eq!(
            refused.to_string(),
            format!("path-not-allowed: local media path is not under an allowed directory: {outside}")
        );
        house.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_path_is_kept_or_told() {
    let fakes = Fakes::start().await;
    let place = Scene::of(SEEING_PRIMARY).place(&fakes);
    let house = place.start().await;
    let message = alice_shows(&pictures::jpeg(), "and this?").with(Attachment::jpeg(pictures::jpeg_of(1)).missing());
    ask(&fakes, &house, &message).await;
    let steps = format!("{:?}", house.steps.all());
    let handles = stored(&house);
    house.stop().await;

    let roots = [place.path(), fakes.attachments.path()].map(|path| path.display().to_string());
    let files = creel_tests::scene::files_below(place.path());
    assert!(
        files.iter().any(|(name, _)| name == "creel.db"),
        "{:?}",
        files.iter().map(|file| &file.0).collect::<Vec<_>>()
    );
    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    for root in &roots {
        assert!(!steps.contains(root), "{steps}");
        let told = [fakes.anthropic.requests(), fakes.signal.requests()].concat();
        assert!(told.iter().all(|request| !request.contains(root)), "{root}");
        for (name, bytes) in &files {
            assert!(!holds(bytes, root), "`{name}` holds `{root}`");
        }
    }
    assert!(files.iter().any(|(_, bytes)| holds(bytes, &handles[0])));
}
