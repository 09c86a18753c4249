//! The choice of a credential. Rows of the shared cases are named by their id; where the design overrules a row, the
//! case says so.

mod bindings;
mod cases;
mod lists;
mod property;
mod renewals;
mod rows;
mod servers;
mod whole;

use std::collections::BTreeMap;

use secrecy::ExposeSecret as _;

use super::*;
use crate::config::parse_config;
use crate::manifest::{ClassRule, Placement};
use crate::origin::BaseUrl;
use crate::profiles::parse_profiles;

/// The time of all cases.
const NOW_MS: u64 = 1_700_000_000_000;

/// Everything that a case says.
#[derive(Clone, Copy, Default)]
struct Given<'a> {
    /// Empty: `anthropic`.
    provider: &'a str,
    /// The plugin that serves it; empty: the one of its own name.
    plugin: &'a str,
    /// Where it is; empty: at the `baseUrl` of the configuration, else, if keyless, on this machine, else at
    /// `https://api.PLUGIN.example`.
    at: &'a str,
    /// Classes and variables of the slot: `api_key=A,B token+oauth=C`. Empty: those of Anthropic.
    slot: &'a str,
    /// JSON5 of the configuration; empty: `{}`.
    config: &'a str,
    /// The inside of `profiles` of `auth-profiles.json`.
    profiles: &'a str,
    /// Further keys of `auth-profiles.json`.
    store: &'a str,
    /// Variables that are set: `A B`; blank ones as `A=`, malformed ones as `A!`, with a marker in them as `A?`.
    env: &'a str,
    keyless: bool,
    optional: bool,
    profile: &'a str,
    preferred: &'a str,
}

const ANTHROPIC: &str = "api_key=ANTHROPIC_API_KEY token+oauth=ANTHROPIC_OAUTH_TOKEN";

fn origin(url: &str) -> Origin {
    BaseUrl::parse(url).unwrap_or_else(|bad| panic!("{url}: {bad}")).origin
}

impl Given<'_> {
    fn slot(&self) -> CredentialSlot {
        let text = if self.slot.is_empty() { ANTHROPIC } else { self.slot };
        let class = |word: &str| match word {
            "api_key" => CredentialClass::ApiKey,
            "token" => CredentialClass::Token,
            "oauth" => CredentialClass::Oauth,
            other => panic!("no class {other}"),
        };
        let rule = |text: &str| {
            let (classes, names) = text.split_once('=').unwrap_or((text, ""));
            let environment = names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
            let place = Placement::Header { name: "x-api-key".into(), prefix: String::new() };
            ClassRule {
                class: classes.split('+').map(class).collect(),
                environment,
                companions: None,
                place,
                with: BTreeMap::new(),
            }
        };
        let classes = text.split(' ').map(rule).collect();
        CredentialSlot { endpoint: "api".into(), optional: self.optional, classes, refresh: None }
    }

    fn config(&self) -> Config {
        let text = if self.config.is_empty() { "{}" } else { self.config };
        parse_config("creel.json5", text).unwrap_or_else(|problems| panic!("{problems:#?}"))
    }

    fn stored(&self, config: &Config) -> Profiles {
        let text = format!("{{ version: 1, profiles: {{ {} }}, {} }}", self.profiles, self.store);
        parse_profiles("auth-profiles.json", &text, &config.secrets).unwrap_or_else(|problems| panic!("{problems:#?}"))
    }

    /// What is known: the variables of the case, and all plain text of the files.
    fn known(&self, config: &Config, profiles: &Profiles) -> BTreeMap<SecretSource, Availability> {
        let present = |fingerprint: String| Availability::Present { fingerprint };
        let variable = |word: &str| {
            let name = word.trim_end_matches(['=', '!', '?']);
            let state = match word.chars().last() {
                Some('=') => Availability::Blank,
                Some('!') => Availability::Refused("it holds a line break".to_owned()),
                Some('?') => Availability::Marker(Marker::NoneNeeded),
                Some(_) | None => present(format!("fp-{word}")),
            };
            (SecretSource::Environment(name.to_owned()), state)
        };
        let literals = secret_sources(config, profiles, &BTreeMap::new()).into_iter();
        let literals = literals.filter_map(|source| {
            let value = source.literal(config, profiles)?.expose_secret();
            let state = source.marker(value).map_or_else(|| present(format!("fp-{source}")), Availability::Marker);
            Some((source, state))
        });
        literals.chain(self.env.split_whitespace().map(variable)).collect()
    }

    fn provider(&self) -> ProviderId {
        let provider = if self.provider.is_empty() { "anthropic" } else { self.provider };
        ProviderId::parse(provider).expect("the case writes an id")
    }

    fn plugin(&self) -> PluginId {
        let provider = self.provider();
        let plugin = if self.plugin.is_empty() { provider.as_str() } else { self.plugin };
        PluginId::parse(plugin).expect("the case writes an id")
    }

    /// Where each provider of the configuration is, and where those are whose plugins come with Creel.
    fn homes(&self, config: &Config) -> BTreeMap<ProviderId, Origin> {
        let id = |text: &str| ProviderId::parse(text).expect("an id");
        let shipped = ["anthropic", "openai"].map(|name| (id(name), origin(&format!("https://api.{name}.example"))));
        let written = config.models.providers.iter();
        let written = written.filter_map(|(id, entry)| Some((id.clone(), origin(entry.base_url.as_deref()?))));
        let mut homes: BTreeMap<ProviderId, Origin> = shipped.into_iter().chain(written).collect();
        let here = match (self.at, self.keyless) {
            ("", _) if homes.contains_key(&self.provider()) => return homes,
            ("", true) => origin("http://127.0.0.1:11434"),
            ("", false) => origin(&format!("https://api.{}.example", self.plugin())),
            (at, _) => origin(at),
        };
        homes.insert(self.provider(), here);
        homes
    }

    fn select_for(&self, use_: Use) -> (CredentialDerivation, Selection) {
        let config = self.config();
        let profiles = self.stored(&config);
        let known = self.known(&config, &profiles);
        let id = |text: &str| (!text.is_empty()).then(|| ProfileId::parse(text).expect("the case writes an id"));
        let (profile, preferred) = (id(self.profile), id(self.preferred));
        let (provider, plugin, homes) = (self.provider(), self.plugin(), self.homes(&config));
        let server = Server { plugin: &plugin, keyless: self.keyless, origin: homes.get(&provider), homes: &homes };
        let request = CredentialRequest {
            provider: &provider,
            slot: &self.slot(),
            server,
            use_,
            profile: profile.as_ref(),
            preferred_profile: preferred.as_ref(),
            now_ms: NOW_MS,
            health: Health::default(),
        };
        select(&config, &profiles, &known, &request)
    }

    fn select(&self) -> (CredentialDerivation, Selection) {
        self.select_for(Use::Chat)
    }
}

/// `anthropic:default <- env:ANTHROPIC_API_KEY (api_key)`, `bare`, or `failed: …`.
fn outcome((derivation, selection): &(CredentialDerivation, Selection)) -> String {
    match (selection, derivation.chosen()) {
        (Selection::Secret(secret), Some(chosen)) => {
            format!("{} <- {} ({})", chosen.id, chosen.source, contenders::word(secret.class))
        }
        (Selection::Bare, Some(_)) => "bare".to_owned(),
        (Selection::Failed, None) => format!("failed: {}", derivation.failure.as_deref().unwrap_or_default()),
        (_, _) => panic!("the selection and the derivation disagree: {derivation:#?}"),
    }
}

#[track_caller]
fn check(id: &str, given: &Given<'_>, expect: &str) {
    let selected = given.select();
    assert_eq!(outcome(&selected), expect, "{id}: {:#?}", selected.0.candidates);
    consistent(&selected);
}

/// Asserts the order of all candidates as well: `+` chosen, `-` passed over, `!` failed.
#[track_caller]
fn check_order(id: &str, given: &Given<'_>, expect: &[&str]) {
    let selected = given.select();
    let line = |candidate: &Candidate| {
        let sign = match candidate.verdict {
            Verdict::Chosen => '+',
            Verdict::PassedOver => '-',
            Verdict::Failed => '!',
        };
        format!("{sign}{}", candidate.id)
    };
    let lines: Vec<String> = selected.0.candidates.iter().map(line).collect();
    assert_eq!(lines, expect, "{id}");
    consistent(&selected);
}

/// Why the candidate of this id is where it is.
fn reason(given: &Given<'_>, id: &str) -> String {
    let candidates = given.select().0.candidates;
    let found = candidates.iter().find(|candidate| candidate.id == id);
    found.map_or_else(|| format!("no candidate `{id}`: {candidates:#?}"), |candidate| candidate.reason.clone())
}

/// What holds for every derivation.
#[track_caller]
fn consistent((derivation, selection): &(CredentialDerivation, Selection)) {
    let of = |verdict: Verdict| derivation.candidates.iter().filter(|candidate| candidate.verdict == verdict).count();
    let (chosen, failed) = (of(Verdict::Chosen), of(Verdict::Failed));
    assert_eq!(derivation.winner.is_some(), derivation.failure.is_none(), "a winner or a failure: {derivation:#?}");
    assert_eq!(derivation.failure.is_some(), derivation.hint.is_some(), "a failure says what to write");
    assert_eq!(chosen, usize::from(derivation.winner.is_some()), "{derivation:#?}");
    assert!(failed <= 1 && chosen + failed <= 1, "{derivation:#?}");
    assert!(derivation.candidates.iter().all(|candidate| !candidate.reason.is_empty()), "{derivation:#?}");
    assert_eq!(derivation.chosen().is_some_and(|chosen| chosen.verdict == Verdict::Chosen), chosen == 1);
    match (selection, derivation.chosen()) {
        (Selection::Secret(secret), Some(candidate)) => {
            assert_eq!(candidate.fingerprint.as_ref(), Some(&secret.fingerprint));
            assert_eq!(candidate.class, Some(secret.class));
        }
        (Selection::Bare, Some(candidate)) => assert_eq!((&candidate.fingerprint, candidate.class), (&None, None)),
        (Selection::Failed, None) => {}
        (_, _) => panic!("the selection and the derivation disagree: {derivation:#?}"),
    }
}
