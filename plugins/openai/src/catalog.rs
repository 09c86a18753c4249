//! The list of models that the account can use. The provider's own tells names alone; others tell more, each under
//! names of its own, and what is told counts. Nothing is guessed from a name.

use creel_sdk::catalog::{Model, Query};
use creel_sdk::provider::CallError;
use creel_sdk::{Context, Io, Request};
use serde::Deserialize;

use crate::fault;
use crate::settings::Settings;

/// Bytes of the list; the longest known one has some 600 KB.
const LIST_BYTES_MAX: usize = 16 << 20;

/// A list, beneath `data` or by itself.
#[derive(Deserialize)]
#[serde(untagged)]
enum List {
    Wrapped { data: Vec<Entry> },
    Plain(Vec<Entry>),
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    name: Option<String>,
    display_name: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    // What fits the context, by server: OpenRouter and Together, Groq, vLLM, Mistral.
    context_length: Option<u64>,
    context_window: Option<u64>,
    max_model_len: Option<u64>,
    max_context_length: Option<u64>,
    max_completion_tokens: Option<u64>,
    top_provider: Option<TopProvider>,
    architecture: Option<Architecture>,
    supported_parameters: Option<Vec<String>>,
    capabilities: Option<Capabilities>,
}

#[derive(Deserialize)]
struct TopProvider {
    max_completion_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Architecture {
    input_modalities: Option<Vec<String>>,
}

/// One server has flags, another a list of words.
#[derive(Deserialize)]
#[serde(untagged)]
enum Capabilities {
    Flags { vision: Option<bool>, function_calling: Option<bool> },
    Other(serde::de::IgnoredAny),
}

/// Asks for the list.
pub(crate) async fn list(cx: Context, _: Query, io: Io) -> Result<Vec<Model>, CallError> {
    let settings: Settings = cx.settings()?;
    let request = settings.sign(Request::get("api", "/models").header("accept", "application/json"));
    let mut response = io.send(request).await?;
    if !response.is_success() {
        return Err(fault::read(&mut response, cx.now_ms).await);
    }
    let (List::Wrapped { data } | List::Plain(data)) = response.json(LIST_BYTES_MAX).await?;
    Ok(data.into_iter().map(model).collect())
}

fn model(entry: Entry) -> Model {
    let (vision, function_calling) = match entry.capabilities {
        Some(Capabilities::Flags { vision, function_calling }) => (vision, function_calling),
        Some(Capabilities::Other(_)) | None => (None, None),
    };
    let has = |list: Option<Vec<String>>, word: &str| list.map(|list| list.iter().any(|one| one == word));
    let input = entry.architecture.and_then(|architecture| architecture.input_modalities);
    let contexts = [entry.context_length, entry.context_window, entry.max_model_len, entry.max_context_length];
    let top = entry.top_provider.and_then(|top| top.max_completion_tokens);
    Model {
        name: entry.display_name.or(entry.name).filter(|name| *name != entry.id),
        aliases: entry.aliases.into_iter().filter(|alias| *alias != entry.id).collect(),
        accepts_images: has(input, "image").or(vision),
        accepts_tools: has(entry.supported_parameters, "tools").or(function_calling),
        context_tokens: contexts.into_iter().flatten().next(),
        output_tokens: top.or(entry.max_completion_tokens),
        ..Model::named(entry.id)
    }
}
