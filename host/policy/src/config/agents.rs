//! `agents.defaults`: which model answers, which take over, and which may be picked by name.

use std::collections::BTreeMap;

use crate::ids::{ModelRef, ProfileId};
use crate::json5::{Node, Problems, Value};

use super::read::{Table, id, name};
use super::storage::directory;

/// Tokens that may be asked for in one answer.
const TOKENS_MAX: u64 = 1_000_000;

/// `agents.defaults`.
#[derive(Clone, Debug, Default)]
pub struct AgentDefaults {
    /// The model that answers; `None`: nothing is configured.
    pub model: Option<ModelChain>,
    /// The model that answers where `model` cannot take a picture.
    pub image_model: Option<ModelChain>,
    /// The only models that may be picked by name; `None`: any. Chains are not bound by it.
    pub models: Option<BTreeMap<ModelRef, PickableModel>>,
    /// What each turn begins with.
    pub system_prompt: Option<String>,
    /// Tokens of one answer.
    pub output_tokens_max: Option<u64>,
    /// The directory that the agent works in; `None`: `workspace` in the state directory.
    pub workspace: Option<String>,
}

/// A model and those that take over, in order.
#[derive(Clone, Debug)]
pub struct ModelChain {
    /// The first.
    pub primary: ModelRef,
    /// The others.
    pub fallbacks: Vec<ModelRef>,
    /// The profile for the primary, and for fallbacks of the same provider.
    pub profile: Option<ProfileId>,
}

/// `agents.defaults.models.<model>`.
#[derive(Clone, Debug, Default)]
pub struct PickableModel {
    /// A short name to pick it by.
    pub alias: Option<String>,
}

/// Reads `agents`.
pub(super) fn read(mut table: Table<'_>) -> AgentDefaults {
    table.refuse(&[("list", "there is one agent: write its settings in `agents.defaults`")]);
    let defaults = table.table("defaults").map(read_defaults).unwrap_or_default();
    table.finish();
    defaults
}

fn read_defaults(mut table: Table<'_>) -> AgentDefaults {
    table.refuse(&[
        ("imageGenerationModel", "models that make pictures are not there yet"),
        ("modelPolicy", "list the models that may be picked in `agents.defaults.models`"),
        ("sandbox", "plugins are sandboxed always; what they may do is in their manifest and in `creel.lock`"),
        ("memorySearch", "leave it out"),
    ]);
    let problems = table.problems();
    let defaults = AgentDefaults {
        model: table.take("model").and_then(|node| read_chain(node, problems)),
        image_model: table.take("imageModel").and_then(|node| read_chain(node, problems)),
        models: table.table("models").map(read_pickable),
        system_prompt: table.text("systemPrompt"),
        output_tokens_max: table.count("maxTokens", 1..=TOKENS_MAX),
        workspace: table.take("workspace").and_then(|node| directory(&node, problems)),
    };
    table.finish();
    defaults
}

/// Reads a model on its own, or `{primary, fallbacks, profile}`.
fn read_chain(node: Node, problems: &Problems) -> Option<ModelChain> {
    if matches!(node.value, Value::Text(_)) {
        let primary = id(&node, ModelRef::parse, problems)?;
        return Some(ModelChain { primary, fallbacks: Vec::new(), profile: None });
    }
    let mut table = Table::open(node, problems)?;
    if !table.has("primary") {
        table.problem("the chain has no `primary`", None);
    }
    let primary = table.id("primary", ModelRef::parse);
    let fallbacks = table.list("fallbacks", |node, problems| id(&node, ModelRef::parse, problems)).unwrap_or_default();
    let profile = table.id("profile", ProfileId::parse);
    table.finish();
    Some(ModelChain { primary: primary?, fallbacks, profile })
}

fn read_pickable(table: Table<'_>) -> BTreeMap<ModelRef, PickableModel> {
    let problems = table.problems();
    let mut models = BTreeMap::new();
    let mut aliases = BTreeMap::new();
    for entry in table.into_entries() {
        let model = name(&entry, ModelRef::parse, problems);
        let (place, key) = (entry.place, entry.node.key.clone());
        let Some(mut table) = Table::open(entry.node, problems) else { continue };
        table.refuse(&[
            ("params", "parameters of a single model are not there yet"),
            ("streaming", "answers are streamed where the provider can"),
        ]);
        let alias = table.text("alias");
        table.finish();
        let Some(model) = model else { continue };
        if let Some(alias) = &alias
            && let Some(other) = aliases.insert(alias.to_lowercase(), key.clone())
        {
            problems.add(place, &key, format!("the alias is that of `{other}`"), None);
        }
        models.insert(model, PickableModel { alias });
    }
    models
}
