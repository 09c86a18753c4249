//! Tables of what stands in the source and what it comes to.

use std::collections::BTreeMap;

use secrecy::ExposeSecret as _;

use super::*;
use crate::ids::PluginId;
use crate::manifest::Manifest;

fn manifests() -> BTreeMap<PluginId, Manifest> {
    let texts = [
        include_str!("../../../../plugins/anthropic/plugin.toml"),
        include_str!("../../../../plugins/ollama/plugin.toml"),
        include_str!("../../../../plugins/signal/plugin.toml"),
    ];
    let parsed = texts.map(|text| Manifest::parse(text).expect("a manifest"));
    parsed.into_iter().map(|manifest| (manifest.plugin.id.clone(), manifest)).collect()
}

fn import(text: &str, plaintext: Plaintext) -> ImportedConfig {
    let source = SourceFile { name: "openclaw.json", text };
    let imported = import_config(source, &manifests(), &[], (plaintext, &mut VaultNames::default()));
    imported.unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// The body without the head, and the notes as kind, place, key and message.
fn check(text: &str, body: &str, notes: &[&str]) {
    let imported = import(text, Plaintext::Keep);
    assert!(imported.problems.is_empty(), "{text}: {:?}", imported.problems);
    let (_, found) = imported.text.split_once('\n').expect("a head");
    assert_eq!(found.split_whitespace().collect::<Vec<_>>().join(" "), body, "{text}");
    let line = |note: &Note| {
        let Problem { line, column, key, message, .. } = &note.problem;
        format!("{:?} {line}:{column} {key}: {message}", note.kind)
    };
    assert_eq!(imported.notes.iter().map(line).collect::<Vec<_>>(), notes, "{text}");
}

#[test]
fn what_creel_takes_stays_as_it_is() {
    for text in [
        "{ models: { mode: \"merge\" } }",
        "{ agents: { defaults: { model: \"ollama/a\" } } }",
        "{ models: { providers: { anthropic: { apiKey: \"${ANTHROPIC_API_KEY}\" } } } }",
        "{ models: { providers: { ollama: { apiKey: \"ollama-local\" } } } }",
        "{ logging: { level: \"warn\" } }",
    ] {
        let imported = import(text, Plaintext::ToVault);
        assert!(imported.notes.is_empty() && imported.secrets.is_empty(), "{text}");
        let written: String = imported.text.lines().skip(1).collect::<Vec<_>>().join(" ");
        let plain = |text: &str| text.chars().filter(|c| !c.is_whitespace() && *c != ',').collect::<String>();
        assert_eq!(plain(&written), plain(text));
    }
}

#[test]
fn what_creel_refuses_is_left_out_with_its_place() {
    check(
        "{\n  skills: { x: 1 },\n  logging: { level: 'warn' },\n}",
        "{ // left out: skills: not supported by Creel; skills are not there yet logging: { level: \"warn\" }, }",
        &["LeftOut 2:3 skills: not supported by Creel"],
    );
    check(
        "{ logging: { levle: 'warn' } }",
        "{ logging: { // left out: levle: unknown key `levle`; did you mean `level`? }, }",
        &["LeftOut 1:14 logging.levle: unknown key `levle`"],
    );
    // A chain without its model is none, in a second round.
    check(
        "{ agents: { defaults: { model: { primary: 'opus' } } } }",
        "{ agents: { defaults: { // left out: model: the chain has no `primary` }, }, }",
        &[
            "LeftOut 1:25 agents.defaults.model: the chain has no `primary`",
            "LeftOut 1:34 agents.defaults.model.primary: not a model: expected `provider/model`, e.g. `anthropic/claude-haiku-4-5`",
        ],
    );
    // What the manifest of a plugin refuses.
    check(
        "{ channels: { signal: { account: '+1', nonsense: true } } }",
        "{ channels: { signal: { account: \"+1\", // left out: nonsense: MESSAGE }, }, }"
            .replace("MESSAGE", &manifest_says())
            .as_str(),
        &[&format!("LeftOut 1:40 channels.signal.nonsense: {}", manifest_says())],
    );
}

/// The manifest's own words for a setting that it does not know.
fn manifest_says() -> String {
    let config =
        crate::config::parse_config("f", "{ channels: { signal: { nonsense: true } } }").expect("a configuration");
    let problems = crate::plan::plan(&config, &manifests()).problems;
    let said = problems.iter().find_map(|problem| match problem {
        crate::plan::PlanProblem::Setting { problem, .. } => Some(problem.message.clone()),
        _ => None,
    });
    said.expect("the manifest refuses it")
}

#[test]
fn older_words_become_newer_ones() {
    check(
        "{ channels: { signal: { httpHost: '10.0.0.2', httpPort: 9000, cliPath: 'signal-cli' } } }",
        "{ channels: { signal: { httpUrl: \"http://10.0.0.2:9000\", // left out: cliPath: not supported by Creel; run the \
         daemon as a service of its own, and name it in `httpUrl` }, }, }",
        &[
            "Changed 1:25 channels.signal.httpHost: is part of `httpUrl`",
            "Changed 1:47 channels.signal.httpPort: is part of `httpUrl`",
            "LeftOut 1:63 channels.signal.cliPath: not supported by Creel",
        ],
    );
    check(
        "{ models: { providers: { anthropic: { apiKey: '__env__:A_KEY' } } } }",
        "{ models: { providers: { anthropic: { apiKey: { source: \"env\", provider: \"default\", id: \"A_KEY\" } }, }, }, }",
        &["Changed 1:47 models.providers.anthropic.apiKey: is written as a reference: `env:A_KEY`"],
    );
    check(
        "{ models: { providers: { anthropic: { apiKey: 'secretref-managed' } } } }",
        "{ models: { providers: { anthropic: { // left out: apiKey: it marks a secret that is kept elsewhere, and does not \
         say where; write the reference itself: `{ source, provider, id }` }, }, }, }",
        &[
            "LeftOut 1:39 models.providers.anthropic.apiKey: it marks a secret that is kept elsewhere, and does not say where",
        ],
    );
    check(
        "{ agents: { list: [{ id: 'a' }, { id: 'b', default: true, model: 'ollama/b' }] } }",
        "{ agents: { // left out: list: not supported by Creel; there is one agent: write its settings in \
         `agents.defaults` defaults: { model: \"ollama/b\" }, }, }",
        &[
            "LeftOut 1:13 agents.list: not supported by Creel",
            "Changed 1:66 agents.list[1].model: is that of the one agent: it stands in `agents.defaults.model` now",
        ],
    );
}

#[test]
fn a_secret_never_becomes_a_setting_of_a_plugin() {
    let text = "{ channels: { signal: { botToken: 'secret-a' } }, models: { providers: { ollama: { apiSecret: 'secret-b' } } } }";
    let imported = import(text, Plaintext::Keep);
    assert!(!imported.text.contains("secret-a") && !imported.text.contains("secret-b"), "{}", *imported.text);
    assert_eq!(imported.notes.len(), 2);
    assert!(imported.notes.iter().all(|note| note.problem.message == "a secret is never a setting of a plugin"));
}

#[test]
fn plain_text_is_kept_or_goes_into_the_vault() {
    let text =
        "{ models: { providers: { anthropic: { apiKey: 'value-a' } } }, gateway: { auth: { token: 'value-b' } } }";
    let kept = import(text, Plaintext::Keep);
    assert!(kept.text.contains("\"value-a\""), "{}", *kept.text);
    assert_eq!(kept.secrets[0].place.message, "stays in plain text");
    let moved = import(text, Plaintext::ToVault);
    assert!(!moved.text.contains("value-"), "{}", *moved.text);
    assert!(moved.problems.is_empty());
    let secrets: Vec<_> = moved
        .secrets
        .iter()
        .map(|secret| (secret.vault.as_ref().expect("a name").to_string(), secret.value.expose_secret().to_owned()))
        .collect();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        secrets,
        [pair("vault:models/providers/anthropic/apiKey", "value-a"), pair("vault:gateway/auth/token", "value-b")]
    );
}

#[test]
fn names_of_the_vault_are_well_formed_and_differ() {
    let mut names = VaultNames::default();
    let mut name = |segments: &[&str]| names.name(segments).expect("a name").to_string();
    assert_eq!(name(&["profiles", "openai:me@example.com"]), "vault:profiles/openai:me-example.com");
    assert_eq!(name(&["profiles", "openai:me+example.com"]), "vault:profiles/openai:me-example.com-2");
}

#[test]
fn a_source_that_is_no_json5_is_refused_with_its_place() {
    for text in ["{", "", "{ a: 1, a: 2 }"] {
        let source = SourceFile { name: "f", text };
        let refused = import_config(source, &manifests(), &[], (Plaintext::Keep, &mut VaultNames::default()));
        assert!(refused.is_err_and(|problems| problems[0].line == 1), "{text}");
    }
}
