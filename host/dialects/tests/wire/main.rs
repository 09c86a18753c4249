//! What holds for every dialect, seen from outside: no body breaks a reader, a client's own request goes on as it came, and
//! an answer is the same whether it is streamed or not. What each dialect says, word for word, is tested beside its module.

mod answers;
mod bodies;
mod listings;
mod media;
mod refusals;

use creel_dialects::{ChatCall, Dialect, Stamp, read_chat};
use serde_json::{Value, json};

/// All dialects.
const DIALECTS: [Dialect; 3] = [Dialect::OpenaiCompletions, Dialect::OpenaiResponses, Dialect::AnthropicMessages];

/// What all answers here are stamped with.
const STAMP: Stamp = Stamp { entropy: 7, created_s: 1_700_000_000 };

/// The least that each dialect takes.
fn least(dialect: Dialect) -> Value {
    match dialect {
        Dialect::OpenaiCompletions => json!({ "model": "asked", "messages": [{ "role": "user", "content": "hi" }] }),
        Dialect::OpenaiResponses => json!({ "model": "asked", "input": "hi" }),
        Dialect::AnthropicMessages => {
            json!({ "model": "asked", "max_tokens": 2000, "messages": [{ "role": "user", "content": "hi" }] })
        }
    }
}

fn read(dialect: Dialect, body: &Value) -> ChatCall {
    read_chat(dialect, body.to_string().as_bytes()).expect("the request is good")
}
