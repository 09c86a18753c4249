//! The calls of each kind of plugin, as others see them. What happens in one is `call`'s.

use std::sync::Arc;
use std::time::Duration;

use creel_store::Store;

use crate::bindings::{catalog, channel, chat, counter, embedding, types};
use crate::call::{Call, CallEnd};
use crate::context::CallContext;
use crate::egress::Egress;
use crate::fault::Fault;
use crate::guest::{ChannelGuest, ChatGuest};
use crate::load::Plugin;
use crate::questions::{CatalogGuest, CounterGuest, EmbeddingGuest};

/// A kind of call: what it is started with, what it gives, and how it fails.
macro_rules! call {
    ($(#[$doc:meta])* $name:ident($guest:ty), $job:ty => $output:ty, $failure:ty) => {
        $(#[$doc])*
        pub struct $name(Call<$guest>);

        impl $name {
            /// Starts it.
            ///
            /// # Errors
            ///
            /// [`Fault`] when there is no place for it, the plugin does not do this, or it failed at once.
            pub async fn start(
                plugin: &Plugin,
                egress: &Arc<Egress>,
                store: &Store,
                context: CallContext,
                job: $job,
            ) -> Result<Self, Fault> {
                let started = Call::start(plugin, egress, store, context, job).await;
                started.map(Self).inspect_err(|fault| plugin.tally().fault(fault.kind.code()))
            }

            /// The next output; `None` when the plugin is done.
            ///
            /// # Errors
            ///
            /// [`CallEnd`] when the call came to another end.
            pub async fn next(&mut self) -> Result<Option<$output>, CallEnd<$failure>> {
                self.0.next().await.inspect_err(|end| self.0.count(end))
            }

            /// How long it has waited for others so far: for a server, a timer, the disk.
            #[must_use]
            pub fn waited(&self) -> Duration {
                self.0.waited()
            }
        }
    };
}

call! {
    /// A completion of a chat provider.
    ChatCall(ChatGuest), chat::ChatRequest => chat::Output, chat::CallError
}
call! {
    /// A task of a channel.
    ChannelCall(ChannelGuest), (channel::Job, Option<Vec<u8>>) => channel::Output, channel::ChannelError
}
call! {
    /// A list of models. Only a plugin for which [`Plugin::lists_models`] is true has one.
    CatalogCall(CatalogGuest), catalog::Query => catalog::Model, types::CallError
}
call! {
    /// Vectors of texts. Only a plugin for which [`Plugin::makes_embeddings`] is true makes them; all come at once.
    EmbeddingCall(EmbeddingGuest), embedding::EmbeddingRequest => embedding::Embeddings, types::CallError
}
call! {
    /// A count of tokens. Only a plugin for which [`Plugin::counts_tokens`] is true counts.
    CounterCall(CounterGuest), counter::ChatRequest => u64, types::CallError
}
