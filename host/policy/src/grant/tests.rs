//! Promise 6: the manifest requests, the operator's entry grants. Cases J8, J24, P22, U25 and attacks 12, 43, 156, 157.

use serde_json::json;

use super::*;

const MANIFEST: &str = r#"
[plugin]
id = "signal"
version = "0.1.0"
interface = "creel:plugin@0.1"

[endpoints.daemon]
setting = "httpUrl"
default = "http://127.0.0.1:8080"
allow = [{ method = "POST", path = "/api/v1/rpc" }]

[endpoints.cdn]
default = "https://cdn.example.com"
allow = [{ method = "GET", path = "/*" }]

[roots.attachments]
setting = "attachmentsDir"

[media]
store = true

[settings]
type = "object"
properties.account = { type = "string" }
properties.limit = { type = "integer", default = 4000 }
"#;

fn entry(values: Value) -> EntrySettings {
    EntrySettings { name: "channels.signal".into(), values: values.as_object().cloned().unwrap_or_default() }
}

fn granted(values: Value) -> Result<Grant, Vec<String>> {
    let manifest = Manifest::parse(MANIFEST).expect("a manifest");
    grant(&manifest, &entry(values)).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[track_caller]
fn check(values: Value, expect: &[&str]) {
    assert_eq!(granted(values.clone()).err().unwrap_or_default(), expect, "{values}");
}

#[test]
fn without_settings_the_manifests_defaults_are_granted() {
    let grant = granted(json!({})).expect("a grant");
    let daemon = &grant.endpoints["daemon"];
    assert_eq!(
        (daemon.base.to_string().as_str(), daemon.source.as_str()),
        ("http://127.0.0.1:8080", "manifest default")
    );
    assert!(daemon.may_be_private, "this machine by its spelling");
    assert!(!grant.endpoints["cdn"].may_be_private, "nobody named it: its name must not lead into the own network");
    assert!(grant.roots.is_empty(), "a directory that nobody named is not granted");
    assert_eq!(grant.cursor_bytes_max, limits::CURSOR_BYTES_MAX);
    assert_eq!(grant.media, MediaRequest { splice: false, read: false, store: true, write: false });
}

#[test]
fn p22_the_operators_origin_is_the_only_one_and_may_be_private() {
    let grant = granted(json!({"httpUrl": " http://10.0.0.5:8000/v1/ "})).expect("a grant");
    let daemon = &grant.endpoints["daemon"];
    assert_eq!(
        (daemon.base.to_string().as_str(), daemon.source.as_str()),
        ("http://10.0.0.5:8000/v1", "channels.signal.httpUrl")
    );
    assert!(daemon.may_be_private);
}

#[test]
fn a12_a43_a_setting_that_cannot_be_read_grants_nothing() {
    check(json!({"httpUrl": ""}), &["`channels.signal.httpUrl` is not the address of a server"]);
    check(json!({"httpUrl": "https://u:hunter2@x.com"}), &["`channels.signal.httpUrl` is not the address of a server"]);
    check(json!({"httpUrl": 8080}), &["`channels.signal.httpUrl` must be a string"]);
    check(json!({"httpUrl": null}), &["`channels.signal.httpUrl` must be a string"]);
    for server in ["http://169.254.169.254", "http://metadata.google.internal", "http://[::ffff:a9fe:a9fe]/latest"] {
        check(
            json!({"httpUrl": server}),
            &["`channels.signal.httpUrl` names a cloud metadata service, which no grant opens"],
        );
    }
    let text = MANIFEST.replace("default = \"http://127.0.0.1:8080\"\n", "");
    let manifest = Manifest::parse(&text).expect("a manifest");
    let problems = grant(&manifest, &entry(json!({}))).expect_err("no server");
    assert_eq!(
        problems[0].to_string(),
        "`channels.signal.httpUrl` is required: the plugin has no default for its endpoint `daemon`"
    );
    assert_eq!(problems[0].key(), "channels.signal.httpUrl");
}

#[test]
fn j8_j24_a_root_is_one_directory() {
    let grant = granted(json!({"attachmentsDir": "/srv//signal/./attachments/"})).expect("a grant");
    assert_eq!(grant.roots["attachments"], "/srv/signal/attachments");
    for (path, rule) in [
        ("/", "must not be the root of the file system: name a narrower directory"),
        ("//", "must not be the root of the file system: name a narrower directory"),
        ("/Users/**/A", "must be one directory: patterns do not exist here"),
        ("/Users/*/Library/Messages/Attachments", "must be one directory: patterns do not exist here"),
        ("./a", "must be an absolute path, written out from `/`"),
        ("~/a", "must be an absolute path, written out from `/`"),
        ("", "must be an absolute path, written out from `/`"),
        ("/a/../b", "must be a path without `..`"),
        ("/a\0", "must be a path of at most 4096 bytes without control characters"),
    ] {
        check(json!({"attachmentsDir": path}), &[&format!("`channels.signal.attachmentsDir` {rule}")]);
    }
}

#[test]
fn unknown_settings_are_problems_and_all_are_reported() {
    check(
        json!({"htpUrl": "x", "account": 1, "attachmentsDir": "a"}),
        &[
            "`channels.signal.attachmentsDir` must be an absolute path, written out from `/`",
            "`channels.signal.htpUrl` the plugin takes no such setting",
            "`channels.signal.account` must be of type `string`",
        ],
    );
    let manifest = Manifest::parse(&MANIFEST[..MANIFEST.find("[settings]").expect("a table")]).expect("a manifest");
    let problems = grant(&manifest, &entry(json!({"htpUrl": "x"}))).expect_err("unknown");
    let GrantProblem::BadSetting { key, rule, hint } = &problems[0] else { panic!("{problems:?}") };
    assert_eq!(
        (key.as_str(), rule.as_str(), hint.as_deref()),
        ("channels.signal.htpUrl", "is no setting of this plugin", Some("did you mean `httpUrl`?"))
    );
}

#[test]
fn the_plugin_sees_neither_origins_nor_directories_nor_secrets() {
    let manifest = Manifest::parse(MANIFEST).expect("a manifest");
    let seen = plugin_settings(
        &manifest,
        &entry(json!({
            "httpUrl": "http://10.0.0.1", "attachmentsDir": "/srv", "account": "+1", "botToken": "s", "apiKey": {"source": "env"},
            "accounts": [{"name": "a", "client_secret": "s", "maxTokens": 5}]
        })),
    );
    assert_eq!(
        Value::Object(seen),
        json!({"account": "+1", "limit": 4000, "accounts": [{"name": "a", "maxTokens": 5}]})
    );
}

#[test]
fn the_last_word_of_a_name_says_whether_it_is_a_secret() {
    for name in [
        "token",
        "botToken",
        "bot_token",
        "BOT_TOKEN",
        "apiKey",
        "api-key",
        "clientSecret",
        "password",
        "privateKey",
        "accessKey",
    ] {
        assert!(is_secret_name(name), "{name}");
    }
    for name in ["maxTokens", "tokens", "account", "keyboard", "secretary", "passwordHint", "context_tokens", "key", ""]
    {
        assert!(!is_secret_name(name), "{name}");
    }
}

#[test]
fn only_the_operator_renews_access_tokens_on_this_machine() {
    let slot = "[credentials.account]\nendpoint = \"daemon\"\nclasses = []\n[credentials.account.refresh]\n\
                token_url = \"https://auth.example.com/token\"\nsetting = \"tokenUrl\"\n[media]\n";
    let manifest = Manifest::parse(&MANIFEST.replacen("[media]\n", slot, 1)).expect("a manifest");
    let renewed = |values: Value| {
        let granted = grant(&manifest, &entry(values));
        let granted = granted.map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let rule = granted.credentials["account"].refresh.as_ref().expect("a rule");
        Ok::<_, Vec<String>>((rule.token_url.to_string(), rule.may_be_private))
    };
    assert_eq!(renewed(json!({})), Ok(("https://auth.example.com/token".into(), false)));
    let elsewhere = "https://other.example.com/token";
    assert_eq!(renewed(json!({ "tokenUrl": elsewhere })), Ok((elsewhere.into(), false)));
    let here = "http://127.0.0.1:7/token";
    assert_eq!(renewed(json!({ "tokenUrl": here })), Ok((here.into(), true)));
    let refused = |value: Value| renewed(json!({ "tokenUrl": value })).err().unwrap_or_default();
    let key = "`channels.signal.tokenUrl`";
    assert_eq!(refused(json!("http://auth.example.com/token")), [format!("{key} must be `https`")]);
    assert_eq!(refused(json!(7)), [format!("{key} must be a string")]);
    assert_eq!(refused(json!("https://192.168.0.7/token")).len(), 1);
}
