//! `creel media` as operators and scripts meet it: what it prints, with which exit code, what it writes where, and that it
//! works beside a daemon. No plugin is loaded here.

#![expect(clippy::disallowed_methods, reason = "tests arrange files and run the program")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use creel_policy::ids::ChannelId;
use creel_policy::media::MediaRef;
use creel_store::Store;
use creel_store::state::StateRoot;
use creel_store::turn::{Inserted, NewInbound};
use serde_json::{Value, json};
use tempfile::TempDir;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03\x08\x02\0\0\0";
const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

struct Place {
    temp: TempDir,
    state: PathBuf,
}

struct Ran {
    code: Option<i32>,
    bytes: Vec<u8>,
    out: String,
    err: String,
}

impl Place {
    fn new() -> Self {
        let temp = tempfile::tempdir().expect("a directory");
        let state = temp.path().join("state");
        Self { temp, state }
    }

    fn configured(config: &str) -> Self {
        let place = Self::new();
        fs::create_dir_all(&place.state).expect("a directory");
        fs::set_permissions(&place.state, fs::Permissions::from_mode(0o700)).expect("permissions");
        fs::write(place.state.join("creel.json5"), config).expect("a configuration");
        place
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_creel"));
        command.args(args).env_clear().env("HOME", self.temp.path()).env("CREEL_STATE_DIR", &self.state);
        command.current_dir(self.temp.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut child = self.command(&[&["media"], args].concat()).spawn().expect("the program runs");
        let mut stdin = child.stdin.take().expect("its input");
        // A program that needs no input may have ended by now.
        drop(stdin.write_all(input));
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        let err = String::from_utf8(output.stderr).expect("text");
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        Ran { code: output.status.code(), bytes: output.stdout, out, err }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.temp.path().join(name);
        fs::write(&path, bytes).expect("a file");
        path
    }

    fn put(&self, args: &[&str], input: &[u8]) -> Value {
        let ran = self.run(&[&["put"], args, &["--json"]].concat(), input);
        assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.err);
        serde_json::from_str(&ran.out).expect("JSON")
    }

    fn uri(&self, bytes: &[u8]) -> String {
        self.put(&["-"], bytes)["uri"].as_str().expect("a name").to_owned()
    }

    fn path(&self, uri: &str) -> PathBuf {
        self.state.join("media").join(uri.strip_prefix("media://").expect("a handle"))
    }

    fn json(&self, args: &[&str], code: i32) -> Value {
        let ran = self.run(&[args, &["--json"]].concat(), b"");
        assert_eq!((ran.code, ran.err.as_str()), (Some(code), ""), "{args:?}");
        serde_json::from_str(&ran.out).expect("JSON")
    }

    fn store(&self) -> Store {
        Store::open(&StateRoot::open_ambient(&self.state).expect("a state directory")).expect("a store")
    }

    /// A message that is not answered yet, with that medium.
    fn refer(&self, uri: &str) {
        let message = NewInbound {
            channel: ChannelId::parse("signal").expect("a name"),
            message_id: uri.to_owned(),
            session: "signal:alice".to_owned(),
            sender_json: "{}".to_owned(),
            conversation_json: "{}".to_owned(),
            text: String::new(),
            attachments: vec!["{}".to_owned()],
            reply_to: None,
            sent_at_ms: 1,
            received_ms: 1,
        };
        let store = self.store();
        let Inserted::New(id) = store.inbound_insert(&message).expect("it is stored") else { return };
        store.inbound_attachment_stored(id, 0, &MediaRef::parse(uri).expect("a handle")).expect("it is noted");
    }
}

fn age(path: &Path, days: u64) {
    let file = fs::File::open(path).expect("a file");
    file.set_modified(SystemTime::now() - Duration::from_secs(days * 86_400)).expect("its time can be set");
}

fn check(ran: &Ran, code: i32, out: &str, err: &str) {
    assert_eq!((ran.out.as_str(), ran.err.as_str(), ran.code), (out, err, Some(code)));
}

#[test]
fn what_is_put_is_told_in_full() {
    let place = Place::new();
    place.file("cat.bin", PNG);
    let record = place.put(&["cat.bin"], b"");
    let (uri, id) = (record["uri"].as_str().expect("a name"), record["id"].as_str().expect("an id"));
    assert_eq!(uri, format!("media://inbound/{id}"));
    assert!(id.len() == 36 && id.ends_with(".png"), "{id}");
    assert!(record["created_ms"].as_u64().is_some_and(|ms| ms > 1_600_000_000_000));
    let keys = record.as_object().expect("an object").keys().map(String::as_str).collect::<Vec<_>>();
    let all = [
        "area",
        "content_type",
        "created_ms",
        "declared_type",
        "height",
        "id",
        "name",
        "sha256",
        "size",
        "uri",
        "width",
    ];
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, all);
    let part = |keys: &[&str]| keys.iter().map(|key| record[*key].clone()).collect::<Vec<_>>();
    assert_eq!(
        part(&["area", "content_type", "declared_type", "size", "name", "width", "height"]),
        [json!("inbound"), json!("image/png"), Value::Null, json!(PNG.len()), json!("cat.bin"), json!(2), json!(3)]
    );
    let args = ["-", "--area", "workspace/main", "--name", "../a.md", "--type", "Text/Plain; charset=utf-8"];
    let record = place.put(&args, b"abc");
    let part = |keys: &[&str]| keys.iter().map(|key| record[*key].clone()).collect::<Vec<_>>();
    assert_eq!(
        part(&["area", "content_type", "declared_type", "sha256", "name", "width"]),
        [
            json!("workspace/main"),
            json!("text/markdown"),
            json!("text/plain"),
            json!(SHA256),
            json!("a.md"),
            Value::Null
        ]
    );
    let plain = place.run(&["put", "-"], b"abc");
    let uri = plain.out.split_whitespace().next().expect("a name").to_owned();
    check(&plain, 0, &format!("{uri}  text/plain, 3 bytes\n"), "");
    let lying = place.run(&["put", "-", "--type", "image/jpeg"], PNG);
    assert_eq!(lying.err, "note: `--type` says image/jpeg, and the bytes are image/png\n", "M12");
    assert_eq!(lying.code, Some(0));
    // Whatever the operator can read: a link, too, and what another program writes.
    symlink("cat.bin", place.temp.path().join("link.png")).expect("a link");
    assert_eq!(place.put(&["link.png"], b"")["size"], json!(PNG.len()));
    assert_eq!(place.put(&["/dev/stdin"], PNG)["size"], json!(PNG.len()));
    assert_eq!(place.json(&["verify"], 0)["flaws"], json!([]));
}

#[test]
fn a_data_url_is_put_by_its_content_and_a_url_only_from_where_it_may() {
    let place = Place::new();
    let url = "data:image/jpeg;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAADCAIAAAA=";
    let first = place.json(&["put", url], 0);
    assert_eq!((&first["content_type"], &first["declared_type"]), (&json!("image/png"), &json!("image/jpeg")));
    assert_eq!(place.json(&["put", url], 0)["uri"], first["uri"]);
    let private = "error: url-not-allowed: `127.0.0.1` is at 127.0.0.1, a loopback address, and the operator did not \
                   grant this very origin\n";
    check(&place.run(&["put", "http://127.0.0.1:1/a.png?key=x"], b""), 3, "", private);
    let broken = "error: invalid-path: the base64 of a `data:` URL is malformed\n";
    check(&place.run(&["put", "data:image/png;base64,@"], b""), 3, "", broken);
}

#[test]
fn attack_117_explain_says_what_a_session_would_get() {
    let place = Place::new();
    let (hers, other) = (place.uri(PNG), place.uri(b"other"));
    place.refer(&hers);
    let explain = |uri: &str, session: &[&str]| {
        let args = [&["explain", "media", uri, "--json"], session].concat();
        let ran = place.command(&args).stdin(Stdio::null()).output().expect("it runs");
        let said: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
        (ran.status.code(), said["uri"].as_str().map(str::to_owned), said["detail"].as_str().map(str::to_owned))
    };
    let alice = ["--session", "signal:alice"];
    assert_eq!(explain(&hers, &alice), (Some(0), Some(hers.clone()), None));
    assert_eq!(explain(&other, &alice), (Some(3), None, Some(format!("`{other}` is not stored"))));
    assert_eq!(explain(&other, &[]), (Some(0), Some(other.clone()), None));
}

#[test]
fn what_cannot_be_put_is_refused_and_leaves_nothing() {
    let place = Place::configured("{ media: { maxMb: { image: 1 }, quotaMb: { outbound: 2 } } }");
    let refuse = |args: &[&str], input: &[u8], code, err: &str| {
        check(&place.run(&[&["put"], args].concat(), input), code, "", err);
    };
    fs::create_dir(place.temp.path().join("dir")).expect("a directory");
    refuse(&["dir"], b"", 1, "error: `dir` is a directory\n");
    refuse(&["none"], b"", 5, "error: could not read `none`: No such file or directory (os error 2)\n");
    let large = [PNG, &vec![0; 1 << 20]].concat();
    let image = "error: too-large: an image has at most 1048576 bytes (`media.maxMb.image`)\n";
    refuse(&["-"], &large, 3, image);
    place.file("large.png", &large);
    refuse(&["large.png"], b"", 3, image);
    fs::File::create(place.temp.path().join("huge")).and_then(|file| file.set_len(101 << 20)).expect("a file");
    refuse(&["huge"], b"", 3, "error: too-large: a medium from here has at most 104857600 bytes\n");
    place.put(&["-", "--area", "outbound"], &vec![b'x'; 2 << 20]);
    let full = "error: the area `outbound` is full: its quota is 2097152 bytes (`media.quotaMb`)\n\
                hint: make room with `creel media gc` or `creel media rm`, or raise the quota\n";
    refuse(&["-", "--area", "outbound"], b"x", 1, full);
    for (args, expect) in [
        (vec!["put"], "<FILE|URL|->"),
        (vec!["put", "-", "--area", "workspace"], "the media areas are `inbound`, `outbound` and `workspace/<agent>`"),
        (vec!["put", "-", "--area", "../x"], "the media areas are `inbound`, `outbound` and `workspace/<agent>`"),
        (vec!["put", "-", "--type", "png"], "expected a content type, e.g. `image/png`"),
        (vec!["gc", "--older-than", "7"], "expected a number and a unit, e.g. `30m`, `12h` or `7d`"),
        (vec!["ls", "--area", "inbound/"], "the media areas are"),
        (vec!["show"], "<REF>"),
    ] {
        let ran = place.run(&args, b"");
        assert_eq!(ran.code, Some(2), "{args:?}");
        assert!(ran.err.contains(expect), "{args:?}: {}", ran.err);
    }
    assert_eq!(fs::read_dir(place.state.join("media/inbound")).expect("a directory").count(), 0);
    let none = Place::new();
    for args in [&["ls"][..], &["show", "media://inbound/x"], &["rm", "x"], &["gc"], &["verify"], &["get", "x"]] {
        let ran = none.run(args, b"");
        assert!(ran.code == Some(5) && ran.err.starts_with("error: there is no state directory"), "{}", ran.err);
    }
    assert!(!none.state.exists());
    let broken = Place::configured("{ media: { ttlHours: 0 } }").run(&["put", "-"], b"x");
    assert_eq!(broken.code, Some(4), "{}", broken.err);
}

#[test]
fn what_is_there_is_listed_and_shown() {
    let place = Place::new();
    let empty = place.run(&["put", "-", "--name", "first.txt"], b"abc");
    assert_eq!(empty.code, Some(0));
    let second = place.put(&["-", "--area", "outbound", "--type", "audio/ogg"], PNG);
    let list = place.json(&["ls"], 0);
    let names = list["media"].as_array().expect("a list").iter().map(|one| one["name"].clone()).collect::<Vec<_>>();
    assert_eq!(names, [json!("first.txt"), Value::Null]);
    assert_eq!(list["media"][1], second);
    let total = |area: &str, bytes: usize| json!({ "area": area, "media": 1, "bytes": bytes, "quota_bytes": 21_474_836_480_u64 });
    assert_eq!(list["areas"], json!([total("inbound", 3), total("outbound", PNG.len())]));
    let outbound = place.json(&["ls", "--area", "outbound"], 0);
    assert_eq!(outbound, json!({ "media": [second], "areas": [total("outbound", PNG.len())] }));
    assert_eq!(place.json(&["ls", "--area", "workspace/main"], 0), json!({ "media": [], "areas": [] }));
    let table = place.run(&["ls"], b"").out;
    let totals = "inbound: 1 medium, 3 B of 20 GiB\noutbound: 1 medium, 29 B of 20 GiB\n";
    assert!(table.contains("first.txt") && table.ends_with(totals), "{table}");
    let uri = second["uri"].as_str().expect("a name");
    place.refer(uri);
    let shown = place.run(&["show", &place.path(uri).display().to_string()], b"");
    let sha256 = second["sha256"].as_str().expect("a digest");
    let expect = [
        uri.to_owned(),
        "  type      image/png".to_owned(),
        "  claimed   audio/ogg (what the sender said)".to_owned(),
        "  size      29 bytes".to_owned(),
        "  pixels    2 x 3".to_owned(),
        format!("  sha256    {sha256}"),
    ];
    assert!(shown.out.starts_with(&format!("{}\n  stored    2", expect.join("\n"))), "{}", shown.out);
    assert!(shown.out.ends_with("Z\n  held by   message 1 of session `signal:alice`\n"), "{}", shown.out);
    let holder = json!([{ "holder": "inbound", "id": 1, "session": "signal:alice", "live": true }]);
    assert_eq!(place.json(&["show", uri], 0)["held_by"], holder);
    let missing = "error: not-found: `media://inbound/none.png` is not stored\n";
    check(&place.run(&["show", "media/inbound/none.png"], b""), 5, "", missing);
    assert_eq!(place.run(&["show", "/etc/passwd"], b"").code, Some(3));
    let none = Place::configured("{}");
    check(&none.run(&["ls"], b""), 0, "no media are stored; `creel media put FILE` stores one\n", "");
}

#[test]
fn what_is_got_is_what_was_put_and_overwrites_nothing() {
    let place = Place::new();
    let uri = place.uri(PNG);
    let get = |args: &[&str]| place.run(&[&["get", uri.as_str()], args].concat(), b"");
    for args in [&[][..], &["--out", "-"]] {
        let ran = get(args);
        assert_eq!((ran.code, ran.bytes.as_slice(), ran.err.as_str()), (Some(0), PNG, ""));
    }
    check(&get(&["--out", "cat.png"]), 0, "", "");
    let cat = place.temp.path().join("cat.png");
    assert_eq!(fs::read(&cat).expect("a file"), PNG);
    assert_eq!(fs::metadata(&cat).expect("a file").permissions().mode() & 0o777, 0o600);
    fs::write(&cat, "precious").expect("a file");
    let there = "error: `cat.png` is there already\nhint: pass `--force` to replace it\n";
    check(&get(&["--out", "cat.png"]), 1, "", there);
    assert_eq!(fs::read(&cat).expect("a file"), b"precious");
    check(&get(&["--out", "cat.png", "--force"]), 0, "", "");
    assert_eq!(fs::read(&cat).expect("a file"), PNG);
    symlink("nowhere", place.temp.path().join("dangling")).expect("a link");
    assert_eq!(get(&["--out", "dangling"]).err, there.replace("cat.png", "dangling"));
    assert!(!place.temp.path().join("nowhere").exists());
    check(&get(&["--out", "."]), 1, "", "error: `.` is a directory\n");
    check(
        &get(&["--out", "none/x"]),
        5,
        "",
        "error: could not write `none/x`: No such file or directory (os error 2)\n",
    );
    // Other bytes under that name are never given out, nor is half a file left.
    let stored = place.path(&uri);
    fs::remove_file(&stored).expect("it is there");
    fs::write(&stored, [&PNG[..28], b"x"].concat()).expect("a file");
    let ran = get(&["--out", "other.png"]);
    assert_eq!(ran.err, format!("error: invalid-path: `{uri}` is not the file that was stored\n"));
    assert_eq!(ran.code, Some(3));
    let names = fs::read_dir(place.temp.path()).expect("a directory").count();
    assert_eq!(names, 3, "state, cat.png, dangling");
}

#[test]
fn a_medium_that_is_needed_is_removed_by_force_alone() {
    let place = Place::new();
    let (needed, free) = (place.uri(PNG), place.uri(b"abc"));
    place.refer(&needed);
    let held = format!(
        "error: `{needed}` is still needed: message 1 of session `signal:alice`\n\
         hint: pass `--force` to remove it all the same\n"
    );
    check(&place.run(&["rm", &needed], b""), 3, "", &held);
    check(&place.run(&["rm", &free], b""), 0, &format!("removed `{free}`\n"), "");
    check(&place.run(&["rm", &needed, "--force"], b""), 0, &format!("removed `{needed}`\n"), "");
    let gone = format!("error: expired: `{free}` was stored and has been cleaned away\n");
    check(&place.run(&["rm", &free], b""), 5, "", &gone);
    let audit = place.store().audit_tail(9).expect("a log");
    let said: Vec<_> = audit.iter().map(|record| (record.rule.as_str(), record.target.as_str())).collect();
    let (so, force) = ("the operator said so", "the operator said so, with `--force`");
    assert_eq!(said, [(so, free.as_str()), (force, needed.as_str())]);
}

#[test]
fn what_is_old_and_free_is_collected() {
    let place = Place::new();
    let fresh = place.uri(b"fresh");
    let planted = |name: &str, days| {
        let path = place.state.join("media/inbound").join(name);
        fs::write(&path, PNG).expect("a file");
        age(&path, days);
        path
    };
    let (old, young) = (planted("old.png", 8), planted("young.png", 6));
    let needed = planted("needed.png", 8);
    place.refer("media://inbound/needed.png");
    let taken_in = planted("taken-in.png", 8);
    assert_eq!(place.json(&["show", "media/inbound/taken-in.png"], 0)["size"], json!(29));
    let no_age = "note: nothing goes for its age: pass `--older-than`, or set `media.ttlHours` in the configuration\n";
    check(&place.run(&["gc"], b""), 0, "nothing is old enough and free to go\n", no_age);
    let swept = |dry| json!({ "dry_run": dry, "older_than_ms": 604_800_000, "media": 1, "bytes": 29, "files": 1, "file_bytes": 29 });
    assert_eq!(place.json(&["gc", "--older-than", "7d", "--dry-run"], 0), swept(true));
    let would = "would remove 1 medium, 29 B\nwould remove 1 file that nobody had asked for, 29 B\n";
    check(&place.run(&["gc", "--older-than", "7d", "--dry-run"], b""), 0, would, "");
    assert!(old.exists() && taken_in.exists(), "looking removes nothing");
    assert_eq!(place.json(&["gc", "--older-than", "7d"], 0), swept(false));
    check(&place.run(&["gc", "--older-than", "7d"], b""), 0, "nothing is old enough and free to go\n", "");
    assert!(!old.exists() && !taken_in.exists() && young.exists() && needed.exists());
    assert_eq!(place.run(&["get", &fresh], b"").bytes, b"fresh");
    // What the operator put there is as old as it is, and needs no turn to be let go of.
    let removed = "removed 1 medium, 5 B\nremoved 1 file that nobody had asked for, 29 B\n";
    check(&place.run(&["gc", "--older-than", "0s"], b""), 0, removed, "");
    assert!(needed.exists());
    fs::write(place.state.join("creel.json5"), "{ media: { ttlHours: 1 } }").expect("a configuration");
    check(&place.run(&["gc"], b""), 0, "nothing is old enough and free to go\n", "");
}

#[test]
fn what_is_wrong_is_found_and_mended_where_nothing_is_lost() {
    let place = Place::new();
    let (missing, changed) = (place.uri(PNG), place.uri(b"abc"));
    check(&place.run(&["verify"], b""), 0, "2 media, 32 B, 0 references: all is well\n", "");
    fs::remove_file(place.path(&missing)).expect("it is there");
    fs::remove_file(place.path(&changed)).expect("it is there");
    fs::write(place.path(&changed), b"abd").expect("a file");
    let partial = place.state.join("media/inbound/.partial-0");
    fs::write(&partial, b"half").expect("a file");
    age(&partial, 2);
    let found = place.json(&["verify"], 3);
    let kinds = |found: &Value| {
        let flaws = found["flaws"].as_array().expect("a list").iter();
        flaws.map(|flaw| (flaw["kind"].clone(), flaw["repaired"].clone())).collect::<Vec<_>>()
    };
    let mut sorted = kinds(&found);
    sorted.sort_by_key(|(kind, _)| kind.to_string());
    let of = |kind: &str, repaired: bool| (json!(kind), json!(repaired));
    assert_eq!(sorted, [of("file-changed", false), of("file-missing", false), of("leftover", false)]);
    assert_eq!(found["ok"], json!(false));
    let mut sorted = kinds(&place.json(&["verify", "--repair"], 3));
    sorted.sort_by_key(|(kind, _)| kind.to_string());
    assert_eq!(sorted, [of("file-changed", false), of("file-missing", true), of("leftover", true)]);
    assert!(!partial.exists());
    let said = place.run(&["verify"], b"");
    assert!(said.out.starts_with(&format!("wrong file-changed: {changed} has the SHA-256 a52d159f")), "{}", said.out);
    assert!(said.out.ends_with("1 medium, 3 B, 0 references: 1 wrong\n"), "{}", said.out);
    assert_eq!(said.code, Some(3));
    assert_eq!(place.run(&["show", &changed], b"").code, Some(3), "what is not the medium is not taken for it");
    check(&place.run(&["rm", &changed], b""), 0, &format!("removed `{changed}`\n"), "");
    check(&place.run(&["verify"], b""), 0, "0 media, 0 B, 0 references: all is well\n", "");
}

/// A daemon that is ended when dropped.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn all_of_it_works_beside_a_daemon_which_sweeps_by_itself() {
    let place = Place::configured("{ media: { ttlHours: 24 } }");
    let needed = place.uri(PNG);
    let inbound = place.state.join("media/inbound");
    for name in ["old.png", "taken-in.png"] {
        fs::write(inbound.join(name), PNG).expect("a file");
        age(&inbound.join(name), 2);
    }
    assert_eq!(place.run(&["show", "media/inbound/taken-in.png"], b"").code, Some(0));
    let mut child = place.command(&["serve", "--listen", "127.0.0.1:0"]).spawn().expect("the program runs");
    let out = child.stdout.take().expect("its output");
    let _daemon = Daemon(child);
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line).expect("it says something");
    assert!(line.starts_with("listening on 127.0.0.1:"), "{line}");
    let expired = (0..500).any(|_| place.run(&["show", "media/inbound/taken-in.png"], b"").code == Some(5));
    assert!(expired, "the daemon sweeps shortly after its start");
    assert!((0..500).any(|_| place.run(&["ls"], b"").code == Some(0) && !inbound.join("old.png").exists()));
    // What the operator stored before the daemon came is not taken for something that nobody came to name.
    assert_eq!(place.run(&["get", &needed], b"").bytes, PNG);
    let beside = place.uri(b"beside");
    assert_eq!(place.run(&["get", &beside], b"").bytes, b"beside");
    assert_eq!(place.json(&["gc", "--older-than", "1d"], 0)["media"], json!(0));
    check(&place.run(&["rm", &beside], b""), 0, &format!("removed `{beside}`\n"), "");
    assert_eq!(place.json(&["verify"], 0)["media"], json!(1));
    let audit = place.store().audit_tail(9).expect("a log");
    assert!(audit.iter().any(|record| record.rule.starts_with("older than 86400000 ms")), "{audit:?}");
}
