//! `models`: the providers, what they are asked with, and which models the operator describes himself.

use std::collections::BTreeMap;

use crate::ids::{PluginId, ProviderId};
use crate::json5::{Node, Place, Problems};
use crate::limits::MODEL_CALL_MS_MAX;
use crate::manifest::{CredentialClass, Input};
use crate::secret_ref::{SecretInput, SecretRef, Source};

use super::headers::{self, EntryHeader};
use super::read::{Table, name};
use super::secrets::SecretsConfig;
use super::settings::Settings;

/// The largest context that is believed.
const TOKENS_MAX: u64 = 100_000_000;

/// `models`.
#[derive(Default)]
pub struct ModelsConfig {
    /// `models.mode` is `replace`: of a provider that describes its models here, no other model facts are used.
    pub replace: bool,
    /// `models.providers`.
    pub providers: BTreeMap<ProviderId, ProviderEntry>,
}

/// `models.providers.<p>`.
#[derive(Default)]
pub struct ProviderEntry {
    /// Where the entry stands, e.g. `models.providers.anthropic`, as it was written.
    pub key: String,
    /// The plugin that serves it; else the one of that name, else the one that speaks `api`.
    pub plugin: Option<PluginId>,
    /// The dialect, e.g. `openai-completions`.
    pub api: Option<String>,
    /// The class of credential that is wanted; `apiKey` is of this class.
    pub auth: Option<CredentialClass>,
    /// `auth` is `none`: the operator says that no credential is needed.
    pub needs_none: bool,
    /// The credential itself.
    pub api_key: Option<SecretInput>,
    /// Headers that its requests carry beside those of the plugin.
    pub headers: Vec<EntryHeader>,
    /// `authHeader`: the key also goes as `authorization: Bearer …`. With its place.
    pub(crate) auth_header: Option<Place>,
    /// Where it is; checked to be an `http` or `https` URL when the grant is made. Also among `settings`.
    pub base_url: Option<String>,
    /// Models that the operator describes.
    pub models: Vec<ConfigModel>,
    /// How long its calls may take.
    pub timeouts: Timeouts,
    /// What is left for the plugin, `baseUrl` among it.
    pub settings: Settings,
}

/// `models.providers.<p>.timeouts`, for what clients ask; `None`: no bound but the usual one of the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// `firstTokenSeconds`, in milliseconds: until an answer begins. Afterwards the next model of the chain is asked.
    pub first_ms_max: Option<u64>,
    /// `totalSeconds`, in milliseconds: until it is complete.
    pub total_ms_max: Option<u64>,
    /// `hedgeAfterMs`: until the next model of the chain is asked beside one that has not begun to answer; the first to begin
    /// answers. `None`: nobody is asked beside it.
    pub hedge_after_ms: Option<u64>,
}

/// An element of `models.providers.<p>.models`.
#[derive(Clone, Debug, Default)]
pub struct ConfigModel {
    /// The provider's own name.
    pub id: Box<str>,
    /// A name for people.
    pub name: Option<String>,
    /// It thinks before it answers.
    pub reasoning: Option<bool>,
    /// What it takes; `None`: not said here.
    pub input: Option<Vec<Input>>,
    /// `contextWindow`.
    pub context_tokens: Option<u64>,
    /// `maxTokens`.
    pub output_tokens: Option<u64>,
    /// What it costs.
    pub cost: Option<Cost>,
}

/// Prices, in currency per million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Of what is sent.
    pub input: f64,
    /// Of what is answered.
    pub output: f64,
    /// Of what is read from the cache.
    pub cache_read: f64,
    /// Of what is written to the cache.
    pub cache_write: f64,
}

/// The inputs by the words of the files.
pub(super) const INPUTS: [(&str, Input); 5] = [
    ("text", Input::Text),
    ("image", Input::Image),
    ("audio", Input::Audio),
    ("video", Input::Video),
    ("document", Input::Document),
];

/// The classes of credentials by the words of `models.providers.<p>.auth`; `None`: none is needed.
const CLASSES: [(&str, Option<CredentialClass>); 4] = [
    ("api-key", Some(CredentialClass::ApiKey)),
    ("token", Some(CredentialClass::Token)),
    ("oauth", Some(CredentialClass::Oauth)),
    ("none", None),
];

/// Reads `models`.
pub(super) fn read(mut table: Table<'_>, secrets: &SecretsConfig) -> ModelsConfig {
    let replace = table.word("mode", &[("merge", false), ("replace", true)]).unwrap_or(false);
    let mut config = ModelsConfig { replace, ..ModelsConfig::default() };
    if let Some(providers) = table.table("providers") {
        let problems = providers.problems();
        for entry in providers.into_entries() {
            let id = name(&entry, ProviderId::parse, problems);
            let (place, key) = (entry.place, entry.node.key.clone());
            let Some(read) = Table::open(entry.node, problems).map(|table| read_provider(table, secrets)) else {
                continue;
            };
            let Some(id) = id else { continue };
            if let Some(other) = config.providers.get(&id) {
                problems.add(place, &key, format!("the same provider as `{}`", other.key), None);
                continue;
            }
            config.providers.insert(id, read);
        }
    }
    table.finish();
    config
}

fn read_provider(mut table: Table<'_>, secrets: &SecretsConfig) -> ProviderEntry {
    let (at, wanted) = (table.place_of("authHeader"), table.flag("authHeader") == Some(true));
    let auth_header = at.filter(|_| wanted);
    if let Some(request) = table.table("request") {
        refuse_request(request);
    }
    let aws =
        "a plugin that signs for AWS takes the key as `auth: \"api-key\"`, and a bearer token as `auth: \"token\"`";
    table.refuse_word("auth", "aws-sdk", aws);
    let auth = table.word("auth", &CLASSES);
    let needs_none = auth == Some(None);
    if needs_none && table.has("apiKey") {
        table.problem(
            "`auth` says that no credential is needed, and `apiKey` gives one",
            Some("leave one of them out".into()),
        );
    }
    let mut entry = ProviderEntry {
        key: table.key.clone(),
        plugin: table.id("plugin", PluginId::parse),
        api: table.text("api"),
        auth: auth.flatten(),
        needs_none,
        api_key: table.secret("apiKey", secrets).map(|input| named_variable(input, secrets)),
        headers: table.table("headers").map(|table| headers::read(table, secrets)).unwrap_or_default(),
        auth_header,
        models: table.list("models", read_model).unwrap_or_default(),
        timeouts: table.table("timeouts").map(read_timeouts).unwrap_or_default(),
        ..ProviderEntry::default()
    };
    let (key, place, problems) = (table.key.clone(), table.place, table.problems());
    let (mut asked, left) = table.rest();
    asked.retain(|key| *key != "request");
    entry.settings = Settings::read((&key, place), (asked, left), problems);
    entry.base_url = entry.settings.values().get("baseUrl").and_then(|url| url.as_str()).map(str::to_owned);
    entry
}

fn read_timeouts(mut table: Table<'_>) -> Timeouts {
    let hedge_after_ms = table.count("hedgeAfterMs", 1..=MODEL_CALL_MS_MAX);
    let mut seconds = |name| table.count(name, 1..=MODEL_CALL_MS_MAX / 1_000).map(|seconds| seconds * 1_000);
    let (first_ms_max, total_ms_max) = (seconds("firstTokenSeconds"), seconds("totalSeconds"));
    table.finish();
    Timeouts { first_ms_max, total_ms_max, hedge_after_ms }
}

/// A plain text that is spelled as variables of keys are means the variable, as it did in the older gateway (C15).
fn named_variable(input: SecretInput, secrets: &SecretsConfig) -> SecretInput {
    let SecretInput::Literal(literal) = &input else { return input };
    let alias = secrets.default_alias(Source::Env);
    let named = literal.variable().and_then(|name| SecretRef::parse(Source::Env, alias, name).ok());
    named.map_or(input, SecretInput::Ref)
}

/// Everything below `request` is refused under its own name, with what Creel has instead.
fn refuse_request(mut request: Table<'_>) {
    request.refuse(&[
        ("auth", "use `apiKey` with `auth`, or a profile"),
        ("headers", "write `headers` beside `request`, in the entry itself"),
        ("tls", "client certificates are not there yet"),
        ("proxy", "the daemon connects directly"),
        ("allowPrivateNetwork", "leave it out: the very origin of `baseUrl` is granted, private or not"),
    ]);
    request.finish();
}

fn read_model(node: Node, problems: &Problems) -> Option<ConfigModel> {
    let mut table = Table::open(node, problems)?;
    table.refuse(&[
        ("api", "one entry speaks one dialect; write a second entry of `models.providers`"),
        ("headers", "write `headers` in the entry of the provider, for all its models"),
        ("compat", "the plugin owns the dialect"),
    ]);
    if !table.has("id") {
        table.problem("the model has no `id`", None);
    }
    let model = ConfigModel {
        name: table.text("name"),
        reasoning: table.flag("reasoning"),
        input: table.list("input", read_input),
        context_tokens: table.count("contextWindow", 1..=TOKENS_MAX),
        output_tokens: table.count("maxTokens", 1..=TOKENS_MAX),
        cost: table.table("cost").map(read_cost),
        id: table.text("id").unwrap_or_default().into(),
    };
    table.finish();
    (!model.id.is_empty()).then_some(model)
}

fn read_input(node: Node, problems: &Problems) -> Option<Input> {
    let written = super::read::text(&node, problems)?;
    let known = INPUTS.iter().find(|(word, _)| *word == written).map(|(_, input)| *input);
    if known.is_none() {
        let message = format!("expected {}", super::read::alternatives(INPUTS.map(|(word, _)| word)));
        problems.add(node.place, &node.key, message, None);
    }
    known
}

fn read_cost(mut table: Table<'_>) -> Cost {
    let mut amount = |name| table.amount(name).unwrap_or_default();
    let cost = Cost {
        input: amount("input"),
        output: amount("output"),
        cache_read: amount("cacheRead"),
        cache_write: amount("cacheWrite"),
    };
    table.finish();
    cost
}
