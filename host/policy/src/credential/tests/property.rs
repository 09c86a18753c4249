//! Whatever stands in the files and the environment, there is one winner or a failure, and nothing is silent.

use proptest::prelude::*;

use super::*;

/// Profiles of all kinds, whole and broken, of two providers.
const PROFILES: [&str; 10] = [
    "{ type: 'api_key', provider: 'anthropic', key: 'DUMMY' }",
    "{ type: 'api_key', provider: 'anthropic', keyRef: { source: 'env', provider: 'default', id: 'ONE' } }",
    "{ type: 'api_key', provider: 'anthropic', keyRef: { source: 'file', provider: 'f', id: '/a' } }",
    "{ type: 'token', provider: 'anthropic', token: 'DUMMY', expires: 1 }",
    "{ type: 'token', provider: 'anthropic', token: '${TWO}', expires: -1 }",
    "{ type: 'oauth', provider: 'anthropic', access: 'DUMMY', refresh: 'DUMMY', expires: 1800000000000 }",
    "{ type: 'oauth', provider: 'anthropic' }",
    "{ type: 'aws-sdk', provider: 'anthropic' }",
    "{ type: 'api_key', provider: 'openai', key: 'DUMMY' }",
    "{ provider: 'anthropic' }",
];

const ENTRIES: [&str; 9] = [
    "",
    "auth: 'api-key'",
    "auth: 'oauth'",
    "apiKey: 'DUMMY'",
    "apiKey: 'ollama-local'",
    "auth: 'token', apiKey: '${ONE}'",
    "auth: 'api-key', apiKey: 'ANTHROPIC_API_KEY'",
    "auth: 'api-key', apiKey: 'p0'",
    "auth: 'api-key', apiKey: { source: 'vault', provider: 'default', id: 'a' }",
];

const ENVIRONMENT: [&str; 4] = ["ONE", "TWO", "ANTHROPIC_API_KEY", "ANTHROPIC_OAUTH_TOKEN"];

proptest! {
    #[test]
    fn there_is_one_winner_or_a_failure(
        chosen in proptest::collection::vec(0..PROFILES.len(), 0..4),
        entry in 0..ENTRIES.len(),
        states in proptest::collection::vec(0..4_usize, ENVIRONMENT.len()),
        orders in proptest::collection::vec(proptest::option::of(proptest::collection::vec(0..5_usize, 0..4)), 3),
        names in proptest::collection::vec(proptest::option::of(0..5_usize), 2),
        (keyless, optional) in any::<(bool, bool)>(),
    ) {
        let profiles: Vec<String> =
            chosen.iter().enumerate().map(|(at, profile)| format!("p{at}: {}", PROFILES[*profile])).collect();
        let listed = orders[2].iter().flatten().collect::<std::collections::BTreeSet<_>>();
        let listed: Vec<String> = listed.iter().map(|id| format!("p{id}: {{ provider: 'anthropic' }}")).collect();
        let auth = format!("{}{} profiles: {{ {} }}", order(orders[1].as_deref()), if orders[1].is_some() { "," } else { "" }, listed.join(","));
        let config = format!(
            "{{ models: {{ providers: {{ anthropic: {{ {} }} }} }}, auth: {{ {auth} }}, \
             secrets: {{ providers: {{ f: {{ source: 'file', path: '/f' }} }} }} }}",
            ENTRIES[entry],
        );
        let env: Vec<String> = ENVIRONMENT
            .iter()
            .zip(&states)
            .filter_map(|(name, state)| ["", "=", "!"].get(*state).map(|sign| format!("{name}{sign}")))
            .collect();
        let name = |at: usize| names[at].map(|id| format!("p{id}")).unwrap_or_default();
        let given = Given {
            config: &config,
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
        // The same question has the same answer, whatever it is for.
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
        // Nothing that people read holds a value.
        let shown = serde_json::to_string(derivation).expect("it is plain data");
        prop_assert!(!shown.contains("DUMMY"), "{}", shown);
    }
}

/// `order` of the provider, as either file spells it.
fn order(ids: Option<&[usize]>) -> String {
    let Some(ids) = ids else { return String::new() };
    let ids: Vec<String> = ids.iter().map(|id| format!("'p{id}'")).collect();
    format!("order: {{ anthropic: [{}] }}", ids.join(","))
}
