//! Where a host is killed: at the n-th step of a kind, in the very thread that takes it, as by `kill -9`. Nothing is
//! closed, flushed or told to anybody.

use std::sync::atomic::{AtomicUsize, Ordering};

use creel_runtime::{Observer, Step};

/// Kills its own process at a step; written as `answered`, or `egress-model:2` for the second of that kind.
#[derive(Debug)]
pub struct Trap {
    kind: Option<String>,
    left: AtomicUsize,
}

impl Trap {
    /// Reads a trap; `none` never shuts.
    pub fn parse(text: &str) -> Self {
        let (kind, count) = text.split_once(':').unwrap_or((text, "1"));
        let kind = (kind != "none").then(|| kind.to_owned());
        Self { kind, left: AtomicUsize::new(count.parse().expect("a number")) }
    }
}

impl Observer for Trap {
    fn step(&self, step: &Step) {
        let is_it = self.kind.as_deref().is_some_and(|kind| kind_of(step) == Some(kind));
        if is_it && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::KILL).expect("a process may kill itself");
            // The signal is delivered before the call returns, to this thread or to another.
            loop {
                std::thread::park();
            }
        }
    }
}

/// The name of a kind of step at which a host can be killed.
fn kind_of(step: &Step) -> Option<&'static str> {
    match step {
        Step::Received { .. } => Some("received"),
        Step::MediaStored { .. } => Some("media-stored"),
        Step::Ready { .. } => Some("ready"),
        Step::Routed { .. } => Some("routed"),
        Step::Credential { .. } => Some("credential"),
        Step::Egress { call, .. } if call.ends_with(":deliver") => Some("egress-delivery"),
        Step::Egress { plugin, .. } if plugin != "signal" => Some("egress-model"),
        Step::Described { .. } => Some("described"),
        Step::Answered { .. } => Some("answered"),
        Step::Recorded { .. } => Some("recorded"),
        Step::Delivered { .. } => Some("delivered"),
        Step::Egress { .. }
        | Step::Listening { .. }
        | Step::Refused { .. }
        | Step::Duplicate { .. }
        | Step::MediaMissing { .. }
        | Step::Fitted { .. }
        | Step::AttemptFailed { .. }
        | Step::ModelSkipped { .. }
        | Step::Outrun { .. }
        | Step::Probed { .. }
        | Step::DeliveryFailed { .. } => None,
    }
}
