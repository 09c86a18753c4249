//! What names mean, and which chains follow: rows H3 to H7 of the shared cases for clients of the API. H3 is overruled: what
//! nobody asked for answers nobody.

use std::collections::BTreeMap;

use super::*;
use crate::config::parse_config;
use crate::ids::ProviderId;
use crate::manifest::{Input, Manifest};
use crate::route::{Needs, RouteCandidate, RoutePlan, RouteQuestion, RouteVerdict, route_named};

const CONFIG: &str = r#"{
    models: { providers: { ollama: { models: [{ id: "glm-5:cloud", contextWindow: 100 }, { id: "shared" }] } } },
    agents: { defaults: { model: { primary: "ollama/glm-5:cloud", fallbacks: ["anthropic/claude-haiku-4-5", "ollama/shared"] } } },
}"#;
const LISTED: &str = r#"{
    agents: { defaults: { models: { "anthropic/claude-haiku-4-5": { alias: "fast" }, "ollama/x": { alias: "default" } } } },
}"#;

fn manifest(id: &str, models: &str) -> Manifest {
    let text = format!(
        "[plugin]\nid = \"{id}\"\nversion = \"0.1.0\"\ninterface = \"creel:plugin@0.1\"\nsummary = \"a test\"\n\
         [provider]\napis = [\"{id}\"]\nkeyless = true\n[endpoints.api]\ndefault = \"http://127.0.0.1:1\"\n\
         allow = [{{ method = \"POST\", path = \"/x\" }}]\n{models}"
    );
    Manifest::parse(&text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn with<T>(config: &str, ask: impl FnOnce(&Config, &Catalog) -> T) -> T {
    let config = parse_config("creel.json5", config).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let anthropic = manifest(
        "anthropic",
        "[[models]]\nid = \"claude-haiku-4-5\"\ninput = [\"text\"]\n[[models]]\nid = \"claude-*\"\ninput = [\"text\"]\n[[models]]\nid = \"shared\"\ninput = [\"text\"]",
    );
    let ollama = manifest("ollama", "[[models]]\nid = \"glm*\"\ninput = [\"text\"]");
    let provider = |name: &str| ProviderId::parse(name).expect("an id");
    let manifests = BTreeMap::from([(provider("anthropic"), &anthropic), (provider("ollama"), &ollama)]);
    let catalog = Catalog::new(&config, &manifests);
    ask(&config, &catalog)
}

fn check(config: &str, name: &str, expect: &str) {
    let got = with(config, |config, catalog| match named(config, catalog, name) {
        Ok(Named::Usual) => "usual".to_owned(),
        Ok(Named::Model(model, None)) => model.to_string(),
        Ok(Named::Model(model, Some(alias))) => format!("{model} as {alias}"),
        Err(refusal) => refusal.to_string(),
    });
    assert_eq!(got, expect, "{name}");
}

#[test]
fn a_name_means_one_model_or_none() {
    check(CONFIG, "default", "usual");
    check(CONFIG, "AUTO", "usual");
    check(CONFIG, "anthropic/claude-haiku-4-5", "anthropic/claude-haiku-4-5");
    check(CONFIG, " Anthropic /claude-haiku-4-5", "anthropic/claude-haiku-4-5"); // H5
    check(CONFIG, "claude-haiku-4-5", "anthropic/claude-haiku-4-5");
    check(CONFIG, "claude-opus-9", "anthropic/claude-opus-9");
    check(CONFIG, "glm-5:cloud", "ollama/glm-5:cloud");
    // The one that the configuration names is meant before the one that a plugin knows.
    check(CONFIG, "shared", "ollama/shared");
    check("{}", "shared", "anthropic/shared");
    check("{}", "gpt-4o", "there is no model `gpt-4o`");
    check("{}", "openai/gpt-4o", "there is no model `openai/gpt-4o`");
    check("{}", "", "there is no model ``");
    check("{}", "a\u{1b}[31m\nb", "there is no model `a[31mb`"); // H17
    let both = r#"{ models: { providers: { ollama: { models: [{ id: "shared" }] } } } }"#;
    check(both, "shared", "several providers have a model `shared`: ask for `anthropic/shared` or `ollama/shared`");
}

#[test]
fn an_alias_comes_first_and_a_list_is_a_list() {
    check(LISTED, "Fast", "anthropic/claude-haiku-4-5 as Fast");
    check(LISTED, "default", "ollama/x as default");
    // A model that stands in the list alone, such as one for vectors, has a bare name too.
    check(LISTED, "x", "ollama/x");
    check(LISTED, "ollama/y", "model `ollama/y` is not allowed: it is not in `agents.defaults.models`");
}

fn chain(name: &str, fallbacks: Option<&[&str]>, tokens: u64, expect: &[&str]) {
    with(CONFIG, |config, catalog| {
        let named = named(config, catalog, name).expect("a name");
        let models: Option<Vec<ModelRef>> =
            fallbacks.map(|all| all.iter().map(|model| ModelRef::parse(model).expect("a model")).collect());
        let needs = Needs::of([]);
        let question = RouteQuestion { named: &named, fallbacks: models.as_deref(), needs: &needs, tokens };
        let got = match route_named(config, catalog, &question).plan {
            Some(RoutePlan::Direct { chain }) => chain.iter().map(|target| target.model.to_string()).collect(),
            Some(RoutePlan::Describe { .. }) | None => Vec::new(),
        };
        assert_eq!(got, expect, "{name}");
    });
}

#[test]
fn what_was_declared_takes_over_and_nothing_else() {
    let [glm, haiku, shared] = ["ollama/glm-5:cloud", "anthropic/claude-haiku-4-5", "ollama/shared"];
    chain("default", None, 0, &[glm, haiku, shared]);
    chain(haiku, None, 0, &[haiku, shared]); // H4
    chain("anthropic/claude-opus-9", None, 0, &["anthropic/claude-opus-9"]); // H3, overruled
    chain("anthropic/claude-opus-9", Some(&[glm]), 0, &["anthropic/claude-opus-9", glm]); // H6
    chain(haiku, Some(&[]), 0, &[haiku]); // H6
    chain("default", Some(&[]), 0, &[glm]); // H6
    chain("default", Some(&[shared]), 0, &[glm, shared]); // H6
    // A request that does not fit a context goes to the next that holds it, and nowhere if there is none.
    chain(glm, None, 101, &[haiku, shared]);
    chain(glm, Some(&[]), 101, &[]);
    chain("default", None, 100, &[glm, haiku, shared]);
    chain("default", None, 101, &[haiku, shared]);
}

/// Who answers pictures and long texts, why the others do not, and what to write where nobody does.
fn derived(config: &str, (name, needs, tokens): (&str, &[Input], u64), expect: &[&str]) {
    with(config, |config, catalog| {
        let (named, needs) = (named(config, catalog, name).expect("a name"), Needs::of(needs.iter().copied()));
        let question = RouteQuestion { named: &named, fallbacks: None, needs: &needs, tokens };
        let derivation = route_named(config, catalog, &question);
        let candidate = |one: &RouteCandidate| {
            let verdict = if one.verdict == RouteVerdict::Taken { "+" } else { "-" };
            format!("{verdict} {} {}: {}", one.model, one.role, one.reason)
        };
        let hint = derivation.hint.as_ref().map(|hint| format!("hint: {hint}"));
        let got: Vec<String> = derivation.candidates.iter().map(candidate).chain(hint).collect();
        assert_eq!(got, expect, "{name} {tokens}");
    });
}

#[test]
fn the_first_that_holds_the_request_stands_in_for_the_primary() {
    let models = |rest: &str| {
        format!(
            r#"{{ models: {{ providers: {{ ollama: {{ models: [ {{ id: "small", contextWindow: 100 }},
                {{ id: "middle", contextWindow: 200 }}, {{ id: "large", contextWindow: 400 }},
                {{ id: "sees", input: ["text", "image"], contextWindow: 300 }} ] }} }} }}, {rest} }}"#
        )
    };
    let chain = models(
        r#"agents: { defaults: { model: { primary: "ollama/small", fallbacks: ["ollama/large", "ollama/middle"] } } }"#,
    );
    let small = "- ollama/small model.primary: its context holds 100 tokens, and the request has some";
    let middle = "- ollama/middle model.fallbacks[1]: its context holds 200 tokens, and the request has some";
    let large = "+ ollama/large model.fallbacks[0]: takes all that is needed";
    let (all, both) = (
        [&*format!("{small} 101"), large, "+ ollama/middle model.fallbacks[1]: takes over if those before it fail"],
        [&*format!("{small} 201"), large, &*format!("{middle} 201")],
    );
    derived(&chain, ("default", &[], 101), &all);
    derived(&chain, ("default", &[], 201), &both);
    derived(
        &chain,
        ("default", &[], 401),
        &[
            &*format!("{small} 401"),
            "- ollama/large model.fallbacks[0]: its context holds 400 tokens, and the request has some 401",
            &*format!("{middle} 401"),
            "hint: name a model with a larger context in `agents.defaults.model.fallbacks`",
        ],
    );
    derived(
        &chain,
        ("ollama/middle", &[], 201),
        &[&*format!("{middle} 201"), "hint: ask for a model with a larger context"],
    );
    // Whoever stands in gets descriptions of pictures, as the primary would.
    let described = models(
        r#"agents: { defaults: { model: { primary: "ollama/small", fallbacks: ["ollama/large"] } } },
           tools: { media: { image: { models: [{ provider: "ollama", model: "sees" }] } } }"#,
    );
    let expect = [
        &*format!("{small} 250"),
        "+ ollama/sees describe[0]: describes pictures",
        "+ ollama/large model.fallbacks[0]: gets descriptions in place of the pictures",
    ];
    derived(&described, ("default", &[Input::Image], 250), &expect);
    derived(&described, ("ollama/small", &[Input::Image], 250), &expect);
    // Where the whole chain is too small for a picture, the image model is still there.
    let image = models(
        r#"agents: { defaults: { model: { primary: "ollama/small" }, imageModel: { primary: "ollama/sees" } } }"#,
    );
    derived(
        &image,
        ("default", &[Input::Image], 250),
        &[&*format!("{small} 250"), "+ ollama/sees imageModel.primary: takes what the primary cannot"],
    );
}
