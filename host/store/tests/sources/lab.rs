//! What the tests of sources share: files and commands, and what a reference comes to under a configuration. Asserts nothing
//! itself.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use creel_policy::config::{Config, parse_config};
use creel_policy::credential::{Availability, Known as _, SecretSource};
use creel_policy::profiles::Profiles;
use creel_policy::secret_ref::{SecretRef, Source};
use creel_store::secrets::{Environment, FingerprintKey, Places, SecretSnapshot, open_vault};
use creel_store::state::StateRoot;

/// One at a time: a program that is being written in one thread cannot be run while another thread starts one.
static ALONE: Mutex<()> = Mutex::new(());

/// A state directory, and files beside it.
pub(crate) struct Lab {
    pub(crate) temp: tempfile::TempDir,
    pub(crate) root: StateRoot,
    pub(crate) key: FingerprintKey,
    _alone: MutexGuard<'static, ()>,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let temp = tempfile::tempdir().unwrap();
        let root = StateRoot::open_ambient(&temp.path().join("state")).unwrap();
        let key = root.fingerprint_key().unwrap();
        Self { temp, root, key, _alone: alone }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    pub(crate) fn resolve(&self, config: &Config, refs: &[&str], variables: &[(&str, &str)]) -> SecretSnapshot {
        let sources: Vec<SecretSource> = refs.iter().map(|text| SecretSource::Reference(reference(text))).collect();
        let environment = Environment::of(variables.iter().map(|(name, value)| (name.into(), value.into())));
        let places =
            Places { environment: &environment, key: &self.key, state: Some(&self.root), home: Some(self.temp.path()) };
        SecretSnapshot::resolve(&sources, (config, &Profiles::default()), &places)
    }

    /// What each reference comes to under these providers.
    pub(crate) fn ask(&self, secrets: &str, refs: &[&str]) -> Vec<String> {
        let snapshot =
            self.resolve(&config(secrets), refs, &[("PASSED", "passed on"), ("HIDDEN", "sk-hidden-variable")]);
        refs.iter().map(|text| shown(&snapshot, text)).collect()
    }

    pub(crate) fn one(&self, secrets: &str, reference: &str) -> String {
        self.ask(secrets, &[reference]).remove(0)
    }

    /// What one reference comes to when a shell runs this script.
    pub(crate) fn script(&self, script: &str, more: &str) -> String {
        self.one(&exec(script, more), "exec:e#id")
    }
}

pub(crate) fn config(secrets: &str) -> Config {
    let text = format!("{{ secrets: {{ {secrets} }} }}");
    parse_config("creel.json5", &text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// `file:alias#id`, `exec:alias#id` or `vault:name`.
pub(crate) fn reference(text: &str) -> SecretRef {
    let (source, rest) = text.split_once(':').unwrap();
    let source = Source::parse(source).unwrap();
    let (alias, id) = if source == Source::Vault { ("default", rest) } else { rest.split_once('#').unwrap() };
    SecretRef::parse(source, alias, id).unwrap()
}

pub(crate) fn shown(snapshot: &SecretSnapshot, text: &str) -> String {
    let source = SecretSource::Reference(reference(text));
    match (snapshot.availability(&source), snapshot.get(&source)) {
        (Availability::Present { .. }, Some(secret)) => format!("= {}", *secret.with_prefix("")),
        (Availability::Missing(what), None) => format!("missing: {what}"),
        (Availability::Blank, None) => "blank".to_owned(),
        (Availability::Refused(why), None) => format!("refused: {why}"),
        (other, _) => panic!("{other:?}"),
    }
}

pub(crate) fn shell() -> PathBuf {
    fs::canonicalize("/bin/sh").unwrap()
}

pub(crate) fn exec(script: &str, more: &str) -> String {
    let quoted = serde_json::to_string(script).unwrap();
    let shell = shell();
    format!("providers: {{ e: {{ source: 'exec', command: '{}', args: ['-c', {quoted}], {more} }} }}", shell.display())
}

pub(crate) fn file_provider(path: &Path, more: &str) -> String {
    format!("providers: {{ f: {{ source: 'file', path: '{}', {more} }} }}", path.display())
}

/// What a shell runs that answers with the one value that is asked for.
pub(crate) const ANSWER: &str = r#"printf '{"protocolVersion":1,"values":{"id":"sk-exec"}}'"#;
/// What is told of an id that its file does not hold.
pub(crate) const MISSING: &str = "missing: not in the file (SECRET_REF_NOT_FOUND)";

pub(crate) fn vault(lab: &Lab, config: &Config) -> creel_store::vault::Vault {
    let environment = Environment::of([]);
    let places = Places { environment: &environment, key: &lab.key, state: Some(&lab.root), home: None };
    open_vault(&config.secrets, &places).unwrap().unwrap()
}
