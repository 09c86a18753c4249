//! Files whose time is over. Time is moved by when they are stored: as an hour ago, for an hour, beside the daemon.

use std::time::{SystemTime, UNIX_EPOCH};

use creel_policy::ids::AgentId;
use creel_policy::media::{Area, MediaRef};
use creel_store::Store;
use creel_store::state::StateRoot;
use serde_json::{Value, json};

use crate::door::{Door, Fakes, got};

const HOUR_MS: u64 = 3_600_000;

/// A file of Alice's that was stored so long ago, to be kept for an hour.
fn stored(store: &Store, ago_ms: u64) -> MediaRef {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock past 1970");
    let now_ms = u64::try_from(now.as_millis()).expect("a moment");
    let area = Area::Workspace(AgentId::parse("alice").expect("an id"));
    let mut new = store.media_begin(area, Some("cat.png"), 1 << 20).expect("there is room");
    new.keep();
    new.purpose("vision");
    new.lasts(HOUR_MS);
    new.write(&creel_fakes::pictures::png()).expect("it is written");
    new.finish(now_ms - ago_ms).expect("it is stored").media
}

fn id_of(media: &MediaRef) -> String {
    format!("file-{}", media.id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_whose_time_is_over_is_not_found_and_goes() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let alice = door.agent("alice", &["--models", "*", "--needs", "image"]);
    let root = StateRoot::open_ambient(&door.program.real_state()).expect("a state directory");
    let store = Store::open(&root).expect("a store");
    let (ended, young) = (stored(&store, HOUR_MS), stored(&store, HOUR_MS / 2));
    let list = door.get("/v1/files", &alice).await.json();
    let listed: Vec<&Value> = list["data"].as_array().expect("a list").iter().map(|file| &file["id"]).collect();
    assert_eq!(listed, [&json!(id_of(&young))]);
    let told = &list["data"][0];
    let created = told["created_at"].as_u64().expect("seconds");
    assert_eq!((&told["expires_at"], &told["purpose"]), (&json!(created + 3_600), &json!("vision")));

    let over = format!("expired: `{ended}` was uploaded for a time that is over");
    let path = format!("/v1/files/{}", id_of(&ended));
    for (method, path) in [("GET", path.clone()), ("GET", format!("{path}/content")), ("DELETE", path.clone())] {
        let got = got(door.request(method, &path, &alice)).await;
        assert_eq!((got.status, &got.json()["error"]["message"]), (404, &json!(over)), "{method} {path}");
    }
    let ask = async |media: &MediaRef| {
        let part = json!({ "type": "image_url", "image_url": { "url": id_of(media) } });
        let messages = json!([{ "role": "user", "content": [{ "type": "text", "text": "what is it?" }, part] }]);
        door.post("/v1/chat/completions", &alice, &json!({ "model": "openai/gpt-4o-mini", "messages": messages })).await
    };
    let got = ask(&ended).await;
    assert_eq!((got.status, &got.json()["error"]["message"]), (404, &json!(over)));
    assert_eq!(fakes.openai.requests().len(), 0);
    assert_eq!(ask(&young).await.status, 200);

    // The same sweep as the daemon's hourly one; nothing else is old enough, since no age is set.
    let size = creel_fakes::pictures::png().len();
    let swept =
        |dry| json!({ "dry_run": dry, "older_than_ms": null, "media": 1, "bytes": size, "files": 0, "file_bytes": 0 });
    assert_eq!(door.program.run(&["media", "gc", "--dry-run", "--json"]).json(), swept(true));
    assert_eq!(door.program.run(&["media", "gc", "--json"]).json(), swept(false));
    assert!(!door.program.real_state().join("media/workspace/alice").join(ended.id.as_str()).exists());
    let gone = format!("expired: `{ended}` was stored and has been cleaned away");
    assert_eq!(door.get(&path, &alice).await.json()["error"]["message"], json!(gone));
    assert_eq!(door.get(&format!("/v1/files/{}", id_of(&young)), &alice).await.status, 200);
}
