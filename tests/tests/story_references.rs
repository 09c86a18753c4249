//! Every way to name a medium, as the operator asks about it with `creel explain media`, by the files and by the daemon;
//! and what becomes of a URL when it is fetched.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use creel_engine::Egress;
use creel_fakes::files::Files;
use creel_fakes::pictures::{jpeg_of, png, sha256_hex};
use creel_fakes::{Answer, Running};
use creel_policy::ids::AgentId;
use creel_policy::limits::MEDIUM_BYTES_MAX;
use creel_policy::media::Area;
use creel_policy::media::url::UrlAccess;
use creel_policy::origin::Origin;
use creel_runtime::take_media;
use creel_store::Store;
use creel_store::media::Medium;
use creel_store::resolve::{Asker, Scope};
use creel_store::state::StateRoot;
use creel_tests::program::Program;
use serde_json::{Value, json};

const PICTURES: &str = r#"{ media: { roots: [{ name: "pictures", path: "~/pictures", mode: "read" }] } }"#;

/// A question and what is said: the exit status, the handle or the reason, the detail.
fn asked(program: &Program, reference: &str) -> (Option<i32>, Value) {
    let ran = program.run(&["explain", "media", reference, "--json"]);
    (ran.code, ran.json())
}

/// What a root says to a name, by the name of the root.
fn verdict<'a>(answer: &'a Value, root: &str) -> &'a Value {
    let roots = answer["roots"].as_array().expect("a list");
    let root = roots.iter().find(|report| report["name"] == root).expect("it is reported");
    &root["verdict"]
}

#[track_caller]
fn allowed(program: &Program, reference: &str, uri: &str, size: usize) {
    let (code, answer) = asked(program, reference);
    let said = [&answer["verdict"], &answer["uri"], &answer["reason"], &answer["detail"], &answer["size"]];
    let expect = [json!("allowed"), json!(uri), Value::Null, Value::Null, json!(size)];
    assert_eq!((code, said), (Some(0), expect.each_ref()), "{reference}");
}

#[track_caller]
fn refused(program: &Program, reference: &str, reason: &str, detail: &str) {
    let (code, answer) = asked(program, reference);
    let said = ["verdict", "uri", "reason", "detail", "content_type", "size"].map(|key| answer[key].clone());
    let expect = [json!("refused"), Value::Null, json!(reason), json!(detail), Value::Null, Value::Null];
    assert_eq!((code, said), (Some(3), expect), "{reference}");
}

/// Puts a picture among those that came in, by hand, and gives its id.
fn put(program: &Program) -> &'static str {
    let root = StateRoot::open_ambient(&program.state()).expect("a state directory");
    Store::open(&root).expect("a store");
    fs::write(program.state().join("media/inbound/photo-1.png"), png()).expect("written");
    "photo-1.png"
}

/// All spellings of a stored medium, and what is close to them and names nothing.
fn check_stored(program: &Program, id: &str) {
    let uri = format!("media://inbound/{id}");
    let (path, real) = (program.state().join("media/inbound"), program.real_state().join("media/inbound"));
    let (path, real) = (path.display(), real.display());
    for spelling in [
        uri.clone(),
        format!("MEDIA: {uri}"),
        format!("media/inbound/{id}"),
        format!("./media/inbound/{id}"),
        format!("/media/inbound/{id}"),
        format!("{path}/{id}"),
        format!("{real}/{id}"),
        format!("{path}/./{id}"),
        format!("file://{path}/{id}"),
        format!("file://localhost{real}/{id}"),
        format!("file://{real}/{}", id.replace('.', "%2E")),
        format!("~/.creel/media/inbound/{id}"),
    ] {
        allowed(program, &spelling, &uri, png().len());
    }
    let not_stored = format!("`media://outbound/{id}` is not stored");
    refused(program, &format!("media://outbound/{id}"), "not-found", &not_stored);
    refused(program, &format!("{uri}x"), "not-found", &format!("`{uri}x` is not stored"));
    let remote = "remote hosts are not allowed in a `file:` URL";
    refused(program, &format!("file://elsewhere{real}/{id}"), "invalid-file-url", remote);
    let encoded = "a `file:` URL holds no encoded separator and no `\\`";
    refused(program, &format!("file://{real}%2F{id}"), "invalid-file-url", encoded);
    refused(program, &format!("/{real}/{id}"), "network-path-not-allowed", "network paths name no medium");
    let dots = "the name of a medium holds no `..`";
    refused(program, &format!("{real}/../inbound/{id}"), "path-not-allowed", dots);
    let unknown = "media are named by `media:`, `file:`, `data:`, `http:` and `https:` URLs and by paths";
    refused(program, &format!("ftp://{id}"), "unsupported-scheme", unknown);
    let drive = "a path with a drive letter lies in no media area";
    refused(program, &format!("C:\\{id}"), "path-not-allowed", drive);
    refused(program, "", "invalid-path", "the name of a medium must not be empty");
    let outside = "local media path is not under an allowed directory: /etc/passwd";
    refused(program, "/etc/passwd", "path-not-allowed", outside);
}

#[test]
fn every_spelling_is_the_same_medium_by_the_files_and_by_the_daemon() {
    let plain = Program::with("{}");
    for program in [plain, Program::with("{}").behind_a_link()] {
        let id = put(&program);
        let uri = format!("media://inbound/{id}");
        let before = asked(&program, &uri).1;
        check_stored(&program, id);
        let daemon = program.serve();
        check_stored(&program, id);

        // The same answer, but for who gives it.
        let after = asked(&program, &uri).1;
        assert_eq!((&before["daemon"], &after["daemon"]["pid"]), (&Value::Null, &json!(daemon.pid())));
        let state = program.real_state();
        let path = |area: &str| state.join(area).display().to_string();
        let root = |name: &str, path: String, verdict: &str| json!({"name": name, "path": path, "mode": "read", "verdict": verdict});
        let expect = json!({
            "input": uri,
            "uri": uri,
            "verdict": "allowed",
            "reason": null,
            "detail": null,
            "content_type": "image/png",
            "size": png().len(),
            "roots": [
                root("inbound", path("media/inbound"), "matches"),
                root("outbound", path("media/outbound"), "does-not-match"),
                root("workspace", path("workspace"), "missing"),
            ],
        });
        for mut answer in [before, after] {
            let object = answer.as_object_mut().expect("an object");
            object.remove("daemon");
            object.remove("files");
            assert_eq!(answer, expect);
        }
    }
}

/// The files of a granted root, and what is close to them and is refused.
fn check_root(program: &Program, pictures: &Path) {
    let path = |name: &str| pictures.join(name).display().to_string();
    let (code, answer) = asked(program, &path("a.png"));
    assert_eq!((code, &answer["content_type"], &answer["size"]), (Some(0), &json!("image/png"), &json!(png().len())));
    assert_eq!(verdict(&answer, "pictures"), "matches");
    let uri = answer["uri"].as_str().expect("a handle").to_owned();
    assert!(uri.starts_with("media://workspace/main/"), "{uri}");
    let real = pictures.canonicalize().expect("it is there").join("a.png");
    for spelling in [
        "~/pictures/a.png".to_owned(),
        format!("file://{}", path("a.png")),
        real.display().to_string(),
        format!("MEDIA:{}", path("a.png")),
    ] {
        allowed(program, &spelling, &uri, png().len());
    }
    refused(program, &path("b.png"), "not-found", "no such file lies in the root `pictures`");
    refused(program, &path("below"), "not-file", "what lies there in the root `pictures` is no regular file");
    let link = "the path leads over a symbolic link in the root `pictures`";
    refused(program, &path("link.png"), "invalid-path", link);
    let second = "the file in the root `pictures` has a second name (a hard link) elsewhere";
    refused(program, &path("hard.png"), "invalid-path", second);
    let outside = program.home().join("a.png").display().to_string();
    let rule = format!("local media path is not under an allowed directory: {outside}");
    refused(program, &outside, "path-not-allowed", &rule);
}

#[test]
fn a_root_that_appears_while_the_daemon_runs_counts_from_then_on() {
    for program in [Program::with(PICTURES), Program::with(PICTURES).behind_a_link()] {
        let daemon = program.serve();
        let pictures = program.home().join("pictures");
        let file = pictures.join("a.png").display().to_string();
        let rule = format!("local media path is not under an allowed directory: {file}");
        refused(&program, &file, "path-not-allowed", &rule);
        assert_eq!(verdict(&asked(&program, &file).1, "pictures"), "missing");

        fs::create_dir_all(pictures.join("below")).expect("a directory");
        for name in ["pictures/a.png", "a.png", "pictures/first.png"] {
            fs::write(program.home().join(name), png()).expect("written");
        }
        fs::hard_link(pictures.join("first.png"), pictures.join("hard.png")).expect("a second name");
        symlink("a.png", pictures.join("link.png")).expect("a link");
        check_root(&program, &pictures);
        drop(daemon);
        check_root(&program, &pictures);

        // It may go again, too.
        let daemon = program.serve();
        fs::rename(&pictures, program.home().join("elsewhere")).expect("moved");
        refused(&program, &file, "path-not-allowed", &rule);
        drop(daemon);
    }
}

#[test]
fn workspace_only_shuts_every_root_but_the_workspace() {
    let program = Program::with("{}");
    let pictures = program.beside("pictures");
    let config = |workspace_only: bool| {
        let path = pictures.display();
        program.configure(&format!(
            r#"{{ tools: {{ fs: {{ workspaceOnly: {workspace_only} }} }},
                 media: {{ roots: [{{ name: "pictures", path: "{path}" }}] }} }}"#
        ));
    };
    let stored = format!("media://inbound/{}", put(&program));
    let workspace = program.state().join("workspace");
    for directory in [&pictures, &workspace] {
        fs::create_dir_all(directory).expect("a directory");
        fs::write(directory.join("a.png"), jpeg_of(1)).expect("written");
    }
    let (granted, own) = (pictures.join("a.png"), workspace.join("a.png"));
    let (granted, own) = (granted.display().to_string(), own.display().to_string());
    let allows = |reference: &str| asked(&program, reference).0 == Some(0);
    config(false);
    assert!(allows(&granted) && allows(&own) && allows("a.png"));
    config(true);
    let rule = "`tools.fs.workspaceOnly` is on, and the root `pictures` is not the workspace";
    for is_served in [false, true] {
        let daemon = is_served.then(|| program.serve());
        refused(&program, &granted, "path-not-allowed", rule);
        assert_eq!(verdict(&asked(&program, &granted).1, "pictures"), "shut");
        // What is stored is no path, and the workspace stays open.
        assert!(allows(&own) && allows("a.png") && allows(&stored));
        drop(daemon);
    }
}

#[test]
fn bytes_in_the_text_and_urls_are_judged_and_not_fetched() {
    let program = Program::with("{}");
    for is_served in [false, true] {
        let daemon = is_served.then(|| program.serve());
        let (code, answer) = asked(&program, "data:text/plain;base64,iVBORw0KGgo=");
        let said = (&answer["verdict"], &answer["content_type"], &answer["size"]);
        assert_eq!((code, said), (Some(0), (&json!("allowed"), &json!("image/png"), &json!(8))));
        assert!(answer["uri"].as_str().is_some_and(|uri| uri.starts_with("media://inbound/")), "{answer}");
        assert_eq!(verdict(&answer, "inbound"), "not-asked");
        let form = "a `data:` URL has the form `data:<type>;base64,<bytes>`: its comma is missing";
        refused(&program, "data:text/plain;base64", "invalid-path", form);
        refused(&program, "data:image/png;base64,", "invalid-path", "a `data:` URL carries no bytes");

        let (code, answer) = asked(&program, "https://example.com/a.png?size=1");
        assert_eq!(code, Some(0));
        for (key, expect) in [("verdict", json!("allowed")), ("uri", Value::Null), ("content_type", Value::Null)] {
            assert_eq!(answer[key], expect, "{key}");
        }
        let private = |host: &str, what: &str| {
            let rule = format!("`{host}` is at {host}, {what}, and the operator did not grant this very origin");
            refused(&program, &format!("http://{host}:8080/a?token=SECRET"), "url-not-allowed", &rule);
        };
        private("127.0.0.1", "a loopback address");
        private("10.0.0.1", "a private address");
        let metadata = "`169.254.169.254` is a cloud metadata service, which no grant opens";
        refused(&program, "http://169.254.169.254/latest", "url-not-allowed", metadata);
        drop(daemon);
    }
    // Looking stores nothing.
    assert_eq!(fs::read_dir(program.state().join("media/inbound")).expect("a directory").count(), 0);
}

#[test]
fn roots_that_mean_no_place_are_errors_with_their_place() {
    let program = Program::with(
        r#"{ media: {
  rots: [],
  roots: [
    { name: "a", path: "/srv/a", mode: "write" },
    { name: "b", path: "/" },
    { name: "c", path: "pictures" },
    { name: "d", path: "/srv/d" },
    { name: "d", path: "/srv/e" },
    { name: "f", path: "/srv/*.png" },
    { name: "inbound", path: "/srv/g" },
    { name: "h", path: "/srv/../etc" },
    { path: "/srv/i", mode: "reed" },
  ] } }"#,
    );
    let ran = program.run(&["explain", "media", "x", "--json"]);
    let file = program.state().join("creel.json5").display().to_string();
    let expect = [
        "error: the configuration is not valid",
        "@:1:10: media: `roots` has two of the name `d`, or it is that of an area",
        "@:1:10: media: `roots` has two of the name `inbound`, or it is that of an area",
        "@:2:3: media.rots: unknown key `rots`",
        "  hint: did you mean `roots`?",
        "@:4:40: media.roots[0].mode: `write` is not supported by Creel",
        "  hint: write `read`: Creel never writes into a directory of yours",
        "@:5:24: media.roots[1].path: must not be the root of the file system: pass a narrower directory",
        "@:6:24: media.roots[2].path: must be an absolute path, or one that begins with `~/`",
        "@:9:24: media.roots[5].path: must be one place: patterns do not exist here",
        "@:11:24: media.roots[7].path: must be a path without `..`",
        "@:12:5: media.roots[8]: the root has no `name`",
        "@:12:29: media.roots[8].mode: expected `read` or `ro`",
        "  hint: did you mean `read`?",
    ];
    let expect: String = expect.iter().map(|line| format!("{}\n", line.replace('@', &file))).collect();
    assert_eq!((ran.code, ran.out.as_str(), ran.err), (Some(4), "", expect));
}

/// A state directory of its own, and the host's way out.
struct Fetch {
    state: tempfile::TempDir,
    store: Store,
    egress: Egress,
    urls: UrlAccess,
}

impl Fetch {
    /// With these origins of the own network opened.
    fn opened<'a>(origins: impl IntoIterator<Item = &'a Running<Files>>) -> Self {
        let state = tempfile::tempdir().expect("a directory");
        let store = Store::open(&StateRoot::open_ambient(state.path()).expect("a state directory")).expect("a store");
        let origin = |server: &Running<Files>| Origin::parse(&server.base_url()).expect("an origin");
        let urls = UrlAccess { private: origins.into_iter().map(origin).collect(), ..UrlAccess::default() };
        Self { state, store, egress: Egress::new().expect("a way out"), urls }
    }

    async fn take(&self, url: &str) -> Result<Medium, String> {
        let agent = AgentId::main();
        let (urls, asker) = (&self.urls, Asker::Operator);
        let scope = Scope { agent: &agent, workspace: None, roots: &[], workspace_only: false, urls, asker };
        let taken = take_media((&self.store, &self.egress), url, &scope, 1).await.expect("a store that works");
        match taken.outcome {
            Ok(found) => Ok(found.medium().expect("it was taken").clone()),
            Err(refusal) => Err(refusal.to_string()),
        }
    }

    /// It is refused in these words, which tell no path and no query, and nothing is stored.
    async fn refused(&self, url: &str, expect: &str) {
        let before = self.stored();
        assert_eq!(self.take(url).await.expect_err("it is refused"), expect, "{url}");
        assert!(!expect.contains("SECRET") && !expect.contains("/way"), "{expect}");
        assert_eq!(self.stored(), before, "{url}");
    }

    fn stored(&self) -> usize {
        fs::read_dir(self.state.path().join("media/inbound")).expect("a directory").count()
    }
}

fn picture() -> Answer {
    Answer::text(200, "text/html", png())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_url_is_fetched_and_is_a_medium_from_then_on() {
    let named = |disposition: &'static str| move || picture().header("content-disposition", disposition);
    let server = Files::new()
        .at("/way/photo%20one.png", picture)
        .at("/way/set", || picture().header("set-cookie", "session=SECRET"))
        .at("/way/quoted", named(r#"attachment; filename="my photo.png""#))
        .at("/way/climbing", named(r#"attachment; filename="..\..\secret.pdf""#))
        .at("/way/extended", named("attachment; filename*=UTF-8''%e2%82%ac%2Frates.png; filename=x.png"))
        .at("/packed", || picture().header("content-encoding", "gzip"))
        .at("/", picture);
    let server = server.start().await.expect("a server");
    let fetch = Fetch::opened([&server]);
    let url = |path: &str| format!("{}{path}", server.base_url());
    for (path, name) in [
        ("/way/photo%20one.png?token=SECRET#part", Some("photo one.png")),
        ("/way/set", Some("set")),
        ("/way/set", Some("set")),
        ("/way/quoted", Some("my photo.png")),
        ("/way/climbing", Some("secret.pdf")),
        ("/way/extended", Some("rates.png")),
        ("/", None),
    ] {
        let medium = fetch.take(&url(path)).await.unwrap_or_else(|refusal| unexpected(&refusal));
        assert_eq!(medium.name.as_deref(), name, "{path}");
        // By its bytes, and not by what the server says.
        assert_eq!((medium.content_type.as_str(), medium.sha256), ("image/png", sha256_hex(&png())), "{path}");
        assert_eq!(medium.media.area, Area::Inbound);
    }
    // No credential, no cookie, no part behind `#`.
    assert_eq!(server.refusals(), []);
    assert_eq!(server.requests()[0].query.as_deref(), Some("token=SECRET"));
    assert_eq!(fetch.stored(), 7);
    let packed = format!("not-fetched: {} sent `content-encoding: gzip` though none was asked for", server.base_url());
    fetch.refused(&url("/packed"), &packed).await;
    // What was taken is counted on: the next daemon clears none of it away.
    let root = StateRoot::open_ambient(fetch.state.path()).expect("a state directory");
    let lock = root.lock().expect("no other daemon");
    assert_eq!(fetch.store.clear_leftovers(&lock).expect("it can be cleared"), 0);
    assert_eq!(fetch.stored(), 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l14_redirects_are_followed_five_times_and_judged_each_time() {
    let elsewhere = Files::new().at("/way/photo.png", picture).start().await.expect("a server");
    let away = format!("{}/way/photo.png?token=SECRET", elsewhere.base_url());
    let mut server = Files::new()
        .at("/way/5", picture)
        .redirect("/way/away", 302, &away)
        .redirect("/way/password", 302, "https://u:SECRET@example.com/way")
        .redirect("/way/ftp", 302, "ftp://example.com/way")
        .redirect("/way/metadata", 302, "http://169.254.169.254/way");
    for (hop, status) in (0..5).zip([301, 302, 303, 307, 308]) {
        server = server.redirect(&format!("/way/{hop}"), status, &format!("{}?token=SECRET", hop + 1));
    }
    let server = server.redirect("/way/first", 302, "/way/0").start().await.expect("a server");
    let fetch = Fetch::opened([&server]);
    let url = |path: &str| format!("{}{path}", server.base_url());
    let medium = fetch.take(&url("/way/0")).await.unwrap_or_else(|refusal| unexpected(&refusal));
    assert_eq!((medium.sha256, medium.name.as_deref()), (sha256_hex(&png()), Some("5")));
    fetch.refused(&url("/way/first"), "url-not-allowed: more than 5 redirects").await;
    let loopback = "url-not-allowed: `127.0.0.1` is at 127.0.0.1, a loopback address, and the operator did not grant \
                    this very origin";
    fetch.refused(&url("/way/away"), loopback).await;
    assert_eq!(elsewhere.requests().len(), 0);
    let password = "url-not-allowed: a user name or password does not belong in a URL";
    fetch.refused(&url("/way/password"), password).await;
    let metadata = "url-not-allowed: `169.254.169.254` is a cloud metadata service, which no grant opens";
    fetch.refused(&url("/way/metadata"), metadata).await;
    let scheme = "url-not-allowed: the scheme must be `http` or `https`";
    fetch.refused(&url("/way/ftp"), scheme).await;

    let both = Fetch::opened([&server, &elsewhere]);
    let medium = both.take(&url("/way/away")).await.unwrap_or_else(|refusal| unexpected(&refusal));
    assert_eq!(medium.name.as_deref(), Some("photo.png"));
    assert_eq!([server.refusals(), elsewhere.refusals()], [vec![], vec![]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p16_p17_p20_what_is_not_had_is_told_by_its_origin_alone() {
    static CHUNK: [u8; 1 << 20] = [7; 1 << 20];
    let chunks = usize::try_from(MEDIUM_BYTES_MAX).expect("it fits") / CHUNK.len();
    let endless = move |more: usize| {
        move || Answer::chunks(200, "video/mp4", (0..chunks).map(|_| &CHUNK[..]).chain([&CHUNK[..more]]))
    };
    let server = Files::new()
        .at("/way/large", move || endless(1)().header("content-length", "104857601"))
        .at("/way/over", endless(1))
        .at("/way/full", endless(0))
        .at("/way/cut", || Answer::chunks(200, "image/png", ["x", "y"]).cut_before(1))
        .at("/way/broken", || Answer::text(500, "text/plain", "SECRET words ".repeat(100_000)));
    let server = server.start().await.expect("a server");
    let fetch = Fetch::opened([&server]);
    let origin = server.base_url();
    let url = |path: &str| format!("{origin}{path}?token=SECRET");
    let missing = format!("not-fetched: HTTP 404 downloading media from {origin}");
    fetch.refused(&url("/way/missing"), &missing).await;
    fetch.refused(&url("/way/broken"), &format!("not-fetched: HTTP 500 downloading media from {origin}")).await;
    let too_large = format!("too-large: the answer of {origin} exceeds 104857600 bytes");
    fetch.refused(&url("/way/large"), &too_large).await;
    fetch.refused(&url("/way/over"), &too_large).await;
    let medium = fetch.take(&url("/way/full")).await.unwrap_or_else(|refusal| unexpected(&refusal));
    assert_eq!(medium.size, MEDIUM_BYTES_MAX);
    let cut = fetch.take(&url("/way/cut")).await.expect_err("it breaks off");
    assert!(cut.starts_with(&format!("not-fetched: the answer of {origin} broke off: ")), "{cut}");
    server.stop().await;
    let gone = fetch.take(&url("/way/large")).await.expect_err("nobody is there");
    assert!(gone.starts_with(&format!("not-fetched: {origin} cannot be reached: ")), "{gone}");
    for told in [cut, gone] {
        assert!(!told.contains("SECRET") && !told.contains("/way"), "{told}");
    }
    assert_eq!((fetch.stored(), server.refusals()), (1, vec![]));
}

#[expect(clippy::panic, reason = "a test that is refused cannot go on")]
fn unexpected(refusal: &str) -> ! {
    panic!("{refusal}")
}
