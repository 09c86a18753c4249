//! Access tokens that have ended and can be renewed, and near misses that cannot.

use super::*;
use crate::manifest::{RefreshRule, RefreshStyle};
use crate::renewal::{BadRenewal, Setback};

struct Tried(BTreeMap<SecretSource, Availability>, Option<Renewal>);

impl Known for Tried {
    fn availability(&self, source: &SecretSource) -> Availability {
        self.0.availability(source)
    }

    fn renewal(&self, _profile: &ProfileId) -> Option<Renewal> {
        self.1.clone()
    }
}

const ENDED: &str = "type: 'oauth', provider: 'anthropic', access: 'a', expires: 1699999700000";

fn rule(client_id: Option<&str>) -> RefreshRule {
    RefreshRule {
        token_url: BaseUrl::parse("https://auth.example.com/token").expect("an address"),
        setting: None,
        client_id: client_id.map(str::to_owned),
        scope: None,
        style: RefreshStyle::Json,
        may_be_private: false,
    }
}

/// The only candidate's verdict and reason, and whether it is renewed first.
fn outcome(profile: &str, refresh: Option<RefreshRule>, renewal: Option<Renewal>) -> (Verdict, String, bool) {
    let given = Given { profiles: &format!("o: {{ {profile} }}"), ..Given::default() };
    let config = given.config();
    let profiles = given.stored(&config);
    let known = Tried(given.known(&config, &profiles), renewal);
    let slot = CredentialSlot { refresh, ..given.slot() };
    let (provider, plugin) =
        (ProviderId::parse("anthropic").expect("an id"), PluginId::parse("anthropic").expect("an id"));
    let origin = origin("https://api.anthropic.com");
    let request = CredentialRequest {
        provider: &provider,
        slot: &slot,
        server: Server { plugin: &plugin, keyless: false, origin: Some(&origin), homes: &BTreeMap::new() },
        use_: Use::Chat,
        profile: None,
        preferred_profile: None,
        now_ms: NOW_MS,
        health: crate::cooldown::Health::default(),
    };
    let (derivation, selection) = select(&config, &profiles, &known, &request);
    let first = &derivation.candidates[0];
    let due = matches!(selection, Selection::Secret(SelectedSecret { due: Some(_), .. }));
    (first.verdict, first.reason.clone(), due)
}

fn check(expect: (Verdict, &str, bool), profile: &str, refresh: Option<RefreshRule>, renewal: Option<Renewal>) {
    let (verdict, reason, due) = outcome(profile, refresh, renewal);
    assert_eq!((verdict, reason.as_str(), due), expect, "{profile}");
}

#[test]
fn one_that_has_ended_is_renewed_where_it_can_be() {
    let first = "the first that can be sent, as class `oauth`";
    let due = format!("{first}; expired 5 min ago; renewed before it is sent");
    let with = |more: &str| format!("{ENDED}, {more}");
    check((Verdict::Chosen, &due, true), &with("refresh: 'r'"), Some(rule(Some("c"))), None);
    check((Verdict::Chosen, &due, true), &with("refresh: 'r', clientId: 'c'"), Some(rule(None)), None);
    let over = |why: &str| format!("expired: it ended 5 min ago{why}");
    check((Verdict::Failed, &over(""), false), ENDED, Some(rule(Some("c"))), None);
    let nowhere = over(", and the plugin does not say where it is renewed");
    check((Verdict::Failed, &nowhere, false), &with("refresh: 'r'"), None, None);
    let nobody = over(", and neither the profile (`clientId`) nor the plugin says as which client it is renewed");
    check((Verdict::Failed, &nobody, false), &with("refresh: 'r', clientId: 'a b'"), Some(rule(None)), None);
    // A static token is not renewed, whatever stands beside it.
    let token = "type: 'token', provider: 'anthropic', token: 't', refresh: 'r', expires: 1699999700000";
    check((Verdict::Failed, &over(""), false), token, Some(rule(Some("c"))), None);
}

#[test]
fn one_that_is_about_to_end_is_renewed_and_sent_even_if_that_fails() {
    let ends = |at: u64| format!("type: 'oauth', provider: 'anthropic', access: 'a', refresh: 'r', expires: {at}");
    let (first, rule) = ("the first that can be sent, as class `oauth`", || Some(rule(Some("c"))));
    let soon = format!("{first}; it ends in 60 s; renewed before it is sent");
    check((Verdict::Chosen, &soon, true), &ends(NOW_MS + 60_000), rule(), None);
    check((Verdict::Chosen, first, false), &ends(NOW_MS + 60_001), rule(), None);
    let setback = |until_ms| {
        Some(Renewal { until_ms: None, setback: Some(Setback { why: BadRenewal::NoAnswer("no".into()), until_ms }) })
    };
    check((Verdict::Chosen, first, false), &ends(NOW_MS + 1), rule(), setback(None));
    let failed = "expired: it ended 0 s ago, and renewing it failed: no";
    check((Verdict::Failed, failed, false), &ends(NOW_MS), rule(), setback(None));
    check((Verdict::Failed, failed, false), &ends(NOW_MS), rule(), setback(Some(NOW_MS + 1)));
    // A pause that is over.
    let due = format!("{first}; expired 0 s ago; renewed before it is sent");
    check((Verdict::Chosen, &due, true), &ends(NOW_MS), rule(), setback(Some(NOW_MS)));
}

#[test]
fn a_renewed_one_lasts_as_long_as_its_server_said() {
    let profile = format!("{ENDED}, refresh: 'r'");
    let (first, renewed) = ("the first that can be sent, as class `oauth`", |until_ms| Renewal {
        until_ms: Some(until_ms),
        setback: None,
    });
    check((Verdict::Chosen, first, false), &profile, Some(rule(Some("c"))), Some(renewed(NOW_MS + 3_600_000)));
    let due = format!("{first}; expired 2 min ago; renewed before it is sent");
    check((Verdict::Chosen, &due, true), &profile, Some(rule(Some("c"))), Some(renewed(NOW_MS - 120_000)));
}
