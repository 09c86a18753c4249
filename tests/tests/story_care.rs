//! What a provider is shown of a picture: not where it was taken, the right way up, and of a size and type that it takes;
//! made once, and the original stays.

#![expect(clippy::panic, reason = "a test that cannot be set up cannot go on")]

use std::io::Read as _;

use creel_fakes::photographs::{MODEL, bmp, exif, tells_place, with_exif};
use creel_fakes::pictures::{describe, jpeg_of, png_sized};
use creel_fakes::signal::{Attachment, Message};
use creel_policy::media::MediaRef;
use creel_runtime::Step;
use creel_tests::house::{ALICE, Fakes, House};
use creel_tests::scene::{
    SEEING_PRIMARY, Scene, TEXT_AND_IMAGE_MODEL, alice, alice_shows, ask, attempts, person, pictures_at_anthropic,
    refusals,
};

const NO_CARE: &str = "pictures: { removeLocation: false, upright: false, fit: false }";

/// A photograph that tells where it was taken.
fn photograph() -> Vec<u8> {
    with_exif(&jpeg_of(1), &exif(1, true))
}

/// What was made of pictures so far: of which, which, and how.
fn fitted(house: &House) -> Vec<(MediaRef, MediaRef, Vec<String>)> {
    let all = house.steps.all().into_iter().filter_map(|step| match step {
        Step::Fitted { from, to, changes } => Some((from, to, changes)),
        _ => None,
    });
    all.collect()
}

/// The handles of what came in, in order.
fn stored(house: &House) -> Vec<MediaRef> {
    let all = house.steps.all().into_iter().filter_map(|step| match step {
        Step::MediaStored { media, .. } => Some(media.uri),
        _ => None,
    });
    all.collect()
}

fn read(house: &House, media: &MediaRef) -> Vec<u8> {
    let mut bytes = Vec::new();
    house.store.media_open(media).expect("it is stored").read_to_end(&mut bytes).expect("it can be read");
    bytes
}

/// What Anthropic was shown last, byte for byte.
fn shown(fakes: &Fakes) -> Vec<Vec<u8>> {
    pictures_at_anthropic(fakes.anthropic.accepted().last().expect("a request"))
}

/// A picture is sent to Anthropic under that configuration: what arrived, and what was done to it.
async fn check(media: &str, attachment: Attachment, examine: impl FnOnce(&[u8]), changes: &[&str]) {
    let fakes = Fakes::start().await;
    let house = Scene { media, ..Scene::of(SEEING_PRIMARY) }.place(&fakes).start().await;
    let original = attachment.bytes.clone();
    ask(&fakes, &house, &alice().saying("what is this?").with(attachment)).await;
    let (shown, fitted, stored) = (shown(&fakes), fitted(&house), stored(&house));
    assert_eq!((shown.len(), stored.len()), (1, 1));
    assert_eq!(read(&house, &stored[0]), original, "the original stays");
    let all: Vec<_> = fitted.iter().flat_map(|(_, _, changes)| changes).collect();
    assert_eq!(all, changes);
    match fitted.as_slice() {
        [] => assert_eq!(shown[0], original),
        [(from, to, _)] => {
            assert_eq!((from, to.area.to_string().as_str()), (&stored[0], "outbound"));
            assert_eq!(read(&house, to), shown[0]);
        }
        more => panic!("{more:?}"),
    }
    examine(&shown[0]);
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_provider_hears_where_a_picture_was_taken() {
    let without_place = |bytes: &[u8]| {
        assert!(!tells_place(bytes));
        assert!(bytes.ends_with(&jpeg_of(1)[2..]), "every pixel is what it was");
        assert!(bytes.windows(MODEL.len()).any(|window| window == MODEL.as_bytes()), "the rest is still said");
    };
    check("", Attachment::jpeg(photograph()), without_place, &["location removed"]).await;
    // Nothing else is wished for: it is neither turned nor scaled.
    let alone = "pictures: { upright: false, fit: false }";
    let turned = with_exif(&jpeg_of(1), &exif(6, true));
    check(alone, Attachment::jpeg(turned), without_place, &["location removed"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_tells_no_place_and_fits_is_sent_byte_for_byte() {
    for bytes in [jpeg_of(1), with_exif(&jpeg_of(1), &exif(1, false)), png_sized(8000, 10)] {
        check("", Attachment::jpeg(bytes), |_| (), &[]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_can_have_pictures_sent_byte_for_byte() {
    let place_is_told = |bytes: &[u8]| assert!(tells_place(bytes));
    for orientation in [1, 6] {
        let photograph = with_exif(&jpeg_of(1), &exif(orientation, true));
        check(NO_CARE, Attachment::jpeg(photograph), place_is_told, &[]).await;
    }
    // Turned and scaled, but the place may be told: what stands beside the pixels stays as it is.
    check("pictures: { removeLocation: false }", Attachment::jpeg(photograph()), place_is_told, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_arrives_the_right_way_up() {
    let upright = |bytes: &[u8]| {
        let picture = describe(bytes).expect("a picture");
        assert_eq!((picture.format, picture.width, picture.height), ("JPEG", 240, 320));
        assert!(!tells_place(bytes));
    };
    let turned = Attachment::jpeg(with_exif(&jpeg_of(1), &exif(6, false)));
    check("", turned, upright, &["turned upright", "compressed at quality 90"]).await;
    let changes = ["turned upright", "compressed at quality 90", "location removed"];
    check("", Attachment::jpeg(with_exif(&jpeg_of(1), &exif(6, true))), upright, &changes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_that_is_too_large_arrives_smaller() {
    let small = |bytes: &[u8]| {
        let picture = describe(bytes).expect("a picture");
        assert_eq!((picture.format, picture.width, picture.height), ("PNG", 8000, 8));
    };
    check("", Attachment::png(png_sized(9000, 10)), small, &["scaled from 9000x10 to 8000x8"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_of_a_type_that_the_provider_does_not_take_is_converted() {
    let converted = |bytes: &[u8]| {
        let picture = describe(bytes).expect("a picture");
        assert_eq!((picture.format, picture.width, picture.height), ("JPEG", 30, 20));
        assert_eq!(picture.main_colour, "red");
    };
    let changes = ["converted from image/bmp to image/jpeg", "compressed at quality 90"];
    check("", Attachment::new("image/bmp", bmp(30, 20)), converted, &changes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_that_cannot_be_read_is_told_and_not_sent() {
    let fakes = Fakes::start().await;
    let house = Scene::of(SEEING_PRIMARY).place(&fakes).start().await;
    let broken = [b"\xFF\xD8\xFF\xE0".to_vec(), jpeg_of(1)[..2000].to_vec(), b"\xFF\xD8\xFFsome words".to_vec()];
    let message = alice_shows(&jpeg_of(2), "what are these?");
    let message = broken.iter().fold(message, |message, bytes| message.with(Attachment::jpeg(bytes.clone())));
    ask(&fakes, &house, &message).await;
    let uris = stored(&house);
    let why = ["the JPEG is cut off", "the JPEG is cut off", "the JPEG is cut off"];
    let told = uris[1..].iter().zip(why).map(|(uri, why)| format!("[The picture {uri} cannot be shown: {why}]"));
    let expect: Vec<_> = told.chain(["what are these?".to_owned()]).collect();
    let request = fakes.anthropic.accepted().pop().expect("a request");
    assert_eq!(request.last_user_text(), expect.join("\n"));
    assert_eq!(shown(&fakes), [jpeg_of(2)], "the good one beside them is sent");
    assert_eq!((fitted(&house), attempts(&house)), (vec![], vec![]));
    // It is no less true the next time.
    ask(&fakes, &house, &alice().saying("and now?")).await;
    let request = fakes.anthropic.accepted().pop().expect("a request");
    assert!(expect[..3].iter().all(|told| request.body.to_string().contains(told)), "{}", request.body);
    assert_eq!(shown(&fakes), [jpeg_of(2)]);
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_is_made_fit_once() {
    let fakes = Fakes::start().await;
    let (number, uuid) = person(1);
    let directory = fakes.attachments.path().display();
    let channel = format!(r#"attachmentsDir: "{directory}", allowFrom: ["{ALICE}", "{number}"]"#);
    let place = Scene { channels: Some(fakes.channel_with(&channel)), ..Scene::of(SEEING_PRIMARY) }.place(&fakes);
    let house = place.start().await;
    let sent = with_exif(&jpeg_of(1), &exif(6, true));
    ask(&fakes, &house, &alice_shows(&sent, "what is this?")).await;
    let first = shown(&fakes);
    assert_eq!((first.len(), fitted(&house).len()), (1, 1));

    // Replayed.
    ask(&fakes, &house, &alice().saying("once more")).await;
    assert_eq!(shown(&fakes), first);
    // The same bytes from somebody else.
    let message = Message::from_number(&number, &uuid, "Somebody").with(Attachment::jpeg(sent.clone()));
    ask(&fakes, &house, &message).await;
    assert_eq!(shown(&fakes), first);
    // The same bytes again in the same conversation.
    ask(&fakes, &house, &alice_shows(&sent, "and this?")).await;
    assert_eq!(shown(&fakes), [first.clone(), first.clone()].concat());
    assert_eq!(fitted(&house).len(), 1);
    house.stop().await;

    // The first access after a restart, and the second.
    let house = place.start().await;
    for text in ["are you back?", "still?"] {
        ask(&fakes, &house, &alice().saying(text)).await;
        assert_eq!(shown(&fakes), [first.clone(), first.clone()].concat());
    }
    assert_eq!(fitted(&house), []);
    // Another picture is another matter.
    ask(&fakes, &house, &alice_shows(&photograph(), "and this?")).await;
    assert_eq!((shown(&fakes).len(), fitted(&house).len()), (3, 1));
    assert!(shown(&fakes).iter().all(|bytes| !tells_place(bytes)));
    assert_eq!(refusals(&fakes), [""; 0]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_tools_no_picture_leaves_unless_nothing_is_to_be_done_to_it() {
    let fakes = Fakes::start().await;
    let house = Scene::of(SEEING_PRIMARY).place(&fakes).without("media-tools").start().await;
    let answer = ask(&fakes, &house, &alice_shows(&jpeg_of(1), "what is this?")).await;
    let why = "pictures are to be taken care of (`media.pictures`) and the plugin `media-tools` is not loaded";
    let failed = attempts(&house);
    let failed: Vec<_> = failed.iter().map(|(_, _, message, next)| (message.as_str(), *next)).collect();
    assert_eq!(failed, [(why, "next-model")]);
    let apology = "I could not answer: something went wrong on my side. Its operator has been told.";
    assert_eq!((answer.message.as_str(), fakes.anthropic.requests().len()), (apology, 0));
    house.stop().await;

    let place = Scene { media: NO_CARE, ..Scene::of(SEEING_PRIMARY) }.place(&fakes).without("media-tools");
    let house = place.start().await;
    ask(&fakes, &house, &alice().saying("hello")).await;
    ask(&fakes, &house, &alice_shows(&photograph(), "what is this?")).await;
    assert_eq!(shown(&fakes), [photograph()]);
    assert_eq!(attempts(&house), []);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_leaves_the_machine_is_seen_as_it_is() {
    let fakes = Fakes::start().await;
    let place = Scene::of(r#"model: { primary: "local-vision/basic" }"#).bare_place(&fakes);
    let house = place.without("media-tools").start().await;
    let answer = ask(&fakes, &house, &alice_shows(&photograph(), "where was this?")).await;
    let expect = "Its Exif says that it was taken with \"Pinhole 3\" at 52.52726° N, 13.41060° E.";
    assert!(answer.message.contains(expect), "{}", answer.message);
    assert_eq!((fitted(&house), attempts(&house)), (vec![], vec![]));
    house.stop().await;

    // A describer that leaves is shown less than one that does not.
    let house = Scene::of(TEXT_AND_IMAGE_MODEL).place(&fakes).start().await;
    ask(&fakes, &house, &alice_shows(&photograph(), "where was this?")).await;
    assert!(!tells_place(&shown(&fakes)[0]));
    house.stop().await;
}
