//! The plugin's share of a call's beginning: a fresh instance of the plugin `anthropic`, and its request encoded.
//! Aim: 15 µs.
//!
//! `cargo bench -p creel-tests --bench start`

mod cpu;

use std::sync::Arc;

use creel_engine::ChatReplay;
use creel_engine::types::Part;
use creel_tests::rig::{Rig, request};
use criterion::{Criterion, criterion_group, criterion_main};

fn start(criterion: &mut Criterion<cpu::ThreadCpu>) {
    let rig = Rig::new();
    let plugin = rig.plugin("anthropic");
    let context = Arc::new(rig.call("anthropic").context);
    let request = request("claude-haiku-4-5", vec![Part::Text("What is the capital of France?".into())]);
    criterion.bench_function("start", |bencher| {
        bencher.iter(|| {
            let (replay, step) = ChatReplay::start(&plugin, &context, request.clone()).expect("the plugin starts");
            assert_eq!(step.commands.len(), 1);
            (replay, step)
        });
    });
}

criterion_group! {
    name = benches;
    config = cpu::criterion();
    targets = start
}
criterion_main!(benches);
