//! A medium on its way into a request body, from the store to the pieces that are handed to the HTTP client: as base64,
//! and as it is. Bytes are those of the medium. The aim is a gigabyte a second of one core.
//!
//! `cargo bench -p creel-tests --bench splice`

use creel_engine::{Form, spliced};
use creel_tests::rig::Rig;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures_util::TryStreamExt as _;

/// Bytes of the medium.
const BYTES: usize = 64 << 20;

fn splice(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let rig = Rig::new();
    let bytes: Vec<u8> = (0..BYTES).map(|index| u8::try_from(index * 31 % 251).unwrap_or_default()).collect();
    let medium = rig.medium(&bytes);
    drop(bytes);
    let mut group = criterion.benchmark_group("splice");
    group.throughput(Throughput::Bytes(BYTES as u64)).sample_size(20);
    for (name, form, length) in [("base64", Form::Base64, BYTES.div_ceil(3) * 4), ("raw", Form::Raw, BYTES)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let sent = spliced(&rig.store, &medium, form)
                    .try_fold(0, |sum, piece| std::future::ready(Ok(sum + piece.len())));
                assert_eq!(runtime.block_on(sent).expect("it reads"), length);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, splice);
criterion_main!(benches);
