//! The client metrics of the GenAI conventions, summed up since the start: tokens, durations and the time to the first chunk.
//! Bounded: what has too many names is one.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::json::{Attribute, attributes, resource, scope};
use super::span::Span;
use crate::metrics::{Names, as_f64};

/// Models with points of their own.
const MODELS_MAX: usize = 200;
/// Since the start, and not since the last export: one that is lost loses nothing.
const CUMULATIVE: u8 = 2;
/// Bounds of tokens, as the conventions advise.
const TOKEN_BOUNDS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
/// Bounds of seconds, as the conventions advise.
const SECOND_BOUNDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// The same for the first chunk.
const CHUNK_BOUNDS: [f64; 16] =
    [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// A metric with its unit and bounds.
struct Instrument {
    name: &'static str,
    unit: &'static str,
    bounds: &'static [f64],
}

const TOKENS: Instrument = Instrument { name: "gen_ai.client.token.usage", unit: "{token}", bounds: &TOKEN_BOUNDS };
const DURATION: Instrument = Instrument { name: "gen_ai.client.operation.duration", unit: "s", bounds: &SECOND_BOUNDS };
const FIRST_CHUNK: Instrument =
    Instrument { name: "gen_ai.client.operation.time_to_first_chunk", unit: "s", bounds: &CHUNK_BOUNDS };

type Attributes = Vec<(&'static str, Attribute)>;

#[derive(Debug, Default)]
struct Histogram {
    count: u64,
    sum: f64,
    buckets: Vec<u64>,
}

/// All points.
#[derive(Debug)]
pub(super) struct Points {
    begun_ms: u64,
    models: Names,
    tokens: BTreeMap<Attributes, Histogram>,
    durations: BTreeMap<Attributes, Histogram>,
    first_chunks: BTreeMap<Attributes, Histogram>,
}

impl Points {
    pub(super) fn new(begun_ms: u64) -> Self {
        let models = Names::new(MODELS_MAX);
        Self { begun_ms, models, tokens: BTreeMap::new(), durations: BTreeMap::new(), first_chunks: BTreeMap::new() }
    }

    /// Adds an exchange, recorded as a span or not. What the client wrote for a model is no attribute: only models that
    /// have answered are, and of those not too many.
    pub(super) fn add(&mut self, span: &Span) {
        let text = |text: &str| Attribute::Text(text.to_owned());
        let mut named = vec![("gen_ai.operation.name", text(span.asking.operation))];
        if let Some(model) = &span.answered {
            named.push(("gen_ai.provider.name", text(model.provider.as_str())));
            named.push(("gen_ai.response.model", text(&self.models.of(&model.model))));
        }
        for (kind, tokens) in span.used.iter().flat_map(|used| [("input", used.sent()), ("output", used.output)]) {
            let mut named = named.clone();
            named.push(("gen_ai.token.type", text(kind)));
            observe(&mut self.tokens, named, (&TOKENS, as_f64(tokens)));
        }
        if let Some(first) = span.first {
            observe(&mut self.first_chunks, named.clone(), (&FIRST_CHUNK, first.as_secs_f64()));
        }
        if let Some(error) = span.error {
            named.push(("error.type", text(error)));
        }
        observe(&mut self.durations, named, (&DURATION, span.lasted.as_secs_f64()));
    }

    /// The body of one export; `None` where there is nothing yet.
    pub(super) fn body(&self, service_name: &str, now_ms: u64) -> Option<String> {
        let kinds = [(&TOKENS, &self.tokens), (&DURATION, &self.durations), (&FIRST_CHUNK, &self.first_chunks)];
        let metrics: Vec<Value> = kinds
            .into_iter()
            .filter(|(_, points)| !points.is_empty())
            .map(|(instrument, points)| self.metric(instrument, points, now_ms))
            .collect();
        if metrics.is_empty() {
            return None;
        }
        let scoped = json!([{ "scope": scope(), "metrics": metrics }]);
        Some(json!({ "resourceMetrics": [{ "resource": resource(service_name), "scopeMetrics": scoped }] }).to_string())
    }

    fn metric(&self, instrument: &Instrument, points: &BTreeMap<Attributes, Histogram>, now_ms: u64) -> Value {
        let nanoseconds = |ms: u64| (u128::from(ms) * 1_000_000).to_string();
        let points: Value = points
            .iter()
            .map(|(named, histogram)| {
                let buckets: Vec<String> = histogram.buckets.iter().map(ToString::to_string).collect();
                json!({
                    "attributes": attributes(named),
                    "startTimeUnixNano": nanoseconds(self.begun_ms),
                    "timeUnixNano": nanoseconds(now_ms),
                    "count": histogram.count.to_string(),
                    "sum": histogram.sum,
                    "bucketCounts": buckets,
                    "explicitBounds": instrument.bounds,
                })
            })
            .collect();
        let histogram = json!({ "aggregationTemporality": CUMULATIVE, "dataPoints": points });
        json!({ "name": instrument.name, "unit": instrument.unit, "histogram": histogram })
    }
}

fn observe(points: &mut BTreeMap<Attributes, Histogram>, named: Attributes, (instrument, value): (&Instrument, f64)) {
    let bounds = instrument.bounds;
    let histogram = points.entry(named).or_default();
    histogram.buckets.resize(bounds.len() + 1, 0);
    let at = bounds.iter().position(|bound| value <= *bound).unwrap_or(bounds.len());
    histogram.buckets[at] += 1;
    histogram.count += 1;
    histogram.sum += value;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::span::tests::span;

    fn exported(points: &Points) -> Value {
        let body = points.body("home", 2_000).expect("there are points");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].clone()
    }

    #[test]
    fn nothing_is_exported_before_anything_was_asked() {
        assert_eq!(Points::new(0).body("home", 1), None);
    }

    #[test]
    fn an_exchange_gives_tokens_a_duration_and_a_first_chunk() {
        let mut points = Points::new(1_000);
        points.add(&span(None));
        points.add(&span(None));
        let metrics = exported(&points);
        let names: Vec<&str> = (0..3).filter_map(|at| metrics[at]["name"].as_str()).collect();
        assert_eq!(names, [TOKENS.name, DURATION.name, FIRST_CHUNK.name]);
        let tokens = &metrics[0]["histogram"]["dataPoints"];
        assert_eq!(tokens.as_array().map(Vec::len), Some(2), "input and output");
        assert_eq!((&tokens[0]["count"], &tokens[0]["sum"]), (&json!("2"), &json!(32.0)));
        assert_eq!(tokens[0]["bucketCounts"][2], "2", "16 tokens fall into the bucket up to 16");
        assert_eq!(tokens[0]["bucketCounts"].as_array().map(Vec::len), Some(TOKEN_BOUNDS.len() + 1));
        assert_eq!(
            (&tokens[0]["startTimeUnixNano"], &tokens[0]["timeUnixNano"]),
            (&json!("1000000000"), &json!("2000000000"))
        );
        assert_eq!(metrics[1]["histogram"]["dataPoints"][0]["sum"], 1.0);
        assert_eq!(metrics[0]["histogram"]["aggregationTemporality"], 2);
    }

    #[test]
    fn what_failed_is_a_point_of_its_own_and_models_are_bounded() {
        let mut points = Points::new(0);
        points.add(&span(None));
        points.add(&Span { error: Some("cancelled"), ..span(None) });
        assert_eq!(points.durations.len(), 2);
        for number in 0..MODELS_MAX * 2 {
            let model = format!("ollama/model-{number}");
            let answered = creel_policy::ids::ModelRef::parse(&model).ok();
            points.add(&Span { answered, ..span(None) });
        }
        assert_eq!(points.first_chunks.len(), MODELS_MAX + 1, "each of the first, and one for the others");
    }
}
