//! Considers each configured model in turn and builds the plan. The order is the configuration's; nothing is guessed.

use std::collections::BTreeSet;

use crate::catalog::Catalog;
use crate::config::{Config, MediaModel, ModelChain};
use crate::ids::{ModelRef, ProfileId};
use crate::manifest::Input;

use super::{
    DescribeTerms, ModelTarget, Needs, Role, RouteCandidate, RouteDerivation, RoutePlan, RouteVerdict, words,
};

/// A model of a chain, before anything is asked of it.
struct Link {
    model: ModelRef,
    role: Role,
    profile: Option<ProfileId>,
}

/// A route that is being sought.
pub(super) struct Search<'a> {
    config: &'a Config,
    catalog: &'a Catalog,
    needs: &'a Needs,
    candidates: Vec<RouteCandidate>,
}

impl<'a> Search<'a> {
    pub(super) fn new(config: &'a Config, catalog: &'a Catalog, needs: &'a Needs) -> Self {
        Self { config, catalog, needs, candidates: Vec::new() }
    }

    pub(super) fn by_chains(mut self) -> RouteDerivation {
        let defaults = &self.config.defaults;
        let chain = defaults.model.as_ref().map(|chain| links(chain, Role::Primary, Role::Fallback));
        let image = defaults.image_model.as_ref().map(|chain| links(chain, Role::ImageModel, Role::ImageFallback));
        let (chain, image) = (chain.unwrap_or_default(), image.unwrap_or_default());
        let Some(primary) = chain.first() else {
            self.pass_all(&image, "no primary is configured");
            return self.fail("no model is configured", "write `agents.defaults.model.primary`");
        };
        let unmet = self.unmet(primary, self.needs);
        if unmet.as_ref().is_ok_and(BTreeSet::is_empty) {
            let chain = self.take_chain(chain, self.needs, "takes all that is needed");
            self.pass_describers("the primary takes all that is needed");
            self.pass_all(&image, "the primary takes all that is needed");
            return self.plan(RoutePlan::Direct { chain });
        }
        if let Some(plan) = self.describe(&chain) {
            self.pass_all(&image, "`tools.media.image.models` comes first");
            return self.plan(plan);
        }
        self.pass_unfit(&chain, self.needs);
        if !self.needs.contains(Input::Image) {
            self.pass_all(&image, "the turn holds no picture");
            return self.fail_unmet("name a model that takes it in `agents.defaults.model.primary`");
        }
        let image = self.take_chain(image, self.needs, "takes what the primary cannot");
        if image.is_empty() {
            return self.fail_unmet(
                "name a model that takes it in `agents.defaults.imageModel.primary`, or one that describes pictures in \
                 `tools.media.image.models`",
            );
        }
        self.plan(RoutePlan::Direct { chain: image })
    }

    pub(super) fn by_pick(mut self, picked: &ModelRef) -> RouteDerivation {
        let chain = vec![Link { model: picked.clone(), role: Role::Picked, profile: None }];
        if self.unmet(&chain[0], self.needs).is_ok_and(|unmet| unmet.is_empty()) {
            let chain = self.take_chain(chain, self.needs, "it was picked, and takes all that is needed");
            return self.plan(RoutePlan::Direct { chain });
        }
        if let Some(plan) = self.describe(&chain) {
            return self.plan(plan);
        }
        self.pass_unfit(&chain, self.needs);
        self.fail_unmet("pick a model that takes it, or name one that describes pictures in `tools.media.image.models`")
    }

    /// Plans descriptions where somebody can describe and the first of the chain takes all the rest.
    fn describe(&mut self, chain: &[Link]) -> Option<RoutePlan> {
        if !self.needs.contains(Input::Image) {
            self.pass_describers("the turn holds no picture");
            return None;
        }
        if !self.config.media_image.enabled {
            self.pass_describers("`tools.media.image.enabled` is `false`");
            return None;
        }
        let rest = self.needs.without(Input::Image);
        let first_takes_rest =
            chain.first().is_some_and(|first| self.unmet(first, &rest).is_ok_and(|unmet| unmet.is_empty()));
        if !first_takes_rest {
            self.pass_describers("descriptions of the pictures would not be enough for the primary");
            return None;
        }
        let describers = self.take_describers();
        if describers.is_empty() {
            return None;
        }
        let links = chain.iter().map(|link| Link {
            model: link.model.clone(),
            role: link.role,
            profile: link.profile.clone(),
        });
        let chain = self.take_chain(links.collect(), &rest, "gets descriptions in place of the pictures");
        Some(RoutePlan::Describe { describers, chain })
    }

    fn take_describers(&mut self) -> Vec<ModelTarget> {
        let needs = Needs::of([Input::Image]);
        let mut describers: Vec<ModelTarget> = Vec::new();
        for (index, entry) in self.config.media_image.models.iter().enumerate() {
            let target = describer(entry, index);
            let link = Link { model: entry.model.clone(), role: target.role, profile: None };
            match self.unfit(&link, &needs) {
                Some(reason) => self.pass(&link, reason),
                None => {
                    self.consider(&link, RouteVerdict::Taken, format!("`{}` describes pictures", entry.key));
                    describers.push(target);
                }
            }
        }
        describers
    }

    /// Takes those of a chain that can do it, each once, in order.
    fn take_chain(&mut self, chain: Vec<Link>, needs: &Needs, why: &str) -> Vec<ModelTarget> {
        let mut taken: Vec<ModelTarget> = Vec::with_capacity(chain.len());
        for link in chain {
            if taken.iter().any(|target| target.model == link.model) {
                self.pass(&link, "it is in the chain already".to_owned());
                continue;
            }
            if let Some(reason) = self.unfit(&link, needs) {
                self.pass(&link, reason);
                continue;
            }
            let reason = if taken.is_empty() { why.to_owned() } else { "takes over if those before it fail".to_owned() };
            self.consider(&link, RouteVerdict::Taken, reason);
            let Link { model, role, profile } = link;
            taken.push(ModelTarget { model, role, profile, preferred_profile: None, describe: None });
        }
        taken
    }

    /// What a model does not take; or that nobody serves it.
    fn unmet(&self, link: &Link, needs: &Needs) -> Result<BTreeSet<Input>, String> {
        if self.catalog.plugin(&link.model.provider).is_none() {
            return Err(format!("no plugin serves provider `{}`", link.model.provider));
        }
        Ok(needs.unmet(&self.catalog.facts(&link.model).input))
    }

    fn unfit(&self, link: &Link, needs: &Needs) -> Option<String> {
        match self.unmet(link, needs) {
            Err(reason) => Some(reason),
            Ok(unmet) if unmet.is_empty() => None,
            Ok(unmet) => {
                let facts = self.catalog.facts(&link.model);
                Some(format!("does not take {} (it takes {}: {})", words(&unmet), words(&facts.input), facts.said_by))
            }
        }
    }

    fn pass_unfit(&mut self, links: &[Link], needs: &Needs) {
        for link in links {
            let reason = self.unfit(link, needs);
            self.pass(link, reason.unwrap_or_else(|| "fallbacks only follow a primary that takes the same".to_owned()));
        }
    }

    fn pass_all(&mut self, links: &[Link], reason: &str) {
        for link in links {
            self.pass(link, reason.to_owned());
        }
    }

    fn pass_describers(&mut self, reason: &str) {
        for (index, entry) in self.config.media_image.models.iter().enumerate() {
            let link = Link { model: entry.model.clone(), role: Role::Describe(index), profile: None };
            self.pass(&link, reason.to_owned());
        }
    }

    fn pass(&mut self, link: &Link, reason: String) {
        self.consider(link, RouteVerdict::PassedOver, reason);
    }

    fn consider(&mut self, link: &Link, verdict: RouteVerdict, reason: String) {
        self.candidates.push(RouteCandidate { model: link.model.clone(), role: link.role, verdict, reason });
    }

    fn plan(self, plan: RoutePlan) -> RouteDerivation {
        let (needs, candidates) = (self.needs.clone(), self.candidates);
        RouteDerivation { needs, candidates, plan: Some(plan), failure: None, hint: None }
    }

    fn fail_unmet(self, hint: &str) -> RouteDerivation {
        let needs = self.needs;
        let reasons = self.candidates.iter().map(|candidate| format!("`{}`: {}", candidate.model, candidate.reason));
        let failure = format!("no configured model takes {needs}: {}", reasons.collect::<Vec<_>>().join("; "));
        self.fail(&failure, hint)
    }

    fn fail(self, failure: &str, hint: &str) -> RouteDerivation {
        let (needs, candidates) = (self.needs.clone(), self.candidates);
        let (failure, hint) = (Some(failure.to_owned()), Some(hint.to_owned()));
        RouteDerivation { needs, candidates, plan: None, failure, hint }
    }
}

/// The profile of a chain is for its primary, and for fallbacks of the same provider.
fn links(chain: &ModelChain, first: Role, other: fn(usize) -> Role) -> Vec<Link> {
    let link = |model: &ModelRef, role| {
        let profile = chain.profile.clone().filter(|_| model.provider == chain.primary.provider);
        Link { model: model.clone(), role, profile }
    };
    let fallbacks = chain.fallbacks.iter().enumerate().map(|(index, model)| link(model, other(index)));
    std::iter::once(link(&chain.primary, first)).chain(fallbacks).collect()
}

fn describer(entry: &MediaModel, index: usize) -> ModelTarget {
    let MediaModel { model, prompt, profile, preferred_profile, chars_max, bytes_max, timeout_seconds, .. } = entry;
    let terms = DescribeTerms {
        prompt: prompt.clone(),
        chars_max: *chars_max,
        bytes_max: *bytes_max,
        timeout_seconds: *timeout_seconds,
    };
    ModelTarget {
        model: model.clone(),
        role: Role::Describe(index),
        profile: profile.clone(),
        preferred_profile: preferred_profile.clone(),
        describe: Some(terms),
    }
}
