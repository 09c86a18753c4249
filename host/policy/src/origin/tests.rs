//! Attacks 3 to 11, 20 to 23 and 39, and case P4.

use super::*;

fn said(text: &str) -> String {
    BaseUrl::parse(text).map_or_else(|error| format!("refused: {error}"), |base| base.to_string())
}

#[track_caller]
fn check(text: &str, expect: &str) {
    assert_eq!(said(text), expect, "{text:?}");
}

#[test]
fn a3_one_origin_has_one_form() {
    check("https://api.example.com", "https://api.example.com");
    check("HTTPS://API.Example.COM.", "https://api.example.com");
    check("https://api.example.com:443/", "https://api.example.com");
    check("http://api.example.com:443", "http://api.example.com:443");
    check("https://api.example.com/v1//", "https://api.example.com/v1");
    check("http://[::1]:8080/x", "http://[::1]:8080/x");
    check("https://bücher.example", "https://xn--bcher-kva.example");
}

#[test]
fn a39_p1_numbers_are_the_address_that_they_become() {
    for text in ["http://2130706433", "http://0177.0.0.1", "http://0x7f.1", "http://127.1", "http://0x7f000001/"] {
        check(text, "http://127.0.0.1");
        assert!(Origin::parse(text).is_ok_and(|origin| origin.is_ip_literal()));
    }
}

#[test]
fn a4_to_a8_wildcards_are_refused_when_read() {
    for host in ["*", "*.", "*.com", "*.x.com", "a.*.com", "*x.com", "**", "x.com:*"] {
        check(&format!("https://{host}"), "refused: wildcards do not exist here: name one exact host");
    }
    check("https://x.com/*", "refused: wildcards do not exist here: name one exact host");
}

#[test]
fn a9_a20_a21_a23_what_two_parsers_may_read_differently_is_refused() {
    for (text, expect) in [
        ("https://api.x.com@evil.io/", "a user name or password does not belong in a URL"),
        ("https://user:pw@api.x.com/", "a user name or password does not belong in a URL"),
        ("https://@api.x.com/", "a user name or password does not belong in a URL"),
        ("https://x.com?q", "a query or fragment does not belong here"),
        ("https://x.com/#f", "a query or fragment does not belong here"),
        ("https://x.com /", "the URL holds white space or a control character"),
        ("https://x\t.com/", "the URL holds white space or a control character"),
        ("https://x.com/\u{2028}", "the URL holds white space or a control character"),
        ("https://x.com\\@evil.io", "a user name or password does not belong in a URL"),
        ("https://x.com\\.evil.io", "the URL holds `\\`"),
        ("https://x.com/a\\b", "the URL holds `\\`"),
        ("https://%61pi.x.com/", "the URL holds percent-encoding in its host"),
        ("https:/x.com/", "not a URL: `//` must follow the scheme"),
        ("https:///x.com/", "the host is missing"),
        ("https://", "the host is missing"),
        ("x.com", "not a URL: relative URL without a base"),
        ("x.com:443", "the scheme must be `http` or `https`"),
        ("ftp://x.com", "the scheme must be `http` or `https`"),
        ("file:///etc", "the scheme must be `http` or `https`"),
        ("https://x.com:0", "port 0 does not exist"),
        ("https://x.com:65536", "not a URL: invalid port"),
        ("https://a..x.com", "the host has an empty label"),
        ("https://x.com..", "the host has an empty label"),
        ("https://.x.com", "the host has an empty label"),
        ("https://x.com/a/../b", "the path holds `.` or `..` as a step"),
        ("https://x.com/a/%2E%2e/b", "the path holds `.` or `..` as a step"),
        ("https://x.com/a%2fb", "the path holds an encoded separator"),
        ("https://x.com/a//b", "the path holds `//`"),
    ] {
        check(text, &format!("refused: {expect}"));
    }
    assert_eq!(Origin::parse("https://x.com/v1"), Err(BadOrigin::Path("does not belong in an origin")));
}

#[test]
fn a9_a_host_of_253_bytes_passes_and_of_254_does_not() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(longest.len(), 253);
    check(&format!("https://{longest}"), &format!("https://{longest}"));
    check(&format!("https://{longest}a"), "refused: the host has more than 253 bytes");
    check(&format!("https://{label}a.com"), "refused: the host has a label of more than 63 bytes");
}

#[test]
fn p4_malformed_addresses_are_refused() {
    for text in ["http://[::::]/", "http://127..0.1/", "http://999.1.1.1/", "http://[fe80::1%lo0]/"] {
        assert!(said(text).starts_with("refused: "), "{text}");
    }
}

#[test]
fn a10_a11_near_misses_are_other_origins() {
    let one = Origin::parse("https://x.com:8443").expect("an origin");
    for text in [
        "http://x.com:8443",
        "https://x.com",
        "https://x.com:443",
        "https://y.x.com:8443",
        "https://x.com.evil.io:8443",
    ] {
        assert_ne!(Origin::parse(text).expect("an origin"), one, "{text}");
    }
}

#[test]
fn a_foreign_url_keeps_its_query_and_loses_its_fragment() {
    let url = parse_foreign_url("https://CDN.example.com./a%20b?x=1&y=..#top").map(|url| url.to_string());
    assert_eq!(url.as_deref(), Ok("https://cdn.example.com/a%20b?x=1&y=.."));
}

#[test]
fn a_foreign_url_of_an_address_keeps_its_host() {
    for text in ["http://[::1]:8080/a", "http://127.0.0.1:8080/a", "https://x.com/a?b=c%20d"] {
        assert_eq!(parse_foreign_url(text).map(|url| url.to_string()).as_deref(), Ok(text));
    }
}
