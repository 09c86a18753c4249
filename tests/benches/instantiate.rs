//! A fresh instance: the smallest guest is instantiated and answers in its `start`, and is dropped again.
//!
//! `cargo bench -p creel-tests --bench instantiate`

mod cpu;

use std::sync::Arc;

use creel_engine::ChatReplay;
use creel_tests::rig::{Rig, saying};
use criterion::{Criterion, criterion_group, criterion_main};

fn instantiate(criterion: &mut Criterion<cpu::ThreadCpu>) {
    let rig = Rig::new();
    let plugin = rig.plugin("trap");
    let context = Arc::new(rig.call("trap").context);
    let request = saying("hello");
    criterion.bench_function("instantiate", |bencher| {
        bencher.iter(|| ChatReplay::start(&plugin, &context, request.clone()).expect("the guest answers"));
    });
}

criterion_group! {
    name = benches;
    config = cpu::criterion();
    targets = instantiate
}
criterion_main!(benches);
