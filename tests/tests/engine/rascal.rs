//! A plugin that keeps to none of the rules, at whatever point of its life. The numbers are those of the list of attacks.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use creel_engine::{CallEnd, Fault};
use creel_policy::limits::{
    CALL_MS_MAX, LIVE_CALLS_PER_PLUGIN_MAX, MEMORY_BYTES_MAX, STEP_OUTPUT_BYTES_MAX, WAIT_MS_MAX,
};
use creel_tests::components::{guest, with_module};
use creel_tests::rig::{Rig, saying};
use serde_json::json;
use wasm_encoder::{
    BlockType, CodeSection, Function, FunctionSection, MemorySection, MemoryType, Module, StartSection, TypeSection,
};

use crate::upstream::server;

async fn told(word: &str) -> String {
    Rig::new().call("rascal").told(saying(word)).await
}

/// The call ends so, and the next one is as if nothing had been.
async fn check(word: &str, expect: &str) {
    assert_eq!(told(word).await, expect, "{word}");
    assert_eq!(told("hello").await, "well behaved", "after {word}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_is_stopped_wherever_it_is() {
    // 126.
    let stopped = format!("fault: plugin `rascal` was stopped after {CALL_MS_MAX} ms inside one call");
    check("loop-in-start", &stopped).await;
    check("loop-in-resume", &stopped).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destructor_is_never_run() {
    // 126: what the plugin would do when it is dropped is not waited for, because it does not happen.
    let rig = Rig::alone();
    let plugin = rig.plugin("rascal");
    let call = || rig.call_of(plugin.clone(), &json!({}));
    assert_eq!(call().told(saying("loop-in-destructor")).await, "the end");
    assert_eq!(rig.engine.live_calls(), 0);
    let held = call().start(saying("loop-in-destructor-held")).await.expect("it starts");
    assert_eq!(rig.engine.live_calls(), 1);
    drop(held);
    assert_eq!(rig.engine.live_calls(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recursion_ends_in_a_trap() {
    // 130: the stack of a Rust plugin lies at the bottom of its memory.
    check("recursion", "fault: plugin `rascal` trapped: wasm trap: out of bounds memory access").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trap_in_the_midst_is_named_and_leaves_nothing_behind() {
    // 146.
    check("trap-in-resume", "fault: plugin `rascal` trapped: as it was asked to").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_output_without_text_is_a_flood() {
    // 139, 141.
    let what = "the output of one step is larger than";
    check("flood", &format!("fault: plugin `rascal` was stopped: {what} {STEP_OUTPUT_BYTES_MAX}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_of_nothing_but_headers_is_refused() {
    // 139: the plugin goes on with the refusal.
    check("headers", "resumed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handles_are_bounded() {
    let expect = "fault: plugin `rascal` trapped: cannot allocate another handle: store handle limit exceeded";
    check("handles", expect).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_given_again_after_it_was_refused() {
    // 129.
    check("retry", "refused\ngot it\nrefused\ngot it\n").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_asks_for_at_its_end_is_not_done() {
    // 141.
    let (rig, server) = (Rig::new(), server().await);
    let setup = rig.call("rascal").setting("baseUrl", server.base_url());
    let records = setup.records();
    let mut call = setup.start(saying("after-the-end")).await.expect("it starts");
    let mut outputs = 0;
    while let Some(_output) = call.next().await.expect("it ends well") {
        outputs += 1;
    }
    assert_eq!(outputs, 2);
    assert!(call.next().await.is_ok_and(|output| output.is_none()), "the end is the end");
    assert!(server.requests().is_empty() && records.all().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_protocol_is_kept_or_the_call_is_over() {
    check("same-id", "fault: plugin `rascal` broke the protocol: a request id is used once in a call").await;
    check("stuck", "fault: plugin `rascal` is stuck: it neither finished nor left a command under way").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_finds_nothing_that_another_left() {
    // 147.
    for _ in 0..3 {
        assert_eq!(told("leave").await, "");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_dropped_gives_its_place_back() {
    // 144, 145: in a wait, in a request that nobody answers, and before it has begun.
    let (rig, server) = (Rig::alone(), server().await);
    let gate = creel_fakes::Gate::closed();
    crate::upstream::answers(&server, creel_fakes::Answer::text(200, "text/plain", "late").pause_before(0, &gate));
    let asker = rig.plugin("asker");
    let call = |wish: serde_json::Value| {
        let setup = rig.call_of(asker.clone(), &json!({"baseUrl": server.base_url()}));
        setup.start(saying(&json!([wish]).to_string()))
    };
    drop(call(json!({"wait": WAIT_MS_MAX})));
    assert_eq!(rig.engine.live_calls(), 0);
    for wish in [json!({"wait": WAIT_MS_MAX}), json!({"send": crate::upstream::get(json!({}))})] {
        let mut started = call(wish).await.expect("it starts");
        assert!(is_pending(Box::pin(started.next()).as_mut()).await);
        assert_eq!(rig.engine.live_calls(), 1);
        drop(started);
        assert_eq!(rig.engine.live_calls(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_slow_calls_hold_up_no_other_plugin() {
    // 134.
    let rig = Rig::alone();
    let (slow, fast) = (rig.plugin("rascal"), rig.plugin("trap"));
    let slow_call = || rig.call_of(slow.clone(), &json!({})).start(saying("held"));
    let mut held = Vec::new();
    for _ in 0..LIVE_CALLS_PER_PLUGIN_MAX {
        held.push(slow_call().await.expect("there is a place"));
    }
    let mut one_more = Box::pin(slow_call());
    assert!(is_pending(one_more.as_mut()).await, "the slow plugin has no place left");
    for _ in 0..100 {
        assert_eq!(rig.call_of(fast.clone(), &json!({})).told(saying("hello")).await, "well behaved");
    }
    assert_eq!(rig.engine.live_calls(), LIVE_CALLS_PER_PLUGIN_MAX);
    held.truncate(LIVE_CALLS_PER_PLUGIN_MAX - 1);
    let one_more = one_more.await.expect("a place came free");
    assert_eq!(rig.engine.live_calls(), LIVE_CALLS_PER_PLUGIN_MAX);
    drop((held, one_more));
    assert_eq!(rig.engine.live_calls(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_rush_the_pool_goes_with_the_last_call_in_it() {
    const RUSH: usize = 300;
    let rig = Rig::alone();
    let plugin = rig.plugin("rascal");
    let call = || rig.call_of(plugin.clone(), &json!({}));
    let mut held = Vec::new();
    for _ in 0..RUSH {
        held.push(call().start(saying("held")).await.expect("there is a place"));
    }
    assert_eq!(rig.engine.places().pools, 1);
    held.truncate(1);
    pools(&rig, 2).await;
    // New calls are at home in the new one, and the old one is still looked after.
    assert_eq!(call().told(saying("hello")).await, "well behaved");
    let stopped = format!("fault: plugin `rascal` was stopped after {CALL_MS_MAX} ms inside one call");
    assert_eq!(call().told(saying("loop-in-start")).await, stopped);
    assert!(is_pending(Box::pin(held[0].next()).as_mut()).await);
    drop(held);
    pools(&rig, 1).await;
    assert_eq!(call().told(saying("hello")).await, "well behaved");
}

/// Waits until so many pools hold memory.
async fn pools(rig: &Rig, expect: usize) {
    let mut pools = rig.engine.pools();
    let reached = tokio::time::timeout(Duration::from_secs(20), pools.wait_for(|pools| *pools == expect)).await;
    reached.expect("memory is given back").expect("the engine is there");
}

/// Polls once; whether there is nothing yet.
async fn is_pending<F: Future>(mut future: Pin<&mut F>) -> bool {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}

/// The fault of a component that runs this module before anybody calls it.
async fn fault_of(module: &Module) -> Fault {
    let rig = Rig::new();
    let plugin = rig.load(&with_module(&guest("trap"), module.as_slice()));
    match rig.call_of(plugin, &json!({})).start(saying("hello")).await {
        Err(fault) => fault,
        Ok(mut call) => match call.next().await {
            Err(CallEnd::Fault(fault)) => fault,
            other => unexpected(&format!("{other:?}")),
        },
    }
}

/// A module whose start function is this.
fn starting(function: &Function) -> Module {
    let (mut types, mut functions, mut code) = (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([], []);
    functions.function(0);
    code.function(function);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&StartSection { function_index: 0 }).section(&code);
    module
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_before_start_is_bounded_too() {
    // 126, 130.
    let mut spinning = Function::new([]);
    spinning.instructions().loop_(BlockType::Empty).br(0).end().end();
    let stopped = format!("plugin `trap` was stopped after {CALL_MS_MAX} ms inside one call");
    assert_eq!(fault_of(&starting(&spinning)).await.to_string(), stopped);
    let mut recursive = Function::new([]);
    recursive.instructions().call(0).end();
    let exhausted = "plugin `trap` trapped: wasm trap: call stack exhausted";
    assert_eq!(fault_of(&starting(&recursive)).await.to_string(), exhausted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_memory_counts_with_the_first() {
    let pages = MEMORY_BYTES_MAX as u64 / 65_536;
    let (mut memories, mut module) = (MemorySection::new(), Module::new());
    memories.memory(MemoryType { minimum: pages, maximum: None, memory64: false, shared: false, page_size_log2: None });
    module.section(&memories);
    let expect = format!("plugin `trap` was stopped: it asked for more than {MEMORY_BYTES_MAX} bytes of memory");
    assert_eq!(fault_of(&module).await.to_string(), expect);
}

#[expect(clippy::panic, reason = "the test has failed")]
fn unexpected(what: &str) -> ! {
    panic!("no fault: {what}")
}
