//! A plugin that writes media leaves plain files in `/out`, within a quota. They become media when it is done, and are
//! gone however it ends.

use creel_engine::chat::Output;
use creel_engine::types::Media;
use creel_engine::{CallEnd, ChatCall, Fault};
use creel_policy::limits::{MEDIA_CALL_MS_MAX, MEDIA_MEMORY_BYTES_MAX, OUT_BYTES_MAX, OUT_FILES_MAX};
use creel_policy::media::MediaRef;
use creel_store::Store;
use creel_store::state::StateRoot;
use creel_tests::components::{guest, with_manifest};
use creel_tests::rig::{Rig, Setup, saying};
use serde_json::json;

const MIB: u64 = 1 << 20;

/// What came of a call.
struct Told {
    text: String,
    media: Vec<Media>,
    end: Option<String>,
}

async fn read(call: Result<ChatCall, Fault>) -> Told {
    let mut told = Told { text: String::new(), media: Vec::new(), end: None };
    let mut call = match call {
        Ok(call) => call,
        Err(fault) => return Told { end: Some(fault.to_string()), ..told },
    };
    loop {
        match call.next().await {
            Ok(Some(Output::Text(text))) => told.text.push_str(&text),
            Ok(Some(Output::Media(media))) => told.media.push(media),
            Ok(Some(_)) => {}
            Ok(None) => return told,
            Err(CallEnd::Failed(error)) => told.end = Some(format!("failed: {}", error.message)),
            Err(CallEnd::Fault(fault)) => told.end = Some(fault.to_string()),
            Err(CallEnd::TimedOut { milliseconds }) => told.end = Some(format!("timed out after {milliseconds} ms")),
        }
    }
}

async fn scribbles(setup: Setup<'_>, deeds: &str) -> Told {
    read(setup.start(saying(deeds)).await).await
}

fn count(rig: &Rig, directory: &str) -> usize {
    std::fs::read_dir(rig.directory().join("state").join(directory)).expect("it is there").count()
}

/// Nothing of the call is left but what it answered with.
#[track_caller]
fn leaves(rig: &Rig, media: usize) {
    assert_eq!((count(rig, "views"), count(rig, "media/outbound")), (0, media));
}

/// The call says this, ends with this, and nothing is kept.
async fn check(deeds: &str, text: &str, end: &str) {
    let rig = Rig::new();
    let told = scribbles(rig.call("scribbler"), deeds).await;
    assert_eq!((told.text.as_str(), told.end.as_deref()), (text, Some(end)), "{deeds}");
    assert!(told.media.is_empty());
    leaves(&rig, 0);
}

fn bytes_passed() -> String {
    format!("plugin `scribbler` was stopped: it wrote more than {OUT_BYTES_MAX} bytes to `/out`")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_leaves_is_part_of_its_answer_in_the_order_of_the_names() {
    let rig = Rig::new();
    let mut call =
        rig.call("scribbler").start(saying("write b.txt two\nlist\nlater\nwrite a one\nappend a more\nlist")).await;
    let mut seen = Vec::new();
    while let Some(output) = call.as_mut().expect("it starts").next().await.expect("it ends well") {
        seen.push(match output {
            Output::Text(text) => text,
            Output::Media(media) => {
                let media_ref = MediaRef::parse(&media.uri).expect("it is the name of a medium");
                let bytes = rig.store.media_open(&media_ref).map(std::io::read_to_string).expect("it is stored");
                let (name, bytes) = (media.name.unwrap_or_default(), bytes.expect("it is text"));
                format!("{name} {} {}: {bytes}", media.content_type, media.size)
            }
            other => format!("{other:?}"),
        });
    }
    let expect = [
        "write b.txt two: done\nb.txt\n",
        "write a one: done\nappend a more: done\na\nb.txt\n",
        "Output::Finished(Finish::Stop)",
        "a text/plain 7: onemore",
        "b.txt text/plain 3: two",
    ];
    assert_eq!(seen, expect);
    drop(call);
    leaves(&rig, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_call_may_name_what_it_left_and_nothing_left_is_nothing() {
    let rig = Rig::new();
    let told = scribbles(rig.call("scribbler"), "write a x\nremove a\nwrite b x\nrename b c\nlist").await;
    assert_eq!(told.text, "write a x: done\nremove a: done\nwrite b x: done\nrename b c: done\nc\n");
    assert_eq!(told.media.iter().map(|media| media.name.as_deref()).collect::<Vec<_>>(), [Some("c")]);
    let told = scribbles(rig.call("scribbler"), "list").await;
    assert!(told.text.is_empty() && told.media.is_empty() && told.end.is_none());
    leaves(&rig, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_plain_files_of_its_own_and_no_way_to_the_media() {
    // 107, 109, 110, 111, 121.
    let rig = Rig::new();
    let medium = rig.medium(b"the medium");
    let told = scribbles(rig.call("scribbler").media([&medium]), "attack\nlist\ncopy mine").await;
    let denied = "PermissionDenied";
    let expect = [
        ("mine", "done"),
        ("directory", denied),
        ("symbolic link", denied),
        ("hard link", denied),
        ("blob linked", denied),
        ("blob moved", denied),
        ("moved over the blob", denied),
        ("linked among media", denied),
        ("moved among media", denied),
        ("blob written", denied),
        ("blob appended to", denied),
        ("blob cut", denied),
        ("blob removed", denied),
        ("blob dated", denied),
        ("blob resized", denied),
        ("made among media", denied),
        ("dated", denied),
        ("above", denied),
        ("above read", denied),
        ("around", denied),
        ("elsewhere", "NotFound"),
        ("root removed", denied),
        ("root unlinked", "IsADirectory"),
        ("root moved", "ResourceBusy"),
        ("root overwritten", "IsADirectory"),
        ("deep", "NotFound"),
    ];
    let lines: Vec<String> = expect.iter().map(|(what, told)| format!("{what}: {told}\n")).collect();
    assert_eq!(told.text, format!("{}mine\ncopy mine: done\n", lines.concat()));
    assert_eq!(told.media.len(), 1);
    let bytes = rig.store.media_open(&medium.media).map(std::io::read_to_string).expect("it is there");
    assert_eq!(bytes.expect("it can be read"), "the medium");
    let area = rig.directory().join("state/media/inbound").join(medium.media.id.as_str());
    let metadata = std::fs::metadata(area).expect("it is there");
    assert_eq!(std::os::unix::fs::MetadataExt::nlink(&metadata), 1);
    leaves(&rig, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_are_bounded_over_the_whole_call_however_they_are_written() {
    // 121.
    let (most, half) = (OUT_BYTES_MAX, OUT_BYTES_MAX / 2);
    // The plugin's own library makes one error of whatever befalls a stream; that of a call is told apart.
    let of_stream = "Uncategorized";
    let over = |deeds: &str, text: String| {
        let deeds = deeds.to_owned();
        async move { check(&deeds, &text, &bytes_passed()).await }
    };
    let full = format!("fill a {}", most + 1);
    over(&full, format!("{full}: {of_stream}\n")).await;
    let again = format!("fill a {half}\nfill a {half}\nappend a x");
    over(&again, format!("fill a {half}: done\nfill a {half}: done\nappend a x: {of_stream}\n")).await;
    let sparse = format!("write a x\nsize a {}", most + 1);
    over(&sparse, format!("write a x: done\nsize a {}: QuotaExceeded\n", most + 1)).await;
    let hole = format!("write a x\nat a {most}");
    over(&hole, format!("write a x: done\nat a {most}: {of_stream}\n")).await;
    let seesaw = format!("write a x\nsize a {half}\nsize a 0\nsize a {half}\nsize a 0\nsize a {half}");
    let told = format!("write a x: done\nsize a {half}: done\nsize a 0: done\nsize a {half}: done\nsize a 0: done\n");
    over(&seesaw, format!("{told}size a {half}: QuotaExceeded\n")).await;
    // Whether it survives the error or not, and whatever it removes.
    let insist = format!("insist fill a {}", most + 1);
    over(&insist, String::new()).await;
    over(
        &format!("{full}\nremove a\nwrite b x"),
        format!("{full}: {of_stream}\nremove a: done\nwrite b x: {of_stream}\n"),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_byte_and_the_last_file_of_the_quota_are_free() {
    let rig = Rig::new();
    let half = OUT_BYTES_MAX / 2;
    let deeds = format!("fill a {half}\nfill a {}\nappend a x\nat a {}", half - 2, half - 2);
    let told = scribbles(rig.call("scribbler"), &deeds).await;
    let done: String = deeds.lines().map(|line| format!("{line}: done\n")).collect();
    assert_eq!((told.text, told.end), (done, None));
    assert_eq!(told.media.iter().map(|media| media.size).collect::<Vec<_>>(), [half - 1]);
    let many = format!("many {OUT_FILES_MAX}");
    let told = scribbles(rig.call("scribbler"), &many).await;
    assert_eq!((told.text, told.end, told.media.len()), (format!("{many}: done\n"), None, OUT_FILES_MAX));
    leaves(&rig, 1 + OUT_FILES_MAX);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_counted_when_they_are_made() {
    // 121.
    let passed = format!("plugin `scribbler` was stopped: it made more than {OUT_FILES_MAX} files in `/out`");
    let many = format!("many {}", OUT_FILES_MAX + 1);
    check(&many, &format!("{many}: QuotaExceeded\n"), &passed).await;
    let churn = format!("churn {}", OUT_FILES_MAX + 1);
    check(&churn, &format!("{churn}: QuotaExceeded\n"), &passed).await;
    // One that is there already is not made.
    let rig = Rig::new();
    let told = scribbles(rig.call("scribbler"), &format!("many {OUT_FILES_MAX}\nwrite 000 again\nremove 001")).await;
    assert_eq!((told.end, told.media.len()), (None, OUT_FILES_MAX - 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_call_that_does_not_end_well_nothing_is_kept() {
    check("write a x\nfail", "write a x: done\n", "failed: as it was told to").await;
    check("write a x\nlater\nfail", "write a x: done\n", "failed: as it was told to").await;
    check("write a x\ntrap", "", "plugin `scribbler` trapped: as it was told to").await;
    check("write a x\nlater\ntrap", "write a x: done\n", "plugin `scribbler` trapped: as it was told to").await;
    let stopped = format!("plugin `scribbler` was stopped after {MEDIA_CALL_MS_MAX} ms inside one call");
    check("write a x\nspin", "", &stopped).await;
    let rig = Rig::new();
    let mut setup = rig.call("scribbler");
    setup.context.total_ms_max = Some(0);
    let told = scribbles(setup, "write a x\nlater").await;
    assert_eq!(told.end.as_deref(), Some("timed out after 0 ms"));
    leaves(&rig, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_larger_than_a_medium_of_the_call_fails_it_whole() {
    let rig = Rig::new();
    let with = |bytes: u64| {
        let mut setup = rig.call("scribbler");
        setup.context.medium_bytes_max = bytes;
        scribbles(setup, "write a x\nwrite b four")
    };
    let told = with(3).await;
    let rule = "too-large: a medium from here has at most 3 bytes";
    assert_eq!(told.end, Some(format!("plugin `scribbler` gave `/out/b`, which cannot become a medium: {rule}")));
    assert!(told.media.is_empty());
    leaves(&rig, 0);
    assert_eq!(with(4).await.media.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_calls_at_once_each_have_their_own() {
    let rig = Rig::new();
    let deeds = |name: &str| format!("write {name} x\nlater\nlist");
    let (one, other) = (deeds("one"), deeds("other"));
    let (one, other) = tokio::join!(scribbles(rig.call("scribbler"), &one), scribbles(rig.call("scribbler"), &other));
    assert_eq!((one.text.as_str(), other.text.as_str()), ("write one x: done\none\n", "write other x: done\nother\n"));
    assert_eq!((one.media.len(), other.media.len()), (1, 1));
    leaves(&rig, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_dropped_and_one_that_is_cut_off_leave_nothing() {
    let rig = Rig::alone();
    let start = || async { rig.call("scribbler").start(saying("write a x\nlater")).await.expect("it starts") };
    let call = start().await;
    assert_eq!((count(&rig, "views"), rig.engine.live_calls()), (2, 1));
    drop(call);
    assert_eq!((count(&rig, "views"), rig.engine.live_calls()), (0, 0));
    // As a process that ends in the middle of it: nothing is dropped.
    std::mem::forget(start().await);
    assert_eq!(count(&rig, "views"), 2);
    let root = StateRoot::open_ambient(&rig.directory().join("state")).expect("it opens");
    let next = Store::open(&root).expect("it opens");
    next.clear_leftovers(&root.lock().expect("nobody has it")).expect("it can be cleared");
    leaves(&rig, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_directory_is_there_where_it_was_asked_for() {
    let rig = Rig::new();
    let medium = rig.medium(b"the medium");
    let told = |media: &'static str| {
        let manifest = "[plugin]\nid = \"scribbler\"\nversion = \"0.1.0\"\ninterface = \"creel:plugin@0.1\"\n\
                        [provider]\napis = [\"scribbler\"]\nkeyless = true\n[media]\n";
        let component = with_manifest(&guest("scribbler"), Some(&format!("{manifest}{media}\n")));
        let setup = rig.call_of(rig.load(&component), &json!({})).media([&medium]);
        scribbles(setup, "write a x\ncopy b")
    };
    assert_eq!(told("read = true\nwrite = true").await.text, "write a x: done\ncopy b: done\n");
    assert_eq!(told("write = true").await.text, "write a x: done\ncopy b: NotFound\n");
    assert_eq!(told("read = true").await.text, "write a x: NotFound\ncopy b: NotFound\n");
    assert_eq!(told("splice = true").await.text, "write a x: NotFound\ncopy b: NotFound\n");
    assert_eq!(count(&rig, "views"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_reads_media_has_more_memory_and_not_without_end() {
    let rig = Rig::new();
    let most = MEDIA_MEMORY_BYTES_MAX as u64;
    let deeds = format!("allocate {}\nallocate {most}", most - 16 * MIB);
    let told = scribbles(rig.call("scribbler"), &deeds).await;
    assert_eq!(told.text, format!("allocate {}: done\nallocate {most}: Other\n", most - 16 * MIB));
    let told = scribbles(rig.call("scribbler"), &format!("insist allocate {most}")).await;
    let expect = format!("plugin `scribbler` was stopped: it asked for more than {most} bytes of memory");
    assert_eq!(told.end, Some(expect));
}
