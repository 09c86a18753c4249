//! What is asked of a token endpoint, what its answers mean, and where one may be.

use super::*;

fn rule(style: RefreshStyle, scope: Option<&str>) -> RefreshRule {
    RefreshRule {
        token_url: token_url("https://auth.example.com/token", NamedBy::Manifest).expect("an address"),
        setting: None,
        client_id: None,
        scope: scope.map(str::to_owned),
        style,
        may_be_private: false,
    }
}

#[test]
fn the_request_is_written_as_the_manifest_says() {
    let refresh = Literal::new("r\"&+=\\é").expect("not blank");
    let (kind, body) = request_body(&rule(RefreshStyle::Form, Some("a b")), "c", &refresh);
    assert_eq!(kind, "application/x-www-form-urlencoded");
    let text = String::from_utf8(body.to_vec()).expect("text");
    assert_eq!(text, "grant_type=refresh_token&refresh_token=r%22%26%2B%3D%5C%C3%A9&client_id=c&scope=a+b");
    let (kind, body) = request_body(&rule(RefreshStyle::Json, None), "c", &refresh);
    assert_eq!(kind, "application/json");
    let value: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    let expect = serde_json::json!({"grant_type": "refresh_token", "refresh_token": "r\"&+=\\é", "client_id": "c"});
    assert_eq!(value, expect);
}

#[test]
fn an_answer_is_read_or_refused_without_repeating_it() {
    let read = |status, body: &str| read_answer(status, body.as_bytes(), 1_000);
    let good = read(200, r#"{"access_token":"a\u0041","refresh_token":"n","expires_in":10,"token_type":"x"}"#);
    let good = good.unwrap_or_else(|bad| panic!("{bad}"));
    assert_eq!(good.access.expose_secret(), "aA");
    assert_eq!(good.refresh.map(|refresh| refresh.expose_secret().to_owned()).as_deref(), Some("n"));
    assert_eq!(good.expires_ms, 11_000);
    let bare = read(201, r#"{"access_token":"a"}"#).unwrap_or_else(|bad| panic!("{bad}"));
    assert!(bare.refresh.is_none());
    assert_eq!(bare.expires_ms, 1_000 + RENEWED_MS_DEFAULT);
    let ever =
        read(200, r#"{"access_token":"a","expires_in":18446744073709551615}"#).unwrap_or_else(|bad| panic!("{bad}"));
    assert_eq!(ever.expires_ms, 1_000 + RENEWED_MS_MAX);

    let words = |status, body: &str| read(status, body).err().map(|bad| (bad.to_string(), bad.is_lasting()));
    let hint = "log in again with the program that wrote the profile";
    let refused = |what: &str| Some((format!("the server refused it ({what}); {hint}"), true));
    assert_eq!(
        words(400, r#"{"error":"invalid_grant","error_description":"SECRET"}"#),
        refused("400, `invalid_grant`")
    );
    assert_eq!(words(401, r#"{"error":"SECRET"}"#), refused("401"));
    assert_eq!(words(403, "SECRET"), refused("403"));
    let passing = |text: &str| Some((text.to_owned(), false));
    for status in [302, 404, 429, 503] {
        assert_eq!(words(status, "SECRET"), passing(&format!("the server answered with status {status}")));
    }
    let malformed = passing("the server's answer is not a JSON object with an `access_token`");
    for body in [
        "",
        "SECRET",
        "{}",
        r#"{"access_token":" "}"#,
        r#"{"access_token":7}"#,
        r#"{"access_token":"a","expires_in":"SECRET"}"#,
    ] {
        assert_eq!(words(200, body), malformed, "{body}");
    }
}

#[test]
fn a_token_is_renewed_over_tls_in_public_or_here_by_the_operators_word() {
    use NamedBy::{Manifest, Operator};
    let ok = |text, by| token_url(text, by).map(|url| url.to_string());
    for by in [Manifest, Operator] {
        assert_eq!(ok("https://auth.example.com/token", by).as_deref(), Ok("https://auth.example.com/token"));
        assert_eq!(ok("http://auth.example.com/token", by), Err("must be `https`".to_owned()));
        let no_path = "must name a path, e.g. `https://auth.example.com/oauth/token`";
        assert_eq!(ok("https://auth.example.com", by), Err(no_path.to_owned()));
        assert_eq!(ok("https://auth.example.com/token/", by), Err(no_path.to_owned()));
        assert!(ok("https://10.0.0.7/token", by).is_err());
        assert!(ok("https://169.254.169.254/token", by).is_err());
        assert!(ok("https://user:pass@auth.example.com/token", by).is_err());
        assert!(ok("https://auth.example.com/token?a=b", by).is_err());
    }
    assert!(ok("http://127.0.0.1:7/token", Operator).is_ok());
    assert_eq!(
        ok("https://127.0.0.1:7/token", Manifest),
        Err("must not be this machine; only the operator can say so".to_owned())
    );
}
