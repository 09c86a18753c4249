//! A started list of models: the third kind of guest beside completions and channels. The loop around it is `call`'s.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::ResourceAny;

use crate::bindings::{CatalogPlugin, CatalogPluginPre, catalog, io, types};
use crate::fault::{Fault, FaultKind};
use crate::guest::{CallState, Guest, Progress, Step, StepOf, arm, fault, no_room};
use crate::load::Linked;
use crate::maker::Maker;

/// Bytes of a model beside its texts, for the bound on a step.
const MODEL_BYTES: usize = 64;

/// A started listing. Its output are the models.
pub(crate) struct CatalogGuest {
    store: Store<CallState>,
    plugin: CatalogPlugin,
    listing: ResourceAny,
    _maker: Arc<Maker>,
}

impl CatalogGuest {
    fn begin(
        maker: &Arc<Maker>,
        pre: &CatalogPluginPre<CallState>,
        query: &catalog::Query,
    ) -> Result<(Self, StepOf<Self>), Fault> {
        let mut store = maker.store()?;
        arm(&mut store);
        let plugin = pre.instantiate(&mut store).map_err(|error| no_room(maker, &store, &error))?;
        let started = plugin.creel_plugin_model_catalog().listing().call_start(&mut store, &maker.context(), query);
        let (listing, step) = started.map_err(|error| fault(&store, &error))?;
        Ok((Self { store, plugin, listing, _maker: Arc::clone(maker) }, catalog_step(step)))
    }
}

fn catalog_step(step: catalog::Step) -> StepOf<CatalogGuest> {
    let (output, state) = match step.state {
        catalog::Progress::Running => (Vec::new(), Progress::Running),
        catalog::Progress::Done(models) => (models, Progress::Done),
        catalog::Progress::Failed(error) => (Vec::new(), Progress::Failed(error)),
    };
    Step { commands: step.commands, output, state }
}

impl Guest for CatalogGuest {
    type Output = catalog::Model;
    type Failure = types::CallError;
    type Job = catalog::Query;
    const MADE: Option<fn(types::Media) -> Self::Output> = None;

    fn start(maker: &Arc<Maker>, job: Self::Job) -> Result<(Self, StepOf<Self>), Fault> {
        match maker.plugin.linked() {
            Linked::Provider { catalog: Some(pre), .. } => Self::begin(maker, pre, &job),
            Linked::Provider { catalog: None, .. } | Linked::Channel(_) | Linked::Pictures(_) => {
                Err(maker.fault(FaultKind::Protocol { rule: "a plugin without `model-catalog` lists no models" }))
            }
        }
    }

    fn resume(&mut self, events: &[io::Event]) -> Result<StepOf<Self>, Fault> {
        arm(&mut self.store);
        let resumed =
            self.plugin.creel_plugin_model_catalog().listing().call_resume(&mut self.store, self.listing, events);
        resumed.map(catalog_step).map_err(|error| fault(&self.store, &error))
    }

    fn weight(model: &catalog::Model) -> usize {
        let aliases: usize = model.aliases.iter().map(String::len).sum();
        MODEL_BYTES + model.id.len() + aliases + model.name.as_ref().map_or(0, String::len)
    }
}
