//! To whom a credential belongs: what an `apiKey` that names a profile may name, which class goes where, and whose
//! variables are whose. Groups C and U of the shared cases.

use super::cases::{CUSTOM, DEFAULT, OPENAI};
use super::*;

const PROFILES: &str = "'openai:work': { type: 'api_key', provider: 'openai', key: 'k' },
    'openai:bot': { type: 'token', provider: 'openai', token: 't' },
    'openai:sub': { type: 'oauth', provider: 'openai', access: 'a', expires: 1800000000000 },
    'openai:old': { type: 'token', provider: 'openai', token: 't', expires: 1 },
    'openai:void': { type: 'api_key', provider: 'openai' },
    'openai:env': { type: 'api_key', provider: 'openai', keyRef: { source: 'env', provider: 'default', id: 'MINE' } },
    'mistral:work': { type: 'api_key', provider: 'mistral', key: 'k' },
    'anthropic:work': { type: 'api_key', provider: 'anthropic', key: 'k' }";

/// An entry whose `apiKey` is this text, and whose plugin takes keys and tokens.
fn keyed(provider: &str, api_key: &str, more: &str) -> String {
    format!("{{ models: {{ providers: {{ {provider}: {{ apiKey: '{api_key}', {more} }} }} }} }}")
}

#[track_caller]
fn check_named(id: &str, api_key: &str, more: &str, expect: &str) {
    let config = keyed("openai", api_key, more);
    let given = Given { config: &config, profiles: PROFILES, slot: "api_key=OPENAI_API_KEY token", ..OPENAI };
    check(id, &Given { env: "OPENAI_API_KEY", ..given }, expect);
}

#[test]
fn an_api_key_may_name_a_profile() {
    let work = "models.providers.openai.apiKey <- profile `openai:work` (auth-profiles.json (plaintext)) (api_key)";
    check_named("C25", "openai:work", "auth: 'api-key'", work);
    check_named("C25: without `auth` it waits for the ordered profiles", "openai:work", "", OPENAI_SUB_NOT_TAKEN);
    let token = "models.providers.openai.apiKey <- profile `openai:bot` (auth-profiles.json (plaintext)) (token)";
    check_named("C26: a token is of a bearer-style class, too", "openai:bot", "auth: 'api-key'", token);
    let failed = |named: &str, source: &str, why: &str| {
        let failed =
            format!("failed: credential `models.providers.openai.apiKey` (profile `{named}` ({source})) failed: ");
        check_named(named, named, "auth: 'api-key'", &format!("{failed}{why}"));
    };
    let stored = "auth-profiles.json (plaintext)";
    // C26
    failed(
        "openai:sub",
        stored,
        "the profile is of class `oauth`, which is not a bearer-style auth class: `apiKey` takes a profile of class \
         `api_key` or `token`",
    );
    // C28
    let void = "missing_credential: the profile holds neither a secret nor a reference to one";
    failed("openai:void", "auth-profiles.json", void);
    failed("openai:env", "env:MINE", "unresolved_ref: env:MINE is not set");
    failed("openai:old", stored, "expired: it ended 19675 days ago");
    // C28: also where the configuration alone knows of the profile.
    let auth = "{ models: { providers: { openai: { auth: 'api-key', apiKey: 'openai:gone' } } },
                  auth: { profiles: { 'openai:gone': { provider: 'openai' } } } }";
    check(
        "C28",
        &Given { config: auth, env: "OPENAI_API_KEY", ..OPENAI },
        "failed: credential `models.providers.openai.apiKey` (profile `openai:gone` (auth-profiles.json)) failed: no \
         credentials found for profile `openai:gone`",
    );
    // C23: a reference to a variable is never a reference to a profile of that name.
    let reference = Given {
        config: "{ models: { providers: { openai: { auth: 'api-key', apiKey: '${WORK}' } } } }",
        profiles: "WORK: { type: 'api_key', provider: 'openai', key: 'k' }",
        env: "WORK",
        ..OPENAI
    };
    check("C23", &reference, "models.providers.openai.apiKey <- env:WORK (api_key)");
}

/// Of all profiles the token comes first; see group D.
const OPENAI_SUB_NOT_TAKEN: &str = "openai:bot <- auth-profiles.json (plaintext) (token)";

#[test]
fn a_profile_belongs_to_the_origin_of_its_provider() {
    let of = |more: &str| keyed("custom", "openai:work", more);
    let at = |config: &str, expect: &str| {
        check("C27", &Given { config, profiles: PROFILES, env: "OPENAI_API_KEY", ..CUSTOM }, expect);
    };
    let taken = "models.providers.custom.apiKey <- profile `openai:work` (auth-profiles.json (plaintext)) (api_key)";
    at(&of("baseUrl: 'https://api.openai.example/v1/other'"), taken);
    let refused = |why: &str| {
        format!(
            "failed: credential `models.providers.custom.apiKey` (profile `openai:work` (auth-profiles.json \
             (plaintext))) failed: the profile belongs to provider `openai`, which is not compatible with this \
             provider entry's auth binding: that provider is at `https://api.openai.example`, and this one at `{why}`"
        )
    };
    // Attack 66: another host, another port, another scheme, a longer name.
    for (url, origin) in [
        ("https://evil.example/v1", "https://evil.example"),
        ("https://api.openai.example:8443/v1", "https://api.openai.example:8443"),
        ("http://api.openai.example/v1", "http://api.openai.example"),
        ("https://api.openai.example.evil.example", "https://api.openai.example.evil.example"),
        ("http://127.0.0.1:1234/v1", "http://127.0.0.1:1234"),
    ] {
        at(&of(&format!("baseUrl: '{url}'")), &refused(origin));
    }
    // The other provider is where its own entry says.
    let moved = "{ models: { providers: { openai: { baseUrl: 'https://proxy.example' },
                   custom: { apiKey: 'openai:work', baseUrl: 'https://proxy.example/v1' } } } }";
    at(moved, taken);
    let unknown = keyed("custom", "mistral:work", "baseUrl: 'https://api.mistral.example'");
    at(
        &unknown,
        "failed: credential `models.providers.custom.apiKey` (profile `mistral:work` (auth-profiles.json (plaintext))) \
         failed: the profile belongs to provider `mistral`, which is not compatible with this provider entry's auth \
         binding: nothing says where that provider is",
    );
    // A profile that is asked for by name, or listed, serves its own provider alone.
    let asked = Given { profile: "anthropic:work", profiles: PROFILES, env: "OPENAI_API_KEY", ..OPENAI };
    check(
        "attack 65",
        &asked,
        "failed: credential `anthropic:work` (auth-profiles.json (plaintext)) failed: the profile belongs to provider \
         `anthropic`",
    );
}

#[test]
fn the_variables_of_a_plugin_are_for_its_own_provider() {
    // Whoever speaks Anthropic's dialect elsewhere gets no key of Anthropic's unless the operator gives it.
    let other =
        Given { provider: "proxy", plugin: "anthropic", env: "ANTHROPIC_API_KEY ANTHROPIC_OAUTH_TOKEN", ..DEFAULT };
    let none = "failed: no credential found for provider `proxy` (checked: `env:ANTHROPIC_API_KEY`, \
                `env:ANTHROPIC_OAUTH_TOKEN`)";
    check("attack 75", &other, none);
    assert_eq!(other.select().0.hint.as_deref(), Some("write `models.providers.proxy.apiKey`"));
    assert_eq!(
        reason(&other, "env:ANTHROPIC_API_KEY"),
        "it belongs to provider `anthropic`; write `apiKey: \"${ANTHROPIC_API_KEY}\"` into `models.providers.proxy` to \
         use it there",
    );
    let given = keyed("proxy", "${ANTHROPIC_API_KEY}", "");
    let expect = "models.providers.proxy.apiKey <- env:ANTHROPIC_API_KEY (api_key)";
    check("C15", &Given { config: &given, ..other }, expect);
}

#[test]
fn a_variable_that_holds_tokens_is_never_sent_as_a_key() {
    let env = "ANTHROPIC_OAUTH_TOKEN ANTHROPIC_API_KEY";
    let entry = |config: &'static str| Given { config, env, ..DEFAULT };
    let held = "env:ANTHROPIC_OAUTH_TOKEN holds a credential of class `token`, which is never sent as one of class \
                `api_key`";
    let plain = entry("{ models: { providers: { anthropic: { apiKey: '${ANTHROPIC_OAUTH_TOKEN}' } } } }");
    check("U1", &plain, "models.providers.anthropic.apiKey <- env:ANTHROPIC_OAUTH_TOKEN (token)");
    let named = entry("{ models: { providers: { anthropic: { apiKey: 'ANTHROPIC_OAUTH_TOKEN' } } } }");
    check("U1", &named, "models.providers.anthropic.apiKey <- env:ANTHROPIC_OAUTH_TOKEN (token)");
    let key =
        entry("{ models: { providers: { anthropic: { auth: 'api-key', apiKey: '${ANTHROPIC_OAUTH_TOKEN}' } } } }");
    let failed = "failed: credential `models.providers.anthropic.apiKey` (env:ANTHROPIC_OAUTH_TOKEN) failed: ";
    check("U1", &key, &format!("{failed}{held}"));
    let profile = "p: { type: 'api_key', provider: 'anthropic', key: '$ANTHROPIC_OAUTH_TOKEN' }";
    let failed = format!("failed: credential `p` (env:ANTHROPIC_OAUTH_TOKEN) failed: {held}");
    check("U1", &Given { profiles: profile, env, ..DEFAULT }, &failed);
    // By `auth` the other variable is none.
    let bearer = entry("{ models: { providers: { anthropic: { auth: 'token' } } } }");
    check("C32", &bearer, "env:ANTHROPIC_OAUTH_TOKEN <- env:ANTHROPIC_OAUTH_TOKEN (token)");
    let other = "`models.providers.anthropic.auth` asks for class `token`, and this is of class `api_key`";
    assert_eq!(reason(&bearer, "env:ANTHROPIC_API_KEY"), other);
}

#[test]
fn the_class_decides_the_header() {
    let both = "'openai:sub': { type: 'oauth', provider: 'openai', access: 'a' },
                'openai:key': { type: 'api_key', provider: 'openai', key: 'k' }";
    // C32: the plugin that takes keys gets the key, and one that takes subscriptions the token.
    check("C32", &Given { profiles: both, ..OPENAI }, "openai:key <- auth-profiles.json (plaintext) (api_key)");
    let subscription = Given { profiles: both, slot: "oauth", ..OPENAI };
    check("C32", &subscription, "openai:sub <- auth-profiles.json (plaintext) (oauth)");
    let by_auth = "{ models: { providers: { openai: { auth: 'api-key' } } } }";
    let by_auth = Given { profiles: both, slot: ANTHROPIC, config: by_auth, ..OPENAI };
    check("C32: by `auth`", &by_auth, "openai:key <- auth-profiles.json (plaintext) (api_key)");
    let asked = Given { profiles: both, profile: "openai:sub", ..OPENAI };
    check(
        "C32: asked for by name",
        &asked,
        "failed: credential `openai:sub` (auth-profiles.json (plaintext)) failed: the plugin takes no `oauth` \
         credential, only `api_key`",
    );
    // C49: no mode is reported beside the candidates; each of them has its class.
    let classes = |given: &Given<'_>| {
        let candidates = given.select().0.candidates;
        candidates.into_iter().filter_map(|candidate| candidate.class).map(contenders::word).collect::<Vec<_>>()
    };
    let mixed = "t: { type: 'token', provider: 'zai', token: 't' }, k: { type: 'api_key', provider: 'z-ai', key: 'k' }";
    assert_eq!(
        classes(&Given { provider: "zai", slot: "api_key token", profiles: mixed, ..DEFAULT }),
        ["token", "api_key"]
    );
    let token = "{ models: { providers: { anthropic: { auth: 'token', apiKey: 't' } } } }";
    let selected = Given { config: token, ..DEFAULT }.select();
    assert!(matches!(&selected.1, Selection::Secret(secret) if secret.rule == 1), "the class decides the header");
    check(
        "a class that the plugin does not take",
        &Given { config: "{ models: { providers: { openai: { auth: 'token', apiKey: 'k' } } } }", ..OPENAI },
        "failed: credential `models.providers.openai.apiKey` (creel.json5 (plaintext)) failed: the plugin takes no \
         `token` credential, only `api_key`",
    );
    // C34: what another program has stored on this machine is nobody's candidate.
    check("C34", &OPENAI, "failed: no credential found for provider `openai` (checked: `env:OPENAI_API_KEY`)");
}
