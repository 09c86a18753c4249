//! The plugin's share of a streamed answer: one SSE chunk into the plugin `anthropic`, one piece of text out. Aim: 3 µs.
//!
//! `cargo bench -p creel-tests --bench chunk`

mod cpu;

use std::sync::Arc;

use creel_engine::ChatReplay;
use creel_engine::chat::Output;
use creel_engine::io::{Command, Event, Header, RequestId, ResponseHead};
use creel_engine::types::Part;
use creel_tests::rig::{Rig, request};
use criterion::{Criterion, criterion_group, criterion_main};

/// Chunks of one completion before a fresh one is taken.
const CHUNKS: u64 = 256;

/// The events of a stream before its text, and one with text.
const BEGIN: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\
    \"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-haiku-4-5\",\"content\":[],\"stop_reason\":null,\
    \"usage\":{\"input_tokens\":10,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\
    \"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
const DELTA: &str = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":\
    {\"type\":\"text_delta\",\"text\":\" the capital of France is\"}}\n\n";

fn chunk(criterion: &mut Criterion<cpu::ThreadCpu>) {
    let rig = Rig::new();
    let plugin = rig.plugin("anthropic");
    let context = Arc::new(rig.call("anthropic").context);
    let request = request("claude-haiku-4-5", vec![Part::Text("What is the capital of France?".into())]);
    let begun = || {
        let (mut replay, step) = ChatReplay::start(&plugin, &context, request.clone()).expect("the plugin starts");
        let id = step.commands.iter().find_map(sent).expect("it sends a request");
        let content_type = Header { name: "content-type".into(), value: "text/event-stream".into() };
        let head = ResponseHead { status: 200, headers: vec![content_type] };
        let events = [Event::Head((id, head)), Event::Chunk((id, BEGIN.into()))];
        replay.resume(&events).expect("it reads the beginning");
        (replay, id)
    };
    criterion.bench_function("chunk", |bencher| {
        bencher.iter_custom(|iterations| {
            let mut taken = std::time::Duration::ZERO;
            for first in (0..iterations).step_by(usize::try_from(CHUNKS).expect("fits")) {
                let (mut replay, id) = begun();
                let from = cpu::now();
                for _ in first..iterations.min(first + CHUNKS) {
                    let step = replay.resume(&[Event::Chunk((id, DELTA.into()))]).expect("it reads the chunk");
                    assert!(matches!(step.output[..], [Output::Text(_)]));
                }
                taken += cpu::now().saturating_sub(from);
            }
            taken
        });
    });
}

fn sent(command: &Command) -> Option<RequestId> {
    match command {
        Command::Send((id, _)) => Some(*id),
        Command::FetchMedia(_)
        | Command::StoreMedia(_)
        | Command::IngestFile(_)
        | Command::Wait(_)
        | Command::Cancel(_) => None,
    }
}

criterion_group! {
    name = benches;
    config = cpu::criterion();
    targets = chunk
}
criterion_main!(benches);
