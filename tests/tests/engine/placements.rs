//! A credential goes where its manifest says, to its own server and nowhere else: what the server received, letter by
//! letter, and signatures computed here a second time. Attacks 25, 64 to 67, 71, 81, 89 to 91, 99, 101, 102, 175.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use creel_fakes::anthropic::Anthropic;
use creel_fakes::{Answer, Running};
use creel_tests::components;
use creel_tests::rig::{NOW_MS, Rig, Setup};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::upstream::{SECRET, answers, answers_post, asks, get, only, post, server};

const TOKEN: &str = "123456:AAH-secret_part~of.it";
const AWS: &str = "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY:session/token+0123456789";

/// A call of the asker whose first class goes to this place.
fn placed<'r>(rig: &'r Rig, server: &Running<Anthropic>, place: &str) -> Setup<'r> {
    let manifest = rig.plugin("asker").manifest_text().replace("{ header = \"x-api-key\" }", place);
    let plugin = rig.load(&components::with_manifest(&components::guest("asker"), Some(&manifest)));
    rig.call_of(plugin, &json!({})).setting("baseUrl", server.base_url())
}

fn wish(changes: Value) -> Value {
    let mut wish = get(json!({"credential": "account"}));
    wish.as_object_mut().expect("an object").extend(changes.as_object().cloned().expect("an object"));
    json!({ "send": wish })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 2104, written out.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::new().chain_update(block.map(|b| b ^ 0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(block.map(|b| b ^ 0x5c)).chain_update(inner).finalize().to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parameter_is_added_each_time_and_told_to_nobody() {
    let (rig, server) = (Rig::new(), server().await);
    let key = "k/1+2&3=4%5#6 secret";
    let setup = placed(&rig, &server, "{ query = \"key\" }").credential("account", 0, key);
    let records = setup.records();
    for _ in 0..2 {
        answers(&server, Answer::text(200, "text/plain", format!("you sent {key} k%2F1%2B2%263%3D4%255%236%20secret")));
    }
    let told = asks(setup, json!([wish(json!({"path": "/allowed?alt=sse"})), wish(json!({}))])).await;
    assert_eq!(told, "200: you sent [redacted] [redacted]\n".repeat(2));
    let queries: Vec<_> = server.requests().iter().map(|one| one.query.clone().unwrap_or_default()).collect();
    let sent = "key=k%2F1%2B2%263%3D4%255%236%20secret";
    assert_eq!(queries, [format!("alt=sse&{sent}"), sent.to_owned()]);
    let records = records.all();
    assert!(!format!("{records:?}").contains("secret"), "{records:?}");
    assert_eq!(records[0].target, format!("{}/allowed", server.base_url()));
    assert_eq!(records[0].credential.as_deref(), Some("account"));
    // Attack 175: nor when nobody answers.
    server.stop().await;
    let setup = placed(&rig, &server, "{ query = \"key\" }").credential("account", 0, key);
    let told = asks(setup, json!([wish(json!({}))])).await;
    assert!(
        told.starts_with("IoError::Unreachable(") && !told.contains("secret") && !told.contains("allowed"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_in_the_path_stands_before_the_plugins_path() {
    let (rig, server) = (Rig::new(), server().await);
    let setup = || placed(&rig, &server, "{ path = \"/bot{credential}\" }").credential("account", 0, TOKEN);
    let path = format!("/bot{TOKEN}/allowed");
    server.intercept(&path, Answer::text(200, "text/plain", format!("no {TOKEN} here")));
    let call = setup();
    let records = call.records();
    let told = asks(call, json!([wish(json!({"path": "/allowed?x=%2f"}))])).await;
    assert_eq!(told, "200: no [redacted] here\n");
    let request = only(&server);
    assert_eq!((request.path.as_str(), request.query.as_deref()), (path.as_str(), Some("x=%2f")));
    assert!(!format!("{:?}", records.all()).contains("AAH"), "{:?}", records.all());
    // Without the slot there is no prefix either.
    answers(&server, Answer::status(200));
    asks(setup(), json!([{ "send": get(json!({})) }])).await;
    assert_eq!(server.requests()[1].path, "/allowed");
    // A server sends the value on to nobody.
    for location in ["/allowed".to_owned(), format!("/bot{TOKEN}/allowed"), "http://127.0.0.1:9/allowed".to_owned()] {
        server.intercept(&path, Answer::status(302).header("location", &location));
        let told = asks(setup(), json!([wish(json!({}))])).await;
        assert!(told.starts_with("IoError::Refused((Refusal::RedirectLeftGrant, ") && !told.contains("AAH"), "{told}");
    }
    assert_eq!(server.requests().len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_and_password_are_masked_in_each_form() {
    let (rig, server) = (Rig::new(), server().await);
    for (place, value, plain) in [
        ("{ basic = {} }", "Aladdin:open sesame please", "Aladdin:open sesame please"),
        ("{ basic = { user = \"bot\" } }", SECRET, "bot:sk-test-0123456789abcdefghij"),
    ] {
        let encoded = STANDARD.encode(plain);
        let password = plain.split_once(':').map(|(_, password)| password).expect("a password");
        answers(&server, Answer::text(200, "text/plain", format!("<{encoded}> <{password}>")).in_chunks_of(7));
        let told = asks(placed(&rig, &server, place).credential("account", 0, value), json!([wish(json!({}))])).await;
        assert_eq!(told, "200: <[redacted]> <[redacted]>\n");
        let requests = server.requests();
        let sent = requests.last().and_then(|request| request.header("authorization")).map(str::to_owned);
        assert_eq!(sent, Some(format!("Basic {encoded}")));
    }
}

const HMAC: &str = "{ sign = \"hmac-sha256\", header = \"x-sig\", prefix = \"v1=\", id = \"x-id\", separator = \".\", \
    over = [\"method\", \"path-and-query\", \"timestamp\", \"id\", \"body\"], timestamp = { header = \"x-time\" } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hmac_covers_a_body_with_media_and_each_redirect_anew() {
    let (rig, server) = (Rig::new(), server().await);
    let medium = rig.medium(&vec![7_u8; 500_000]);
    let uri = medium.media.to_string();
    answers_post(&server, Answer::status(307).header("location", "/allowed/it?again=1"));
    answers_post(&server, Answer::status(200));
    let setup = placed(&rig, &server, HMAC).credential("account", 0, "key-1:signing-secret-value").media([&medium]);
    let letter = post(json!({"credential": "account", "body": [{"text": "a"}, {"base64": uri}, {"raw": uri}]}));
    assert_eq!(asks(setup, json!([{ "send": letter }])).await, "200: \n");
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    for (request, path) in requests.iter().zip(["/allowed/it", "/allowed/it?again=1"]) {
        let time = (NOW_MS / 1_000).to_string();
        let text = [format!("POST.{path}.{time}.key-1.").as_bytes(), &request.body].concat();
        let expect = format!("v1={}", hex(&hmac(b"signing-secret-value", &text)));
        assert_eq!(request.header("x-sig"), Some(expect.as_str()));
        assert_eq!((request.header("x-time"), request.header("x-id")), (Some(time.as_str()), Some("key-1")));
        assert!(!request.contains("signing-secret-value"));
    }
}

/// AWS Signature Version 4, written out from its documentation for one request.
fn aws_signature(request: &creel_fakes::Recorded, path: &str, host: &str) -> String {
    let date = "20231114T221320Z";
    let token = "session/token+0123456789";
    let signed = "content-type;host;x-amz-date;x-amz-security-token";
    let body = hex(&Sha256::digest(&request.body));
    let canonical = format!(
        "POST\n{path}\n\ncontent-type:application/json\nhost:{host}\nx-amz-date:{date}\nx-amz-security-token:{token}\n\n\
         {signed}\n{body}"
    );
    let scope = "20231114/eu-west-1/bedrock/aws4_request";
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let steps = ["20231114", "eu-west-1", "bedrock", "aws4_request"];
    let key = steps
        .iter()
        .fold(b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_vec(), |key, step| hmac(&key, step.as_bytes()));
    let signature = hex(&hmac(&key, text.as_bytes()));
    format!("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders={signed}, Signature={signature}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_to_aws_is_signed_with_its_media_and_session() {
    let (rig, server) = (Rig::new(), server().await);
    let place = "{ sign = \"aws-sigv4\", service = \"bedrock\", region = { setting = \"region\" } }";
    let medium = rig.medium(&vec![9_u8; 400_001]);
    let path = "/allowed/model-v1%3A0";
    server.intercept(
        path,
        Answer::text(200, "text/plain", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY session/token+0123456789"),
    );
    let setup = placed(&rig, &server, place).setting("region", "eu-west-1").credential("account", 0, AWS);
    let letter = post(json!({"credential": "account", "path": path, "headers": [["Content-Type", "application/json"]],
        "body": [{"text": "{"}, {"base64": medium.media.to_string()}]}));
    assert_eq!(asks(setup.media([&medium]), json!([{ "send": letter }])).await, "200: [redacted] [redacted]\n");
    let request = only(&server);
    let host = server.address().to_string();
    let expect = aws_signature(&request, "/allowed/model-v1%253A0", &host);
    assert_eq!(request.header("authorization"), Some(expect.as_str()));
    assert_eq!(request.header("x-amz-security-token"), Some("session/token+0123456789"));
    assert!(!request.contains("wJalrXUtnFEMI"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_follows_no_redirect_to_another_server() {
    for (place, value) in [
        ("{ query = \"key\" }", SECRET),
        ("{ basic = { user = \"bot\" } }", SECRET),
        (HMAC, "key-1:signing-secret-value"),
        ("{ sign = \"aws-sigv4\", service = \"s3\", region = \"x\", payload = \"unsigned\" }", AWS),
    ] {
        let (rig, one, other) = (Rig::new(), server().await, server().await);
        answers(&one, Answer::status(302).header("location", &format!("{}/allowed", other.base_url())));
        answers(&other, Answer::status(200));
        let setup = placed(&rig, &one, place).setting("otherUrl", other.base_url()).credential("account", 0, value);
        let setup = setup.header("api", "x-team", Ok("blue-team-value"));
        assert_eq!(asks(setup, json!([wish(json!({}))])).await, "200: \n");
        assert_eq!(only(&one).header("x-team"), Some("blue-team-value"));
        let request = only(&other);
        assert_eq!(request.query, None, "{place}");
        for name in ["authorization", "x-sig", "x-id", "x-time", "x-amz-date", "x-amz-security-token", "x-team"] {
            assert_eq!(request.header(name), None, "{place}: {name}");
        }
        // A server that repeats the secret has it carried nowhere.
        let echo = format!("{}/allowed?x={}", other.base_url(), STANDARD.encode(value));
        answers(&one, Answer::status(302).header("location", &echo));
        let setup = placed(&rig, &one, place).setting("otherUrl", other.base_url()).credential("account", 0, value);
        let told = asks(setup, json!([wish(json!({}))])).await;
        let rule = "the target of the redirect holds a credential of the call";
        assert_eq!(told, format!("IoError::Refused((Refusal::RedirectLeftGrant, \"{rule}\"))\n"));
        assert_eq!(other.requests().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_at_once_do_not_mix_their_credentials() {
    let (rig, server) = (Rig::new(), server().await);
    let keys: Vec<String> = (0..6).map(|at| format!("sk-concurrent-{at}-0123456789")).collect();
    let calls = keys.iter().map(|key| {
        (0..3).for_each(|_| answers(&server, Answer::status(200)));
        let wishes = [wish(json!({})), wish(json!({})), wish(json!({}))];
        asks(
            placed(&rig, &server, "{ query = \"key\" }").credential("account", 0, key),
            json!([{ "together": wishes }]),
        )
    });
    for told in futures(calls).await {
        assert_eq!(told, "200: \n".repeat(3));
    }
    let mut sent: Vec<_> = server.requests().into_iter().filter_map(|request| request.query).collect();
    sent.sort();
    let expect: Vec<String> = keys.iter().flat_map(|key| std::iter::repeat_n(format!("key={key}"), 3)).collect();
    assert_eq!(sent, expect);
}

/// Runs all at once on one task.
async fn futures<T>(work: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut work: Vec<_> = work.map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        for (one, done) in &mut work {
            if done.is_none()
                && let std::task::Poll::Ready(value) = one.as_mut().poll(context)
            {
                *done = Some(value);
            }
        }
        let is_done = work.iter().all(|(_, done)| done.is_some());
        if is_done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    work.into_iter().filter_map(|(_, done)| done).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_of_the_operator_go_to_the_entrys_server_alone() {
    let (rig, one, other) = (Rig::new(), server().await, server().await);
    let setup = || {
        let setup = rig.call("asker").setting("baseUrl", one.base_url()).setting("otherUrl", other.base_url());
        setup.header("api", "x-team", Ok("blue-team-value")).header("api", "accept", Ok("text/operator"))
    };
    answers(&one, Answer::text(200, "text/plain", "for blue-team-value"));
    answers(&other, Answer::status(200));
    let accept = json!({"headers": [["Accept", "text/plugin"]]});
    let elsewhere = json!({"endpoint": "other", "headers": [["Accept", "text/plugin"]]});
    let told = asks(setup(), json!([{ "send": get(accept) }, { "send": get(elsewhere) }])).await;
    assert_eq!(told, "200: for [redacted]\n200: \n");
    let (first, second) = (only(&one), only(&other));
    assert_eq!((first.header("x-team"), first.header("accept")), (Some("blue-team-value"), Some("text/operator")));
    assert_eq!((second.header("x-team"), second.header("accept")), (None, Some("text/plugin")));
    // A value that is not there fails the call and names its key; another server is not concerned.
    let why = "the header `models.providers.p.headers.x-org` (env:ORG) is not set";
    answers(&other, Answer::status(200));
    let wishes = json!([{ "send": get(json!({})) }, { "send": get(json!({"endpoint": "other"})) }]);
    let told = asks(setup().header("api", "x-org", Err(why)), wishes).await;
    assert_eq!(told, format!("IoError::Refused((Refusal::CredentialMissing, \"{why}\"))\n200: \n"));
    assert_eq!(one.requests().len(), 1);
}
