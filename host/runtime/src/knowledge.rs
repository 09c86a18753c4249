//! Everything that answers depend on and that does not change while a host runs: configuration, profiles, manifests,
//! the plan made of them, and which secrets hold a value. `explain` and `status` ask the same object as a call does.

mod egress;

use std::collections::BTreeMap;
use std::sync::Arc;

use creel_engine::Injectable;
use creel_policy::catalog::Catalog;
use creel_policy::config::{Config, Cost};
use creel_policy::cooldown::{Failure, Health, Key, Ledger, Rest, Terms};
use creel_policy::credential::{
    CredentialDerivation, CredentialRequest, Known as _, SecretSource, Selection, Use, Variable, secret_sources,
    select, variables,
};
use creel_policy::ids::{AgentId, ModelRef, PluginId, ProfileId, ProviderId};
use creel_policy::manifest::{CredentialSlot, Input, Manifest};
use creel_policy::plan::{Plan, PlanProblem, ProviderPlan, plan, plan_provider};
use creel_policy::profiles::Profiles;
use creel_policy::route::{
    ModelTarget, NameRefusal, Named, Needs, Role, RouteDerivation, RoutePlan, RouteQuestion, named, route, route_named,
    targets,
};
use creel_policy::secret_ref::SecretRef;
use creel_store::resolve::{Asker, Scope};
use creel_store::secrets::{Places, SecretSnapshot};

pub use egress::{EgressExplanation, GrantedEndpoint};

use crate::memory::Memory;
use crate::renewals::Renewals;

/// Everything that answers depend on.
pub struct Knowledge {
    /// The agent that answers.
    pub agent: AgentId,
    /// The configuration.
    pub config: Config,
    /// The stored profiles.
    pub profiles: Profiles,
    /// What each installed plugin asks for.
    pub manifests: BTreeMap<PluginId, Manifest>,
    /// Providers and channels with their grants.
    pub plan: Plan,
    /// What models take in.
    pub catalog: Catalog,
    pub(crate) secrets: SecretSnapshot<Arc<Injectable>>,
    /// What is remembered of credentials; one memory for all generations.
    pub(crate) memory: Arc<Memory>,
    /// Access tokens that were renewed; one collection for all generations.
    pub(crate) renewals: Arc<Renewals>,
    /// The login of each profile that could be renewed.
    pub(crate) logins: BTreeMap<ProfileId, String>,
    /// When the secrets were read; `None` where nobody said.
    pub(crate) resolved_ms: Option<u64>,
}

/// A question for the credential of a call.
#[derive(Clone, Copy, Debug)]
pub struct AuthQuestion<'a> {
    /// The provider.
    pub provider: &'a ProviderId,
    /// What for; `None`: what the configuration uses the model for, else an answer.
    pub use_: Option<Use>,
    /// The model of the call; `None`: any.
    pub model: Option<&'a ModelRef>,
    /// The one profile that is wanted; `None`: what the configuration says.
    pub profile: Option<&'a ProfileId>,
}

/// Where a configuration lets media lie, for whoever asks.
#[must_use]
pub fn media_scope<'a>(config: &'a Config, agent: &'a AgentId, asker: Asker<'a>) -> Scope<'a> {
    Scope {
        agent,
        workspace: config.defaults.workspace.as_deref(),
        roots: &config.media.roots,
        workspace_only: config.workspace_only,
        urls: &config.media.urls,
        asker,
    }
}

impl Knowledge {
    /// Where media may lie for whoever asks.
    #[must_use]
    pub fn media_scope<'a>(&'a self, asker: Asker<'a>) -> Scope<'a> {
        media_scope(&self.config, &self.agent, asker)
    }

    /// Makes the plan and resolves the secrets, once.
    #[must_use]
    pub fn gather(
        config: Config,
        profiles: Profiles,
        manifests: BTreeMap<PluginId, Manifest>,
        places: &Places<'_>,
    ) -> Self {
        let plan = plan(&config, &manifests);
        let by_provider: BTreeMap<ProviderId, &Manifest> = plan
            .providers
            .iter()
            .filter_map(|(id, provider)| Some((id.clone(), manifests.get(&provider.plugin)?)))
            .collect();
        let catalog = Catalog::new(&config, &by_provider);
        // Also of plugins that nothing names yet, so that `explain auth` can tell of them.
        let sources = {
            let mut all = by_provider.clone();
            for (id, manifest) in &manifests {
                if let Ok(provider) = ProviderId::parse(id.as_str()) {
                    all.entry(provider).or_insert(manifest);
                }
            }
            secret_sources(&config, &profiles, &all)
        };
        let secrets = SecretSnapshot::resolve(&sources, (&config, &profiles), places)
            .map(|secret| Arc::new(Injectable::new(secret)));
        let (renewals, logins) = Renewals::gather(&config, &profiles, places);
        Self {
            agent: AgentId::main(),
            config,
            profiles,
            manifests,
            plan,
            catalog,
            secrets,
            memory: Arc::default(),
            renewals: Arc::new(renewals),
            logins,
            resolved_ms: None,
        }
    }

    /// The same with what is remembered of credentials, so that what is explained is what would be sent.
    #[must_use]
    pub fn remembering(self, ledger: Ledger) -> Self {
        Self { memory: Arc::new(Memory::of(ledger)), ..self }
    }

    /// The references that nothing uses, and that were therefore not resolved.
    pub fn idle_references(&self) -> impl Iterator<Item = &SecretRef> {
        self.secrets.idle()
    }

    /// Says when the secrets were read.
    #[must_use]
    pub fn resolved_at(self, resolved_ms: u64) -> Self {
        Self { resolved_ms: Some(resolved_ms), ..self }
    }

    /// Which credential a call would get, and why.
    ///
    /// # Errors
    ///
    /// The problems of the provider's entry when nobody serves it.
    pub fn explain_auth(
        &self,
        question: &AuthQuestion<'_>,
        now_ms: u64,
    ) -> Result<CredentialDerivation, Vec<PlanProblem>> {
        let provider = question.provider;
        let planned = match self.plan.providers.get(provider) {
            Some(planned) => planned.clone(),
            None => plan_provider(&self.config, &self.manifests, provider)?,
        };
        let slot = planned.grant.credentials.values().next().cloned().unwrap_or_else(no_slot);
        let (pinned, use_) = self.pinned(question);
        let ledger = self.memory.ledger();
        let request = CredentialRequest {
            provider,
            slot: &slot,
            server: self.plan.server(&planned, &slot),
            use_,
            profile: question.profile.or_else(|| pinned.as_ref().and_then(|target| target.profile.as_ref())),
            preferred_profile: pinned.as_ref().and_then(|target| target.preferred_profile.as_ref()),
            now_ms,
            health: Health {
                ledger: Some(&ledger),
                model: question.model.or_else(|| pinned.as_ref().map(|target| &target.model)),
                is_probe: false,
            },
        };
        Ok(select(&self.config, &self.profiles, self, &request).0)
    }

    /// The variables of the environment on which the credential of a provider depends, as they were when the secrets
    /// were read, without their values.
    #[must_use]
    pub fn variables(&self, provider: &ProviderId) -> Vec<Variable> {
        let planned = match self.plan.providers.get(provider) {
            Some(planned) => Some(planned.clone()),
            None => plan_provider(&self.config, &self.manifests, provider).ok(),
        };
        let slots = planned.iter().flat_map(|planned| planned.grant.credentials.values());
        let names = variables(&self.config, &self.profiles, provider, slots).into_iter();
        names
            .map(|name| Variable::of(&name, self.secrets.availability(&SecretSource::Environment(name.clone()))))
            .collect()
    }

    /// The model that is meant, the first that a turn of that kind would call and that fits; where no turn would call
    /// one that fits, the first that the configuration names. With it the use that is meant.
    fn pinned(&self, question: &AuthQuestion<'_>) -> (Option<ModelTarget>, Use) {
        let wanted = question.use_.or(if question.model.is_none() { Some(Use::Chat) } else { None });
        let is_meant = |target: &ModelTarget| {
            &target.model.provider == question.provider
                && wanted.is_none_or(|use_| use_of(target) == use_)
                && question.model.is_none_or(|model| &target.model == model)
        };
        let needs = match wanted {
            Some(Use::Image) | None => Needs::of([Input::Image]),
            Some(Use::Audio) => Needs::of([Input::Audio]),
            Some(Use::Chat | Use::Tool | Use::Models | Use::Status) => Needs::of([]),
        };
        let planned = match self.explain_route(&needs).plan {
            Some(RoutePlan::Direct { chain }) => chain,
            Some(RoutePlan::Describe { describers, chain }) => describers.into_iter().chain(chain).collect(),
            None => Vec::new(),
        };
        let pinned = planned.into_iter().chain(targets(&self.config)).find(is_meant);
        let use_ = wanted.or(pinned.as_ref().map(use_of)).unwrap_or(Use::Chat);
        (pinned, use_)
    }

    /// Which credential goes with one slot of a call to a model.
    pub(crate) fn select(
        &self,
        target: &ModelTarget,
        (slot, planned): (&CredentialSlot, &ProviderPlan),
        (now_ms, is_probe): (u64, bool),
    ) -> (CredentialDerivation, Selection) {
        self.select_by(&self.memory.ledger(), target, (slot, planned), (now_ms, is_probe))
    }

    fn select_by(
        &self,
        ledger: &Ledger,
        target: &ModelTarget,
        (slot, planned): (&CredentialSlot, &ProviderPlan),
        (now_ms, is_probe): (u64, bool),
    ) -> (CredentialDerivation, Selection) {
        let request = CredentialRequest {
            provider: &target.model.provider,
            slot,
            server: self.plan.server(planned, slot),
            use_: use_of(target),
            profile: target.profile.as_ref(),
            preferred_profile: target.preferred_profile.as_ref(),
            now_ms,
            health: Health { ledger: Some(ledger), model: Some(&target.model), is_probe },
        };
        select(&self.config, &self.profiles, self, &request)
    }

    /// Why no credential can be sent to a model now, where that passes by itself.
    pub(crate) fn rest(&self, target: &ModelTarget, now_ms: u64) -> Option<Rest> {
        let ledger = self.memory.ledger();
        // Where nothing rests there is nothing to select for, which each call is asked before it begins.
        if !ledger.rests_any(&target.model.provider, now_ms) {
            return None;
        }
        self.first_choice(&ledger, target, now_ms)?.0.resting().cloned()
    }

    /// Whether another credential would be sent once this one rests for that failure.
    pub(crate) fn takes_over(
        &self,
        target: &ModelTarget,
        key: &Key,
        (failure, terms): (&Failure<'_>, &Terms),
        now_ms: u64,
    ) -> bool {
        let mut ledger = self.memory.ledger().clone();
        let before = ledger.get(key).cloned().unwrap_or_default();
        let Some(after) = before.after_failure(failure, terms, now_ms) else { return false };
        ledger.put(key.clone(), after);
        let chosen = self.first_choice(&ledger, target, now_ms);
        chosen.is_some_and(|(derivation, _)| derivation.chosen().is_some_and(|one| one.id != key.credential))
    }

    /// What is selected for the first slot of a model's provider.
    fn first_choice(
        &self,
        ledger: &Ledger,
        target: &ModelTarget,
        now_ms: u64,
    ) -> Option<(CredentialDerivation, Selection)> {
        let planned = self.plan.providers.get(&target.model.provider)?;
        let slot = planned.grant.credentials.values().next()?;
        Some(self.select_by(ledger, target, (slot, planned), (now_ms, false)))
    }

    /// Which model a turn with these needs would get, and why.
    #[must_use]
    pub fn explain_route(&self, needs: &Needs) -> RouteDerivation {
        route(&self.config, &self.catalog, needs)
    }

    /// The SHA-256 of the gateway's own token (`gateway.auth.token`), where there is one and it holds a value.
    #[must_use]
    pub fn gateway_token_sha256(&self) -> Option<[u8; 32]> {
        let input = self.config.gateway.token.as_ref()?;
        let source = SecretSource::of(input, || SecretSource::Config("gateway.auth.token".to_owned()));
        Some(self.secrets.get(&source)?.sha256())
    }

    /// What a client means by the name of a model.
    ///
    /// # Errors
    ///
    /// [`NameRefusal`] when the name means none.
    pub fn named(&self, name: &str) -> Result<Named, NameRefusal> {
        named(&self.config, &self.catalog, name)
    }

    /// Which models a request of a client would get, and why.
    #[must_use]
    pub fn route_named(&self, question: &RouteQuestion<'_>) -> RouteDerivation {
        route_named(&self.config, &self.catalog, question)
    }

    /// What a model costs, where the operator said so.
    #[must_use]
    pub fn price(&self, model: &ModelRef) -> Option<Cost> {
        let entry = self.config.models.providers.get(&model.provider)?;
        entry.models.iter().find(|known| known.id == model.model)?.cost
    }

    /// The credentials that rest now, wholly or for one model, each with the reason.
    #[must_use]
    pub fn resting(&self, now_ms: u64) -> Vec<(Key, Rest)> {
        self.memory.ledger().resting(now_ms).map(|(key, rest)| (key.clone(), rest)).collect()
    }

    /// The models that describe pictures, in order.
    pub(crate) fn describers(&self) -> Vec<ModelTarget> {
        targets(&self.config).into_iter().filter(|target| matches!(target.role, Role::Describe(_))).collect()
    }
}

/// What a call is for, seen from the role of its model.
pub(crate) fn use_of(target: &ModelTarget) -> Use {
    match target.role {
        Role::Picked | Role::Primary | Role::Fallback(_) => Use::Chat,
        Role::ImageModel | Role::ImageFallback(_) | Role::Describe(_) => Use::Image,
    }
}

/// The slot of a plugin that declares none.
pub(crate) fn no_slot() -> CredentialSlot {
    CredentialSlot { endpoint: String::new(), optional: true, classes: Vec::new(), refresh: None }
}
