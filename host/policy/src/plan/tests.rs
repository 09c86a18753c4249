//! The plan as far as credentials go: where each provider is, whom a request for a credential names, and whose variables
//! are looked for.

use super::*;
use crate::config::parse_config;
use crate::credential::{SecretSource, secret_sources};
use crate::profiles::Profiles;

/// A provider plugin with one endpoint and one slot.
fn manifest(id: &str, default: &str) -> (PluginId, Manifest) {
    let variable = format!("{}_API_KEY", id.to_uppercase());
    let text = format!(
        "[plugin]\nid = \"{id}\"\nversion = \"0.1.0\"\ninterface = \"creel:plugin@0.1\"\nsummary = \"a test\"\n\
         [provider]\napis = [\"{id}\"]\n[endpoints.api]\ndefault = \"{default}\"\nsetting = \"baseUrl\"\n\
         allow = [{{ method = \"POST\", path = \"/v1\" }}]\n[credentials.account]\nendpoint = \"api\"\n\
         [[credentials.account.classes]]\nclass = [\"api_key\"]\nenvironment = [\"{variable}\"]\n\
         place = {{ header = \"x-api-key\" }}\n"
    );
    let manifest = Manifest::parse(&text).unwrap_or_else(|errors| panic!("{errors:#?}"));
    (PluginId::parse(id).expect("an id"), manifest)
}

fn manifests() -> BTreeMap<PluginId, Manifest> {
    [manifest("anthropic", "https://api.anthropic.example"), manifest("openai", "https://api.openai.example/v1")].into()
}

fn config(text: &str) -> Config {
    parse_config("creel.json5", text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn id(text: &str) -> ProviderId {
    ProviderId::parse(text).expect("an id")
}

/// `provider@origin` for each.
fn homes(plan: &Plan) -> Vec<String> {
    plan.homes.iter().map(|(id, origin)| format!("{id}@{origin}")).collect()
}

#[test]
fn each_provider_is_where_its_entry_says_and_else_where_its_plugin_does() {
    let named = config(
        "{ models: { providers: { openai: { baseUrl: 'https://proxy.example:8443/v1' },
             custom: { api: 'openai', baseUrl: 'http://127.0.0.1:1234/v1' },
             nobody: { api: 'unheard-of', baseUrl: 'https://nobody.example' },
             wrong: { api: 'openai', baseUrl: 'nonsense' } } } }",
    );
    assert_eq!(
        homes(&plan(&named, &manifests())),
        [
            // Nothing names it; a profile of it is bound all the same.
            "anthropic@https://api.anthropic.example",
            "custom@http://127.0.0.1:1234",
            "openai@https://proxy.example:8443",
        ]
    );
}

#[test]
fn a_question_for_a_credential_knows_who_asks_and_where_it_would_go() {
    let named = config("{ models: { providers: { custom: { api: 'openai', baseUrl: 'http://127.0.0.1:1234/v1' } } } }");
    let plan = plan(&named, &manifests());
    let planned = &plan.providers[&id("custom")];
    let slot = &planned.grant.credentials["account"];
    let server = plan.server(planned, slot);
    assert_eq!((server.plugin.as_str(), server.keyless), ("openai", false));
    assert_eq!(server.origin.map(ToString::to_string).as_deref(), Some("http://127.0.0.1:1234"));
    assert!(server.homes.contains_key(&id("anthropic")));
    let elsewhere = CredentialSlot { endpoint: "other".into(), ..slot.clone() };
    assert_eq!(plan.server(planned, &elsewhere).origin, None);
}

#[test]
fn the_variables_of_a_plugin_that_may_not_run_are_nobodys() {
    // C53: what is not approved, or switched off, has no manifest here, or no plan, and no variable of it is looked for.
    let allowed = config("{ plugins: { allow: ['openai'] }, agents: { defaults: { model: 'anthropic/a' } } }");
    let problems = plan(&allowed, &manifests()).problems;
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let off = "`models.providers.anthropic` cannot run: the plugin is not in `plugins.allow`";
    assert_eq!(shown, [off], "C53");
    assert!(plan_provider(&allowed, &BTreeMap::new(), &id("openai")).is_err(), "C53");
    let openai = manifest("openai", "https://api.openai.example").1;
    let sources = secret_sources(&allowed, &Profiles::default(), &BTreeMap::from([(id("openai"), &openai)]));
    assert_eq!(sources, [SecretSource::Environment("OPENAI_API_KEY".to_owned())], "C53");
}
