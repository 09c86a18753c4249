//! The API tests that the makers of the SDKs for Python ship with their sources, as they are, against the program in front
//! of strict fakes. Each failure stands in a table with the reason why it is right, or as ours. How they are run stands in
//! `clients` of the library and in `tests/clients/suites.py`.

#![expect(clippy::panic, reason = "a test that cannot be set up cannot go on")]

use creel_tests::clients::{Gateway, OPENAI_KEY, Upstreams};
use creel_tests::house::API_KEY;
use creel_tests::search::leaks;
use serde_json::{Value, json};

/// Tests that fail alike.
struct Failing {
    /// Their names below `tests/api_resources`, where `*` stands for anything.
    tests: &'static str,
    /// How many they are.
    count: usize,
    /// What stands in the error of each.
    says: &'static str,
    /// Why that is right, or what is ours to mend.
    why: &'static str,
}

/// What a suite comes to, beside its failures.
struct Expect {
    suite: &'static str,
    /// Names that the tests use for models.
    aliases: &'static [(&'static str, &'static str)],
    /// Tests that passed with what the gateway answered.
    passed: usize,
    /// Tests that passed without a request to it, such as those of empty arguments.
    passed_unasked: usize,
    skipped: usize,
    /// Tests of other routes, each of which got one clean 404.
    not_offered: usize,
    failing: &'static [Failing],
}

fn check(expect: &Expect, gateway: &Gateway) {
    let seen = gateway.run_suite(expect.suite);
    let ran = &seen.cases;
    println!("{ran:#}");
    let failures = ran["failures"].as_array().unwrap_or_else(|| panic!("no failures in {ran}"));
    let mut counts = vec![0; expect.failing.len()];
    let mut unknown = Vec::new();
    for failure in failures {
        let text = |key: &str| failure[key].as_str().unwrap_or_else(|| panic!("no `{key}` in {failure}"));
        let is_meant = |row: &Failing| matches(row.tests, text("test")) && text("error").contains(row.says);
        match expect.failing.iter().position(is_meant) {
            Some(row) => counts[row] += 1,
            None => unknown.push(failure),
        }
    }
    assert!(unknown.is_empty(), "failures that stand in no row of the table: {unknown:#?}");
    for (row, count) in expect.failing.iter().zip(counts) {
        assert_eq!(count, row.count, "`{}` with `{}` ({})", row.tests, row.says, row.why);
    }
    let keys = ["passed", "passed_unasked", "skipped", "not_offered", "uncollected"];
    let got = keys.map(|key| &ran[key]);
    let [passed, unasked, skipped] = [expect.passed, expect.passed_unasked, expect.skipped].map(Value::from);
    let wanted = [passed, unasked, skipped, json!({ "404": expect.not_offered }), json!([])];
    assert_eq!(got, wanted.each_ref(), "{keys:?}");

    let mut written = seen.written;
    written.push(("the log of the daemon".to_owned(), gateway.program.log().into_bytes()));
    let keys = [("the key of Anthropic", API_KEY.as_bytes()), ("the key of OpenAI", OPENAI_KEY.as_bytes())];
    assert_eq!(leaks(&keys, &written), [""; 0]);
}

/// Whether a text is as a pattern says, in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, rest)) => text.strip_prefix(before).is_some_and(|behind| {
            (0..=behind.len()).any(|at| behind.get(at..).is_some_and(|behind| matches(rest, behind)))
        }),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_suite_of_openai() {
    let upstreams = Upstreams::start().await;
    check(&OPENAI, &Gateway::with_aliases(&upstreams, OPENAI.aliases));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_suite_of_anthropic() {
    let upstreams = Upstreams::start().await;
    check(&ANTHROPIC, &Gateway::with_aliases(&upstreams, ANTHROPIC.aliases));
}

/// Answers are not stored by the gateway, so that there is nothing to be read, changed or cancelled later.
const NOT_STORED: &str = "the gateway stores no answers: the route is not offered";

const OPENAI: Expect = Expect {
    suite: "openai",
    aliases: &[("openai/gpt-4o-mini", "gpt-6-astra"), ("openai/gpt-5-mini", "model")],
    passed: 106,
    passed_unasked: 1527,
    skipped: 30,
    not_offered: 6520,
    failing: &[
        Failing {
            tests: "*test_responses.py::*create*",
            count: 60,
            says: "400 - `model` is missing",
            why: "they ask for nothing of nobody: only a prompt that OpenAI has stored could name a model instead",
        },
        Failing {
            tests: "*test_responses.py::*create_with_all_params*",
            count: 20,
            says: "400 - openai/gpt-4o-mini: Unknown parameter: 'access_programs'",
            why: "the request went on whole, and the strict fake of OpenAI does not know the parameter",
        },
        Failing {
            tests: "chat/test_completions.py::*create_with_all_params*",
            count: 10,
            says: "400 - openai/gpt-4o-mini: Unknown parameter: 'moderation'",
            why: "the request went on whole, and the strict fake of OpenAI does not know the parameter",
        },
        Failing {
            tests: "chat/test_completions.py::*",
            count: 45,
            says: "404 - there is no route `/v1/chat/completions/completion_id`",
            why: NOT_STORED,
        },
        Failing {
            tests: "chat/test_completions.py::*list*",
            count: 20,
            says: "405 - `/v1/chat/completions` does not take GET",
            why: NOT_STORED,
        },
        Failing {
            tests: "*test_responses.py::*",
            count: 150,
            says: "404 - there is no route `/v1/responses/resp_677efb5139a88190b512bc3fef8e535d",
            why: NOT_STORED,
        },
        Failing {
            tests: "*test_responses.py::*compact*",
            count: 40,
            says: "404 - there is no route `/v1/responses/compact`",
            why: "what it gives can be read by OpenAI alone: the route is not offered",
        },
        Failing {
            tests: "test_embeddings.py::*",
            count: 9,
            says: "Data returned by API invalid for expected schema",
            why: "the SDK asks for base64, as it does of OpenAI, and in its strict form takes no text for a vector",
        },
        Failing {
            tests: "test_files.py::*",
            count: 45,
            says: "404 - there is no file `file_id`",
            why: "nobody has uploaded it",
        },
        Failing {
            tests: "test_files.py::*list_with_all_params*",
            count: 5,
            says: "400 - `limit` must be a whole number from 1 to 10000, and not `0`",
            why: "OpenAI's reference says so",
        },
        Failing {
            tests: "test_models.py::*delete*",
            count: 15,
            says: "405 - `/v1/models/ft:gpt-4o-mini:acemeco:suffix:abc123` does not take DELETE",
            why: "which models there are is the operator's to say",
        },
    ],
};

const ANTHROPIC: Expect = Expect {
    suite: "anthropic",
    aliases: &[("anthropic/claude-haiku-4-5", "claude-opus-5-5"), ("anthropic/claude-sonnet-4-5", "model_id")],
    passed: 240,
    passed_unasked: 1437,
    skipped: 16,
    not_offered: 7180,
    failing: &[
        Failing {
            tests: "*test_files.py::*",
            count: 80,
            says: "there is no file `file_id`",
            why: "nobody has uploaded it",
        },
        Failing {
            tests: "test_files.py::*list_with_all_params*",
            count: 5,
            says: "`page` must be the `next_page` of an earlier list, and not `page`",
            why: "no list has told it",
        },
        Failing {
            tests: "beta/test_files.py::*list_with_all_params*",
            count: 5,
            says: "`scope_id` is no parameter of this list",
            why: "files have no scopes here, and a list of others than were asked for would be worse",
        },
        Failing {
            tests: "test_messages.py::*create_with_all_params*",
            count: 10,
            says: "anthropic/claude-haiku-4-5: diagnostics: Extra inputs are not permitted",
            why: "the request went on whole, and the strict fake of Anthropic does not know the parameter",
        },
        Failing {
            tests: "test_messages.py::*count_tokens_with_all_params*",
            count: 5,
            says: "anthropic/claude-haiku-4-5: speed: Extra inputs are not permitted",
            why: "the request went on whole, and the strict fake of Anthropic does not know the parameter",
        },
        Failing {
            tests: "test_messages.py::*deprecated_model_warning*",
            count: 5,
            says: "there is no model `claude-mythos-preview`",
            why: "nobody has configured the models that the SDK calls deprecated",
        },
        Failing {
            tests: "beta/test_messages.py::*create_with_all_params*",
            count: 10,
            says: "anthropic/claude-haiku-4-5: billing_policy: Extra inputs are not permitted",
            why: "the request went on whole, and the strict fake of Anthropic does not know the parameter",
        },
        Failing {
            tests: "beta/test_messages.py::*count_tokens_with_all_params*",
            count: 5,
            says: "Unexpected value(s) `string` for the `anthropic-beta` header",
            why: "`string` is no beta: Anthropic refuses it, and is told which were named",
        },
    ],
};
