//! Stored profiles: what is read, what disables one profile, and what refuses the file. Rows of the shared cases are
//! named by their id.

use super::*;

fn read(text: &str) -> Result<Profiles, Vec<String>> {
    parse_profiles("auth-profiles.json", text, &SecretsConfig::default())
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// What one profile amounts to: `api_key env:NAME`, or why it is unusable.
fn one(fields: &str) -> String {
    let profiles =
        read(&format!("{{ \"version\": 1, \"profiles\": {{ \"p\": {{ \"provider\": \"openai\", {fields} }} }} }}"));
    let profiles = profiles.unwrap_or_else(|problems| panic!("{problems:?}"));
    match &profiles.profiles[0].credential {
        Err(unusable) => unusable.to_string().split(':').next().unwrap_or_default().to_owned(),
        Ok(stored) => {
            let secret = stored.secret.reference().map_or_else(|| "literal".to_owned(), ToString::to_string);
            format!("{:?} {secret}", stored.class)
        }
    }
}

#[test]
fn all_types_are_read_in_their_own_format() {
    let text = r#"{
      "version": 1,
      "profiles": {
        "anthropic:default": { "type": "api_key", "provider": "anthropic",
                               "keyRef": { "source": "env", "provider": "default", "id": "ANTHROPIC_API_KEY" } },
        "github:bot": { "type": "token", "provider": "github-copilot", "token": "t", "expires": 1800000000000, "email": "a@b.c" },
        "openai:sub": { "type": "oauth", "provider": "openai", "access": "a", "refresh": "r", "expires": 1800000000000.5,
                        "clientId": "c", "accountId": "x", "copyToAgents": false }
      },
      "order": { "z-ai": ["a", "b"] },
      "lastGood": { "anthropic": "anthropic:default" },
      "usageStats": { "anthropic:default": { "lastUsed": 17, "cooldownUntil": 20, "errorCount": 2 } },
      "somethingNewer": {}
    }"#;
    let profiles = read(text).unwrap_or_else(|problems| panic!("{problems:?}"));
    let ids: Vec<&str> = profiles.profiles.iter().map(|profile| profile.id.as_str()).collect();
    assert_eq!(ids, ["anthropic:default", "github:bot", "openai:sub"], "in the order of the file");
    let oauth = profiles.profiles[2].credential.as_ref().unwrap_or_else(|unusable| panic!("{unusable}"));
    assert_eq!((oauth.class, oauth.expires_ms), (CredentialClass::Oauth, Some(1_800_000_000_000)));
    assert!(oauth.refresh.is_some());
    assert_eq!(profiles.order.keys().map(ToString::to_string).collect::<Vec<_>>(), ["zai"]);
    assert_eq!(profiles.last_good.len(), 1);
    assert_eq!(profiles.usage.values().next(), Some(&Usage { last_used_ms: 17 }));
    assert!(profiles.problems.is_empty());
}

#[test]
fn group_e_single_profiles() {
    assert_eq!(
        one(r#""type": "api_key", "keyRef": { "source": "env", "provider": "default", "id": "K" }"#),
        "ApiKey env:K",
        "E1"
    );
    assert_eq!(
        one(r#""type": "token", "tokenRef": { "source": "env", "provider": "default", "id": "K" }"#),
        "Token env:K",
        "E2"
    );
    for expires in ["0", "-1", "NaN", "Infinity", "\"1800000000000\"", "8640000000000001", "1e300", "true", "0.5"] {
        let fields = format!(r#""type": "token", "token": "t", "expires": {expires}"#);
        assert_eq!(one(&fields), "invalid_expires", "E3: {expires}");
    }
    for expires in ["1", "8640000000000000", "null"] {
        let fields = format!(r#""type": "token", "token": "t", "expires": {expires}"#);
        assert_eq!(one(&fields), "Token literal", "E3: {expires}");
    }
    assert_eq!(one(r#""type": "api_key", "key": "k", "expires": 0"#), "ApiKey literal", "a key does not end");
    assert_eq!(one(r#""type": "token""#), "missing_credential", "E6");
    assert_eq!(one(r#""type": "token", "token": null"#), "missing_credential", "E6");
    assert_eq!(one(r#""type": "oauth", "refresh": "r""#), "missing_credential");
    assert_eq!(one(r#""type": "aws-sdk""#), "unknown_type", "E9");
    assert_eq!(one(r#""key": "k""#), "unknown_type");
    for reference in ["keyRef", "tokenRef"] {
        let fields = format!(r#""type": "oauth", "access": "a", "{reference}": {{ "source": "env", "id": "K" }}"#);
        assert_eq!(one(&fields), "oauth_reference", "B23");
    }
    assert_eq!(one(r#""type": "api_key", "keyRef": { "source": "env", "id": "not a name" }"#), "malformed");
    assert_eq!(one(r#""type": "api_key", "key": "$NAME""#), "ApiKey env:NAME");
}

#[test]
fn what_refuses_the_whole_file() {
    let refused = |text: &str| read(text).err().unwrap_or_default();
    assert_eq!(refused("{}"), ["auth-profiles.json:1:1: the file has no `version`"]);
    assert_eq!(refused("{ \"version\": 2 }"), ["auth-profiles.json:1:14: version: expected version 1"]);
    assert_eq!(refused("[]"), ["auth-profiles.json:1:1: expected an object, found a list"]);
    let list = ["auth-profiles.json:1:29: profiles: expected an object, found a list"];
    assert_eq!(refused("{ \"version\": 1, \"profiles\": [] }"), list);
    assert_eq!(refused("{ \"version\": 1, "), ["auth-profiles.json:1:1: unterminated object"]);
    // E11: which of two is meant cannot be told, so neither is used.
    let twice = "{ \"version\": 1, \"profiles\": { \"a\": {},\n \"a\": {} } }";
    assert_eq!(refused(twice), ["auth-profiles.json:2:2: profiles.a: the key appears twice, first on line 1"]);
}

#[test]
fn no_message_holds_a_value() {
    for fields in [
        "\"type\": \"KEY\"",
        "\"type\": \"api_key\", \"keyRef\": { \"source\": \"KEY\", \"provider\": \"KEY\", \"id\": \"KEY\" }",
        "\"type\": \"api_key\", \"key\": { \"source\": \"env\", \"id\": \"KEY KEY\" }",
        "\"type\": \"token\", \"token\": \"KEY\", \"expires\": \"KEY\"",
    ] {
        let fields = fields.replace("KEY", "sk-DUMMY");
        let text = format!("{{ version: 1, profiles: {{ p: {{ provider: 'openai', {fields} }}, 'b d': 1 }} }}");
        let profiles = read(&text).unwrap_or_else(|problems| panic!("{problems:?}"));
        assert!(profiles.problems.len() >= 2, "{fields}");
        assert!(profiles.problems.iter().all(|problem| !problem.to_string().contains("DUMMY")), "{fields}");
    }
}
