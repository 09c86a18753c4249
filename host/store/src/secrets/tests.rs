//! Tests of the snapshot: what each source holds, what is refused, and that no value is ever shown.

use creel_policy::config::parse_config;
use creel_policy::credential::secret_sources;
use creel_policy::profiles::parse_profiles;

use super::*;

struct Resolved {
    _temp: tempfile::TempDir,
    key: FingerprintKey,
    snapshot: SecretSnapshot,
}

const PROFILES: &str = r#"{ "version": 1, "profiles": {
  "anthropic:default": { "type": "api_key", "provider": "anthropic", "key": "sk-ant-stored" },
  "anthropic:named": { "type": "api_key", "provider": "anthropic",
                       "keyRef": { "source": "env", "provider": "default", "id": "NAMED" } } } }"#;
const CONFIG: &str = r#"{ models: { providers: { openai: { apiKey: "sk-config" } } } }"#;

fn known(variables: &[(&str, &str)]) -> Resolved {
    let temp = tempfile::tempdir().expect("a temporary directory can be made");
    let root = StateRoot::open_ambient(&temp.path().join("state")).expect("it opens");
    let key = root.fingerprint_key().expect("a key can be made");
    let config = parse_config("creel.json5", CONFIG).expect("it is a configuration");
    let profiles = parse_profiles("auth-profiles.json", PROFILES, &config.secrets).expect("these are profiles");
    let mut sources = secret_sources(&config, &profiles, &BTreeMap::new());
    sources.extend(variables.iter().map(|(name, _)| SecretSource::Environment((*name).to_owned())));
    let environment = Environment::of(variables.iter().map(|(name, value)| (name.into(), value.into())));
    let places = Places { environment: &environment, key: &key, state: Some(&root), home: None };
    let snapshot = SecretSnapshot::resolve(&sources, (&config, &profiles), &places);
    Resolved { _temp: temp, key, snapshot }
}

fn variable(name: &str) -> SecretSource {
    SecretSource::Environment(name.to_owned())
}

fn value(known: &Resolved, source: &SecretSource) -> Option<String> {
    known.snapshot.get(source).map(|secret| secret.with_prefix("Bearer ").to_string())
}

#[test]
fn each_source_is_read_where_it_is() {
    let known = known(&[("NAMED", "  sk-env\n")]);
    let profile = creel_policy::ids::ProfileId::parse("anthropic:default").unwrap();
    let config = SecretSource::Config("models.providers.openai.apiKey".to_owned());
    assert_eq!(value(&known, &SecretSource::Profile(profile)).as_deref(), Some("Bearer sk-ant-stored"));
    assert_eq!(value(&known, &config).as_deref(), Some("Bearer sk-config"));
    assert_eq!(value(&known, &variable("NAMED")).as_deref(), Some("Bearer sk-env"));
    assert_eq!(value(&known, &variable("OTHER")), None);
}

#[test]
fn what_cannot_be_sent_is_told_from_what_is_not_there() {
    let long = "x".repeat(8193);
    let known = known(&[
        ("BLANK", " \t\n"),
        ("EMPTY", ""),
        ("BREAK", "sk-a\r\nx-evil: 1"),
        ("NUL", "sk-a\u{1}b"),
        ("LETTER", "schlüssel"),
        ("REDACTED", "__OPENCLAW_REDACTED__"),
        ("LONG", &long),
        ("FINE", "sk-a"),
    ]);
    let check = |name: &str, expected: Availability| {
        assert_eq!(known.snapshot.availability(&variable(name)), expected, "{name}");
        assert!(known.snapshot.get(&variable(name)).is_none(), "{name}");
    };
    let refused = |text: &str| Availability::Refused(text.to_owned());
    check("NAMED", Availability::Missing("not set".to_owned()));
    check("UNASKED", Availability::Missing("not in the snapshot".to_owned()));
    check("BLANK", Availability::Blank);
    check("EMPTY", Availability::Blank);
    for name in ["BREAK", "NUL", "LETTER"] {
        check(name, refused("it holds a character that no header can carry, e.g. a line break"));
    }
    check("REDACTED", refused("it is the placeholder of a redacted value (SECRET_REF_REDACTED_VALUE)"));
    check("LONG", refused("it has more than 8192 bytes"));
    assert!(matches!(known.snapshot.availability(&variable("FINE")), Availability::Present { .. }));
}

#[test]
fn a_fingerprint_tells_values_apart_and_nothing_else() {
    let known = known(&[("A", "sk-same"), ("B", " sk-same "), ("C", "sk-samf")]);
    let fingerprint = |name: &str| match known.snapshot.availability(&variable(name)) {
        Availability::Present { fingerprint } => fingerprint,
        other => panic!("{other:?}"),
    };
    assert_eq!(fingerprint("A"), fingerprint("B"));
    assert_ne!(fingerprint("A"), fingerprint("C"));
    assert_eq!(fingerprint("A"), Secret::parse("sk-same").map(|secret| secret.fingerprint(&known.key)).unwrap());
}

#[test]
fn a_snapshot_prints_no_value() {
    let known = known(&[("A", "sk-very-secret"), ("B", "sk-bad\n\nvalue")]);
    let printed = format!("{:?}", known.snapshot);
    assert!(printed.contains("env:A") && printed.contains("env:B"), "{printed}");
    for value in ["sk-very-secret", "sk-bad", "sk-ant-stored", "sk-config"] {
        assert!(!printed.contains(value), "{printed}");
    }
}

#[test]
fn another_form_has_the_same_sources() {
    let known = known(&[("A", "sk-a")]);
    let before = known.snapshot.availability(&variable("A"));
    let mapped = known.snapshot.map(|secret| secret.spellings().len());
    assert!(mapped.get(&variable("A")).is_some_and(|count| *count > 6));
    assert_eq!(mapped.availability(&variable("A")), before);
    assert_eq!(mapped.availability(&variable("NAMED")), Availability::Missing("not set".to_owned()));
}

#[test]
fn a_variable_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStringExt as _;
    let environment = Environment::of([("A".into(), OsString::from_vec(vec![0xff, 0xfe]))]);
    let temp = tempfile::tempdir().unwrap();
    let key = StateRoot::open_ambient(&temp.path().join("state")).unwrap().fingerprint_key().unwrap();
    let files = (parse_config("c", "{}").unwrap(), Profiles::default());
    let places = Places { environment: &environment, key: &key, state: None, home: None };
    let snapshot = SecretSnapshot::resolve(&[variable("A")], (&files.0, &files.1), &places);
    assert!(matches!(snapshot.availability(&variable("A")), Availability::Refused(_)));
}
