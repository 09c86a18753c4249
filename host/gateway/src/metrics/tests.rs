//! What is counted of steps and exchanges, as it is read.

use tokio::time::Instant;

use creel_engine::Places;
use creel_policy::ids::ModelRef;
use creel_store::media::AreaTotal;

use super::scrape::{Now, text};
use super::*;
use crate::telemetry::Span;

fn read(metrics: &Metrics) -> String {
    let now =
        Now { places: Places { used: 3, max: 10, pools: 1 }, plugins: Vec::new(), media: None, resting: Vec::new() };
    text(metrics, now).expect("metrics can be written")
}

#[track_caller]
fn has(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|one| one == *line), "`{line}` is not in:\n{text}");
    }
}

fn asking(metrics: &Arc<Metrics>) -> Exchange {
    let asking = Asking {
        operation: "chat",
        model: "fast".into(),
        request: "req_1".into(),
        parent: None,
        at_ms: 1_000,
        begun: Instant::now(),
    };
    Exchange::begin(metrics, asking)
}

fn model() -> ModelRef {
    ModelRef::parse("anthropic/claude-haiku-4-5").expect("a model")
}

fn egress(refusal: Option<&'static str>) -> Step {
    Step::Egress {
        call: "agent:a/req_1:ollama/glm-5".into(),
        plugin: "ollama".into(),
        method: "POST".into(),
        target: "https://secret.example/path".into(),
        credential: Some("key".into()),
        verdict: if refusal.is_some() { "refused" } else { "sent" },
        rule: refusal.map(|_| "no endpoint of the grant is at https://secret.example".into()),
        refusal,
    }
}

#[test]
fn an_exchange_is_live_until_it_ends_and_then_counted() {
    let (metrics, _spans) = Metrics::new();
    let mut exchange = asking(&metrics);
    has(&read(&metrics), &["creel_live_exchanges 1"]);
    exchange.answers(&model());
    let used = TokenCount { input: 10, output: 7, cache_read: 5, cache_write: 0 };
    let cost = Cost { input: 1.0, output: 5.0, cache_read: 0.1, cache_write: 1.25 };
    exchange.used(&used, Some(&cost));
    drop(exchange);
    let text = read(&metrics);
    has(
        &text,
        &[
            "creel_live_exchanges 0",
            "creel_tokens_total{model=\"anthropic/claude-haiku-4-5\",kind=\"input\"} 10",
            "creel_tokens_total{model=\"anthropic/claude-haiku-4-5\",kind=\"output\"} 7",
            "creel_tokens_total{model=\"anthropic/claude-haiku-4-5\",kind=\"cache_read\"} 5",
            "creel_cost_dollars_total{model=\"anthropic/claude-haiku-4-5\"} 0.000046",
            "creel_time_to_first_piece_seconds_count{model=\"anthropic/claude-haiku-4-5\"} 1",
            "creel_answer_seconds_count{model=\"anthropic/claude-haiku-4-5\"} 1",
        ],
    );
    assert!(!text.contains("cache_write"), "what was not used is no series");
}

#[test]
fn the_model_that_a_client_makes_up_is_no_label() {
    let (metrics, _spans) = Metrics::new();
    asking(&metrics).failed("unknown-model");
    assert!(!read(&metrics).contains("\"fast\""));
}

#[test]
fn what_is_refused_is_counted_by_code_and_never_by_its_words() {
    let (metrics, _spans) = Metrics::new();
    metrics.step(&egress(None));
    metrics.step(&egress(Some("no-grant")));
    metrics.step(&egress(Some("no-grant")));
    metrics.denied("agent", "limit-reached");
    metrics.step(&Step::Refused {
        channel: "signal".into(),
        sender: "+1555".into(),
        code: "DM_POLICY_NOT_ALLOWLISTED".into(),
        rule: "not allowed".into(),
    });
    let text = read(&metrics);
    has(
        &text,
        &[
            "creel_egress_total{plugin=\"ollama\",verdict=\"sent\"} 1",
            "creel_egress_total{plugin=\"ollama\",verdict=\"refused\"} 2",
            "creel_denials_total{what=\"egress\",rule=\"no-grant\"} 2",
            "creel_denials_total{what=\"agent\",rule=\"limit-reached\"} 1",
            "creel_denials_total{what=\"message\",rule=\"DM_POLICY_NOT_ALLOWLISTED\"} 1",
        ],
    );
    assert!(!text.contains("secret.example") && !text.contains("1555"), "no target and no person is a label");
}

#[test]
fn requests_are_counted_by_dialect_and_status() {
    let (metrics, _spans) = Metrics::new();
    metrics.answered("anthropic-messages", 200);
    metrics.answered("anthropic-messages", 401);
    metrics.answered("anthropic-messages", 200);
    has(
        &read(&metrics),
        &[
            "creel_requests_total{dialect=\"anthropic-messages\",status=\"200\"} 2",
            "creel_requests_total{dialect=\"anthropic-messages\",status=\"401\"} 1",
        ],
    );
}

#[test]
fn overhead_falls_into_buckets_of_microseconds() {
    let (metrics, _spans) = Metrics::new();
    metrics.overhead(180);
    has(
        &read(&metrics),
        &[
            "creel_overhead_seconds_bucket{le=\"0.00015\"} 0",
            "creel_overhead_seconds_bucket{le=\"0.0002\"} 1",
            "creel_overhead_seconds_bucket{le=\"+Inf\"} 1",
        ],
    );
}

#[test]
fn what_is_so_now_is_read_beside_what_was_counted() {
    let (metrics, _spans) = Metrics::new();
    let area = |area: &str, bytes| AreaTotal { area: area.into(), media: 2, bytes, quota_bytes: 100 };
    let plugin = creel_engine::PluginCounts {
        plugin: creel_policy::ids::PluginId::parse("ollama").expect("an id"),
        live: 1,
        calls: 3,
        seconds: 1.5,
        buckets: vec![(0.1, 2), (f64::INFINITY, 1)],
        faults: [("trapped", 4)].into(),
    };
    let key = creel_policy::cooldown::Key {
        provider: creel_policy::ids::ProviderId::parse("ollama").expect("an id"),
        credential: "ollama:work".into(),
        fingerprint: "f1f2".into(),
    };
    let rest = creel_policy::cooldown::Rest { until_ms: 9, why: creel_policy::cooldown::Why::RateLimit, model: None };
    let now = Now {
        places: Places { used: 3, max: 10, pools: 1 },
        plugins: vec![plugin],
        media: Some(vec![area("inbound", 40), area("workspace/main", 2)]),
        resting: vec![(key, rest)],
    };
    let text = text(&metrics, now).expect("metrics can be written");
    has(
        &text,
        &[
            "creel_places{state=\"used\"} 3",
            "creel_places{state=\"free\"} 7",
            "creel_pools 1",
            "creel_media{area=\"inbound\"} 2",
            "creel_media_bytes{area=\"inbound\"} 40",
            "creel_media_quota_bytes{area=\"workspace/main\"} 100",
            "creel_credentials_resting{provider=\"ollama\",credential=\"ollama:work\",why=\"rate_limit\"} 1",
            "creel_plugin_live_calls{plugin=\"ollama\"} 1",
            "creel_plugin_call_seconds_bucket{le=\"0.1\",plugin=\"ollama\"} 2",
            "creel_plugin_call_seconds_bucket{le=\"+Inf\",plugin=\"ollama\"} 3",
            "creel_plugin_call_seconds_count{plugin=\"ollama\"} 3",
            "creel_plugin_faults_total{plugin=\"ollama\",fault=\"trapped\"} 4",
        ],
    );
    assert!(!text.contains("f1f2"), "a fingerprint is nobody's to scrape");
    assert!(text.ends_with("# EOF\n"));
    assert_eq!(text.matches("# EOF").count(), 1);
}

#[test]
fn a_span_is_made_only_where_somebody_takes_it() {
    let (metrics, mut spans) = Metrics::new();
    drop(asking(&metrics));
    assert!(spans.try_recv().is_err());
    metrics.export(true);
    let check = |end: fn(&mut Exchange), expect: Option<&'static str>, spans: &mut mpsc::Receiver<Span>| {
        let mut exchange = asking(&metrics);
        end(&mut exchange);
        drop(exchange);
        assert_eq!(spans.try_recv().expect("a span").error, expect);
    };
    check(|exchange| exchange.used(&TokenCount::default(), None), None, &mut spans);
    check(|_| {}, Some("cancelled"), &mut spans);
    check(|exchange| exchange.failed("rate-limited"), Some("rate-limited"), &mut spans);
    let broken = |exchange: &mut Exchange| {
        exchange.failed("unreachable");
        exchange.used(&TokenCount::default(), None);
    };
    check(broken, Some("unreachable"), &mut spans);
}

#[test]
fn spans_that_nobody_takes_are_dropped_and_counted() {
    let (metrics, _spans) = Metrics::new();
    metrics.export(true);
    for _ in 0..SPANS_MAX + 2 {
        drop(asking(&metrics));
    }
    has(&read(&metrics), &["creel_telemetry_spans_dropped_total 2"]);
}
