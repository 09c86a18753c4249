//! The author's view of vectors of texts, and the export that drives it. Answering with words is `provider`'s.

use std::future::Future;
use std::marker::PhantomData;

use crate::bindings::embedding::exports::creel::plugin::embedding_provider as wit;
use crate::bindings::words::creel::plugin::io::{Context, Event};
use crate::inquiry::{Inquiry, Stand, Turn};
use crate::io::Io;
use crate::provider::{CallError, Fault};

pub use wit::{EmbeddingRequest, Embeddings};
/// One step as the host sees it.
pub use wit::{Progress, Step};

/// Makes vectors of texts. Export it with [`embedding!`](crate::embedding!), beside [`provider!`](crate::provider!).
pub trait Embedder: 'static {
    /// Makes a vector of each text, in their order; dropped by the host to cancel. Write it as `async fn`.
    fn embed(
        cx: Context,
        request: EmbeddingRequest,
        io: Io,
    ) -> impl Future<Output = Result<Embeddings, CallError>> + 'static;
}

impl Embeddings {
    /// Checks that there is a vector for each of so many texts, and that each has as many numbers as were asked for.
    ///
    /// # Errors
    ///
    /// `malformed-response` otherwise: vectors of another length compare with nothing, and a missing one moves all
    /// that follow it.
    pub fn checked(self, inputs: usize, dimensions: Option<u32>) -> Result<Self, CallError> {
        let malformed = |message: String| Err(CallError::new(Fault::MalformedResponse, message));
        if self.vectors.len() != inputs {
            return malformed(format!("{} vectors came for {inputs} texts", self.vectors.len()));
        }
        let length = dimensions.and_then(|dimensions| usize::try_from(dimensions).ok());
        let length = length.or_else(|| self.vectors.first().map(Vec::len)).unwrap_or_default();
        match self.vectors.iter().find(|vector| vector.is_empty() || vector.len() != length) {
            Some(odd) => malformed(format!("a vector has {} numbers and not {length}", odd.len())),
            None => Ok(self),
        }
    }
}

/// One question for vectors under way. Made by [`embedding!`](crate::embedding!) and by the test kit.
pub struct Embedding<E> {
    inquiry: Inquiry<Embeddings>,
    embedder: PhantomData<E>,
}

impl<E: Embedder> Embedding<E> {
    /// Asks for vectors and runs until it waits.
    #[must_use]
    pub fn begin(context: Context, request: EmbeddingRequest) -> (Self, Step) {
        let (inquiry, turn) = Inquiry::begin(|io| E::embed(context, request, io));
        (Self { inquiry, embedder: PhantomData }, step(turn))
    }

    /// Goes on with what happened.
    pub fn proceed(&self, events: Vec<Event>) -> Step {
        step(self.inquiry.proceed(events))
    }
}

fn step((commands, stand): Turn<Embeddings>) -> Step {
    let state = match stand {
        Stand::Running => Progress::Running,
        Stand::Done(embeddings) => Progress::Done(embeddings),
        Stand::Failed(error) => Progress::Failed(error),
    };
    Step { commands, state }
}

impl<E: Embedder> wit::GuestEmbedding for Embedding<E> {
    fn start(context: Context, request: EmbeddingRequest) -> (wit::Embedding, Step) {
        let (embedding, step) = Self::begin(context, request);
        (wit::Embedding::new(embedding), step)
    }

    fn resume(&self, events: Vec<Event>) -> Step {
        self.proceed(events)
    }
}

/// Lets the export macro check its argument on every target.
#[doc(hidden)]
pub fn assert_embedder<T: Embedder>() {}

/// Exports an [`Embedder`] as the component's `embedding-provider`.
#[macro_export]
macro_rules! embedding {
    ($embedder:ty) => {
        const _: fn() = $crate::embedding::assert_embedder::<$embedder>;
        // A native library cannot hold the names of the exports.
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Exported;
            impl $crate::bindings::embedding::exports::creel::plugin::embedding_provider::Guest for Exported {
                type Embedding = $crate::embedding::Embedding<$embedder>;
            }
    $crate::bindings::embedding::export_embedding!(Exported with_types_in $crate::bindings::embedding);
        };
    };
}
