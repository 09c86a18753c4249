//! What needs no credential, what only says so, and where that is believed: rows C35 to C45 and U4 of the shared cases.

use super::cases::{CUSTOM, DEFAULT, OPENAI};
use super::*;

/// Ollama needs no key where it runs on this machine, and one where it does not.
const OLLAMA: Given<'static> = Given {
    provider: "ollama",
    slot: "api_key+token=OLLAMA_API_KEY",
    keyless: true,
    plugin: "",
    at: "",
    config: "",
    profiles: "",
    store: "",
    env: "",
    optional: false,
    profile: "",
    preferred: "",
};

/// A server that speaks OpenAI's dialect, at this URL.
fn custom(url: &str, more: &str) -> String {
    format!("{{ models: {{ providers: {{ custom: {{ baseUrl: '{url}', {more} }} }} }} }}")
}

const HOSTS: [&str; 13] = [
    "127.0.0.1",
    "localhost",
    "0.0.0.0",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "192.168.1.7",
    "10.0.0.5",
    "172.16.0.1",
    "100.64.0.9",
    "[fd00::7]",
    "box.local",
    "host.docker.internal",
    "vllm",
];
const REMOTE_HOSTS: [&str; 7] = [
    "api.example.com",
    "8.8.8.8",
    "[2606:4700::1111]",
    "[::ffff:8.8.8.8]",
    "local.example",
    "127.0.0.1.example.com",
    "172.32.0.1",
];

#[test]
fn a_server_of_the_own_network_needs_no_key() {
    for host in HOSTS {
        let config = custom(&format!("http://{host}:8000/v1"), "models: [{ id: 'm' }]");
        let given = Given { config: &config, env: "OPENAI_API_KEY", ..CUSTOM };
        // C35: nothing is invented and nothing is sent, not even the key of the dialect's own provider.
        check(host, &given, "bare");
        check_order("C35", &given, &["-env:OPENAI_API_KEY", "+none"]);
        assert_eq!(reason(&given, "none"), "`baseUrl` is a server of your own network", "C36: {host}");
        check("C36", &Given { at: &format!("http://{host}:11434"), ..OLLAMA }, "bare");
    }
    for host in REMOTE_HOSTS {
        let config = custom(&format!("https://{host}/v1"), "models: [{ id: 'm' }]");
        let none = "failed: no credential found for provider `custom` (checked: `env:OPENAI_API_KEY`)";
        check("C37", &Given { config: &config, ..CUSTOM }, none);
        let away = Given { at: &format!("https://{host}"), ..OLLAMA };
        let none = "failed: no credential found for provider `ollama` (checked: `env:OLLAMA_API_KEY`, `none`)";
        check("C37", &away, none);
    }
    let away = Given { at: "https://ollama.example", ..OLLAMA };
    assert_eq!(
        reason(&away, "none"),
        "`https://ollama.example` is no host of your own network; if it needs none, write `auth: \"none\"` into \
         `models.providers.ollama`",
        "C37",
    );
    // C41: what nobody describes is no server of the operator's.
    check("C41", &CUSTOM, "failed: no credential found for provider `custom` (checked: `env:OPENAI_API_KEY`)");
    let stub = "{ models: { providers: { custom: { models: [] } } } }";
    let none = "failed: no credential found for provider `custom` (checked: `env:OPENAI_API_KEY`)";
    check("C41", &Given { config: stub, ..CUSTOM }, none);
    // A plugin's own provider that is moved to this machine still wants its key, unless the entry describes the server.
    let moved = |models: &str| {
        format!("{{ models: {{ providers: {{ openai: {{ baseUrl: 'http://127.0.0.1:1', models: [{models}] }} }} }} }}")
    };
    let none = "failed: no credential found for provider `openai` (checked: `env:OPENAI_API_KEY`)";
    check("C41", &Given { config: &moved(""), ..OPENAI }, none);
    check("C35", &Given { config: &moved("{ id: 'm' }"), ..OPENAI }, "bare");
}

#[test]
fn who_asks_for_a_credential_does_not_go_without() {
    let local = |more: &str| custom("http://127.0.0.1:8000", more);
    let unset = "failed: credential `models.providers.custom.apiKey` (env:OPENAI_API_KEY) failed: unresolved_ref: \
                 env:OPENAI_API_KEY is not set";
    check("C16", &Given { config: &local("apiKey: 'OPENAI_API_KEY'"), ..CUSTOM }, unset);
    check("C16", &Given { config: &local("apiKey: 'OPENAI_API_KEY'"), keyless: true, ..CUSTOM }, unset);
    let oauth = local("auth: 'oauth', models: [{ id: 'm' }]");
    let none = "failed: no credential found for provider `custom` (checked: `env:OPENAI_API_KEY`, `none`)";
    check("C40", &Given { config: &oauth, ..CUSTOM }, none);
    assert_eq!(reason(&Given { config: &oauth, ..CUSTOM }, "none"), "the entry asks for class `oauth`", "C40");
    let wants = "{ models: { providers: { ollama: { auth: 'oauth' } } } }";
    let none = "failed: no credential found for provider `ollama` (checked: `env:OLLAMA_API_KEY`, `none`)";
    check("C40", &Given { config: wants, ..OLLAMA }, none);
    check("C40", &Given { config: &local("auth: 'api-key', models: [{ id: 'm' }]"), ..CUSTOM }, "bare");
    let stale =
        "p: { type: 'api_key', provider: 'custom', keyRef: { source: 'env', provider: 'default', id: 'GONE' } }";
    let failed = "failed: credential `p` (env:GONE) failed: unresolved_ref: env:GONE is not set";
    check("U15", &Given { config: &local(""), profiles: stale, ..CUSTOM }, failed);
}

#[test]
fn a_marker_is_sent_to_nobody() {
    let marked = "{ models: { providers: { ollama: { apiKey: 'ollama-local' } } } }";
    check("U4", &Given { config: marked, env: "OLLAMA_API_KEY", ..OLLAMA }, "bare");
    let at = |url: &str| custom(url, "apiKey: 'LM-Studio'");
    check("C38", &Given { config: &at("http://127.0.0.1:1234/v1"), env: "OPENAI_API_KEY", ..CUSTOM }, "bare");
    let refused = |given: Given<'_>, id: &str, host: &str| {
        let failed = format!(
            "failed: credential `{id}` (creel.json5 (marker)) failed: it marks that no credential is needed: markers \
             are not credentials for remote hosts, and `{host}` is no host of your own network"
        );
        check("C38", &given, &failed);
    };
    refused(
        Given { config: &at("https://api.example.com/v1"), env: "OPENAI_API_KEY", ..CUSTOM },
        "models.providers.custom.apiKey",
        "https://api.example.com",
    );
    let id = "models.providers.ollama.apiKey";
    refused(Given { config: marked, at: "https://ollama.example", ..OLLAMA }, id, "https://ollama.example");
    let away = Given { config: marked, at: "https://ollama.example", optional: true, ..OLLAMA };
    refused(away, id, "https://ollama.example");
    // #45221: the placeholder of one provider in the entry of another.
    let elsewhere = "{ models: { providers: { openai: { apiKey: 'ollama' } } } }";
    let elsewhere = Given { config: elsewhere, env: "OPENAI_API_KEY", ..OPENAI };
    refused(elsewhere, "models.providers.openai.apiKey", "https://api.openai.example");
    // Not even at home does a plugin that needs a key go without, unless the entry describes the server.
    let moved = |models: &str| {
        let entry = format!("baseUrl: 'http://127.0.0.1:1', apiKey: 'ollama-local', models: [{models}]");
        format!("{{ models: {{ providers: {{ openai: {{ {entry} }} }} }} }}")
    };
    let failed = "failed: credential `models.providers.openai.apiKey` (creel.json5 (marker)) failed: it marks that no \
                  credential is needed, and the provider needs one; if its server needs none, write `auth: \"none\"` into \
                  `models.providers.openai`";
    check("U4", &Given { config: &moved(""), env: "OPENAI_API_KEY", ..OPENAI }, failed);
    check("U4", &Given { config: &moved("{ id: 'm' }"), env: "OPENAI_API_KEY", ..OPENAI }, "bare");
    let oauth = custom("http://127.0.0.1:1", "auth: 'oauth', apiKey: 'none'");
    let failed = "failed: credential `models.providers.custom.apiKey` (creel.json5 (marker)) failed: it marks that no \
                  credential is needed, and `models.providers.custom.auth` asks for class `oauth`";
    check("C40", &Given { config: &oauth, slot: "oauth", ..CUSTOM }, failed);
    let kept = custom("http://127.0.0.1:1", "apiKey: 'secretref-managed'");
    let failed = "failed: credential `models.providers.custom.apiKey` (creel.json5 (marker)) failed: it marks a \
                  credential that the older gateway keeps elsewhere, and is none itself";
    check("C20", &Given { config: &kept, ..CUSTOM }, failed);
}

#[test]
fn profiles_that_hold_markers_wait_for_credentials() {
    let marker = "m: { type: 'api_key', provider: 'ollama', key: 'ollama-local' }";
    let stored = Given { profiles: marker, ..OLLAMA };
    check("C42", &Given { env: "OLLAMA_API_KEY", ..stored }, "env:OLLAMA_API_KEY <- env:OLLAMA_API_KEY (api_key)");
    check_order("C42", &Given { env: "OLLAMA_API_KEY", ..stored }, &["+env:OLLAMA_API_KEY", "-m", "-none"]);
    let keyed = "{ models: { providers: { ollama: { apiKey: 'k' } } } }";
    let expect = "models.providers.ollama.apiKey <- creel.json5 (plaintext) (api_key)";
    check("C42", &Given { config: keyed, ..stored }, expect);
    check("C42", &stored, "bare");
    check_order("C42", &stored, &["-env:OLLAMA_API_KEY", "+m", "-none"]);
    let real = "o: { type: 'api_key', provider: 'ollama', key: 'cloud' }";
    let expect = "o <- auth-profiles.json (plaintext) (api_key)";
    check("C43", &Given { profiles: real, env: "OLLAMA_API_KEY", ..OLLAMA }, expect);
    check("C43", &Given { profiles: &format!("{marker}, {real}"), ..OLLAMA }, expect);
    let two = format!("{marker}, n: {{ type: 'token', provider: 'ollama', token: 'none' }}");
    let both = Given { profiles: &two, env: "OLLAMA_API_KEY", ..OLLAMA };
    check("C44", &both, "env:OLLAMA_API_KEY <- env:OLLAMA_API_KEY (api_key)");
    check_order("C44", &both, &["+env:OLLAMA_API_KEY", "-n", "-m", "-none"]);
    // C45 is overruled: a profile comes before the environment, whatever stands in either.
    check("C45", &Given { profiles: real, env: "OLLAMA_API_KEY?", ..OLLAMA }, expect);
    check_order("C45", &Given { env: "OLLAMA_API_KEY?", ..OLLAMA }, &["+env:OLLAMA_API_KEY", "-none"]);
    // Away from home a marker is nothing, wherever it stands.
    let away = Given { at: "https://ollama.example", ..stored };
    let remote =
        "markers are not credentials for remote hosts, and `https://ollama.example` is no host of your own network";
    let failed =
        "failed: credential `m` (auth-profiles.json (plaintext)) failed: it marks that no credential is needed: ";
    check("C38", &away, &format!("{failed}{remote}"));
    check("C38", &Given { profile: "m", ..away }, &format!("{failed}{remote}"));
    check("C42", &Given { env: "OLLAMA_API_KEY", ..away }, "env:OLLAMA_API_KEY <- env:OLLAMA_API_KEY (api_key)");
    check("C42: asked for by name", &Given { profile: "m", env: "OLLAMA_API_KEY", ..stored }, "bare");
    let variable = Given { env: "ANTHROPIC_API_KEY? ANTHROPIC_OAUTH_TOKEN", ..DEFAULT };
    check("C38", &variable, "env:ANTHROPIC_OAUTH_TOKEN <- env:ANTHROPIC_OAUTH_TOKEN (token)");
    assert!(reason(&variable, "env:ANTHROPIC_API_KEY").starts_with("it marks that no credential is needed"), "C38");
}

#[test]
fn a_word_is_a_marker_where_a_credential_could_stand() {
    let profile = ProfileId::parse("p").expect("an id");
    let key = SecretSource::Config("models.providers.ollama.apiKey".to_owned());
    for source in [key, SecretSource::Environment("KEY".to_owned()), SecretSource::Profile(profile)] {
        assert_eq!(source.marker("local"), Some(Marker::NoneNeeded), "{source}");
        assert_eq!(source.marker("sk-local"), None, "{source}");
    }
    let header = SecretSource::Config("models.providers.ollama.headers.X-Region".to_owned());
    assert_eq!(header.marker("local"), None);
}

#[test]
fn the_operator_can_say_that_none_is_needed() {
    let config = |more: &str| custom("https://llm.example.com", more);
    let none = config("auth: 'none'");
    let given = Given { config: &none, env: "OPENAI_API_KEY", ..CUSTOM };
    check("", &given, "bare");
    check_order("", &given, &["+models.providers.custom.auth", "-env:OPENAI_API_KEY"]);
    let profiles = "p: { type: 'api_key', provider: 'custom', key: 'k' }";
    check_order("", &Given { profiles, ..given }, &["+models.providers.custom.auth", "-p", "-env:OPENAI_API_KEY"]);
    let both = parse_config("creel.json5", &config("auth: 'none', apiKey: 'k'")).err().unwrap_or_default();
    let both: Vec<String> = both.iter().map(ToString::to_string).collect();
    let refused = "creel.json5:1:34: models.providers.custom: `auth` says that no credential is needed, and `apiKey` \
                   gives one";
    assert_eq!(both, [refused]);
}

#[test]
fn a_slot_may_be_optional() {
    check("attack 68", &Given { optional: true, ..OPENAI }, "bare");
    check("attack 68", &OPENAI, "failed: no credential found for provider `openai` (checked: `env:OPENAI_API_KEY`)");
    let wanted = "{ models: { providers: { openai: { auth: 'api-key' } } } }";
    let failed = "failed: no credential found for provider `openai` (checked: `env:OPENAI_API_KEY`, `none`)";
    check("who asks for one", &Given { optional: true, config: wanted, ..OPENAI }, failed);
}
