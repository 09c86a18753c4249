//! All sources together: what one failure means for the others, what is asked at once and what not at all, and what a
//! snapshot holds and shows.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use creel_policy::credential::SecretSource;
use creel_policy::profiles::parse_profiles;
use creel_store::secrets::{Environment, Places, Secret, SecretSnapshot, open_vault};

use crate::lab::{ANSWER, Lab, MISSING, config, exec, file_provider, reference, shell, shown, vault};

#[test]
fn b14_b17_references_that_lead_nowhere() {
    let lab = Lab::new();
    let providers = "providers: { e: { source: 'env' }, v: { source: 'file', path: '/f', mode: 'singleValue' } }";
    let asked = lab.ask(providers, &["exec:e#id", "exec:none#id", "file:v#/a"]);
    assert_eq!(
        asked,
        [
            "refused: `secrets.providers.e` has source `env` but the reference asks for `exec`",
            "refused: no provider `none` is declared in `secrets.providers`",
            "refused: `secrets.providers.v` is a single value, and the id of its reference is `value`",
        ]
    );
}

#[test]
fn b15_one_bad_reference_disables_itself_alone() {
    let lab = Lab::new();
    let count = lab.path("count");
    let script = format!(
        r#"echo run >> '{}'; cat <<'EOF'
{{"protocolVersion":1,"values":{{"good":"sk-exec","redacted":"__OPENCLAW_REDACTED__","blank":" ","break":"a\nb"}},
 "errors":{{"none":{{"code":"SECRET_REF_NOT_FOUND"}}}}}}
EOF"#,
        count.display()
    );
    let path = lab.file("s.json", r#"{"good":"sk-file","redacted":"__OPENCLAW_REDACTED__"}"#, 0o600);
    let providers = format!(
        "{}, f: {{ source: 'file', path: '{}' }} }}",
        exec(&script, "env: { PATH: '/usr/bin:/bin' }").strip_suffix(" }").unwrap(),
        path.display()
    );
    let vault = vault(&lab, &config(&providers));
    vault.set("good", &Secret::parse("sk-vault").unwrap(), 0).unwrap();
    let redacted = "refused: it is the placeholder of a redacted value (SECRET_REF_REDACTED_VALUE)";
    let mut rows = [
        ("exec:e#none", "missing: not known to the command (SECRET_REF_NOT_FOUND)"),
        ("exec:e#redacted", redacted),
        ("exec:e#blank", "blank"),
        ("exec:e#break", "refused: it holds a character that no header can carry, e.g. a line break"),
        ("exec:e#good", "= sk-exec"),
        ("file:f#/none", MISSING),
        ("file:f#/redacted", redacted),
        ("file:f#/good", "= sk-file"),
        ("vault:none", "missing: not in the vault (SECRET_REF_NOT_FOUND)"),
        ("vault:good", "= sk-vault"),
    ];
    for _ in 0..2 {
        let refs: Vec<&str> = rows.iter().map(|(reference, _)| *reference).collect();
        let expect: Vec<&str> = rows.iter().map(|(_, expect)| *expect).collect();
        assert_eq!(lab.ask(&providers, &refs), expect);
        rows.reverse();
    }
    assert_eq!(fs::read_to_string(&count).unwrap(), "run\nrun\n", "once for each snapshot");
}

#[test]
fn the_bounds_of_a_resolution_hold() {
    let lab = Lab::new();
    let refs = ["exec:e#id", "exec:e#id2", "exec:e#id3"];
    let asked = lab.ask(&format!("{}, resolution: {{ maxRefsPerProvider: 2 }}", exec(ANSWER, "")), &refs);
    assert_eq!(asked[0], "refused: provider `e` is asked for more than 2 secrets (`maxRefsPerProvider`)");
    let asked = lab.one(&format!("{}, resolution: {{ maxBatchBytes: 20 }}", exec(ANSWER, "")), refs[0]);
    assert_eq!(asked, "refused: Exec provider \"e\" would be asked with more than 20 bytes (`maxBatchBytes`)");
    // Two commands that wait for each other end only if they are asked at the same time, and one by one they do not.
    let pipes = [lab.path("one"), lab.path("two")];
    for pipe in &pipes {
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    }
    let (one, two) = (pipes[0].display(), pipes[1].display());
    let provider = |script: String| {
        let script = serde_json::to_string(&format!("{script}; {ANSWER}")).unwrap();
        let shell = shell();
        format!("{{ source: 'exec', command: '{}', args: ['-c', {script}], timeoutMs: 2000 }}", shell.display())
    };
    let (a, b) =
        (provider(format!("echo > '{one}'; read x < '{two}'")), provider(format!("read x < '{one}'; echo > '{two}'")));
    let providers = |concurrency: u32| {
        format!("providers: {{ a: {a}, b: {b} }}, resolution: {{ maxProviderConcurrency: {concurrency} }}")
    };
    assert_eq!(lab.ask(&providers(2), &["exec:a#id", "exec:b#id"]), ["= sk-exec", "= sk-exec"]);
    let late = |alias: &str| format!("refused: Exec provider \"{alias}\" timed out after 2000 ms");
    assert_eq!(lab.ask(&providers(1), &["exec:a#id", "exec:b#id"]), [late("a"), late("b")]);
}

#[test]
fn b20_what_nothing_uses_runs_no_command() {
    let lab = Lab::new();
    let ran = lab.path("ran");
    let config = config(&exec(&format!("echo > '{}'; {ANSWER}", ran.display()), ""));
    let text = r#"{ "version": 1, "profiles": { "openai:default": { "type": "api_key", "provider": "openai",
        "keyRef": { "source": "exec", "provider": "e", "id": "id" } } } }"#;
    let profiles = parse_profiles("auth-profiles.json", text, &config.secrets).unwrap_or_default();
    let sources = [SecretSource::Reference(reference("exec:e#id"))];
    let environment = Environment::of(Vec::<(OsString, OsString)>::new());
    let places = Places { environment: &environment, key: &lab.key, state: Some(&lab.root), home: None };
    let snapshot = SecretSnapshot::resolve(&sources, (&config, &profiles), &places);
    let idle =
        "refused: nothing that is configured uses it, so it was not resolved (SECRETS_REF_IGNORED_INACTIVE_SURFACE)";
    assert_eq!(shown(&snapshot, "exec:e#id"), idle);
    assert_eq!(snapshot.idle().map(ToString::to_string).collect::<Vec<_>>(), ["exec:e#id"]);
    assert!(!ran.exists());
}

#[test]
fn b24_a_snapshot_keeps_what_it_read_while_another_is_made() {
    let lab = Lab::new();
    let path = lab.file("s.json", r#"{"a":"sk-old"}"#, 0o600);
    let config = config(&file_provider(&path, ""));
    let old = lab.resolve(&config, &["file:f#/a", "vault:v"], &[]);
    lab.file("s.json", r#"{"a":"sk-new"}"#, 0o600);
    vault(&lab, &config).set("v", &Secret::parse("sk-v").unwrap(), 0).unwrap();
    let new = lab.resolve(&config, &["file:f#/a", "vault:v"], &[]);
    fs::remove_file(&path).unwrap();
    let gone = lab.resolve(&config, &["file:f#/a"], &[]);
    assert_eq!(shown(&old, "file:f#/a"), "= sk-old");
    assert_eq!(shown(&old, "vault:v"), "missing: not in the vault (SECRET_REF_NOT_FOUND)");
    assert_eq!((shown(&new, "file:f#/a"), shown(&new, "vault:v")), ("= sk-new".to_owned(), "= sk-v".to_owned()));
    assert_eq!(shown(&gone, "file:f#/a"), "refused: File provider \"f\" file is not there");
}

#[test]
fn a_vault_that_cannot_be_opened_is_told_with_its_reason() {
    let lab = Lab::new();
    let passphrase = lab.file("passphrase", "correct horse\n", 0o600);
    let secrets = format!(
        "providers: {{ p: {{ source: 'file', path: '{}', mode: 'singleValue' }} }},
         vault: {{ key: 'passphrase', passphraseFrom: {{ source: 'file', provider: 'p', id: 'value' }} }}",
        passphrase.display()
    );
    let environment = Environment::of(Vec::<(OsString, OsString)>::new());
    let places = Places { environment: &environment, key: &lab.key, state: Some(&lab.root), home: None };
    let vault = open_vault(&config(&secrets).secrets, &places).unwrap().unwrap();
    vault.set("v", &Secret::parse("sk-v").unwrap(), 0).unwrap();
    assert_eq!(lab.one(&secrets, "vault:v"), "= sk-v");
    let other = "refused: the vault was locked with a key of kind `passphrase`, and `secrets.vault` of the configuration says `file`";
    assert_eq!(lab.one("", "vault:v"), other);
    fs::remove_file(&passphrase).unwrap();
    let gone =
        "refused: the passphrase of the vault cannot be had from `file:p#value`: File provider \"p\" file is not there";
    assert_eq!(lab.one(&secrets, "vault:v"), gone);
    fs::write(lab.path("state/vault.sealed"), "x").unwrap();
    fs::set_permissions(lab.path("state/vault.sealed"), fs::Permissions::from_mode(0o600)).unwrap();
    let damaged = "refused: the vault `vault.sealed` in the state directory is damaged: it was cut or changed";
    assert_eq!(lab.one("", "vault:v"), damaged);
}

#[test]
fn nothing_of_a_value_is_shown_or_written() {
    let lab = Lab::new();
    let path = lab.file("s.json", r#"{"a":"sk-from-a-file-0123456789","b":"sk-bad\nvalue"}"#, 0o600);
    let config = config(&file_provider(&path, ""));
    vault(&lab, &config).set("v", &Secret::parse("sk-from-the-vault-0123456789").unwrap(), 0).unwrap();
    let snapshot = lab.resolve(&config, &["file:f#/a", "file:f#/b", "vault:v"], &[]);
    let printed = format!("{snapshot:?}");
    assert!(printed.contains("file:f#/a") && printed.contains("vault:v"), "{printed}");
    let values = ["sk-from-a-file-0123456789", "sk-bad", "sk-from-the-vault-0123456789"];
    let spellings: Vec<_> = values.iter().flat_map(|value| Secret::parse(value).unwrap().spellings()).collect();
    let holds =
        |bytes: &[u8]| spellings.iter().any(|spelling| bytes.windows(spelling.len()).any(|part| part == &***spelling));
    assert!(!holds(printed.as_bytes()), "{printed}");
    for entry in fs::read_dir(lab.path("state")).unwrap() {
        let entry = entry.unwrap();
        assert!(!holds(&fs::read(entry.path()).unwrap()), "{:?} holds a value", entry.file_name());
    }
}
