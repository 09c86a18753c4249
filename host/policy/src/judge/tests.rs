//! Attacks 1 to 32, 48 to 50, 65 to 67, 102, 174, 175 and cases P8, P12, P13, P16, P22, U23: what is asked and what comes of it.

use serde_json::json;

use super::*;
use crate::grant::{EntrySettings, grant};
use crate::manifest::Manifest;

const MANIFEST: &str = r#"
[plugin]
id = "example"
version = "0.1.0"
interface = "creel:plugin@0.1"

[endpoints.api]
default = "https://api.x.com"
setting = "baseUrl"
allow = [{ method = "POST", path = "/v1/messages" }, { method = "GET", path = "/v1/models/*" }, { method = "GET", path = "/v1/messages" }]

[endpoints.cdn]
default = "https://cdn.x.com"
allow = [{ method = "GET", path = "/*" }, { method = "POST", path = "/upload" }, { method = "HEAD", path = "/*" }]

[endpoints.twin]
default = "https://api.x.com"
allow = [{ method = "GET", path = "/v1/models/*" }]

[endpoints.local]
default = "http://127.0.0.1:8080"
allow = [{ method = "GET", path = "/*" }]

[endpoints.clear]
setting = "clearUrl"
default = "http://localhost:9000"
allow = [{ method = "GET", path = "/*" }]

[credentials.account]
endpoint = "api"
[[credentials.account.classes]]
class = ["api_key"]
place = { header = "x-api-key" }

[media]
splice = true
"#;

fn granted(values: serde_json::Value) -> Grant {
    let manifest = Manifest::parse(MANIFEST).expect("a manifest");
    let values = values.as_object().cloned().unwrap_or_default();
    grant(&manifest, &EntrySettings { name: "models.providers.example".into(), values }).expect("a grant")
}

const POST: Outgoing<'static> = Outgoing {
    method: "POST",
    target: Target::Endpoint { endpoint: "api", path_and_query: "/v1/messages" },
    headers: &[],
    credential: None,
    body_bytes: 10,
    media_bytes: 0,
};

fn get(target: Target<'_>) -> Outgoing<'_> {
    Outgoing { method: "GET", target, headers: &[], credential: None, body_bytes: 0, media_bytes: 0 }
}

fn said(grant: &Grant, out: &Outgoing<'_>) -> String {
    match judge(grant, out) {
        Ok(permit) => format!(
            "{} by {}{}",
            permit.url,
            permit.endpoint,
            permit.credential.map(|c| format!(" with {c}")).unwrap_or_default()
        ),
        Err(refused) => refused.to_string(),
    }
}

#[track_caller]
fn check(out: &Outgoing<'_>, expect: &str) {
    assert_eq!(said(&granted(json!({})), out), expect, "{out:?}");
}

#[track_caller]
fn check_path(path_and_query: &str, expect: &str) {
    check(&get(Target::Endpoint { endpoint: "api", path_and_query }), expect);
}

#[track_caller]
fn check_url(url: &str, expect: &str) {
    check(&get(Target::Url(url)), expect);
}

#[test]
fn what_was_granted_leaves() {
    check(&POST, "https://api.x.com/v1/messages by api");
    check(&Outgoing { credential: Some("account"), ..POST }, "https://api.x.com/v1/messages by api with account");
    check_path("/v1/models/a?x=1&y=..%2f", "https://api.x.com/v1/models/a?x=1&y=..%2f by api");
    check_url("https://CDN.x.com./a/b.jpg?sig=1#top", "https://cdn.x.com/a/b.jpg?sig=1 by cdn");
    check_url("https://cdn.x.com/o/images%2Fa.jpg", "https://cdn.x.com/o/images%2Fa.jpg by cdn");
}

#[test]
fn p22_the_operators_base_url_is_the_only_one() {
    let grant = granted(json!({"baseUrl": "http://10.0.0.5:8000/anthropic/"}));
    let permit = judge(&grant, &POST).expect("a permit");
    assert_eq!(permit.url.as_str(), "http://10.0.0.5:8000/anthropic/v1/messages");
    assert_eq!((permit.origin.to_string().as_str(), permit.may_be_private), ("http://10.0.0.5:8000", true));
    assert!(said(&grant, &get(Target::Url("http://10.0.0.5:8001/anthropic/v1/models/a"))).starts_with("no-grant: "));
    assert_eq!(
        said(&grant, &get(Target::Url("http://10.0.0.5:8000/v1/models/a"))),
        "no-grant: the path is not below the base of the endpoint `api` (models.providers.example.baseUrl)"
    );
    assert!(said(&grant, &get(Target::Url("http://10.0.0.5:8000/anthropicv1/models/a"))).starts_with("no-grant: "));
    assert!(!judge(&granted(json!({})), &POST).expect("a permit").may_be_private);
}

#[test]
fn a1_nothing_granted_is_nothing_sent() {
    let mut grant = granted(json!({}));
    grant.endpoints.clear();
    assert_eq!(
        said(&grant, &get(Target::Url("https://api.x.com/"))),
        "no-grant: `example` has no endpoint at `https://api.x.com` (it has none at all)"
    );
    assert_eq!(said(&grant, &POST), "no-grant: `example` has no endpoint `api`");
}

#[test]
fn a2_to_a15_a_near_miss_gets_nothing() {
    for url in [
        "https://evil.x.com/a",
        "https://x.com/a",
        "https://badcdn.x.com/a",
        "https://cdn.x.com.evil.io/a",
        "https://evil-cdn.x.com/a",
        "http://cdn.x.com/a",
        "https://cdn.x.com:8443/a",
        "https://localhost:9000/a",
        "http://localhost:9001/a",
        "http://127.0.0.2:8080/a",
        "http://2130706434:8080/a",
    ] {
        let refused = judge(&granted(json!({})), &get(Target::Url(url))).expect_err(url);
        assert_eq!(refused.refusal, Refusal::NoGrant, "{url}");
    }
    check_url("http://2130706433:8080/a", "http://127.0.0.1:8080/a by local");
    check_url("https://cdn.x.com:443/a", "https://cdn.x.com/a by cdn");
    let delete = Outgoing { method: "DELETE", ..POST };
    check(&delete, "no-grant: the endpoint `api` does not allow the method `DELETE` on this path");
    for path in [
        "/v1/messages/",
        "/v1/messages/x",
        "/v1/message",
        "/v1",
        "/v1/models",
        "/v1/models/",
        "/v1/modelsx",
        "/V1/messages",
        "/v1/%6dessages",
    ] {
        check_path(path, "no-grant: the endpoint `api` does not allow this path");
    }
}

#[test]
fn a20_to_a23_a_path_is_sent_as_it_is_judged_or_not_at_all() {
    let steps = "bad-request: the path holds `.` or `..` as a step";
    let ascii = "bad-request: a path and query is percent-encoded ASCII without `\\`";
    for (path, expect) in [
        ("/v1/models/../messages", steps),
        ("/v1/models/%2e%2E/messages", steps),
        ("/v1/models/..%2fmessages", steps),
        ("/v1/models/a%2f..%2fb", steps),
        ("/v1/models/./a", steps),
        ("/v1/models/.%2e", steps),
        ("/v1/models/a%5cb", "bad-request: the path holds an encoded `\\` or NUL"),
        ("/v1/models/a%00", "bad-request: the path holds an encoded `\\` or NUL"),
        ("/v1/models\\a", ascii),
        ("/v1/models/a b", ascii),
        ("/v1/models/a\tb", ascii),
        ("/v1/models/a\r\nHost: evil", ascii),
        ("/v1/models/ü", ascii),
        ("/v1/models/\"", ascii),
        ("/v1/models/a?x=\"", ascii),
        ("/v1/models/a#b", "bad-request: a path holds no fragment"),
        ("//evil.io/v1", "bad-request: a path holds no `//`"),
        ("v1/models/a", "bad-request: a path begins with `/`"),
        ("@evil.io/", "bad-request: a path begins with `/`"),
        (".evil.io/", "bad-request: a path begins with `/`"),
        (":8443/", "bad-request: a path begins with `/`"),
        ("", "bad-request: a path begins with `/`"),
    ] {
        check_path(path, expect);
    }
    check_path(
        &format!("/v1/models/{}", "a".repeat(limits::PATH_BYTES_MAX)),
        "too-large: a path and query has at most 8192 bytes",
    );
    for url in [
        "https://cdn.x.com@evil.io/",
        "https://user:pw@cdn.x.com/",
        "https://cdn.x.com\\@evil.io/",
        "https://cdn.x.com/a\\b",
        "https://cdn.x.com/a b",
        "https://cdn.x.com/\n",
        "https://%63dn.x.com/",
        "https:cdn.x.com/",
        "//cdn.x.com/a",
        "/a",
        "ftp://cdn.x.com/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "",
        "https://",
        "https://cdn.x.com/a/../b",
        "https://cdn.x.com/a/%2e%2e/b",
        "https://*.x.com/",
        "/media/inbound/x.jpg",
        "media://inbound/x.jpg",
    ] {
        let refused = judge(&granted(json!({})), &get(Target::Url(url))).expect_err(url);
        assert_eq!(refused.refusal, Refusal::BadRequest, "{url} {refused}");
    }
}

#[test]
fn a24_to_a26_headers_that_are_not_the_plugins_are_refused() {
    let with = |name: &str, value: &str| {
        let headers = [(name.to_owned(), value.to_owned())];
        said(&granted(json!({})), &Outgoing { headers: &headers, ..POST })
    };
    for name in ["content-type", "Accept", "anthropic-version", "x-request-id"] {
        assert_eq!(with(name, "a/b; c=\"d\"\t1"), "https://api.x.com/v1/messages by api");
    }
    for name in [
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "TE",
        "Upgrade",
        "Keep-Alive",
        "Accept-Encoding",
        "Proxy-Authorization",
    ] {
        assert_eq!(with(name, "x"), format!("bad-request: the header `{name}` is the host's own"));
    }
    for name in ["Authorization", "COOKIE", "X-Api-Key", "x_api_key", "X-Auth-Foo", "my-Token", "client-secret"] {
        assert_eq!(
            with(name, "x"),
            format!("bad-request: the header `{name}` could hold a credential: name a slot instead")
        );
    }
    for name in ["", "a b", "a\r\nb", "a:", ":path", "ä"] {
        assert_eq!(with(name, "x"), "bad-request: the name of a header is a token of RFC 9110");
    }
    for value in ["a\r\nb: c", "a\nb", "a\rb", "a\0b", "ä", "\u{7f}"] {
        assert_eq!(with("accept", value), "bad-request: the value of the header `accept` is not printable ASCII");
    }
}

#[test]
fn a30_to_a32_sizes_and_methods() {
    for method in ["post", "Post", "CONNECT", "TRACE", "OPTIONS", "POST ", "", "PO ST"] {
        check(
            &Outgoing { method, ..POST },
            "bad-request: the method must be one of `GET`, `POST`, `PUT`, `PATCH`, `DELETE`, `HEAD`",
        );
    }
    let many = vec![("a".to_owned(), String::new()); limits::REQUEST_HEADERS_MAX + 1];
    check(&Outgoing { headers: &many, ..POST }, "too-large: a request has at most 64 headers");
    check(&Outgoing { headers: &many[1..], ..POST }, "https://api.x.com/v1/messages by api");
    let long = [("a".to_owned(), "b".repeat(limits::REQUEST_HEADER_BYTES_MAX))];
    check(&Outgoing { headers: &long, ..POST }, "too-large: the headers of a request have at most 32768 bytes");
    let most = limits::REQUEST_BYTES_MAX;
    check(&Outgoing { body_bytes: most, ..POST }, "https://api.x.com/v1/messages by api");
    check(&Outgoing { body_bytes: most + 1, ..POST }, "too-large: a body without its media has at most 33554432 bytes");
    let media = limits::REQUEST_WITH_MEDIA_BYTES_MAX;
    check(&Outgoing { media_bytes: media - 10, ..POST }, "https://api.x.com/v1/messages by api");
    check(&Outgoing { media_bytes: media, ..POST }, "too-large: a body with its media has at most 268435456 bytes");
    check(&Outgoing { media_bytes: u64::MAX, ..POST }, "too-large: a body with its media has at most 268435456 bytes");
    check(&Outgoing { method: "GET", ..POST }, "bad-request: a `GET` request has no body");
    let mut grant = granted(json!({}));
    grant.media.splice = false;
    assert_eq!(
        said(&grant, &Outgoing { media_bytes: 1, ..POST }),
        "no-grant: `example` was not granted `media.splice`"
    );
}

#[test]
fn a65_a66_u23_a_credential_goes_to_its_own_endpoint_only() {
    let account = |target| Outgoing { credential: Some("account"), ..get(target) };
    let other = "credential-not-granted: the credential `account` belongs to the endpoint `api` and not to `cdn`";
    check(&account(Target::Endpoint { endpoint: "cdn", path_and_query: "/a" }), other);
    check(&account(Target::Url("https://cdn.x.com/a")), other);
    check(
        &account(Target::Url("http://api.x.com/v1/models/a")),
        "no-grant: `example` has no endpoint at `http://api.x.com` (`api` is at \
        `https://api.x.com`, `cdn` is at `https://cdn.x.com`, `clear` is at `http://localhost:9000`, `local` is at `http://127.0.0.1:8080`, \
        `twin` is at `https://api.x.com`)",
    );
    check(&account(Target::Url("https://api.x.com/v1/models/a")), "https://api.x.com/v1/models/a by api with account");
    check(
        &account(Target::Endpoint { endpoint: "twin", path_and_query: "/v1/models/a" }),
        "credential-not-granted: the credential `account` belongs to the endpoint `api` and not to `twin`",
    );
    check(
        &Outgoing { credential: Some("accounts"), ..POST },
        "credential-not-granted: `example` has no credential slot `accounts`",
    );
    check(&Outgoing { credential: Some(""), ..POST }, "credential-not-granted: `example` has no credential slot ``");
}

#[test]
fn a175_p16_a_refusal_names_neither_path_nor_query_nor_value() {
    let grant = granted(json!({}));
    let headers = [("accept".to_owned(), "hunter2\n".to_owned())];
    for out in [
        get(Target::Url("https://evil.io/hunter2?key=hunter2")),
        get(Target::Url("https://u:hunter2@cdn.x.com/")),
        get(Target::Url("https://api.x.com/hunter2?key=hunter2")),
        get(Target::Endpoint { endpoint: "api", path_and_query: "/hunter2?key=hunter2" }),
        Outgoing { headers: &headers, ..POST },
    ] {
        let refused = judge(&grant, &out).expect_err("refused");
        assert!(!refused.to_string().contains("hunter2"), "{refused}");
    }
}

struct Hop<'a> {
    from: Outgoing<'a>,
    status: u16,
    location: &'a str,
    hops: usize,
}

fn redirected(grant: &Grant, hop: &Hop<'_>) -> Result<Redirect, Refused> {
    let permit = judge(grant, &hop.from).expect("a permit");
    judge_redirect(
        grant,
        &permit,
        &Redirection { status: hop.status, location: hop.location, hops: hop.hops, method: hop.from.method },
    )
}

#[track_caller]
fn check_hop(from: Outgoing<'_>, status: u16, location: &str, expect: &str) {
    let said = match redirected(&granted(json!({})), &Hop { from, status, location, hops: 0 }) {
        Ok(next) => {
            let with = next.permit.credential.map(|slot| format!(" with {slot}")).unwrap_or_default();
            let body = if next.keep_body { " and body" } else { "" };
            format!("{} {} by {}{with}{body}", next.method, next.permit.url, next.permit.endpoint)
        }
        Err(refused) => refused.to_string(),
    };
    assert_eq!(said, expect, "{status} {location}");
}

const MODELS: Target<'static> = Target::Endpoint { endpoint: "api", path_and_query: "/v1/models/a?x=1" };

#[test]
fn p12_p13_redirects_within_the_grant() {
    let with = Outgoing { credential: Some("account"), ..get(MODELS) };
    check_hop(with, 302, "/v1/models/b", "GET https://api.x.com/v1/models/b by api with account");
    check_hop(with, 308, "b", "GET https://api.x.com/v1/models/b by api with account");
    check_hop(with, 302, "?y=2", "GET https://api.x.com/v1/models/a?y=2 by api with account");
    check_hop(
        with,
        302,
        "https://API.x.com:443/v1/models/b#x",
        "GET https://api.x.com/v1/models/b by api with account",
    );
    check_hop(with, 302, "https://cdn.x.com/b", "GET https://cdn.x.com/b by cdn");
    check_hop(with, 302, "//cdn.x.com/b", "GET https://cdn.x.com/b by cdn");
    let post = Outgoing { credential: Some("account"), ..POST };
    for status in [301, 302, 303] {
        check_hop(post, status, "/v1/messages", "GET https://api.x.com/v1/messages by api with account");
    }
    check_hop(post, 307, "/v1/messages", "POST https://api.x.com/v1/messages by api with account and body");
    check_hop(post, 303, "https://cdn.x.com/x", "GET https://cdn.x.com/x by cdn");
    let head = Outgoing { method: "HEAD", ..get(Target::Endpoint { endpoint: "cdn", path_and_query: "/a" }) };
    check_hop(head, 303, "/b", "HEAD https://cdn.x.com/b by cdn");
}

#[test]
fn a48_a50_p8_redirects_out_of_the_grant() {
    let from = get(MODELS);
    let evil = "redirect-left-grant: `https://api.x.com` redirects to `https://evil.io`: `example` has no endpoint at `https://evil.io`";
    for location in ["https://evil.io/", "//evil.io", "///evil.io/x", "https://evil.io/?key=hunter2"] {
        let refused =
            redirected(&granted(json!({})), &Hop { from, status: 302, location, hops: 0 }).expect_err(location);
        let is_evil = refused.to_string().starts_with(evil) || refused.refusal == Refusal::BadRequest;
        assert!(is_evil && !refused.to_string().contains("hunter2"), "{refused}");
    }
    check_hop(
        from,
        302,
        "http://api.x.com/v1/models/a",
        "redirect-left-grant: `https://api.x.com` redirects from `https` to `http`",
    );
    check_hop(
        from,
        302,
        "http://127.0.0.1:8080/",
        "redirect-left-grant: `https://api.x.com` redirects from `https` to `http`",
    );
    check_hop(
        from,
        302,
        "/v1/other",
        "redirect-left-grant: `https://api.x.com` redirects to `https://api.x.com`: the endpoint `api` does not allow this path",
    );
    check_hop(
        from,
        302,
        "/v1/models/../messages/x",
        "redirect-left-grant: `https://api.x.com` redirects to `https://api.x.com`: \
        the endpoint `api` does not allow this path",
    );
    check_hop(
        POST,
        307,
        "https://cdn.x.com/upload",
        "redirect-left-grant: `https://api.x.com` redirects a request with a body to `https://cdn.x.com`",
    );
    check_hop(
        from,
        302,
        "https://cdn.x.com:8443/b",
        "redirect-left-grant: `https://api.x.com` redirects to `https://cdn.x.com:8443`: \
        `example` has no endpoint at `https://cdn.x.com:8443` (`api` is at `https://api.x.com`, `cdn` is at `https://cdn.x.com`, \
        `clear` is at `http://localhost:9000`, `local` is at `http://127.0.0.1:8080`, `twin` is at `https://api.x.com`)",
    );
    for location in [
        "https://u:p@cdn.x.com/",
        "//u@cdn.x.com/",
        "/a\\b",
        "/a b",
        "\\\\evil.io",
        "ftp://x/",
        "javascript:x",
        "",
        " ",
        "/\u{0}",
    ] {
        let refused =
            redirected(&granted(json!({})), &Hop { from, status: 302, location, hops: 0 }).expect_err(location);
        assert_eq!(refused.refusal, Refusal::BadRequest, "{location:?} {refused}");
    }
    for status in [200, 300, 304, 305, 306, 400] {
        check_hop(from, status, "/v1/models/b", &format!("bad-request: status {status} is no redirect"));
    }
}

#[test]
fn a49_redirects_are_counted() {
    let grant = granted(json!({}));
    let hop = |hops| redirected(&grant, &Hop { from: get(MODELS), status: 302, location: "/v1/models/a", hops });
    assert!(hop(limits::REDIRECTS_MAX - 1).is_ok());
    let refused = hop(limits::REDIRECTS_MAX).map_err(|refused| refused.to_string());
    assert_eq!(refused.err().as_deref(), Some("budget-spent: at most 3 redirects are followed for one request"));
}

#[test]
fn p12_a_credential_does_not_follow_to_a_twin_of_its_origin() {
    let mut grant = granted(json!({}));
    if let Some(api) = grant.endpoints.get_mut("api") {
        api.allow.retain(|allow| allow.path != "/v1/models/*");
    }
    let from = Outgoing {
        credential: Some("account"),
        target: Target::Endpoint { endpoint: "api", path_and_query: "/v1/messages" },
        ..get(MODELS)
    };
    let next = redirected(&grant, &Hop { from, status: 302, location: "/v1/models/b", hops: 0 }).expect("a redirect");
    assert_eq!((next.permit.endpoint.as_str(), next.permit.credential), ("twin", None));
}

proptest::proptest! {
    #[test]
    fn a_permit_is_for_a_granted_origin_and_an_allowed_path(text in "(/v1/models/|https://(cdn|api|evil)\\.x\\.com|//)?[/.%a-z0-9@:?#\\\\*-]{0,24}") {
        let grant = granted(json!({}));
        for target in [Target::Url(&text), Target::Endpoint { endpoint: "api", path_and_query: &text }] {
            let Ok(permit) = judge(&grant, &Outgoing { credential: Some("account"), ..get(target) }) else { continue };
            let endpoint = &grant.endpoints[&permit.endpoint];
            proptest::prop_assert_eq!(permit.endpoint.as_str(), "api");
            proptest::prop_assert_eq!(&Origin::of(&permit.url), &Ok(endpoint.base.origin.clone()));
            proptest::prop_assert!(permit.url.path() == "/v1/messages" || permit.url.path().starts_with("/v1/models/"));
            proptest::prop_assert!(permit.url.path().split('/').all(|step| step != ".."));
            proptest::prop_assert_eq!(permit.url.username(), "");
        }
    }
}
