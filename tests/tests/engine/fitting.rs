//! A plugin of picture tools is asked once, sees one picture, and gives one back.

use creel_engine::pictures::{Bounds, ToolFault, Wishes};
use creel_engine::{CallContext, FitEnd, Fitted, Kind, fit_picture};
use creel_policy::limits::{MEDIA_CALL_MS_MAX, STEP_OUTPUT_BYTES_MAX};
use creel_tests::rig::{Rig, saying};

fn wishes() -> Wishes {
    let bounds =
        Bounds { content_types: vec!["image/png".into()], bytes_max: Some(1), side_max: Some(2), pixels_max: None };
    Wishes { bounds, upright: true, remove_location: false }
}

fn context(rig: &Rig, word: &str) -> CallContext {
    let mut context = rig.call("fitter").context;
    word.clone_into(&mut context.settings_json);
    context
}

fn count(rig: &Rig, directory: &str) -> usize {
    std::fs::read_dir(rig.directory().join("state").join(directory)).expect("it is there").count()
}

async fn fit(rig: &Rig, word: &str) -> Result<Fitted, FitEnd> {
    let picture = rig.medium(b"picture");
    let fitted = fit_picture(&rig.plugin("fitter"), &rig.store, context(rig, word), &picture, wishes()).await;
    assert_eq!(count(rig, "views"), 0, "{word}");
    fitted
}

/// It ends so, and nothing is stored.
async fn check(word: &str, expect: &str) {
    let rig = Rig::new();
    let end = fit(&rig, word).await.expect_err("it fails");
    assert_eq!(end.to_string(), expect, "{word}");
    assert_eq!(count(&rig, "media/outbound"), 0, "{word}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_made_is_stored_and_nothing_else_that_lies_there() {
    let rig = Rig::new();
    assert_eq!(rig.plugin("fitter").kind(), Kind::Pictures);
    let Ok(Fitted::Made { medium, changes }) = fit(&rig, "made").await else { unexpected("nothing was made") };
    let bytes = rig.store.media_open(&medium.media).map(std::io::read_to_string).expect("it is stored");
    assert_eq!(bytes.expect("it is text"), "erutcip");
    assert_eq!((medium.name.as_deref(), medium.size), (Some("made.txt"), 7));
    assert_eq!(changes, ["[\"image/png\"] Some(2) true", "one line"]);
    assert_eq!(count(&rig, "media/outbound"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_fit_stays() {
    let rig = Rig::new();
    assert!(matches!(fit(&rig, "unchanged").await, Ok(Fitted::Unchanged)));
    assert_eq!(count(&rig, "media/outbound"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_sees_the_one_picture_whatever_else_its_context_knows() {
    let rig = Rig::new();
    let (picture, other) = (rig.medium(b"picture"), rig.medium(b"other"));
    let mut context = context(&rig, "tell");
    context.media = creel_engine::MediaScope::of([other.media]);
    let fitted = fit_picture(&rig.plugin("fitter"), &rig.store, context, &picture, wishes()).await;
    let Ok(Fitted::Made { medium, .. }) = fitted else { unexpected("nothing was made") };
    let seen = rig.store.media_open(&medium.media).map(std::io::read_to_string).expect("it is stored");
    assert_eq!(seen.expect("it is text"), picture.media.id.as_str());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_says_that_it_cannot_do_is_told_apart() {
    for (word, expect) in [
        ("unsupported", ToolFault::Unsupported),
        ("malformed", ToolFault::Malformed),
        ("too-large", ToolFault::TooLarge),
        ("cannot-fit", ToolFault::CannotFit),
    ] {
        let Err(FitEnd::Failed(error)) = fit(&Rig::new(), word).await else { unexpected(word) };
        assert_eq!(
            (format!("{:?}", error.fault), error.message.as_str()),
            (format!("{expect:?}"), "as it was told to")
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_did_wrong_is_named() {
    let gave = "plugin `fitter` gave `/out/";
    check("missing", &format!("{gave}nothing`, which cannot become a medium: not-found: no such file is there")).await;
    let rule = "invalid-path: the name is not one of a file there";
    check("around", &format!("{gave}../../creel.db`, which cannot become a medium: {rule}")).await;
    check("trap", "plugin `fitter` trapped: as it was told to").await;
    let flood = format!("plugin `fitter` was stopped: the answer of `fit` is larger than {STEP_OUTPUT_BYTES_MAX}");
    check("flood", &flood).await;
    check("spin", &format!("plugin `fitter` was stopped after {MEDIA_CALL_MS_MAX} ms inside one call")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_does_what_it_exports_and_nothing_else() {
    let rig = Rig::new();
    let told = rig.call("fitter").told(saying("hello")).await;
    assert_eq!(told, "fault: plugin `fitter` broke the protocol: a plugin of picture tools answers no chat request");
    let picture = rig.medium(b"picture");
    let context = rig.call("prowler").context;
    let end =
        fit_picture(&rig.plugin("prowler"), &rig.store, context, &picture, wishes()).await.expect_err("it cannot");
    let expect = "plugin `prowler` broke the protocol: a plugin without `picture-tools` fits no pictures";
    assert_eq!(end.to_string(), expect);
}

#[expect(clippy::panic, reason = "the test has failed")]
fn unexpected(what: &str) -> ! {
    panic!("{what}")
}
