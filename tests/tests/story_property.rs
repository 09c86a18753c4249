//! For random configurations: the credential that the upstream received is the one that `explain auth` told before and
//! that `models status` tells after, for answers, for pictures and for descriptions of them.
//!
//! Nothing here knows which credential ought to win. What is compared is what was said and what was received, by the
//! value that the test itself put under each id. The runtime makes no calls for tools yet, so none is compared; what a
//! request is for is recorded by the one function that chooses, and never a reason to choose.

#![expect(clippy::panic, reason = "a test that cannot be set up cannot go on")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{SystemTime, UNIX_EPOCH};

use creel_fakes::{Recorded, anthropic, ollama, pictures};
use creel_policy::config::parse_config;
use creel_policy::credential::{CredentialDerivation, Use};
use creel_policy::ids::ProviderId;
use creel_policy::manifest::CredentialClass;
use creel_runtime::AuthQuestion;
use creel_store::secrets::{Environment, Places, Secret, open_vault};
use creel_store::state::StateRoot;
use creel_tests::house::{Fakes, House, Place};
use creel_tests::scene::{alice, alice_shows, ask, refusals};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::json;
use tempfile::TempDir;

const CASES: u32 = 48;
/// A case takes a daemon's start and two answers: a failure is shown as it was found, or little simpler.
const SHRINK_STEPS_MAX: u32 = 24;
/// As the plugin of Anthropic is asked for answers.
const CHAT_MODEL: &str = "claude-haiku-4-5";
/// The same model by its other name, so that a request tells by itself what it is for.
const IMAGE_MODEL: &str = "claude-haiku-4-5-20251001";
const PROFILES: usize = 3;
const ENTRY_ID: &str = "models.providers.anthropic.apiKey";
const STALE_KEY: &str = "sk-ant-api03-stale-key-0123456789abcdef";
const STALE_TOKEN: &str = "sk-ant-oat01-stale-token-0123456789abcdef";

/// Where a value is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kept {
    Plain,
    Variable,
    UnsetVariable,
    File,
    Vault,
}

/// What a variable of the plugin's manifest holds.
#[derive(Clone, Copy, Debug)]
enum Held {
    Nothing,
    Good,
    Stale,
}

/// A credential as it is configured.
#[derive(Clone, Copy, Debug)]
struct Spec {
    is_token: bool,
    kept: Kept,
}

#[derive(Clone, Debug)]
struct Case {
    profiles: Vec<Spec>,
    /// An explicit order of them, or none; several always have one, since they would be taken in turn.
    order: Option<Vec<usize>>,
    /// The profiles that the two models name.
    pinned: [Option<usize>; 2],
    entry: Option<(Option<&'static str>, Spec)>,
    variables: [Held; 2],
    describes: bool,
    has_header: bool,
}

fn spec() -> impl Strategy<Value = Spec> {
    let kept = prop_oneof![
        2 => Just(Kept::Plain), 3 => Just(Kept::Variable), 1 => Just(Kept::UnsetVariable),
        2 => Just(Kept::File), 2 => Just(Kept::Vault),
    ];
    (any::<bool>(), kept).prop_map(|(is_token, kept)| Spec { is_token, kept })
}

fn case() -> impl Strategy<Value = Case> {
    let held = || prop_oneof![Just(Held::Nothing), Just(Held::Good), Just(Held::Stale)];
    let entry = (prop_oneof![Just(None), Just(Some("api-key")), Just(Some("token"))], spec());
    let order = (any::<bool>(), Just((0..PROFILES).collect::<Vec<_>>()).prop_shuffle(), 1..=PROFILES);
    let pin = || prop::option::weighted(0.3, 0..PROFILES);
    let profiles = prop::collection::vec(spec(), 0..=PROFILES);
    let rest = ([held(), held()], any::<bool>(), any::<bool>());
    (profiles, order, [pin(), pin()], prop::option::weighted(0.35, entry), rest).prop_map(
        |(profiles, (is_ordered, order, length), pinned, entry, (variables, describes, has_header))| {
            let count = profiles.len();
            let order = order.into_iter().filter(|index| *index < count).take(length).collect();
            let order = (count > 1 || (count == 1 && is_ordered)).then_some(order);
            let pinned = pinned.map(|pin| pin.filter(|index| *index < count));
            Case { profiles, order, pinned, entry, variables, describes, has_header }
        },
    )
}

/// The value that the test gave to a credential.
fn value(name: &str, is_token: bool) -> String {
    let kind = if is_token { "oat01" } else { "api03" };
    format!("sk-ant-{kind}-value-of-{name}-0123456789abcdef")
}

/// The names of all configured credentials.
fn names() -> impl Iterator<Item = String> {
    (0..PROFILES).map(|index| format!("p{index}")).chain(["entry".to_owned(), "variable".to_owned()])
}

/// A file of secrets beside the state directories, which a reference of source `file` leads to.
fn secrets_file() -> (TempDir, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("secrets.json");
    let all =
        names().flat_map(|name| [false, true].map(|is_token| (format!("{name}-{is_token}"), value(&name, is_token))));
    let all: BTreeMap<String, String> = all.collect();
    fs::write(&path, json!(all).to_string()).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
    let path = path.display().to_string();
    (directory, path)
}

/// What an id stands for: the value, where it is kept, and its class; `None` where there is no value.
type Truth = BTreeMap<String, (String, String, CredentialClass)>;

/// A place for a case, and what each id stands for there.
struct Built {
    place: Place,
    truth: Truth,
    stale: Vec<&'static str>,
}

struct Builder {
    variables: Vec<(String, String)>,
    vault: Vec<(String, String)>,
    truth: Truth,
}

impl Builder {
    /// The JSON of one credential.
    fn write(&mut self, (name, id): (&str, &str), spec: Spec, plain_source: &str) -> serde_json::Value {
        let Spec { is_token, kept } = spec;
        let (value, variable) = (value(name, is_token), format!("VALUE_OF_{}", name.to_uppercase()));
        let reference =
            |source: &str, provider: &str, id: &str| json!({"source": source, "provider": provider, "id": id});
        let (written, source) = match kept {
            Kept::Plain => (json!(value), plain_source.to_owned()),
            Kept::Variable => {
                self.variables.push((variable.clone(), value.clone()));
                (reference("env", "default", &variable), format!("env:{variable}"))
            }
            Kept::UnsetVariable => (reference("env", "default", "NEVER_SET"), "env:NEVER_SET".to_owned()),
            Kept::File => {
                let pointer = format!("/{name}-{is_token}");
                (reference("file", "store", &pointer), format!("file:store#{pointer}"))
            }
            Kept::Vault => {
                self.vault.push((name.to_owned(), value.clone()));
                (reference("vault", "default", name), format!("vault:{name}"))
            }
        };
        let class = if is_token { CredentialClass::Token } else { CredentialClass::ApiKey };
        if kept != Kept::UnsetVariable {
            self.truth.insert(id.to_owned(), (value, source, class));
        }
        written
    }

    fn profiles(&mut self, case: &Case) -> String {
        let profiles = case.profiles.iter().enumerate().map(|(index, spec)| {
            let (name, id) = (format!("p{index}"), format!("anthropic:p{index}"));
            let written = self.write((&name, &id), *spec, "auth-profiles.json (plaintext)");
            let (kind, key) = if spec.is_token { ("token", "token") } else { ("api_key", "key") };
            let key = if written.is_string() { key.to_owned() } else { format!("{key}Ref") };
            (id, json!({"type": kind, "provider": "anthropic", key: written}))
        });
        let profiles: serde_json::Map<_, _> = profiles.collect();
        let mut file = json!({"version": 1, "profiles": profiles});
        if let Some(order) = &case.order {
            let order: Vec<_> = order.iter().map(|index| format!("anthropic:p{index}")).collect();
            file["order"] = json!({"anthropic": order});
        }
        file.to_string()
    }

    fn environment(&mut self, case: &Case) -> Vec<&'static str> {
        let mut stale = Vec::new();
        let both = [("ANTHROPIC_API_KEY", STALE_KEY, false), ("ANTHROPIC_OAUTH_TOKEN", STALE_TOKEN, true)];
        for (held, (name, old, is_token)) in case.variables.iter().zip(both) {
            let value = match held {
                Held::Nothing => continue,
                Held::Good => value("variable", is_token),
                Held::Stale => {
                    stale.push(old);
                    old.to_owned()
                }
            };
            let class = if is_token { CredentialClass::Token } else { CredentialClass::ApiKey };
            self.variables.push((name.to_owned(), value.clone()));
            self.truth.insert(format!("env:{name}"), (value, format!("env:{name}"), class));
        }
        stale
    }
}

fn build(case: &Case, fakes: &Fakes, secrets_file: &str) -> Built {
    let mut builder = Builder { variables: Vec::new(), vault: Vec::new(), truth: Truth::new() };
    let profiles = builder.profiles(case);
    let stale = builder.environment(case);
    let models = [(CHAT_MODEL, json!(["text"])), (IMAGE_MODEL, json!(["text", "image"]))];
    let models = models.map(|(id, input)| json!({"id": id, "input": input}));
    let mut entry = json!({"baseUrl": fakes.anthropic.base_url(), "models": models});
    if case.has_header {
        entry["headers"] = json!({"x-org": "an organisation"});
    }
    if let Some((auth, spec)) = case.entry {
        // What `apiKey` holds is a token where `auth` says so.
        let spec = Spec { is_token: auth == Some("token"), ..spec };
        entry["apiKey"] = builder.write(("entry", ENTRY_ID), spec, "creel.json5 (plaintext)");
        auth.into_iter().for_each(|auth| entry["auth"] = json!(auth));
    }
    let pin = |pinned: Option<usize>| pinned.map(|index| format!("anthropic:p{index}"));
    let chain = |model: &str, pinned| match pin(pinned) {
        Some(profile) => json!({"primary": format!("anthropic/{model}"), "profile": profile}),
        None => json!({"primary": format!("anthropic/{model}")}),
    };
    let mut defaults = json!({"model": chain(CHAT_MODEL, case.pinned[0])});
    let mut describers = Vec::new();
    if case.describes {
        let mut describer = json!({"provider": "anthropic", "model": IMAGE_MODEL});
        pin(case.pinned[1]).into_iter().for_each(|profile| describer["profile"] = json!(profile));
        describers.push(describer);
    } else {
        defaults["imageModel"] = chain(IMAGE_MODEL, case.pinned[1]);
    }
    let place = Place::with(format!(
        r"{{ secrets: {{ providers: {{ store: {{ source: 'file', path: '{secrets_file}' }} }} }},
             models: {{ providers: {{ anthropic: {entry} }} }}, agents: {{ defaults: {defaults} }},
             tools: {{ media: {{ image: {{ models: {} }} }} }}, {} }}",
        json!(describers),
        fakes.channel()
    ));
    let place =
        builder.variables.iter().fold(place.profiles(&profiles), |place, (name, value)| place.variable(name, value));
    fill_vault(&place, &builder.vault);
    Built { place, truth: builder.truth, stale }
}

fn fill_vault(place: &Place, values: &[(String, String)]) {
    let root = StateRoot::open_ambient(place.path()).expect("a state directory");
    let config = parse_config("creel.json5", place.config()).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let (environment, key) = (Environment::of([]), root.fingerprint_key().expect("a key"));
    let places = Places { environment: &environment, key: &key, state: Some(&root), home: None };
    let vault = open_vault(&config.secrets, &places).expect("a vault").expect("a vault in a state directory");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock past 1970").as_millis();
    for (name, value) in values {
        vault.set(name, &Secret::parse(value).expect("a secret"), u64::try_from(now).expect("soon")).expect("kept");
    }
}

/// What `explain auth` tells of the two models.
fn explained(house: &House) -> [CredentialDerivation; 2] {
    let provider = ProviderId::parse("anthropic").expect("an id");
    [Use::Chat, Use::Image].map(|use_| {
        let question = AuthQuestion { provider: &provider, use_: Some(use_), model: None, profile: None };
        let explained = house.host.knowledge().explain_auth(&question, house.host.now_ms());
        explained.unwrap_or_else(|problems| panic!("{problems:#?}"))
    })
}

/// A credential, as far as it can be told: id, source, class, fingerprint.
type Told = (String, String, Option<CredentialClass>, Option<String>);

fn chosen(derivation: &CredentialDerivation) -> Option<Told> {
    let one = derivation.chosen()?;
    Some((one.id.clone(), one.source.clone(), one.class, one.fingerprint.clone()))
}

/// What `models status` tells of a use: its state, and the credential.
fn status(house: &House, use_: Use) -> (&'static str, Option<Told>) {
    let all = house.host.knowledge().models_status(house.host.now_ms()).into_iter();
    let anthropic = all.filter(|status| status.provider.as_str() == "anthropic");
    let mut uses = anthropic.flat_map(|status| status.uses).filter(|used| used.use_ == use_);
    let used = uses.next().expect("a use");
    assert!(uses.next().is_none(), "one model for each use");
    (used.state, used.winner.map(|one| (one.id, one.source, one.class, one.fingerprint)))
}

/// The use that a request was made for, by its model.
fn use_of(request: &Recorded) -> Use {
    let body: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
    if body["model"] == IMAGE_MODEL { Use::Image } else { Use::Chat }
}

/// The credential of a request: its value and the class of the header that it stands in.
fn credential(request: &Recorded) -> Option<(String, CredentialClass)> {
    match (request.header("x-api-key"), request.header("authorization")) {
        (None, None) => None,
        (Some(key), None) => Some((key.to_owned(), CredentialClass::ApiKey)),
        (None, Some(bearer)) => {
            let token = bearer.strip_prefix("Bearer ").expect("a bearer");
            Some((token.to_owned(), CredentialClass::Token))
        }
        (Some(_), Some(_)) => panic!("two credentials in one request"),
    }
}

/// One message, what was told before and after, and what was received in between.
struct Seen {
    before: [CredentialDerivation; 2],
    received: Vec<Recorded>,
    after: [(&'static str, Option<Told>); 2],
}

async fn observe(fakes: &Fakes, place: &Place) -> [Seen; 2] {
    let house = place.start().await;
    let mut seen = Vec::new();
    for message in [alice().saying("hello"), alice_shows(&pictures::jpeg(), "what is this?")] {
        let (before, known) = (explained(&house), fakes.anthropic.requests().len());
        ask(fakes, &house, &message).await;
        let received = fakes.anthropic.requests().split_off(known);
        let after = [Use::Chat, Use::Image].map(|use_| status(&house, use_));
        seen.push(Seen { before, received, after });
    }
    house.stop().await;
    seen.try_into().ok().expect("two messages")
}

/// How often each kind of credential was received; a test that never sees one proves nothing of it.
type Tally = BTreeMap<String, usize>;

fn judge(seen: &Seen, built: &Built, (asked, has_header): (Use, bool), tally: &mut Tally) -> Result<(), TestCaseError> {
    let root = StateRoot::open_ambient(built.place.path()).expect("a state directory");
    let key = root.fingerprint_key().expect("a key");
    for (index, use_) in [Use::Chat, Use::Image].into_iter().enumerate() {
        let told = chosen(&seen.before[index]);
        let received: Vec<_> = seen.received.iter().filter(|request| use_of(request) == use_).collect();
        let (state, winner) = &seen.after[index];
        let Some((id, source, class, fingerprint)) = told.clone() else {
            prop_assert!(seen.before[index].failure.is_some());
            prop_assert_eq!(received.len(), 0, "{:?}: `explain` told of a failure", use_);
            prop_assert!(["failed", "cooling"].contains(state) && winner.is_none(), "{}: {:?}", state, winner);
            *tally.entry(format!("{use_:?} failed")).or_default() += 1;
            continue;
        };
        prop_assert!(use_ != asked || !received.is_empty(), "{:?}: nothing was received", use_);
        prop_assert!(received.iter().all(|one| one.header("x-org") == has_header.then_some("an organisation")));
        let truth = built.truth.get(&id);
        for request in &received {
            let expect = truth.map(|(value, _, class)| (value.clone(), *class));
            prop_assert_eq!(credential(request), expect, "{:?}: `explain` told of `{}`", use_, &id);
            let kind = id.split([':', '.']).next().unwrap_or_default();
            let kept = source.split(':').next().unwrap_or_default();
            *tally.entry(format!("{use_:?} {kind} {kept}")).or_default() += 1;
        }
        let Some((value, kept, kind)) = truth else {
            prop_assert_eq!((id.as_str(), class, &fingerprint), ("none", None, &None));
            prop_assert!(winner.is_none(), "{:?}", winner);
            continue;
        };
        let expect = Secret::parse(value).expect("a secret").fingerprint(&key);
        prop_assert_eq!((&source, class, fingerprint.as_ref()), (kept, Some(*kind), Some(&expect)));
        if built.stale.contains(&value.as_str()) && !received.is_empty() {
            // What was refused rests, and nothing takes over for it behind the operator's back.
            prop_assert_eq!((*state, winner), ("cooling", &None));
        } else if !received.is_empty() {
            prop_assert_eq!((*state, winner), ("ok", &told));
        }
    }
    Ok(())
}

#[test]
fn what_was_told_before_is_what_was_received_and_what_is_told_after() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let mut config = anthropic::Config::with_api_key(&value("variable", false));
    for name in names() {
        config = config.and_api_key(&value(&name, false)).and_oauth_token(&value(&name, true));
    }
    let fakes = runtime.block_on(Fakes::replying(config, ollama::Config::new()));
    let (_directory, secrets_file) = secrets_file();
    let tally = std::cell::RefCell::new(Tally::new());
    let config =
        Config { cases: CASES, max_shrink_iters: SHRINK_STEPS_MAX, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(&case(), |case| {
        let built = build(&case, &fakes, &secrets_file);
        let [text, picture] = runtime.block_on(observe(&fakes, &built.place));
        let mut tally = tally.borrow_mut();
        judge(&text, &built, (Use::Chat, case.has_header), &mut tally)?;
        judge(&picture, &built, (Use::Image, case.has_header), &mut tally)
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));

    // Each kind of credential, from each kind of place, was seen for both uses.
    let tally = tally.into_inner();
    let kinds = ["anthropic auth-profiles.json (plaintext)", "anthropic env", "anthropic file", "anthropic vault"];
    let others = ["models env", "env env", "failed"];
    for kind in kinds.into_iter().chain(others) {
        for use_ in ["Chat", "Image"] {
            assert!(tally.contains_key(&format!("{use_} {kind}")), "{use_} {kind}: {tally:#?}");
        }
    }
    // The fake found fault with nothing but what was stale or absent.
    let faults = ["invalid x-api-key", "Invalid bearer token", "x-api-key header is required"];
    let other = |refusal: &String| !faults.iter().any(|fault| refusal.contains(fault));
    assert_eq!(refusals(&fakes).into_iter().filter(other).collect::<Vec<_>>(), [""; 0]);
}
