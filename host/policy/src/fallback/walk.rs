//! Which model of a chain is asked next. It knows which credentials rest and what has failed in this walk; it never
//! leaves the chain and asks no model twice.

use std::collections::BTreeSet;

use crate::cooldown::Rest;
use crate::fallback::CallFault;
use crate::ids::{ModelRef, ProviderId};

/// How a model of the chain stands at this moment.
#[derive(Clone, Debug)]
pub struct Standing<'a> {
    /// The model.
    pub model: &'a ModelRef,
    /// Why no credential for it can be sent now, where that passes.
    pub rest: Option<Rest>,
}

/// A model whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Its place in the chain.
    pub index: usize,
    /// It rests, and is asked once to find out whether it still has to.
    pub is_probe: bool,
}

/// A walk along a chain.
#[derive(Debug, Default)]
pub struct Walk {
    asked: BTreeSet<usize>,
    /// Providers that have become too busy for us in this walk.
    busy: BTreeSet<ProviderId>,
    probed: BTreeSet<ProviderId>,
}

impl Walk {
    /// Whose turn it is; `None`: nobody's any more.
    ///
    /// Models that are healthy come first, in the order of the chain (H9 to H11). When there is none left, a provider
    /// that rests for something that passes by itself is asked once (H12); one that rests for its credential or its
    /// bill is not (H14).
    pub fn next(&mut self, chain: &[Standing<'_>]) -> Option<Turn> {
        let turn = self.healthy(chain).or_else(|| self.probe(chain))?;
        self.asked.insert(turn.index);
        Some(turn)
    }

    /// Who may be asked beside one that is slow: a healthy model alone, never a probe. `None`: nobody.
    pub fn beside(&mut self, chain: &[Standing<'_>]) -> Option<Turn> {
        let turn = self.healthy(chain)?;
        self.asked.insert(turn.index);
        Some(turn)
    }

    /// Notes that the model whose turn it was did not answer.
    pub fn failed(&mut self, turn: Turn, model: &ModelRef, fault: CallFault) {
        if matches!(fault, CallFault::RateLimited | CallFault::Overloaded) {
            self.busy.insert(model.provider.clone());
        }
        // A model that is not there says nothing about the provider (H13).
        if turn.is_probe && fault != CallFault::UnknownModel {
            self.probed.insert(model.provider.clone());
        }
    }

    fn healthy(&self, chain: &[Standing<'_>]) -> Option<Turn> {
        let is_healthy =
            |standing: &Standing<'_>| standing.rest.is_none() && !self.busy.contains(&standing.model.provider);
        let mut left = chain.iter().enumerate().filter(|(index, _)| !self.asked.contains(index));
        left.find(|(_, standing)| is_healthy(standing)).map(|(index, _)| Turn { index, is_probe: false })
    }

    fn probe(&self, chain: &[Standing<'_>]) -> Option<Turn> {
        let may_be_probed = |standing: &Standing<'_>| {
            let passes = standing.rest.as_ref().is_none_or(|rest| rest.why.may_be_probed());
            passes && !self.probed.contains(&standing.model.provider)
        };
        let mut left = chain.iter().enumerate().filter(|(index, _)| !self.asked.contains(index));
        left.find(|(_, standing)| may_be_probed(standing)).map(|(index, _)| Turn { index, is_probe: true })
    }
}
