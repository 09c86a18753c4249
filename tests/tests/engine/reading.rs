//! A plugin that reads media sees the media of its call, read-only, and nothing else; it cannot outstay its time.

use creel_engine::types::Part;
use creel_fakes::pictures;
use creel_policy::limits::MEDIA_CALL_MS_MAX;
use creel_tests::rig::{Rig, handle, request, saying};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_sees_the_media_of_its_own_call_and_no_others() {
    let rig = Rig::new();
    let (one, two) = (rig.medium(b"the first"), rig.medium(b"the second"));
    let setup = || rig.call("prowler");
    let name = |medium: &creel_store::media::Medium| medium.media.id.to_string();
    let (first, second, none) = tokio::join!(
        setup().media([&one]).told(saying("list")),
        setup().media([&two]).told(saying("list-later")),
        setup().told(saying("list")),
    );
    assert_eq!(first, format!("{} the first\ndone", name(&one)));
    assert_eq!(second, format!("{} the second\ndone", name(&two)));
    assert_eq!(none, "done");
    let mut both = [format!("{} the first\n", name(&one)), format!("{} the second\n", name(&two))];
    both.sort();
    assert_eq!(setup().media([&one, &two]).told(saying("list")).await, format!("{}done", both.concat()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_calls_at_once_each_describe_their_own_picture() {
    let rig = Rig::new();
    let (red, yellow) = (rig.medium(&pictures::webp()), rig.medium(&pictures::png()));
    let asked = |medium| request("basic", vec![Part::Media(handle(medium))]);
    let (one, two) = tokio::join!(
        rig.call("local-vision").media([&red]).told(asked(&red)),
        rig.call("local-vision").media([&yellow]).told(asked(&yellow)),
    );
    assert!(one.contains("48x32") && one.contains("red"), "{one}");
    assert!(two.contains("200x100") && two.contains("blue"), "{two}");
    // The picture of another call is not there, even where the request names it.
    let stolen = rig.call("local-vision").media([&red]).told(asked(&yellow)).await;
    assert!(!stolen.contains("200x100"), "{stolen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_no_way_out_of_its_directory() {
    let rig = Rig::new();
    let medium = rig.medium(b"the medium");
    let told = rig.call("prowler").media([&medium]).told(saying("escape")).await;
    let expect = "root: refused\npasswd: refused\nabove: refused\naround: refused\ncreate: refused\nwrite: refused\n\
                  remove: refused\nrename: refused\nlink: refused\ndirectory: refused\n\
                  environment: 0\narguments: 0\ninput: \ndone";
    assert_eq!(told, expect);
    let bytes = rig.store.media_open(&medium.media).map(std::io::read_to_string).expect("it is there");
    assert_eq!(bytes.expect("it can be read"), "the medium");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_cannot_hold_more_files_than_its_share() {
    let rig = Rig::new();
    let medium = rig.medium(b"the medium");
    let told = rig.call("prowler").media([&medium]).told(saying("hoard")).await;
    assert_eq!(told, "fault: plugin `prowler` trapped: resource table has no free keys");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_may_not_sleep_where_it_stands() {
    let rig = Rig::new();
    let told = rig.call("prowler").told(saying("sleep")).await;
    let words = "it called `subscribe-duration`: a plugin that wants to wait gives the command `wait`";
    assert_eq!(told, format!("fault: plugin `prowler` trapped: {words}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_has_longer_and_not_for_ever() {
    let rig = Rig::alone();
    let told = rig.call("prowler").told(saying("spin")).await;
    assert_eq!(told, format!("fault: plugin `prowler` was stopped after {MEDIA_CALL_MS_MAX} ms inside one call"));
    assert_eq!(rig.engine.live_calls(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_says_to_nobody_costs_nothing() {
    let rig = Rig::new();
    assert_eq!(rig.call("prowler").told(saying("shout")).await, "done");
    let told = rig.call("prowler").told(saying("trap")).await;
    assert_eq!(told, "fault: plugin `prowler` trapped: with its last words");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_directory_goes_with_the_call() {
    // 144.
    let rig = Rig::alone();
    let medium = rig.medium(b"the medium");
    let views = || std::fs::read_dir(rig.directory().join("state/views")).expect("it is there").count();
    let call = rig.call("prowler").media([&medium]).start(saying("list-later")).await.expect("it starts");
    assert_eq!((views(), rig.engine.live_calls()), (1, 1));
    drop(call);
    assert_eq!((views(), rig.engine.live_calls()), (0, 0));
}
