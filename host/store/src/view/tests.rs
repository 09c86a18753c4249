//! Tests of the view of a call: exactly its media, gone with it.

use std::os::unix::fs::PermissionsExt as _;

use creel_policy::media::Area;

use super::*;
use crate::fixture::{Fixture, PNG};

fn names(view: &MediaView) -> Vec<String> {
    let entries = std::fs::read_dir(view.path()).expect("it is there");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("it reads").file_name().into_string().expect("it is text")).collect();
    names.sort();
    names
}

#[test]
fn a_view_holds_these_media_and_no_others_and_goes_when_dropped() {
    let fixture = Fixture::new();
    let put = |area| fixture.store.media_put(area, None, PNG, 1).unwrap().media;
    let (one, two, other) = (put(Area::Inbound), put(Area::Outbound), put(Area::Inbound));
    fixture.plant("inbound/old.png", PNG);
    let old = MediaRef::parse("media://inbound/old.png").unwrap();
    let view = fixture.store.media_view(&[one.clone(), two.clone(), old, one.clone()]).unwrap();
    let mut expected = vec![one.id.to_string(), two.id.to_string(), "old.png".to_owned()];
    expected.sort();
    assert_eq!(names(&view), expected);
    for name in names(&view) {
        let path = view.path().join(name);
        assert_eq!(std::fs::read(&path).unwrap(), PNG);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o400);
    }
    assert!(!names(&view).contains(&other.id.to_string()));
    let path = view.path().to_owned();
    assert!(path.starts_with(fixture.root.display_path().join("views")));
    let empty = fixture.store.media_view(&[]).unwrap();
    assert_ne!(empty.path(), path);
    drop(view);
    assert!(!path.exists() && empty.path().exists());
    assert_eq!(fixture.store.medium(&one).unwrap().size, PNG.len() as u64);
}

#[test]
fn a_medium_that_is_swept_stays_in_the_views_that_have_it() {
    let fixture = Fixture::new();
    let media = fixture.store.media_put(Area::Inbound, None, PNG, 1).unwrap().media;
    let view = fixture.store.media_view(std::slice::from_ref(&media)).unwrap();
    fixture.store.media_sweep(10, 1 << 40).unwrap();
    assert_eq!(std::fs::read(view.path().join(media.id.as_str())).unwrap(), PNG);
    assert!(fixture.store.media_view(&[media]).is_err());
}

#[test]
fn a_view_of_what_is_not_there_is_refused_and_leaves_nothing() {
    let fixture = Fixture::new();
    let none = MediaRef::parse("media://inbound/none.png").unwrap();
    let refused = fixture.store.media_view(&[none]).unwrap_err();
    assert_eq!(refused.to_string(), "not-found: `media://inbound/none.png` is not stored");
    fixture.plant("inbound/same.png", PNG);
    fixture.plant("outbound/same.png", b"other");
    let same = |area: &str| MediaRef::parse(&format!("media://{area}/same.png")).unwrap();
    let refused = fixture.store.media_view(&[same("inbound"), same("outbound")]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "invalid-path: `media://inbound/same.png` and `media://outbound/same.png` have one name in the view of a call"
    );
    assert_eq!(std::fs::read_dir(fixture.state().join("views")).unwrap().count(), 0);
}
