//! A plugin gets what it was granted and nothing else. Each refusal has its text here, and for each the server tells
//! that it received nothing.

use std::sync::Arc;

use creel_engine::Slot;
use creel_policy::limits::{PATH_BYTES_MAX, REQUEST_HEADER_BYTES_MAX, REQUESTS_AT_ONCE_MAX, WAIT_MS_MAX};
use creel_tests::components;
use creel_tests::rig::{Rig, Setup};
use serde_json::{Value, json};

use crate::upstream::{SECRET, asker, asks, get, post, server};

/// The wish is refused with this text, the server hears nothing, and the witness does.
async fn check(wish: Value, expect: &str) {
    check_with(|setup| setup.credential("account", 0, SECRET), wish, expect).await;
}

async fn check_with(change: impl FnOnce(Setup<'_>) -> Setup<'_>, wish: Value, expect: &str) {
    let (rig, server) = (Rig::new(), server().await);
    let setup = change(asker(&rig, &server));
    let records = setup.records();
    let is_request = ["send", "fetch"].iter().any(|kind| wish.get(kind).is_some());
    let base = server.base_url();
    let wish_text = wish.to_string().replace("SERVER", &base);
    let wish = serde_json::from_str::<Value>(&wish_text).expect("still JSON");
    let told = asks(setup, json!([wish])).await;
    assert_eq!(told, format!("IoError::Refused(({}))\n", expect.replace("SERVER", &base)), "{wish}");
    assert!(server.requests().is_empty(), "the server received {:?}", server.requests());
    if is_request {
        let records = records.all();
        let [record] = records.as_slice() else { unexpected(&format!("{records:?}")) };
        let refused = record.refused.as_ref().expect("the witness hears of the refusal");
        assert!(expect.replace("SERVER", &base).contains(&format!("{:?}", refused.rule)), "{refused:?}");
    }
}

#[expect(clippy::panic, reason = "the test has failed")]
fn unexpected(what: &str) -> ! {
    panic!("one record was expected: {what}")
}

/// Runs each test of this file on a runtime like the daemon's.
macro_rules! refused {
    ($($name:ident: $wish:expr => $expect:expr;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                check($wish, $expect).await;
            }
        )*
    };
}

refused! {
    another_method: json!({"send": get(json!({"method": "POST"}))})
        => r#"Refusal::NoGrant, "the endpoint `api` does not allow the method `POST` on this path""#;
    another_path: json!({"send": get(json!({"path": "/allowedx"}))})
        => r#"Refusal::NoGrant, "the endpoint `api` does not allow this path""#;
    a_path_above: json!({"send": post(json!({"path": "/allowed/../admin"}))})
        => r#"Refusal::BadRequest, "the path holds `.` or `..` as a step""#;
    a_path_above_encoded: json!({"send": post(json!({"path": "/allowed/%2e%2e/admin"}))})
        => r#"Refusal::BadRequest, "the path holds `.` or `..` as a step""#;
    a_path_that_starts_elsewhere: json!({"send": get(json!({"path": "@evil.example/allowed"}))})
        => r#"Refusal::BadRequest, "a path begins with `/`""#;
    a_fragment: json!({"send": get(json!({"path": "/allowed#x"}))})
        => r#"Refusal::BadRequest, "a path holds no fragment""#;
    another_endpoint: json!({"send": get(json!({"endpoint": "admin"}))})
        => r#"Refusal::NoGrant, "`asker` has no endpoint `admin`""#;
    another_method_word: json!({"send": get(json!({"method": "get"}))})
        => r#"Refusal::BadRequest, "the method must be one of `GET`, `POST`, `PUT`, `PATCH`, `DELETE`, `HEAD`""#;
    another_origin: json!({"send": get(json!({"url": "http://evil.example/allowed"}))})
        => r#"Refusal::NoGrant, "`asker` has no endpoint at `http://evil.example` (`api` is at `SERVER`, `other` is at `http://127.0.0.1:9`)""#;
    another_port: json!({"send": get(json!({"url": "http://127.0.0.1:8/allowed"}))})
        => r#"Refusal::NoGrant, "`asker` has no endpoint at `http://127.0.0.1:8` (`api` is at `SERVER`, `other` is at `http://127.0.0.1:9`)""#;
    another_scheme: json!({"send": get(json!({"url": "file:///etc/passwd"}))})
        => r#"Refusal::BadRequest, "the scheme must be `http` or `https`""#;
    a_user_in_the_url: json!({"send": get(json!({"url": "http://me:pw@127.0.0.1:9/allowed"}))})
        => r#"Refusal::BadRequest, "a user name or password does not belong in a URL""#;
    another_path_by_url: json!({"send": get(json!({"url": "SERVER/admin"}))})
        => r#"Refusal::NoGrant, "the endpoint `api` does not allow this path""#;
    a_credential_for_another_origin: json!({"send": get(json!({"endpoint": "other", "credential": "account"}))})
        => r#"Refusal::CredentialNotGranted, "the credential `account` belongs to the endpoint `api` and not to `other`""#;
    a_credential_for_another_port: json!({"send": get(json!({"url": "http://127.0.0.1:9/allowed", "credential": "account"}))})
        => r#"Refusal::CredentialNotGranted, "the credential `account` belongs to the endpoint `api` and not to `other`""#;
    another_slot: json!({"send": get(json!({"credential": "root"}))})
        => r#"Refusal::CredentialNotGranted, "`asker` has no credential slot `root`""#;
    the_hosts_header: json!({"send": get(json!({"headers": [["Host", "evil.example"]]}))})
        => r#"Refusal::BadRequest, "the header `Host` is the host's own""#;
    a_framing_header: json!({"send": post(json!({"headers": [["Transfer-Encoding", "chunked"]]}))})
        => r#"Refusal::BadRequest, "the header `Transfer-Encoding` is the host's own""#;
    a_credential_header: json!({"send": get(json!({"headers": [["X-Api-Key", "mine"]]}))})
        => r#"Refusal::BadRequest, "the header `X-Api-Key` could hold a credential: name a slot instead""#;
    a_header_with_two_lines: json!({"send": get(json!({"headers": [["accept", "a\r\nx-api-key: b"]]}))})
        => r#"Refusal::BadRequest, "the value of the header `accept` is not printable ASCII""#;
    a_body_with_a_get: json!({"send": get(json!({"body": [{"text": "x"}]}))})
        => r#"Refusal::BadRequest, "a `GET` request has no body""#;
    a_medium_of_another_call: json!({"send": post(json!({"body": [{"raw": "media://inbound/0123.jpg"}]}))})
        => r#"Refusal::UnknownMedia, "`media://inbound/0123.jpg` is not a medium of this call""#;
    a_path_as_a_medium: json!({"send": post(json!({"body": [{"base64": "/etc/passwd"}]}))})
        => r#"Refusal::UnknownMedia, "`/etc/passwd` is not a medium of this call""#;
    another_directory: json!({"ingest": {"root": "outbox", "name": "a.txt"}})
        => r#"Refusal::NoGrant, "no directory is granted as `outbox`""#;
    a_directory_that_was_not_set: json!({"ingest": {"root": "inbox", "name": "a.txt"}})
        => r#"Refusal::NoGrant, "no directory is granted as `inbox`""#;
    a_body_that_is_too_large: json!({"send": post(json!({"body": [{"fill": (16 << 20) + 1}, {"fill": 16 << 20}]}))})
        => r#"Refusal::TooLarge, "a body without its media has at most 33554432 bytes""#;
    a_fetch_elsewhere: json!({"fetch": get(json!({"url": "http://evil.example/allowed"}))})
        => r#"Refusal::NoGrant, "`asker` has no endpoint at `http://evil.example` (`api` is at `SERVER`, `other` is at `http://127.0.0.1:9`)""#;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_longer_than_its_bound() {
    let path = format!("/allowed/{}", "x".repeat(PATH_BYTES_MAX));
    let expect = format!("Refusal::TooLarge, \"a path and query has at most {PATH_BYTES_MAX} bytes\"");
    check(json!({"send": post(json!({"path": path}))}), &expect).await;
    let header = "x".repeat(REQUEST_HEADER_BYTES_MAX);
    let expect =
        format!("Refusal::TooLarge, \"the headers of a request have at most {REQUEST_HEADER_BYTES_MAX} bytes\"");
    check(json!({"send": get(json!({"headers": [["accept", header]]}))}), &expect).await;
    let expect = format!("Refusal::TooLarge, \"a wait has at most {WAIT_MS_MAX} ms\"");
    check(json!({"wait": WAIT_MS_MAX + 1}), &expect).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_that_nobody_found() {
    let wish = || json!({"send": get(json!({"credential": "account"}))});
    let missing = Slot::Missing("nothing usable: ASKER_API_KEY is not set".into());
    let expect = r#"Refusal::CredentialMissing, "nothing usable: ASKER_API_KEY is not set""#;
    check_with(|setup| setup.slot("account", missing), wish(), expect).await;
    let expect = r#"Refusal::CredentialNotGranted, "no credential was selected for slot `account`""#;
    check_with(|setup| setup, wish(), expect).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_medium_that_is_gone() {
    let media = creel_tests::rig::unstored("media://inbound/0123.jpg");
    let wish = json!({"send": post(json!({"body": [{"raw": "media://inbound/0123.jpg"}]}))});
    let expect = r#"Refusal::UnknownMedia, "not-found: `media://inbound/0123.jpg` is not stored""#;
    let (rig, server) = (Rig::new(), server().await);
    let mut setup = asker(&rig, &server);
    setup.context.media = creel_engine::MediaScope::of([media]);
    assert_eq!(asks(setup, json!([wish])).await, format!("IoError::Refused(({expect}))\n"));
    assert!(server.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_that_were_not_granted() {
    let (rig, server) = (Rig::new(), server().await);
    let manifest = rig.plugin("asker").manifest_text().replace("splice = true", "splice = false");
    let manifest = manifest.replace("store = true", "store = false");
    let plugin = rig.load(&components::with_manifest(&components::guest("asker"), Some(&manifest)));
    let medium = rig.medium(b"bytes");
    std::fs::create_dir(rig.directory().join("inbox")).expect("a directory can be made");
    let setup = rig.call_of(plugin, &json!({"baseUrl": server.base_url()}));
    let setup = setup.media([&medium]).root("inbox", &rig.directory().join("inbox"));
    let told = asks(
        setup,
        json!([
            {"send": post(json!({"body": [{"raw": medium.media.to_string()}]}))},
            {"store": "text"},
            {"fetch": get(json!({}))},
            {"ingest": {"root": "inbox", "name": "a.txt"}},
        ]),
    );
    let splice = "IoError::Refused((Refusal::NoGrant, \"plugin `asker` was not granted `media.splice`\"))\n";
    let store = splice.replace("splice", "store");
    assert_eq!(told.await, [splice, &store, &store, &store].concat());
    assert!(server.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_at_an_address_that_the_operator_did_not_name() {
    let (rig, server) = (Rig::new(), server().await);
    let port = server.address().port();
    for (host, expect) in [
        ("127.0.0.1", "`127.0.0.1` is at 127.0.0.1, a loopback address"),
        ("localhost", "`localhost` is a name of the local network"),
        ("10.1.2.3", "`10.1.2.3` is at 10.1.2.3, a private address"),
        ("[fd00::1]", "`[fd00::1]` is at fd00::1, a unique local address"),
    ] {
        let mut setup = rig.call("asker").setting("baseUrl", format!("http://{host}:{port}"));
        let grant = Arc::make_mut(&mut setup.context.grant);
        grant.endpoints.get_mut("api").expect("it is granted").may_be_private = false;
        let told = asks(setup, json!([{"send": get(json!({}))}])).await;
        let rule = format!("{expect}, and the operator did not grant this very origin");
        assert_eq!(told, format!("IoError::Refused((Refusal::PrivateAddress, \"{rule}\"))\n"));
    }
    assert!(server.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_requests_at_once_than_a_call_may_have() {
    let (rig, server) = (Rig::new(), server().await);
    let waits: Vec<Value> = (0..=REQUESTS_AT_ONCE_MAX).map(|_| json!({"wait": 1})).collect();
    let told = asks(asker(&rig, &server), json!([{"together": waits}])).await;
    let rule = format!("a call may have {REQUESTS_AT_ONCE_MAX} requests under way at once");
    let refused = format!("IoError::Refused((Refusal::BudgetSpent, \"{rule}\"))\n");
    assert_eq!(told, ["elapsed\n".repeat(REQUESTS_AT_ONCE_MAX), refused].concat());
}
