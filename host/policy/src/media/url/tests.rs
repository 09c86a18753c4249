//! Cases P of the older gateway, as far as a URL can be judged without a name server.

use super::*;

fn access(hosts: Option<&[&str]>, private: &[&str]) -> UrlAccess {
    UrlAccess {
        enabled: true,
        hosts: hosts.map(|hosts| hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect()),
        private: private.iter().map(|origin| Origin::parse(origin).unwrap()).collect(),
    }
}

#[track_caller]
fn check(access: &UrlAccess, url: &str, expect: &str) {
    let said = match access.judge(url) {
        Ok(judged) => format!("{} private={}", judged.url, judged.may_be_private),
        Err(refusal) => refusal.to_string(),
    };
    assert_eq!(said, expect, "{url}");
}

#[test]
fn p1_to_p4_what_is_not_public_is_not_fetched() {
    let any = UrlAccess::default();
    check(&any, "https://example.com/a.png?x=1#y", "https://example.com/a.png?x=1 private=false");
    check(&any, "http://8.8.8.8/a.png", "http://8.8.8.8/a.png private=false");
    for host in [
        "127.0.0.1",
        "[ff02::1]",
        "0177.0.0.1",
        "0x7f000001",
        "127.1",
        "2130706433",
        "198.18.0.1",
        "203.0.113.9",
        "[::]",
        "[::1]",
        "[fd00::1]",
        "[fec0::1]",
        "[2001:db8::1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::a00:1]",
        "[2002:a00:1::]",
        "localhost",
        "x.local",
        "x.internal",
        "metadata.google.internal",
        "169.254.169.254",
        "127..0.1",
        "999.1.1.1",
    ] {
        let refusal = any.judge(&format!("http://{host}/a.png")).unwrap_err();
        assert_eq!(refusal.code, MediaRefusalCode::UrlNotAllowed, "{host}: {refusal}");
    }
    check(
        &any,
        "http://127.0.0.1:8080/a?token=SECRET",
        "url-not-allowed: `127.0.0.1` is at 127.0.0.1, a loopback address, and the operator did not grant this very origin",
    );
}

#[test]
fn p8_a_url_with_a_password_is_not_fetched() {
    let any = UrlAccess::default();
    check(&any, "https://example.com@127.0.0.1/a", "url-not-allowed: a user name or password does not belong in a URL");
    let from = any.judge("https://example.com/a").unwrap();
    let said = any.redirect(&from, "https://u:p@example.com/b", 0).unwrap_err().to_string();
    assert_eq!(said, "url-not-allowed: a user name or password does not belong in a URL");
}

#[test]
fn p15_a_pattern_holds_what_is_below_and_not_the_host_itself() {
    let listed = access(Some(&["*.assets.example.com", "img.example.org"]), &[]);
    check(&listed, "https://img.assets.example.com/a", "https://img.assets.example.com/a private=false");
    check(&listed, "https://img.example.org/a", "https://img.example.org/a private=false");
    for host in ["assets.example.com", "evilassets.example.com", "example.org", "img.example.org.evil.com"] {
        check(
            &listed,
            &format!("https://{host}/a"),
            &format!("url-not-allowed: `{host}` is not on the list `media.urls.hosts`"),
        );
    }
    for bad in ["*", "*.com", "a.*.com", "https://a.com", "a.com/x", "a.com:8080", ""] {
        assert!(HostPattern::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn p5_p22_an_origin_of_the_own_network_is_opened_alone() {
    let opened = access(None, &["http://10.0.0.5:8000"]);
    check(&opened, "http://10.0.0.5:8000/a", "http://10.0.0.5:8000/a private=true");
    for other in ["http://10.0.0.5/a", "https://10.0.0.5:8000/a", "http://10.0.0.6:8000/a"] {
        assert!(opened.judge(other).is_err(), "{other}");
    }
    let metadata = access(None, &["http://169.254.169.254", "http://metadata.google.internal"]);
    for url in ["http://169.254.169.254/a", "http://metadata.google.internal/a"] {
        let refusal = metadata.judge(url).unwrap_err().to_string();
        assert!(refusal.ends_with("is a cloud metadata service, which no grant opens"), "{refusal}");
    }
}

#[test]
fn l14_redirects_are_counted_and_judged() {
    let any = UrlAccess::default();
    let from = any.judge("https://example.com/a").unwrap();
    let said = |location: &str, hops| match any.redirect(&from, location, hops) {
        Ok(next) => next.url.to_string(),
        Err(refusal) => refusal.to_string(),
    };
    assert_eq!(said("/b", 4), "https://example.com/b");
    assert_eq!(said("/b", 5), "url-not-allowed: more than 5 redirects");
    assert_eq!(said("ftp://example.com/b", 0), "url-not-allowed: the scheme must be `http` or `https`");
    assert_eq!(said("http://example.com/b", 0), "url-not-allowed: a redirect leads from `https` to `http`");
    assert_eq!(
        said("//127.0.0.1/b", 0),
        "url-not-allowed: `127.0.0.1` is at 127.0.0.1, a loopback address, and the operator did not grant this very origin"
    );
    let off = UrlAccess { enabled: false, ..UrlAccess::default() };
    check(&off, "https://example.com/", "url-not-allowed: media are not fetched by URL: `media.urls.enabled` is off");
}
