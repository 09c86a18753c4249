//! A server for the asker, and calls of the asker that reach for it. What is asked for stands in the tests.

use std::path::Path;

use creel_fakes::anthropic::{Anthropic, Config};
use creel_fakes::{Answer, Recorded, Running};
use creel_tests::rig::{Rig, Setup, saying};
use serde_json::{Value, json};

/// The secret that the asker's slot holds.
pub(crate) const SECRET: &str = "sk-test-0123456789abcdefghij";

/// A server that answers what a test scripts for a path, and otherwise 404.
pub(crate) async fn server() -> Running<Anthropic> {
    Anthropic::start(Config::with_api_key("sk-ant-api03-unused")).await.expect("a port can be bound")
}

/// A call of the asker, whose `api` is at this server.
pub(crate) fn asker<'r>(rig: &'r Rig, server: &Running<Anthropic>) -> Setup<'r> {
    rig.call("asker").setting("baseUrl", server.base_url())
}

/// What became of these wishes, one line each.
pub(crate) async fn asks(setup: Setup<'_>, wishes: Value) -> String {
    setup.told(saying(&wishes.to_string())).await
}

/// The only request that came.
pub(crate) fn only(server: &Running<Anthropic>) -> Recorded {
    let requests = server.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    requests.into_iter().next().expect("there is one")
}

/// A wish for `GET /allowed` with changes.
pub(crate) fn get(changes: Value) -> Value {
    letter(json!({ "method": "GET", "endpoint": "api", "path": "/allowed" }), changes)
}

/// A wish for `POST /allowed/it` with changes.
pub(crate) fn post(changes: Value) -> Value {
    letter(json!({ "method": "POST", "endpoint": "api", "path": "/allowed/it" }), changes)
}

fn letter(mut letter: Value, changes: Value) -> Value {
    let (letter_keys, changes) = (letter.as_object_mut(), changes.as_object().cloned());
    letter_keys.expect("a letter is an object").extend(changes.expect("changes are an object"));
    letter
}

/// Lets the server answer the next request to `/allowed`.
pub(crate) fn answers(server: &Running<Anthropic>, answer: Answer) {
    server.intercept("/allowed", answer);
}

/// Lets the server answer the next request to `/allowed/it`.
pub(crate) fn answers_post(server: &Running<Anthropic>, answer: Answer) {
    server.intercept("/allowed/it", answer);
}

/// Writes a file beside the state directory.
pub(crate) fn write(directory: &Path, name: &str, bytes: &[u8]) {
    let path = directory.join(name);
    std::fs::create_dir_all(path.parent().expect("the file lies in a directory")).expect("a directory can be made");
    std::fs::write(path, bytes).expect("a file can be written");
}
