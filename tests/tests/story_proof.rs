//! A credential proves itself: what an upstream refused is told to the operator with its derivation and to nobody else,
//! and a probe sends what `status` shows.

use creel_fakes::{anthropic, ollama};
use creel_policy::credential::CredentialDerivation;
use creel_policy::probe::ProbeStatus;
use creel_runtime::{Probe, Step};
use creel_store::audit::AuditRecord;
use creel_tests::house::{API_KEY, Fakes, House};
use creel_tests::scene::{SEEING_PRIMARY, Scene, TEXT_AND_IMAGE_MODEL, alice, ask, files_below};

const REFUSED: &str = "I could not answer: the gateway's credential was refused. Its operator has been told.";
const OLD_KEY: &str = "sk-ant-api03-old-key-0123456789";

/// What a probe of each use came to: provider, use, credential, result.
async fn probed(house: &House) -> Vec<(String, String, Option<String>, Option<Probe>)> {
    let status = house.host.knowledge().models_status(house.host.now_ms());
    let all = house.host.prober().probe(status).await.into_iter();
    let uses = all.flat_map(|status| {
        let provider = status.provider.to_string();
        status.uses.into_iter().map(move |one| {
            let use_ = serde_json::to_value(one.use_).expect("JSON");
            (provider.clone(), use_.as_str().expect("a word").to_owned(), one.winner.map(|winner| winner.id), one.probe)
        })
    });
    uses.collect()
}

fn words(all: &[(String, String, Option<String>, Option<Probe>)]) -> Vec<(&str, &str, ProbeStatus, &str)> {
    let word = |(provider, use_, _, probe): &'_ (String, String, Option<String>, Option<Probe>)| {
        probe.as_ref().map(|probe| (provider.clone(), use_.clone(), probe.status, probe.message.clone()))
    };
    all.iter()
        .filter(|one| word(one).is_some())
        .map(|(provider, use_, _, probe)| {
            let probe = probe.as_ref().expect("filtered");
            (provider.as_str(), use_.as_str(), probe.status, probe.message.as_str())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_upstream_refused_is_told_to_the_operator_with_its_derivation_and_to_no_one_else() {
    let fakes = Fakes::start().await;
    let keyed = r#"apiKey: { source: "env", provider: "default", id: "OLD_KEY" }"#;
    let place = Scene { anthropic: keyed, ..Scene::of(SEEING_PRIMARY) }.bare_place(&fakes);
    let place = place.variable("OLD_KEY", OLD_KEY).variable("ANTHROPIC_API_KEY", API_KEY);
    let house = place.start().await;
    let answer = ask(&fakes, &house, &alice().saying("hello")).await;
    assert_eq!(answer.message, REFUSED);
    assert!(!answer.message.contains("OLD_KEY"));

    // The step carries the very object that was decided by.
    let failed = house.steps.wait_for(1, |step| match step {
        Step::AttemptFailed { derivation, fault, .. } => Some((derivation.clone(), fault.clone())),
        _ => None,
    });
    let (derivation, fault) = failed.await.remove(0);
    let chosen: Vec<CredentialDerivation> = house
        .steps
        .wait_for(1, |step| match step {
            Step::Credential { credential, .. } => Some(credential.clone()),
            _ => None,
        })
        .await;
    assert_eq!((derivation.as_ref(), fault.as_str()), (chosen.first(), "authentication"));
    let said = derivation.expect("a derivation").in_words();
    let sent = "credential `models.providers.anthropic.apiKey` (env:OLD_KEY, api_key, fingerprint ";
    assert!(said.starts_with(sent), "{said}");
    let passed = "`env:ANTHROPIC_API_KEY` (usable, but `models.providers.anthropic.apiKey` comes first)";
    assert!(said.contains(passed), "{said}");

    // So do the audit log, and the record of the message that could not be answered.
    let store = house.store.clone();
    house.stop().await;
    let records: Vec<AuditRecord> = store.audit_tail(50).expect("an audit log");
    let audited = records.into_iter().find(|record| record.action == "credential").expect("a record");
    assert_eq!((audited.plugin.as_str(), audited.verdict.as_str()), ("anthropic", "refused"));
    assert_eq!(
        (audited.rule, audited.target.as_str()),
        (format!("authentication: {said}"), "anthropic/claude-haiku-4-5")
    );
    let files = files_below(place.path());
    let holds =
        |text: &str| files.iter().any(|(_, bytes)| bytes.windows(text.len()).any(|part| part == text.as_bytes()));
    assert!(holds(&format!("[{said}]")), "the reason beside the message");
    assert!(!holds(OLD_KEY) && !holds(API_KEY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_sends_what_status_shows_and_asks_each_provider_once() {
    let fakes = Fakes::start().await;
    let house = Scene::of(TEXT_AND_IMAGE_MODEL).place(&fakes).start().await;
    let all = probed(&house).await;
    assert_eq!(
        words(&all),
        [
            ("anthropic", "image", ProbeStatus::Ok, "the provider lists `claude-haiku-4-5`"),
            ("ollama", "chat", ProbeStatus::Ok, "the provider lists `glm-5:cloud`"),
        ]
    );
    assert_eq!(all[0].2.as_deref(), Some("anthropic:default"));
    let requests = fakes.anthropic.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!((requests[0].path.as_str(), requests[0].header("x-api-key")), ("/v1/models", Some(API_KEY)));
    assert_eq!(requests[0].header("authorization"), None);
    // The derivation of the probe's call is the one that `status` and `explain` show.
    let sent = house.steps.wait_for(1, |step| match step {
        Step::Credential { call, credential, .. } if call == "probe:anthropic/claude-haiku-4-5" => {
            credential.chosen().map(|chosen| (chosen.id.clone(), chosen.fingerprint.clone()))
        }
        _ => None,
    });
    let status = house.host.knowledge().models_status(house.host.now_ms());
    let winner = status[0].uses[0].winner.as_ref().expect("a winner");
    assert_eq!(sent.await[0], (winner.id.clone(), winner.fingerprint.clone()));
    assert_eq!(fakes.anthropic.refusals().len() + fakes.ollama.refusals().len(), 0);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_tells_what_is_wrong_in_one_word() {
    let fakes = Fakes::replying(anthropic::Config::with_api_key(API_KEY), ollama::Config::new()).await;
    let defaults = r#"model: { primary: "ollama/gone:1b" }, imageModel: { primary: "anthropic/claude-haiku-9" }"#;
    let house = Scene::of(defaults).place(&fakes).start().await;
    let absent = "the credential is taken, but the provider does not list ";
    let expect = [
        ("anthropic", "image", ProbeStatus::NoModel, format!("{absent}`claude-haiku-9`")),
        ("ollama", "chat", ProbeStatus::NoModel, format!("{absent}`gone:1b`")),
    ];
    let all = probed(&house).await;
    assert_eq!(
        words(&all),
        expect.each_ref().map(|(provider, use_, status, text)| (*provider, *use_, *status, text.as_str()))
    );
    fakes.anthropic.script_models(anthropic::rate_limited(7));
    let all = probed(&house).await;
    assert_eq!(words(&all)[0].2, ProbeStatus::RateLimit);
    // A server that knows no such question is asked for one token, and that is said.
    fakes.anthropic.script_models(anthropic::error(404, "not_found_error", "Not found"));
    let all = probed(&house).await;
    assert_eq!(words(&all)[0].2, ProbeStatus::NoModel);
    assert_eq!(fakes.anthropic.requests().last().map(|one| one.path.clone()).as_deref(), Some("/v1/messages"));
    house.stop().await;

    let place = Scene::of(SEEING_PRIMARY).bare_place(&fakes).variable("ANTHROPIC_API_KEY", OLD_KEY);
    let house = place.start().await;
    let all = probed(&house).await;
    let (status, message) = (words(&all)[0].2, words(&all)[0].3);
    assert_eq!(status, ProbeStatus::Auth);
    assert!(message.starts_with("invalid x-api-key"), "{message}");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_nothing_is_asked_nothing() {
    let fakes = Fakes::start().await;
    let scene = Scene::of(r#"model: { primary: "local-vision/look" }"#);
    let house = scene.bare_place(&fakes).start().await;
    let all = probed(&house).await;
    let message = "plugin `local-vision` sends nothing to anybody";
    assert_eq!(words(&all), [("local-vision", "chat", ProbeStatus::NotNeeded, message)]);
    assert_eq!(fakes.anthropic.requests().len() + fakes.ollama.requests().len(), 0);
    house.stop().await;
}
