//! Files of agents: media of their own workspace, found by nobody else.

use serde_json::{Value, json};

use crate::door::{Door, Fakes, Got, got};

const GPT: &str = "openai/gpt-4o-mini";

/// A form, written by hand: the client library of the tests has none.
pub(crate) struct Form(Vec<u8>);

const BOUNDARY: &str = "b0undary";

impl Form {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn text(self, name: &str, value: &str) -> Self {
        self.part(&format!("; name=\"{name}\""), value.as_bytes())
    }

    pub(crate) fn file(self, name: &str, bytes: &[u8]) -> Self {
        self.part(&format!("; name=\"file\"; filename=\"{name}\"\r\nContent-Type: image/png"), bytes)
    }

    /// A field with this behind `form-data`.
    pub(crate) fn part(mut self, head: &str, bytes: &[u8]) -> Self {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data{head}\r\n\r\n");
        self.0.extend_from_slice(head.as_bytes());
        self.0.extend_from_slice(bytes);
        self.0.extend_from_slice(b"\r\n");
        self
    }

    /// Sends it; with `version`, as a client of Anthropic's.
    pub(crate) async fn send(mut self, door: &Door, token: &str, version: Option<&str>) -> Got {
        self.0.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        let request = door.request("POST", "/v1/files", token).header("content-type", content_type);
        let request =
            version.into_iter().fold(request, |request, version| request.header("anthropic-version", version));
        got(request.body(self.0)).await
    }
}

async fn upload(door: &Door, token: &str, name: &str, bytes: &[u8]) -> Got {
    Form::new().text("purpose", "vision").file(name, bytes).send(door, token, None).await
}

fn asking(file: &Value) -> Value {
    json!({ "model": GPT, "messages": [{ "role": "user", "content": [
        { "type": "text", "text": "what is it?" }, file ] }] })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_uploaded_file_is_a_medium_and_its_owners_alone() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let alice = door.agent("alice", &["--models", "*", "--needs", "image,document"]);
    let bob = door.agent("bob", &["--models", "*", "--needs", "image,document"]);
    let picture = creel_fakes::pictures::png();
    let uploaded = upload(&door, &alice, "cat.png", &picture).await;
    assert_eq!(uploaded.status, 200, "{}", uploaded.text);
    let file = uploaded.json();
    assert_eq!(
        (&file["object"], &file["filename"], &file["bytes"]),
        (&json!("file"), &json!("cat.png"), &json!(picture.len()))
    );
    let id = file["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/files/{id}");

    // By its id, by its handle, and in the words of every dialect.
    let handle = format!("media://workspace/alice/{}", id.strip_prefix("file-").expect("a prefix"));
    let sha256 = creel_fakes::pictures::sha256_hex(&picture);
    for part in [
        json!({ "type": "image_url", "image_url": { "url": handle } }),
        json!({ "type": "image_url", "image_url": handle }),
    ] {
        let got = door.post("/v1/chat/completions", &alice, &asking(&part)).await;
        assert_eq!(got.status, 200, "{}", got.text);
        assert!(got.content().contains(&sha256), "{}", got.text);
        let got = door.post("/v1/chat/completions", &bob, &asking(&part)).await;
        assert_eq!(got.status, 404, "somebody else's is not there: {}", got.text);
    }
    let body = json!({ "model": "anthropic/claude-haiku-4-5", "max_tokens": 50, "messages": [{ "role": "user", "content": [
        { "type": "image", "source": { "type": "file", "file_id": id } }, { "type": "text", "text": "what is it?" } ] }] });
    let got = door.post("/v1/messages", &alice, &body).await;
    assert_eq!(got.status, 200, "{}", got.text);
    assert!(got.text.contains(&sha256), "{}", got.text);
    let never = body.to_string().replace(&id, "file-0123456789abcdef0123456789abcdef.png");
    let of_nobody = got_text(&door, &alice, never).await;
    let of_another = got_text(&door, &bob, body.to_string()).await;
    assert_eq!((of_nobody.0, of_another.0), (404, 404), "{} {}", of_nobody.1, of_another.1);

    assert_eq!(door.get(&path, &alice).await.json()["id"], json!(id));
    let content = door.request("GET", &format!("{path}/content"), &alice).send().await.expect("an answer");
    assert_eq!(content.headers()["content-type"], "image/png");
    assert_eq!(content.bytes().await.expect("bytes"), picture);
    for path in [path.clone(), format!("{path}/content")] {
        let got = door.get(&path, &bob).await;
        assert_eq!(got.status, 404, "{}", got.text);
    }
    assert_eq!(door.get("/v1/files", &bob).await.json()["data"], json!([]));
    assert_eq!(door.get("/v1/files", &alice).await.json()["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(crate::door::got(door.request("DELETE", &path, &bob)).await.status, 404);
    assert_eq!(crate::door::got(door.request("DELETE", &path, &alice)).await.json()["deleted"], true);
    assert_eq!(door.get(&path, &alice).await.status, 404);
}

async fn got_text(door: &Door, token: &str, body: String) -> (u16, String) {
    let got = got(door.request("POST", "/v1/messages", token).body(body)).await;
    (got.status, got.text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_learns_nothing_of_this_machine_by_naming_files() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.usual_agent();
    let stored = door.program.beside("secret.png");
    std::fs::write(&stored, creel_fakes::pictures::png()).expect("written");
    let state = door.program.real_state();
    for reference in [
        stored.display().to_string(),
        format!("file://{}", stored.display()),
        "/etc/passwd".to_owned(),
        "~/.creel/creel.json5".to_owned(),
        "../../creel.json5".to_owned(),
        "media://workspace/other/0123456789abcdef0123456789abcdef.png".to_owned(),
        "media://inbound/0123456789abcdef0123456789abcdef.png".to_owned(),
        "media/inbound/0123456789abcdef0123456789abcdef.png".to_owned(),
        "pictures/none.png".to_owned(),
        "http://127.0.0.1:1/x.png".to_owned(),
        "http://169.254.169.254/latest/meta-data".to_owned(),
    ] {
        let got = door
            .post(
                "/v1/chat/completions",
                &token,
                &asking(&json!({ "type": "image_url", "image_url": { "url": reference } })),
            )
            .await;
        assert!(matches!(got.status, 400 | 404), "{reference}: {} {}", got.status, got.text);
        assert!(!got.text.contains(&state.display().to_string()), "{reference}: {}", got.text);
        assert_eq!(got.json()["error"]["param"], "messages[0].content[1].image_url.url", "{}", got.text);
    }
    assert_eq!(fakes.openai.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_told_in_the_dialect_of_whoever_asks() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.usual_agent();
    let picture = creel_fakes::pictures::png();
    let id = upload(&door, &token, "cat.png", &picture).await.json()["id"].clone();
    let path = format!("/v1/files/{}", id.as_str().expect("an id"));
    let ask = async |method: &str, path: &str| {
        got(door.request(method, path, &token).header("anthropic-version", "2023-06-01")).await.json()
    };
    let file = ask("GET", &path).await;
    assert_eq!((&file["type"], &file["id"], &file["object"]), (&json!("file"), &id, &Value::Null), "{file}");
    assert_eq!(
        (&file["filename"], &file["mime_type"], &file["size_bytes"]),
        (&json!("cat.png"), &json!("image/png"), &json!(picture.len()))
    );
    let list = json!({ "data": [file], "has_more": false, "first_id": id, "last_id": id, "next_page": null });
    assert_eq!(ask("GET", "/v1/files").await, list);
    assert_eq!(ask("DELETE", &path).await, json!({ "type": "file_deleted", "id": id }));
}
