//! What the older gateway says in words of its own that Creel says in others. What Creel does not take at all is not
//! said here, but by the reader of its configuration.

use std::collections::BTreeMap;

use super::config::Import;
use super::{NoteKind, tree};
use crate::config::OLDER_KEYS;
use crate::ids::PluginId;
use crate::json5::{Entry, Node, Number, Place, Value};
use crate::manifest::Manifest;
use crate::plaintext::is_secret_name;
use crate::secret_ref::{DEFAULT_ALIAS, SecretRef, Source, is_env_name};

/// Channels that stood at the top of the oldest files.
const TOP_CHANNELS: [&str; 7] = ["telegram", "whatsapp", "discord", "slack", "signal", "imessage", "msteams"];

/// Rewrites what has another form or name in Creel.
pub(super) fn rewrite(import: &mut Import<'_>, manifests: &BTreeMap<PluginId, Manifest>) {
    oldest_shapes(import);
    agent(import);
    model_aliases(import);
    plugins(import);
    providers(import);
    markers(import, &["gateway", "auth", "token"]);
    for channel in names_below(&import.root, &["channels"]) {
        channel_entry(import, &channel, manifests);
    }
}

fn names_below(root: &Node, path: &[&str]) -> Vec<String> {
    let entries = tree::at(root, path).map(tree::entries).unwrap_or_default();
    entries.iter().map(|entry| entry.name.clone()).collect()
}

/// The table at a path, made where nothing stands.
fn table<'a>(root: &'a mut Node, path: &[&str], place: Place) -> Option<&'a mut Node> {
    let mut node = root;
    for name in path {
        if tree::get(node, name).is_none() {
            tree::put(node, name, place, Value::Table(Vec::new()));
        }
        node = tree::at_mut(node, &[name])?;
    }
    Some(node)
}

/// `agent` was `agents.defaults` once, and channels stood at the top.
fn oldest_shapes(import: &mut Import<'_>) {
    let agents = ("agent", &["agents"][..], "defaults");
    let channels = TOP_CHANNELS.map(|channel| (channel, &["channels"][..], channel));
    for (name, above, new_name) in std::iter::once(agents).chain(channels) {
        let path = [above, &[new_name]].concat();
        if tree::at(&import.root, &path).is_some() {
            continue;
        }
        let Some(Entry { place, mut node, .. }) = tree::take(&mut import.root, name) else { continue };
        if !matches!(node.value, Value::Table(_)) {
            tree::put(&mut import.root, name, place, node.value);
            continue;
        }
        let key = node.key.clone();
        let value = std::mem::replace(&mut node.value, Value::Null);
        if let Some(parent) = table(&mut import.root, above, place) {
            tree::put(parent, new_name, place, value);
        }
        let why = (format!("stands in `{}` now", path.join(".")), None);
        import.note(NoteKind::Changed, place, &key, why);
    }
}

/// There is one agent in Creel: what the first one is asked with becomes that of all.
fn agent(import: &mut Import<'_>) {
    if tree::at(&import.root, &["agents", "defaults", "model"]).is_some() {
        return;
    }
    let Some(Value::List(agents)) = tree::at(&import.root, &["agents", "list"]).map(|node| &node.value) else { return };
    let is_default =
        |agent: &&Node| tree::get(agent, "default").is_some_and(|node| matches!(node.value, Value::Flag(true)));
    let Some(model) = agents.iter().find(is_default).or(agents.first()).and_then(|agent| tree::get(agent, "model"))
    else {
        return;
    };
    let model = tree::copy(model);
    let why = ("is that of the one agent: it stands in `agents.defaults.model` now".to_owned(), None);
    import.note(NoteKind::Changed, model.place, &model.key, why);
    if let Some(defaults) = table(&mut import.root, &["agents", "defaults"], model.place) {
        tree::put(defaults, "model", model.place, model.value);
    }
}

/// A model that is named by its alias is named by its name.
fn model_aliases(import: &mut Import<'_>) {
    let models = tree::at(&import.root, &["agents", "defaults", "models"]).map(tree::entries).unwrap_or_default();
    let alias = |entry: &Entry| {
        let alias = tree::get(&entry.node, "alias").and_then(tree::text)?;
        Some((alias.trim().to_lowercase(), entry.name.clone()))
    };
    let aliases: BTreeMap<String, String> = models.iter().filter_map(alias).collect();
    for chain in ["model", "imageModel"] {
        let mut changed = Vec::new();
        if let Some(node) = tree::at_mut(&mut import.root, &["agents", "defaults", chain]) {
            resolve(node, &aliases, &mut changed);
        }
        for (place, key, model) in changed {
            import.note(NoteKind::Changed, place, &key, (format!("is an alias: the file says `{model}`"), None));
        }
    }
}

fn resolve(node: &mut Node, aliases: &BTreeMap<String, String>, changed: &mut Vec<(Place, String, String)>) {
    match &mut node.value {
        Value::Text(text) => {
            if let Some(model) = aliases.get(&text.trim().to_lowercase()) {
                changed.push((node.place, node.key.clone(), model.clone()));
                node.value = tree::string(model);
            }
        }
        Value::List(elements) => elements.iter_mut().for_each(|element| resolve(element, aliases, changed)),
        Value::Table(entries) => entries
            .iter_mut()
            .filter(|entry| matches!(entry.name.as_str(), "primary" | "fallbacks"))
            .for_each(|entry| resolve(&mut entry.node, aliases, changed)),
        Value::Null | Value::Flag(_) | Value::Number(_) => {}
    }
}

/// The older gateway's plugins are programs of another kind. A plugin that must not run stays one that must not.
fn plugins(import: &mut Import<'_>) {
    for name in names_below(&import.root, &["plugins"]).into_iter().filter(|name| name != "deny") {
        let hint = Some("see `creel plugin list`; a component is allowed with `creel plugin approve`".to_owned());
        drop_key(import, &["plugins"], &name, "the plugins of the older gateway do not run in Creel", hint);
    }
}

/// `apiKey` of each provider, and settings that hold a secret.
fn providers(import: &mut Import<'_>) {
    for provider in names_below(&import.root, &["models", "providers"]) {
        let path = ["models", "providers", provider.as_str()];
        markers(import, &[&path[..], &["apiKey"]].concat());
        for name in names_below(&import.root, &path) {
            let is_known = matches!(name.as_str(), "apiKey" | "auth" | "authHeader" | "headers" | "request");
            if !is_known && is_secret_name(None, &name) {
                let hint = Some("write it as `apiKey`, or store a profile".to_owned());
                drop_key(import, &path, &name, "a secret is never a setting of a plugin", hint);
            }
        }
    }
}

/// Makes a reference of what older files write in place of a secret; `${NAME}` stays as it is.
fn markers(import: &mut Import<'_>, path: &[&str]) {
    let Some(node) = tree::at_mut(&mut import.root, path) else { return };
    let (place, key) = (node.place, node.key.clone());
    let Some(text) = tree::text(node).map(|text| text.trim().to_owned()) else { return };
    if text == "secretref-managed" {
        let hint = Some("write the reference itself: `{ source, provider, id }`".to_owned());
        if let Some((name, above)) = path.split_last() {
            drop_key(import, above, name, "it marks a secret that is kept elsewhere, and does not say where", hint);
        }
        return;
    }
    if let Some(reference) = legacy_reference(&text) {
        node.value = tree::reference(&key, place, &reference);
        import.note(NoteKind::Changed, place, &key, (format!("is written as a reference: `{reference}`"), None));
    }
}

/// `secretref-env:NAME`, `__env__:NAME`, and the bare name of a variable, which older files kept in place of a key.
pub(super) fn legacy_reference(text: &str) -> Option<SecretRef> {
    let is_variable = is_env_name(text) && ["_KEY", "_TOKEN", "_SECRET"].iter().any(|end| text.ends_with(end));
    if is_variable {
        return SecretRef::parse(Source::Env, DEFAULT_ALIAS, text).ok();
    }
    if text.starts_with('$') { None } else { SecretRef::from_shorthand(text, DEFAULT_ALIAS) }
}

fn channel_entry(import: &mut Import<'_>, channel: &str, manifests: &BTreeMap<PluginId, Manifest>) {
    let path = ["channels", channel];
    let Some(node) = tree::at(&import.root, &path) else { return };
    let plugin = tree::get(node, "plugin").and_then(tree::text).unwrap_or(channel);
    let serves = |manifest: &Manifest| manifest.provider.is_none();
    let is_served = PluginId::parse(plugin).is_ok_and(|id| manifests.get(&id).is_some_and(serves));
    if !is_served && channel != "defaults" {
        let hint = Some("install a plugin that serves it, and write its entry then".to_owned());
        return drop_key(import, &["channels"], channel, "no plugin that is installed serves this channel", hint);
    }
    daemon_url(import, &path);
    for name in names_below(&import.root, &path) {
        if is_secret_name(None, &name) {
            let hint = Some("leave it out: a plugin never holds a credential".to_owned());
            drop_key(import, &path, &name, "a secret is never a setting of a plugin", hint);
        } else if let Some((_, instead)) = OLDER_KEYS.iter().find(|(older, _)| *older == name) {
            drop_key(import, &path, &name, "not supported by Creel", Some((*instead).to_owned()));
        }
    }
}

/// `httpHost` and `httpPort` are one address.
fn daemon_url(import: &mut Import<'_>, path: &[&str]) {
    let Some(node) = tree::at(&import.root, path) else { return };
    let host = tree::get(node, "httpHost").and_then(tree::text).map(str::to_owned);
    let port = tree::get(node, "httpPort").and_then(|node| match &node.value {
        Value::Number(Number::Whole(port)) => Some(port.to_string()),
        Value::Text(port) => Some(port.to_string()),
        Value::Null | Value::Flag(_) | Value::Number(_) | Value::List(_) | Value::Table(_) => None,
    });
    if tree::get(node, "httpUrl").is_some() || (host.is_none() && port.is_none()) {
        return;
    }
    let url = format!("http://{}:{}", host.as_deref().unwrap_or("127.0.0.1"), port.as_deref().unwrap_or("8080"));
    let Some(node) = tree::at_mut(&mut import.root, path) else { return };
    let mut old = Vec::new();
    for name in ["httpHost", "httpPort"] {
        old.extend(tree::take(node, name));
    }
    if let Some(first) = old.first() {
        tree::put(node, "httpUrl", first.place, tree::string(&url));
    }
    for entry in old {
        let why = ("is part of `httpUrl`".to_owned(), None);
        import.note(NoteKind::Changed, entry.place, &entry.node.key, why);
    }
}

fn drop_key(import: &mut Import<'_>, path: &[&str], name: &str, message: &str, hint: Option<String>) {
    let Some(parent) = tree::at_mut(&mut import.root, path) else { return };
    let above = parent.key.clone();
    if let Some(entry) = tree::take(parent, name) {
        import.leave_out(entry.place, (&entry.node.key, &above), message, hint);
    }
}
