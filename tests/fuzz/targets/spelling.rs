//! Any text as the name of a medium, as a text with handles in it, and as a URL. What is read must be what was proven
//! of it: names that cannot leave their directory, and URLs that lead nowhere private.
#![no_main]

use std::net::{IpAddr, Ipv6Addr};

use creel_policy::media::url::{HostPattern, MediaUrl, UrlAccess};
use creel_policy::media::{MediaRef, Spelling, mentions, read_spelling};
use libfuzzer_sys::fuzz_target;
use url::Host;

fuzz_target!(|text: &str| {
    match read_spelling(text) {
        Ok(Spelling::Handle(media)) => check_handle(&media),
        Ok(Spelling::AbsolutePath(path)) => {
            let below = path.strip_prefix('/').expect("an absolute path");
            check_path(below);
            assert!(!["proc", "sys"].contains(&below.split('/').next().unwrap_or_default()), "{path:?}");
            // The name of a file may end in white space, which only a `file:` URL can say.
            assert!(
                path.trim() != path || read_spelling(&path) == Ok(Spelling::AbsolutePath(path.clone())),
                "{path:?}"
            );
        }
        Ok(Spelling::HomePath(below)) => check_path(&below),
        Ok(Spelling::RelativePath(below)) => check_path(&below),
        Ok(Spelling::Data { declared_type, bytes }) => {
            assert!(!bytes.is_empty() && declared_type.contains('/'), "{declared_type:?}");
        }
        Ok(Spelling::Url(url)) => check_access(&url),
        Err(refusal) => assert!(!refusal.detail.is_empty()),
    }
    for media in mentions(text) {
        check_handle(&media);
        assert!(text.contains(&media.to_string()), "{media} is not in {text:?}");
    }
    check_access(text);
});

fn check_handle(media: &MediaRef) {
    let id = media.id.as_str();
    assert!(!id.is_empty() && id.len() <= 200 && !id.starts_with('.') && !id.contains(".."), "{id:?}");
    assert!(!id.chars().any(|c| matches!(c, '/' | '\\' | '%') || c.is_control() || c.is_whitespace()), "{id:?}");
    let text = media.to_string();
    assert_eq!(MediaRef::parse(&text).as_ref(), Ok(media));
    assert_eq!(read_spelling(&text), Ok(Spelling::Handle(media.clone())));
    // In a text, the signs that end a sentence are not of the id.
    let plain = MediaRef::parse(text.trim_end_matches(['.', ',', ';', '!', '\'', ')'])).ok();
    assert_eq!(mentions(&format!("[{text}]")), plain.as_slice());
}

fn check_path(below: &str) {
    assert!(!below.is_empty() && !below.contains('\\') && !below.chars().any(char::is_control), "{below:?}");
    assert!(below.split('/').all(|step| !matches!(step, "" | "." | "..") && step.len() <= 255), "{below:?}");
}

fn check_access(text: &str) {
    let open = UrlAccess::default();
    let some = [HostPattern::Exact("a.example".to_owned()), HostPattern::Below("b.example".to_owned())];
    let listed = UrlAccess { hosts: Some(some.to_vec()), ..UrlAccess::default() };
    if let Ok(judged) = open.judge(text) {
        check_url(&judged);
        assert_eq!(open.judge(judged.url.as_str()).as_ref(), Ok(&judged));
    }
    if let Ok(judged) = listed.judge(text) {
        check_url(&judged);
        let host = judged.url.host_str().unwrap_or_default();
        assert!(host == "a.example" || host.ends_with(".b.example"), "{host:?}");
    }
    for from in ["https://a.example/dir/x.png", "http://a.example:8080/x.png?q"] {
        let from = open.judge(from).expect("a public URL");
        if let Ok(judged) = open.redirect(&from, text, 0) {
            check_url(&judged);
            assert!(from.url.scheme() == "http" || judged.url.scheme() == "https", "{}", judged.url);
        }
        assert!(open.redirect(&from, text, 5).is_err());
    }
}

fn check_url(judged: &MediaUrl) {
    let url = &judged.url;
    assert!(matches!(url.scheme(), "http" | "https") && url.fragment().is_none(), "{url}");
    assert!(url.username().is_empty() && url.password().is_none(), "{url}");
    assert!(!judged.may_be_private, "{url}");
    match url.host().expect("a host") {
        Host::Ipv4(address) => assert!(is_public(address.into()), "{url}"),
        Host::Ipv6(address) => assert!(is_public(address.into()), "{url}"),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            assert!(name != "localhost" && !name.ends_with(".localhost"), "{url}");
        }
    }
}

/// What is surely not public, as the standard library and RFC 4193, 4291 and 6598 tell it: an opinion of its own.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let is_shared = a == 100 && (64..128).contains(&b);
            let is_private = v4.is_private() || v4.is_loopback() || v4.is_link_local() || a == 0;
            !(is_private || is_shared || v4.is_broadcast() || v4.is_multicast() || v4.is_documentation())
        }
        IpAddr::V6(v6) => {
            let [first, ..] = v6.segments();
            let is_private = v6 == Ipv6Addr::LOCALHOST || v6.is_unspecified() || v6.is_multicast();
            let is_local = first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80;
            !(is_private || is_local) && v6.to_ipv4().is_none_or(|v4| is_public(v4.into()))
        }
    }
}
