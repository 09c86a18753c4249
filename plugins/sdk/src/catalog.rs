//! The author's view of a list of models, and the export that drives it. Answering with one of them is `provider`'s.

use std::future::Future;
use std::marker::PhantomData;

use crate::bindings::catalog::exports::creel::plugin::model_catalog as wit;
use crate::bindings::words::creel::plugin::io::{Context, Event};
use crate::inquiry::{Inquiry, Stand, Turn};
use crate::io::Io;
use crate::provider::CallError;

pub use wit::{Model, Query};
/// One step as the host sees it.
pub use wit::{Progress, Step};

/// A list of models. Export it with [`catalog!`](crate::catalog!), beside [`provider!`](crate::provider!).
pub trait Catalog: 'static {
    /// Lists the models that the account can use; dropped by the host to cancel. Write it as `async fn`.
    fn list(cx: Context, query: Query, io: Io) -> impl Future<Output = Result<Vec<Model>, CallError>> + 'static;
}

impl Model {
    /// A model of which nothing but the name is known.
    #[must_use]
    pub fn named(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            aliases: Vec::new(),
            name: None,
            accepts_images: None,
            accepts_tools: None,
            context_tokens: None,
            output_tokens: None,
        }
    }

    /// Whether a completion that asks for this name gets this model.
    #[must_use]
    pub fn answers_to(&self, name: &str) -> bool {
        self.id == name || self.aliases.iter().any(|alias| alias == name)
    }
}

/// One listing under way. Made by [`catalog!`](crate::catalog!) and by the test kit.
pub struct Listing<C> {
    inquiry: Inquiry<Vec<Model>>,
    catalog: PhantomData<C>,
}

impl<C: Catalog> Listing<C> {
    /// Begins a listing and runs it until it waits.
    #[must_use]
    pub fn begin(context: Context, query: Query) -> (Self, Step) {
        let (inquiry, turn) = Inquiry::begin(|io| C::list(context, query, io));
        (Self { inquiry, catalog: PhantomData }, step(turn))
    }

    /// Goes on with what happened.
    pub fn proceed(&self, events: Vec<Event>) -> Step {
        step(self.inquiry.proceed(events))
    }
}

fn step((commands, stand): Turn<Vec<Model>>) -> Step {
    let state = match stand {
        Stand::Running => Progress::Running,
        Stand::Done(models) => Progress::Done(models),
        Stand::Failed(error) => Progress::Failed(error),
    };
    Step { commands, state }
}

impl<C: Catalog> wit::GuestListing for Listing<C> {
    fn start(context: Context, query: Query) -> (wit::Listing, Step) {
        let (listing, step) = Self::begin(context, query);
        (wit::Listing::new(listing), step)
    }

    fn resume(&self, events: Vec<Event>) -> Step {
        self.proceed(events)
    }
}

/// Lets the export macro check its argument on every target.
#[doc(hidden)]
pub fn assert_catalog<T: Catalog>() {}

/// Exports a [`Catalog`] as the component's `model-catalog`.
#[macro_export]
macro_rules! catalog {
    ($catalog:ty) => {
        const _: fn() = $crate::catalog::assert_catalog::<$catalog>;
        // A native library cannot hold the names of the exports.
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Exported;
            impl $crate::bindings::catalog::exports::creel::plugin::model_catalog::Guest for Exported {
                type Listing = $crate::catalog::Listing<$catalog>;
            }
    $crate::bindings::catalog::export_catalog!(Exported with_types_in $crate::bindings::catalog);
        };
    };
}
