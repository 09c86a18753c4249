//! The list of models that the account can use, page by page. What a model's name says about what it takes is
//! `model`'s; here counts what the provider tells.

use creel_sdk::catalog::{Model, Query};
use creel_sdk::provider::{CallError, Fault};
use creel_sdk::{Context, Io, Request};
use serde::Deserialize;

use crate::{VERSION, fault};

/// Models of one page; the provider gives no more.
const PAGE_MODELS: usize = 1_000;
/// Pages that are asked for; the provider has some dozen models.
const PAGES_MAX: usize = 10;
/// Bytes of one page.
const PAGE_BYTES_MAX: usize = 4 << 20;

#[derive(Deserialize)]
struct Page {
    data: Vec<Entry>,
    #[serde(default)]
    has_more: bool,
    last_id: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    display_name: Option<String>,
    max_input_tokens: Option<u64>,
    max_tokens: Option<u64>,
    capabilities: Option<Capabilities>,
}

#[derive(Deserialize)]
struct Capabilities {
    image_input: Option<Capability>,
}

#[derive(Deserialize)]
struct Capability {
    supported: bool,
}

/// Asks for every page. The list tells of each model what there is to tell, so that no query takes more requests.
pub(crate) async fn list(cx: Context, _: Query, io: Io) -> Result<Vec<Model>, CallError> {
    let mut models = Vec::new();
    let mut after = String::new();
    for _ in 0..PAGES_MAX {
        let page = page(&cx, &io, &after).await?;
        models.extend(page.data.into_iter().map(model));
        if !page.has_more {
            return Ok(models);
        }
        let last = page.last_id.filter(|last| is_id(last) && *last != after);
        after = last.ok_or_else(|| malformed("the list of models goes on, and does not say where"))?;
    }
    Err(malformed("the list of models has no end"))
}

async fn page(cx: &Context, io: &Io, after: &str) -> Result<Page, CallError> {
    let cursor = if after.is_empty() { String::new() } else { format!("&after_id={after}") };
    let request = Request::get("api", format!("/v1/models?limit={PAGE_MODELS}{cursor}"))
        .header("anthropic-version", VERSION)
        .header("accept", "application/json")
        .credential("account");
    let mut response = io.send(request).await?;
    if !response.is_success() {
        return Err(fault::read(&mut response, cx.now_ms).await);
    }
    Ok(response.json(PAGE_BYTES_MAX).await?)
}

fn model(entry: Entry) -> Model {
    let image_input = entry.capabilities.and_then(|capabilities| capabilities.image_input);
    Model {
        aliases: alias(&entry.id).into_iter().collect(),
        name: entry.display_name,
        accepts_images: image_input.map(|capability| capability.supported),
        context_tokens: entry.max_input_tokens,
        output_tokens: entry.max_tokens,
        ..Model::named(entry.id)
    }
}

/// The name without its date, as the provider spells it: `claude-haiku-4-5`, `claude-sonnet-4-0`,
/// `claude-3-7-sonnet-latest`. The list has only the dated one.
fn alias(id: &str) -> Option<String> {
    let (name, date) = id.rsplit_once('-')?;
    let is_date = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
    let rest = name.strip_prefix("claude-").filter(|_| is_date)?;
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let words: Vec<&str> = rest.split('-').collect();
    match words[..] {
        [first, ..] if is_number(first) => Some(format!("{name}-latest")),
        [.., major, minor] if is_number(major) && is_number(minor) => Some(name.to_owned()),
        [.., major] if is_number(major) => Some(format!("{name}-0")),
        [..] => None,
    }
}

/// Whether a text can stand in a query as it is.
fn is_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=200).contains(&text.len()) && text.bytes().all(is_plain)
}

fn malformed(message: &str) -> CallError {
    CallError::new(Fault::MalformedResponse, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dated_name_has_the_alias_that_the_provider_gives_it() {
        let check = |id, expected: Option<&str>| assert_eq!(alias(id).as_deref(), expected, "{id}");
        check("claude-haiku-4-5-20251001", Some("claude-haiku-4-5"));
        check("claude-opus-4-1-20250805", Some("claude-opus-4-1"));
        check("claude-sonnet-4-20250514", Some("claude-sonnet-4-0"));
        check("claude-3-7-sonnet-20250219", Some("claude-3-7-sonnet-latest"));
        check("claude-3-opus-20240229", Some("claude-3-opus-latest"));
        check("claude-opus-4-6", None);
        check("claude-haiku-4-5-2025100", None);
        check("claude-haiku-4-5-2025100x", None);
        check("gpt-haiku-4-5-20251001", None);
        check("claude-20251001", None);
        check("", None);
    }
}
