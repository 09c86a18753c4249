//! Several credentials of one provider that share the load: which of them the provider received. What is drawn is chance, so
//! shares are asserted with a room that chance does not leave in a thousand million runs.

use std::collections::BTreeMap;

use creel_fakes::Running;
use creel_fakes::openai::{self, Config, OpenAi};
use creel_tests::program::Program;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::door::{Door, Got, chat, got};

const GPT: &str = "openai/gpt-4o-mini";
const KEY_A: &str = "sk-proj-key-of-a-0123456789abcdef";
const KEY_B: &str = "sk-proj-key-of-b-0123456789abcdef";

/// A provider with two profiles, and a daemon in front of it.
struct Balanced {
    openai: Running<OpenAi>,
    door: Door,
    token: String,
}

impl Balanced {
    /// `how` stands in `auth.balance.openai`.
    async fn start(how: &str) -> Self {
        let openai = OpenAi::start(Config::with_api_key(KEY_A).and_api_key(KEY_B)).await.expect("a fake OpenAI");
        let program = Program::with(&format!(
            r#"{{ models: {{ providers: {{ openai: {{ baseUrl: "{}/v1" }} }} }},
                  auth: {{ balance: {{ openai: {{ {how} }} }} }} }}"#,
            openai.base_url()
        ));
        let profile = |key: &str| json!({ "type": "api_key", "provider": "openai", "key": key });
        let kept = json!({ "version": 1, "order": { "openai": ["openai:a", "openai:b"] },
            "profiles": { "openai:a": profile(KEY_A), "openai:b": profile(KEY_B) } });
        program.keep("auth-profiles.json", &kept.to_string());
        let door = Door::of(program);
        let token = door.usual_agent();
        Self { openai, door, token }
    }

    fn ask(&self) -> JoinHandle<Got> {
        let request = self.door.request("POST", "/v1/chat/completions", &self.token);
        tokio::spawn(got(request.header("content-type", "application/json").body(chat(GPT, "ping").to_string())))
    }

    /// Asks one after the other; each is answered by the first who is tried.
    async fn ask_times(&self, times: usize) {
        for _ in 0..times {
            let got = self.ask().await.expect("an answer");
            let trail = [got.header("x-creel-route"), got.header("x-creel-attempts")];
            assert_eq!((got.status, trail), (200, [&*format!("{GPT}=ok"), "1"]), "{}", got.text);
        }
    }

    /// How often each key was sent, of all requests behind the first `skipped`. None holds two.
    fn keys(&self, skipped: usize) -> BTreeMap<&'static str, usize> {
        let mut keys = BTreeMap::from([("a", 0), ("b", 0)]);
        for request in self.openai.requests().into_iter().skip(skipped) {
            assert!(request.contains(KEY_A) != request.contains(KEY_B), "{request:?}");
            let (profile, key) = if request.contains(KEY_A) { ("a", KEY_A) } else { ("b", KEY_B) };
            assert_eq!(request.header("authorization"), Some(&*format!("Bearer {key}")));
            *keys.entry(profile).or_default() += 1;
        }
        keys
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_gets_the_share_that_its_weight_says() {
    let balanced = Balanced::start(r#"by: "weight", profiles: { "openai:a": 3, "openai:b": 1 }"#).await;
    balanced.ask_times(200).await;
    // 50 of 200 are to be expected.
    let keys = balanced.keys(0);
    assert!((10..100).contains(&keys["b"]) && keys["a"] + keys["b"] == 200, "{keys:?}");
    assert_eq!(balanced.openai.refusals().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_quicker_is_preferred_once_it_is_known_who_that_is() {
    let balanced = Balanced::start(r#"by: "latency", profiles: { "openai:a": 15, "openai:b": 1 }"#).await;
    // While nobody knows how quick `b` is, it is tried whenever it is drawn; it is as slow as 200 answers of `a`.
    balanced.openai.hold_those(|request| request.contains(KEY_B));
    let (mut answered, mut held) = (0, Vec::new());
    while answered < 200 {
        let mut asked = balanced.ask();
        tokio::select! {
            got = &mut asked => { answered += usize::from(got.expect("an answer").status == 200); }
            Ok(()) = balanced.openai.wait_until_held(held.len() + 1) => held.push(asked),
        }
    }
    let slow = held.len();
    assert_eq!(balanced.keys(0), BTreeMap::from([("a", 200), ("b", slow)]));
    // 12 of 100 draws of two have a `b` in them.
    assert!(slow > 0, "`b` was never drawn");
    balanced.openai.release();
    for asked in held {
        assert_eq!(asked.await.expect("an answer").status, 200);
    }
    // Now it is asked only where it is drawn twice, twice in 500 times. By its weight alone it would be 31 times.
    balanced.ask_times(500).await;
    let keys = balanced.keys(200 + slow);
    assert!(keys["b"] < 16 && keys["a"] + keys["b"] == 500, "{keys:?}");
    assert_eq!(balanced.openai.refusals().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_rests_is_passed_over_whoever_is_drawn() {
    for by in ["weight", "latency"] {
        let how = format!(r#"by: "{by}", profiles: {{ "openai:a": 1, "openai:b": 1 }}"#);
        let balanced = Balanced::start(&how).await;
        balanced.openai.script(openai::rate_limited(3_600));
        let got = balanced.ask().await.expect("an answer");
        let trail = [got.header("x-creel-route"), got.header("x-creel-attempts")];
        assert_eq!((got.status, trail), (200, [&*format!("{GPT}=rate-limited, {GPT}=ok"), "2"]), "{}", got.text);
        // The other took over, and is all that is left for an hour.
        assert_eq!(balanced.keys(0), BTreeMap::from([("a", 1), ("b", 1)]));
        let rests = if balanced.openai.requests()[0].contains(KEY_A) { "a" } else { "b" };
        balanced.ask_times(40).await;
        let keys = balanced.keys(2);
        assert_eq!((keys[rests], keys.values().sum::<usize>()), (0, 40), "{by}: {rests} rests, and yet {keys:?}");
    }
}
