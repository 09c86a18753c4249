//! Everything that the `creel` program writes while it runs, is asked, fails and stops, searched for every secret that it
//! knows: state directory, log, answers on the administration socket, output of commands. Excluded by name are the two
//! files that the operator wrote himself.

#![expect(clippy::panic, reason = "a test that cannot be set up cannot go on")]

mod place;
mod talk;

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use creel_fakes::{anthropic, ollama};
use creel_tests::house::Fakes;
use creel_tests::scene::files_below;
use creel_tests::search::{holds, leaks, spellings};
use serde_json::json;

use crate::place::{
    CONFIG_KEY, CONFIGURED, EXEC_KEY, FILE_KEY, Manner, PASSPHRASE, PROFILE_KEY, Place, SHELL_KEY, STALE_TOKEN,
    VAULT_KEY, WRITTEN_BY_HAND, private, state, write,
};
use crate::talk::{converse, echo, interrogate, mislead};

async fn nothing_is_told(manner: Manner) {
    let mut anthropic = anthropic::Config::with_api_key(PROFILE_KEY);
    for key in [FILE_KEY, EXEC_KEY, VAULT_KEY] {
        anthropic = anthropic.and_api_key(key);
    }
    let fakes = Fakes::replying(anthropic, ollama::Config::new().requiring_key(CONFIG_KEY)).await;
    let place = Place::new(&fakes, manner);
    let mut written = Vec::new();
    let set = place.run(&["secrets", "set", "anthropic/key"], VAULT_KEY, &mut written);
    assert!(set.contains("set `anthropic/key` (fingerprint "), "{set}");
    let daemon = place.serve();
    converse(&fakes).await;
    fakes.anthropic.script_models(echo(401, "authentication_error", PROFILE_KEY));
    interrogate(&place, &daemon, &mut written);
    // Some of what lies there while it runs is taken away when it stops.
    written.extend(state(&place));
    mislead(&place, &fakes, &mut written);
    assert_eq!(daemon.terminate(), Some(0), "{}", fs::read_to_string(place.log()).expect("a log"));
    for args in ["models status --json", "explain auth anthropic --json", "secrets rotate", "secrets rm anthropic/key"]
    {
        place.run(&args.split(' ').collect::<Vec<_>>(), "", &mut written);
    }
    written.push(("the log".to_owned(), fs::read(place.log()).expect("a log")));
    written.extend(state(&place));
    written.push(("what Alice was sent".to_owned(), format!("{:?}", fakes.signal.sent()).into_bytes()));

    // What is searched is what it is taken for.
    let (_, log) = written.iter().find(|(name, _)| name == "the log").expect("a log");
    assert!(holds(log, "credential chosen") && holds(log, "DEBUG") && holds(log, "[redacted]"));
    assert_eq!(holds(log, "{\"timestamp\""), manner == Manner::KeyFile);
    assert!(written.iter().any(|(name, bytes)| name.starts_with("creel.db") && holds(bytes, "what is your key?")));
    for start in ["media/inbound/", "vault.sealed", "fingerprint.key"] {
        assert!(written.iter().any(|(name, _)| name.starts_with(start)), "{start}");
    }

    let mut secrets: Vec<(&str, &[u8])> = CONFIGURED.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    secrets.extend([("the key of the shell", SHELL_KEY.as_bytes()), ("the passphrase", PASSPHRASE.as_bytes())]);
    let key = fs::read(place.beside("vault-key")).unwrap_or_default();
    assert_eq!(key.is_empty(), manner == Manner::Passphrase);
    if !key.is_empty() {
        secrets.push(("the key of the vault", key.trim_ascii()));
    }
    assert_eq!(leaks(&secrets, &written), [""; 0]);
    // The same search finds what the operator wrote there himself.
    let by_hand =
        files_below(place.state.path()).into_iter().filter(|(name, _)| WRITTEN_BY_HAND.contains(&name.as_str()));
    let mut found = leaks(&secrets, &by_hand.collect::<Vec<_>>());
    found.sort();
    let expect = [
        "auth-profiles.json holds the key of the profile (as it is)",
        "creel.json5 holds the key of the configuration (as it is)",
        "creel.json5 holds the plain value of a header (as it is)",
    ];
    assert_eq!(found, expect);
}

/// Files of the older gateway with keys in plain text: shown without them, and taken over into the vault.
#[test]
fn an_import_into_the_vault_tells_no_secret() {
    let [state, beside] = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    private(state.path(), 0o700);
    let place = Place { state, beside, manner: Manner::KeyFile };
    let older = place.beside("older");
    fs::create_dir_all(older.join("agents/main/agent")).expect("a directory");
    let config = json!({
        "models": {"providers": {"ollama": {"baseUrl": "http://127.0.0.1:11434", "apiKey": CONFIG_KEY, "models": []}}},
        "agents": {"defaults": {"model": {"primary": "anthropic/claude-haiku-4-5"}}},
    });
    let profiles = json!({"version": 1, "profiles": {
        "anthropic:plain": {"type": "api_key", "provider": "anthropic", "key": PROFILE_KEY},
        "anthropic:token": {"type": "token", "provider": "anthropic", "token": STALE_TOKEN},
    }});
    write(&older.join("openclaw.json"), &config.to_string(), 0o600);
    write(&older.join("agents/main/agent/auth-profiles.json"), &profiles.to_string(), 0o600);
    let mut written = Vec::new();
    let source = older.display().to_string();
    let shown = place.run(&["import", "openclaw", &source], "", &mut written);
    assert!(shown.contains("anthropic:plain"), "{shown}");
    let applied = place.run(&["import", "openclaw", &source, "--to-vault", "--apply"], "", &mut written);
    place.run(&["secrets", "audit", "--json"], "", &mut written);
    let listed = place.run(&["secrets", "list", "--json"], "", &mut written);
    assert_eq!(listed.matches("fingerprint").count(), 3, "{applied}{listed}");
    // Nothing is left out here: what was imported was written by the program.
    written.extend(files_below(place.state.path()));
    assert!(written.iter().any(|(name, bytes)| name == "creel.json5" && holds(bytes, "claude-haiku-4-5")));
    let secrets: [(&str, &[u8]); 3] = [
        ("the key of the configuration", CONFIG_KEY.as_bytes()),
        ("the key of the profile", PROFILE_KEY.as_bytes()),
        ("the token of the profile", STALE_TOKEN.as_bytes()),
    ];
    assert_eq!(leaks(&secrets, &written), [""; 0]);
}

#[test]
fn the_search_finds_what_was_planted() {
    let secret = CONFIG_KEY.as_bytes();
    let secrets: [(&str, &[u8]); 1] = [("it", secret)];
    for (spelling, text) in spellings(secret) {
        let planted = [b"before ", &text[..], b" behind"].concat();
        let expect = format!("there holds it ({spelling})");
        assert!(leaks(&secrets, &[("there".to_owned(), planted.clone())]).contains(&expect), "{spelling}");
        // One sign less, and it is something else.
        let near = [b"before ", &text[..text.len() - 1], b"~behind"].concat();
        assert!(!leaks(&secrets, &[("there".to_owned(), near)]).contains(&expect), "{spelling}");
    }
    // In base64 it is found wherever it stands in what was encoded.
    for before in ["", "a", "ab", "abc", "user:", "Bearer "] {
        let encoded = STANDARD.encode(format!("{before}{CONFIG_KEY} and more"));
        assert!(!leaks(&secrets, &[("there".to_owned(), encoded.into_bytes())]).is_empty(), "{before:?}");
    }
    // Of a state directory only what the operator wrote himself is left out.
    let directory = tempfile::tempdir().expect("a directory");
    let place = Place { state: directory, beside: tempfile::tempdir().expect("a directory"), manner: Manner::KeyFile };
    for name in ["creel.json5", "auth-profiles.json", "creel.json5.bak", "deep/auth-profiles.json", "creel.db-wal"] {
        let path = place.state.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, format!("x{CONFIG_KEY}x")).expect("written");
    }
    let mut found = leaks(&secrets, &state(&place));
    found.sort();
    let expect = ["creel.db-wal", "creel.json5.bak", "deep/auth-profiles.json"];
    assert_eq!(found, expect.map(|name| format!("{name} holds it (as it is)")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_logs_in_json_tells_no_secret() {
    nothing_is_told(Manner::KeyFile).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_logs_for_people_tells_no_secret() {
    nothing_is_told(Manner::Passphrase).await;
}
