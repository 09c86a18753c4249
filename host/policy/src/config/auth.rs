//! `auth`: which stored profiles are used, in which order. No secret stands here.

use std::collections::BTreeMap;

use crate::ids::{ProfileId, ProviderId};
use crate::json5::{Node, Problems, Value};
use crate::manifest::CredentialClass;

use super::read::{Table, id, name};

/// `auth`.
#[derive(Clone, Debug, Default)]
pub struct AuthConfig {
    /// `auth.profiles`, in the order of the file.
    pub profiles: Vec<(ProfileId, ConfiguredProfile)>,
    /// `auth.order`; an empty one means that no profile of the provider is tried.
    pub order: BTreeMap<ProviderId, Vec<ProfileId>>,
    /// `auth.balance`: of these providers the profile that is tried first changes from call to call.
    pub balance: BTreeMap<ProviderId, Balance>,
    /// `auth.cooldowns`.
    pub cooldowns: Cooldowns,
}

/// `auth.balance.<provider>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// How the first is chosen.
    pub by: BalanceBy,
    /// Among which profiles, each with its weight; at least one, and no weight is 0.
    pub profiles: Vec<(ProfileId, u64)>,
}

/// `auth.balance.<provider>.by`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BalanceBy {
    /// As often as its weight says.
    Weight,
    /// Of two that are drawn by weight, the one that has been quicker to begin an answer.
    Latency,
}

/// `auth.profiles.<id>`.
#[derive(Clone, Debug)]
pub struct ConfiguredProfile {
    /// Whose it is.
    pub provider: ProviderId,
    /// The class that it must be of.
    pub mode: Option<CredentialClass>,
    /// Whose account it is, for people.
    pub email: Option<String>,
}

/// `auth.cooldowns`; `None` where the file says nothing.
#[derive(Clone, Debug, Default)]
pub struct Cooldowns {
    /// Hours without a paid account, the first time.
    pub billing_backoff_hours: Option<f64>,
    /// The same for single providers.
    pub billing_backoff_hours_by_provider: BTreeMap<ProviderId, f64>,
    /// At most.
    pub billing_max_hours: Option<f64>,
    /// Minutes after a refused key, the first time.
    pub auth_permanent_backoff_minutes: Option<f64>,
    /// At most.
    pub auth_permanent_max_minutes: Option<f64>,
    /// Hours after which failures are forgotten.
    pub failure_window_hours: Option<f64>,
    /// Other profiles tried when a provider is overloaded.
    pub overloaded_profile_rotations: Option<u64>,
    /// Milliseconds before that.
    pub overloaded_backoff_ms: Option<u64>,
    /// Other profiles tried at a rate limit.
    pub rate_limited_profile_rotations: Option<u64>,
}

/// The classes of credentials by the words of stored profiles.
pub(crate) const MODES: [(&str, CredentialClass); 3] =
    [("api_key", CredentialClass::ApiKey), ("token", CredentialClass::Token), ("oauth", CredentialClass::Oauth)];

/// Reads `auth`.
pub(super) fn read(mut table: Table<'_>) -> AuthConfig {
    let mut config = AuthConfig::default();
    if let Some(profiles) = table.table("profiles") {
        let problems = profiles.problems();
        for entry in profiles.into_entries() {
            let id = name(&entry, ProfileId::parse, problems);
            let profile = Table::open(entry.node, problems).and_then(read_profile);
            config.profiles.extend(id.zip(profile));
        }
    }
    let problems = table.problems();
    if let Some(order) = table.take("order") {
        config.order = read_order(order, problems);
    }
    if let Some(balance) = table.table("balance") {
        let problems = balance.problems();
        for entry in balance.into_entries() {
            let provider = name(&entry, ProviderId::parse, problems);
            let balance = Table::open(entry.node, problems).and_then(read_balance);
            config.balance.extend(provider.zip(balance));
        }
    }
    if let Some(cooldowns) = table.table("cooldowns") {
        config.cooldowns = read_cooldowns(cooldowns);
    }
    table.finish();
    config
}

fn read_profile(mut table: Table<'_>) -> Option<ConfiguredProfile> {
    if !table.has("provider") {
        table.problem("the profile has no `provider`", None);
    }
    table.refuse_word("mode", "aws-sdk", "a plugin that signs for AWS takes the key as mode `api_key`");
    let (mode, email) = (table.word("mode", &MODES), table.text("email"));
    let provider = table.id("provider", ProviderId::parse);
    table.finish();
    Some(ConfiguredProfile { provider: provider?, mode, email })
}

fn read_balance(mut table: Table<'_>) -> Option<Balance> {
    /// Finer shares than this nobody can see.
    const WEIGHT_MAX: u64 = 1_000;
    let by = table.word("by", &[("weight", BalanceBy::Weight), ("latency", BalanceBy::Latency)]);
    let problems = table.problems();
    let mut profiles = Vec::new();
    if let Some(weights) = table.table("profiles") {
        for entry in weights.into_entries() {
            let id = name(&entry, ProfileId::parse, problems);
            let weight = super::read::whole(&entry.node, 1..=WEIGHT_MAX, problems);
            profiles.extend(id.zip(weight));
        }
    }
    if profiles.is_empty() {
        table.problem("the balance names no profile", Some("write `profiles: { \"<profile>\": <weight> }`".into()));
    }
    table.finish();
    (!profiles.is_empty()).then(|| Balance { by: by.unwrap_or(BalanceBy::Weight), profiles })
}

/// Reads an order; what is written for an alias of a provider counts only where it is not empty (D3).
pub(crate) fn read_order(node: Node, problems: &Problems) -> BTreeMap<ProviderId, Vec<ProfileId>> {
    let mut orders: BTreeMap<ProviderId, Vec<ProfileId>> = BTreeMap::new();
    let Some(table) = Table::open(node, problems) else { return orders };
    for entry in table.into_entries() {
        let provider = name(&entry, ProviderId::parse, problems);
        let (place, key) = (entry.place, entry.node.key.clone());
        let is_alias = provider.as_ref().is_some_and(|provider| provider.as_str() != entry.name.trim());
        let Some((provider, ids)) = provider.zip(read_ids(entry.node, problems)) else { continue };
        match orders.get(&provider) {
            Some(_) if is_alias && ids.is_empty() => {}
            Some(other) if *other == ids => {}
            Some(other) if is_alias || !other.is_empty() => {
                problems.add(place, &key, "another name of the same provider has another order", None);
            }
            Some(_) | None => {
                orders.insert(provider, ids);
            }
        }
    }
    orders
}

fn read_ids(node: Node, problems: &Problems) -> Option<Vec<ProfileId>> {
    let Value::List(elements) = node.value else {
        problems.add(node.place, &node.key, format!("expected a list, found {}", node.value.kind()), None);
        return None;
    };
    let mut ids: Vec<ProfileId> = Vec::new();
    for id in elements.iter().filter_map(|element| id(element, ProfileId::parse, problems)) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Some(ids)
}

fn read_cooldowns(mut table: Table<'_>) -> Cooldowns {
    /// More rotations than a provider has profiles change nothing.
    const ROTATIONS_MAX: u64 = 100;
    let problems = table.problems();
    let mut by_provider = BTreeMap::new();
    if let Some(hours) = table.table("billingBackoffHoursByProvider") {
        for entry in hours.into_entries() {
            let provider = name(&entry, ProviderId::parse, problems);
            by_provider.extend(provider.zip(super::read::amount(&entry.node, problems)));
        }
    }
    let cooldowns = Cooldowns {
        billing_backoff_hours: table.amount("billingBackoffHours"),
        billing_backoff_hours_by_provider: by_provider,
        billing_max_hours: table.amount("billingMaxHours"),
        auth_permanent_backoff_minutes: table.amount("authPermanentBackoffMinutes"),
        auth_permanent_max_minutes: table.amount("authPermanentMaxMinutes"),
        failure_window_hours: table.amount("failureWindowHours"),
        overloaded_profile_rotations: table.count("overloadedProfileRotations", 0..=ROTATIONS_MAX),
        overloaded_backoff_ms: table.count("overloadedBackoffMs", 0..=crate::limits::MODEL_CALL_MS_MAX),
        rate_limited_profile_rotations: table.count("rateLimitedProfileRotations", 0..=ROTATIONS_MAX),
    };
    table.finish();
    cooldowns
}
