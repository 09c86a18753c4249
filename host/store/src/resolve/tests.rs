//! Tests of the one resolver, with the numbers of the cases that each row stands for.

use std::os::unix::fs::symlink;

use super::*;
use crate::fixture::{Fixture, PNG, operator};
use crate::state::StateRoot;

mod paths;

/// What a reference came to: the handle, or the reason.
fn verdict(store: &Store, reference: &str) -> String {
    match store.resolve(reference, &operator(), Deed::Look { now_ms: 1 }).expect("nothing breaks").outcome {
        Ok(Found::Medium(medium)) => medium.media.to_string(),
        Ok(Found::Url(url)) => format!("fetch {}", url.url),
        Err(refusal) => refusal.code.to_string(),
    }
}

#[test]
fn every_spelling_gives_the_same_handle() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let uri = store.media_put(Area::Inbound, None, PNG, 1).unwrap().media.to_string();
    let id = uri.rsplit('/').next().unwrap();
    let path = fixture.area("inbound").join(id).display().to_string();
    for spelling in [
        uri.clone(),
        format!("  MEDIA: {uri}"),
        format!("media/inbound/{id}"),
        format!("./media/inbound/{id}"),
        format!("/media/inbound/{id}"),
        format!("MEDIA:{path}"),
        path.clone(),
        path.replace("/media/", "/./media//"),
        format!("file://{path}"),
        format!("file://localhost{path}"),
    ] {
        assert_eq!(verdict(store, &spelling), uri, "{spelling}");
    }
}

#[test]
fn references_that_are_no_medium_are_refused_by_code() {
    let fixture = Fixture::new();
    let area = fixture.area("inbound");
    fixture.plant("inbound/nested/h.png", PNG);
    fixture.plant("inbound-evil/x.png", PNG);
    fixture.plant("inbound/a b.png", PNG);
    std::fs::create_dir_all(fixture.state().join("workspace")).unwrap();
    std::fs::write(fixture.state().join("workspace/r.html"), "x").unwrap();
    std::fs::create_dir_all(fixture.state().join("workspace-other")).unwrap();
    std::fs::write(fixture.state().join("workspace-other/r.html"), "x").unwrap();
    std::fs::write(fixture.state().join("media/top.png"), PNG).unwrap();
    symlink(fixture.state().join("workspace/r.html"), area.join("link.png")).unwrap();
    std::fs::create_dir(area.join("dir.png")).unwrap();
    let at = |name: &str| fixture.state().join(name).display().to_string();
    for (case, reference, expected) in [
        ("J3", at("media/inbound/nested/h.png"), "path-not-allowed"),
        ("J6", at("workspace-other/r.html"), "path-not-allowed"),
        ("N2", at("workspace/r.html"), "wrong-type"),
        ("J9", "\\\\server\\share\\x.png".to_owned(), "network-path-not-allowed"),
        ("J23", "/etc/passwd".to_owned(), "path-not-allowed"),
        ("attack 112", at("media/inbound-evil/x.png"), "path-not-allowed"),
        ("above the areas", at("media/top.png"), "path-not-allowed"),
        ("no such directory", "/nowhere/at/all/x.png".to_owned(), "path-not-allowed"),
        ("not even readable", "/proc/1/root/x.png".to_owned(), "path-not-allowed"),
        ("K6, for us an area", "media://outbound/a.png".to_owned(), "not-found"),
        ("K6", "media://elsewhere/a.png".to_owned(), "path-not-allowed"),
        ("K7", "media://inbound/nested%2Fh.png".to_owned(), "invalid-path"),
        ("K7", "media://inbound/".to_owned(), "invalid-path"),
        ("K7", "media://inbound/%00.png".to_owned(), "invalid-path"),
        ("K8", "media://inbound/link.png".to_owned(), "invalid-path"),
        ("K8", at("media/inbound/link.png"), "invalid-path"),
        ("K9", "ftp://host/x".to_owned(), "unsupported-scheme"),
        ("K11", "file://attacker/share/x".to_owned(), "invalid-file-url"),
        ("K13", at("media/inbound/../inbound/x.png"), "path-not-allowed"),
        ("K14", at("media/inbound/a b.png"), "invalid-path"),
        ("L10", at("media/inbound/dir.png"), "not-file"),
        ("L10", "media://inbound/dir.png".to_owned(), "not-file"),
        ("U8", at("media/inbound/none.png"), "not-found"),
        ("U11", at("workspace/media:/inbound/x"), "not-found"),
        ("no home", "~/x.png".to_owned(), "path-not-allowed"),
    ] {
        assert_eq!(verdict(&fixture.store, &reference), expected, "{case}: {reference}");
    }
}

#[test]
fn a_refused_path_is_named_at_the_end() {
    let fixture = Fixture::new();
    let refusal =
        fixture.store.resolve("/etc/passwd", &operator(), Deed::Look { now_ms: 1 }).unwrap().outcome.unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "path-not-allowed: local media path is not under an allowed directory: /etc/passwd"
    );
}

#[test]
fn links_on_the_way_to_the_state_directory_change_no_verdict() {
    let fixture = Fixture::new();
    let temp = fixture.temp.path().to_owned();
    let uri = fixture.store.media_put(Area::Inbound, None, PNG, 1).unwrap().media.to_string();
    let id = uri.rsplit('/').next().unwrap().to_owned();
    // U9, attack 113: the home is a link, and the state directory is opened by way of it.
    symlink(&temp, temp.join("home")).unwrap();
    symlink(temp.join("state/media/inbound"), temp.join("pictures")).unwrap();
    let linked = StateRoot::open_ambient(&temp.join("home/state")).unwrap().with_home(&temp.join("home"));
    let linked = Store::open(&linked).unwrap();
    for store in [&fixture.store, &linked] {
        for directory in
            ["state/media/inbound", "home/state/media/inbound", "home/home/state/media/inbound", "pictures"]
        {
            let path = temp.join(directory);
            assert_eq!(verdict(store, &path.join(&id).display().to_string()), uri, "{directory}");
            // U8: a file that is gone is gone, whatever links lead there.
            assert_eq!(verdict(store, &path.join("none.png").display().to_string()), "not-found", "{directory}");
        }
    }
    assert_eq!(verdict(&linked, &format!("~/state/media/inbound/{id}")), uri);
    assert_eq!(verdict(&linked, "~/state/creel.db"), "path-not-allowed");
}

#[test]
fn a_state_directory_that_moves_keeps_its_media() {
    let fixture = Fixture::new();
    let uri = fixture.store.media_put(Area::Inbound, None, PNG, 1).unwrap().media.to_string();
    let id = uri.rsplit('/').next().unwrap();
    let moved = fixture.temp.path().join("moved");
    std::fs::rename(fixture.state(), &moved).unwrap();
    assert_eq!(verdict(&fixture.store, &uri), uri);
    let path = moved.join("media/inbound").join(id).display().to_string();
    assert_eq!(verdict(&fixture.store, &path), uri);
    assert_eq!(verdict(&fixture.store, &path.replace("moved", "state")), "path-not-allowed");
}

#[test]
fn first_replayed_concurrent_and_after_a_restart_are_one_case() {
    let fixture = Fixture::new();
    let path = fixture.plant("inbound/one.png", PNG).display().to_string();
    let uri = "media://inbound/one.png";
    assert_eq!(verdict(&fixture.store, uri), uri);
    let more: Vec<_> = (0..3).map(|_| fixture.store.media_put(Area::Inbound, None, PNG, 1).unwrap().media).collect();
    let fixture = fixture.restart();
    let threads: Vec<_> = (0..5)
        .map(|n| {
            let (store, path) = (fixture.store.clone(), path.clone());
            let reference = if n % 2 == 0 { path } else { "media/inbound/one.png".to_owned() };
            std::thread::spawn(move || verdict(&store, &reference))
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), uri);
    }
    for media in more {
        assert_eq!(verdict(&fixture.store, &media.to_string()), media.to_string());
    }
}

#[test]
fn the_answer_prints_what_each_root_said() {
    let fixture = Fixture::new();
    let medium = fixture.store.media_put(Area::Outbound, None, PNG, 1).unwrap();
    let json = |reference: &str| {
        serde_json::to_value(fixture.store.resolve(reference, &operator(), Deed::Look { now_ms: 1 }).unwrap()).unwrap()
    };
    let allowed = json(&medium.media.to_string());
    assert_eq!(allowed["verdict"], "allowed");
    assert_eq!(allowed["uri"], medium.media.to_string());
    assert_eq!(allowed["content_type"], "image/png");
    assert_eq!(allowed["size"], PNG.len());
    assert_eq!(allowed["reason"], serde_json::Value::Null);
    let verdicts = |value: &serde_json::Value| {
        let roots = value["roots"].as_array().unwrap().clone();
        roots.iter().map(|root| format!("{} {}", root["name"], root["verdict"])).collect::<Vec<_>>()
    };
    assert_eq!(
        verdicts(&allowed),
        [r#""inbound" "does-not-match""#, r#""outbound" "matches""#, r#""workspace" "missing""#]
    );
    let refused = json("/etc/passwd");
    assert_eq!(refused["verdict"], "refused");
    assert_eq!(refused["reason"], "path-not-allowed");
    assert_eq!(refused["uri"], serde_json::Value::Null);
    assert_eq!(
        verdicts(&refused),
        [r#""inbound" "does-not-match""#, r#""outbound" "does-not-match""#, r#""workspace" "missing""#]
    );
    assert_eq!(
        verdicts(&json("ftp://x/y")),
        [r#""inbound" "not-asked""#, r#""outbound" "not-asked""#, r#""workspace" "missing""#]
    );
    let path = fixture.root.display_path().join("media/inbound");
    assert_eq!(refused["roots"][0]["path"], path.display().to_string());
}
