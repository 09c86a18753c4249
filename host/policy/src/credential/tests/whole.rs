//! From the text of the files to the credential of each call: what the configuration says of a profile reaches the
//! choice, for every model that it names and for every use.

use super::*;
use crate::route::{ModelTarget, targets};

const PROFILES: &str = "{ version: 1, profiles: {
    'anthropic:default': { type: 'api_key', provider: 'anthropic', key: 'one' },
    'anthropic:eyes': { type: 'api_key', provider: 'anthropic', key: 'two' },
    'anthropic:max': { type: 'token', provider: 'anthropic', token: 'three' } } }";

/// Each target of a configuration with what is sent for it: `model.primary anthropic/a: anthropic:default`.
fn chosen(config: &str, profiles: Profiles) -> Vec<String> {
    let config = parse_config("creel.json5", config).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let given = Given::default();
    let known = given.known(&config, &profiles);
    let choose = |target: &ModelTarget| {
        let plugin = PluginId::parse(target.model.provider.as_str()).expect("an id");
        let homes = BTreeMap::new();
        let server = Server { plugin: &plugin, keyless: false, origin: None, homes: &homes };
        let request = CredentialRequest {
            provider: &target.model.provider,
            slot: &given.slot(),
            server,
            use_: Use::Chat,
            profile: target.profile.as_ref(),
            preferred_profile: target.preferred_profile.as_ref(),
            now_ms: NOW_MS,
            health: Health::default(),
        };
        let selected = select(&config, &profiles, &known, &request);
        consistent(&selected);
        let id = selected.0.chosen().map_or("failed", |chosen| &chosen.id);
        format!("{} {}: {id}", target.role, target.model)
    };
    targets(&config).iter().map(choose).collect()
}

fn read(file: &str, text: &str) -> Profiles {
    parse_profiles(file, text, &Config::default().secrets).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

#[test]
fn a_profile_of_a_model_reaches_the_choice() {
    let config = "{ agents: { defaults: {
          model: { primary: 'anthropic/a', profile: 'anthropic:default', fallbacks: ['anthropic/b', 'openai/c'] },
          imageModel: { primary: 'Anthropic/d', profile: 'anthropic:eyes' } } },
        tools: { media: { image: { models: [
          { provider: 'anthropic', model: 'e', profile: 'anthropic:eyes' },
          { provider: 'anthropic', model: 'f', preferredProfile: 'anthropic:default' },
          { provider: 'anthropic', model: 'g', profile: 'anthropic:gone' },
          { provider: 'anthropic', model: 'h', preferredProfile: 'anthropic:gone' },
          { provider: 'anthropic', model: 'i' } ] } } } }";
    assert_eq!(
        chosen(config, read("auth-profiles.json", PROFILES)),
        [
            "model.primary anthropic/a: anthropic:default",
            "model.fallbacks[0] anthropic/b: anthropic:default",
            // The profile of a chain is for its own provider alone.
            "model.fallbacks[1] openai/c: failed",
            "imageModel.primary anthropic/d: anthropic:eyes",
            "describe[0] anthropic/e: anthropic:eyes",
            "describe[1] anthropic/f: anthropic:default",
            "describe[2] anthropic/g: failed",
            "describe[3] anthropic/h: anthropic:max",
            "describe[4] anthropic/i: anthropic:max",
        ],
        "I7"
    );
}

#[test]
fn a_profile_of_another_provider_fails_the_model_that_names_it() {
    let config = "{ agents: { defaults: { model: { primary: 'openai/c', profile: 'anthropic:default' } } } }";
    assert_eq!(chosen(config, read("auth-profiles.json", PROFILES)), ["model.primary openai/c: failed"]);
}

#[test]
fn an_agents_own_profiles_come_before_those_that_all_share() {
    let shared = read(
        "auth-profiles.json",
        "{ version: 1, profiles: {
            'a:default': { type: 'api_key', provider: 'anthropic', key: 'shared' },
            'a:other': { type: 'api_key', provider: 'anthropic', key: 'shared' },
            'o:default': { type: 'api_key', provider: 'openai', key: 'shared' },
            'bad': 7 },
          order: { anthropic: ['a:other'], openai: ['o:default'] } }",
    );
    let own = || {
        read(
            "agents/main/auth-profiles.json",
            "{ version: 1, profiles: {
                'a:default': { type: 'token', provider: 'anthropic', token: 'own' },
                'a:own': { type: 'api_key', provider: 'anthropic' } } }",
        )
    };
    let merged = shared.with_own(own());
    let ids: Vec<_> = merged.profiles.iter().map(|profile| (profile.id.as_str(), profile.file.as_str())).collect();
    let (own_file, shared_file) = ("agents/main/auth-profiles.json", "auth-profiles.json");
    assert_eq!(
        ids,
        [
            ("a:default", own_file),
            ("a:own", own_file),
            ("a:other", shared_file),
            ("o:default", shared_file),
            ("bad", shared_file)
        ]
    );
    // Both files say what is wrong with them, each under its own name.
    let files: Vec<&str> = merged.problems.iter().map(|problem| problem.file.as_str()).collect();
    assert_eq!(files, [shared_file, own_file]);
    let order = |profiles: &Profiles, provider: &str| {
        let ids = profiles.order.get(&ProviderId::parse(provider).expect("an id"));
        ids.map(|ids| ids.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(order(&merged, "anthropic"), Some(vec!["a:other".to_owned()]));
    let config = "{ agents: { defaults: { model: 'anthropic/a' } } }";
    assert_eq!(chosen(config, merged), ["model.primary anthropic/a: a:other"]);

    // The agent's order beats the shared one, provider by provider.
    let text = "{ version: 1, profiles: {}, order: { anthropic: ['a:default', 'a:other'] } }";
    let shared = read(
        "auth-profiles.json",
        "{ version: 1, profiles: {
            'a:other': { type: 'api_key', provider: 'anthropic', key: 'shared' } },
          order: { anthropic: ['a:other'], openai: ['o:default'] } }",
    );
    let own = Profiles { order: read("agents/main/auth-profiles.json", text).order, ..own() };
    let merged = shared.with_own(own);
    assert_eq!(order(&merged, "openai"), Some(vec!["o:default".to_owned()]));
    assert_eq!(chosen(config, merged), ["model.primary anthropic/a: a:default"]);
}
