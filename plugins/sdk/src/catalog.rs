//! The author's view of a list of models, and the export that drives it. Answering with one of them is `provider`'s.

use std::cell::RefCell;
use std::future::Future;
use std::marker::PhantomData;
use std::rc::Rc;

use crate::bindings::catalog::exports::creel::plugin::model_catalog as wit;
use crate::bindings::words::creel::plugin::io::{Context, Event};
use crate::executor::{Driver, SharedMailbox, State};
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
    inner: RefCell<Inner>,
    catalog: PhantomData<C>,
}

struct Inner {
    driver: Driver<CallError>,
    models: Rc<RefCell<Vec<Model>>>,
}

impl<C: Catalog> Listing<C> {
    /// Begins a listing and runs it until it waits.
    #[must_use]
    pub fn begin(context: Context, query: Query) -> (Self, Step) {
        let mailbox = SharedMailbox::default();
        let models = Rc::new(RefCell::new(Vec::new()));
        let task = {
            let listed = C::list(context, query, Io::new(Rc::clone(&mailbox)));
            let models = Rc::clone(&models);
            async move {
                *models.borrow_mut() = listed.await?;
                Ok(())
            }
        };
        let inner = RefCell::new(Inner { driver: Driver::new(mailbox, task), models });
        let listing = Self { inner, catalog: PhantomData };
        let step = listing.proceed(Vec::new());
        (listing, step)
    }

    /// Goes on with what happened.
    pub fn proceed(&self, events: Vec<Event>) -> Step {
        let mut inner = self.inner.borrow_mut();
        let (commands, state) = inner.driver.resume(events);
        let state = match state {
            State::Running => Progress::Running,
            State::Done => Progress::Done(inner.models.take()),
            State::Failed(error) => Progress::Failed(error),
        };
        Step { commands, state }
    }
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
