//! A model that is slow, and another beside it: who answers, whose call is broken off, and what is told and counted of both.
//! A held provider is as slow as one can be; nothing here waits for a clock.

use creel_fakes::{anthropic, openai};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::door::{Door, Fakes, Got, chat, got};

const CLAUDE: &str = "anthropic/claude-haiku-4-5";
const GPT: &str = "openai/gpt-4o-mini";
const QWEN: &str = "ollama/qwen3-vl:8b";

/// Claude, then GPT, then Qwen; beside Claude another is asked after a millisecond.
fn config(fakes: &Fakes) -> String {
    let chain =
        format!(r#"agents: {{ defaults: {{ model: {{ primary: "{CLAUDE}", fallbacks: ["{GPT}", "{QWEN}"] }} }} }}"#);
    let config = fakes.config(&chain);
    config.replacen("anthropic: {", "anthropic: { timeouts: { hedgeAfterMs: 1 },", 1)
}

/// Asks without waiting for the answer.
fn ask(door: &Door, token: &str) -> JoinHandle<Got> {
    tokio::spawn(got(door.request("POST", "/v1/chat/completions", token).body(chat("default", "ping").to_string())))
}

/// Asks until the daemon has counted so many failures: nothing follows upon one that a provider could see.
async fn failures(door: &Door, (model, fault): (&str, &str), count: usize) {
    let counted = format!("creel_model_failures_total{{model=\"{model}\",fault=\"{fault}\"}} {count}\n");
    for _ in 0..10_000 {
        if got(door.bare("GET", "/metrics")).await.text.contains(&counted) {
            return;
        }
    }
    panic!("`{fault}` of {model} was not counted {count} times");
}

fn said(got: &Got) -> [&str; 2] {
    [got.header("x-creel-route"), got.header("x-creel-attempts")]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_is_asked_beside_a_slow_one_and_both_are_told_and_counted() {
    let fakes = Fakes::start().await;
    let mut door = Door::open(&config(&fakes));
    let token = door.usual_agent();
    fakes.anthropic.hold();
    for asked in 1..=2 {
        let got = ask(&door, &token).await.expect("an answer");
        assert_eq!(got.status, 200, "{}", got.text);
        assert_eq!(said(&got), [&*format!("{CLAUDE}=outrun, {GPT}=ok"), "2"]);
        // The call of the slow one is broken off, and it does not rest for it.
        fakes.anthropic.wait_for_abandoned(asked).await.expect("the call is cancelled");
        assert_eq!((fakes.anthropic.requests().len(), fakes.openai.requests().len()), (asked, asked));
    }
    // Each has its own key, and neither saw the other's.
    assert!(fakes.anthropic.requests().iter().all(|request| !request.contains(crate::door::OPENAI_KEY)));
    assert!(fakes.openai.requests().iter().all(|request| !request.contains(creel_tests::house::API_KEY)));
    let answered = ask(&door, &token).await.expect("an answer").json()["usage"].clone();
    let (input, output) = (answered["prompt_tokens"].as_u64(), answered["completion_tokens"].as_u64());

    let metrics = got(door.bare("GET", "/metrics")).await.text;
    assert!(metrics.contains(&format!("creel_models_outrun_total{{model=\"{CLAUDE}\"}} 3")), "{metrics}");
    assert!(!metrics.contains("creel_model_failures_total{"), "being outrun is no failure: {metrics}");
    let outrun = door.log().into_iter().filter(|line| line["message"] == "another model answered first");
    assert_eq!(outrun.filter(|line| line["model"] == CLAUDE).count(), 3);
    // A stop writes all that was decided and used.
    door.daemon.stop();
    let audited = door.program.run(&["audit", "--about", "=outrun", "--json"]).json();
    let routes = audited["records"].as_array().expect("records");
    assert_eq!(routes.len(), 3, "{audited}");
    assert_eq!(routes[0]["rule"], format!("{CLAUDE}=outrun, {GPT}=ok"));
    assert_eq!([&routes[0]["action"], &routes[0]["verdict"]], ["route", "allowed"]);
    assert!(routes[0]["target"].as_str().is_some_and(|target| target.starts_with("agent:bot/")), "{audited}");
    // What the slow one has read is paid for as well, as far as anybody knows.
    let today = door.program.run(&["agents", "show", "bot", "--json"]).json()["today"].clone();
    assert_eq!(today["tokens_in"].as_u64(), input.map(|input| 3 * 2 * input), "{today}");
    assert_eq!(today["tokens_out"].as_u64(), output.map(|output| 3 * output), "{today}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_begins_first_answers_also_where_that_is_the_slow_one() {
    let fakes = Fakes::start().await;
    let door = Door::open(&config(&fakes));
    let token = door.usual_agent();
    fakes.anthropic.hold();
    fakes.openai.hold();
    let asked = ask(&door, &token);
    fakes.openai.wait_until_held(1).await.expect("the second is asked");
    fakes.anthropic.release();
    let got = asked.await.expect("an answer");
    assert_eq!(said(&got), [&*format!("{GPT}=outrun, {CLAUDE}=ok"), "2"], "{}", got.text);
    fakes.openai.wait_for_abandoned(1).await.expect("the call is cancelled");
    // At most two are asked at once.
    assert_eq!(fakes.ollama.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_takes_the_place_of_one_that_fails_beside_a_slow_one() {
    let fakes = Fakes::start().await;
    let door = Door::open(&config(&fakes));
    let token = door.usual_agent();
    fakes.anthropic.hold();
    fakes.openai.script(openai::error(400, "invalid_request_error", None, "not today"));
    let got = ask(&door, &token).await.expect("an answer");
    assert_eq!(said(&got), [&*format!("{GPT}=invalid-request, {CLAUDE}=outrun, {QWEN}=ok"), "3"], "{}", got.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_goes_on_alone_when_the_slow_one_fails() {
    let fakes = Fakes::start().await;
    let door = Door::open(&config(&fakes));
    let token = door.usual_agent();
    fakes.anthropic.hold();
    fakes.openai.hold();
    fakes.anthropic.script(anthropic::error(400, "invalid_request_error", "not today"));
    let asked = ask(&door, &token);
    fakes.openai.wait_until_held(1).await.expect("the second is asked");
    fakes.anthropic.release();
    failures(&door, (CLAUDE, "invalid-request"), 1).await;
    fakes.openai.release();
    let got = asked.await.expect("an answer");
    assert_eq!(said(&got), [&*format!("{CLAUDE}=invalid-request, {GPT}=ok"), "2"], "{}", got.text);
    assert_eq!(fakes.ollama.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_refuses_for_its_content_nobody_else_is_asked() {
    let fakes = Fakes::start().await;
    let door = Door::open(&config(&fakes));
    let token = door.usual_agent();
    let refused = || openai::error(400, "invalid_request_error", Some("content_policy_violation"), "not this");
    // The one beside refuses: the slow one was asked before that and may answer, and nobody is asked after it.
    fakes.anthropic.hold();
    fakes.openai.script(refused());
    let asked = ask(&door, &token);
    failures(&door, (GPT, "content-refused"), 1).await;
    fakes.anthropic.release();
    let got = asked.await.expect("an answer");
    assert_eq!(said(&got), [&*format!("{GPT}=content-refused, {CLAUDE}=ok"), "2"], "{}", got.text);
    // Where the slow one fails as well, that was all.
    fakes.anthropic.hold();
    fakes.anthropic.script(anthropic::error(400, "invalid_request_error", "not today"));
    fakes.openai.script(refused());
    let asked = ask(&door, &token);
    failures(&door, (GPT, "content-refused"), 2).await;
    fakes.anthropic.release();
    let got = asked.await.expect("an answer");
    let route = format!("{GPT}=content-refused, {CLAUDE}=invalid-request");
    assert_eq!((got.status, said(&got)), (400, [&*route, "2"]), "{}", got.text);
    assert_eq!(fakes.ollama.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_rests_is_not_asked_beside_a_slow_one() {
    let fakes = Fakes::start().await;
    let door = Door::open(&config(&fakes));
    let token = door.usual_agent();
    fakes.openai.script(openai::rate_limited(3_600));
    let mut body = chat(GPT, "ping");
    body["fallbacks"] = json!([]);
    let got = door.post("/v1/chat/completions", &token, &body).await;
    assert_eq!(got.status, 429, "{}", got.text);
    fakes.anthropic.hold();
    let got = ask(&door, &token).await.expect("an answer");
    assert_eq!(said(&got), [&*format!("{CLAUDE}=outrun, {QWEN}=ok"), "2"], "{}", got.text);
    assert_eq!(fakes.openai.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_second_beside_it_a_slow_one_is_left_when_its_time_is_over() {
    let fakes = Fakes::start().await;
    let config = config(&fakes).replacen("hedgeAfterMs: 1", "firstTokenSeconds: 1", 1);
    let door = Door::open(&config);
    let token = door.usual_agent();
    fakes.anthropic.hold();
    let got = ask(&door, &token).await.expect("an answer");
    // What passes is tried again before another is asked.
    let late = format!("{CLAUDE}=timed-out, ");
    assert_eq!(said(&got), [&*format!("{}{GPT}=ok", late.repeat(3)), "4"], "{}", got.text);
    fakes.anthropic.wait_for_abandoned(3).await.expect("each try is cancelled");
    assert_eq!((fakes.anthropic.requests().len(), fakes.openai.requests().len()), (3, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_tells_who_is_asked_beside_whom() {
    let fakes = Fakes::start().await;
    let door = Door::open(&config(&fakes));
    let explained = door.program.run(&["explain", "route", "--model", "default", "--json"]).json();
    let reasons: Vec<&str> = explained["candidates"]
        .as_array()
        .expect("candidates")
        .iter()
        .filter_map(|one| one["reason"].as_str())
        .collect();
    let beside = format!("takes over if those before it fail, and is asked beside `{CLAUDE}` after 1 ms");
    assert_eq!(reasons, ["takes all that is needed", &beside, "takes over if those before it fail"]);
    // A turn of a channel has its whole answer to wait for: nobody is asked beside.
    let explained = door.program.run(&["explain", "route"]);
    assert!(!explained.out.contains("asked beside"), "{}", explained.out);
}
