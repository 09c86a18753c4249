//! What each model takes in, and who says so: the operator before the plugin, and text alone where nobody does.
//! Which model is asked is not decided here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::config::Config;
use crate::ids::{ModelRef, PluginId, ProviderId};
use crate::manifest::{Input, Manifest, ModelInfo};

/// Everything that is known of models.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    providers: BTreeMap<ProviderId, ProviderModels>,
}

#[derive(Clone, Debug, Default)]
struct ProviderModels {
    plugin: Option<PluginId>,
    /// As the operator describes them, with the key of each.
    configured: Vec<(String, Facts)>,
    /// As the plugin describes them.
    known: Vec<Facts>,
}

#[derive(Clone, Debug)]
struct Facts {
    id: String,
    input: Option<BTreeSet<Input>>,
    context_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

/// What is known of one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFacts {
    /// What it takes in.
    pub input: BTreeSet<Input>,
    /// Who says so.
    pub said_by: SaidBy,
    /// Tokens that fit its context.
    pub context_tokens: Option<u64>,
    /// Tokens that it may answer with.
    pub output_tokens: Option<u64>,
}

/// Who says what a model takes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaidBy {
    /// The configuration.
    Config {
        /// E.g. `models.providers.ollama.models[0]`.
        key: String,
    },
    /// The plugin's manifest.
    Manifest {
        /// The plugin.
        plugin: PluginId,
        /// The model, or the beginning of its name.
        pattern: String,
    },
    /// Nobody: text alone is taken for granted.
    Nobody,
}

impl Catalog {
    /// Gathers what the configuration and the plugins in use say. `manifests` has the plugin of each provider.
    #[must_use]
    pub fn new(config: &Config, manifests: &BTreeMap<ProviderId, &Manifest>) -> Self {
        let mut providers: BTreeMap<ProviderId, ProviderModels> = BTreeMap::new();
        for (provider, manifest) in manifests {
            let known = manifest.models.iter().map(Facts::of_manifest).collect();
            let plugin = Some(manifest.plugin.id.clone());
            providers.insert(provider.clone(), ProviderModels { plugin, configured: Vec::new(), known });
        }
        for (provider, entry) in &config.models.providers {
            let models = providers.entry(provider.clone()).or_default();
            let facts = entry.models.iter().enumerate().map(|(index, model)| {
                let input = model.input.as_ref().map(|input| input.iter().copied().collect());
                let (context_tokens, output_tokens) = (model.context_tokens, model.output_tokens);
                let facts = Facts { id: model.id.to_string(), input, context_tokens, output_tokens };
                (format!("{}.models[{index}]", entry.key), facts)
            });
            models.configured = facts.collect();
            if config.models.replace && !models.configured.is_empty() {
                models.known.clear();
            }
        }
        Self { providers }
    }

    /// The plugin that serves a provider; `None`: nobody does.
    #[must_use]
    pub fn plugin(&self, provider: &ProviderId) -> Option<&PluginId> {
        self.providers.get(provider)?.plugin.as_ref()
    }

    /// What is known of a model. Each fact is taken from the first who states it: the configuration, then the longest
    /// pattern of the manifest.
    #[must_use]
    pub fn facts(&self, model: &ModelRef) -> ModelFacts {
        let models = self.providers.get(&model.provider);
        let configured =
            models.and_then(|models| models.configured.iter().find(|(_, facts)| *facts.id == *model.model));
        let known = models.and_then(|models| models.longest_match(&model.model));
        let (input, said_by) = match (configured, known) {
            (Some((key, Facts { input: Some(input), .. })), _) => (input.clone(), SaidBy::Config { key: key.clone() }),
            (_, Some((plugin, Facts { id, input: Some(input), .. }))) => {
                (input.clone(), SaidBy::Manifest { plugin: plugin.clone(), pattern: id.clone() })
            }
            (_, _) => (BTreeSet::from([Input::Text]), SaidBy::Nobody),
        };
        let of = |fact: fn(&Facts) -> Option<u64>| {
            configured.and_then(|(_, facts)| fact(facts)).or_else(|| known.and_then(|(_, facts)| fact(facts)))
        };
        let (context_tokens, output_tokens) = (of(|facts| facts.context_tokens), of(|facts| facts.output_tokens));
        ModelFacts { input, said_by, context_tokens, output_tokens }
    }

    /// Every model that is known by its whole name, in order.
    #[must_use]
    pub fn models(&self) -> Vec<ModelRef> {
        let mut models = BTreeSet::new();
        for (provider, of_provider) in &self.providers {
            let configured = of_provider.configured.iter().map(|(_, facts)| &facts.id);
            let known = of_provider.known.iter().map(|facts| &facts.id).filter(|id| !id.ends_with('*'));
            let model = |id: &String| ModelRef { provider: provider.clone(), model: id.as_str().into() };
            models.extend(configured.chain(known).map(model));
        }
        models.into_iter().collect()
    }
}

impl Catalog {
    /// The models of that bare name at providers whose plugin knows it by the longest beginning of it.
    #[must_use]
    pub fn with_matching_pattern(&self, name: &str) -> Vec<ModelRef> {
        let length = |models: &ProviderModels| models.longest_match(name).map(|(_, facts)| facts.id.len());
        let lengths = self.providers.iter().filter_map(|(provider, models)| Some((length(models)?, provider)));
        let lengths: Vec<_> = lengths.collect();
        let longest = lengths.iter().map(|(length, _)| *length).max();
        let of_longest = lengths.into_iter().filter(|(length, _)| Some(*length) == longest);
        of_longest.map(|(_, provider)| ModelRef { provider: provider.clone(), model: name.into() }).collect()
    }
}

impl ProviderModels {
    /// An exact name beats every beginning, and a longer beginning a shorter one.
    fn longest_match(&self, model: &str) -> Option<(&PluginId, &Facts)> {
        let matches = self.known.iter().filter_map(|facts| match facts.id.strip_suffix('*') {
            None => (facts.id == model).then_some((usize::MAX, facts)),
            Some(beginning) => model.starts_with(beginning).then_some((beginning.len(), facts)),
        });
        let (_, facts) = matches.max_by_key(|(length, _)| *length)?;
        self.plugin.as_ref().map(|plugin| (plugin, facts))
    }
}

impl Facts {
    fn of_manifest(model: &ModelInfo) -> Self {
        Self {
            id: model.id.clone(),
            input: Some(model.input.iter().copied().collect()),
            context_tokens: model.context_tokens,
            output_tokens: model.output_tokens,
        }
    }
}

impl fmt::Display for SaidBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config { key } => write!(f, "`{key}`"),
            Self::Manifest { plugin, pattern } => write!(f, "plugin `{plugin}`, model `{pattern}`"),
            Self::Nobody => f.write_str("nobody describes the model"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_config;

    const MANIFEST: &str = "
        [plugin]
        id = \"ollama\"
        version = \"0.1.0\"
        interface = \"creel:plugin@0.1\"
        summary = \"a test\"
        [provider]
        apis = [\"ollama\"]
        keyless = true
        [endpoints.api]
        default = \"http://127.0.0.1:11434\"
        allow = [{ method = \"POST\", path = \"/api/chat\" }]
        [[models]]
        id = \"glm*\"
        input = [\"text\"]
        context_tokens = 100
        [[models]]
        id = \"glm-5v*\"
        input = [\"text\", \"image\"]
        [[models]]
        id = \"glm-5v-blind\"
        input = [\"text\"]
    ";

    fn check(config: &str, model: &str, expect: &str) {
        let config = parse_config("creel.json5", config).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let manifest = Manifest::parse(MANIFEST).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let provider = ProviderId::parse("ollama").expect("an id");
        let catalog = Catalog::new(&config, &BTreeMap::from([(provider, &manifest)]));
        let facts = catalog.facts(&ModelRef::parse(model).expect("a model"));
        let image = if facts.input.contains(&Input::Image) { "sees" } else { "blind" };
        let tokens = facts.context_tokens.map_or_else(|| "?".to_owned(), |tokens| tokens.to_string());
        assert_eq!(format!("{image} {tokens}: {}", facts.said_by), expect, "{model}");
    }

    #[test]
    fn the_operator_is_believed_before_the_plugin_and_the_longer_pattern_before_the_shorter() {
        check("{}", "ollama/glm-5:cloud", "blind 100: plugin `ollama`, model `glm*`");
        check("{}", "ollama/glm-5v:cloud", "sees ?: plugin `ollama`, model `glm-5v*`");
        check("{}", "ollama/glm-5v-blind", "blind ?: plugin `ollama`, model `glm-5v-blind`");
        check("{}", "ollama/llava", "blind ?: nobody describes the model");
        check("{}", "nobody/x", "blind ?: nobody describes the model");
        let models = |mode: &str, model: &str| {
            format!(
                "{{ models: {{ mode: '{mode}', providers: {{ ollama: {{ models: [{{ id: 'glm-5:cloud', {model} }}] }} }} }} }}"
            )
        };
        let key = "`models.providers.ollama.models[0]`";
        check(&models("merge", "input: ['text', 'image']"), "ollama/glm-5:cloud", &format!("sees 100: {key}"));
        check(&models("merge", "contextWindow: 7"), "ollama/glm-5:cloud", "blind 7: plugin `ollama`, model `glm*`");
        check(&models("replace", "contextWindow: 7"), "ollama/glm-5:cloud", "blind 7: nobody describes the model");
        check(&models("replace", "contextWindow: 7"), "ollama/glm-5v", "blind ?: nobody describes the model");
    }
}
