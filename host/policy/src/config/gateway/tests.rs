//! `gateway.metrics` and `gateway.telemetry`: what is read, and the exact text and place of what is refused.

use super::*;
use crate::config::{Config, parse_config};
use crate::problem::Problem;

fn config(text: &str) -> Config {
    parse_config("creel.json5", text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

#[track_caller]
fn refused(text: &str, expect: &[&str]) {
    let problems = parse_config("creel.json5", text).err().unwrap_or_default();
    let line = |problem: Problem| {
        let hint = problem.hint.as_ref().map(|hint| format!(" | {hint}")).unwrap_or_default();
        format!("{problem}{hint}").trim_start_matches("creel.json5:").to_owned()
    };
    assert_eq!(problems.into_iter().map(line).collect::<Vec<_>>(), expect, "{text}");
}

#[test]
fn metrics_are_for_this_machine_unless_the_operator_says_otherwise() {
    let check = |text: &str, enabled, public| {
        assert_eq!(config(text).gateway.metrics, MetricsConfig { enabled, public }, "{text}");
    };
    check("{}", true, false);
    check("{ gateway: {} }", true, false);
    check("{ gateway: { metrics: {} } }", true, false);
    check("{ gateway: { metrics: { enabled: false } } }", false, false);
    check("{ gateway: { auth: { token: '${T}' }, metrics: { public: true } } }", true, true);
}

#[test]
fn metrics_for_others_need_a_token_and_have_to_be_there() {
    refused(
        "{ gateway: { metrics: { public: true } } }",
        &[
            "1:12: gateway: `metrics.public` is `true` but there is no `auth.token` | write `gateway.auth.token`; whoever \
           presents it may read the metrics",
        ],
    );
    refused(
        "{ gateway: { auth: { token: '${T}' }, metrics: { enabled: false, public: true } } }",
        &["1:48: gateway.metrics: `public` is `true` but `enabled` is `false` | leave one of them out"],
    );
    refused(
        "{ gateway: { metrics: { publik: false } } }",
        &["1:25: gateway.metrics.publik: unknown key `publik` | did you mean `public`?"],
    );
    refused(
        "{ gateway: { metrics: { enabled: 'yes' } } }",
        &["1:34: gateway.metrics.enabled: expected `true` or `false`, found a string"],
    );
}

#[test]
fn telemetry_is_read_with_its_headers_as_secrets() {
    assert!(config("{ gateway: {} }").gateway.telemetry.is_none());
    let config = config(
        "{ gateway: { telemetry: { otlpEndpoint: 'https://otel.example/base/', serviceName: 'home',
           headers: { 'X-Key': '${COLLECTOR_KEY}' } } } }",
    );
    let telemetry = config.gateway.telemetry.as_ref().expect("it is configured");
    assert_eq!(telemetry.endpoint.to_string(), "https://otel.example/base");
    assert_eq!(telemetry.service_name, "home");
    assert_eq!(telemetry.headers[0].name, "x-key");
    let secrets: Vec<String> = config.secret_inputs().into_iter().map(|(key, _)| key).collect();
    assert_eq!(secrets, ["gateway.telemetry.headers.X-Key"], "the host has to resolve it, and audits see it");
}

#[test]
fn a_service_without_a_name_is_called_creel() {
    let config = config("{ gateway: { telemetry: { otlpEndpoint: 'http://127.0.0.1:4318' } } }");
    assert_eq!(config.gateway.telemetry.expect("it is configured").service_name, "creel");
}

#[test]
fn telemetry_that_leads_nowhere_is_refused() {
    refused(
        "{ gateway: { telemetry: {} } }",
        &["1:25: gateway.telemetry: there is no `otlpEndpoint` | write the address of a collector, e.g. \
           `http://127.0.0.1:4318`"],
    );
    refused(
        "{ gateway: { telemetry: { otlpEndpoint: 'http://127.0.0.1:4318/v1/traces' } } }",
        &["1:41: gateway.telemetry.otlpEndpoint: names one signal and not the collector | leave out `/v1/traces` and \
           `/v1/metrics`: they are added"],
    );
    refused(
        "{ gateway: { telemetry: { otlpEndpoint: 'grpc://127.0.0.1:4317' } } }",
        &["1:41: gateway.telemetry.otlpEndpoint: the scheme must be `http` or `https`"],
    );
    refused(
        "{ gateway: { telemetry: { otlpEndpoint: 'http://127.0.0.1:4318', serviceName: ' ' } } }",
        &["1:79: gateway.telemetry.serviceName: expected a string, found an empty one"],
    );
    refused(
        "{ gateway: { telemetry: { otlpEndpoint: 'http://127.0.0.1:4318', headers: { host: 'x' } } } }",
        &["1:77: gateway.telemetry.headers.host: this header frames the message and is the host's own"],
    );
}
