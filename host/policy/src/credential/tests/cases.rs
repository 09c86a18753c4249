//! Groups C, D, E and U of the shared cases, and the wording of what people read.

use super::*;

pub(super) const OPENAI: Given<'static> = Given {
    provider: "openai",
    plugin: "",
    at: "",
    slot: "api_key=OPENAI_API_KEY",
    config: "",
    profiles: "",
    store: "",
    env: "",
    keyless: false,
    optional: false,
    profile: "",
    preferred: "",
};
pub(super) const DEFAULT: Given<'static> = Given { provider: "", slot: "", ..OPENAI };
/// A server of somebody else who speaks OpenAI's dialect.
pub(super) const CUSTOM: Given<'static> = Given { provider: "custom", plugin: "openai", ..OPENAI };

/// The story: the key is a reference, and a stale token is in the environment.
const STORY: Given<'static> = Given {
    profiles: "'anthropic:default': { type: 'api_key', provider: 'anthropic',
               keyRef: { source: 'env', provider: 'default', id: 'ANTHROPIC_API_KEY' } }",
    env: "ANTHROPIC_API_KEY ANTHROPIC_OAUTH_TOKEN",
    ..DEFAULT
};

#[test]
fn the_story_never_repeats() {
    check("U1", &STORY, "anthropic:default <- env:ANTHROPIC_API_KEY (api_key)");
    check_order("U1", &STORY, &["+anthropic:default", "-env:ANTHROPIC_API_KEY", "-env:ANTHROPIC_OAUTH_TOKEN"]);
    let lost = Given { env: "ANTHROPIC_OAUTH_TOKEN", ..STORY };
    check(
        "U1: the reference fails",
        &lost,
        "failed: credential `anthropic:default` (env:ANTHROPIC_API_KEY) failed: unresolved_ref: env:ANTHROPIC_API_KEY \
         is not set",
    );
    check_order("U1", &lost, &["!anthropic:default", "-env:ANTHROPIC_API_KEY", "-env:ANTHROPIC_OAUTH_TOKEN"]);
    let reason = &lost.select().0.candidates[2].reason;
    assert_eq!(reason, "usable, but `anthropic:default` failed, and nothing takes over for it");
}

#[test]
fn what_it_is_for_changes_nothing() {
    // U3, and attack 83.
    let (chat, expect) = STORY.select();
    for use_ in [Use::Image, Use::Audio, Use::Tool, Use::Models, Use::Status] {
        let (derivation, selection) = STORY.select_for(use_);
        assert_eq!(selection, expect, "U3: {use_:?}");
        assert_eq!(CredentialDerivation { use_: Use::Chat, ..derivation }, chat, "U3: {use_:?}");
    }
}

#[test]
fn the_derivation_is_json_without_values() {
    let (derivation, _) = STORY.select();
    insta::assert_snapshot!(serde_json::to_string_pretty(&derivation).expect("it is plain data"), @r#"
    {
      "provider": "anthropic",
      "use": "chat",
      "profile": null,
      "winner": {
        "id": "anthropic:default",
        "source": "env:ANTHROPIC_API_KEY",
        "class": "api_key",
        "fingerprint": "fp-ANTHROPIC_API_KEY"
      },
      "candidates": [
        {
          "id": "anthropic:default",
          "source": "env:ANTHROPIC_API_KEY",
          "class": "api_key",
          "verdict": "chosen",
          "reason": "the first that can be sent, as class `api_key`"
        },
        {
          "id": "env:ANTHROPIC_API_KEY",
          "source": "env:ANTHROPIC_API_KEY",
          "class": "api_key",
          "verdict": "passed-over",
          "reason": "usable, but `anthropic:default` comes first"
        },
        {
          "id": "env:ANTHROPIC_OAUTH_TOKEN",
          "source": "env:ANTHROPIC_OAUTH_TOKEN",
          "class": "token",
          "verdict": "passed-over",
          "reason": "usable, but `anthropic:default` comes first"
        }
      ],
      "failure": null,
      "hint": null
    }
    "#);
}

#[test]
fn group_c_which_credential_is_chosen() {
    let stored =
        Given { profiles: "'openai:default': { type: 'api_key', provider: 'openai', key: 'stored' }", ..OPENAI };
    let with_env = Given { env: "OPENAI_API_KEY", ..stored };
    check("C1", &with_env, "openai:default <- auth-profiles.json (plaintext) (api_key)");
    // C2 is overruled: there is no flag that turns the order about.
    let configured = "{ models: { providers: { openai: { auth: 'api-key', apiKey: 'sk-config' } } } }";
    let both = Given { config: configured, ..with_env };
    check("C3", &both, "models.providers.openai.apiKey <- creel.json5 (plaintext) (api_key)");
    check_order("C3", &both, &["+models.providers.openai.apiKey", "-openai:default", "-env:OPENAI_API_KEY"]);
    let absent = Given { profile: "openai:work", ..with_env };
    let failed = "failed: credential `openai:work` (auth-profiles.json) failed: no credentials found for profile \
                  `openai:work`";
    check("C4", &absent, failed);
    check_order("C4", &absent, &["!openai:work", "-openai:default", "-env:OPENAI_API_KEY"]);
    check("C11", &OPENAI, "failed: no credential found for provider `openai` (checked: `env:OPENAI_API_KEY`)");
    let hint = "set `OPENAI_API_KEY` in the daemon's environment, or write `models.providers.openai.apiKey`";
    assert_eq!(OPENAI.select().0.hint.as_deref(), Some(hint), "C11");
    let literal = "{ models: { providers: { custom: { apiKey: 'x:y' } } } }";
    let custom = Given { config: literal, env: "OPENAI_API_KEY", ..CUSTOM };
    // C22: it looks like a profile, and is none.
    check("C14", &custom, "models.providers.custom.apiKey <- creel.json5 (plaintext) (api_key)");
}

#[test]
fn group_c_variables() {
    let of = |provider: &'static str, slot: &'static str, env: &'static str| Given { provider, slot, env, ..DEFAULT };
    let zai = of("z.ai", "api_key=ZAI_API_KEY,Z_AI_API_KEY", "Z_AI_API_KEY");
    check("C6", &Given { plugin: "zai", ..zai }, "env:Z_AI_API_KEY <- env:Z_AI_API_KEY (api_key)");
    let google = of("google", "api_key=GEMINI_API_KEY,GOOGLE_API_KEY", "GOOGLE_API_KEY");
    check("C7", &google, "env:GOOGLE_API_KEY <- env:GOOGLE_API_KEY (api_key)");
    let hub = of("huggingface", "api_key=HUGGINGFACE_HUB_TOKEN,HF_TOKEN", "HF_TOKEN HUGGINGFACE_HUB_TOKEN");
    check("C8", &hub, "env:HUGGINGFACE_HUB_TOKEN <- env:HUGGINGFACE_HUB_TOKEN (api_key)");
    check("C8", &Given { env: "HF_TOKEN", ..hub }, "env:HF_TOKEN <- env:HF_TOKEN (api_key)");
    // C12 is overruled: the order of the manifest's classes decides, not the spelling, and both are named.
    let both = Given { env: "ANTHROPIC_OAUTH_TOKEN ANTHROPIC_API_KEY", ..DEFAULT };
    check("C12", &both, "env:ANTHROPIC_API_KEY <- env:ANTHROPIC_API_KEY (api_key)");
    check_order("C12 and attack 82", &both, &["+env:ANTHROPIC_API_KEY", "-env:ANTHROPIC_OAUTH_TOKEN"]);
    let token = Given { env: "ANTHROPIC_OAUTH_TOKEN", ..DEFAULT };
    check("C12", &token, "env:ANTHROPIC_OAUTH_TOKEN <- env:ANTHROPIC_OAUTH_TOKEN (token)");
    assert!(matches!(token.select().1, Selection::Secret(secret) if secret.rule == 1), "C12: never an `x-api-key`");
    // Attack 69: blank is missing, and says so; attack 70: what cannot be sent ends the search.
    let blank = Given { env: "ANTHROPIC_API_KEY= ANTHROPIC_OAUTH_TOKEN", ..DEFAULT };
    check("attack 69", &blank, "env:ANTHROPIC_OAUTH_TOKEN <- env:ANTHROPIC_OAUTH_TOKEN (token)");
    assert_eq!(blank.select().0.candidates[0].reason, "set, but blank");
    let broken = Given { env: "ANTHROPIC_API_KEY! ANTHROPIC_OAUTH_TOKEN", ..DEFAULT };
    check(
        "attack 70",
        &broken,
        "failed: credential `env:ANTHROPIC_API_KEY` (env:ANTHROPIC_API_KEY) failed: it cannot be used: it holds a line \
         break",
    );
}

#[test]
fn group_c_keys_that_are_references() {
    let with = |config: &'static str, env: &'static str| Given { config, env, ..CUSTOM };
    let named = "{ models: { providers: { custom: { apiKey: 'OPENAI_API_KEY' } } } }";
    check("C15", &with(named, "OPENAI_API_KEY"), "models.providers.custom.apiKey <- env:OPENAI_API_KEY (api_key)");
    let unset = "failed: credential `models.providers.custom.apiKey` (env:OPENAI_API_KEY) failed: unresolved_ref: \
                 env:OPENAI_API_KEY is not set";
    check("C16", &with(named, ""), unset);
    check("C16: a keyless provider is no way out", &Given { keyless: true, ..with(named, "") }, unset);
    let mine = "{ models: { providers: { custom: { apiKey: '${MY_CUSTOM_KEY}' } } } }";
    check("C17", &with(mine, "MY_CUSTOM_KEY"), "models.providers.custom.apiKey <- env:MY_CUSTOM_KEY (api_key)");
    check(
        "C17",
        &with(mine, "OPENAI_API_KEY"),
        "failed: credential `models.providers.custom.apiKey` (env:MY_CUSTOM_KEY) failed: unresolved_ref: \
         env:MY_CUSTOM_KEY is not set",
    );
    // C18 and C19 for keys of the configuration are errors of the file; see the tests of `config`. For profiles:
    let listed = "{ secrets: { providers: { default: { source: 'env', allowlist: ['A'] }, f: { source: 'file', path: '/f' } } } }";
    let profile = |reference: &'static str| Given { config: listed, profiles: reference, env: "B", ..CUSTOM };
    check(
        "C18",
        &profile("c: { type: 'api_key', provider: 'custom', keyRef: { source: 'env', provider: 'default', id: 'B' } }"),
        "failed: credential `c` (env:B) failed: unresolved_ref: `B` is not in `secrets.providers.default.allowlist`",
    );
    check(
        "C19",
        &profile("c: { type: 'api_key', provider: 'custom', keyRef: { source: 'env', provider: 'f', id: 'B' } }"),
        "failed: credential `c` (env:B) failed: unresolved_ref: `secrets.providers.f` has source `file` but the \
         reference asks for `env`",
    );
    let file = "{ secrets: { providers: { f: { source: 'file', path: '/f' } } },
                  models: { providers: { custom: { apiKey: { source: 'file', provider: 'f', id: '/a' } } } } }";
    check(
        "C20",
        &with(file, "OPENAI_API_KEY"),
        "failed: credential `models.providers.custom.apiKey` (file:f#/a) failed: unresolved_ref: \
         file:f#/a is not set",
    );
}

#[test]
fn group_d_order() {
    let two = "a: { type: 'api_key', provider: 'zai', key: 'a' }, b: { type: 'api_key', provider: 'z.ai', key: 'b' }";
    let zai = Given { provider: "zai", slot: "api_key", profiles: two, ..DEFAULT };
    let by_config = |config: &'static str| Given { config, ..zai };
    let by_store = |store: &'static str| Given { store, ..zai };
    check_order("D1", &Given { provider: "z-ai", plugin: "zai", ..zai }, &["+a", "-b"]);
    check_order(
        "D2",
        &Given { provider: "z.ai", plugin: "zai", ..by_store("order: { zai: ['b', 'a'] }") },
        &["+b", "-a"],
    );
    check_order("D3", &by_store("order: { 'z.ai': [], zai: ['b', 'a'] }"), &["+b", "-a"]);
    check_order("D3", &by_config("{ auth: { order: { 'z.ai': [], zai: ['b', 'a'] } } }"), &["+b", "-a"]);
    let off = by_config("{ auth: { order: { zai: [] } } }");
    check_order("D4", &off, &["-a", "-b"]);
    assert!(off.select().0.candidates[0].reason.starts_with("excluded_by_auth_order"), "D4");
    check_order(
        "the stored order beats the configured",
        &Given { store: "order: { zai: ['b'] }", ..by_config("{ auth: { order: { zai: ['a'] } } }") },
        &["+b", "-a"],
    );
    let foreign = Given {
        config: "{ auth: { order: { zai: ['o', 'b'] } } }",
        profiles: "o: { type: 'api_key', provider: 'openai', key: 'o' }, b: { type: 'api_key', provider: 'zai', key: 'b' }",
        ..zai
    };
    check_order("D7", &foreign, &["-o", "+b"]);
    assert_eq!(foreign.select().0.candidates[0].reason, "the profile belongs to provider `openai`", "D7");
    let kinds =
        "k5: { type: 'api_key', provider: 'zai', key: 'k' }, k2: { type: 'api_key', provider: 'zai', key: 'k' },
                 t: { type: 'token', provider: 'zai', token: 't' }, o: { type: 'oauth', provider: 'zai', access: 'o' }";
    let used = "usageStats: { k5: { lastUsed: 5 }, k2: { lastUsed: 2 } }";
    let any = Given { slot: "api_key token+oauth", ..zai };
    check_order("D8", &Given { profiles: kinds, store: used, ..any }, &["+o", "-t", "-k2", "-k5"]);
    check_order("D11", &Given { preferred: "b", ..zai }, &["+b", "-a"]);
    check_order("D11", &Given { preferred: "c", ..zai }, &["+a", "-b", "-c"]);
    check_order(
        "D11: a preferred one that has expired",
        &Given {
            preferred: "t",
            profiles: "a: { type: 'api_key', provider: 'zai', key: 'a' }, t: { type: 'token', provider: 'zai', token: 't', expires: 1 }",
            ..any
        },
        &["-t", "+a"],
    );
    check_order("D12", &by_store("lastGood: { zai: 'b' }"), &["+a", "-b"]);
    let mode = |config: &'static str, profiles: &'static str| Given { config, profiles, ..any };
    let oauth = "o: { type: 'oauth', provider: 'zai', access: 'o' }";
    check_order("D13", &mode("{ auth: { profiles: { o: { provider: 'zai', mode: 'api_key' } } } }", oauth), &["-o"]);
    let token = "o: { type: 'token', provider: 'zai', token: 'o' }";
    check_order("D13", &mode("{ auth: { profiles: { o: { provider: 'zai', mode: 'oauth' } } } }", token), &["+o"]);
    check_order(
        "`auth.profiles` names the profiles",
        &by_config("{ auth: { profiles: { b: { provider: 'zai' } } } }"),
        &["+b", "-a"],
    );
    check_order("D16", &by_store("order: { zai: ['b'] }"), &["+b", "-a"]);
    assert!(by_store("order: { zai: ['b'] }").select().0.candidates[1].reason.starts_with("excluded_by_auth_order"));
}

#[test]
fn group_d_and_e_time() {
    let token =
        |expires: &str| format!("t: {{ type: 'token', provider: 'anthropic', token: 't', expires: {expires} }}");
    let at = |profiles: &str, id: &str, expect: &str| check(id, &Given { profiles, ..DEFAULT }, expect);
    let ended = "failed: credential `t` (auth-profiles.json (plaintext)) failed: expired: it ended 0 s ago";
    at(&token("1699999999999"), "D14 and E4", ended);
    at(&token("1700000000000"), "E4: now", ended);
    at(&token("1700000000001"), "E4", "t <- auth-profiles.json (plaintext) (token)");
    let reference = "t: { type: 'token', provider: 'anthropic', expires: 1699999000000,
                          tokenRef: { source: 'env', provider: 'default', id: 'T' } }";
    let expired = "failed: credential `t` (env:T) failed: expired: it ended 16 min ago";
    check("E5", &Given { profiles: reference, env: "T", ..DEFAULT }, expired);
    // D14: another profile of the provider takes over, but neither `apiKey` nor the environment does.
    let next = format!("{}, k: {{ type: 'api_key', provider: 'anthropic', key: 'k' }}", token("1"));
    at(&next, "D14", "k <- auth-profiles.json (plaintext) (api_key)");
    let nothing_takes_over = Given { profiles: &token("1"), env: "ANTHROPIC_API_KEY", ..DEFAULT };
    assert!(outcome(&nothing_takes_over.select()).contains("expired"), "no silent fallback");
    let renewable = "o: { type: 'oauth', provider: 'anthropic', access: 'a', refresh: 'r', expires: 1690000000000 }";
    at(
        renewable,
        "an access token that could be renewed",
        "failed: credential `o` (auth-profiles.json (plaintext)) failed: expired: it ended 115 days ago, and the plugin \
         does not say where it is renewed",
    );
}

#[test]
fn group_e_eligibility() {
    let with = |profiles: &'static str, env: &'static str| Given { profiles, env, ..DEFAULT };
    let key_ref =
        "p: { type: 'api_key', provider: 'anthropic', keyRef: { source: 'env', provider: 'default', id: 'K' } }";
    check("E1", &with(key_ref, "K"), "p <- env:K (api_key)");
    let token_ref =
        "p: { type: 'token', provider: 'anthropic', tokenRef: { source: 'env', provider: 'default', id: 'K' } }";
    check("E2", &with(token_ref, "K"), "p <- env:K (token)");
    check(
        "E7",
        &with(token_ref, "ANTHROPIC_API_KEY"),
        "failed: credential `p` (env:K) failed: unresolved_ref: env:K is not set",
    );
    check("E7", &with(token_ref, "K="), "failed: credential `p` (env:K) failed: unresolved_ref: env:K is blank");
    let failed = |reason: &str| format!("failed: credential `p` (auth-profiles.json) failed: {reason}");
    let missing = failed("missing_credential: the profile holds neither a secret nor a reference to one");
    check("E6", &with("p: { type: 'token', provider: 'anthropic' }", ""), &missing);
    check("E6", &with("p: { type: 'token', provider: 'anthropic', token: ' ' }", ""), &missing);
    let unknown = failed("unknown_type: the type of the profile is not `api_key`, `token` or `oauth`");
    check("E9", &with("p: { type: 'aws-sdk', provider: 'anthropic' }", "ANTHROPIC_API_KEY"), &unknown);
    // E10: beside a reference, what stands in `key` is not looked at.
    let beside = "p: { type: 'api_key', provider: 'anthropic', key: '$OTHER', keyRef: { source: 'env', provider: 'default', id: 'K' } }";
    check("E10", &with(beside, "K OTHER"), "p <- env:K (api_key)");
    let given = with(beside, "");
    let config = given.config();
    let sources = secret_sources(&config, &given.stored(&config), &BTreeMap::new());
    assert_eq!(sources, [SecretSource::Environment("K".to_owned())], "E10");
}

#[test]
fn one_bad_profile_disables_itself_alone() {
    let profiles =
        "stale: { type: 'api_key', provider: 'openai', keyRef: { source: 'env', provider: 'default', id: 'GONE' } },
                    odd: { type: 'unheard-of', provider: 'mistral' }, worse: 7, 'an id': {},
                    good: { type: 'api_key', provider: 'anthropic', key: 'k' }";
    let given = Given { profiles, ..DEFAULT };
    check("U15", &given, "good <- auth-profiles.json (plaintext) (api_key)");
    check_order(
        "U15: others are not even candidates",
        &given,
        &["+good", "-env:ANTHROPIC_API_KEY", "-env:ANTHROPIC_OAUTH_TOKEN"],
    );
    let stale = "failed: credential `stale` (env:GONE) failed: unresolved_ref: env:GONE is not set";
    check("U15", &Given { env: "OPENAI_API_KEY", profiles, ..OPENAI }, stale);
    let problems = given.stored(&given.config()).problems;
    let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["profiles.odd", "profiles.worse", "profiles[\"an id\"]"]);
}

#[test]
fn a_key_without_auth_comes_after_the_profiles_and_before_the_environment() {
    let config = "{ models: { providers: { anthropic: { apiKey: '${MINE}' } } } }";
    let given = Given { config, env: "MINE ANTHROPIC_API_KEY", ..DEFAULT };
    check_order(
        "",
        &given,
        &["+models.providers.anthropic.apiKey", "-env:ANTHROPIC_API_KEY", "-env:ANTHROPIC_OAUTH_TOKEN"],
    );
    let profiles = "p: { type: 'api_key', provider: 'anthropic', key: 'k' }";
    check_order(
        "",
        &Given { profiles, ..given },
        &["+p", "-models.providers.anthropic.apiKey", "-env:ANTHROPIC_API_KEY", "-env:ANTHROPIC_OAUTH_TOKEN"],
    );
}
