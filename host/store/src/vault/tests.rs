//! Tests of the vault on a real disk: what comes back, what is refused, what a crash leaves, and that nothing of a value
//! is ever in the state directory in the clear.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::*;

const VALUE: &str = "sk-vault-value-0123456789abcdef";

struct House {
    temp: tempfile::TempDir,
    root: StateRoot,
}

impl House {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let root = StateRoot::open_ambient(&temp.path().join("state")).unwrap();
        Self { temp, root }
    }

    fn vault(&self) -> Vault {
        Vault::open(&self.root, KeyPlace::File(None)).unwrap()
    }

    fn with(&self, place: KeyPlace) -> Vault {
        Vault::open(&self.root, place).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join("state").join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }
}

fn secret_of(text: &str) -> Secret {
    Secret::parse(text).unwrap()
}

fn value(vault: &Vault, name: &str) -> Option<String> {
    vault.get(name).unwrap().map(|secret| secret.expose().to_owned())
}

fn refusal<T>(result: Result<T, VaultError>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

fn passphrase(text: &str) -> KeyPlace {
    KeyPlace::Passphrase(Zeroizing::new(text.to_owned()))
}

#[test]
fn what_is_set_comes_back_until_it_is_removed() {
    let house = House::new();
    let (one, other) = (house.vault(), house.vault());
    assert_eq!(one.names().unwrap(), Vec::<String>::new());
    assert!(!one.set("anthropic/key", &secret_of(VALUE), 7).unwrap());
    // A second handle, as a second process has it, sees it at once.
    assert_eq!(value(&other, "anthropic/key").as_deref(), Some(VALUE));
    assert_eq!(value(&other, "anthropic"), None);
    assert!(other.set("anthropic/key", &secret_of("sk-second"), 8).unwrap());
    assert_eq!(value(&one, "anthropic/key").as_deref(), Some("sk-second"));
    let key = house.root.fingerprint_key().unwrap();
    let fingerprint = secret_of("sk-second").fingerprint(&key);
    assert_eq!(one.list(&key).unwrap(), [VaultEntry { name: "anthropic/key".to_owned(), set_ms: 8, fingerprint }]);
    assert!(one.remove("anthropic/key").unwrap());
    assert!(!one.remove("anthropic/key").unwrap());
    assert_eq!(value(&other, "anthropic/key"), None);
}

#[test]
fn a_name_is_what_a_reference_can_have() {
    let house = House::new();
    for name in ["", "../a", "a b", "a\n", "/a"] {
        assert!(matches!(house.vault().set(name, &secret_of(VALUE), 0), Err(VaultError::Name(_))), "A8: {name:?}");
    }
    assert!(!house.path(VAULT_FILE).exists());
}

#[test]
fn what_the_host_keeps_is_apart() {
    let house = House::new();
    let vault = house.vault();
    vault.keep("oauth/openai:default", b"{\"access\":\"a\"}", 5).unwrap();
    assert_eq!(value(&vault, "oauth/openai:default"), None);
    assert_eq!(vault.names().unwrap(), Vec::<String>::new());
    assert!(!vault.remove("oauth/openai:default").unwrap());
    vault.set("oauth/openai:default", &secret_of("sk-mine"), 6).unwrap();
    let kept = vault.kept("oauth/openai:default").unwrap().unwrap();
    assert_eq!((kept.value.as_slice(), kept.set_ms), (b"{\"access\":\"a\"}".as_slice(), 5));
    assert!(vault.forget("oauth/openai:default").unwrap());
    assert!(vault.kept("oauth/openai:default").unwrap().is_none());
    assert_eq!(value(&vault, "oauth/openai:default").as_deref(), Some("sk-mine"));
    assert!(matches!(vault.keep(" ", b"x", 0), Err(VaultError::KeptName)));
    assert!(matches!(vault.keep("a", &vec![0; VAULT_KEPT_BYTES_MAX + 1], 0), Err(VaultError::Full)));
}

#[test]
fn files_are_private_and_hold_no_value() {
    let house = House::new();
    let vault = house.vault();
    vault.set("a", &secret_of(VALUE), 0).unwrap();
    vault.keep("oauth", VALUE.as_bytes(), 0).unwrap();
    vault.rotate().unwrap();
    for name in [VAULT_FILE, "vault.key", LOCK_FILE] {
        assert_eq!(fs::metadata(house.path(name)).unwrap().permissions().mode() & 0o7777, 0o600, "{name}");
    }
    let spellings = secret_of(VALUE).spellings();
    let mut seen = 0;
    for entry in fs::read_dir(house.path("")).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        let found = spellings.iter().any(|spelling| bytes.windows(spelling.len()).any(|part| part == &***spelling));
        assert!(!found, "a value lies in the state directory");
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn the_size_does_not_tell_the_length() {
    let house = House::new();
    house.vault().set("a", &secret_of("x"), 0).unwrap();
    let short = house.read(VAULT_FILE).len();
    house.vault().set("a", &secret_of(&"x".repeat(300)), 0).unwrap();
    assert_eq!(house.read(VAULT_FILE).len(), short, "attack 87");
}

#[test]
fn each_change_of_the_file_is_found_and_nothing_is_written_over() {
    let house = House::new();
    house.vault().set("a", &secret_of(VALUE), 0).unwrap();
    let good = house.read(VAULT_FILE);
    let line = good.iter().position(|byte| *byte == b'\n').unwrap();
    let mut variants: Vec<Vec<u8>> =
        [0, 5, line, line + 1, line + 9, good.len() - 1].map(|end| good[..end].to_vec()).into();
    for at in [line + 1, line + 40, good.len() - 1] {
        let mut changed = good.clone();
        changed[at] ^= 1;
        variants.push(changed);
    }
    // The head is bound to what it heads.
    let head = String::from_utf8(good[..line].to_vec()).unwrap();
    let salt = head.split("\"salt\":\"").nth(1).unwrap()[..2].to_owned();
    let other =
        head.replace(&format!("\"salt\":\"{salt}"), if salt == "00" { "\"salt\":\"01" } else { "\"salt\":\"00" });
    variants.push([other.as_bytes(), &good[line..]].concat());
    let longer = [good.as_slice(), b"x"].concat();
    variants.push(longer);
    let text = "the vault `vault.sealed` in the state directory is damaged: it was cut or changed";
    for variant in variants {
        house.write(VAULT_FILE, &variant);
        assert_eq!(refusal(house.vault().get("a")), text);
        assert_eq!(refusal(house.vault().set("b", &secret_of("sk-b"), 0)), text);
        assert_eq!(refusal(house.vault().rotate()), text);
        assert_eq!(house.read(VAULT_FILE), variant);
    }
    house.write(VAULT_FILE, &good);
    assert_eq!(value(&house.vault(), "a").as_deref(), Some(VALUE));
    house.write(VAULT_FILE, head.replace("\"creel_vault\":1", "\"creel_vault\":2").as_bytes());
    assert!(matches!(house.vault().get("a"), Err(VaultError::Damaged)), "without a line break");
    house.write(VAULT_FILE, (head.replace("\"creel_vault\":1", "\"creel_vault\":2") + "\n").as_bytes());
    assert_eq!(refusal(house.vault().get("a")), "the vault has form 2, and this creel knows form 1");
}

#[test]
fn a_key_that_is_gone_or_another_is_told_and_never_replaced() {
    let house = House::new();
    house.vault().set("a", &secret_of(VALUE), 0).unwrap();
    let (key, sealed) = (house.read("vault.key"), house.read(VAULT_FILE));
    fs::remove_file(house.path("vault.key")).unwrap();
    let gone = "the key of the vault is not there: `vault.key` in the state directory";
    assert_eq!(refusal(house.vault().get("a")), gone);
    assert_eq!(refusal(house.vault().set("a", &secret_of("sk-b"), 0)), gone);
    assert!(!house.path("vault.key").exists());

    let other = House::new();
    other.vault().set("a", &secret_of(VALUE), 0).unwrap();
    fs::copy(other.path("vault.key"), house.path("vault.key")).unwrap();
    let error = house.vault().get("a").err();
    assert!(matches!(error, Some(VaultError::WrongKey { .. })), "{error:?}");
    assert!(matches!(house.vault().rotate(), Err(VaultError::WrongKey { .. })));
    house.write("vault.key", b"not a key");
    let no_key = "what is there is not a key of a vault: `vault.key` in the state directory";
    assert_eq!(refusal(house.vault().get("a")), no_key);
    house.write("vault.key", &key);
    fs::set_permissions(house.path("vault.key"), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(house.vault().get("a"), Err(VaultError::State(StateError::Exposed { .. }))));
    fs::set_permissions(house.path("vault.key"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(value(&house.vault(), "a").as_deref(), Some(VALUE));
    assert_eq!(house.read(VAULT_FILE), sealed);
    let other_kind =
        "the vault was locked with a key of kind `file`, and `secrets.vault` of the configuration says `passphrase`";
    assert_eq!(refusal(house.with(passphrase("p")).get("a")), other_kind);
}

#[test]
fn a_rotation_changes_the_key_and_survives_a_crash_at_each_step() {
    let house = House::new();
    house.vault().set("a", &secret_of(VALUE), 0).unwrap();
    let before = [house.read("vault.key"), house.read(VAULT_FILE)];
    assert_eq!(house.vault().rotate().unwrap(), 1);
    let after = [house.read("vault.key"), house.read(VAULT_FILE)];
    assert_ne!(before, after);
    assert_eq!(after[0].len(), before[0].len());
    let both = [before[0].as_slice(), &after[0]].concat();
    // Between the first writing and the second, and between the second and the third.
    for sealed in [&before[1], &after[1]] {
        house.write("vault.key", &both);
        house.write(VAULT_FILE, sealed);
        assert_eq!(value(&house.vault(), "a").as_deref(), Some(VALUE));
        house.vault().set("b", &secret_of("sk-b"), 0).unwrap();
        assert_eq!(house.read("vault.key").len(), before[0].len(), "the key that nothing needs is gone");
        house.write("vault.key", &both);
        house.write(VAULT_FILE, sealed);
        house.vault().rotate().unwrap();
        assert_eq!(house.read("vault.key").len(), before[0].len());
        assert_eq!(value(&house.vault(), "a").as_deref(), Some(VALUE));
    }
    // The old key opens nothing any more.
    house.write("vault.key", &before[0]);
    assert!(matches!(house.vault().get("a"), Err(VaultError::WrongKey { .. })));
}

#[test]
fn a_passphrase_opens_what_it_locked() {
    let house = House::new();
    house.with(passphrase("correct horse")).set("a", &secret_of(VALUE), 0).unwrap();
    assert!(!house.path("vault.key").exists());
    let first = house.read(VAULT_FILE);
    assert!(matches!(house.with(passphrase("correct horsf")).get("a"), Err(VaultError::WrongKey { .. })));
    assert_eq!(value(&house.with(passphrase("correct horse")), "a").as_deref(), Some(VALUE));
    house.with(passphrase("correct horse")).rotate().unwrap();
    let salt = |sealed: &[u8]| Sealed::parse(sealed).map(|sealed| sealed.head.stretching.clone()).unwrap();
    assert_ne!(salt(&first), salt(&house.read(VAULT_FILE)));
    assert_eq!(value(&house.with(passphrase("correct horse")), "a").as_deref(), Some(VALUE));
    // A file may not ask for more than this machine wants to give.
    let greedy = String::from_utf8_lossy(&first).replace("\"memory_kib\":65536", "\"memory_kib\":4194304");
    house.write(VAULT_FILE, greedy.as_bytes());
    assert!(matches!(house.with(passphrase("correct horse")).get("a"), Err(VaultError::Damaged)));
}

#[test]
fn a_key_may_be_kept_elsewhere() {
    let house = House::new();
    fs::create_dir(house.temp.path().join("keys")).unwrap();
    let path = house.temp.path().join("keys/creel.key");
    house.with(KeyPlace::File(Some(path.clone()))).set("a", &secret_of(VALUE), 0).unwrap();
    assert!(!house.path("vault.key").exists());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(value(&house.with(KeyPlace::File(Some(path))), "a").as_deref(), Some(VALUE));
    assert!(matches!(house.vault().get("a"), Err(VaultError::NoKey { .. })));
}

#[test]
fn many_writers_lose_nothing() {
    let house = House::new();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let vault = house.vault();
            scope.spawn(move || {
                for turn in 0..8 {
                    vault.set(&format!("w{writer}/t{turn}"), &secret_of(VALUE), 0).unwrap();
                }
            });
        }
        let vault = house.vault();
        scope.spawn(move || (0..4).for_each(|_| assert!(vault.rotate().is_ok() && vault.names().is_ok())));
    });
    assert_eq!(house.vault().names().unwrap().len(), 32);
}

/// A keyring of files, with the arguments and the manners of `secret-tool`.
const TOOL: &str = r#"#!/bin/sh
[ "$GIVEN" = yes ] || { echo 'cannot autolaunch D-Bus' >&2; exit 1; }
verb=$1; shift
case "$verb" in
  lookup) [ "$1 $2 $3" = 'application creel state-dir' ] || exit 7
          [ -e "$RING/item" ] && /bin/cat "$RING/item" || exit 1 ;;
  store)  [ "$1" = '--label=Creel: key of the vault' ] && [ "$2 $3 $4" = 'application creel state-dir' ] || exit 7
          [ -e "$RING/forgetful" ] || /bin/cat > "$RING/item" ;;
  *) exit 7 ;;
esac
"#;

#[test]
fn a_key_may_be_in_a_keyring() {
    let house = House::new();
    let (tool, ring) = (house.temp.path().join("secret-tool"), house.temp.path().join("ring"));
    fs::create_dir(&ring).unwrap();
    fs::write(&tool, TOOL).unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o700)).unwrap();
    let keyring = |given: &str| {
        let variable = |name: &str, value: &str| (name.into(), Zeroizing::new(value.as_bytes().to_vec()));
        let ring = ring.to_str().unwrap();
        let variables = vec![variable("GIVEN", given), variable("RING", ring)];
        house.with(KeyPlace::Keyring(Keyring { tool: tool.clone(), variables }))
    };
    let no_session = format!(
        "the keyring cannot be used: `{}` failed (exit status: 1); is there a session with a keyring?",
        tool.display()
    );
    assert_eq!(refusal(keyring("no").set("a", &secret_of(VALUE), 0)), no_session);
    fs::write(ring.join("forgetful"), "").unwrap();
    let lost = "the keyring cannot be used: it did not keep what it was given";
    assert_eq!(refusal(keyring("yes").set("a", &secret_of(VALUE), 0)), lost);
    assert!(!house.path(VAULT_FILE).exists(), "nothing is locked with a key that was lost");
    fs::remove_file(ring.join("forgetful")).unwrap();
    keyring("yes").set("a", &secret_of(VALUE), 0).unwrap();
    let first = fs::read(ring.join("item")).unwrap();
    keyring("yes").rotate().unwrap();
    assert_ne!(fs::read(ring.join("item")).unwrap(), first);
    assert_eq!(value(&keyring("yes"), "a").as_deref(), Some(VALUE));
    assert!(!house.path("vault.key").exists());
    fs::remove_file(ring.join("item")).unwrap();
    assert_eq!(refusal(keyring("yes").get("a")), "the key of the vault is not there: the keyring");
    assert_eq!(refusal(keyring("no").get("a")), no_session);
}
