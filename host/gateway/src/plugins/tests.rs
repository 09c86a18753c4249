//! Tests of which components may run.

use super::*;

const WEATHER: &str =
    "[plugin]\nid = \"weather\"\nversion = \"1.0.0\"\ninterface = \"creel:plugin@0.1\"\nsummary = \"x\"\n";

fn file(manifest_text: &str) -> ComponentFile {
    let manifest = Manifest::parse(manifest_text).expect("a manifest");
    ComponentFile {
        path: PathBuf::from(format!("/p/{}.wasm", manifest.plugin.id)),
        bytes: Vec::new(),
        sha256: "c".repeat(64),
        manifest_sha256: "m".repeat(64),
        manifest_text: manifest_text.to_owned(),
        manifest,
        imports: Vec::new(),
        exports: Vec::new(),
    }
}

fn lock(component: &str, manifest: &str) -> LockFile {
    let pin = Pin {
        component_sha256: component.repeat(64),
        manifest_sha256: manifest.repeat(64),
        approved_at: "2026-01-02T03:04:05Z".into(),
    };
    LockFile { plugins: BTreeMap::from([(PluginId::parse("weather").expect("an id"), pin)]) }
}

fn check(file: &ComponentFile, config: &PluginsConfig, lock: &LockFile, expect: &str) {
    let said = match standing(file, config, lock) {
        Standing::Refused(veto) => veto.to_string(),
        standing @ (Standing::Shipped | Standing::Approved) => standing.word().to_owned(),
    };
    assert_eq!(said, expect);
}

#[test]
fn only_what_is_shipped_or_approved_may_run() {
    let (open, none) = (PluginsConfig::default(), LockFile::default());
    let anthropic = shipped(&PluginId::parse("anthropic").expect("an id")).expect("it is shipped");
    check(&file(anthropic), &open, &none, "shipped");
    check(&file(&anthropic.replace("Messages API", "API")), &open, &none, "plugin `anthropic` is not approved");
    check(&file(WEATHER), &open, &none, "plugin `weather` is not approved");
    check(&file(WEATHER), &open, &lock("c", "m"), "approved");
    let changed = format!(
        "plugin `weather` has changed since it was approved: component {}, approved was {}",
        "c".repeat(64),
        "d".repeat(64)
    );
    check(&file(WEATHER), &open, &lock("d", "m"), &changed);
}

#[test]
fn a154_a_look_alike_never_runs() {
    let (open, none) = (PluginsConfig::default(), LockFile::default());
    let text = WEATHER.replace("\"weather\"", "\"s1gnal\"");
    check(&file(&text), &open, &none, "plugin id `s1gnal` could be taken for `signal`");
    let text = WEATHER.replace("\"weather\"", "\"we-ather\"");
    check(&file(&text), &open, &lock("c", "m"), "plugin id `we-ather` could be taken for `weather`");
}

#[test]
fn the_configuration_can_switch_off_what_is_approved() {
    let denied = PluginsConfig { deny: vec![PluginId::parse("weather").expect("an id")], ..PluginsConfig::default() };
    check(&file(WEATHER), &denied, &lock("c", "m"), "plugin `weather` is off: the plugin is in `plugins.deny`");
}

#[test]
fn the_first_of_two_is_taken_and_the_other_named() {
    let mut installed = Installed::default();
    let second = ComponentFile { path: "/q/weather.wasm".into(), ..file(WEATHER) };
    for file in [file(WEATHER), second] {
        installed.add(file, &PluginsConfig::default(), &lock("c", "m"));
    }
    let words: Vec<_> = installed.found.iter().map(|found| found.standing.word()).collect();
    assert_eq!(words, ["approved", "shadowed"]);
    let wanted = BTreeSet::from([PluginId::parse("weather").expect("an id")]);
    assert_eq!(installed.take(&wanted).len(), 1);
}

#[test]
fn manifests_of_refused_components_are_not_used() {
    let mut installed = Installed::default();
    installed.add(file(WEATHER), &PluginsConfig::default(), &LockFile::default());
    assert!(!installed.manifests().contains_key(&PluginId::parse("weather").expect("an id")));
    assert!(installed.manifests().contains_key(&PluginId::parse("signal").expect("an id")));
}

#[test]
fn a_path_is_told_from_an_id() {
    for (text, expect) in
        [("weather", false), ("weather.wasm", true), ("./weather", true), ("/p/x", true), ("Bad", true)]
    {
        assert_eq!(is_path(text), expect, "{text}");
    }
}
