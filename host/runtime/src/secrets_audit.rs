//! What the knowledge of a host says of how secrets are kept. What counts as a finding is `creel_policy::audit`'s to say.

use creel_policy::audit::{Finding, of_knowledge};
use creel_policy::credential::{CredentialDerivation, Use};
use creel_policy::ids::ProviderId;
use creel_policy::plan::named_providers;
use creel_policy::route::targets;

use crate::knowledge::{AuthQuestion, Knowledge};

impl Knowledge {
    /// References that do not resolve and credentials that are never sent, by the snapshot and the resolver that calls
    /// are served from.
    #[must_use]
    pub fn audit(&self, now_ms: u64) -> Vec<Finding> {
        let idle: Vec<_> = self.idle_references().collect();
        let derivations = self.derivations(now_ms);
        of_knowledge(&self.config, &self.profiles, &self.secrets, (&derivations, &idle))
    }

    /// The resolver's answer for every provider that is named or has a profile, and for every configured model.
    fn derivations(&self, now_ms: u64) -> Vec<CredentialDerivation> {
        let stored = self.profiles.profiles.iter().filter_map(|profile| profile.provider.clone());
        let mut providers = named_providers(&self.config);
        providers.extend(stored);
        let ask = |provider: &ProviderId| {
            let question = AuthQuestion { provider, use_: Some(Use::Status), model: None, profile: None };
            self.explain_auth(&question, now_ms).ok()
        };
        let by_provider: Vec<_> = providers.iter().filter_map(ask).collect();
        let by_model = targets(&self.config).into_iter().filter_map(|target| {
            let planned = self.plan.providers.get(&target.model.provider)?;
            let slot = planned.grant.credentials.values().next()?;
            Some(self.select(&target, (slot, planned), (now_ms, false)).0)
        });
        by_provider.into_iter().chain(by_model).collect()
    }
}
