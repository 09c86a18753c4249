//! One request to a model, from when it was let in to its end: what the metrics and one span say of it. A client that goes
//! away drops it, which is an end as well.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use creel_policy::agent::TokenCount;
use creel_policy::config::Cost;
use creel_policy::ids::ModelRef;

use super::Metrics;
use super::labels::Model;
use crate::telemetry::{Parent, Span};

/// What a request asks of a model.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    /// `chat` or `embeddings`.
    pub(crate) operation: &'static str,
    /// The model as the client wrote it.
    pub(crate) model: String,
    /// The name of the request.
    pub(crate) request: String,
    /// The span that the client says it belongs to.
    pub(crate) parent: Option<Parent>,
    /// When it came, in milliseconds since 1970.
    pub(crate) at_ms: u64,
    /// The same moment for durations.
    pub(crate) begun: Instant,
}

/// A request to a model under way.
#[derive(Debug)]
pub(crate) struct Exchange {
    metrics: Arc<Metrics>,
    asking: Asking,
    answered: Option<ModelRef>,
    first: Option<Duration>,
    used: Option<TokenCount>,
    finish: Option<&'static str>,
    end: End,
}

#[derive(Debug)]
enum End {
    Open,
    Whole,
    Failed(&'static str),
}

impl Exchange {
    pub(crate) fn begin(metrics: &Arc<Metrics>, asking: Asking) -> Self {
        metrics.exchanges.inc();
        let metrics = Arc::clone(metrics);
        Self { metrics, asking, answered: None, first: None, used: None, finish: None, end: End::Open }
    }

    /// The first piece of an answer is there.
    pub(crate) fn answers(&mut self, model: &ModelRef) {
        self.first = Some(self.asking.begun.elapsed());
        self.answered = Some(model.clone());
    }

    /// Why the model stopped.
    pub(crate) fn finished(&mut self, reason: &'static str) {
        self.finish = Some(reason);
    }

    /// The answer is complete, or broke off, and this was used for it.
    pub(crate) fn used(&mut self, used: &TokenCount, cost: Option<&Cost>) {
        if let Some(model) = &self.answered {
            let model = self.metrics.models.of(&model.to_string());
            self.metrics.used(&model, used, cost);
        }
        self.used = Some(*used);
        if matches!(self.end, End::Open) {
            self.end = End::Whole;
        }
    }

    /// It failed, by the code of the fault.
    pub(crate) fn failed(&mut self, fault: &'static str) {
        self.end = End::Failed(fault);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let metrics = &self.metrics;
        metrics.exchanges.dec();
        let lasted = self.asking.begun.elapsed();
        if let Some(model) = &self.answered {
            let label = Model { model: metrics.models.of(&model.to_string()) };
            if let Some(first) = self.first {
                metrics.first_piece.get_or_create(&label).observe(first.as_secs_f64());
            }
            metrics.answer.get_or_create(&label).observe(lasted.as_secs_f64());
        }
        if !metrics.is_exported() {
            return;
        }
        let error = match self.end {
            End::Whole => None,
            End::Failed(fault) => Some(fault),
            End::Open => Some("cancelled"),
        };
        let span = Span {
            asking: self.asking.clone(),
            answered: self.answered.take(),
            first: self.first,
            lasted,
            used: self.used,
            finish: self.finish,
            error,
        };
        metrics.hand_over(span);
    }
}
