//! What a plugin may not set because the host does. Attacks 25, 65, 66, 71, 74, 102.

use serde_json::json;

use super::super::{Outgoing, Permit, Redirection, judge, judge_redirect};
use super::*;
use crate::grant::{EntrySettings, grant};
use crate::manifest::Manifest;

fn granted(place: &str, base: &str) -> Grant {
    let manifest = format!(
        r#"
[plugin]
id = "example"
version = "0.1.0"
interface = "creel:plugin@0.1"
[endpoints.api]
setting = "baseUrl"
allow = [{{ method = "GET", path = "/v1/*" }}]
[endpoints.other]
default = "https://other.x.com"
allow = [{{ method = "GET", path = "/*" }}]
[credentials.account]
endpoint = "api"
[[credentials.account.classes]]
class = ["api_key"]
place = {place}
"#
    );
    let manifest = Manifest::parse(&manifest).expect("a manifest");
    let values = json!({ "baseUrl": base }).as_object().cloned().unwrap_or_default();
    grant(&manifest, &EntrySettings { name: "p".into(), values }).expect("a grant")
}

const QUERY: &str = r#"{ query = "key" }"#;
const PATH: &str = r#"{ path = "/bot{credential}" }"#;
const HMAC: &str = r#"{ sign = "hmac-sha256", header = "x-sig", id = "x-id", over = ["timestamp", "body"], timestamp = { header = "x-time" } }"#;
const AWS: &str = r#"{ sign = "aws-sigv4", service = "bedrock", region = "us-east-1" }"#;
const HTTPS: &str = "https://api.x.com";

fn asked(grant: &Grant, target: Target<'_>, headers: &[(String, String)]) -> Result<Permit, Refused> {
    let credential = Some("account");
    judge(grant, &Outgoing { method: "GET", target, headers, credential, body_bytes: 0, media_bytes: 0 })
}

#[track_caller]
fn check_path(place: &str, path_and_query: &str, expect: Result<(), &str>) {
    let said = asked(&granted(place, HTTPS), Target::Endpoint { endpoint: "api", path_and_query }, &[]);
    assert_eq!(
        said.map(drop).map_err(|refused| refused.to_string()),
        expect.map_err(str::to_owned),
        "{path_and_query}"
    );
}

#[test]
fn a25_no_parameter_of_the_credential_in_any_spelling() {
    for (query, name) in [
        ("key=a", "key"),
        ("alt=sse&KEY=a", "KEY"),
        ("%6bey=a", "key"),
        ("%4B%45%59", "KEY"),
        ("a=b;key=c", "key"),
        ("+key=a", "key"),
        ("a&key", "key"),
    ] {
        let rule = format!("bad-request: the parameter `{name}` is set by the host, with the credential `account`");
        check_path(QUERY, &format!("/v1/x?{query}"), Err(&rule));
    }
    for query in ["keys=a", "ke=a", "a=key", "a=%26key=b", "%256bey=a", "monkey=a", ""] {
        check_path(QUERY, &format!("/v1/x?{query}"), Ok(()));
    }
    let rule = "bad-request: the parameter `X-Amz-Signature` is set by the host, with the credential `account`";
    check_path(AWS, "/v1/x?X-Amz-Signature=a", Err(rule));
    check_path(AWS, "/v1/x?X-Amzn=a", Ok(()));
}

#[test]
fn a25_no_header_of_the_credential_in_any_case() {
    let target = Target::Endpoint { endpoint: "api", path_and_query: "/v1/x" };
    let said = |place: &str, name: &str| {
        let headers = [(name.to_owned(), "a".to_owned())];
        asked(&granted(place, HTTPS), target, &headers).map(drop).map_err(|refused| refused.rule)
    };
    for name in ["x-sig", "X-Sig", "X-ID", "x-Time"] {
        let rule = format!("the header `{name}` is set by the host, with the credential `account`");
        assert_eq!(said(HMAC, name), Err(rule));
    }
    assert_eq!(said(HMAC, "x-sigs"), Ok(()));
    let rule = "the header `X-Amz-Date` is set by the host, with the credential `account`";
    assert_eq!(said(AWS, "X-Amz-Date"), Err(rule.to_owned()));
    assert_eq!(said(AWS, "x-amzn-bedrock-trace"), Ok(()));
}

#[test]
fn a71_a74_a_credential_in_the_path_goes_with_the_endpoints_path_and_not_in_the_clear() {
    let endpoint = Target::Endpoint { endpoint: "api", path_and_query: "/v1/x" };
    let said = |place: &str, base: &str, target| {
        asked(&granted(place, base), target, &[])
            .map(|permit| permit.url.to_string())
            .map_err(|refused| refused.to_string())
    };
    for place in [QUERY, PATH] {
        let rule = "credential-not-granted: the credential `account` stands in the URL and does not go over `http` to \
            `http://api.x.com`";
        assert_eq!(said(place, "http://api.x.com", endpoint), Err(rule.to_owned()));
        // This machine's own network is nobody else's to read: a Bot API server of one's own is there.
        assert_eq!(said(place, "http://127.0.0.1:8081", endpoint).as_deref(), Ok("http://127.0.0.1:8081/v1/x"));
        assert_eq!(said(place, HTTPS, endpoint).as_deref(), Ok("https://api.x.com/v1/x"));
    }
    let rule = "credential-not-granted: the credential `account` stands in the path and goes with an endpoint's path, \
        not with a URL";
    assert_eq!(said(PATH, HTTPS, Target::Url("https://api.x.com/v1/x")), Err(rule.to_owned()));
    assert_eq!(said(QUERY, HTTPS, Target::Url("https://api.x.com/v1/x")).as_deref(), Ok("https://api.x.com/v1/x"));
    check_path(PATH, "/v1/{credential}", Err("bad-request: a path and query is percent-encoded ASCII without `\\`"));
    check_path(PATH, "/v1/%7Bcredential%7D", Ok(()));
}

#[test]
fn a65_a66_a102_a_redirect_takes_no_credential_out_of_the_url() {
    let said = |place: &str, location: &str| {
        let grant = granted(place, HTTPS);
        let before =
            asked(&grant, Target::Endpoint { endpoint: "api", path_and_query: "/v1/x" }, &[]).expect("a permit");
        let answer = Redirection { status: 307, location, hops: 0, method: "GET" };
        let next = judge_redirect(&grant, &before, &answer);
        next.map(|next| next.permit.credential).map_err(|refused| refused.to_string())
    };
    assert_eq!(said(QUERY, "/v1/y"), Ok(Some("account".to_owned())));
    assert_eq!(said(QUERY, "https://other.x.com/v1/y"), Ok(None));
    let rule = "redirect-left-grant: the target of the redirect: the parameter `key` is set by the host, with the \
        credential `account`";
    assert_eq!(said(QUERY, "/v1/y?key=sk-secret"), Err(rule.to_owned()));
    assert_eq!(said(QUERY, "https://other.x.com/y?%6Bey=sk-secret"), Err(rule.to_owned()));
    let rule = "redirect-left-grant: a request with the credential `account` in its path follows no redirect";
    for location in ["/v1/y", "https://other.x.com/y", "y"] {
        assert_eq!(said(PATH, location), Err(rule.to_owned()), "{location}");
    }
    let rule = "redirect-left-grant: `https://api.x.com` redirects to `https://api.x.com:8443`: `example` has no endpoint \
        at `https://api.x.com:8443` (`api` is at `https://api.x.com`, `other` is at `https://other.x.com`)";
    assert_eq!(said(AWS, "https://api.x.com:8443/v1/y"), Err(rule.to_owned()));
    assert_eq!(said(AWS, "https://other.x.com/y"), Ok(None));
}
