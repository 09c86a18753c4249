//! What `models status` says: each provider that the configuration uses, with the credential that each use of it would
//! send. Chosen by the same function as for a call; nothing is sent here.

use std::collections::BTreeMap;

use creel_policy::cooldown::Rest;
use creel_policy::credential::{CredentialDerivation, Use};
use creel_policy::ids::ProviderId;
use creel_policy::route::{ModelTarget, targets};
use serde::Serialize;

use crate::knowledge::{Knowledge, no_slot, use_of};
use crate::probe::Probe;

/// One use of a provider's credential.
#[derive(Clone, Debug, Serialize)]
pub struct UseStatus {
    /// `chat` or `image`.
    #[serde(rename = "use")]
    pub use_: Use,
    /// The models that are used so.
    pub models: Vec<String>,
    /// The credential that would be sent.
    pub winner: Option<Winner>,
    /// `ok`, `not-needed`, `cooling`, `failed` or `no-plugin`.
    pub state: &'static str,
    /// Of one that is cooling: until when, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooling: Option<Rest>,
    /// Why.
    pub detail: String,
    /// What came of a real call, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// The models, as they would be called.
    #[serde(skip)]
    pub(crate) targets: Vec<ModelTarget>,
}

/// The credential that would be sent.
#[derive(Clone, Debug, Serialize)]
pub struct Winner {
    /// Profile id, key path or `env:NAME`.
    pub id: String,
    /// Where the value is.
    pub source: String,
    /// `api_key`, `token` or `oauth`.
    pub class: Option<creel_policy::manifest::CredentialClass>,
    /// Tells values apart without telling them.
    pub fingerprint: Option<String>,
    /// How long ago its value was read from where it is.
    pub age_ms: Option<u64>,
}

/// A provider with each use of its credential.
#[derive(Clone, Debug, Serialize)]
pub struct ProviderStatus {
    /// The provider.
    pub provider: ProviderId,
    /// Its uses.
    pub uses: Vec<UseStatus>,
}

impl Knowledge {
    /// Each provider that the configuration uses, with the credential that each use of it would send.
    #[must_use]
    pub fn models_status(&self, now_ms: u64) -> Vec<ProviderStatus> {
        let mut providers: BTreeMap<ProviderId, Vec<UseStatus>> = BTreeMap::new();
        for target in targets(&self.config) {
            let uses = providers.entry(target.model.provider.clone()).or_default();
            let use_ = use_of(&target);
            let model = target.model.to_string();
            let status = self.use_status(&target, now_ms);
            // Two models of one use with the same credential are one line.
            let same = |known: &&mut UseStatus| {
                let winner = |status: &UseStatus| status.winner.as_ref().map(|winner| winner.id.clone());
                known.use_ == use_ && known.state == status.state && winner(known) == winner(&status)
            };
            match uses.iter_mut().find(same) {
                Some(known) if !known.models.contains(&model) => {
                    known.models.push(model);
                    known.targets.push(target);
                }
                Some(_) => {}
                None => uses.push(UseStatus { models: vec![model], targets: vec![target], ..status }),
            }
        }
        providers.into_iter().map(|(provider, uses)| ProviderStatus { provider, uses }).collect()
    }

    fn use_status(&self, target: &ModelTarget, now_ms: u64) -> UseStatus {
        let use_ = use_of(target);
        let status = |state, detail: String| UseStatus {
            use_,
            models: Vec::new(),
            winner: None,
            state,
            cooling: None,
            detail,
            probe: None,
            targets: Vec::new(),
        };
        let Some(planned) = self.plan.providers.get(&target.model.provider) else {
            let entry = format!("models.providers.{}", target.model.provider);
            let reasons: Vec<String> =
                self.plan.problems.iter().filter(|problem| problem.entry() == entry).map(ToString::to_string).collect();
            return status("no-plugin", reasons.join("; "));
        };
        let slot = planned.grant.credentials.values().next().cloned().unwrap_or_else(no_slot);
        let (derivation, _) = self.select(target, (&slot, planned), (now_ms, false));
        match (derivation.chosen(), &derivation.failure) {
            (Some(chosen), _) if chosen.class.is_none() => status("not-needed", chosen.reason.clone()),
            (Some(chosen), _) => UseStatus {
                winner: Some(Winner {
                    id: chosen.id.clone(),
                    source: chosen.source.clone(),
                    class: chosen.class,
                    fingerprint: chosen.fingerprint.clone(),
                    age_ms: self.resolved_ms.map(|resolved_ms| now_ms.saturating_sub(resolved_ms)),
                }),
                ..status("ok", with_resting(&chosen.reason, &derivation, now_ms))
            },
            (None, Some(failure)) => match derivation.resting() {
                Some(rest) => UseStatus {
                    cooling: Some(rest.clone()),
                    ..status("cooling", format!("{failure} {}", rest.suffix(now_ms)))
                },
                None => status("failed", failure.clone()),
            },
            (None, None) => status("not-needed", "the plugin declares no credential".into()),
        }
    }
}

/// A reason with those that rest beside the chosen one: `…; a [cooldown 4m]`.
fn with_resting(reason: &str, derivation: &CredentialDerivation, now_ms: u64) -> String {
    let resting = derivation.candidates.iter().filter_map(|one| Some((&one.id, one.resting.as_ref()?)));
    resting.fold(reason.to_owned(), |said, (id, rest)| format!("{said}; `{id}` {}", rest.suffix(now_ms)))
}
