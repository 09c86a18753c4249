//! What a plugin asks for, and the list of plugins, as people read them.

use creel_policy::manifest::{ClassRule, CredentialClass};
use serde::Serialize;

use super::table::{Table, plain};
use super::{Style, shown};
use crate::plugin::Listed;
use crate::plugins::ComponentFile;

/// What a component asks for.
#[derive(Serialize)]
pub(crate) struct Asked {
    id: String,
    version: String,
    summary: String,
    path: String,
    sha256: String,
    manifest_sha256: String,
    endpoints: Vec<AskedEndpoint>,
    credentials: Vec<AskedCredential>,
    renewals: Vec<AskedRenewal>,
    roots: Vec<AskedRoot>,
    media: Vec<&'static str>,
    models: Vec<String>,
    imports: Vec<String>,
    exports: Vec<String>,
}

#[derive(Serialize)]
struct AskedEndpoint {
    name: String,
    server: Option<String>,
    setting: Option<String>,
    allow: Vec<String>,
}

#[derive(Serialize)]
struct AskedCredential {
    slot: String,
    endpoint: String,
    optional: bool,
    class: Vec<CredentialClass>,
    environment: Vec<String>,
    place: String,
}

#[derive(Serialize)]
struct AskedRenewal {
    slot: String,
    server: String,
    setting: Option<String>,
}

#[derive(Serialize)]
struct AskedRoot {
    name: String,
    setting: String,
}

impl Asked {
    /// Gathers it.
    pub(crate) fn of(file: &ComponentFile) -> Self {
        let manifest = &file.manifest;
        let endpoints = manifest.endpoints.iter().map(|(name, endpoint)| AskedEndpoint {
            name: name.clone(),
            server: endpoint.default.clone(),
            setting: endpoint.setting.clone(),
            allow: endpoint.allow.iter().map(|allow| format!("{} {}", allow.method, allow.path)).collect(),
        });
        let credentials = manifest.credentials.iter().flat_map(|(name, slot)| {
            slot.classes.iter().map(|rule| AskedCredential {
                slot: name.clone(),
                endpoint: slot.endpoint.clone(),
                optional: slot.optional,
                class: rule.class.clone(),
                environment: variables(rule),
                place: rule.place.to_string(),
            })
        });
        let renewals = manifest.credentials.iter().filter_map(|(name, slot)| {
            let rule = slot.refresh.as_ref()?;
            let (server, setting) = (rule.token_url.to_string(), rule.setting.clone());
            Some(AskedRenewal { slot: name.clone(), server, setting })
        });
        let roots = manifest.roots.iter();
        let roots = roots.map(|(name, root)| AskedRoot { name: name.clone(), setting: root.setting.clone() });
        let media = [
            (manifest.media.splice, "put media into requests"),
            (manifest.media.read, "read the bytes of media"),
            (manifest.media.store, "make new media"),
            (manifest.media.write, "leave files that become media"),
        ];
        Self {
            id: manifest.plugin.id.to_string(),
            version: manifest.plugin.version.clone(),
            summary: manifest.plugin.summary.clone(),
            path: file.path.display().to_string(),
            sha256: file.sha256.clone(),
            manifest_sha256: file.manifest_sha256.clone(),
            endpoints: endpoints.collect(),
            credentials: credentials.collect(),
            renewals: renewals.collect(),
            roots: roots.collect(),
            media: media.into_iter().filter_map(|(asked, what)| asked.then_some(what)).collect(),
            models: manifest.models.iter().map(|model| model.id.clone()).collect(),
            imports: file.imports.clone(),
            exports: file.exports.clone(),
        }
    }
}

/// The variables that are looked for, those that belong together as one.
fn variables(rule: &ClassRule) -> Vec<String> {
    let mut names = rule.environment.clone();
    if let (Some(others), [name]) = (&rule.companions, &mut names[..]) {
        name.push_str(&format!(" with ${}", others.secret));
        if let Some(token) = &others.token {
            name.push_str(&format!(" and perhaps ${token}"));
        }
    }
    names
}

/// What a component asks for.
pub(crate) fn asked(asked: &Asked, style: Style) -> String {
    let mut text = format!("{} {}", style.bold(&shown(&asked.id)), shown(&asked.version));
    if !asked.summary.is_empty() {
        text.push_str(&format!(": {}", shown(&asked.summary)));
    }
    text.push_str(&format!("\n  file       {}\n", shown(&asked.path)));
    text.push_str(&format!("  component  sha256 {}\n  manifest   sha256 {}\n", asked.sha256, asked.manifest_sha256));
    text.push_str("It asks for:\n");
    for endpoint in &asked.endpoints {
        let server = match (&endpoint.server, &endpoint.setting) {
            (Some(server), Some(setting)) => format!("{server}, or what `{setting}` says"),
            (Some(server), None) => server.clone(),
            (None, Some(setting)) => format!("what `{setting}` says"),
            (None, None) => "no server".to_owned(),
        };
        let allow = endpoint.allow.join(", ");
        text.push_str(&format!("  requests   {}: {} ({})\n", shown(&endpoint.name), shown(&server), shown(&allow)));
    }
    for one in &asked.credentials {
        let class: Vec<&str> = one.class.iter().map(|class| word(*class)).collect();
        let bare = if one.optional { ", or none" } else { "" };
        let variables =
            if one.environment.is_empty() { String::new() } else { format!(" (${})", one.environment.join(", $")) };
        text.push_str(&format!(
            "  credential {}: {}{}{bare}, on requests to `{}` as {}; it never sees the value\n",
            shown(&one.slot),
            class.join(" or "),
            shown(&variables),
            shown(&one.endpoint),
            shown(&one.place)
        ));
    }
    for one in &asked.renewals {
        let or = one.setting.as_ref().map_or_else(String::new, |setting| format!(", or what `{setting}` says"));
        let server = format!("{}{or}", one.server);
        text.push_str(&format!(
            "  renewal    {}: access tokens at {} (POST), by the host; it never sees them\n",
            shown(&one.slot),
            shown(&server)
        ));
    }
    for root in &asked.roots {
        let (name, setting) = (shown(&root.name), shown(&root.setting));
        text.push_str(&format!("  directory  {name}: what `{setting}` says, read by the host for it\n"));
    }
    for media in &asked.media {
        text.push_str(&format!("  media      {media}\n"));
    }
    if asked.endpoints.is_empty() && asked.credentials.is_empty() && asked.roots.is_empty() && asked.media.is_empty() {
        text.push_str("  nothing\n");
    }
    text
}

/// The list of plugins.
pub(crate) fn plugins(listed: &[Listed], unusable: &[String], style: Style) -> String {
    let mut table = Table::new(&[
        ("plugin", plain),
        ("version", plain),
        ("standing", plain),
        ("daemon", plain),
        ("file", plain),
        ("why", plain),
    ]);
    for one in listed {
        let running = match one.running {
            Some(true) => "running",
            Some(false) => "-",
            None => "",
        };
        table.row([
            one.id.clone(),
            one.version.clone().unwrap_or_default(),
            one.standing.to_owned(),
            running.to_owned(),
            one.path.clone().unwrap_or_else(|| "-".to_owned()),
            one.reason.clone().unwrap_or_default(),
        ]);
    }
    let mut text = table.render(style);
    for refusal in unusable {
        text.push_str(&format!("{} {}\n", style.red("not usable:"), shown(refusal)));
    }
    text
}

fn word(class: CredentialClass) -> &'static str {
    match class {
        CredentialClass::ApiKey => "api_key",
        CredentialClass::Token => "token",
        CredentialClass::Oauth => "oauth",
    }
}
