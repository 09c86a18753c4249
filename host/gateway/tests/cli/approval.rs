//! A plugin runs on what was approved, and on nothing else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::Value;

use crate::place::Place;

/// Puts a component into the state directory that asks for this; nothing in it could run.
fn plant(place: &Place, file: &str, id: &str, path: &str) -> PathBuf {
    use wasm_encoder::{Component, CustomSection};
    let manifest = format!(
        "[plugin]\nid = \"{id}\"\nversion = \"1.2.3\"\ninterface = \"creel:plugin@0.1\"\nsummary = \"Rain\"\n\n\
         [provider]\napis = []\n\n[endpoints.api]\ndefault = \"https://{id}.example\"\n\
         allow = [{{ method = \"GET\", path = \"{path}\" }}]\n\n[credentials.account]\nendpoint = \"api\"\n\n\
         [[credentials.account.classes]]\nclass = [\"api_key\"]\nenvironment = [\"RAIN_KEY\"]\n\
         place = {{ header = \"authorization\", prefix = \"Bearer \" }}\n\n[media]\nsplice = true\n"
    );
    let mut component = Component::new();
    component.section(&CustomSection { name: "creel:manifest".into(), data: manifest.into_bytes().into() });
    let directory = place.state.join("plugins");
    fs::create_dir_all(&directory).expect("a directory");
    fs::write(directory.join(file), component.finish()).expect("a component");
    directory.canonicalize().expect("its real path").join(file)
}

fn standing(place: &Place, id: &str) -> (String, Value) {
    let list = place.json(&["plugin", "list", "--json"]);
    let plugins = list["plugins"].as_array().expect("a list");
    let one = plugins.iter().find(|plugin| plugin["id"] == id).expect("the plugin");
    (one["standing"].as_str().expect("a word").to_owned(), one["reason"].clone())
}

#[test]
fn a_plugin_runs_on_what_was_approved_and_nothing_else() {
    let place = Place::with("{ agents: { defaults: { model: { primary: \"weather/rain\" } } } }");
    let path = plant(&place, "weather.wasm", "weather", "/v1/rain");
    let detail_of_status = |place: &Place| {
        let status = place.json(&["models", "status", "--json"]);
        status["providers"][0]["uses"][0]["detail"].as_str().expect("a text").to_owned()
    };
    assert_eq!(standing(&place, "weather"), ("not-approved".to_owned(), "plugin `weather` is not approved".into()));

    let ran = place.run(&["plugin", "approve", "weather"]);
    assert_eq!(ran.code, Some(2));
    assert_eq!(ran.err, "error: approving a plugin needs a yes, and there is nobody to ask\nhint: pass `--yes`\n");
    assert!(!place.state.join("creel.lock").exists());

    let ran = place.run(&["plugin", "approve", "weather", "--yes"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for expect in [
        "weather 1.2.3: Rain\n",
        "  requests   api: https://weather.example (GET /v1/rain)\n",
        "  credential account: api_key ($RAIN_KEY), on requests to `api` as header `authorization: Bearer …`",
        "  media      put media into requests\n",
        "approved `weather`; it runs once the configuration names it; a running daemon is told by `creel reload`\n",
    ] {
        assert!(ran.out.contains(expect), "{expect}: {}", ran.out);
    }
    assert_eq!(standing(&place, "weather"), ("approved".to_owned(), Value::Null));
    let lock = fs::read_to_string(place.state.join("creel.lock")).expect("the lock file");
    assert!(lock.contains("[plugins.weather]\ncomponent_sha256 = \""), "{lock}");

    plant(&place, "weather.wasm", "weather", "/*");
    let (word, reason) = standing(&place, "weather");
    assert_eq!(word, "changed");
    let reason = reason.as_str().expect("a text");
    assert!(reason.starts_with("plugin `weather` has changed since it was approved: component "), "{reason}");
    let detail = detail_of_status(&place);
    let hint = format!("; to allow it, run `creel plugin approve {}`", path.display());
    assert_eq!(detail, format!("{reason}{hint}"));
    assert!(place.run(&["plugin", "inspect", path.to_str().expect("a path")]).out.contains("(GET /*)"));
}

#[test]
fn a154_a_look_alike_is_never_approved() {
    let place = Place::with("{}");
    let path = plant(&place, "s1gnal.wasm", "s1gnal", "/x");
    let ran = place.run(&["plugin", "approve", path.to_str().expect("a path"), "--yes"]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.err.starts_with("error: plugin id `s1gnal` could be taken for `signal`\nhint: "), "{}", ran.err);
    assert_eq!(standing(&place, "s1gnal").0, "look-alike");
}

#[test]
fn a_lock_file_that_cannot_be_read_approves_nothing() {
    let place = Place::with("{}");
    plant(&place, "weather.wasm", "weather", "/x");
    let lock = place.state.join("creel.lock");
    fs::write(&lock, "[plugins.weather]\nanything = true\n").expect("it is written");
    fs::set_permissions(&lock, fs::Permissions::from_mode(0o600)).expect("permissions");
    let ran = place.run(&["plugin", "list"]);
    assert_eq!(ran.code, Some(4));
    assert!(ran.err.starts_with("error: the lock file is not valid\n"), "{}", ran.err);
    assert!(ran.err.contains("creel.lock:2:1: unknown field `anything`"), "{}", ran.err);
}
