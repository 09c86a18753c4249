//! The author's view of counting tokens, and the export that drives it. What is counted is a request of `provider`.

use std::future::Future;
use std::marker::PhantomData;

use crate::bindings::counter::exports::creel::plugin::token_counter as wit;
use crate::bindings::words::creel::plugin::io::{Context, Event};
use crate::inquiry::{Inquiry, Stand, Turn};
use crate::io::Io;
use crate::provider::{CallError, ChatRequest};

/// One step as the host sees it.
pub use wit::{Progress, Step};

/// Counts the tokens of requests. Export it with [`counter!`](crate::counter!), beside [`provider!`](crate::provider!).
pub trait Counter: 'static {
    /// Counts the tokens of a request; dropped by the host to cancel. Write it as `async fn`.
    fn count(cx: Context, request: ChatRequest, io: Io) -> impl Future<Output = Result<u64, CallError>> + 'static;
}

/// One count under way. Made by [`counter!`](crate::counter!) and by the test kit.
pub struct Counting<C> {
    inquiry: Inquiry<u64>,
    counter: PhantomData<C>,
}

impl<C: Counter> Counting<C> {
    /// Begins to count and runs until it waits.
    #[must_use]
    pub fn begin(context: Context, request: ChatRequest) -> (Self, Step) {
        let (inquiry, turn) = Inquiry::begin(|io| C::count(context, request, io));
        (Self { inquiry, counter: PhantomData }, step(turn))
    }

    /// Goes on with what happened.
    pub fn proceed(&self, events: Vec<Event>) -> Step {
        step(self.inquiry.proceed(events))
    }
}

fn step((commands, stand): Turn<u64>) -> Step {
    let state = match stand {
        Stand::Running => Progress::Running,
        Stand::Done(tokens) => Progress::Done(tokens),
        Stand::Failed(error) => Progress::Failed(error),
    };
    Step { commands, state }
}

impl<C: Counter> wit::GuestCounting for Counting<C> {
    fn start(context: Context, request: ChatRequest) -> (wit::Counting, Step) {
        let (counting, step) = Self::begin(context, request);
        (wit::Counting::new(counting), step)
    }

    fn resume(&self, events: Vec<Event>) -> Step {
        self.proceed(events)
    }
}

/// Lets the export macro check its argument on every target.
#[doc(hidden)]
pub fn assert_counter<T: Counter>() {}

/// Exports a [`Counter`] as the component's `token-counter`.
#[macro_export]
macro_rules! counter {
    ($counter:ty) => {
        const _: fn() = $crate::counter::assert_counter::<$counter>;
        // A native library cannot hold the names of the exports.
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Exported;
            impl $crate::bindings::counter::exports::creel::plugin::token_counter::Guest for Exported {
                type Counting = $crate::counter::Counting<$counter>;
            }
    $crate::bindings::counter::export_counter!(Exported with_types_in $crate::bindings::counter);
        };
    };
}
