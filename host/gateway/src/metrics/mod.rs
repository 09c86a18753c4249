//! What the daemon counts of its doings, for `GET /metrics` and for telemetry. Hears of the runtime's steps and of the API's
//! exchanges; holds no content of a message, no path and no secret. What is asked at the moment of reading is `scrape`'s.

mod exchange;
mod labels;
mod names;
mod route;
mod scrape;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use creel_policy::agent::{TokenCount, micro_usd};
use creel_policy::config::Cost;
use creel_runtime::{Observer, Step};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::mpsc;

pub(crate) use exchange::{Asking, Exchange};
use labels::{Credential, Delivery, Denial, Egress, Failure, Model, Request, Tokens};
pub(crate) use names::Names;
pub(crate) use route::{Reading, count_requests, far, near};

use crate::telemetry::Span;

/// Models with a label of their own, and so for credentials and for other names.
const NAMES_MAX: usize = 200;
/// Spans that wait for the exporter; more are dropped, and counted.
const SPANS_MAX: usize = 4_096;
/// Seconds: a request that is only passed on takes some 100 µs.
const OVERHEAD_BOUNDS: [f64; 16] = [
    0.000_025, 0.000_05, 0.000_1, 0.000_15, 0.000_2, 0.000_3, 0.000_5, 0.000_75, 0.001, 0.002_5, 0.005, 0.01, 0.025,
    0.1, 0.5, 2.5,
];
/// Seconds: from a model on this machine to one that thinks for minutes.
const MODEL_BOUNDS: [f64; 15] =
    [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 160.0, 600.0];

type ByModel = Family<Model, Histogram, fn() -> Histogram>;

/// What is counted. Shared by whoever has something to tell.
pub(crate) struct Metrics {
    registry: Registry,
    models: Names,
    credential_ids: Names,
    others: Names,
    requests: Family<Request, Counter>,
    tokens: Family<Tokens, Counter>,
    dollars: Family<Model, Counter<f64, AtomicU64>>,
    overhead: Histogram,
    first_piece: ByModel,
    answer: ByModel,
    exchanges: Gauge,
    failures: Family<Failure, Counter>,
    skipped: Family<Model, Counter>,
    outrun: Family<Model, Counter>,
    denials: Family<Denial, Counter>,
    credentials: Family<Credential, Counter>,
    egress: Family<Egress, Counter>,
    deliveries: Family<Delivery, Counter>,
    spans_dropped: Counter,
    spans: mpsc::Sender<Span>,
    /// Whether anybody takes the spans.
    is_exported: AtomicBool,
}

fn model_histogram() -> Histogram {
    Histogram::new(MODEL_BOUNDS)
}

impl Metrics {
    /// Nothing counted yet; gives what the exporter reads, too.
    pub(crate) fn new() -> (Arc<Self>, mpsc::Receiver<Span>) {
        let (spans, exported) = mpsc::channel(SPANS_MAX);
        let mut metrics = Self {
            registry: Registry::with_prefix("creel"),
            models: Names::new(NAMES_MAX),
            credential_ids: Names::new(NAMES_MAX),
            others: Names::new(NAMES_MAX),
            requests: Family::default(),
            tokens: Family::default(),
            dollars: Family::default(),
            overhead: Histogram::new(OVERHEAD_BOUNDS),
            first_piece: Family::new_with_constructor(model_histogram),
            answer: Family::new_with_constructor(model_histogram),
            exchanges: Gauge::default(),
            failures: Family::default(),
            skipped: Family::default(),
            outrun: Family::default(),
            denials: Family::default(),
            credentials: Family::default(),
            egress: Family::default(),
            deliveries: Family::default(),
            spans_dropped: Counter::default(),
            spans,
            is_exported: AtomicBool::new(false),
        };
        metrics.register();
        (Arc::new(metrics), exported)
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("requests", "Requests of clients by dialect and status", self.requests.clone());
        registry.register("tokens", "Tokens by model and kind, as providers say", self.tokens.clone());
        registry.register("cost_dollars", "Cost by model, where its price is configured", self.dollars.clone());
        let help = "What the gateway took itself for an answer, without waiting for providers";
        registry.register_with_unit("overhead", help, Unit::Seconds, self.overhead.clone());
        let help = "From the request to the first piece of the answer, by model";
        registry.register_with_unit("time_to_first_piece", help, Unit::Seconds, self.first_piece.clone());
        let help = "From the request to the end of the answer, by model";
        registry.register_with_unit("answer", help, Unit::Seconds, self.answer.clone());
        registry.register("live_exchanges", "Requests to models under way", self.exchanges.clone());
        registry.register("model_failures", "Tries of models that failed, by fault", self.failures.clone());
        let help = "Models that were not asked, since their credential rests";
        registry.register("models_skipped", help, self.skipped.clone());
        let help = "Calls that were broken off, since another model that was asked beside answered first";
        registry.register("models_outrun", help, self.outrun.clone());
        registry.register("denials", "What was not allowed, by the code of the rule", self.denials.clone());
        registry.register("credentials_chosen", "Credentials chosen for calls, by id", self.credentials.clone());
        registry.register("egress", "Requests of plugins that were judged", self.egress.clone());
        registry.register("deliveries", "Replies over channels", self.deliveries.clone());
        let help = "Spans that were dropped, since they were not exported fast enough";
        registry.register("telemetry_spans_dropped", help, self.spans_dropped.clone());
    }

    /// Counts a request that was answered.
    pub(crate) fn answered(&self, dialect: &'static str, status: u16) {
        self.requests.get_or_create(&Request { dialect, status }).inc();
    }

    /// Counts what was not allowed: `what` is `agent` or `token`, the rule is its code and no text for people.
    pub(crate) fn denied(&self, what: &'static str, rule: &str) {
        self.denials.get_or_create(&Denial { what, rule: self.others.of(rule) }).inc();
    }

    /// Counts microseconds that an answer took the gateway itself.
    pub(crate) fn overhead(&self, microseconds: u64) {
        self.overhead.observe(std::time::Duration::from_micros(microseconds).as_secs_f64());
    }

    /// Whether spans are wanted; while they are not, none is made.
    pub(crate) fn export(&self, is_exported: bool) {
        self.is_exported.store(is_exported, Ordering::Relaxed);
    }

    fn is_exported(&self) -> bool {
        self.is_exported.load(Ordering::Relaxed)
    }

    /// Nobody waits for the exporter.
    fn hand_over(&self, span: Span) {
        if self.spans.try_send(span).is_err() {
            self.spans_dropped.inc();
        }
    }

    fn used(&self, model: &Arc<str>, used: &TokenCount, cost: Option<&Cost>) {
        let kinds = [
            ("input", used.input),
            ("output", used.output),
            ("cache_read", used.cache_read),
            ("cache_write", used.cache_write),
        ];
        for (kind, tokens) in kinds.into_iter().filter(|(_, tokens)| *tokens > 0) {
            self.tokens.get_or_create(&Tokens { model: Arc::clone(model), kind }).inc_by(tokens);
        }
        if let Some(cost) = cost {
            let dollars = self.dollars.get_or_create(&Model { model: Arc::clone(model) });
            dollars.inc_by(as_f64(micro_usd(cost, used)) / 1_000_000.0);
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// A count as a number with a point.
#[expect(clippy::cast_precision_loss, reason = "beyond 2^53 the last digits of a sum of millionths say nothing")]
pub(crate) fn as_f64(count: u64) -> f64 {
    count as f64
}

impl Observer for Metrics {
    fn step(&self, step: &Step) {
        match step {
            Step::Refused { code, .. } => self.denied("message", code),
            Step::Credential { credential, .. } => {
                if let Some(chosen) = credential.chosen() {
                    let credential = self.credential_ids.of(&chosen.id);
                    self.credentials.get_or_create(&Credential { credential }).inc();
                }
            }
            Step::Egress { plugin, verdict, refusal, .. } => {
                self.egress.get_or_create(&Egress { plugin: self.others.of(plugin), verdict }).inc();
                if let Some(code) = refusal {
                    self.denied("egress", code);
                }
            }
            Step::AttemptFailed { model, fault, .. } => {
                let (model, fault) = (self.models.of(model), self.others.of(fault));
                self.failures.get_or_create(&Failure { model, fault }).inc();
            }
            Step::ModelSkipped { model, .. } => {
                self.skipped.get_or_create(&Model { model: self.models.of(model) }).inc();
            }
            Step::Outrun { model, .. } => {
                self.outrun.get_or_create(&Model { model: self.models.of(model) }).inc();
            }
            Step::Delivered { channel, .. } => self.delivery(channel, "delivered"),
            Step::DeliveryFailed { channel, next_try_ms, .. } => {
                self.delivery(channel, if next_try_ms.is_some() { "failed" } else { "given-up" });
            }
            Step::Listening { .. }
            | Step::Received { .. }
            | Step::Duplicate { .. }
            | Step::Fitted { .. }
            | Step::MediaStored { .. }
            | Step::MediaMissing { .. }
            | Step::Ready { .. }
            | Step::Routed { .. }
            | Step::Probed { .. }
            | Step::Described { .. }
            | Step::Answered { .. }
            | Step::Recorded { .. } => {}
        }
    }
}

impl Metrics {
    fn delivery(&self, channel: &str, outcome: &'static str) {
        self.deliveries.get_or_create(&Delivery { channel: self.others.of(channel), outcome }).inc();
    }
}

#[cfg(test)]
mod tests;
