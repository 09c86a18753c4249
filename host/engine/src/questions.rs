//! What a provider is asked beside completions: its models, vectors of texts, a count of tokens. Each is a guest of its
//! own with the same shape. The loop around them is `call`'s.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::ResourceAny;

use crate::bindings::{
    CatalogPlugin, CatalogPluginPre, CounterPlugin, CounterPluginPre, EmbeddingPlugin, EmbeddingPluginPre, catalog,
    counter, embedding, io, types,
};
use crate::fault::{Fault, FaultKind};
use crate::guest::{CallState, Guest, Progress, Step, StepOf, arm, fault, no_room};
use crate::load::Linked;
use crate::maker::Maker;

/// Bytes of a model beside its texts, for the bound on a step.
const MODEL_BYTES: usize = 64;

/// A kind of question: its guest, and the world, interface and resource that it is asked by.
macro_rules! question {
    (
        $(#[$doc:meta])* $guest:ident, $plugin:ident, $pre:ident, $words:ident,
        extra: $extra:ident, interface: $interface:ident, resource: $resource:ident,
        job: $job:ty, output: $output:ty, done: $done:expr, weight: $weight:expr, missing: $missing:literal,
    ) => {
        $(#[$doc])*
        pub(crate) struct $guest {
            store: Store<CallState>,
            plugin: $plugin,
            resource: ResourceAny,
            _maker: Arc<Maker>,
        }

        impl $guest {
            fn begin(
                maker: &Arc<Maker>,
                pre: &$pre<CallState>,
                job: &$job,
            ) -> Result<(Self, StepOf<Self>), Fault> {
                let mut store = maker.store(pre.engine())?;
                arm(&mut store);
                let plugin = pre.instantiate(&mut store).map_err(|error| no_room(maker, &store, &error))?;
                let started = plugin.$interface().$resource().call_start(&mut store, &maker.context(), job);
                let (resource, step) = started.map_err(|error| fault(&store, &error))?;
                Ok((Self { store, plugin, resource, _maker: Arc::clone(maker) }, Self::step(step)))
            }

            fn step(step: $words::Step) -> StepOf<Self> {
                let (output, state) = match step.state {
                    $words::Progress::Running => (Vec::new(), Progress::Running),
                    $words::Progress::Done(answer) => ($done(answer), Progress::Done),
                    $words::Progress::Failed(error) => (Vec::new(), Progress::Failed(error)),
                };
                Step { commands: step.commands, output, state }
            }
        }

        impl Guest for $guest {
            type Output = $output;
            type Failure = types::CallError;
            type Job = $job;
            const MADE: Option<fn(types::Media) -> Self::Output> = None;

            fn start(maker: &Arc<Maker>, job: Self::Job) -> Result<(Self, StepOf<Self>), Fault> {
                match &*maker.plugin.linked() {
                    Linked::Provider { extras, .. } => match &extras.$extra {
                        Some(pre) => Self::begin(maker, pre, &job),
                        None => Err(maker.fault(FaultKind::Protocol { rule: $missing })),
                    },
                    Linked::Channel(_) | Linked::Pictures(_) => {
                        Err(maker.fault(FaultKind::Protocol { rule: $missing }))
                    }
                }
            }

            fn resume(&mut self, events: &[io::Event]) -> Result<StepOf<Self>, Fault> {
                arm(&mut self.store);
                let resumed = self.plugin.$interface().$resource().call_resume(&mut self.store, self.resource, events);
                resumed.map(Self::step).map_err(|error| fault(&self.store, &error))
            }

            fn weight(output: &Self::Output) -> usize {
                $weight(output)
            }
        }
    };
}

question! {
    /// A started list of models. Its output are the models.
    CatalogGuest, CatalogPlugin, CatalogPluginPre, catalog,
    extra: catalog, interface: creel_plugin_model_catalog, resource: listing,
    job: catalog::Query, output: catalog::Model, done: std::convert::identity, weight: model_bytes,
    missing: "a plugin without `model-catalog` lists no models",
}

question! {
    /// Vectors that are being made. Its one output are all of them.
    EmbeddingGuest, EmbeddingPlugin, EmbeddingPluginPre, embedding,
    extra: embedding, interface: creel_plugin_embedding_provider, resource: embedding,
    job: embedding::EmbeddingRequest, output: embedding::Embeddings, done: one, weight: vector_bytes,
    missing: "a plugin without `embedding-provider` makes no vectors",
}

question! {
    /// Tokens that are being counted. Its one output is their number.
    CounterGuest, CounterPlugin, CounterPluginPre, counter,
    extra: counter, interface: creel_plugin_token_counter, resource: counting,
    job: counter::ChatRequest, output: u64, done: one, weight: no_bytes,
    missing: "a plugin without `token-counter` counts no tokens",
}

fn one<T>(answer: T) -> Vec<T> {
    vec![answer]
}

fn no_bytes(_: &u64) -> usize {
    0
}

fn model_bytes(model: &catalog::Model) -> usize {
    let aliases: usize = model.aliases.iter().map(String::len).sum();
    MODEL_BYTES + model.id.len() + aliases + model.name.as_ref().map_or(0, String::len)
}

fn vector_bytes(embeddings: &embedding::Embeddings) -> usize {
    embeddings.vectors.iter().map(|vector| vector.len() * size_of::<f32>()).sum()
}
