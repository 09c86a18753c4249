//! One exchange with a model as a span of the GenAI conventions. What is exported when is not said here.

use std::time::Duration;

use creel_policy::agent::TokenCount;
use creel_policy::ids::ModelRef;
use serde_json::{Value, json};

use super::json::{Attribute, attributes, resource, scope};
use crate::metrics::Asking;

/// A span that is a request to somebody else.
const KIND_CLIENT: u8 = 3;
/// The status of a span that failed.
const STATUS_ERROR: u8 = 2;

/// One exchange that is over.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    /// What was asked.
    pub(crate) asking: Asking,
    /// Who answered.
    pub(crate) answered: Option<ModelRef>,
    /// From the request to the first piece.
    pub(crate) first: Option<Duration>,
    /// From the request to its end.
    pub(crate) lasted: Duration,
    /// What was used for it.
    pub(crate) used: Option<TokenCount>,
    /// Why the model stopped.
    pub(crate) finish: Option<&'static str>,
    /// The code of what went wrong.
    pub(crate) error: Option<&'static str>,
}

impl Span {
    /// Whether it is exported: not where whoever began its trace does not record it.
    pub(super) fn is_sampled(&self) -> bool {
        self.asking.parent.is_none_or(|parent| parent.is_sampled)
    }

    /// When it ended, in nanoseconds since 1970.
    fn ended_ns(&self) -> u128 {
        self.begun_ns() + self.lasted.as_nanos()
    }

    fn begun_ns(&self) -> u128 {
        u128::from(self.asking.at_ms) * 1_000_000
    }

    /// The span as OTLP writes it, with these ids where no parent says the trace.
    fn json(&self, (trace, id): (u128, u64)) -> Value {
        let parent = self.asking.parent;
        let mut span = json!({
            "traceId": format!("{:032x}", parent.map_or(trace, |parent| parent.trace)),
            "spanId": format!("{id:016x}"),
            "name": format!("{} {}", self.asking.operation, self.asking.model),
            "kind": KIND_CLIENT,
            "startTimeUnixNano": self.begun_ns().to_string(),
            "endTimeUnixNano": self.ended_ns().to_string(),
            "attributes": attributes(&self.attributes()),
        });
        if let Some(parent) = parent {
            span["parentSpanId"] = json!(format!("{:016x}", parent.span));
        }
        if let Some(error) = self.error {
            span["status"] = json!({ "code": STATUS_ERROR, "message": error });
        }
        span
    }

    fn attributes(&self) -> Vec<(&'static str, Attribute)> {
        let text = |text: &str| Attribute::Text(text.to_owned());
        let mut named = vec![
            ("gen_ai.operation.name", text(self.asking.operation)),
            ("gen_ai.request.model", text(&self.asking.model)),
            ("creel.request.id", text(&self.asking.request)),
        ];
        if let Some(model) = &self.answered {
            named.push(("gen_ai.provider.name", text(model.provider.as_str())));
            named.push(("gen_ai.response.model", text(&model.model)));
        }
        if let Some(used) = &self.used {
            // What the cache gave was sent as well, and the conventions count it among the input.
            named.push(("gen_ai.usage.input_tokens", Attribute::Whole(used.sent())));
            named.push(("gen_ai.usage.output_tokens", Attribute::Whole(used.output)));
            named.push(("gen_ai.usage.cache_read.input_tokens", Attribute::Whole(used.cache_read)));
            named.push(("gen_ai.usage.cache_creation.input_tokens", Attribute::Whole(used.cache_write)));
        }
        if let Some(finish) = self.finish {
            named.push(("gen_ai.response.finish_reasons", Attribute::Texts(vec![finish.to_owned()])));
        }
        if let Some(error) = self.error {
            named.push(("error.type", text(error)));
        }
        named
    }
}

/// Spans as the body of one export.
pub(super) fn body(service_name: &str, spans: &[Span], mut ids: impl FnMut() -> (u128, u64)) -> String {
    let spans: Value = spans.iter().filter(|span| span.is_sampled()).map(|span| span.json(ids())).collect();
    let scoped = json!([{ "scope": scope(), "spans": spans }]);
    json!({ "resourceSpans": [{ "resource": resource(service_name), "scopeSpans": scoped }] }).to_string()
}

#[cfg(test)]
pub(super) mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::telemetry::Parent;

    pub(in crate::telemetry) fn span(parent: Option<Parent>) -> Span {
        Span {
            asking: Asking {
                operation: "chat",
                model: "fast".into(),
                request: "req_1".into(),
                parent,
                at_ms: 1_000,
                begun: Instant::now(),
            },
            answered: Some(ModelRef::parse("anthropic/claude-haiku-4-5").expect("a model")),
            first: Some(Duration::from_millis(20)),
            lasted: Duration::from_millis(500),
            used: Some(TokenCount { input: 10, output: 7, cache_read: 5, cache_write: 1 }),
            finish: Some("stop"),
            error: None,
        }
    }

    fn written(span: Span) -> Value {
        let body: Value = serde_json::from_str(&body("home", &[span], || (0xab, 0xcd))).expect("JSON");
        body["resourceSpans"][0].clone()
    }

    fn attribute(span: &Value, key: &str) -> Value {
        let all = span["attributes"].as_array().expect("attributes");
        all.iter().find(|one| one["key"] == key).map(|one| one["value"].clone()).unwrap_or_default()
    }

    #[test]
    fn a_span_says_who_answered_and_what_it_took() {
        let exported = written(span(None));
        assert_eq!(exported["resource"]["attributes"][0]["value"]["stringValue"], "home");
        let span = &exported["scopeSpans"][0]["spans"][0];
        let check = |key: &str, expect: Value| assert_eq!(attribute(span, key), expect, "{key}");
        assert_eq!(span["name"], "chat fast");
        assert_eq!(span["kind"], 3);
        assert_eq!(span["traceId"], format!("{:0>32}", "ab"));
        assert_eq!(span["spanId"], format!("{:0>16}", "cd"));
        assert_eq!(span["startTimeUnixNano"], "1000000000");
        assert_eq!(span["endTimeUnixNano"], "1500000000");
        assert_eq!((&span["parentSpanId"], &span["status"]), (&Value::Null, &Value::Null));
        check("gen_ai.operation.name", json!({ "stringValue": "chat" }));
        check("gen_ai.provider.name", json!({ "stringValue": "anthropic" }));
        check("gen_ai.request.model", json!({ "stringValue": "fast" }));
        check("gen_ai.response.model", json!({ "stringValue": "claude-haiku-4-5" }));
        check("gen_ai.usage.input_tokens", json!({ "intValue": "16" }));
        check("gen_ai.usage.output_tokens", json!({ "intValue": "7" }));
        check("gen_ai.usage.cache_read.input_tokens", json!({ "intValue": "5" }));
        check("gen_ai.response.finish_reasons", json!({ "arrayValue": { "values": [{ "stringValue": "stop" }] } }));
        check("error.type", Value::Null);
    }

    #[test]
    fn a_failure_has_its_code_as_status() {
        let failed = Span { error: Some("rate-limited"), answered: None, used: None, finish: None, ..span(None) };
        let exported = written(failed);
        let span = &exported["scopeSpans"][0]["spans"][0];
        assert_eq!(span["status"], json!({ "code": 2, "message": "rate-limited" }));
        assert_eq!(attribute(span, "error.type"), json!({ "stringValue": "rate-limited" }));
        assert_eq!(attribute(span, "gen_ai.usage.input_tokens"), Value::Null);
    }

    #[test]
    fn a_span_belongs_to_the_trace_of_the_client() {
        let parent = |is_sampled| Some(Parent { trace: 1, span: 2, is_sampled });
        let exported = written(span(parent(true)));
        let one = &exported["scopeSpans"][0]["spans"][0];
        assert_eq!(one["traceId"], format!("{:0>32}", "1"));
        assert_eq!(one["parentSpanId"], format!("{:0>16}", "2"));
        let exported = written(span(parent(false)));
        assert_eq!(exported["scopeSpans"][0]["spans"], json!([]), "a trace that nobody records gets no span");
    }
}
