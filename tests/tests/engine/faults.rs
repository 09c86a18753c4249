//! A plugin that misbehaves loses its call and nothing else: the fault names it, and its neighbours go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use creel_engine::{Fault, FaultKind};
use creel_policy::limits::{CALL_COMMANDS_MAX, CALL_MS_MAX, LOG_LINES_MAX, MEMORY_BYTES_MAX, STEP_COMMANDS_MAX};
use creel_tests::rig::{Rig, saying, text_of};

/// The fault that a guest's call ends with when it is told this.
async fn fault_of(rig: &Rig, guest: &str, text: &str) -> Fault {
    match rig.call(guest).start(saying(text)).await {
        Err(fault) => fault,
        Ok(mut call) => match call.next().await {
            Err(creel_engine::CallEnd::Fault(fault)) => fault,
            other => unexpected(&format!("{other:?}")),
        },
    }
}

#[expect(clippy::panic, reason = "the test has failed")]
fn unexpected(what: &str) -> ! {
    panic!("no fault: {what}")
}

async fn check(guest: &str, text: &str, expect: &str) {
    let rig = Rig::new();
    let fault = fault_of(&rig, guest, text).await;
    assert_eq!(fault.to_string(), expect);
    assert_eq!(fault.plugin.as_str(), guest);
    // The same plugin answers the next call as if nothing had been.
    assert_eq!(rig.call(guest).told(saying("hello")).await, "well behaved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_panics_is_named_with_its_last_words() {
    check("trap", "trap", "plugin `trap` trapped: as it was asked to").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_takes_memory_without_end_is_stopped() {
    let expect = format!("plugin `grow` was stopped: it asked for more than {MEMORY_BYTES_MAX} bytes of memory");
    check("grow", "grow", &expect).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_puts_out_too_much_at_once_is_stopped() {
    check("oversize", "oversize", "plugin `oversize` was stopped: the output of one step is larger than 8388608").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_asks_for_too_much_at_once_is_stopped() {
    let what = "the list of commands of one step";
    let expect = format!("plugin `oversize` was stopped: {what} is larger than {STEP_COMMANDS_MAX}");
    check("oversize", "commands", &expect).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_waits_for_ever_in_small_steps_is_stopped() {
    let expect = format!("plugin `chatter` was stopped: it gave more than {CALL_COMMANDS_MAX} commands in one call");
    check("chatter", "waits", &expect).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_floods_the_log_is_cut_short_and_then_stopped() {
    let lines = Lines::default();
    let rig = Rig::new();
    let fault = {
        use tracing::instrument::WithSubscriber;
        fault_of(&rig, "chatter", "chatter").with_subscriber(lines.clone()).await
    };
    assert_eq!(fault.kind, FaultKind::Deadline { milliseconds: CALL_MS_MAX });
    // The lines of the plugin and one more, which says that further ones are dropped.
    assert_eq!(lines.0.load(Ordering::Relaxed), u64::from(LOG_LINES_MAX) + 1);
}

/// Counts log lines.
#[derive(Clone, Default)]
struct Lines(Arc<AtomicU64>);

impl tracing::Subscriber for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("creel_engine")
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// While `spin` spins, timers tick and another plugin's calls run from start to end, all of it before the spinning call
/// is over. Only the order of events is asserted.
async fn a_neighbour_goes_on() {
    let rig = Arc::new(Rig::new());
    // Loaded beforehand: compiling is not what is tested here.
    drop((rig.plugin("spin"), rig.plugin("trap")));
    let spinning = {
        let rig = Arc::clone(&rig);
        tokio::spawn(async move { fault_of(&rig, "spin", "spin").await })
    };
    let neighbour = {
        let (rig, spinning) = (Arc::clone(&rig), spinning.abort_handle());
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(1));
            for _ in 0..20 {
                ticks.tick().await;
                let mut call = rig.call("trap").start(saying("hello")).await.expect("the neighbour starts");
                assert_eq!(text_of(&mut call).await, "well behaved");
            }
            spinning.is_finished()
        })
    };
    let was_over = neighbour.await.expect("the neighbour ends");
    assert!(!was_over, "the neighbour had to wait for the spinning call");
    let fault = spinning.await.expect("the call ends");
    assert_eq!(fault.to_string(), format!("plugin `spin` was stopped after {CALL_MS_MAX} ms inside one call"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_spinning_plugin_holds_up_nobody_on_one_worker() {
    a_neighbour_goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spinning_plugin_holds_up_nobody_on_two_workers() {
    a_neighbour_goes_on().await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_spinning_plugin_holds_up_nobody_where_there_is_no_worker() {
    a_neighbour_goes_on().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_ends_badly_gives_its_place_back() {
    let rig = Rig::alone();
    for (guest, text) in [("trap", "trap"), ("grow", "grow"), ("oversize", "commands"), ("chatter", "waits")] {
        drop(fault_of(&rig, guest, text).await);
        assert_eq!(rig.engine.live_calls(), 0, "{guest}");
    }
}
