//! The task that exports: takes what was handed over, in batches, and posts it where the configuration of the moment says. A
//! collector that is away costs spans and nothing else.

use std::sync::Arc;
use std::time::Duration;

use creel_engine::{ExportError, Exporter};
use creel_runtime::Host;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::points::Points;
use super::span::{self, Span};
use crate::clock;
use crate::metrics::Metrics;

/// Between two exports of spans.
const BETWEEN_SPANS: Duration = Duration::from_secs(5);
/// Between two exports of metrics.
const BETWEEN_METRICS: Duration = Duration::from_secs(30);
/// How long a stop waits for the last export.
const LAST_MAX: Duration = Duration::from_secs(3);
/// Spans of one export.
const BATCH_MAX: usize = 512;

/// Exports until it is told to stop, and then once more. Spans are made from this call on, also where it is not polled yet.
pub(crate) fn keep_exporting(
    host: Arc<Host>,
    metrics: Arc<Metrics>,
    spans: mpsc::Receiver<Span>,
    stopping: CancellationToken,
) -> impl Future<Output = ()> + Send {
    metrics.export(is_wanted(&host));
    export(host, metrics, spans, stopping)
}

fn is_wanted(host: &Host) -> bool {
    host.knowledge().config.gateway.telemetry.is_some()
}

async fn export(host: Arc<Host>, metrics: Arc<Metrics>, mut spans: mpsc::Receiver<Span>, stopping: CancellationToken) {
    let exporter = match Exporter::new() {
        Ok(exporter) => exporter,
        Err(error) => {
            tracing::error!(error = %creel_engine::chain(&error), "telemetry cannot be exported");
            metrics.export(false);
            return;
        }
    };
    let mut export = Export { host, exporter, points: Points::new(clock::now_ms()), failed: false };
    let mut ticks = tokio::time::interval(BETWEEN_SPANS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batch = Vec::new();
    let mut metrics_due = Instant::now() + BETWEEN_METRICS;
    loop {
        metrics.export(is_wanted(&export.host));
        let is_last = loop {
            let room = BATCH_MAX - batch.len();
            tokio::select! {
                biased;
                () = stopping.cancelled() => break true,
                _ = ticks.tick() => break false,
                _ = spans.recv_many(&mut batch, room) => {
                    if batch.len() >= BATCH_MAX {
                        break false;
                    }
                }
            }
        };
        if is_last {
            while let Ok(span) = spans.try_recv() {
                batch.push(span);
            }
        }
        for span in &batch {
            export.points.add(span);
        }
        if is_last {
            let all = async {
                export.spans(&batch).await;
                export.metrics().await;
            };
            if tokio::time::timeout(LAST_MAX, all).await.is_err() {
                tracing::warn!("the last telemetry was not exported in time");
            }
            return;
        }
        export.spans(&batch).await;
        batch.clear();
        if Instant::now() >= metrics_due {
            export.metrics().await;
            metrics_due = Instant::now() + BETWEEN_METRICS;
        }
    }
}

struct Export {
    host: Arc<Host>,
    exporter: Exporter,
    points: Points,
    /// The last one failed: said once for as long as it lasts.
    failed: bool,
}

impl Export {
    async fn spans(&mut self, batch: &[Span]) {
        if batch.iter().any(Span::is_sampled) {
            self.post("traces", |service| Some(span::body(service, batch, ids))).await;
        }
    }

    async fn metrics(&mut self) {
        let body = {
            let knowledge = self.host.knowledge();
            let telemetry = knowledge.config.gateway.telemetry.as_ref();
            telemetry.and_then(|telemetry| self.points.body(&telemetry.service_name, clock::now_ms()))
        };
        self.post("metrics", |_| body).await;
    }

    /// Posts to the collector of the configuration that holds now; nothing where it names none.
    async fn post(&mut self, signal: &str, body: impl FnOnce(&str) -> Option<String>) {
        let knowledge = self.host.knowledge();
        let Some(telemetry) = &knowledge.config.gateway.telemetry else { return };
        let Some(body) = body(&telemetry.service_name) else { return };
        let url = format!("{}/v1/{signal}", telemetry.endpoint);
        let headers = knowledge.telemetry_headers();
        let mut posted = self.exporter.post(&url, &headers, body.clone()).await;
        if posted.as_ref().is_err_and(ExportError::passes) {
            posted = self.exporter.post(&url, &headers, body).await;
        }
        match posted {
            Ok(()) => self.failed = false,
            Err(error) if !self.failed => {
                self.failed = true;
                tracing::warn!(%error, signal, "telemetry was not exported; what was handed over is dropped");
            }
            Err(error) => tracing::debug!(%error, signal, "telemetry was not exported"),
        }
    }
}

/// Ids that nobody else has: a trace and a span, never zero.
fn ids() -> (u128, u64) {
    let random = || creel_runtime::entropy().max(1);
    ((u128::from(random()) << 64) | u128::from(random()), random())
}
