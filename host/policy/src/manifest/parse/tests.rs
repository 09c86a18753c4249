//! What a manifest may say, and each rule's refusal with its place. Attacks 8, 9, 12, 67, 143, 150, 151, 155, 174, 176,
//! 184 and the like.

use super::*;
use crate::manifest::{Placement, RefreshStyle};

const SIGNAL: &str = r#"
[plugin]
id = "signal"
version = "0.1.0"
interface = "creel:plugin@0.1"

[endpoints.daemon]
setting = "httpUrl"
default = "http://127.0.0.1:8080"
allow = [{ method = "GET", path = "/api/v1/events" }, { method = "POST", path = "/api/v1/rpc" }]

[roots.attachments]
setting = "attachmentsDir"
mode = "read"

[media]
splice = true

[limits]
cursor_bytes_max = 4096
"#;

const ANTHROPIC: &str = r#"
[plugin]
id = "anthropic"
version = "0.1.0"
interface = "creel:plugin@0.1"
summary = "Anthropic Messages API"

[provider]
apis = ["anthropic-messages"]

[endpoints.api]
default = "https://api.anthropic.com/"
setting = "baseUrl"
allow = [{ method = "POST", path = "/v1/messages" }, { method = "GET", path = "/v1/models/*" }]

[credentials.account]
endpoint = "api"

[[credentials.account.classes]]
class = ["api_key"]
environment = ["ANTHROPIC_API_KEY"]
place = { header = "x-api-key" }

[[credentials.account.classes]]
class = ["token", "oauth"]
environment = ["ANTHROPIC_OAUTH_TOKEN"]
place = { header = "authorization", prefix = "Bearer " }
with = { "anthropic-beta" = "oauth-2025-04-20" }

[media]
splice = true
read = false

[[models]]
id = "claude-haiku-4-5"
input = ["text", "image"]
context_tokens = 200_000

[settings]
type = "object"
properties.version = { type = "string", default = "2023-06-01" }
"#;

/// The problems, each as `line:column key: message (hint)`.
fn said(text: &str) -> Vec<String> {
    let problems = Manifest::parse(text).err().map(|errors| errors.0).unwrap_or_default();
    let line = |p: Problem| {
        let hint = p.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{}:{} {}: {}{hint}", p.line, p.column, p.key, p.message)
    };
    problems.into_iter().map(line).collect()
}

/// Changes one text of the Anthropic manifest and says what is reported, without the places.
#[track_caller]
fn check(from: &str, to: &str, expect: &[&str]) {
    assert!(ANTHROPIC.contains(from), "{from}");
    let said = said(&ANTHROPIC.replacen(from, to, 1));
    let bare: Vec<&str> =
        said.iter().map(|line| line.split_once(' ').map_or(line.as_str(), |(_, rest)| rest)).collect();
    assert_eq!(bare, expect, "{to}");
}

#[test]
fn the_examples_are_read_whole() {
    let signal = Manifest::parse(SIGNAL).expect("a manifest");
    assert_eq!(signal.plugin.id.as_str(), "signal");
    assert!(signal.provider.is_none());
    let daemon = &signal.endpoints["daemon"];
    assert_eq!(
        (daemon.default.as_deref(), daemon.setting.as_deref()),
        (Some("http://127.0.0.1:8080"), Some("httpUrl"))
    );
    assert_eq!(daemon.allow[1], Allow { method: "POST".into(), path: "/api/v1/rpc".into() });
    assert_eq!(signal.roots["attachments"].setting, "attachmentsDir");
    assert_eq!(signal.media, MediaRequest { splice: true, read: false, store: false, write: false });
    assert_eq!(signal.limits.cursor_bytes_max, Some(4096));

    let anthropic = Manifest::parse(ANTHROPIC).expect("a manifest");
    assert_eq!(anthropic.endpoints["api"].default.as_deref(), Some("https://api.anthropic.com"));
    let slot = &anthropic.credentials["account"];
    assert_eq!((slot.endpoint.as_str(), slot.optional, slot.classes.len()), ("api", false, 2));
    assert_eq!(slot.classes[1].place, Placement::Header { name: "authorization".into(), prefix: "Bearer ".into() });
    assert_eq!(slot.classes[1].with["anthropic-beta"], "oauth-2025-04-20");
    assert_eq!(anthropic.models[0].context_tokens, Some(200_000));
    assert_eq!(anthropic.models[0].input, [Input::Text, Input::Image]);
    assert!(anthropic.settings_schema.is_some_and(|schema| schema.contains("2023-06-01")));
}

#[test]
fn where_access_tokens_are_renewed_is_checked_like_a_grant() {
    let with = |table: &str| format!("[credentials.account.refresh]\n{table}\n[media]\n");
    let full = "token_url = \"https://auth.example.com/token\"\nsetting = \"oauthTokenUrl\"\nclient_id = \"c\"\nscope = \"a b\"\nstyle = \"json\"";
    let manifest = Manifest::parse(&ANTHROPIC.replacen("[media]\n", &with(full), 1)).expect("a manifest");
    let rule = manifest.credentials["account"].refresh.as_ref().expect("a rule");
    assert_eq!(rule.token_url.to_string(), "https://auth.example.com/token");
    assert_eq!((rule.setting.as_deref(), rule.client_id.as_deref()), (Some("oauthTokenUrl"), Some("c")));
    assert_eq!((rule.scope.as_deref(), rule.style, rule.may_be_private), (Some("a b"), RefreshStyle::Json, false));
    let bad = |table: &str, expect: &[&str]| check("[media]\n", &with(table), expect);
    let at = "credentials.account.refresh";
    bad("", &[&format!("{at}.token_url: is required")]);
    let url = |url: &str| format!("token_url = \"{url}\"");
    bad(&url("http://auth.example.com/token"), &[&format!("{at}.token_url: must be `https`")]);
    let here = format!("{at}.token_url: must not be this machine; only the operator can say so");
    bad(&url("http://127.0.0.1/token"), &[&here]);
    let good = url("https://auth.example.com/token");
    bad(&format!("{good}\nstyle = \"xml\""), &[&format!("{at}.style: must be `form` or `json`")]);
    bad(&format!("{good}\nsetting = \"baseUrl\""), &[&format!("{at}.setting: is used twice in this manifest")]);
    bad(&format!("{good}\nclient = \"c\""), &[&format!("{at}.client: unknown key (did you mean `client_id`?)")]);
    let id = format!("{at}.client_id: must be 1 to 200 visible ASCII characters without spaces");
    bad(&format!("{good}\nclient_id = \"a b\""), &[&id]);
    let scope = format!("{at}.scope: must be scopes of visible ASCII characters with one space between");
    bad(&format!("{good}\nscope = \"a  b\""), &[&scope]);
}

#[test]
fn every_problem_is_reported_with_its_place() {
    let text = "[plugin]\nid = \"Signal\"\nverison = \"0.1.0\"\ninterface = \"creel:plugin@0.1\"\n\n[endpoint.x]\n[media]\n  splice = 1\n";
    assert_eq!(
        said(text),
        [
            "1:1 plugin.version: is required",
            "2:6 plugin.id: `Signal` is not a plugin id: 1 to 64 of `a-z`, `0-9` and single `-`, beginning with a letter",
            "3:1 plugin.verison: unknown key (did you mean `version`?)",
            "6:2 endpoint: unknown key (did you mean `endpoints`?)",
            "8:12 media.splice: must be `true` or `false`, not a value of type integer",
        ]
    );
    assert_eq!(said("[plugin\n").len(), 1);
    assert_eq!(said("")[0], "1:1 plugin: is required");
    assert!(said("[plugin]\nid = \"a\"\nid = \"b\"\n")[0].starts_with("3:1 : duplicate key"));
    assert!(said(&"#".repeat(limits::MANIFEST_BYTES_MAX + 1))[0].contains("has more than"));
    assert!(!said(&format!("a = {}", "[".repeat(5_000))).is_empty());
}

#[test]
fn a150_a184_another_interface_is_the_only_problem() {
    let text = ANTHROPIC.replace("@0.1", "@0.2").replace("[media]", "[mediums]");
    assert_eq!(
        said(&text),
        ["5:13 plugin.interface: the plugin speaks `creel:plugin@0.2` and this host `creel:plugin@0.1`"]
    );
    let old = ANTHROPIC.replace("creel:plugin@0.1", "creel:plugin@0.1.0");
    assert_eq!(said(&old).len(), 1);
}

#[test]
fn a155_no_manifest_claims_trust() {
    check("id = \"anthropic\"", "id = \"anthropic\"\ntrusted = true", &["plugin.trusted: unknown key"]);
    check(
        "id = \"anthropic\"",
        "id = \"creel-anthropic\"",
        &["plugin.id: `creel` and names that begin with `creel-` are reserved"],
    );
    check(
        "id = \"anthropic\"",
        "id = \"аnthropic\"",
        &["plugin.id: `аnthropic` is not a plugin id: 1 to 64 of `a-z`, `0-9` and single `-`, beginning with a letter"],
    );
    check(
        "version = \"0.1.0\"",
        "version = \"1\"",
        &["plugin.version: must be a version of three numbers, e.g. `0.1.0`"],
    );
    check("Anthropic Messages API", "a\\nb", &["plugin.summary: must be one line of at most 200 characters"]);
}

#[test]
fn a8_a9_a12_a174_an_endpoint_is_one_exact_server() {
    let default = "\"https://api.anthropic.com/\"";
    for (to, message) in [
        ("https://*.anthropic.com", "wildcards do not exist here: name one exact host"),
        ("*", "not a URL: relative URL without a base"),
        ("", "not a URL: relative URL without a base"),
        ("https://", "the host is missing"),
        ("https://${HOST}", "the host holds characters that no name has"),
        ("https://u:p@x.com", "a user name or password does not belong in a URL"),
        ("https://x.com?k=v", "a query or fragment does not belong here"),
        ("http://api.anthropic.com", "a default that is not this machine must be `https`"),
        ("http://192.168.0.1:80", "a default that is not this machine must be `https`"),
        (
            "https://192.168.0.1",
            "`192.168.0.1` is at 192.168.0.1, a private address, and the operator did not grant this very origin",
        ),
        (
            "https://nas.local",
            "`nas.local` is a name of the local network, and the operator did not grant this very origin",
        ),
        ("https://169.254.169.254", "`169.254.169.254` is a cloud metadata service, which no grant opens"),
        (
            "https://metadata.google.internal",
            "`metadata.google.internal` is a cloud metadata service, which no grant opens",
        ),
    ] {
        check(default, &format!("{to:?}"), &[&format!("endpoints.api.default: {message}")]);
    }
    check(
        "default = \"https://api.anthropic.com/\"\nsetting = \"baseUrl\"\n",
        "",
        &["endpoints.api: needs a `default`, a `setting` or both"],
    );
    for setting in ["apiKey", "botToken", "auth", "client_secret"] {
        check("\"baseUrl\"", &format!("{setting:?}"), &["endpoints.api.setting: this setting is the host's own"]);
    }
    check(
        "[endpoints.api]",
        "[endpoints.Api]",
        &[
            "endpoints.Api: a name has 1 to 64 of `a-z`, `0-9` and `-`, beginning with a letter",
            "credentials.account.endpoint: names no endpoint of this manifest",
        ],
    );
}

#[test]
fn a15_a176_what_is_allowed_is_a_method_and_an_exact_path_or_prefix() {
    let rule = "a path is exact, or ends in `/*` for everything below it";
    for (path, message) in [
        ("v1", "a path begins with `/`"),
        ("/v1/**", rule),
        ("/v1/*/x", rule),
        ("/v1*", rule),
        ("/v1/{id}", rule),
        ("/v1/:id", rule),
        ("/v1?x", rule),
        ("/v1#x", rule),
        ("/v1/../x", "the path holds `.` or `..` as a step"),
        ("/v1/%2e%2E/x", "the path holds `.` or `..` as a step"),
        ("/v1%2fx", "the path holds an encoded separator"),
        ("/v1\\\\x", "the URL holds `\\`"),
        ("//v1", "a path is written as it goes over the wire, without `//`"),
        ("/v 1", "a path is written as it goes over the wire, without `//`"),
        ("/vü", "a path is written as it goes over the wire, without `//`"),
    ] {
        check("/v1/messages", path, &[&format!("endpoints.api.allow[0].path: {message}")]);
    }
    check("/v1/messages", "/v1/m:generate", &[]);
    for method in ["post", "*", "CONNECT", "TRACE", "OPTIONS", ""] {
        let message = "endpoints.api.allow[0].method: must be one of `GET`, `POST`, `PUT`, `PATCH`, `DELETE`, `HEAD`";
        check("\"POST\"", &format!("{method:?}"), &[message]);
    }
    check(
        "{ method = \"GET\", path = \"/v1/models/*\" }",
        "{ method = \"POST\", path = \"/v1/messages\" }",
        &["endpoints.api.allow[1]: stands here twice"],
    );
    let none = "[{ method = \"POST\", path = \"/v1/messages\" }, { method = \"GET\", path = \"/v1/models/*\" }]";
    check(none, "[]", &["endpoints.api.allow: must allow at least one method and path"]);
    check(&format!("allow = {none}"), "", &["endpoints.api.allow: must allow at least one method and path"]);
}

#[test]
fn a67_a70_a_credential_has_one_place() {
    check(
        "endpoint = \"api\"",
        "endpoint = \"apo\"",
        &["credentials.account.endpoint: names no endpoint of this manifest"],
    );
    check(
        "[\"token\", \"oauth\"]",
        "[\"token\", \"api_key\"]",
        &["credentials.account.classes[1].class: a class has one place, and this one stands here twice"],
    );
    check(
        "[\"api_key\"]",
        "[\"apikey\"]",
        &["credentials.account.classes[0].class[0]: must be one of `api_key`, `token`, `oauth`"],
    );
    for name in ["host", "content-length", "transfer-encoding", "proxy-authorization"] {
        let message =
            "credentials.account.classes[0].place.header: this header frames the message and is the host's own";
        check("\"x-api-key\"", &format!("{name:?}"), &[message]);
    }
    for name in ["X-Api-Key", "x api", "", "x\\r\\ny"] {
        let message = "credentials.account.classes[0].place.header: a header's name is a lower-case token";
        check("\"x-api-key\"", &format!("\"{name}\""), &[message]);
    }
    check(
        "Bearer ",
        "Bearer\\n",
        &["credentials.account.classes[1].place.prefix: must be at most 256 printable ASCII characters"],
    );
    check(
        "\"anthropic-beta\"",
        "\"x-other-token\"",
        &[
            "credentials.account.classes[1].with.x-other-token: a header that goes with a credential carries none itself",
        ],
    );
    check(
        "oauth-2025-04-20",
        "a\\u0000",
        &["credentials.account.classes[1].with.anthropic-beta: must be at most 256 printable ASCII characters"],
    );
    check("place = { header = \"x-api-key\" }", "", &["credentials.account.classes[0].place: is required"]);
    for (name, message) in [
        ("CREEL_STATE_DIR", "this variable is the host's own"),
        ("PATH", "this variable is the host's own"),
        ("anthropic_key", "a variable has 2 to 128 of `A-Z`, `0-9` and `_`, beginning with a letter"),
        ("A*", "a variable has 2 to 128 of `A-Z`, `0-9` and `_`, beginning with a letter"),
    ] {
        check("ANTHROPIC_API_KEY", name, &[&format!("credentials.account.classes[0].environment[0]: {message}")]);
    }
}

#[test]
fn the_rest_of_the_tables() {
    check("splice = true", "writes = true", &["media.writes: unknown key (did you mean `write`?)"]);
    check("200_000", "0", &["models[0].context_tokens: must be a whole number from 1 to 4294967295"]);
    check("200_000", "-1", &["models[0].context_tokens: must be a whole number from 1 to 4294967295"]);
    check(
        "200_000",
        "99999999999999999999",
        &["models[0].context_tokens: must be a whole number from 1 to 4294967295"],
    );
    check(
        "\"claude-haiku-4-5\"",
        "\"*-haiku\"",
        &["models[0].id: must be a model's name, with `*` at most at its end"],
    );
    check(
        "\"image\"",
        "\"images\"",
        &["models[0].input[1]: must be one of `text`, `image`, `audio`, `video`, `document`"],
    );
    check(
        "[[models]]",
        "[[models]]\nid = \"claude-haiku-4-5\"\ninput = [\"text\"]\n[[models]]",
        &["models[1].id: stands here twice"],
    );
    check("[media]", "[[webhooks]]\npath = \"/x\"\n[media]", &["webhooks: unknown key"]);
    let limit = format!("limits.cursor_bytes_max: must be a whole number from 1 to {}", limits::CURSOR_BYTES_MAX);
    check("[media]", "[limits]\ncursor_bytes_max = 1_000_000\n[media]", &[&limit]);
    check("[media]", "[roots.a]\n[media]", &["roots.a.setting: is required"]);
    check(
        "[media]",
        "[roots.a]\nsetting = \"dir\"\nmode = \"write\"\n[media]",
        &["roots.a.mode: the only mode is `read`"],
    );
    check("[media]", "[roots.a]\nsetting = \"baseUrl\"\n[media]", &["roots.a.setting: is used twice in this manifest"]);
}

#[test]
fn a143_a151_a_settings_schema_is_understood_or_refused() {
    check(
        "type = \"string\", default",
        "type = \"string\", pattern = \"(a+)+$\", default",
        &["settings.properties.version.pattern: is no keyword that this host knows"],
    );
    check(
        "type = \"object\"",
        "type = \"array\"",
        &[
            "settings.properties: does not go with the type `array`",
            "settings.type: the settings of a plugin are of type `object`",
        ],
    );
    check("properties.version", "properties.enabled", &["settings.properties.enabled: this setting is the host's own"]);
    check(
        "properties.version",
        "properties.botToken",
        &["settings.properties.botToken: a plugin takes no secret as a setting: it names a credential slot"],
    );
    check(
        "properties.version",
        "properties.baseUrl",
        &["settings.properties.baseUrl: an endpoint, a root or a credential takes this setting"],
    );
    check(
        "default = \"2023-06-01\"",
        "default = 2023-06-01",
        &["settings.properties.version.default: must be of type `string`"],
    );
}

#[test]
fn what_a_receiver_takes_is_read_and_checked() {
    let with = |table: &str| format!("[media.images]\n{table}\n[media]\nwrite = true\n");
    let manifest = |text: &str| Manifest::parse(text).expect("a manifest");
    let none = manifest(ANTHROPIC);
    assert!(!none.media.write && none.images == ImageBounds::default());
    assert_eq!(manifest(&ANTHROPIC.replacen("[media]\n", &with(""), 1)).images, ImageBounds::default());
    let full = "content_types = [\"image/png\", \"image/svg+xml\"]\nbytes_max = 104_857_600\nside_max = 1_048_576\n\
                pixels_max = 1_099_511_627_776";
    let read = manifest(&ANTHROPIC.replacen("[media]\n", &with(full), 1));
    assert!(read.media.write);
    assert_eq!(read.images.content_types, ["image/png", "image/svg+xml"]);
    let bounds = (read.images.bytes_max, read.images.side_max, read.images.pixels_max);
    assert_eq!(bounds, (Some(100 << 20), Some(1 << 20), Some(1 << 40)));

    let bad = |table: &str, expect: &str| check("[media]\n", &with(table), &[&format!("media.images.{expect}")]);
    bad("bytes_max = 104_857_601", "bytes_max: must be a whole number from 1 to 104857600");
    bad("bytes_max = 0", "bytes_max: must be a whole number from 1 to 104857600");
    bad("side_max = 1_048_577", "side_max: must be a whole number from 1 to 1048576");
    bad("pixels_max = 1_099_511_627_777", "pixels_max: must be a whole number from 1 to 1099511627776");
    bad("side_max = \"8000\"", "side_max: must be a whole number, not a value of type string");
    bad("byte_max = 1", "byte_max: unknown key (did you mean `bytes_max`?)");
    bad("content_types = []", "content_types: must name a content type, or be left out for any");
    bad("content_types = [\"image/png\", \"image/png\"]", "content_types: names a content type twice");
    for text in ["png", "image/", "image/*", "IMAGE/png", "video/mp4", "image/png; q=1", ""] {
        let rule = "must be the content type of a picture in lower case, e.g. `image/png`";
        bad(&format!("content_types = [\"{text}\"]"), &format!("content_types[0]: {rule}"));
    }
    check("splice = true", "write = 1", &["media.write: must be `true` or `false`, not a value of type integer"]);
}

#[test]
fn a_plugin_that_is_no_provider_and_no_channel_is_one_too() {
    let text = "[plugin]\nid = \"pictures\"\nversion = \"0.1.0\"\ninterface = \"creel:plugin@0.1\"\n\
                [media]\nread = true\nwrite = true\n";
    let pictures = Manifest::parse(text).expect("a manifest");
    assert!(pictures.provider.is_none() && pictures.endpoints.is_empty() && pictures.models.is_empty());
    assert_eq!(pictures.media, MediaRequest { splice: false, read: true, store: false, write: true });
}
