//! In which order the profiles of a provider are asked. Whether one can be used is not asked here.

use crate::config::Config;
use crate::cooldown::Health;
use crate::ids::{ProfileId, ProviderId};
use crate::manifest::CredentialClass;
use crate::profiles::{Profile, Profiles};

/// A profile in its turn.
pub(super) struct Turn<'a> {
    pub(super) id: &'a ProfileId,
    /// `None`: it is named, but not stored.
    pub(super) stored: Option<&'a Profile>,
    /// Why it has no turn after all.
    pub(super) excluded: Option<&'static str>,
    /// It stands in an order that the operator wrote: those after it may take over.
    pub(super) is_listed: bool,
}

/// The stored order beats the configured one; without either, the profiles that the configuration names, else all.
pub(super) fn order<'a>(
    config: &'a Config,
    profiles: &'a Profiles,
    (provider, health): (&ProviderId, &Health<'_>),
) -> Vec<Turn<'a>> {
    let configured = || config.auth.profiles.iter().filter(|(_, profile)| profile.provider == *provider);
    let explicit = profiles.order.get(provider).or_else(|| config.auth.order.get(provider));
    let (named, by_rank, exclusion): (Vec<&ProfileId>, bool, &'static str) = if let Some(order) = explicit {
        (order.iter().collect(), false, "excluded_by_auth_order: the order of the provider's profiles leaves it out")
    } else if configured().next().is_some() {
        (configured().map(|(id, _)| id).collect(), true, "`auth.profiles` names other profiles of the provider")
    } else {
        (stored_ids(profiles, provider).collect(), true, "")
    };
    let is_listed = explicit.is_some();
    let mut turns: Vec<Turn<'a>> =
        named.into_iter().map(|id| Turn { id, stored: profiles.get(id), excluded: None, is_listed }).collect();
    if by_rank {
        turns.sort_by_key(|turn| rank(turn, profiles, (provider, health)));
    }
    let left: Vec<&ProfileId> =
        stored_ids(profiles, provider).filter(|id| !turns.iter().any(|turn| turn.id == *id)).collect();
    let excluded = Some(exclusion);
    turns.extend(left.into_iter().map(|id| Turn { id, stored: profiles.get(id), excluded, is_listed: false }));
    turns
}

fn stored_ids<'a>(profiles: &'a Profiles, provider: &ProviderId) -> impl Iterator<Item = &'a ProfileId> {
    let of_provider = move |profile: &&Profile| profile.provider.as_ref() == Some(provider);
    profiles.profiles.iter().filter(of_provider).map(|profile| &profile.id)
}

/// OAuth, then tokens, then keys, then what cannot be used; among equals the one that was used longest ago (D8), by the
/// file of the older gateway or by us. What worked last has no say (D12).
fn rank(turn: &Turn<'_>, profiles: &Profiles, (provider, health): (&ProviderId, &Health<'_>)) -> (u8, u64) {
    let class = turn.stored.and_then(|profile| profile.credential.as_ref().ok()).map(|stored| stored.class);
    let rank = match class {
        Some(CredentialClass::Oauth) => 0,
        Some(CredentialClass::Token) => 1,
        Some(CredentialClass::ApiKey) => 2,
        None => 3,
    };
    let then = profiles.usage.get(turn.id).map_or(0, |usage| usage.last_used_ms);
    (rank, then.max(health.last_used_ms(provider, turn.id.as_str())))
}
