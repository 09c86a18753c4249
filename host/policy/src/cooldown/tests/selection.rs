//! That the one resolver knows what rests.

use std::collections::BTreeMap;

use super::*;
use crate::credential::{
    Availability, CredentialDerivation, CredentialRequest, SecretSource, Selection, Server, Use, Verdict,
    secret_sources, select,
};
use crate::ids::{PluginId, ProfileId};
use crate::manifest::{ClassRule, CredentialClass, CredentialSlot, Placement};
use crate::profiles::parse_profiles;

const TWO: &str =
    "a: { type: 'api_key', provider: 'anthropic', key: 'a' }, b: { type: 'api_key', provider: 'anthropic', key: 'b' }";

/// What a case says.
#[derive(Clone, Copy, Default)]
struct Given<'a> {
    profiles: &'a str,
    store: &'a str,
    config: &'a str,
    /// Variables that are set.
    env: &'a [&'a str],
    /// Credentials that have failed: id, how, and how many milliseconds ago.
    failed: &'a [(&'a str, CallFault, u64)],
    /// Credentials that have worked: id, and how many milliseconds ago.
    worked: &'a [(&'a str, u64)],
    profile: &'a str,
    preferred: &'a str,
    keyless: bool,
    is_probe: bool,
}

impl Given<'_> {
    fn select(&self) -> (CredentialDerivation, Selection) {
        let text = if self.config.is_empty() { "{}" } else { self.config };
        let config = parse_config("creel.json5", text).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let text = format!("{{ version: 1, profiles: {{ {} }}, {} }}", self.profiles, self.store);
        let profiles = parse_profiles("auth-profiles.json", &text, &config.secrets)
            .unwrap_or_else(|problems| panic!("{problems:#?}"));
        let present = |source: SecretSource| (source, Availability::Present { fingerprint: "fp".to_owned() });
        let literals = secret_sources(&config, &profiles, &BTreeMap::new()).into_iter();
        let variables = self.env.iter().map(|name| SecretSource::Environment((*name).to_owned()));
        let known: BTreeMap<SecretSource, Availability> = literals.chain(variables).map(present).collect();
        let rule = |class, name: &str| ClassRule {
            class: vec![class],
            environment: vec![name.to_owned()],
            companions: None,
            place: Placement::Header { name: "x-api-key".into(), prefix: String::new() },
            with: BTreeMap::new(),
        };
        let classes = vec![rule(CredentialClass::ApiKey, "API_KEY"), rule(CredentialClass::Token, "OAUTH_TOKEN")];
        let slot = CredentialSlot { endpoint: "api".into(), optional: self.keyless, classes, refresh: None };
        let id = |text: &str| (!text.is_empty()).then(|| ProfileId::parse(text).expect("the case writes an id"));
        let (profile, preferred) = (id(self.profile), id(self.preferred));
        let (provider, ledger, asked) = (anthropic(), self.ledger(), model("a"));
        let (plugin, homes) = (PluginId::parse("anthropic").expect("an id"), BTreeMap::new());
        let server = Server { plugin: &plugin, keyless: self.keyless, origin: None, homes: &homes };
        let request = CredentialRequest {
            provider: &provider,
            slot: &slot,
            server,
            use_: Use::Chat,
            profile: profile.as_ref(),
            preferred_profile: preferred.as_ref(),
            now_ms: NOW_MS,
            health: Health { ledger: Some(&ledger), model: Some(&asked), is_probe: self.is_probe },
        };
        select(&config, &profiles, &known, &request)
    }

    fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        let key = |id: &str| {
            let fingerprint = if id == "none" { "" } else { "fp" };
            Key { provider: anthropic(), credential: id.to_owned(), fingerprint: fingerprint.to_owned() }
        };
        for (id, ago_ms) in self.worked {
            ledger.put(key(id), Record::default().after_success(NOW_MS - ago_ms));
        }
        for (id, fault, ago_ms) in self.failed {
            let before = ledger.get(&key(id)).cloned().unwrap_or_default();
            ledger.put(key(id), fail(&before, *fault, NOW_MS - ago_ms));
        }
        ledger
    }
}

/// `+` chosen, `-` passed over, `!` failed.
#[track_caller]
fn check(id: &str, given: &Given<'_>, expect: &[&str]) {
    let (derivation, _) = given.select();
    let line = |one: &crate::credential::Candidate| match one.verdict {
        Verdict::Chosen => format!("+{}", one.id),
        Verdict::PassedOver => format!("-{}", one.id),
        Verdict::Failed => format!("!{}", one.id),
    };
    let lines: Vec<String> = derivation.candidates.iter().filter(|one| !one.id.starts_with("env:")).map(line).collect();
    assert_eq!(lines, expect, "{id}: {derivation:#?}");
}

const LIMITED: CallFault = CallFault::RateLimited;

#[test]
fn group_d_those_that_rest_come_last() {
    let ordered = Given { profiles: TWO, store: "order: { anthropic: ['a', 'b'] }", ..Given::default() };
    check("D9: nothing rests", &ordered, &["+a", "-b"]);
    check("D9", &Given { failed: &[("a", LIMITED, 0)], ..ordered }, &["+b", "-a"]);
    let any = Given { profiles: TWO, ..Given::default() };
    // Since 10 s and since 20 s: the second is over sooner.
    let both = [("a", LIMITED, 10 * SECOND), ("b", LIMITED, 20 * SECOND)];
    check("D10", &Given { failed: &both, ..any }, &["!b", "-a"]);
    check("D10", &Given { failed: &both, ..ordered }, &["!b", "-a"]);
    let three = format!("{TWO}, c: {{ type: 'api_key', provider: 'anthropic', key: 'c' }}");
    check("D10", &Given { profiles: &three, failed: &both, ..any }, &["+c", "-b", "-a"]);
    check("D8", &Given { worked: &[("a", 2), ("b", 5)], ..any }, &["+b", "-a"]);
    let by_file = Given { store: "usageStats: { b: { lastUsed: 5 } }", ..any };
    check("D8: the file of the older gateway", &by_file, &["+a", "-b"]);
    check("D8: whoever remembers the later time", &Given { worked: &[("a", 2)], ..by_file }, &["+b", "-a"]);
    check("D12", &Given { store: "lastGood: { anthropic: 'b' }", worked: &[("b", 2)], ..any }, &["+a", "-b"]);
    let preferred = Given { preferred: "b", ..any };
    check("D11", &preferred, &["+b", "-a"]);
    check("D11: it rests", &Given { failed: &[("b", LIMITED, 0)], ..preferred }, &["+a", "-b"]);
    let rest = Given { failed: &[("b", LIMITED, 0)], ..Given { store: "order: { anthropic: ['b'] }", ..any } };
    check("D16: what the order leaves out takes over for nobody", &rest, &["-a", "!b"]);
}

#[test]
fn one_that_is_free_is_enough() {
    let any = Given { profiles: TWO, ..Given::default() };
    let (derivation, selection) = Given { failed: &[("a", LIMITED, 0)], ..any }.select();
    assert!(matches!(selection, Selection::Secret(_)), "H10");
    assert_eq!(derivation.resting(), None, "H10");
    let reasons: Vec<&str> = derivation.candidates.iter().map(|one| one.reason.as_str()).collect();
    assert_eq!(reasons[0], "the first that can be sent, as class `api_key`");
    assert_eq!(reasons[1], "cooling until 2023-11-14T22:13:50Z: rate limit, of `anthropic/a` alone");
    check("a window that is over", &Given { failed: &[("a", LIMITED, 30 * SECOND)], ..any }, &["+a", "-b"]);
    let renewed = Given { failed: &[("a", CallFault::CredentialInvalid, 0)], ..any };
    check("a key that is dead", &renewed, &["+b", "-a"]);
}

#[test]
fn when_all_rest_the_failure_says_until_when_and_why() {
    let all = [("a", CallFault::Billing, MINUTE), ("b", CallFault::Billing, 2 * MINUTE)];
    let (derivation, selection) = Given { profiles: TWO, failed: &all, env: &["API_KEY"], ..Given::default() }.select();
    assert_eq!(selection, Selection::Failed);
    let failure = "credential `b` (auth-profiles.json (plaintext)) failed: cooling until 2023-11-14T22:21:20Z: billing";
    assert_eq!(derivation.failure.as_deref(), Some(failure));
    let rest = derivation.resting().expect("it passes by itself");
    assert_eq!((rest.why, rest.until_ms), (Why::Billing, NOW_MS + 8 * MINUTE));
    let variable = derivation.candidates.iter().find(|one| one.id == "env:API_KEY").expect("a candidate");
    let passed = "usable, but `b` failed, and nothing takes over for it";
    assert_eq!((variable.verdict, variable.reason.as_str()), (Verdict::PassedOver, passed));
    let json = serde_json::to_value(&derivation).expect("plain data");
    assert_eq!(json["candidates"][0]["resting"]["why"], "billing");
    assert_eq!(json["winner"], serde_json::Value::Null);
}

#[test]
fn nothing_takes_over_for_a_key_a_variable_or_a_profile_that_was_asked_for() {
    let configured = "{ models: { providers: { anthropic: { apiKey: 'k' } } } }";
    let key = "models.providers.anthropic.apiKey";
    let given = Given { config: configured, env: &["API_KEY"], ..Given::default() };
    check(
        "a configured key",
        &Given { failed: &[(key, LIMITED, 0)], ..given },
        &["!models.providers.anthropic.apiKey"],
    );
    let pinned = Given { profiles: TWO, profile: "a", failed: &[("a", LIMITED, 0)], ..Given::default() };
    check("a profile that was asked for", &pinned, &["!a", "-b"]);
    let given = Given { env: &["API_KEY", "OAUTH_TOKEN"], failed: &[("env:API_KEY", LIMITED, 0)], ..Given::default() };
    let (derivation, selection) = given.select();
    assert_eq!(selection, Selection::Failed);
    let lines: Vec<_> = derivation.candidates.iter().map(|one| (one.id.as_str(), one.verdict)).collect();
    assert_eq!(lines, [("env:API_KEY", Verdict::Failed), ("env:OAUTH_TOKEN", Verdict::PassedOver)]);
    let keyless = Given { keyless: true, failed: &[("none", LIMITED, 0)], ..Given::default() };
    check("a provider without a key", &keyless, &["!none"]);
    check("a provider without a key", &Given { failed: &[], ..keyless }, &["+none"]);
}

#[test]
fn a_probe_sends_what_is_over_soonest_and_never_what_the_operator_must_mend() {
    let both = [("a", LIMITED, 10 * SECOND), ("b", LIMITED, 20 * SECOND)];
    let probe = Given { profiles: TWO, is_probe: true, ..Given::default() };
    check("H12", &Given { failed: &both, ..probe }, &["+b", "-a"]);
    check("a free one comes first", &Given { failed: &both[..1], ..probe }, &["+b", "-a"]);
    let unpaid = [("a", CallFault::Billing, 0), ("b", CallFault::Authentication, 0)];
    check("H14", &Given { failed: &unpaid, ..probe }, &["!b", "-a"]);
}

#[test]
fn a_rotated_key_and_another_model_start_clean() {
    let given = Given { profiles: TWO, failed: &[("a", CallFault::Billing, 0)], ..Given::default() };
    let ledger = given.ledger();
    let key = Key { provider: anthropic(), credential: "a".to_owned(), fingerprint: "another".to_owned() };
    assert_eq!(ledger.get(&key), None);
    let health = Health { ledger: Some(&ledger), model: None, is_probe: false };
    assert_eq!(health.rest(&key, NOW_MS), None);
    assert!(health.rest(&Key { fingerprint: "fp".to_owned(), ..key }, NOW_MS).is_some());
}
