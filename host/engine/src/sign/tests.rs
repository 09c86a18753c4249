//! Signatures against published vectors: AWS's own suite for Signature Version 4, RFC 4231 for the HMAC. That they go
//! out is tested over the wire.

use std::sync::Arc;

use creel_policy::manifest::{HmacRule, Timestamp};
use http::Method;

use super::*;
use crate::credential::Injectable;

/// 2015-08-30T12:36:00Z, the time of all vectors of AWS.
const AWS_MS: u64 = 1_440_938_160_000;
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn held(text: &str) -> Arc<Injectable> {
    Arc::new(Injectable::new(Secret::parse(text).expect("a secret")))
}

fn aws_key(token: Option<&str>) -> AwsKey {
    AwsKey {
        service: "service".into(),
        region: "us-east-1".into(),
        unsigned_payload: false,
        id: Arc::new(Zeroizing::new("AKIDEXAMPLE".into())),
        secret: held("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        token: token.map(held),
    }
}

#[track_caller]
fn check_aws(url: &str, token: Option<&str>, signed: &str, signature: &str) {
    let url = Url::parse(url).expect("a URL");
    let headers = aws_headers(&aws_key(token), ("GET", &url, &[]), Some(EMPTY.to_owned()), AWS_MS).expect("signed");
    let value = |name: &str| headers.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_str());
    let expect = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={signed}, \
         Signature={signature}"
    );
    assert_eq!(value("authorization"), Some(expect.as_str()));
    assert_eq!(value("x-amz-date"), Some("20150830T123600Z"));
    assert_eq!(value("x-amz-security-token"), token);
}

#[test]
fn the_vectors_of_aws() {
    // get-vanilla, get-vanilla-query-order-key-case, get-vanilla-with-session-token.
    let plain = "host;x-amz-date";
    check_aws(
        "https://example.amazonaws.com/",
        None,
        plain,
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    );
    check_aws(
        "https://example.amazonaws.com/?Param2=value2&Param1=value1",
        None,
        plain,
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    );
    check_aws(
        "https://example.amazonaws.com/",
        Some("6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"),
        "host;x-amz-date;x-amz-security-token",
        "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
    );
}

fn rule(over: Vec<Signed>) -> HmacRule {
    HmacRule {
        header: "x-sig".into(),
        prefix: String::new(),
        encoding: Encoding::Hex,
        key: KeyText::Hex,
        over,
        separator: String::new(),
        timestamp: None,
        id: None,
    }
}

async fn signed(rule: HmacRule, key: &str) -> Result<HeaderMap, NoResponse> {
    let mut out = Outbound {
        method: Method::GET,
        url: Url::parse("https://x.com:8443/a%20b?c=d").expect("a URL"),
        headers: HeaderMap::new(),
    };
    let key = HmacKey { rule, id: None, key: held(key) };
    hmac(&key, &mut out, None, 1_700_000_000_123).await.map(|()| out.headers)
}

#[tokio::test]
async fn the_vectors_of_rfc_4231() {
    let long = "aa".repeat(131);
    for (key, text, expect) in [
        ("0b".repeat(20), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (
            "4a656665".into(),
            "what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            long,
            "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ] {
        let headers = signed(rule(vec![Signed::Text(text.into())]), &key).await.expect("signed");
        assert_eq!(headers["x-sig"], expect);
        assert!(headers["x-sig"].is_sensitive());
    }
}

#[tokio::test]
async fn parts_stand_in_order_with_the_separator_between_them() {
    let all = vec![
        Signed::Method,
        Signed::Host,
        Signed::Path,
        Signed::Query,
        Signed::PathAndQuery,
        Signed::Timestamp,
        Signed::BodySha256,
        Signed::Body,
    ];
    let timestamp = Some(Timestamp { header: "x-time".into(), in_milliseconds: true });
    let parts = HmacRule { separator: "\n".into(), timestamp, ..rule(all) };
    let text = ["GET", "x.com:8443", "/a%20b", "c=d", "/a%20b?c=d", "1700000000123", EMPTY, ""].join("\n");
    let whole = signed(rule(vec![Signed::Text(text)]), "4a656665").await.expect("signed");
    let headers = signed(parts, "4a656665").await.expect("signed");
    assert_eq!(headers["x-sig"], whole["x-sig"]);
    assert_eq!(headers["x-time"], "1700000000123");
    let missing = signed(rule(vec![Signed::Header("x-other".into()), Signed::Body]), "4a656665").await;
    let Err(NoResponse::Refused(refused)) = missing else { panic!("a signed header is missing") };
    assert_eq!(refused.to_string(), "bad-request: the request cannot be signed: its header `x-other` is missing");
}

#[test]
fn a_key_that_is_not_written_as_it_should_be_signs_nothing() {
    let bytes = |text: &str, form| key_bytes(&Secret::parse(text).expect("a secret"), form).map(|bytes| bytes.to_vec());
    assert_eq!(bytes("SmVmZQ==", KeyText::Base64).as_deref(), Ok(&b"Jefe"[..]));
    assert_eq!(bytes("4A656665", KeyText::Hex).as_deref(), Ok(&b"Jefe"[..]));
    assert_eq!(bytes("Jefe", KeyText::Text).as_deref(), Ok(&b"Jefe"[..]));
    for (text, form) in
        [("SmVmZQ", KeyText::Base64), ("a-b_", KeyText::Base64), ("abc", KeyText::Hex), ("zz", KeyText::Hex)]
    {
        assert_eq!(bytes(text, form), Err(Unfit::KeyText), "{text}");
    }
}
