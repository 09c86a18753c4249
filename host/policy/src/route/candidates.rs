//! Considers each configured model in turn and builds the plan. The order is the configuration's; nothing is guessed.

use std::collections::BTreeSet;

use crate::catalog::Catalog;
use crate::config::Config;
use crate::manifest::Input;

use super::named::named_fallbacks;
use super::targets::{chain, describers, image_chain};
use super::{ModelTarget, Needs, RouteCandidate, RouteDerivation, RoutePlan, RouteQuestion, RouteVerdict, words};

/// A route that is being sought.
pub(super) struct Search<'a> {
    config: &'a Config,
    catalog: &'a Catalog,
    needs: &'a Needs,
    client: Option<&'a RouteQuestion<'a>>,
    candidates: Vec<RouteCandidate>,
}

impl<'a> Search<'a> {
    pub(super) fn new(config: &'a Config, catalog: &'a Catalog, needs: &'a Needs) -> Self {
        Self { config, catalog, needs, client: None, candidates: Vec::new() }
    }

    /// The same for a client that may use so many models and has so many tokens.
    pub(super) fn for_client(self, client: &'a RouteQuestion<'a>) -> Self {
        Self { client: Some(client), ..self }
    }

    pub(super) fn by_chains(mut self) -> RouteDerivation {
        let (chain, image) = (self.followed(chain(self.config)), self.followed(image_chain(self.config)));
        if chain.is_empty() {
            self.pass_describers("no primary is configured");
            self.pass_all(&image, "no primary is configured");
            return self.fail("no model is configured", "write `agents.defaults.model.primary`");
        }
        let chain = self.holding(chain);
        if chain.first().is_some_and(|first| self.takes(first, self.needs)) {
            let chain = self.take_chain(&chain, self.needs, "takes all that is needed");
            self.pass_describers("the primary takes all that is needed");
            self.pass_all(&image, "the primary takes all that is needed");
            return self.plan(RoutePlan::Direct { chain });
        }
        if let Some(plan) = self.describe(&chain) {
            self.pass_all(&image, "`tools.media.image.models` comes first");
            return self.plan(plan);
        }
        self.pass_unfit(&chain);
        if !self.needs.contains(Input::Image) {
            self.pass_all(&image, "the turn holds no picture");
            return self.fail_unmet(if chain.is_empty() {
                "name a model with a larger context in `agents.defaults.model.fallbacks`"
            } else {
                "name a model that takes it in `agents.defaults.model.primary`"
            });
        }
        let image = self.take_chain(&image, self.needs, "takes what the primary cannot");
        if image.is_empty() {
            return self.fail_unmet(
                "name a model that takes it in `agents.defaults.imageModel.primary`, or one that describes pictures in \
                 `tools.media.image.models`",
            );
        }
        self.plan(RoutePlan::Direct { chain: image })
    }

    /// A configured chain as the client wants it: where it says what takes over, that alone does (H6). From nobody there is
    /// nothing to take over.
    fn followed(&self, chain: Vec<ModelTarget>) -> Vec<ModelTarget> {
        match (self.client.and_then(|client| client.fallbacks), chain.first()) {
            (Some(fallbacks), Some(first)) => {
                std::iter::once(first.clone()).chain(named_fallbacks(fallbacks)).collect()
            }
            (Some(_) | None, _) => chain,
        }
    }

    /// Takes a model that a client asked for, with those that take over from it.
    pub(super) fn by_name(mut self, chain: &[ModelTarget]) -> RouteDerivation {
        let chain = self.holding(chain.to_vec());
        if chain.is_empty() {
            self.pass_describers("no model that was asked for holds the request");
            return self.fail_unmet("ask for a model with a larger context");
        }
        let is_fit = chain.first().is_some_and(|first| self.takes(first, self.needs));
        if !is_fit && let Some(plan) = self.describe(&chain) {
            return self.plan(plan);
        }
        let taken = self.take_chain(&chain, self.needs, "it was asked for, and takes all that is needed");
        if taken.is_empty() {
            return self.fail_unmet(
                "ask for a model that takes it, or name one that describes pictures in `tools.media.image.models`",
            );
        }
        self.plan(RoutePlan::Direct { chain: taken })
    }

    /// The chain from its first model on whose context holds the request: that one stands in for those before it, which
    /// no fallback could help by taking more kinds of input.
    fn holding(&mut self, mut chain: Vec<ModelTarget>) -> Vec<ModelTarget> {
        let fits = chain.iter().position(|target| self.overflow(target).is_none()).unwrap_or(chain.len());
        for target in chain.drain(..fits).collect::<Vec<_>>() {
            if let Some(reason) = self.overflow(&target) {
                self.pass(&target, reason);
            }
        }
        chain
    }

    /// Plans descriptions where somebody can describe and the first of the chain takes all the rest.
    fn describe(&mut self, chain: &[ModelTarget]) -> Option<RoutePlan> {
        let rest = self.needs.without(Input::Image);
        let hindrance = if !self.needs.contains(Input::Image) {
            Some("the turn holds no picture")
        } else if !self.config.media_image.enabled {
            Some("`tools.media.image.enabled` is `false`")
        } else if !chain.first().is_some_and(|first| self.takes(first, &rest)) {
            Some("descriptions of the pictures would not be enough for the model that answers")
        } else {
            None
        };
        if let Some(reason) = hindrance {
            self.pass_describers(reason);
            return None;
        }
        let describers = self.take_describers();
        if describers.is_empty() {
            return None;
        }
        let chain = self.take_chain(chain, &rest, "gets descriptions in place of the pictures");
        Some(RoutePlan::Describe { describers, chain })
    }

    /// Takes those who can see, each with its own terms; one model may stand there twice, with two profiles.
    fn take_describers(&mut self) -> Vec<ModelTarget> {
        let needs = Needs::of([Input::Image]);
        let mut taken = Vec::new();
        for target in describers(self.config) {
            match self.unfit(&target, &needs) {
                Some(reason) => self.pass(&target, reason),
                None => {
                    self.consider(&target, RouteVerdict::Taken, "describes pictures".to_owned());
                    taken.push(target);
                }
            }
        }
        taken
    }

    /// Takes those of a chain that can do it, each once, in order.
    fn take_chain(&mut self, chain: &[ModelTarget], needs: &Needs, why: &str) -> Vec<ModelTarget> {
        let mut taken: Vec<ModelTarget> = Vec::with_capacity(chain.len());
        for target in chain {
            if taken.iter().any(|earlier| earlier.model == target.model) {
                self.pass(target, "it is in the chain already".to_owned());
            } else if let Some(reason) = self.unfit(target, needs) {
                self.pass(target, reason);
            } else {
                let reason = taken.last().map_or_else(|| why.to_owned(), |before| self.why_behind(before));
                self.consider(target, RouteVerdict::Taken, reason);
                taken.push(target.clone());
            }
        }
        taken
    }

    /// Why a model is in a chain behind another. Only clients are answered by the first of two.
    fn why_behind(&self, before: &ModelTarget) -> String {
        let entry = self.config.models.providers.get(&before.model.provider);
        let slow_ms = self.client.and(entry).and_then(|entry| entry.timeouts.hedge_after_ms);
        let hedges = slow_ms.map(|ms| format!(", and is asked beside `{}` after {ms} ms", before.model));
        format!("takes over if those before it fail{}", hedges.unwrap_or_default())
    }

    fn takes(&self, target: &ModelTarget, needs: &Needs) -> bool {
        self.unfit(target, needs).is_none()
    }

    /// What a model does not take; or that nobody serves it.
    fn unfit(&self, target: &ModelTarget, needs: &Needs) -> Option<String> {
        let model = &target.model;
        if self.catalog.plugin(&model.provider).is_none() {
            return Some(format!("no plugin serves provider `{}`", model.provider));
        }
        if let Some(reason) = self.overflow(target) {
            return Some(reason);
        }
        let facts = self.catalog.facts(model);
        let unmet: BTreeSet<Input> = needs.unmet(&facts.input);
        let reason =
            || format!("does not take {} (it takes {}: {})", words(&unmet), words(&facts.input), facts.said_by);
        (!unmet.is_empty()).then(reason)
    }

    /// Why the context of a model does not hold the request; `None` where it does, or nobody knows it.
    fn overflow(&self, target: &ModelTarget) -> Option<String> {
        let (tokens, context) = (self.client?.tokens, self.catalog.facts(&target.model).context_tokens?);
        (tokens > context).then(|| format!("its context holds {context} tokens, and the request has some {tokens}"))
    }

    fn pass_unfit(&mut self, targets: &[ModelTarget]) {
        for target in targets {
            let reason = self.unfit(target, self.needs);
            self.pass(target, reason.unwrap_or_else(|| "fallbacks follow a primary that takes the same".to_owned()));
        }
    }

    fn pass_all(&mut self, targets: &[ModelTarget], reason: &str) {
        for target in targets {
            self.pass(target, reason.to_owned());
        }
    }

    fn pass_describers(&mut self, reason: &str) {
        self.pass_all(&describers(self.config), reason);
    }

    fn pass(&mut self, target: &ModelTarget, reason: String) {
        self.consider(target, RouteVerdict::PassedOver, reason);
    }

    fn consider(&mut self, target: &ModelTarget, verdict: RouteVerdict, reason: String) {
        self.candidates.push(RouteCandidate { model: target.model.clone(), role: target.role, verdict, reason });
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
