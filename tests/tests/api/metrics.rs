//! What the daemon says of itself: whether it is ready, what it has counted, and what it exports.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::door::{Door, Fakes, chat, got};

const CLAUDE: &str = "anthropic/claude-haiku-4-5";

/// A collector that takes everything: paths, the header `x-key`, and bodies.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(String, String, Value)>>>);

impl Collector {
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let collector = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(collector.clone().take(stream));
            }
        });
        format!("http://{address}")
    }

    /// One request on a connection of its own.
    async fn take(self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        let (mut head, mut length) = (String::new(), 0);
        while let Ok(1..) = stream.read_line(&mut head).await {
            if head.ends_with("\r\n\r\n") {
                break;
            }
        }
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut key = String::new();
        for line in head.lines() {
            let (name, value) = line.split_once(": ").unwrap_or((line, ""));
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().expect("a length"),
                "x-key" => value.clone_into(&mut key),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.expect("a body");
        let body = serde_json::from_slice(&body).expect("JSON");
        self.0.lock().expect("nobody failed").push((path, key, body));
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
        stream.write_all(answer.as_bytes()).await.expect("it is read");
    }

    fn taken(&self, path: &str) -> Vec<(String, Value)> {
        let all = self.0.lock().expect("nobody failed");
        all.iter().filter(|(at, ..)| at == path).map(|(_, key, body)| (key.clone(), body.clone())).collect()
    }
}

#[track_caller]
fn has(text: &str, start: &str) {
    assert!(text.lines().any(|line| line.starts_with(start)), "`{start}` is not in:\n{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_is_ready_and_counts_what_it_does() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config(""));
    let token = door.usual_agent();
    let ready = got(door.bare("GET", "/readyz")).await;
    assert_eq!((ready.status, ready.text.as_str()), (200, r#"{"status":"ready","reasons":[]}"#));
    let answered = door.post("/v1/chat/completions", &token, &chat(CLAUDE, "a secret word")).await;
    assert_eq!(answered.status, 200, "{}", answered.text);
    let refused = got(door.bare("POST", "/v1/messages").body("{}")).await;
    assert_eq!(refused.status, 401, "{}", refused.text);

    let metrics = got(door.bare("GET", "/metrics")).await;
    assert_eq!(metrics.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = &metrics.text;
    has(text, r#"creel_requests_total{dialect="openai-completions",status="200"} 1"#);
    has(text, r#"creel_requests_total{dialect="anthropic-messages",status="401"} 1"#);
    has(text, r#"creel_denials_total{what="token",rule="no-token"} 1"#);
    has(text, &format!(r#"creel_tokens_total{{model="{CLAUDE}",kind="output"}} "#));
    has(text, &format!(r#"creel_time_to_first_piece_seconds_count{{model="{CLAUDE}"}} 1"#));
    has(text, "creel_overhead_seconds_count 1");
    has(text, r#"creel_plugin_call_seconds_count{plugin="anthropic"} 1"#);
    has(text, r#"creel_egress_total{plugin="anthropic",verdict="sent"} 1"#);
    has(text, r#"creel_credentials_chosen_total{credential="models.providers.anthropic.apiKey"} 1"#);
    has(text, r#"creel_places{state="free"} "#);
    has(text, "creel_live_exchanges 0");
    assert!(!text.contains("a secret word") && !text.contains(creel_tests::house::API_KEY), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_that_are_switched_off_are_not_there() {
    let fakes = Fakes::start().await;
    let door = Door::open(&fakes.config("gateway: { metrics: { enabled: false } }"));
    assert_eq!(got(door.bare("GET", "/metrics")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_is_told_of_an_answer_and_not_of_its_content() {
    let (fakes, collector) = (Fakes::start().await, Collector::default());
    let endpoint = collector.start().await;
    let telemetry = format!(r#"otlpEndpoint: "{endpoint}", headers: {{ "X-Key": "collector-key" }}"#);
    let mut door = Door::open(&fakes.config(&format!("gateway: {{ telemetry: {{ {telemetry} }} }}")));
    let token = door.usual_agent();
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = door.request("POST", "/v1/chat/completions", &token).header("traceparent", traceparent);
    let request = request.header("content-type", "application/json");
    let answered = got(request.body(chat(CLAUDE, "a secret word").to_string())).await;
    assert_eq!(answered.status, 200, "{}", answered.text);
    // A stop exports what is left.
    door.daemon.stop();

    let (traces, metrics) = (collector.taken("/v1/traces"), collector.taken("/v1/metrics"));
    let (key, body) = traces.first().expect("spans were exported");
    assert_eq!(key, "collector-key");
    let span = &body["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(span["name"], format!("chat {CLAUDE}"));
    assert_eq!(span["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(span["parentSpanId"], "00f067aa0ba902b7");
    let (_, body) = metrics.last().expect("metrics were exported");
    assert_eq!(body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["name"], "gen_ai.client.token.usage");
    let all = format!("{traces:?}{metrics:?}");
    let answer = answered.content();
    assert!(!all.contains("a secret word") && !all.contains(&answer) && !all.contains(&token), "{all}");
}
