//! Messages that go out, and how they fail.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::{Config, SendFailure, Sent, SentAttachment};
use super::{ACCOUNT, ALICE, ALICE_ID, GROUP, alice, call, check, listen, next, start};
use crate::pictures;

#[tokio::test]
async fn a_message_goes_out() {
    let (fake, dir) = start(|config| config).await;
    fake.receive(&alice().saying("hi")).unwrap();
    let png = STANDARD.encode(pictures::png());
    let path = dir.path().join("here.bin");
    std::fs::write(&path, b"here").unwrap();
    let attachments = json!([format!("data:image/png;filename=a%20b.png;base64,{png}"), path]);
    let params = json!({
        "account": ACCOUNT, "recipient": [ALICE_ID], "message": "Hello.", "attachments": attachments,
        "quoteTimestamp": 5, "quoteAuthor": ALICE,
    });
    let got = call("send", &params).send(&fake).await.json();
    let address = json!({"uuid": ALICE_ID, "number": ALICE});
    assert_eq!(got["result"]["results"], json!([{"recipientAddress": address, "type": "SUCCESS"}]));
    let sent = fake.wait_for_sent(1).await.unwrap();
    let [Sent { recipients, group: None, message, attachments, quote, timestamp_ms }] = &sent[..] else {
        panic!("one message to a person: {sent:?}")
    };
    assert_eq!((recipients.as_slice(), message.as_str()), (&[ALICE_ID.to_owned()][..], "Hello."));
    assert_eq!(quote, &Some((5, ALICE.to_owned())));
    assert_eq!(got["result"]["timestamp"], *timestamp_ms);
    let uri = SentAttachment {
        content_type: Some("image/png".into()),
        filename: Some("a b.png".into()),
        bytes: pictures::png(),
        was_path: false,
    };
    assert_eq!(attachments[0], uri);
    assert!(attachments[1].was_path && attachments[1].bytes == b"here");

    let got = call("send", &json!({"groupId": GROUP, "message": "All."})).send(&fake).await.json();
    assert_eq!(got["result"]["results"].as_array().unwrap().len(), 2);
    assert_eq!(fake.wait_for_sent(2).await.unwrap()[1].group.as_deref(), Some(GROUP));
}

#[tokio::test]
async fn send_refuses_what_the_daemon_refuses() {
    let to = |extra: Value| {
        let mut params = json!({"recipient": [ALICE], "message": "x"});
        params.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        params
    };
    check("send", to(json!({})), "ok").await;
    check("send", json!({"recipient": ALICE, "message": "x"}), "ok").await;
    check("send", json!({"message": "x"}), "-1 No recipients given").await;
    check("send", json!({"recipient": [], "message": "x"}), "-1 No recipients given").await;
    let empty = "-1 Sending empty message is not allowed, either a message, attachment or sticker must be given.";
    check("send", to(json!({"message": ""})), empty).await;
    check("send", to(json!({"recipient": ["Alice"]})), "-1 Invalid phone number 'Alice'").await;
    check("send", to(json!({"recipient": ["15550100002"]})), "-1 Invalid phone number '15550100002'").await;
    check("send", to(json!({"recipient": [5]})), "-32602 recipient must be a list of texts").await;
    check("send", to(json!({"groupId": GROUP})), "-32602 a message goes to people or to one group").await;
    check("send", json!({"groupId": "b3RoZXI=", "message": "x"}), "-1 Group not found: b3RoZXI=").await;
    check("send", json!({"groupId": "no base64", "message": "x"}), "-1 Invalid group id: no base64").await;
    check("send", to(json!({"body": "x"})), "-32602 unknown parameter `body`").await;
    check("send", to(json!({"account": "+15559999999"})), "-32602 Specified account does not exist").await;
    check("send", to(json!({"quoteTimestamp": 5})), "-32602 quoteTimestamp and quoteAuthor are given together").await;
    check("send", to(json!({"quoteTimestamp": "5"})), "-32602 quoteTimestamp must be a whole number").await;
    let failed = |why: &str| format!("-32603 Failed to send message: {why} (AttachmentInvalidException)");
    check("send", to(json!({"attachments": ["/no/such/file"]})), &failed("/no/such/file: no such file")).await;
    check("send", to(json!({"attachments": ["data:image/png,x"]})), &failed("a data URI that is not base64")).await;
    let bad = "data:image/png;base64,****";
    check("send", to(json!({"attachments": [bad]})), &failed("a data URI with bad base64")).await;
    check("send", to(json!({"attachments": ["data:image/png;base64,"]})), &failed("an empty attachment")).await;
}

#[tokio::test]
async fn a_send_fails_as_scripted_and_is_not_recorded() {
    let (fake, _dir) = start(|config| Config { unregistered: vec!["+15550109999".into()], ..config }).await;
    let params = json!({"recipient": [ALICE], "message": "x"});
    let failures = [
        (SendFailure::Unregistered, -1, "UNREGISTERED_FAILURE"),
        (SendFailure::Network, -1, "NETWORK_FAILURE"),
        (SendFailure::Untrusted, -4, "IDENTITY_FAILURE"),
        (SendFailure::RateLimited(Some(90)), -5, "RATE_LIMIT_FAILURE"),
    ];
    for (failure, code, kind) in failures {
        fake.fail_next_send(failure);
        let error = call("send", &params).send(&fake).await.json()["error"].clone();
        let result = &error["data"]["response"]["results"][0];
        assert_eq!((&error["code"], &result["type"]), (&json!(code), &json!(kind)));
        assert!(code != -5 || result["retryAfterSeconds"] == 90);
    }
    for (failure, code) in [(SendFailure::CaptchaRejected, -6), (SendFailure::Io("disk full".into()), -3)] {
        fake.fail_next_send(failure);
        assert_eq!(call("send", &params).send(&fake).await.json()["error"]["code"], code);
    }
    fake.fail_next_send(SendFailure::Internal("null".into()));
    assert_eq!(call("send", &params).send(&fake).await.json()["error"]["message"], "null");
    assert_eq!((fake.sent(), fake.refusals()), (vec![], vec![]));

    let got = call("send", &json!({"recipient": ["+15550109999"], "message": "x"})).send(&fake).await.json();
    assert_eq!(got["error"]["data"]["response"]["results"][0]["type"], "UNREGISTERED_FAILURE");
    let both = json!({"recipient": [ALICE, "+15550109999"], "message": "x"});
    assert!(call("send", &both).send(&fake).await.json()["error"].is_null());
}

#[tokio::test]
async fn a_held_send_was_sent_although_nobody_heard_of_it() {
    let (fake, _dir) = start(|config| config).await;
    fake.hold();
    let mut open = listen(&fake).await;
    let send = call("send", &json!({"recipient": [ALICE], "message": "x"}));
    let send = tokio::spawn(send.try_open(fake.address()));
    fake.wait_for_sent(1).await.unwrap();
    fake.wait_until_held(1).await.unwrap();
    fake.receive(&alice().saying("while you wait")).unwrap();
    next(&mut open).await;
    fake.disconnect_all();
    assert!(send.await.unwrap().is_err());
}
