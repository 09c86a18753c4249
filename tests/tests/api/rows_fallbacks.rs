//! Group H of the older gateway's cases, each row by its id: who is asked next along a chain, who is passed over, and who is not
//! asked at all. What a trail says is held against what the providers received. Which chain follows from a name is `rows_names`'.

use creel_fakes::openai::{self, Model, OpenAi};
use creel_fakes::{Answer, Running};
use creel_tests::program::Program;
use serde_json::{Value, json};

use crate::door::{Door, Got, OPENAI_KEY, chat};

const CHATS: &str = "/v1/chat/completions";
const OTHER_KEY: &str = "sk-proj-other-key-0123456789abcdef";

/// How a provider fails.
#[derive(Clone, Copy, Debug)]
enum Fails {
    /// 400.
    Bad,
    /// 401.
    Refused,
    /// 404 of a model.
    Missing,
    /// 418.
    Oddly,
    /// 429 for two hours.
    Limited,
    /// 429 of an account without money.
    Broke,
    /// 503 for two hours.
    Busy,
}

use Fails::{Bad, Broke, Busy, Limited, Missing, Oddly, Refused};

impl Fails {
    fn answer(self) -> Answer {
        let invalid = "invalid_request_error";
        match self {
            Self::Bad => openai::error(400, invalid, None, "not today"),
            Self::Refused => openai::error(401, invalid, None, "who are you?"),
            Self::Missing => openai::error(404, invalid, Some("model_not_found"), "no such model"),
            Self::Oddly => openai::error(418, invalid, None, "a teapot"),
            Self::Limited => openai::rate_limited(7_200),
            Self::Broke => openai::insufficient_quota(),
            Self::Busy => openai::error(503, invalid, Some("slow_down"), "slow down").header("retry-after", "7200"),
        }
    }
}

/// One request along a chain: how `a` and `b` fail before they answer, the trail, and the status.
struct Round(&'static [Fails], &'static [Fails], &'static str, u16);

/// A row, the chain, and what is asked of it in turn.
struct Case(&'static str, &'static [&'static str], &'static [Round]);

const CASES: &[Case] = &[
    Case("H1", &["a/one", "b/one"], &[Round(&[Refused], &[], "a/one=authentication, b/one=ok", 200)]),
    Case("H2", &["a/one", "b/one"], &[Round(&[Oddly], &[], "a/one=other, b/one=ok", 200)]),
    Case("H2", &["a/one", "b/one"], &[Round(&[Oddly], &[Oddly], "a/one=other, b/one=other", 502)]),
    // H9: the older gateway does not know why by then; here the trail says it.
    Case(
        "H9",
        &["a/one", "b/one"],
        &[
            Round(&[Limited], &[], "a/one=rate-limited, b/one=ok", 200),
            Round(&[], &[], "a/one=skipped:rate-limited, b/one=ok", 200),
        ],
    ),
    Case(
        "H9",
        &["a/one", "b/one"],
        &[
            Round(&[Broke], &[], "a/one=billing, b/one=ok", 200),
            Round(&[], &[], "a/one=skipped:billing, b/one=ok", 200),
        ],
    ),
    Case("H11", &["a/one", "a/two", "b/one"], &[Round(&[Limited], &[], "a/one=rate-limited, b/one=ok", 200)]),
    Case("H11", &["a/one", "a/two", "b/one"], &[Round(&[Busy], &[], "a/one=overloaded, b/one=ok", 200)]),
    // A near miss: a request that one model does not understand says nothing about its provider.
    Case("H11", &["a/one", "a/two", "b/one"], &[Round(&[Bad], &[], "a/one=invalid-request, a/two=ok", 200)]),
    Case(
        "H12",
        &["a/one", "a/two", "a/three", "b/one"],
        &[Round(
            &[Limited, Limited],
            &[Bad],
            "a/one=rate-limited, b/one=invalid-request, a/two=rate-limited, a/three=skipped:rate-limited",
            429,
        )],
    ),
    Case(
        "H12",
        &["a/one", "a/two", "b/one"],
        &[Round(&[Busy, Bad], &[Bad], "a/one=overloaded, b/one=invalid-request, a/two=invalid-request", 400)],
    ),
    // A probe that succeeds answers.
    Case(
        "H12",
        &["a/one", "a/two", "b/one"],
        &[Round(&[Limited], &[Bad], "a/one=rate-limited, b/one=invalid-request, a/two=ok", 200)],
    ),
    Case(
        "H13",
        &["a/one", "a/two", "a/three", "b/one"],
        &[Round(
            &[Limited, Missing],
            &[Bad],
            "a/one=rate-limited, b/one=invalid-request, a/two=unknown-model, a/three=ok",
            200,
        )],
    ),
    Case(
        "H14",
        &["a/one", "a/two", "b/one"],
        &[Round(&[Refused], &[], "a/one=authentication, a/two=skipped:authentication, b/one=ok", 200)],
    ),
    Case(
        "H14",
        &["a/one", "a/two", "b/one"],
        &[Round(&[Broke], &[], "a/one=billing, a/two=skipped:billing, b/one=ok", 200)],
    ),
    // Nor is it asked just to see where nobody else is left.
    Case(
        "H14",
        &["a/one", "a/two"],
        &[
            Round(&[Broke], &[], "a/one=billing, a/two=skipped:billing", 502),
            Round(&[], &[], "a/one=skipped:billing, a/two=skipped:billing", 502),
        ],
    ),
];

/// Two fakes, and two providers at them for each case: `a0` and `b0`, `a1` and `b1`, …; beside them `p` and `q` at the first,
/// which have two profiles each.
struct Chains {
    a: Running<OpenAi>,
    b: Running<OpenAi>,
    door: Door,
    token: String,
}

impl Chains {
    async fn start() -> Self {
        let models = || ["one", "two", "three"].map(Model::new).to_vec();
        let start = async || {
            let config = openai::Config::with_api_key(OPENAI_KEY).and_api_key(OTHER_KEY).with_models(models());
            OpenAi::start(config).await.expect("a fake")
        };
        let (a, b) = (start().await, start().await);
        let entries = (0..CASES.len()).flat_map(|case| [(format!("a{case}"), &a), (format!("b{case}"), &b)]);
        let entries: String = entries.map(|(id, fake)| entry(&id, fake, Some(OPENAI_KEY))).collect();
        let with_profiles =
            [entry("p", &a, None), entry("q", &a, None), entry("backup", &b, Some(OPENAI_KEY))].concat();
        let program = Program::with(&format!("{{ models: {{ providers: {{ {entries} {with_profiles} }} }} }}"));
        let profile = |provider: &str, key: &str| json!({ "type": "api_key", "provider": provider, "key": key });
        let order = json!({ "p": ["p:one", "p:two"], "q": ["q:one", "q:two"] });
        let profiles = json!({
            "p:one": profile("p", OPENAI_KEY), "p:two": profile("p", OTHER_KEY),
            "q:one": profile("q", OPENAI_KEY), "q:two": profile("q", OTHER_KEY),
        });
        let kept = json!({ "version": 1, "order": order, "profiles": profiles });
        program.keep("auth-profiles.json", &kept.to_string());
        let door = Door::of(program);
        let token = door.usual_agent();
        Self { a, b, door, token }
    }

    /// The models that each fake received, oldest first.
    fn received(&self) -> (Vec<String>, Vec<String>) {
        let models = |fake: &Running<OpenAi>| fake.accepted().into_iter().map(|request| request.model).collect();
        (models(&self.a), models(&self.b))
    }

    async fn ask(&self, index: usize, chain: &[&str], round: &Round) -> Got {
        let Round(of_a, of_b, trail, status) = round;
        of_a.iter().for_each(|fails| self.a.script(fails.answer()));
        of_b.iter().for_each(|fails| self.b.script(fails.answer()));
        let before = self.received();
        let names: Vec<String> = chain.iter().map(|model| model.replace('/', &format!("{index}/"))).collect();
        let mut body = chat(&names[0], "ping");
        body["fallbacks"] = json!(names[1..]);
        let got = self.door.post(CHATS, &self.token, &body).await;
        assert_eq!(got.header("x-creel-route").replace(&format!("{index}/"), "/"), *trail, "{index}: {}", got.text);
        assert_eq!(got.status, *status, "{index}: {}", got.text);
        // Whoever is in the trail and was not skipped has been asked, in that order, and nobody else.
        let asked = |of: &str| -> Vec<&str> {
            let steps = trail.split(", ").filter(|step| !step.contains("=skipped:"));
            steps.filter_map(|step| step.strip_prefix(of)?.split('=').next()).collect()
        };
        let after = self.received();
        assert_eq!(after.0[before.0.len()..], asked("a/"), "{index}");
        assert_eq!(after.1[before.1.len()..], asked("b/"), "{index}");
        assert_eq!(got.header("x-creel-attempts"), (asked("a/").len() + asked("b/").len()).to_string(), "{index}");
        got
    }
}

fn entry(id: &str, fake: &Running<OpenAi>, key: Option<&str>) -> String {
    let key = key.map(|key| format!(r#"apiKey: "{key}""#)).unwrap_or_default();
    format!(r#"{id}: {{ plugin: "openai", baseUrl: "{}/v1", {key} }},"#, fake.base_url())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_is_walked_as_its_rows_say() {
    let chains = Chains::start().await;
    for (index, Case(row, chain, rounds)) in CASES.iter().enumerate() {
        for round in *rounds {
            let got = chains.ask(index, chain, round).await;
            if got.status == 200 {
                assert_eq!(got.content(), "You said: ping", "{row}");
            }
        }
    }
    // H2: the last error is the one that is told. H12 has no words of its own for "all models failed" either.
    let last = Round(&[Oddly], &[Bad], "a/one=other, b/one=invalid-request", 400);
    let got = chains.ask(1, &["a/one", "b/one"], &last).await;
    let said = got.json()["error"]["message"].as_str().expect("a message").to_owned();
    assert!(said.starts_with("b1/one: not today"), "H2: {said}");
    // H12: a probe is flagged as one.
    let h12 = CASES.iter().position(|Case(row, ..)| *row == "H12").expect("a case");
    let log: Vec<Value> = chains.door.log();
    let failed = |model: String| {
        let line = log.iter().find(|line| line["message"] == "model call failed" && line["model"] == json!(model));
        line.unwrap_or_else(|| panic!("{model} did not fail"))["is_probe"].clone()
    };
    assert_eq!((failed(format!("a{h12}/one")), failed(format!("a{h12}/two"))), (json!(false), json!(true)), "H12");
    profiles(&chains).await;
    assert_eq!(chains.a.refusals().len() + chains.b.refusals().len(), 0);
}

/// A provider is passed over once all its profiles rest, and no sooner.
async fn profiles(chains: &Chains) {
    let ask = async |provider: &str| {
        let mut body = chat(&format!("{provider}/one"), "ping");
        body["fallbacks"] = json!(["backup/one"]);
        let before = chains.a.requests().len();
        let got = chains.door.post(CHATS, &chains.token, &body).await;
        let asked = chains.a.requests().split_off(before);
        let keys: Vec<&str> = asked.iter().map(|request| key_of(request.header("authorization"))).collect();
        (got.header("x-creel-route").replace("/one", ""), keys)
    };
    // H10: one profile cools, the other is free: the provider is not passed over.
    chains.a.script(Limited.answer());
    assert_eq!(ask("p").await, ("p=rate-limited, p=ok".to_owned(), vec!["one", "two"]), "H10");
    assert_eq!(ask("p").await, ("p=ok".to_owned(), vec!["two"]), "H10");
    // H9: all of them cool, or have no money.
    chains.a.script(Limited.answer());
    assert_eq!(ask("p").await, ("p=rate-limited, backup=ok".to_owned(), vec!["two"]), "H9");
    assert_eq!(ask("p").await, ("p=skipped:rate-limited, backup=ok".to_owned(), vec![]), "H9");
    chains.a.script(Broke.answer());
    chains.a.script(Broke.answer());
    assert_eq!(ask("q").await, ("q=billing, q=billing, backup=ok".to_owned(), vec!["one", "two"]), "H9");
    assert_eq!(ask("q").await, ("q=skipped:billing, backup=ok".to_owned(), vec![]), "H9");
}

/// The profile whose key was sent.
fn key_of(authorization: Option<&str>) -> &'static str {
    match authorization.and_then(|value| value.strip_prefix("Bearer ")) {
        Some(OPENAI_KEY) => "one",
        Some(OTHER_KEY) => "two",
        other => panic!("{other:?} is nobody's key"),
    }
}
