//! Whatever stands in the files and the environment, there is one winner or a failure, nothing is silent, and nobody
//! gets what belongs to another.

use proptest::prelude::*;

use super::*;

/// Profiles of all kinds, whole and broken, of two providers.
const PROFILES: [&str; 13] = [
    "{ type: 'api_key', provider: 'anthropic', key: 'DUMMY' }",
    "{ type: 'api_key', provider: 'anthropic', keyRef: { source: 'env', provider: 'default', id: 'ONE' } }",
    "{ type: 'api_key', provider: 'anthropic', keyRef: { source: 'file', provider: 'f', id: '/a' } }",
    "{ type: 'api_key', provider: 'anthropic', key: 'no-key' }",
    "{ type: 'token', provider: 'anthropic', token: 'DUMMY', expires: 1 }",
    "{ type: 'token', provider: 'anthropic', token: '${TWO}', expires: -1 }",
    "{ type: 'token', provider: 'anthropic', token: '${TWO}' }",
    "{ type: 'oauth', provider: 'anthropic', access: 'DUMMY', refresh: 'DUMMY', expires: 1800000000000 }",
    "{ type: 'oauth', provider: 'anthropic' }",
    "{ type: 'aws-sdk', provider: 'anthropic' }",
    "{ type: 'api_key', provider: 'openai', key: 'DUMMY' }",
    "{ type: 'api_key', provider: 'openai', keyRef: { source: 'env', provider: 'default', id: 'OPENAI_ONE' } }",
    "{ provider: 'anthropic' }",
];

const ENTRIES: [&str; 12] = [
    "",
    "auth: 'none'",
    "auth: 'api-key'",
    "auth: 'oauth'",
    "apiKey: 'DUMMY'",
    "apiKey: 'ollama-local'",
    "auth: 'token', apiKey: '${ONE}'",
    "auth: 'api-key', apiKey: 'ANTHROPIC_API_KEY'",
    "auth: 'api-key', apiKey: 'p0'",
    "apiKey: 'p1', models: [{ id: 'm' }]",
    "auth: 'api-key', apiKey: 'secretref-managed'",
    "auth: 'api-key', apiKey: { source: 'vault', provider: 'default', id: 'a' }",
];

const PLACES: [&str; 4] =
    ["https://api.anthropic.example", "https://api.openai.example", "http://127.0.0.1:8000", "http://box.local"];

const PLUGINS: [&str; 2] = ["anthropic", "somebody"];

const ENVIRONMENT: [&str; 6] =
    ["ONE", "TWO", "OPENAI_ONE", "ANTHROPIC_API_KEY", "ANTHROPIC_OAUTH_TOKEN", "OPENAI_API_KEY"];

proptest! {
    #[test]
    fn there_is_one_winner_or_a_failure_and_nobody_gets_what_is_not_his(
        chosen in proptest::collection::vec(0..PROFILES.len(), 0..5),
        (entry, place, plugin) in (0..ENTRIES.len(), 0..PLACES.len(), 0..PLUGINS.len()),
        states in proptest::collection::vec(0..5_usize, ENVIRONMENT.len()),
        orders in proptest::collection::vec(proptest::option::of(proptest::collection::vec(0..6_usize, 0..4)), 3),
        names in proptest::collection::vec(proptest::option::of(0..6_usize), 2),
        (keyless, optional) in any::<(bool, bool)>(),
    ) {
        let profiles: Vec<String> =
            chosen.iter().enumerate().map(|(at, profile)| format!("p{at}: {}", PROFILES[*profile])).collect();
        let listed = orders[2].iter().flatten().collect::<std::collections::BTreeSet<_>>();
        let listed: Vec<String> = listed.iter().map(|id| format!("p{id}: {{ provider: 'anthropic' }}")).collect();
        let auth = format!("{}{} profiles: {{ {} }}", order(orders[1].as_deref()), if orders[1].is_some() { "," } else { "" }, listed.join(","));
        let config = format!(
            "{{ models: {{ providers: {{ anthropic: {{ baseUrl: '{}', {} }} }} }}, auth: {{ {auth} }}, \
             secrets: {{ providers: {{ f: {{ source: 'file', path: '/f' }} }} }} }}",
            PLACES[place], ENTRIES[entry],
        );
        let env: Vec<String> = ENVIRONMENT
            .iter()
            .zip(&states)
            .filter_map(|(name, state)| ["", "=", "!", "?"].get(*state).map(|sign| format!("{name}{sign}")))
            .collect();
        let name = |at: usize| names[at].map(|id| format!("p{id}")).unwrap_or_default();
        let given = Given {
            config: &config,
            plugin: PLUGINS[plugin],
            profiles: &profiles.join(","),
            store: &order(orders[0].as_deref()),
            env: &env.join(" "),
            keyless,
            optional,
            profile: &name(0),
            preferred: &name(1),
            ..Given::default()
        };
        let selected = given.select();
        consistent(&selected);
        let (derivation, selection) = &selected;
        // The same question has the same answer, whatever it is for (attack 81, attack 83).
        let (again, same) = given.select_for(Use::Status);
        prop_assert_eq!(&same, selection);
        prop_assert_eq!(&again.candidates, &derivation.candidates);
        // Every stored profile of the provider and every variable is named, once.
        let mut listed: Vec<&str> = derivation.candidates.iter().map(|candidate| candidate.id.as_str()).collect();
        listed.sort_unstable();
        let count = listed.len();
        listed.dedup();
        prop_assert_eq!(count, listed.len(), "no candidate appears twice");
        for (at, profile) in chosen.iter().enumerate() {
            let id = format!("p{at}");
            prop_assert!(PROFILES[*profile].contains("openai") || listed.contains(&id.as_str()), "{} is missing", id);
        }
        prop_assert!(listed.contains(&"env:ANTHROPIC_API_KEY") && listed.contains(&"env:ANTHROPIC_OAUTH_TOKEN"));
        // A profile that was asked for by name is the only one that can win.
        if let (Some(asked), Some(chosen)) = (&derivation.profile, derivation.chosen()) {
            prop_assert_eq!(asked.as_str(), &chosen.id);
        }
        let is_remote = place < 2;
        if let Selection::Secret(secret) = selection {
            own(secret, &Owned { config: &config, chosen: &chosen, place, plugin, id: &derivation.chosen().expect("one won").id })?;
            // A marker is never sent, least of all to a remote host.
            let (config, stored) = (given.config(), given.stored(&given.config()));
            let known = given.known(&config, &stored);
            prop_assert!(matches!(known.availability(&secret.source), Availability::Present { .. }), "{:?}", secret.source);
            // And a token is never sent as a key.
            prop_assert!(secret.class != CredentialClass::ApiKey || secret.source.to_string() != "env:ANTHROPIC_OAUTH_TOKEN");
        }
        if *selection == Selection::Bare && is_remote {
            let who = &derivation.chosen().expect("one won").id;
            prop_assert!(who == "models.providers.anthropic.auth" || (who == "none" && optional), "{}", who);
        }
        // Nothing that people read holds a value.
        let shown = serde_json::to_string(derivation).expect("it is plain data");
        prop_assert!(!shown.contains("DUMMY"), "{}", shown);
    }
}

/// What says whose a secret is.
struct Owned<'a> {
    config: &'a str,
    chosen: &'a [usize],
    place: usize,
    plugin: usize,
    id: &'a str,
}

/// Asserts that a secret is of provider `anthropic`, or that the operator's entry names it where `openai` is.
fn own(secret: &SelectedSecret, owned: &Owned<'_>) -> Result<(), TestCaseError> {
    let profile_of =
        |id: &str| id.strip_prefix('p').and_then(|at| at.parse::<usize>().ok()).and_then(|at| owned.chosen.get(at));
    let is_openais = |id: &str| profile_of(id).is_some_and(|profile| PROFILES[*profile].contains("openai"));
    let is_at_openai = PLACES[owned.place].contains("openai");
    let named = ["p0", "p1"].into_iter().find(|id| owned.config.contains(&format!("apiKey: '{id}'")));
    let may_be_openais = is_at_openai && owned.id.ends_with(".apiKey") && named.is_some_and(is_openais);
    match &secret.source {
        SecretSource::Profile(id) => prop_assert!(!is_openais(id.as_str()) || may_be_openais, "{}", id),
        SecretSource::Environment(name) => {
            prop_assert!(!name.starts_with("OPENAI") || may_be_openais, "{}", name);
            // The plugin's variables are for its own provider, unless the entry names one.
            let is_found = owned.id.starts_with("env:");
            prop_assert!(!is_found || PLUGINS[owned.plugin] == "anthropic", "{}", name);
        }
        SecretSource::Config(key) => prop_assert_eq!(key, "models.providers.anthropic.apiKey"),
        SecretSource::Reference(_) => {}
    }
    Ok(())
}

/// `order` of the provider, as either file spells it.
fn order(ids: Option<&[usize]>) -> String {
    let Some(ids) = ids else { return String::new() };
    let ids: Vec<String> = ids.iter().map(|id| format!("'p{id}'")).collect();
    format!("order: {{ anthropic: [{}] }}", ids.join(","))
}
