//! The route of a turn. Rows of the shared cases are named by their id; where the design overrules a row, the case
//! says so.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::config::parse_config;
use crate::ids::ProviderId;
use crate::manifest::Manifest;

/// A manifest of a provider with these models: `id` takes text, `id+image` pictures too.
fn manifest(id: &str, models: &str) -> Manifest {
    let model = |text: &str| {
        let (name, input) = text.split_once('+').unwrap_or((text, ""));
        let input = if input.is_empty() { "\"text\"".to_owned() } else { format!("\"text\", \"{input}\"") };
        format!("[[models]]\nid = \"{name}\"\ninput = [{input}]\n")
    };
    let models: String = models.split_whitespace().map(model).collect();
    let text = format!(
        "[plugin]\nid = \"{id}\"\nversion = \"0.1.0\"\ninterface = \"creel:plugin@0.1\"\nsummary = \"a test\"\n\
         [provider]\napis = [\"{id}\"]\nkeyless = true\n\
         [endpoints.api]\ndefault = \"https://api.example.com\"\nallow = [{{ method = \"POST\", path = \"/v1\" }}]\n{models}"
    );
    Manifest::parse(&text).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// Ollama's models take text alone; Claude and `vision*` take pictures.
fn manifests() -> BTreeMap<ProviderId, Manifest> {
    let providers = [
        ("ollama", "glm-5:cloud vision*+image"),
        ("anthropic", "claude*+image"),
        ("openai", "gpt* gpt-o+image ears+audio"),
    ];
    let provider = |(id, models)| (ProviderId::parse(id).expect("an id"), manifest(id, models));
    providers.into_iter().map(provider).collect()
}

fn derive(config: &str, needs: &[Input]) -> RouteDerivation {
    with_catalog(config, |config, catalog| route(config, catalog, &Needs::of(needs.iter().copied())))
}

fn with_catalog<T>(config: &str, ask: impl FnOnce(&Config, &Catalog) -> T) -> T {
    let config = parse_config("creel.json5", config).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let manifests = manifests();
    let manifests = manifests.iter().map(|(id, manifest)| (id.clone(), manifest)).collect();
    ask(&config, &Catalog::new(&config, &manifests))
}

/// `a -> b`, `describe: d; a -> b`, or `failed`.
fn plan(derivation: &RouteDerivation) -> String {
    let names = |targets: &[ModelTarget]| {
        let name = |target: &ModelTarget| match (&target.profile, &target.preferred_profile) {
            (None, None) => target.model.to_string(),
            (profile, preferred) => {
                let shown = |id: &Option<ProfileId>| id.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
                format!("{}@{}/{}", target.model, shown(profile), shown(preferred))
            }
        };
        targets.iter().map(name).collect::<Vec<_>>().join(" -> ")
    };
    match &derivation.plan {
        None => "failed".to_owned(),
        Some(RoutePlan::Direct { chain }) => names(chain),
        Some(RoutePlan::Describe { describers, chain }) => {
            format!("describe: {}; {}", names(describers), names(chain))
        }
    }
}

#[track_caller]
fn check(id: &str, config: &str, needs: &[Input], expect: &str) {
    let derivation = derive(config, needs);
    assert_eq!(plan(&derivation), expect, "{id}: {derivation:#?}");
    consistent(&derivation);
}

/// What holds for every derivation.
#[track_caller]
fn consistent(derivation: &RouteDerivation) {
    assert_eq!(derivation.plan.is_none(), derivation.failure.is_some(), "{derivation:#?}");
    assert_eq!(derivation.failure.is_some(), derivation.hint.is_some(), "{derivation:#?}");
    assert!(derivation.candidates.iter().all(|candidate| !candidate.reason.is_empty()), "{derivation:#?}");
    let taken = derivation.candidates.iter().filter(|candidate| candidate.verdict == RouteVerdict::Taken);
    let taken: Vec<(&ModelRef, Role)> = taken.map(|candidate| (&candidate.model, candidate.role)).collect();
    let planned: Vec<(&ModelRef, Role)> = match &derivation.plan {
        None => Vec::new(),
        Some(RoutePlan::Direct { chain }) => chain.iter().map(|target| (&target.model, target.role)).collect(),
        Some(RoutePlan::Describe { describers, chain }) => {
            describers.iter().chain(chain).map(|target| (&target.model, target.role)).collect()
        }
    };
    assert_eq!(taken, planned, "what is taken is what is planned, in this order");
    assert!(derivation.plan.is_none() || !planned.is_empty(), "a plan calls somebody");
}

const TEXT: &[Input] = &[];
const IMAGE: &[Input] = &[Input::Image];

/// The story's configuration, with and without somebody who describes.
const STORY: &str = "{ agents: { defaults: { model: { primary: 'ollama/glm-5:cloud' },
    imageModel: { primary: 'anthropic/claude-haiku-4-5', fallbacks: [] } } } }";
const DESCRIBED: &str = "{ agents: { defaults: { model: { primary: 'ollama/glm-5:cloud', fallbacks: ['openai/gpt'] },
    imageModel: { primary: 'anthropic/claude-haiku-4-5', fallbacks: [] } } },
    tools: { media: { image: { models: [
      { provider: 'openai', model: 'gpt' },
      { provider: 'anthropic', model: 'claude-haiku-4-5', profile: 'anthropic:default', preferredProfile: 'p' } ] } } } }";

#[test]
fn the_story_routes_pictures_by_the_same_code_as_text() {
    check("U1", STORY, TEXT, "ollama/glm-5:cloud");
    check("U1", STORY, IMAGE, "anthropic/claude-haiku-4-5");
    // I7: both profiles reach the call. I10 and I11: whoever does not take pictures is passed over.
    let expect = "describe: anthropic/claude-haiku-4-5@anthropic:default/p; ollama/glm-5:cloud -> openai/gpt";
    check("I7", DESCRIBED, IMAGE, expect);
    check("I7", DESCRIBED, TEXT, "ollama/glm-5:cloud -> openai/gpt");
    let reasons: Vec<String> = derive(DESCRIBED, IMAGE)
        .candidates
        .into_iter()
        .map(|candidate| format!("{}: {}", candidate.model, candidate.reason))
        .collect();
    assert_eq!(
        reasons,
        [
            "openai/gpt: does not take image (it takes text: plugin `openai`, model `gpt*`)",
            "anthropic/claude-haiku-4-5: describes pictures",
            "ollama/glm-5:cloud: gets descriptions in place of the pictures",
            "openai/gpt: takes over if those before it fail",
            "anthropic/claude-haiku-4-5: `tools.media.image.models` comes first",
        ],
    );
}

#[test]
fn group_i_who_sees_pictures() {
    let config = |model: &str, rest: &str| format!("{{ agents: {{ defaults: {{ model: {model}{rest} }} }} }}");
    let blind = "'ollama/glm-5:cloud'";
    check("I1", &config(blind, ""), IMAGE, "failed");
    check("I2", &config(blind, ", imageModel: 'openai/gpt-o'"), IMAGE, "openai/gpt-o");
    // I3 is overruled: nobody is asked whom the configuration does not name, whatever keys there are.
    check("I3", &config(blind, ""), IMAGE, "failed");
    check("I5", &config("'ollama/vision-2'", ", imageModel: 'openai/gpt-o'"), IMAGE, "ollama/vision-2");
    let fallback = ", imageModel: { primary: 'anthropic/claude-1', fallbacks: ['openai/gpt', 'openai/gpt-o', 'anthropic/claude-1'] }";
    check("I6", &config(blind, fallback), IMAGE, "anthropic/claude-1 -> openai/gpt-o");
    let chain = "{ primary: 'anthropic/claude-1', fallbacks: ['ollama/glm-5:cloud', 'openai/gpt-o'] }";
    check("fallbacks that cannot see are left out", &config(chain, ""), IMAGE, "anthropic/claude-1 -> openai/gpt-o");
    check(
        "and are kept for text",
        &config(chain, ""),
        TEXT,
        "anthropic/claude-1 -> ollama/glm-5:cloud -> openai/gpt-o",
    );
    // #4607: a fallback that sees does not make up for a primary that does not.
    let seeing = "{ primary: 'ollama/glm-5:cloud', fallbacks: ['openai/gpt-o'] }";
    check("a primary that cannot see", &config(seeing, ""), IMAGE, "failed");
    let off = DESCRIBED.replace("image: { models", "image: { enabled: false, models");
    check("I13", &off, IMAGE, "anthropic/claude-haiku-4-5");
    let shared = STORY.replace("}\n", "}").replacen(
        "} } } }",
        "} } }, tools: { media: { models: [
        { provider: 'openai', model: 'gpt' }, { provider: 'openai', model: 'gpt-o' } ] } } }",
        1,
    );
    check("I10", &shared, IMAGE, "describe: openai/gpt-o; ollama/glm-5:cloud");
    // I15: each entry brings its bound, so that a larger picture is left to the next.
    let bounded = DESCRIBED.replace("models: [", "maxBytes: 7, models: [").replace("'gpt' }", "'gpt-o', maxBytes: 3 }");
    let terms = match derive(&bounded, IMAGE).plan {
        Some(RoutePlan::Describe { describers, .. }) => describers,
        other => panic!("I15: {other:#?}"),
    };
    let bounds: Vec<_> = terms.iter().map(|target| target.describe.as_ref().map(|terms| terms.bytes_max)).collect();
    assert_eq!(bounds, [Some(3), Some(7)], "I15");
    // I8 cannot be: what a model takes in does not depend on the profile that it is called with.
    check("I8", &DESCRIBED.replace("profile: 'anthropic:default', ", ""), IMAGE, DESCRIBED_BY_PREFERENCE);
    check("sound is nobody's", STORY, &[Input::Image, Input::Audio], "failed");
    check("sound is somebody's", &config("'openai/ears'", ""), &[Input::Audio], "openai/ears");
}

/// What I8 comes to.
const DESCRIBED_BY_PREFERENCE: &str = "describe: anthropic/claude-haiku-4-5@-/p; ollama/glm-5:cloud -> openai/gpt";

#[test]
fn group_h_chains() {
    let chain = "{ models: { providers: {} }, agents: { defaults: {
        models: { 'openai/gpt': {} }, model: { primary: ' OpenAI /gpt', fallbacks: ['anthropic/claude-1'] } } } }";
    // H1 and H5; H7: what may be picked says nothing about chains.
    check("H1", chain, TEXT, "openai/gpt -> anthropic/claude-1");
    let own = "{ agents: { defaults: { model: { primary: 'openai/gpt', profile: 'work',
        fallbacks: ['openai/gpt-o', 'ollama/glm-5:cloud'] } } } }";
    check(
        "a profile is for its provider alone",
        own,
        TEXT,
        "openai/gpt@work/- -> openai/gpt-o@work/- -> ollama/glm-5:cloud",
    );
    let unserved = "{ agents: { defaults: { model: { primary: 'nobody/x', fallbacks: ['openai/gpt'] } } } }";
    check("nobody serves the primary", unserved, TEXT, "failed");
    check("nothing is configured", "{}", TEXT, "failed");
}

#[test]
fn what_is_shown_is_what_is_called() {
    // U16: status lists the very targets that a route takes.
    let config =
        DESCRIBED.replace("fallbacks: ['openai/gpt']", "profile: 'work', fallbacks: ['ollama/vision-1', 'openai/gpt']");
    let config = parse_config("creel.json5", &config).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let all = targets(&config);
    let shown: Vec<String> = all.iter().map(|target| format!("{} {}", target.role, target.model)).collect();
    assert_eq!(
        shown,
        [
            "model.primary ollama/glm-5:cloud",
            "model.fallbacks[0] ollama/vision-1",
            "model.fallbacks[1] openai/gpt",
            "imageModel.primary anthropic/claude-haiku-4-5",
            "describe[0] openai/gpt",
            "describe[1] anthropic/claude-haiku-4-5",
        ],
    );
    let manifests = manifests();
    let manifests = manifests.iter().map(|(id, manifest)| (id.clone(), manifest)).collect();
    let catalog = Catalog::new(&config, &manifests);
    for needs in [TEXT, IMAGE] {
        let planned = match route(&config, &catalog, &Needs::of(needs.iter().copied())).plan {
            Some(RoutePlan::Direct { chain }) => chain,
            Some(RoutePlan::Describe { describers, chain }) => [describers, chain].concat(),
            None => panic!("there is a plan"),
        };
        assert!(planned.iter().all(|target| all.contains(target)), "{planned:#?}");
    }
}

#[test]
fn failures_say_what_to_write() {
    let text = |config: &str, needs: &[Input]| {
        let derivation = derive(config, needs);
        format!("{} | {}", derivation.failure.unwrap_or_default(), derivation.hint.unwrap_or_default())
    };
    let blind = "{ agents: { defaults: { model: 'ollama/glm-5:cloud' } } }";
    assert_eq!(
        text(blind, IMAGE),
        "no configured model takes text, image: `ollama/glm-5:cloud`: does not take image (it takes text: plugin `ollama`, \
         model `glm-5:cloud`) | name a model that takes it in `agents.defaults.imageModel.primary`, or one that \
         describes pictures in `tools.media.image.models`",
    );
    assert_eq!(text("{}", TEXT), "no model is configured | write `agents.defaults.model.primary`");
    assert_eq!(
        text("{ agents: { defaults: { model: 'nobody/x' } } }", TEXT),
        "no configured model takes text: `nobody/x`: no plugin serves provider `nobody` | name a model that takes it in \
         `agents.defaults.model.primary`",
    );
}

#[test]
fn a_pick_is_exact() {
    let config = "{ agents: { defaults: { models: { 'openai/gpt': { alias: 'Fast' }, 'ollama/glm-5:cloud': {} },
        model: 'anthropic/claude-1', imageModel: 'anthropic/claude-1' } } }";
    let picked = |config: &str, text: &str, needs: &[Input]| {
        with_catalog(config, |config, catalog| match named(config, catalog, text) {
            Err(refusal) => refusal.to_string(),
            Ok(named) => {
                let needs = Needs::of(needs.iter().copied());
                let question = RouteQuestion { named: &named, fallbacks: None, needs: &needs, tokens: 0 };
                let derivation = route_named(config, catalog, &question);
                consistent(&derivation);
                plan(&derivation)
            }
        })
    };
    // H3 is overruled: who asks for a model outside the chains is answered by that model, or told why not.
    assert_eq!(picked(config, "openai/gpt", TEXT), "openai/gpt", "H3");
    assert_eq!(picked(config, "fast", TEXT), "openai/gpt");
    assert_eq!(picked(config, "openai/gpt", IMAGE), "failed");
    let not_allowed = "model `openai/gpt-o` is not allowed: it is not in `agents.defaults.models`";
    assert_eq!(picked(config, "openai/gpt-o", TEXT), not_allowed);
    assert_eq!(picked(config, "slow", TEXT), "there is no model `slow`");
    assert_eq!(picked(STORY, "openai/gpt-o", IMAGE), "openai/gpt-o");
    assert_eq!(picked(STORY, "nobody/x", TEXT), "there is no model `nobody/x`");
    let described = "describe: anthropic/claude-haiku-4-5@anthropic:default/p; openai/gpt";
    assert_eq!(picked(DESCRIBED, "openai/gpt", IMAGE), described);
}

#[test]
fn the_derivation_is_plain_data() {
    let json = serde_json::to_string(&derive(STORY, IMAGE)).expect("it is plain data");
    insta::assert_snapshot!(json.replace("},", "},\n").replace("],", "],\n"), @r#"
    {"needs":["text","image"],
    "candidates":[{"model":"ollama/glm-5:cloud","role":"model.primary","verdict":"passed-over","reason":"does not take image (it takes text: plugin `ollama`, model `glm-5:cloud`)"},
    {"model":"anthropic/claude-haiku-4-5","role":"imageModel.primary","verdict":"taken","reason":"takes what the primary cannot"}],
    "plan":{"direct":{"chain":[{"model":"anthropic/claude-haiku-4-5","role":"imageModel.primary","profile":null,"preferred_profile":null,"describe":null}]}},
    "failure":null,"hint":null}
    "#);
}

proptest! {
    #[test]
    fn there_is_a_plan_or_a_failure(
        models in proptest::collection::vec(0..MODELS.len(), 7),
        given in proptest::collection::vec(any::<bool>(), 7),
        needs in proptest::collection::btree_set(0..4_usize, 0..4),
    ) {
        let model = |at: usize| format!("'{}'", MODELS[models[at]]);
        let some = |at: usize, text: String| if given[at] { text } else { String::new() };
        let describer = |at: usize| {
            let (provider, model) = MODELS[models[at]].split_once('/').expect("a model");
            format!("{{ provider: '{provider}', model: '{model}' }},")
        };
        let config = format!(
            "{{ agents: {{ defaults: {{ {}{} }} }}, tools: {{ media: {{ image: {{ enabled: {}, models: [{}{}] }} }} }} }}",
            some(0, format!("model: {{ primary: {}, fallbacks: [{}, {}] }},", model(0), model(1), model(2))),
            some(1, format!("imageModel: {{ primary: {}, fallbacks: [{}] }},", model(3), model(4))),
            given[2],
            some(3, describer(5)),
            some(4, describer(6)),
        );
        let kinds = [Input::Image, Input::Audio, Input::Video, Input::Document];
        let needs: Vec<Input> = needs.into_iter().map(|at| kinds[at]).collect();
        let derivation = derive(&config, &needs);
        consistent(&derivation);
        let configured = 3 * usize::from(given[0]) + 2 * usize::from(given[1]) + usize::from(given[3]) + usize::from(given[4]);
        prop_assert_eq!(derivation.candidates.len(), configured, "each is named once: {:#?}", derivation);
        // Nobody is given what it does not take.
        with_catalog(&config, |_, catalog| {
            let takes = |target: &ModelTarget, needs: &Needs| needs.unmet(&catalog.facts(&target.model).input).is_empty();
            let whole = Needs::of(needs.iter().copied());
            match &derivation.plan {
                None => true,
                Some(RoutePlan::Direct { chain }) => chain.iter().all(|target| takes(target, &whole)),
                Some(RoutePlan::Describe { describers, chain }) => {
                    describers.iter().all(|target| takes(target, &Needs::of([Input::Image])))
                        && chain.iter().all(|target| takes(target, &whole.without(Input::Image)))
                }
            }
        }).then_some(()).ok_or_else(|| TestCaseError::fail(format!("{derivation:#?}")))?;
    }
}

const MODELS: [&str; 7] = [
    "ollama/glm-5:cloud",
    "ollama/vision-1",
    "anthropic/claude-1",
    "openai/gpt",
    "openai/gpt-o",
    "openai/ears",
    "nobody/x",
];
