//! The configuration: what is read, and the exact text and place of what is refused. Rows of the shared cases are
//! named by their id.

use secrecy::ExposeSecret;

use super::*;
use crate::ids::{ModelRef, ProfileId, ProviderId};
use crate::manifest::{CredentialClass, Input};
use crate::secret_ref::Source;

fn config(text: &str) -> Config {
    parse_config("creel.json5", text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn refusals(text: &str) -> Vec<String> {
    let problems = parse_config("creel.json5", text).err().unwrap_or_default();
    let line = |problem: Problem| {
        let hint = problem.hint.as_ref().map(|hint| format!(" | {hint}")).unwrap_or_default();
        format!("{problem}{hint}").trim_start_matches("creel.json5:").to_owned()
    };
    problems.into_iter().map(line).collect()
}

#[track_caller]
fn check(text: &str, expect: &[&str]) {
    assert_eq!(refusals(text), expect, "{text}");
}

fn provider(text: &str) -> String {
    format!("{{ models: {{ providers: {{ openai: {{ {text} }} }} }} }}")
}

fn model(text: &str) -> ModelRef {
    ModelRef::parse(text).expect("the test writes a model")
}

/// The snippet of the documentation, as it stands there.
const SNIPPET: &str = r#"{
  models: { providers: { anthropic: { auth: "api-key",
            apiKey: { source: "env", provider: "default", id: "ANTHROPIC_API_KEY" } } } },
  agents: { defaults: { model: { primary: "ollama/glm-5:cloud" },
                        imageModel: { primary: "anthropic/claude-haiku-4-5", fallbacks: [] } } },
  tools:  { media: { image: { models: [ { provider: "anthropic", model: "claude-haiku-4-5",
                                          profile: "anthropic:default" } ] } } },
}"#;

#[test]
fn the_snippet_of_the_documentation_reads_as_it_stands() {
    let config = config(SNIPPET);
    let anthropic = &config.models.providers[&ProviderId::parse("anthropic").expect("an id")];
    assert_eq!(anthropic.auth, Some(CredentialClass::ApiKey));
    let reference = anthropic.api_key.as_ref().and_then(SecretInput::reference);
    assert_eq!(reference.map(ToString::to_string).as_deref(), Some("env:ANTHROPIC_API_KEY"));
    let chain = config.defaults.model.expect("a model");
    assert_eq!((chain.primary, chain.fallbacks), (model("ollama/glm-5:cloud"), vec![]));
    assert_eq!(config.defaults.image_model.expect("one").primary, model("anthropic/claude-haiku-4-5"));
    let describer = &config.media_image.models[0];
    assert_eq!(describer.model, model("anthropic/claude-haiku-4-5"));
    assert_eq!(describer.profile, ProfileId::parse("anthropic:default").ok());
    assert_eq!((describer.chars_max, describer.bytes_max), (500, 10 << 20));
}

#[test]
fn each_line_of_the_snippet_reads_on_its_own() {
    let lines: Vec<&str> = SNIPPET.lines().collect();
    for part in [lines[1..3].join("\n"), lines[3..5].join("\n"), lines[5..7].join("\n")] {
        check(&format!("{{\n{part}\n}}"), &[]);
    }
}

#[test]
fn json5_is_read_whole() {
    let text = "\u{feff}// a comment\n{ /* another */ 'agents': { \"defaults\": {\n  model: 'a/\\x62\\u0063', maxTokens: 0x10,\n  \
                systemPrompt: 'one \\\ntwo \\'three\\' \"four\" \\u{feff}', } }, }"
        .replace("\\u{feff}", "\\uD83D\\uDE00");
    let config = config(&text);
    assert_eq!(config.defaults.model.map(|chain| chain.primary), Some(model("a/bc")));
    assert_eq!(config.defaults.output_tokens_max, Some(16));
    assert_eq!(config.defaults.system_prompt.as_deref(), Some("one two 'three' \"four\" \u{1f600}"));
    for (number, expect) in [("+1", 1), ("1e3", 1_000), ("5.", 5), ("1.0", 1), ("0XfF", 255)] {
        let config = self::config(&format!("{{ agents: {{ defaults: {{ maxTokens: {number} }} }} }}"));
        assert_eq!(config.defaults.output_tokens_max, Some(expect), "{number}");
    }
    check("{ auth: { cooldowns: { billingMaxHours: .5 } } }", &[]);
}

#[test]
fn syntax_errors_have_a_place() {
    check("{\n  agents: {,}\n}", &["2:12: unexpected token in object"]);
    check("{ agents: {} channels: {} }", &["1:13: expected comma"]);
    check("{\n  agents: 'x\n}", &["2:11: unterminated string literal"]);
    check("", &["1:1: the file is empty | write at least `{}`"]);
    check("// nothing\n", &["1:1: the file is empty | write at least `{}`"]);
    check("{} {}", &["1:4: text cannot contain more than one JSON value"]);
    check("[]", &["1:1: expected an object, found a list"]);
    check("{ agents: yes }", &["1:11: unexpected word"]);
    check(&"[".repeat(600), &["1:513: maximum nesting depth exceeded"]);
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    check(&deep, &["1:1: expected an object, found a list"]);
    let whole_number = "1:36: agents.defaults.maxTokens: expected a whole number from 1 to 1000000";
    for number in ["Infinity", "-Infinity", "NaN", "-1", "0", ".5", "1e400", "0xfffffffffffffffff"] {
        check(&format!("{{ agents: {{ defaults: {{ maxTokens: {number} }} }} }}"), &[whole_number]);
    }
}

#[test]
fn all_problems_are_reported_in_the_order_of_the_file() {
    check(
        "{\n  modls: {},\n  agents: { defaults: { model: 'glm', imageModel: { fallbacks: ['x/y'] } } },\n  agents: {},\n  \
         channels: { signal: { dmPolicy: 'alowlist' } },\n  tools: { media: { image: { modles: [] } } },\n}",
        &[
            "2:3: modls: unknown key `modls` | did you mean `models`?",
            "3:32: agents.defaults.model: not a model: expected `provider/model`, e.g. `anthropic/claude-haiku-4-5`",
            "3:51: agents.defaults.imageModel: the chain has no `primary`",
            "4:3: agents: the key appears twice, first on line 3",
            "5:35: channels.signal.dmPolicy: expected `allowlist`, `open` or `disabled` | did you mean `allowlist`?",
            "6:30: tools.media.image.modles: unknown key `modles` | did you mean `models`?",
        ],
    );
}

#[test]
fn no_message_holds_a_value() {
    const KEY: &str = "sk-ant-api03-DUMMY";
    for text in [
        "{ models: { providers: { openai: { auth: 'KEY' } } } }",
        "{ models: { providers: { openai: { plugin: 'KEY', api: 1 } } } }",
        "{ models: { providers: { openai: { apiKey: { source: 'KEY', id: 'KEY', provider: 'KEY' } } } } }",
        "{ models: { providers: { openai: { apiKey: { source: 'env', id: 'KEY', provider: 'KEY' } } } } }",
        "{ models: { providers: { openai: { apiKey: { source: 'env', id: 'KEY' } } } } }",
        "{ models: { providers: { openai: { apiKey: ['KEY'] } } } }",
        "{ models: { mode: 'KEY', providers: 'KEY' } }",
        "{ agents: { defaults: { model: 'KEY', imageModel: { primary: 'KEY KEY' } } } }",
        "{ auth: { profiles: { a: { provider: 'KEY/', mode: 'KEY' } }, order: { a: ['KEY KEY'] } } }",
        "{ gateway: { bind: 'KEY', auth: { token: 1, mode: 'KEY', password: 'KEY' } } }",
        "{ secrets: { providers: { x: { source: 'exec', command: 'KEY', env: { A: 1 } } } } }",
        "{ agents: 'KEY",
        "{ agents: KEY }",
        "{ agents: '\\uD8KEY' }",
    ] {
        let refusals = refusals(&text.replace("KEY", KEY));
        assert!(!refusals.is_empty(), "{text}");
        assert!(!refusals.iter().any(|line| line.contains("DUMMY")), "{refusals:?}");
    }
}

#[test]
fn secret_references_are_checked_where_they_stand() {
    let at = "1:44: models.providers.openai.apiKey";
    let env = "the `id` of an `env` reference is the name of a variable: 1 to 128 of `A-Z`, `0-9` and `_`, beginning \
               with a letter";
    let with = |secrets: &str, key: &str| {
        format!("{{ models: {{ providers: {{ openai: {{ apiKey: {key} }} }} }}, secrets: {{ {secrets} }} }}")
    };
    let all = "providers: { default: { source: 'env' }, files: { source: 'file', path: '/f' }, \
               one: { source: 'file', path: '/f', mode: 'singleValue' }, run: { source: 'exec', command: '/r' } }";
    let reference = |source: &str, provider: &str, id: &str| {
        format!("{{ source: '{source}', provider: '{provider}', id: '{id}' }}")
    };
    // A1: valid, with all kinds of providers declared.
    check(&with(all, &reference("env", "default", "OPENAI_API_KEY")), &[]);
    // A2 and A3: the path names the key, and the message says what an id of the environment is.
    for id in ["bad id with spaces", "/providers/openai/apiKey"] {
        let place = "1:86: models.providers.openai.apiKey.id";
        check(&with("", &reference("env", "default", id)), &[&format!("{place}: {env}")]);
    }
    // A4 to A6.
    for id in ["providers/openai/apiKey", "/a~", "/a~2", "value/extra"] {
        let refused = refusals(&with(all, &reference("file", "files", id)));
        assert!(refused.len() == 1 && refused[0].contains("absolute JSON pointer"), "{id}: {refused:?}");
    }
    check(&with(all, &reference("file", "files", "/providers/openai")), &[]);
    check(&with(all, &reference("file", "one", "value")), &[]);
    let single = format!("{at}: `secrets.providers.one` is a single value, and the id of its reference is `value`");
    check(&with(all, &reference("file", "one", "/a")), &[&single]);
    // A7.
    check(&with(all, &reference("exec", "run", "vault/openai/api-key")), &[]);
    // B14 and C19.
    let other = format!("{at}: `secrets.providers.default` has source `env` but the reference asks for `exec`");
    check(&with(all, &reference("exec", "default", "a")), &[&other]);
    // An alias that nobody declares.
    let unknown = format!("{at}: no provider `nowhere` is declared in `secrets.providers`");
    check(&with(all, &reference("env", "nowhere", "A")), &[&unknown]);
    // B17 and C18.
    let listed = "providers: { default: { source: 'env', allowlist: ['A'] } }";
    check(&with(listed, "'${A}'"), &[]);
    check(&with(listed, "'${B}'"), &[&format!("{at}: `B` is not in `secrets.providers.default.allowlist`")]);
    // A20: an empty value.
    let empty = format!("{at}: the secret is empty | write `${{NAME}}` to take it from the environment");
    check(&with("", "' '"), &[&empty]);
}

#[test]
fn spellings_of_a_secret() {
    let read = |key: &str, secrets: &str| {
        let text = format!("{{ models: {{ providers: {{ p: {{ apiKey: {key} }} }} }}, secrets: {{ {secrets} }} }}");
        let config = config(&text);
        match config.secret_inputs().remove(0).1 {
            SecretInput::Literal(literal) => format!("literal {}", literal.expose_secret()),
            SecretInput::Ref(reference) => format!("{reference} of {}", reference.provider()),
        }
    };
    assert_eq!(read("'${OPENAI_API_KEY}'", ""), "env:OPENAI_API_KEY of default", "A13");
    assert_eq!(read("'$OPENAI_API_KEY'", ""), "env:OPENAI_API_KEY of default", "A13");
    let mine = "providers: { mine: { source: 'env' } }, defaults: { env: 'mine' }";
    assert_eq!(read("'$OPENAI_API_KEY'", mine), "env:OPENAI_API_KEY of mine", "A13: the default alias");
    assert_eq!(read("'${lower_case}'", ""), "literal ${lower_case}", "A14");
    assert_eq!(read("'secretref-env:NAME'", ""), "env:NAME of default", "A15");
    assert_eq!(read("'__env__:NAME'", ""), "env:NAME of default", "A15");
    let file = "providers: { filemain: { source: 'file', path: '/f' } }, defaults: { file: 'filemain' }";
    assert_eq!(read("{ source: 'file', id: '/a' }", file), "file:filemain#/a of filemain", "A17");
    assert_eq!(read("' sk-1 '", ""), "literal sk-1");
    assert_eq!(read("{ source: 'vault', id: 'openai/key' }", ""), "vault:openai/key of default");
}

#[test]
fn an_object_with_another_key_is_no_reference() {
    // A16
    check(
        &provider("apiKey: { source: 'env', provider: 'default', id: 'A', extra: 1 }"),
        &["1:91: models.providers.openai.apiKey.extra: unknown key `extra`"],
    );
    check(
        &provider("apiKey: { provider: 'default' }"),
        &[
            "1:44: models.providers.openai.apiKey: the secret reference has no `source`",
            "1:44: models.providers.openai.apiKey: the secret reference has no `id`",
        ],
    );
}

#[test]
fn keys_of_the_older_gateway_are_refused_with_what_to_write_instead() {
    let aws =
        "a plugin that signs for AWS takes the key as `auth: \"api-key\"`, and a bearer token as `auth: \"token\"`";
    // A12
    check(
        &provider("request: { proxy: { url: { source: 'env', provider: 'default', id: 'A' } } }"),
        &["1:47: models.providers.openai.request.proxy: not supported by Creel | the daemon connects directly"],
    );
    check(
        &provider("auth: 'aws-sdk'"),
        &[&format!("1:42: models.providers.openai.auth: `aws-sdk` is not supported by Creel | {aws}")],
    );
    check(
        "{ channels: { signal: { dmPolicy: 'pairing' } } }",
        &[
            "1:35: channels.signal.dmPolicy: `pairing` is not supported by Creel | use `allowlist`, and name those who may \
           write in `allowFrom`",
        ],
    );
    check(
        "{ agents: { list: [] } }",
        &["1:13: agents.list: not supported by Creel | there is one agent: write its \
           settings in `agents.defaults`"],
    );
    let refused = [
        "{ models: { providers: { p: { models: [{ id: 'a', compat: {} }] } } } }",
        "{ models: { providers: { p: { request: { allowPrivateNetwork: true } } } } }",
        "{ agents: { defaults: { imageGenerationModel: 'a/b' } } }",
        "{ tools: { profile: 'full' } }",
        "{ tools: { media: { audio: { enabled: true } } } }",
        "{ tools: { media: { image: { attachments: { mode: 'first' } } } } }",
        "{ tools: { media: { image: { models: [{ type: 'cli', command: 'x' }] } } } }",
        "{ channels: { signal: { accounts: {} } } }",
        "{ channels: { signal: { allowFrom: ['accessGroup:family'] } } }",
        "{ channels: { defaults: {} } }",
        "{ plugins: { slots: {} } }",
        "{ plugins: { entries: { signal: { config: {} } } } }",
        "{ models: { providers: { p: { models: [{ id: 'a', headers: { 'X-Org': 'a' } }] } } } }",
        "{ auth: { profiles: { a: { provider: 'amazon-bedrock', mode: 'aws-sdk' } } } }",
        "{ secrets: { providers: { p: { source: 'exec', pluginIntegration: {} } } } }",
        "{ skills: {} }",
        "{ security: { installPolicy: 'x' } }",
        "{ gateway: { remote: {} } }",
    ];
    for text in refused {
        let lines = refusals(text);
        assert!(lines.iter().any(|line| line.contains("not supported by Creel")), "{text}: {lines:?}");
        assert!(lines.iter().all(|line| line.contains(" | ") || !line.contains("not supported")), "{text}: {lines:?}");
    }
}

#[test]
fn a_setting_of_a_plugin_is_never_a_secret() {
    let hint = "a plugin never holds a credential: give it by a profile or `apiKey`";
    for value in ["'${TOKEN}'", "{ source: 'env', id: 'TOKEN' }", "{ a: [ '$TOKEN' ] }"] {
        let refused = refusals(&format!("{{ channels: {{ signal: {{ botToken: {value} }} }} }}"));
        assert!(refused.len() == 1 && refused[0].contains("cannot be a secret reference"), "{refused:?}");
        assert!(refused[0].ends_with(hint), "{refused:?}");
    }
}

#[test]
fn providers_are_read() {
    let config = config(
        "{ models: { mode: 'replace', providers: { 'z.ai': { plugin: 'openai-compatible', api: 'openai-completions',
            baseUrl: 'http://10.0.0.5:8000/v1', region: 'eu',
            models: [ { id: 'glm-5', name: 'GLM', input: ['text', 'image'], contextWindow: 1000, maxTokens: 10,
                        reasoning: true, cost: { input: 1, output: 2.5 } } ] } } } }",
    );
    assert!(config.models.replace);
    let (id, entry) = config.models.providers.iter().next().expect("one provider");
    assert_eq!(id.as_str(), "zai");
    assert_eq!(entry.base_url.as_deref(), Some("http://10.0.0.5:8000/v1"));
    assert_eq!(entry.settings.key(), "models.providers[\"z.ai\"]");
    let settings: Vec<&String> = entry.settings.values().keys().collect();
    assert_eq!(settings, ["baseUrl", "region"], "what the host reads itself is not among the plugin's settings");
    let model = &entry.models[0];
    assert_eq!(model.input.as_deref(), Some(&[Input::Text, Input::Image][..]));
    assert_eq!((model.context_tokens, model.output_tokens), (Some(1_000), Some(10)));
}

#[test]
fn one_provider_has_one_entry_whatever_its_names() {
    check(
        "{ models: { providers: { zai: {}, 'z-ai': {} } } }",
        &["1:35: models.providers.z-ai: the same provider as `models.providers.zai`"],
    );
}

#[test]
fn channels_are_read() {
    let config = config(
        "{ channels: { signal: { httpUrl: 'http://127.0.0.1:8080', allowFrom: [' +491', 492, '*'], mediaMaxMb: 5,
            groupPolicy: 'open', historyLimit: 0 } } }",
    );
    let signal = config.channels.values().next().expect("one channel");
    assert_eq!(signal.access.allow_from, ["+491", "492", "*"]);
    assert_eq!(signal.access.group_policy, crate::access::GroupPolicy::Open);
    assert_eq!((signal.medium_bytes_max, signal.history_limit, signal.text_chunk_limit), (5 << 20, 0, 4_000));
    assert_eq!(signal.settings.values().keys().collect::<Vec<_>>(), ["httpUrl"]);
    assert_eq!(signal.settings.entry().name, "channels.signal");
}

#[test]
fn what_is_wrong_with_a_grant_has_its_place() {
    let config = config("{ channels: { signal: {\n  httpPort: 8080,\n  alowFrom: [],\n} } }");
    let signal = config.channels.values().next().expect("one channel");
    let locate = |key: &str| {
        let (rule, key) = ("is no setting of this plugin".to_owned(), format!("channels.signal.{key}"));
        let problem =
            signal.settings.locate("creel.json5", &crate::grant::GrantProblem::BadSetting { key, rule, hint: None });
        (problem.line, problem.column, problem.hint.unwrap_or_default())
    };
    assert_eq!(locate("httpPort"), (2, 3, "write the whole address in `httpUrl`".to_owned()));
    assert_eq!(locate("alowFrom"), (3, 3, "did you mean `allowFrom`?".to_owned()));
    assert_eq!(locate("absent"), (1, 23, String::new()));
}

#[test]
fn secret_providers_are_read_whole() {
    let config = config(
        "{ secrets: { resolution: { maxProviderConcurrency: 2 }, providers: {
            f: { source: 'file', path: '~/secrets.json' },
            x: { source: 'exec', command: '/bin/x', args: ['a'], timeoutMs: 100, env: { A: 'b' }, passEnv: ['HOME'] },
            v: { source: 'vault' } } } }",
    );
    let sources: Vec<Source> = config.secrets.providers.values().map(SecretProvider::source).collect();
    assert_eq!(sources, [Source::File, Source::Vault, Source::Exec]);
    let SecretProvider::Exec(exec) = &config.secrets.providers["x"] else { panic!("`x` is a command") };
    assert_eq!((exec.timeout_ms, exec.no_output_timeout_ms, exec.json_only), (100, 100, true));
    assert_eq!(config.secrets.resolution.provider_concurrency_max, 2);
    check(
        "{ secrets: { providers: { x: { source: 'exec', command: 'x' }, Y: { source: 'env' } }, \
         defaults: { file: 'x' } } }",
        &[
            "1:57: secrets.providers.x.command: expected an absolute path",
            "1:64: secrets.providers.Y: not an alias: expected 1 to 64 of `a-z`, `0-9`, `_` and `-`, beginning with a letter",
            "1:98: secrets.defaults: `file` names no provider of that source in `secrets.providers`",
        ],
    );
}

#[test]
fn orders_of_one_provider_agree() {
    let order = |text: &str| {
        let config = config(&format!("{{ auth: {{ order: {{ {text} }} }} }}"));
        let order = config.auth.order.into_iter().next().expect("one order");
        (order.0.to_string(), order.1.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
    };
    assert_eq!(order("'z.ai': [], zai: ['b', 'a', 'b']"), ("zai".into(), "b,a".into()), "D3");
    assert_eq!(order("zai: ['b', 'a'], 'z.ai': []"), ("zai".into(), "b,a".into()), "D3");
    assert_eq!(order("zai: []"), ("zai".into(), String::new()), "D4");
    check(
        "{ auth: { order: { zai: ['a'], 'z.ai': ['b'] } } }",
        &["1:32: auth.order[\"z.ai\"]: another name of the same provider has another order"],
    );
}

#[test]
fn a_denied_plugin_stays_out() {
    let judged = |text: &str| {
        let id = crate::ids::PluginId::parse("signal").expect("an id");
        config(&format!("{{ plugins: {{ {text} }} }}")).plugins.judge(&id).map_err(|refusal| refusal.to_string())
    };
    assert_eq!(judged(""), Ok(()));
    assert_eq!(judged("allow: ['signal']"), Ok(()));
    assert_eq!(judged("allow: ['signal'], deny: ['signal']"), Err("the plugin is in `plugins.deny`".into()), "T8");
    assert_eq!(judged("allow: ['telegram']"), Err("the plugin is not in `plugins.allow`".into()), "T9");
    assert_eq!(judged("allow: []"), Err("the plugin is not in `plugins.allow`".into()));
    assert_eq!(judged("enabled: false"), Err("`plugins.enabled` is `false`".into()));
    let off = "`enabled` of its `plugins.entries` is `false`";
    assert_eq!(judged("entries: { signal: { enabled: false } }"), Err(off.into()));
}

#[test]
fn an_open_door_needs_a_token() {
    check(
        "{ gateway: { bind: 'lan' } }",
        &["1:12: gateway: `bind` is `lan` but there is no `auth.token` | write `gateway.auth.token`"],
    );
    let config = config("{ gateway: { bind: 'lan', port: 18789, auth: { mode: 'token', token: '${GATEWAY}' } } }");
    assert_eq!((config.gateway.bind, config.gateway.port), (Bind::Lan, Some(18_789)));
}

#[test]
fn shared_describers_follow_those_of_the_capability() {
    let config = config(
        "{ tools: { media: { models: [ { provider: 'a', model: 'shared' }, { provider: 'a', model: 'ears', capabilities: ['audio'] } ],
            image: { maxChars: 100, models: [ { provider: 'a', model: 'org/own', maxChars: 7, prompt: 'p' } ] } } } }",
    );
    let models: Vec<_> =
        config.media_image.models.iter().map(|entry| (entry.model.to_string(), entry.chars_max)).collect();
    assert_eq!(models, [("a/org/own".to_owned(), 7), ("a/shared".to_owned(), 100)]);
}

#[test]
fn where_the_key_of_the_vault_is() {
    let read = |vault: &str| {
        let text = format!("{{ secrets: {{ providers: {{ f: {{ source: 'file', path: '/f' }} }}, vault: {vault} }} }}");
        match parse_config("creel.json5", &text) {
            Ok(config) => format!("{:?}", config.secrets.vault),
            Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        }
    };
    assert_eq!(read("{}"), "File(None)");
    assert_eq!(read("{ key: 'file' }"), "File(None)");
    assert_eq!(read("{ keyFile: '~/keys/creel' }"), "File(Some(\"~/keys/creel\"))");
    assert_eq!(read("{ key: 'keyring' }"), "Keyring");
    let passphrase = read("{ key: 'passphrase', passphraseFrom: '${WORD}' }");
    assert!(
        passphrase.starts_with("Passphrase(SecretRef { source: Env,") && passphrase.contains("WORD"),
        "{passphrase}"
    );
    let pointer = read("{ key: 'passphrase', passphraseFrom: { source: 'file', provider: 'f', id: '/p' } }");
    assert!(pointer.starts_with("Passphrase("), "{pointer}");
    for (vault, expect) in [
        ("{ key: 'tpm' }", "expected `file`, `keyring` or `passphrase`"),
        ("{ keyFile: 'vault.key' }", "expected an absolute path, or one that begins with `~/`"),
        ("{ key: 'keyring', keyFile: '/k' }", "it goes with a `key` of `file` alone"),
        ("{ passphraseFrom: '${WORD}' }", "it goes with a `key` of `passphrase` alone"),
        ("{ key: 'passphrase' }", "a `key` of `passphrase` needs `passphraseFrom`"),
        ("{ key: 'passphrase', passphraseFrom: 'horse' }", "must be a reference, and not stand here"),
        (
            "{ key: 'passphrase', passphraseFrom: { source: 'vault', id: 'p' } }",
            "the passphrase of the vault cannot be in the vault",
        ),
        (
            "{ key: 'passphrase', passphraseFrom: { source: 'exec', provider: 'none', id: 'p' } }",
            "no provider `none` is declared in `secrets.providers`",
        ),
        ("{ keyfile: '/k' }", "unknown key `keyfile`"),
    ] {
        let text = read(vault);
        assert!(text.contains(expect) && !text.contains("horse"), "{vault}: {text}");
    }
}

#[test]
fn paths_of_secrets_begin_at_the_root_or_at_home() {
    let provider = |rest: &str| format!("{{ secrets: {{ providers: {{ x: {{ {rest} }} }} }} }}");
    let message = "expected an absolute path, or one that begins with `~/`";
    for rest in [
        "source: 'file', path: 'secrets.json'",
        "source: 'file', path: '~other/secrets.json'",
        "source: 'exec', command: '/bin/x', trustedDirs: ['bin']",
    ] {
        let problems = parse_config("creel.json5", &provider(rest)).err().unwrap_or_default();
        assert!(problems.len() == 1 && problems[0].to_string().contains(message), "{rest}: {problems:?}");
    }
}
