//! Reads `plugin.toml` into a [`Manifest`]. Whatever it does not understand is a problem: a request for powers that
//! cannot be read is not half granted (attacks 155, 176).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::de::DeTable;

use super::place::{self, read_companions, read_place};
use super::read::{self, Reader, Table};
use super::refresh::read_refresh;
use super::rules;
use super::{
    Allow, ClassRule, CredentialClass, CredentialSlot, EndpointRequest, ImageBounds, Input, LimitRequest, Manifest,
    MediaRequest, ModelInfo, PluginInfo, ProviderInfo, RootRequest,
};
use crate::limits;
use crate::problem::Problem;
use crate::settings::Schema;

/// The interface that this host speaks.
pub const INTERFACE: &str = "creel:plugin@0.1";

/// Everything that is wrong with a manifest, in the order of its text; never empty.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ManifestErrors(pub Vec<Problem>);

impl std::fmt::Display for ManifestErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ManifestErrors {}

impl Manifest {
    /// Parses a manifest and checks all that can be checked without an operator.
    ///
    /// # Errors
    ///
    /// [`ManifestErrors`] with every problem and its place. Where the interface is not ours it is the only problem:
    /// what another version means by its keys is not ours to judge (attacks 150, 184).
    pub fn parse(text: &str) -> Result<Self, ManifestErrors> {
        let mut reader = Reader::new(text);
        if text.len() > limits::MANIFEST_BYTES_MAX {
            reader.problem(&(0..0), String::new(), format!("has more than {} bytes", limits::MANIFEST_BYTES_MAX));
            return Err(ManifestErrors(reader.finish()));
        }
        let document = match DeTable::parse(text) {
            Ok(document) => document,
            Err(error) => {
                reader.problem(&error.span().unwrap_or(0..0), String::new(), error.message());
                return Err(ManifestErrors(reader.finish()));
            }
        };
        let root = Table { path: String::new(), span: 0..0, entries: document.get_ref() };
        if let Some((message, span)) = other_interface(&root) {
            reader.problem(&span, "plugin.interface".to_owned(), message);
            return Err(ManifestErrors(reader.finish()));
        }
        let manifest = read_manifest(&mut reader, &root);
        match (manifest, reader.finish()) {
            (Some(manifest), problems) if problems.is_empty() => Ok(manifest),
            (_, problems) => Err(ManifestErrors(problems)),
        }
    }
}

/// Says which interface the plugin was made for, if it names another one than ours.
fn other_interface(root: &Table<'_>) -> Option<(String, Range<usize>)> {
    let value = root.entries.get("plugin")?.get_ref().get("interface")?;
    let asked = value.get_ref().as_str().filter(|asked| *asked != INTERFACE)?;
    let asked: String = asked.chars().filter(|c| !c.is_control()).take(80).collect();
    Some((format!("the plugin speaks `{asked}` and this host `{INTERFACE}`"), value.span()))
}

fn read_manifest(reader: &mut Reader<'_>, root: &Table<'_>) -> Option<Manifest> {
    reader.only(
        root,
        &["plugin", "provider", "endpoints", "credentials", "roots", "media", "limits", "models", "settings"],
    );
    let plugin = match reader.table(root, "plugin") {
        Some(table) => read_plugin(reader, &table),
        None => {
            if !root.entries.contains_key("plugin") {
                reader.problem(&root.span, "plugin".to_owned(), "is required");
            }
            None
        }
    };
    let provider = reader.table(root, "provider").map(|table| read_provider(reader, &table));
    let mut settings = BTreeSet::new();
    let endpoints = read_endpoints(reader, root, &mut settings);
    let roots = read_roots(reader, root, &mut settings);
    let mut of_places = place::Settings { taken: &settings, placed: BTreeSet::new() };
    let credentials = read_credentials(reader, root, &endpoints, &mut of_places);
    let placed = of_places.placed;
    settings.extend(placed);
    let media = reader.table(root, "media");
    let (media, images) = media.map(|table| read_media(reader, &table)).unwrap_or_default();
    let limits = reader.table(root, "limits").map(|table| read_limits(reader, &table)).unwrap_or_default();
    let models = read_models(reader, root);
    let settings_schema = reader.table(root, "settings").and_then(|table| read_settings(reader, &table, &settings));
    let plugin = plugin?;
    Some(Manifest { plugin, provider, endpoints, credentials, roots, media, images, limits, models, settings_schema })
}

fn read_plugin(reader: &mut Reader<'_>, table: &Table<'_>) -> Option<PluginInfo> {
    reader.only(table, &["id", "version", "interface", "summary"]);
    let id = reader.required(table, "id", rules::plugin_id);
    let version = reader.required(table, "version", rules::version);
    let interface = reader.required(table, "interface", rules::any);
    let summary = reader.parsed(table, "summary", rules::summary).unwrap_or_default();
    Some(PluginInfo { id: id?, version: version?, interface: interface?, summary })
}

fn read_provider(reader: &mut Reader<'_>, table: &Table<'_>) -> ProviderInfo {
    reader.only(table, &["apis", "keyless"]);
    let apis = reader.list(table, "apis", rules::api);
    ProviderInfo { apis, keyless: reader.flag(table, "keyless") }
}

fn read_endpoints(
    reader: &mut Reader<'_>,
    root: &Table<'_>,
    settings: &mut BTreeSet<String>,
) -> BTreeMap<String, EndpointRequest> {
    let mut endpoints = BTreeMap::new();
    for (name, span, table) in reader.tables(root, "endpoints") {
        reader.only(&table, &["default", "setting", "allow"]);
        check_name(reader, &name, &span, &table);
        let default = reader.parsed(&table, "default", rules::default_base);
        let setting = read_setting(reader, &table, settings);
        if !table.entries.contains_key("default") && !table.entries.contains_key("setting") {
            reader.problem(&table.span, table.path.clone(), "needs a `default`, a `setting` or both");
        }
        let mut allow: Vec<Allow> = Vec::new();
        for entry in reader.table_list(&table, "allow") {
            reader.only(&entry, &["method", "path"]);
            let method = reader.required(&entry, "method", rules::method);
            let path = reader.required(&entry, "path", rules::allow_path);
            let (Some(method), Some(path)) = (method, path) else { continue };
            let entry_span = entry.span.clone();
            let rule = Allow { method, path };
            if allow.contains(&rule) {
                reader.problem(&entry_span, entry.path.clone(), "stands here twice");
            } else {
                allow.push(rule);
            }
        }
        if table.entries.get("allow").is_none_or(|value| value.get_ref().as_array().is_some_and(|list| list.is_empty()))
        {
            reader.problem(&table.span, table.key("allow"), "must allow at least one method and path");
        }
        endpoints.insert(name, EndpointRequest { default, setting, allow });
    }
    endpoints
}

fn read_credentials(
    reader: &mut Reader<'_>,
    root: &Table<'_>,
    endpoints: &BTreeMap<String, EndpointRequest>,
    settings: &mut place::Settings<'_>,
) -> BTreeMap<String, CredentialSlot> {
    let mut slots = BTreeMap::new();
    for (name, span, table) in reader.tables(root, "credentials") {
        reader.only(&table, &["endpoint", "optional", "classes", "refresh"]);
        check_name(reader, &name, &span, &table);
        let endpoint = reader.required(&table, "endpoint", |text| {
            let is_known = endpoints.contains_key(text);
            if is_known { Ok(text.to_owned()) } else { Err("names no endpoint of this manifest") }
        });
        let optional = reader.flag(&table, "optional");
        let mut classes: Vec<ClassRule> = Vec::new();
        for entry in reader.table_list(&table, "classes") {
            classes.extend(read_class(reader, &entry, &classes, settings));
        }
        if !table.entries.contains_key("classes") {
            reader.problem(&table.span, table.key("classes"), "is required");
        }
        let refresh = reader.table(&table, "refresh").and_then(|table| read_refresh(reader, &table, settings));
        slots.insert(name, CredentialSlot { endpoint: endpoint.unwrap_or_default(), optional, classes, refresh });
    }
    slots
}

fn read_class(
    reader: &mut Reader<'_>,
    table: &Table<'_>,
    earlier: &[ClassRule],
    settings: &mut place::Settings<'_>,
) -> Option<ClassRule> {
    reader.only(table, &["class", "environment", "companions", "place", "with"]);
    let class = reader.list(table, "class", rules::class);
    if !table.entries.contains_key("class") {
        reader.problem(&table.span, table.key("class"), "is required");
    }
    let mut seen: Vec<CredentialClass> = earlier.iter().flat_map(|rule| rule.class.iter().copied()).collect();
    for class in &class {
        // Two places for one class would leave it to chance where the value goes (attack 67).
        if seen.contains(class) {
            reader.problem(&table.span, table.key("class"), "a class has one place, and this one stands here twice");
        }
        seen.push(*class);
    }
    let environment = reader.list(table, "environment", rules::environment);
    let Some(place) = reader.table(table, "place") else {
        if !table.entries.contains_key("place") {
            reader.problem(&table.span, table.key("place"), "is required");
        }
        return None;
    };
    let place = read_place(reader, &place, settings)?;
    let companions = read_companions(reader, table, (&place, &environment));
    let mut with = BTreeMap::new();
    if let Some(headers) = reader.table(table, "with") {
        for (key, value) in headers.entries {
            let header = key.get_ref().as_ref();
            if let Err(error) = rules::with_header(header, &place.headers()) {
                reader.problem(&key.span(), headers.key(header), error);
            }
            if let Some(text) = reader.value(&headers, header, value, rules::header_text) {
                with.insert(header.to_owned(), text);
            }
        }
    }
    Some(ClassRule { class, environment, companions, place, with })
}

fn read_roots(
    reader: &mut Reader<'_>,
    root: &Table<'_>,
    settings: &mut BTreeSet<String>,
) -> BTreeMap<String, RootRequest> {
    let mut roots = BTreeMap::new();
    for (name, span, table) in reader.tables(root, "roots") {
        reader.only(&table, &["setting", "mode"]);
        check_name(reader, &name, &span, &table);
        reader.parsed(&table, "mode", |text| if text == "read" { Ok(()) } else { Err("the only mode is `read`") });
        if !table.entries.contains_key("setting") {
            reader.problem(&table.span, table.key("setting"), "is required");
        }
        if let Some(setting) = read_setting(reader, &table, settings) {
            roots.insert(name, RootRequest { setting });
        }
    }
    roots
}

fn read_media(reader: &mut Reader<'_>, table: &Table<'_>) -> (MediaRequest, ImageBounds) {
    reader.only(table, &["splice", "read", "store", "write", "images"]);
    let request = MediaRequest {
        splice: reader.flag(table, "splice"),
        read: reader.flag(table, "read"),
        store: reader.flag(table, "store"),
        write: reader.flag(table, "write"),
    };
    let images = reader.table(table, "images").map(|table| read_images(reader, &table)).unwrap_or_default();
    (request, images)
}

fn read_images(reader: &mut Reader<'_>, table: &Table<'_>) -> ImageBounds {
    reader.only(table, &["content_types", "bytes_max", "side_max", "pixels_max"]);
    let content_types = reader.list(table, "content_types", rules::picture_type);
    if table.entries.get("content_types").is_some_and(|value| value.get_ref().as_array().is_some_and(|l| l.is_empty()))
    {
        reader.problem(&table.span, table.key("content_types"), "must name a content type, or be left out for any");
    }
    if (1..content_types.len()).any(|index| content_types[..index].contains(&content_types[index])) {
        reader.problem(&table.span, table.key("content_types"), "names a content type twice");
    }
    let side_max = reader.number(table, "side_max", limits::PICTURE_SIDE_MAX);
    ImageBounds {
        content_types,
        bytes_max: reader.number(table, "bytes_max", limits::MEDIUM_BYTES_MAX),
        side_max: side_max.and_then(|side| u32::try_from(side).ok()),
        pixels_max: reader.number(table, "pixels_max", limits::PICTURE_SIDE_MAX * limits::PICTURE_SIDE_MAX),
    }
}

fn read_limits(reader: &mut Reader<'_>, table: &Table<'_>) -> LimitRequest {
    reader.only(table, &["cursor_bytes_max"]);
    let bytes = reader.number(table, "cursor_bytes_max", limits::CURSOR_BYTES_MAX as u64);
    LimitRequest { cursor_bytes_max: bytes.and_then(|bytes| usize::try_from(bytes).ok()) }
}

fn read_models(reader: &mut Reader<'_>, root: &Table<'_>) -> Vec<ModelInfo> {
    let mut models: Vec<ModelInfo> = Vec::new();
    for table in reader.table_list(root, "models") {
        reader.only(&table, &["id", "input", "context_tokens", "output_tokens"]);
        let id = reader.required(&table, "id", rules::model);
        let input: Vec<Input> = reader.list(&table, "input", rules::input);
        if !table.entries.contains_key("input") {
            reader.problem(&table.span, table.key("input"), "is required");
        }
        let context_tokens = reader.number(&table, "context_tokens", u64::from(u32::MAX));
        let output_tokens = reader.number(&table, "output_tokens", u64::from(u32::MAX));
        let Some(id) = id else { continue };
        if models.iter().any(|model| model.id == id) {
            reader.problem(&table.span, table.key("id"), "stands here twice");
        }
        models.push(ModelInfo { id, input, context_tokens, output_tokens });
    }
    models
}

/// Reads `[settings]`, a JSON Schema, and hands it on as JSON.
fn read_settings(reader: &mut Reader<'_>, table: &Table<'_>, taken: &BTreeSet<String>) -> Option<String> {
    let schema = read::json_of_table(table.entries);
    let text = schema.to_string();
    match Schema::parse(schema) {
        Ok(schema) => {
            for name in schema.names() {
                let rule = rules::setting(name);
                let rule = if taken.contains(name) {
                    Err("an endpoint, a root or a credential takes this setting")
                } else {
                    rule
                };
                if let Err(error) = rule {
                    reader.problem(&table.span, format!("settings.properties.{name}"), error);
                }
            }
            Some(text)
        }
        Err(faults) => {
            for fault in faults {
                reader.problem_with_hint(&table.span, table.key(&fault.path), fault.message, fault.hint);
            }
            None
        }
    }
}

fn check_name(reader: &mut Reader<'_>, name: &str, span: &Range<usize>, table: &Table<'_>) {
    if let Err(error) = rules::name(name) {
        reader.problem(span, table.path.clone(), error);
    }
}

/// Reads a `setting`. A key of the operator's entry that meant two things could not be explained.
fn read_setting(reader: &mut Reader<'_>, table: &Table<'_>, settings: &mut BTreeSet<String>) -> Option<String> {
    let setting = reader.parsed(table, "setting", |text| {
        rules::setting(text)?;
        if settings.contains(text) { Err("is used twice in this manifest") } else { Ok(text.to_owned()) }
    })?;
    settings.insert(setting.clone());
    Some(setting)
}

#[cfg(test)]
mod tests;
