//! What takes over for a profile that fails: what the operator has listed after it, and nothing else.

use super::cases::DEFAULT;
use super::*;

const THREE: &str =
    "stale: { type: 'api_key', provider: 'anthropic', keyRef: { source: 'env', provider: 'default', id: 'GONE' } },
    old: { type: 'token', provider: 'anthropic', token: 't', expires: 1 },
    good: { type: 'api_key', provider: 'anthropic', key: 'k' }";
const GONE: &str = "unresolved_ref: env:GONE is not set";

#[test]
fn what_is_listed_after_a_failure_takes_over_and_the_failure_is_seen() {
    for (config, store) in [
        ("{ auth: { order: { anthropic: ['stale', 'old', 'good'] } } }", ""),
        ("", "order: { anthropic: ['stale', 'old', 'good'] }"),
    ] {
        let listed = Given { config, store, profiles: THREE, env: "ANTHROPIC_API_KEY", ..DEFAULT };
        check("a list", &listed, "good <- auth-profiles.json (plaintext) (api_key)");
        let order = ["-stale", "-old", "+good", "-env:ANTHROPIC_API_KEY", "-env:ANTHROPIC_OAUTH_TOKEN"];
        check_order("a list", &listed, &order);
        assert_eq!(reason(&listed, "stale"), GONE);
        assert!(reason(&listed, "old").starts_with("expired: "));
    }
}

#[test]
fn without_a_list_nothing_takes_over() {
    let failed = format!("failed: credential `stale` (env:GONE) failed: {GONE}");
    let unlisted = Given { profiles: THREE, env: "ANTHROPIC_API_KEY", ..DEFAULT };
    check("no list", &unlisted, &failed);
    // `auth.profiles` names profiles, and is no list.
    let named = "{ auth: { profiles: { stale: { provider: 'anthropic' }, good: { provider: 'anthropic' } } } }";
    check("`auth.profiles`", &Given { config: named, ..unlisted }, &failed);
    // A list whose every element fails lists no alternative, and what it leaves out is none.
    let short = Given { store: "order: { anthropic: ['stale', 'gone'] }", ..unlisted };
    check("a list without an alternative", &short, &failed);
    let order = ["!stale", "-gone", "-old", "-good", "-env:ANTHROPIC_API_KEY", "-env:ANTHROPIC_OAUTH_TOKEN"];
    check_order("a list without an alternative", &short, &order);
    assert_eq!(reason(&short, "gone"), "no credentials found for profile `gone`");
    assert!(reason(&short, "good").starts_with("excluded_by_auth_order"), "D16");
    let before = "usable, but `stale` failed, and nothing takes over for it";
    assert_eq!(reason(&short, "env:ANTHROPIC_API_KEY"), before);
}

#[test]
fn a_list_is_of_profiles_alone() {
    // Neither the profile that is asked for by name nor a configured key has alternatives, whatever is listed.
    let listed = Given { store: "order: { anthropic: ['stale', 'good'] }", profiles: THREE, ..DEFAULT };
    let failed = format!("failed: credential `stale` (env:GONE) failed: {GONE}");
    check("C4", &Given { profile: "stale", ..listed }, &failed);
    check_order(
        "C4",
        &Given { profile: "stale", ..listed },
        &["!stale", "-good", "-old", "-env:ANTHROPIC_API_KEY", "-env:ANTHROPIC_OAUTH_TOKEN"],
    );
    let keyed = "{ models: { providers: { anthropic: { auth: 'api-key', apiKey: '${GONE}' } } } }";
    let failed = format!("failed: credential `models.providers.anthropic.apiKey` (env:GONE) failed: {GONE}");
    check("C3", &Given { config: keyed, ..listed }, &failed);
    // The preferred one that fails is the first of the list, and the rest of the list takes over.
    let preferred = Given { preferred: "stale", store: "order: { anthropic: ['good', 'stale'] }", ..listed };
    check_order(
        "D11",
        &preferred,
        &["+good", "-stale", "-old", "-env:ANTHROPIC_API_KEY", "-env:ANTHROPIC_OAUTH_TOKEN"],
    );
}
