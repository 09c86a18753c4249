//! `models.providers.<p>.headers` and `authHeader`: what is read, to which server it is bound, and what cannot stand
//! beside the plugin's credential. Case C56, attack 67.

use std::collections::BTreeMap;

use crate::config::parse_config;
use crate::manifest::Manifest;
use crate::plan::{Plan, plan};

const MANIFEST: &str = r#"
[plugin]
id = "p"
version = "0.1.0"
interface = "creel:plugin@0.1"
[provider]
apis = []
[endpoints.aside]
default = "https://aside.x.com"
allow = [{ method = "GET", path = "/*" }]
[endpoints.main]
default = "https://api.x.com"
setting = "baseUrl"
allow = [{ method = "GET", path = "/*" }]
[credentials.account]
endpoint = "main"
[[credentials.account.classes]]
class = ["api_key"]
place = { header = "x-api-key" }
[[credentials.account.classes]]
class = ["token"]
place = { header = "authorization", prefix = "Token " }
"#;

fn planned(entry: &str) -> Result<Plan, Vec<String>> {
    let text = format!("{{ models: {{ providers: {{ p: {{ {entry} }} }} }} }}");
    let config = parse_config("creel.json5", &text);
    let config = config.map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let manifest = Manifest::parse(MANIFEST).expect("a manifest");
    let plan = plan(&config, &BTreeMap::from([(manifest.plugin.id.clone(), manifest)]));
    if plan.problems.is_empty() { Ok(plan) } else { Err(plan.problems.iter().map(ToString::to_string).collect()) }
}

#[track_caller]
fn check(entry: &str, expect: &[&str]) {
    let said: Vec<String> = planned(entry).err().unwrap_or_default();
    let said: Vec<_> = said.iter().map(|said| said.trim_start_matches("creel.json5:")).collect();
    assert_eq!(said, expect, "{entry}");
}

#[test]
fn headers_are_bound_to_the_entrys_own_server() {
    let plan = planned("baseUrl: 'https://mine.x.com:8443/v1', headers: { 'X-Org': 'a', 'x-team': '${TEAM}' }")
        .expect("a plan");
    let headers = plan.providers.values().next().map(|planned| planned.grant.headers.clone()).expect("one provider");
    assert_eq!(headers.origin.map(|origin| origin.to_string()).as_deref(), Some("https://mine.x.com:8443"));
    let names: Vec<_> = headers.names.iter().map(|(name, key)| (name.as_str(), key.contains("headers"))).collect();
    assert_eq!(names, [("x-org", true), ("x-team", true)]);
    assert_eq!(headers.auth_header, None);
}

#[test]
fn names_that_are_the_hosts_or_the_plugins_are_refused_where_they_stand() {
    for name in ["Host", "content-length", "Transfer-Encoding", "connection", "te", "proxy-authorization", "expect"] {
        let said = planned(&format!("headers: {{ '{name}': 'a' }}")).expect_err("refused").join("\n");
        assert!(said.ends_with("this header frames the message and is the host's own"), "{said}");
        assert!(said.starts_with("creel.json5:1:42: "), "{said}");
    }
    let said = planned("headers: { 'Content-Type': 'a' }").expect_err("refused").join("\n");
    assert!(said.ends_with("this header describes the body, which the plugin makes"), "{said}");
    let said = planned("headers: { 'a b': 'a' }").expect_err("refused").join("\n");
    assert!(said.ends_with("not the name of a header"), "{said}");
    let said = planned("headers: { 'X-A': 'a', 'x-a': 'b' }").expect_err("refused").join("\n");
    assert!(said.contains("1:54: ") && said.contains("the same header as `models.providers.p.headers"), "{said}");
    let said = planned("headers: { 'X-A': '' }").expect_err("refused").join("\n");
    assert!(said.ends_with("the secret is empty"), "{said}");
    let many: String = (0..=crate::limits::ENTRY_HEADERS_MAX).map(|at| format!("'x-{at}': 'a', ")).collect();
    let said = planned(&format!("headers: {{ {many} }}")).expect_err("refused").join("\n");
    assert!(said.ends_with("has more than 16 headers"), "{said}");
}

#[test]
fn a67_what_can_never_agree_is_a_problem_at_its_place() {
    // The token's place is another one, so that only the credential tells; with `auth` it is told at once.
    check("headers: { 'x-api-key': 'a' }", &[]);
    let said = planned("auth: 'api-key', headers: { 'x-api-key': 'a' }").expect_err("refused").join("\n");
    assert!(said.contains(":1:59: "), "{said}");
    assert!(said.ends_with("and the plugin's credential both set the header `x-api-key`"), "{said}");
    check("auth: 'api-key', headers: { authorization: 'a' }", &[]);
    let said = planned("auth: 'token', headers: { authorization: 'a' }").expect_err("refused").join("\n");
    assert!(said.ends_with("both set the header `authorization`"), "{said}");
}

#[test]
fn c56_auth_header_is_off_unless_it_is_true() {
    let auth = |entry: &str| {
        let plan = planned(entry).expect("a plan");
        plan.providers.values().next().and_then(|planned| planned.grant.headers.auth_header.clone())
    };
    assert_eq!(auth("authHeader: true").as_deref(), Some("models.providers.p.authHeader"));
    assert_eq!(auth("authHeader: false"), None);
    assert_eq!(auth("baseUrl: 'https://a.x.com'"), None);
    check(
        "auth: 'token', authHeader: true",
        &[
            "1:46: models.providers.p.authHeader: `models.providers.p.authHeader` and the plugin's credential both set the \
           header `authorization`",
        ],
    );
    check("authHeader: 'yes'", &["1:43: models.providers.p.authHeader: expected `true` or `false`, found a string"]);
}
