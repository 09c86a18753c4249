//! Cases J and K of the older gateway and attacks 105, 112, 118, 119, as far as they can be judged without a disk.

use super::*;

/// What a spelling says, on one line.
fn said(text: &str) -> String {
    match read_spelling(text) {
        Ok(Spelling::Handle(media)) => media.to_string(),
        Ok(Spelling::AbsolutePath(path)) => format!("path {path}"),
        Ok(Spelling::HomePath(path)) => format!("home {path}"),
        Ok(Spelling::RelativePath(path)) => format!("workspace {path}"),
        Ok(Spelling::Data { declared_type, bytes }) => format!("{} bytes of {declared_type}", bytes.len()),
        Ok(Spelling::Url(url)) => format!("fetch {url}"),
        Err(refusal) => refusal.code.to_string(),
    }
}

#[track_caller]
fn check(text: &str, expect: &str) {
    assert_eq!(said(text), expect, "{text:?}");
}

#[test]
fn k1_the_media_prefix_is_stripped_once_and_the_scheme_is_not() {
    check("  MEDIA: ./media/inbound/a.png", "media://inbound/a.png");
    check("MEDIA:/srv/a.png", "path /srv/a.png");
    check("media : media/inbound/a.png", "media://inbound/a.png");
    check("media://inbound/a.png", "media://inbound/a.png");
    check("MEDIA:media://inbound/a.png", "media://inbound/a.png");
    check("MEDIA:MEDIA:/srv/a.png", "path-not-allowed");
}

#[test]
fn k2_k3_u12_every_spelling_of_an_inbound_file_is_one_handle() {
    for text in [
        "media://inbound/a.png",
        "MEDIA://inbound/a.png",
        "media/inbound/a.png",
        "./media/inbound/a.png",
        "././media/./inbound//a.png",
        "/media/inbound/a.png",
        "file:///media/inbound/a.png",
        "file:/media/inbound/a.png",
        " media/inbound/a.png\n",
    ] {
        check(text, "media://inbound/a.png");
    }
    check("media/outbound/a.png", "media://outbound/a.png");
    check("media://inbound/%C3%BC.png", "media://inbound/ü.png");
}

#[test]
fn j3_j6_k6_what_lies_elsewhere_is_not_allowed() {
    for text in [
        "media://tool/a.png",
        "media://INBOUND/a.png",
        "media://user@inbound/a.png",
        "media://inbound-evil/a.png",
        "media/inbound/nested/a.png",
        "/media/inbound/nested/a.png",
        "media://workspace/a.png",
        "media://workspace/UPPER/a.png",
        "/proc/self/cwd/a.png",
        "/sys/a.png",
        "C:\\a.png",
        "c:/a.png",
        "~other/a.png",
    ] {
        check(text, "path-not-allowed");
    }
}

#[test]
fn k7_k8_a_malformed_id_is_an_invalid_path() {
    for text in [
        "media://inbound/nested%2Fa.png",
        "media://inbound/nested/a.png",
        "media://inbound/",
        "media://inbound",
        "media://inbound/%00.png",
        "media://inbound/%2541.png",
        "media://inbound/..",
        "media://inbound/%2e%2e",
        "media://inbound/a..b",
        "media://inbound/.hidden",
        "media://inbound/a b.png",
        "media://inbound/a%20b.png",
        "media://inbound/a?b",
        "media://inbound/%ff",
        "media://inbound/a\u{202e}gnp.exe",
        "media/inbound/a:b.png",
        "media/inbound/",
        "media/inbound",
        "media/inbound/a.png/",
        "media/inbound/a.png/.",
        "media\\inbound\\a.png",
        "",
        "  ",
        "MEDIA:",
        ".",
        "/",
        "a\0b",
        "/srv/a\nb",
        "/srv/dir/",
    ] {
        check(text, "invalid-path");
    }
    check(&format!("media://inbound/{}", "a".repeat(201)), "invalid-path");
    check(&format!("media://inbound/{}", "a".repeat(200)), &format!("media://inbound/{}", "a".repeat(200)));
    check(&format!("/{}", "a".repeat(4096)), "invalid-path");
}

#[test]
fn j9_network_paths_are_refused_before_any_file_is_looked_at() {
    for text in [
        "//server/share/a.png",
        "\\\\server\\share",
        "\\\\?\\C:\\a",
        "/\\server",
        "file:////server/a",
        "media: //inbound/a",
    ] {
        check(text, "network-path-not-allowed");
    }
}

#[test]
fn k9_schemes() {
    check("https://h/a.png", "fetch https://h/a.png");
    check("MEDIA: HTTP://h/a.png", "fetch HTTP://h/a.png");
    for text in ["ftp://h/a", "mxc://h/a", "buffer:a", "x-y:a"] {
        check(text, "unsupported-scheme");
    }
}

#[test]
fn k11_file_urls_of_this_host_are_paths_and_of_others_refused() {
    check("file:///srv/a.png", "path /srv/a.png");
    check("file://localhost/srv/a.png", "path /srv/a.png");
    check("FILE://LOCALHOST/srv/a%20b.png", "path /srv/a b.png");
    for text in [
        "file://attacker/share/x",
        "file://127.0.0.1/x",
        "file:a.png",
        "file:",
        "file://",
        "file:///a%2Fb",
        "file:///a%5cb",
        "file:///a\\b",
        "file:///a%00b",
        "file:///a%ff",
        "file:///a?b",
        "file:///a#b",
    ] {
        check(text, "invalid-file-url");
    }
    let remote = read_spelling("file://attacker/share/x").map_err(|refusal| refusal.to_string());
    assert_eq!(remote, Err("invalid-file-url: remote hosts are not allowed in a `file:` URL".to_owned()));
}

#[test]
fn k13_a105_no_spelling_holds_a_step_up() {
    for text in [
        "/media/inbound/../secret",
        "media/inbound/../../secret",
        "../a.png",
        "..",
        "/srv/../etc/passwd",
        "~/../x",
        "file:///srv/%2e%2e/etc/passwd",
        "~",
    ] {
        check(text, "path-not-allowed");
    }
}

#[test]
fn other_paths_are_left_to_the_store() {
    check("/srv/./media//inbound/a b.png", "path /srv/media/inbound/a b.png");
    check("/srv/a:b.png", "path /srv/a:b.png");
    check("~/.creel/media/inbound/a.png", "home .creel/media/inbound/a.png");
}

#[test]
fn k14_handles_are_found_in_the_text_of_older_transcripts() {
    let found = |text: &str| mentions(text).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        found("[media attached 1/2: media://inbound/ü photo.png] [media attached 2/2: media://inbound/b.png]"),
        ["media://inbound/ü", "media://inbound/b.png"]
    );
    assert_eq!(
        found("media://inbound/a\\b media://inbound/c/d media://inbound/e\0"),
        ["media://inbound/a", "media://inbound/c", "media://inbound/e"]
    );
    assert_eq!(
        found("like media://inbound/a.png, (media://inbound/b.png) or media://inbound/c.png."),
        ["media://inbound/a.png", "media://inbound/b.png", "media://inbound/c.png"]
    );
    // Only a text of its own can name an id that ends like a sentence.
    check("media://inbound/%C3%BC.", "media://inbound/ü.");
    assert_eq!(found("[media://inbound/ü.] media://inbound/a!')"), ["media://inbound/ü", "media://inbound/a"]);
    assert!(found("media://inbound/! media://workspace/main/)").is_empty());
    assert!(found("media://tool/a media://inbound/ media://inbound media://").is_empty());
}

#[test]
fn a_handle_is_parsed_only_in_its_canonical_form() {
    let round = |text: &str| MediaRef::parse(text).map(|media| media.to_string());
    assert_eq!(round("media://inbound/a.png").as_deref(), Ok("media://inbound/a.png"));
    assert!(round("MEDIA://inbound/a.png").is_err());
    assert!(round("media://inbound/%61.png").is_err());
    assert!(round("media/inbound/a.png").is_err());
    let json = serde_json::from_str::<MediaRef>("\"media://outbound/x\"").expect("a handle");
    assert_eq!(serde_json::to_string(&json).expect("a string"), "\"media://outbound/x\"");
    assert!(serde_json::from_str::<MediaRef>("\"media://outbound/../x\"").is_err());
}

#[test]
fn new_ids_are_hex_with_a_plain_extension() {
    let id = |extension| MediaId::from_random([0xa0; 16], extension).to_string();
    assert_eq!(id(Some("jpg")), format!("{}.jpg", "a0".repeat(16)));
    assert_eq!(id(None), "a0".repeat(16));
    assert_eq!(id(Some("../x")), "a0".repeat(16));
    assert!(MediaId::parse(&id(Some("jpg"))).is_ok());
}

#[test]
fn k12_a_relative_path_is_of_the_workspace() {
    check("chart.png", "workspace chart.png");
    check("./chart.png", "workspace chart.png");
    check("MEDIA:chart.png", "workspace chart.png");
    check("a//./b.png", "workspace a/b.png");
    check("/srv/chart.png", "path /srv/chart.png");
    check("../chart.png", "path-not-allowed");
    check("a/../../chart.png", "path-not-allowed");
    check(&"a".repeat(256), "invalid-path");
    check(&format!("/srv/{}/a.png", "a".repeat(256)), "invalid-path");
    check(&format!("/srv/{}/a.png", "a".repeat(255)), &format!("path /srv/{}/a.png", "a".repeat(255)));
    // U11: a handle is never joined to a directory.
    check("workspace/media:/inbound/x", "workspace workspace/media:/inbound/x");
}

#[test]
fn media_of_a_workspace_have_a_handle_of_two_segments_before_the_id() {
    for text in ["media://workspace/main/a.png", "media/workspace/main/a.png", "/media/workspace/main/a.png"] {
        check(text, "media://workspace/main/a.png");
    }
    check("media://workspace/main/", "invalid-path");
    check("media://workspace/main", "invalid-path");
    check("media://workspace//a.png", "path-not-allowed");
    check("media://workspace/main/b/a.png", "invalid-path");
    check("media://workspace/..%2Fmain/a.png", "path-not-allowed");
    assert_eq!(
        mentions("see media://workspace/main/a.png] and media://workspace/a.png"),
        [MediaRef { area: Area::Workspace(AgentId::parse("main").unwrap()), id: MediaId::parse("a.png").unwrap() }]
    );
}

#[test]
fn m10_data_urls_carry_their_bytes() {
    check("data:image/png;base64,iVBORw0KGgo=", "8 bytes of image/png");
    check("MEDIA: DATA:image/png;base64,iVBORw0KGgo=", "8 bytes of image/png");
    check("data:text/csv,a%2Cb", "3 bytes of text/csv");
    check("data:,x", "1 bytes of text/plain");
    let said = |text: &str| read_spelling(text).unwrap_err().to_string();
    assert_eq!(said("data:image/png;base64,@@"), "invalid-path: the base64 of a `data:` URL is malformed");
    assert_eq!(said("data:image/png;base64,iVBORw0KGgo=="), "invalid-path: the base64 of a `data:` URL is malformed");
    assert_eq!(said("data:image/png;base64,"), "invalid-path: a `data:` URL carries no bytes");
    let form = "invalid-path: a `data:` URL has the form `data:<type>;base64,<bytes>`: its comma is missing";
    assert_eq!(said("data:image/png;base64"), form);
    let long = format!("data:image/png;base64,{}", "A".repeat(150 << 20));
    assert_eq!(said(&long), "too-large: a medium has at most 104857600 bytes");
}

#[test]
fn m6_m7_kinds() {
    for (content_type, kind, input) in [
        ("image/png", MediaKind::Image, Some(Input::Image)),
        (" IMAGE/HEIC ; q=1", MediaKind::Image, Some(Input::Image)),
        ("image/svg+xml", MediaKind::Other, None),
        ("audio/ogg", MediaKind::Audio, Some(Input::Audio)),
        ("video/mp4", MediaKind::Video, Some(Input::Video)),
        ("application/pdf", MediaKind::Document, Some(Input::Document)),
        ("text/csv; charset=utf-8", MediaKind::Document, Some(Input::Document)),
        ("text/html", MediaKind::Other, None),
        ("application/octet-stream", MediaKind::Other, None),
        ("image", MediaKind::Other, None),
        ("", MediaKind::Other, None),
    ] {
        assert_eq!((kind_of(content_type), kind_of(content_type).input()), (kind, input), "{content_type}");
    }
}

proptest::proptest! {
    #[test]
    fn whatever_is_read_as_a_handle_is_one_safe_segment_and_reads_back(text in "(MEDIA:|media://|\\./|/|file:///)?(media/)?(inbound|outbound)?/?\\PC{0,12}") {
        match read_spelling(&text) {
            Ok(Spelling::Handle(media)) => {
                let id = media.id.as_str();
                proptest::prop_assert!(!id.is_empty() && !id.contains(['/', '\\', '\0']) && id != "." && !id.contains(".."));
                proptest::prop_assert_eq!(read_spelling(&media.to_string()), Ok(Spelling::Handle(media.clone())));
                proptest::prop_assert_eq!(MediaRef::parse(&media.to_string()), Ok(media));
            }
            Ok(Spelling::AbsolutePath(path)) => {
                proptest::prop_assert!(path.starts_with('/') && path.split('/').all(|step| step != ".." && step != "."));
            }
            Ok(Spelling::HomePath(path) | Spelling::RelativePath(path)) => {
                proptest::prop_assert!(!path.starts_with('/') && path.split('/').all(|step| step != ".." && step != "."));
            }
            Ok(Spelling::Data { .. } | Spelling::Url(_)) | Err(_) => {}
        }
    }
}
