//! The near misses of Ollama's own API, with the exact words of each refusal, beside the requests that pass.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Value, json};

use super::{Config, Model, Ollama, Reply, stream_broken_by};
use crate::client::Call;
use crate::{Running, pictures};

async fn fake() -> Running<Ollama> {
    let models = vec![Model::new("glm-5:cloud", &["tools"]), Model::new("qwen3-vl", &["vision", "thinking"])];
    let models = [models, vec![Model::embedding("embeddinggemma")]].concat();
    Ollama::start(Config::new().with_models(models)).await.unwrap()
}

fn chat(changes: &Value) -> Call {
    let mut body = json!({"model": "glm-5:cloud", "messages": [{"role": "user", "content": "Hello there."}]});
    for (key, value) in changes.as_object().unwrap() {
        body[key] = value.clone();
    }
    Call::post("/api/chat", &body)
}

async fn check(call: Call, expect: &str) {
    let fake = fake().await;
    let got = call.send(&fake).await;
    let seen = if got.status == 200 { "200".to_owned() } else { got.error() };
    assert_eq!(seen, expect);
    assert_eq!(fake.refusals().len(), usize::from(got.status != 200));
}

async fn check_message(message: Value, expect: &str) {
    let talk = json!({"model": "qwen3-vl", "messages": [{"role": "user", "content": "x"}, message]});
    check(chat(&talk), expect).await;
}

#[tokio::test]
async fn it_streams_unless_told_not_to() {
    let fake = fake().await;
    let got = chat(&json!({})).send(&fake).await;
    assert_eq!(got.header("content-type"), "application/x-ndjson");
    let lines: Vec<Value> = got.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let text: String = lines.iter().map(|line| line["message"]["content"].as_str().unwrap()).collect();
    assert_eq!(text, "You said: Hello there.");
    let (last, rest) = lines.split_last().unwrap();
    assert!(rest.len() > 1 && rest.iter().all(|line| line["done"] == false));
    assert_eq!((&last["done"], &last["done_reason"]), (&json!(true), &json!("stop")));
    assert!(last["eval_count"].is_u64() && last["total_duration"].is_u64());

    let got = chat(&json!({"stream": false})).send(&fake).await;
    assert_eq!(got.header("content-type"), "application/json");
    assert_eq!(got.json()["message"]["content"], "You said: Hello there.");
    assert_eq!(fake.accepted().len(), 2);
}

#[tokio::test]
async fn a_credential_is_a_leak() {
    let leak = |name: &str| format!("401 a credential leaked to a server that needs none: `{name}`");
    check(chat(&json!({})).header("authorization", "Bearer ollama-local"), &leak("authorization")).await;
    check(chat(&json!({})).header("x-api-key", "k"), &leak("x-api-key")).await;
    check(Call::get("/api/tags").header("cookie", "a=b"), &leak("cookie")).await;
}

#[tokio::test]
async fn a_hosted_server_asks_for_its_key() {
    let fake = Ollama::start(Config::new().requiring_key("right")).await.unwrap();
    let bearer = |key: &str| chat(&json!({})).header("authorization", key);
    assert_eq!(bearer("Bearer right").send(&fake).await.status, 200);
    assert_eq!(bearer("Bearer wrong").send(&fake).await.error(), "401 unauthorized");
    assert_eq!(chat(&json!({})).send(&fake).await.error(), "401 unauthorized");
    let leak = "401 a credential leaked to a server that needs none: `x-api-key`";
    assert_eq!(bearer("Bearer right").header("x-api-key", "right").send(&fake).await.error(), leak);
}

#[tokio::test]
async fn models_are_known_by_name_and_tag() {
    check(chat(&json!({"model": "qwen3-vl"})), "200").await;
    check(chat(&json!({"model": "qwen3-vl:latest"})), "200").await;
    check(chat(&json!({"model": "qwen3-vl:8b"})), "404 model 'qwen3-vl:8b' not found").await;
    check(chat(&json!({"model": "ollama/glm-5:cloud"})), "404 model 'ollama/glm-5:cloud' not found").await;
    check(chat(&json!({"model": ""})), "400 model is required").await;
}

#[tokio::test]
async fn pictures_are_raw_base64_for_models_that_see() {
    let fake = fake().await;
    let jpeg = STANDARD.encode(pictures::jpeg());
    let send = |model: &str, images: Value| {
        let message = json!({"role": "user", "content": "What is it?", "images": images});
        chat(&json!({"model": model, "messages": [message], "stream": false}))
    };
    let got = send("qwen3-vl", json!([jpeg])).send(&fake).await;
    let sum = pictures::sha256_hex(&pictures::jpeg());
    let expect = format!("You said: What is it? I see a 640x480 JPEG, mainly orange, sha256 {sum}.");
    assert_eq!(got.json()["message"]["content"], expect);
    check(send("glm-5:cloud", json!([jpeg])), "400 this model does not support image input").await;
    let url = format!("data:image/jpeg;base64,{jpeg}");
    check(send("qwen3-vl", json!([url])), "400 illegal base64 data at input byte 4").await;
    let unpadded = STANDARD_NO_PAD.encode(&pictures::jpeg()[..100]);
    check(send("qwen3-vl", json!([unpadded])), "400 illegal base64 data at input byte 134").await;
    let text = STANDARD.encode("no picture");
    check(send("qwen3-vl", json!([text])), "400 Failed to load image or audio file").await;
    let wrong =
        "400 json: cannot unmarshal object into Go struct field ChatRequest.messages.images of type api.ImageData";
    check(send("qwen3-vl", json!([{"type": "image_url"}])), wrong).await;
}

#[tokio::test]
async fn messages_have_the_types_of_the_server() {
    let content = "400 json: cannot unmarshal array into Go struct field ChatRequest.messages.content of type string";
    check_message(json!({"role": "user", "content": [{"type": "text", "text": "x"}]}), content).await;
    check_message(json!({"role": "developer", "content": "x"}), "400 messages.1: invalid role: \"developer\"").await;
    check_message(json!({"role": "user", "content": "x", "name": "n"}), "400 unknown field `messages.1.name`").await;
    let call = |arguments: Value| json!({"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": arguments}}]});
    check_message(call(json!({"a": 1})), "200").await;
    let text = "400 json: cannot unmarshal string into Go struct field ChatRequest.messages.tool_calls.function.arguments of type api.ToolCallFunctionArguments";
    check_message(call(json!("{\"a\":1}")), text).await;
    check_message(json!({"role": "tool", "content": "x", "tool_name": "f"}), "200").await;
    check_message(json!({"role": "tool", "content": "x"}), "400 messages.1: a tool message needs its `tool_name`")
        .await;
}

#[tokio::test]
async fn requests_have_the_types_of_the_server() {
    let stream = "400 json: cannot unmarshal string into Go struct field ChatRequest.stream of type bool";
    check(chat(&json!({"stream": "false"})), stream).await;
    check(chat(&json!({"max_tokens": 5})), "400 unknown field `max_tokens`").await;
    check(chat(&json!({"options": {"temperature": 0.5}, "keep_alive": "5m"})), "200").await;
    let options =
        "400 json: cannot unmarshal array into Go struct field ChatRequest.options of type map[string]interface {}";
    check(chat(&json!({"options": []})), options).await;
    check(chat(&json!({"format": "json"})), "200").await;
    let format = "400 invalid format: \"yaml\"; expected \"json\" or a valid JSON Schema object";
    check(chat(&json!({"format": "yaml"})), format).await;
    let tool = json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]);
    check(chat(&json!({"tools": tool})), "200").await;
    let tools = "400 registry.ollama.ai/library/qwen3-vl does not support tools";
    check(chat(&json!({"tools": tool, "model": "qwen3-vl"})), tools).await;
    check(chat(&json!({"think": true, "model": "qwen3-vl"})), "200").await;
    check(chat(&json!({})).body(""), "400 missing request body").await;
    check(chat(&json!({})).without("content-type"), "415 the content-type is not `application/json`").await;
    check(chat(&json!({})).chunked(), "411 the body was sent chunked, without a content-length").await;
}

#[tokio::test]
async fn who_asks_a_model_to_think_that_cannot_is_told_so_and_is_not_at_fault() {
    let fake = fake().await;
    let got = chat(&json!({"think": "low"})).send(&fake).await;
    assert_eq!(got.error(), "400 \"glm-5:cloud\" does not support thinking");
    assert_eq!((fake.declined().len(), fake.accepted().len(), fake.refusals().len()), (1, 0, 0));
    // Whatever else is wrong is a fault, and comes first.
    let pictures = json!([{"role": "user", "content": "x", "images": [STANDARD.encode(pictures::jpeg())]}]);
    let got = chat(&json!({"think": true, "messages": pictures})).send(&fake).await;
    assert_eq!(got.error(), "400 this model does not support image input");
    let got = chat(&json!({"think": true})).header("x-api-key", "k").send(&fake).await;
    assert_eq!(got.status, 401);
    assert_eq!((fake.declined().len(), fake.accepted().len(), fake.refusals().len()), (1, 0, 2));
}

#[tokio::test]
async fn embeddings_have_their_own_models() {
    let ask = |changes: Value| {
        let mut body = json!({"model": "embeddinggemma", "input": "Hello."});
        body.as_object_mut().unwrap().append(&mut changes.as_object().unwrap().clone());
        Call::post("/api/embed", &body)
    };
    let fake = fake().await;
    let got = ask(json!({"input": ["Hello.", "Bye."], "dimensions": 4})).send(&fake).await.json();
    let vectors: Vec<Vec<f32>> = serde_json::from_value(got["embeddings"].clone()).unwrap();
    assert_eq!(vectors, [crate::openai::embedding("Hello.", 4), crate::openai::embedding("Bye.", 4)]);
    let one = ask(json!({})).send(&fake).await.json();
    assert_eq!(one["embeddings"][0].as_array().unwrap().len(), 768);
    assert_eq!(ask(json!({"input": []})).send(&fake).await.json()["embeddings"], json!([]));
    check(ask(json!({"input": [1]})), "400 invalid input type").await;
    check(ask(json!({"model": "glm-5:cloud"})), "501 this model does not support embeddings").await;
    check(ask(json!({"model": "nobody"})), "404 model 'nobody' not found").await;
    check(ask(json!({"model": ""})), "400 model is required").await;
    check(ask(json!({"prompt": "x"})), "400 unknown field `prompt`").await;
    check(chat(&json!({"model": "embeddinggemma"})), "400 \"embeddinggemma\" does not support chat").await;
    check(Call::get("/api/embed"), "405 405 method not allowed").await;
    check(Call::post("/api/show", &json!({"model": "glm-5:cloud", "verbose": true})), "200").await;
    check(Call::post("/api/show", &json!({"model": "glm-5:cloud", "verbos": true})), "400 unknown field `verbos`")
        .await;
}

#[tokio::test]
async fn the_answer_follows_its_format() {
    let fake = fake().await;
    let said = async |format: Value| {
        let got = chat(&json!({"format": format, "stream": false})).send(&fake).await.json();
        got["message"]["content"].as_str().unwrap().to_owned()
    };
    let schema = json!({"type": "object", "properties": {"said": {"type": "string"}}});
    assert_eq!(said(schema).await, "{\"said\":\"You said: Hello there.\"}");
    assert_eq!(said(json!("json")).await, "{}");
    assert_eq!(said(Value::Null).await, "You said: Hello there.");
}

#[tokio::test]
async fn tools_are_called_in_parallel() {
    let reply = Reply::tool_call("look", json!({"n": 1})).and_tool_call("look", json!({"n": 2}));
    let fake = Ollama::start(Config::new().replying(move |_| reply.clone())).await.unwrap();
    let got = chat(&json!({"stream": false})).send(&fake).await.json();
    let calls = json!([
        {"function": {"name": "look", "arguments": {"n": 1}}}, {"function": {"name": "look", "arguments": {"n": 2}}},
    ]);
    assert_eq!(got["message"]["tool_calls"], calls);
}

#[tokio::test]
async fn a_chat_without_messages_loads_the_model() {
    let fake = fake().await;
    let got = chat(&json!({"messages": []})).send(&fake).await.json();
    assert_eq!((&got["done_reason"], &got["message"]["content"]), (&json!("load"), &json!("")));
}

#[tokio::test]
async fn the_other_routes_answer() {
    let fake = fake().await;
    let tags = Call::get("/api/tags").send(&fake).await.json();
    assert_eq!(tags["models"][1]["name"], "qwen3-vl:latest");
    assert!(Call::get("/api/version").send(&fake).await.json()["version"].is_string());
    let show = Call::post("/api/show", &json!({"model": "qwen3-vl"})).send(&fake).await.json();
    assert_eq!(show["capabilities"], json!(["completion", "vision", "thinking"]));
    check(Call::post("/api/show", &json!({"model": "nobody"})), "404 model 'nobody' not found").await;
    check(Call::post("/api/show", &json!({})), "400 model is required").await;
    check(Call::get("/api/chat"), "405 405 method not allowed").await;
    check(Call::get("/api/chats"), "404 404 page not found").await;
}

#[tokio::test]
async fn replies_can_think_call_tools_and_break() {
    let config = Config::new().replying(|_| Reply::tool_call("look", json!({"where": "here"})).after_thinking("hm hm"));
    let fake = Ollama::start(config).await.unwrap();
    let got = chat(&json!({})).send(&fake).await;
    let lines: Vec<Value> = got.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["message"]["thinking"], "hm ");
    let call = json!([{"function": {"name": "look", "arguments": {"where": "here"}}}]);
    assert_eq!(lines[2]["message"]["tool_calls"], call);
    let request = fake.accepted().remove(0);
    fake.script(stream_broken_by(
        &request,
        &Reply::text("one two"),
        1,
        "an error was encountered while running the model",
    ));
    let got = chat(&json!({})).send(&fake).await;
    assert_eq!(got.status, 200);
    let last: Value = serde_json::from_str(got.body.lines().last().unwrap()).unwrap();
    assert_eq!(last, json!({"error": "an error was encountered while running the model"}));
}
