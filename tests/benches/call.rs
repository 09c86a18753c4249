//! A whole call over loopback: a fresh instance of the plugin `anthropic`, its request, and a streamed answer of twenty
//! chunks. `direct` is the same exchange by the HTTP client alone; what lies between is the price of the sandbox.
//!
//! `cargo bench -p creel-tests --bench call`

mod upstream;

use creel_engine::chat::{ChatRequest, Output};
use creel_engine::types::Part;
use creel_tests::rig::{Rig, injectable, request};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::json;

fn call(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let base = format!("http://{}", upstream::start());
    let rig = Rig::new();
    let plugin = rig.plugin("anthropic");
    let asked = request("claude-haiku-4-5", vec![Part::Text("What is the capital of France?".into())]);
    // A host holds its secrets from call to call, with what finds them in answers.
    let key = injectable("sk-ant-api03-0123456789abcdef0123456789abcdef");
    criterion.bench_function("call", |bencher| {
        bencher.iter(|| {
            let setup = rig.call_of(plugin.clone(), &json!({ "baseUrl": base }));
            let setup = setup.held_credential("account", 0, &key);
            runtime.block_on(async { deltas(setup, asked.clone()).await })
        });
    });
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let body = r#"{"model":"claude-haiku-4-5","max_tokens":1024,"stream":true,"messages":[{"role":"user","content":[{"type":"text","text":"What is the capital of France?"}]}]}"#;
    criterion.bench_function("direct", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let sending = client.post(format!("{base}/v1/messages")).body(body);
                let mut response = sending.send().await.expect("an answer");
                let mut chunks = 0;
                while response.chunk().await.expect("a sound answer").is_some() {
                    chunks += 1;
                }
                chunks
            })
        });
    });
}

async fn deltas(setup: creel_tests::rig::Setup<'_>, asked: ChatRequest) {
    let mut call = setup.start(asked).await.expect("the call starts");
    let mut texts = 0;
    while let Some(output) = call.next().await.expect("the call goes on") {
        texts += usize::from(matches!(output, Output::Text(_)));
    }
    assert!(texts > 0 && texts <= upstream::CHUNKS);
}

criterion_group!(benches, call);
criterion_main!(benches);
