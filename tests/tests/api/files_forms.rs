//! Forms of uploads: what each dialect says of a file, and what is refused with nothing kept of it.

use serde_json::{Value, json};

use crate::door::{Door, Fakes, Got, got};
use crate::files::Form;

const VERSION: Option<&str> = Some("2023-06-01");

async fn house() -> (Fakes, Door, String) {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let alice = door.agent("alice", &["--models", "*"]);
    (fakes, door, alice)
}

/// The files that lie in the workspace of the agent.
fn lying(door: &Door) -> usize {
    let area = door.program.real_state().join("media/workspace/alice");
    std::fs::read_dir(area).map_or(0, Iterator::count)
}

fn refused(got: &Got, param: &str, words: &str) {
    let error = json!({ "error": { "message": words, "type": "invalid_request_error", "param": param, "code": null } });
    assert_eq!((got.status, got.json()), (400, error));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_file_is_for_is_told_again() {
    let (_fakes, door, alice) = house().await;
    let mut ids = Vec::new();
    // The same bytes each time: each upload is a file of its own, with its own purpose.
    for purpose in ["assistants", "batch", "fine-tune", "vision", "user_data", "evals"] {
        let file = Form::new().file("a.png", b"hello").text("purpose", purpose).send(&door, &alice, None).await.json();
        assert_eq!((&file["purpose"], &file["expires_at"]), (&json!(purpose), &Value::Null));
        ids.push((file["id"].as_str().expect("an id").to_owned(), purpose));
    }
    for (id, purpose) in &ids {
        assert_eq!(door.get(&format!("/v1/files/{id}"), &alice).await.json()["purpose"], json!(purpose));
    }
    let listed = door.get("/v1/files?order=asc", &alice).await.json();
    let listed: Vec<(&Value, &Value)> =
        listed["data"].as_array().expect("a list").iter().map(|file| (&file["id"], &file["purpose"])).collect();
    for (id, purpose) in &ids {
        assert!(listed.contains(&(&json!(id), &json!(purpose))), "{listed:?}");
    }
    assert_eq!(listed.len(), 6);
    // Anthropic's clients do not say; OpenAI's are told what fits everything.
    let got = Form::new().file("a.png", b"hello").send(&door, &alice, VERSION).await;
    assert_eq!((got.status, &got.json()["type"]), (200, &json!("file")), "{}", got.text);
    let path = format!("/v1/files/{}", got.json()["id"].as_str().expect("an id"));
    assert_eq!(door.get(&path, &alice).await.json()["purpose"], "user_data");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_kept_for_as_long_as_its_upload_says() {
    let (_fakes, door, alice) = house().await;
    let form = Form::new().text("purpose", "batch").text("expires_after[anchor]", "created_at");
    let form = form.text("expires_after[seconds]", "2592000").file("a.png", b"hello");
    let file = form.send(&door, &alice, None).await.json();
    let created = file["created_at"].as_u64().expect("seconds");
    assert_eq!(file["expires_at"], json!(created + 2_592_000));
    let id = file["id"].as_str().expect("an id").to_owned();
    assert_eq!(door.get(&format!("/v1/files/{id}"), &alice).await.json(), file);
    assert_eq!(door.get("/v1/files", &alice).await.json()["data"], json!([file]));
    // The same in Anthropic's words.
    let form = Form::new().file("a.png", b"hello").text("expires_in_seconds", "7776000");
    let file = form.send(&door, &alice, VERSION).await.json();
    let path = format!("/v1/files/{}", file["id"].as_str().expect("an id"));
    let seen = door.get(&path, &alice).await.json();
    let created = seen["created_at"].as_u64().expect("seconds");
    assert_eq!(seen["expires_at"], json!(created + 7_776_000));
    let day = |moment: &Value| moment.as_str().expect("a moment").split_once('T').expect("a day").0.to_owned();
    assert_ne!(day(&file["created_at"]), day(&file["expires_at"]), "{file}");
    assert_eq!(got(door.request("GET", &path, &alice).header("anthropic-version", "2023-06-01")).await.json(), file);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_says_what_it_must_not_is_refused_and_nothing_is_kept() {
    let (_fakes, door, alice) = house().await;
    let purposes = "`assistants`, `batch`, `fine-tune`, `vision`, `user_data`, `evals`";
    let fields = "`file`, `purpose`, `expires_after[anchor]`, `expires_after[seconds]`";
    let file = || Form::new().file("a.png", b"hello");
    let whole = || file().text("purpose", "vision");
    let anchored = || whole().text("expires_after[anchor]", "created_at");
    for (form, param, words) in [
        (whole().file("b.png", b"other"), "file", "`file` stands in the form more than once".to_owned()),
        (whole().text("purpose", "batch"), "purpose", "`purpose` stands in the form more than once".to_owned()),
        (whole().text("model", "x"), "model", format!("`model` is no field of an upload, which has {fields}")),
        (whole().text("Purpose", "x"), "Purpose", format!("`Purpose` is no field of an upload, which has {fields}")),
        (
            Form::new().text("purpose", "vision").file("a.png", b"x").text("expires_in_seconds", "3600"),
            "expires_in_seconds",
            format!("`expires_in_seconds` is no field of an upload, which has {fields}"),
        ),
        (file(), "purpose", format!("`purpose` is missing: it must be one of {purposes}")),
        (file().text("purpose", "fun"), "purpose", format!("`purpose` must be one of {purposes}, and not `fun`")),
        (file().text("purpose", &"x".repeat(1025)), "purpose", "`purpose` has more than 1024 bytes".to_owned()),
        (Form::new().text("purpose", "vision"), "file", "the form has no field `file`".to_owned()),
        (
            anchored(),
            "expires_after[seconds]",
            "`expires_after[seconds]` is missing: `expires_after[anchor]` means nothing without it".to_owned(),
        ),
        (
            whole().text("expires_after[seconds]", "3600"),
            "expires_after[anchor]",
            "`expires_after[anchor]` is missing: `expires_after[seconds]` means nothing without it".to_owned(),
        ),
        (
            anchored().text("expires_after[seconds]", "3599"),
            "expires_after[seconds]",
            "`expires_after[seconds]` must be a whole number from 3600 to 2592000, and not `3599`".to_owned(),
        ),
        (
            whole().text("expires_after[anchor]", "now"),
            "expires_after[anchor]",
            "`expires_after[anchor]` must be `created_at`, and not `now`".to_owned(),
        ),
    ] {
        refused(&form.send(&door, &alice, None).await, param, &words);
    }
    let got = whole().part("", b"x").send(&door, &alice, None).await;
    assert_eq!((got.status, &got.json()["error"]["message"]), (400, &json!("a field of the form has no name")));
    for (form, words) in [
        (whole(), "`purpose` is no field of an upload, which has `file`, `expires_in_seconds`"),
        (file().file("b.png", b"x"), "`file` stands in the form more than once"),
        (
            file().text("expires_in_seconds", "7776001"),
            "`expires_in_seconds` must be a whole number from 3600 to 7776000, and not `7776001`",
        ),
    ] {
        let got = form.send(&door, &alice, VERSION).await;
        let error = json!({ "type": "invalid_request_error", "message": words });
        assert_eq!((got.status, &got.json()["error"]), (400, &error));
    }
    assert_eq!(door.get("/v1/files", &alice).await.json()["data"], json!([]));
    assert_eq!(lying(&door), 0, "not even half of a file");
    assert_eq!(whole().send(&door, &alice, None).await.status, 200);
    assert_eq!(lying(&door), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_refused_early_may_send_its_form_to_the_end() {
    let (_fakes, door, alice) = house().await;
    let large = vec![7; 24 << 20];
    let form = Form::new().text("purpose", "fun").file("a.bin", &large);
    let purposes = "`assistants`, `batch`, `fine-tune`, `vision`, `user_data`, `evals`";
    let got = form.send(&door, &alice, None).await;
    refused(&got, "purpose", &format!("`purpose` must be one of {purposes}, and not `fun`"));
    assert_eq!(lying(&door), 0);
}
