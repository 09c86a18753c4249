//! An OAuth access token that has ended is renewed by the host: once for all who wait, kept for the next start, and
//! seen by nobody else.

use std::fmt::Write as _;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use creel_fakes::oauth::{Grant, PATH, TokenEndpoint};
use creel_fakes::signal::Message;
use creel_fakes::{Running, anthropic, ollama};
use creel_tests::house::{API_KEY, Fakes, House, Place};
use creel_tests::scene::{SEEING_PRIMARY, Scene, attempts, files_below, person, refusals, sent};

const NOW_MS: u64 = 1_800_000_000_000;
/// How long a new token lasts.
const HOUR_S: u64 = 3_600;
const CLIENT: &str = "client-of-this-profile";
const OLD_ACCESS: &str = "sk-ant-oat01-ended+token/0123456789abcdef";
const NEW_ACCESS: &str = "sk-ant-oat01-fresh+token/0123456789abcdef";
/// The refresh token of the file, and those that replace it.
const REFRESH: [&str; 3] = [
    "sk-ant-ort01-first+token/0123456789abcdef",
    "sk-ant-ort01-second+token/0123456789abcdef",
    "sk-ant-ort01-third+token/0123456789abcdef",
];
const REFUSED: &str = "I could not answer: the gateway's credential was refused. Its operator has been told.";

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic while writing").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Everything that is logged in this process, at every level.
fn log() -> &'static Lines {
    static LOG: OnceLock<Lines> = OnceLock::new();
    LOG.get_or_init(|| {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
        tracing::subscriber::set_global_default(subscriber.with_writer(move || writer.clone()).finish())
            .expect("the only subscriber");
        lines
    })
}

/// The spellings of a secret, those in base64 as they stand within a longer text.
fn spellings(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("memory");
        hex
    });
    let mut all = vec![secret.to_owned(), hex.to_uppercase(), hex];
    for before in 0..3 {
        let longer = [&vec![b' '; before][..], bytes].concat();
        for text in [STANDARD_NO_PAD.encode(&longer), URL_SAFE_NO_PAD.encode(&longer)] {
            all.push(text[(before * 8).div_ceil(6)..longer.len() * 8 / 6].to_owned());
        }
    }
    all
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

struct Stage {
    fakes: Fakes,
    tokens: Running<TokenEndpoint>,
    place: Place,
    now: Arc<AtomicU64>,
}

impl Stage {
    /// A profile whose access token ended five minutes ago, and a token endpoint that grants so many renewals.
    async fn set(grants: usize) -> Self {
        let anthropic = anthropic::Config::with_api_key(API_KEY).and_oauth_token(NEW_ACCESS);
        let fakes = Fakes::replying(anthropic, ollama::Config::new()).await;
        let grant = |refresh: &&str| Grant {
            access: NEW_ACCESS.to_owned(),
            refresh: (*refresh).to_owned(),
            expires_in: HOUR_S,
        };
        let grants = REFRESH[1..].iter().take(grants).map(grant).collect();
        let tokens = TokenEndpoint::start(CLIENT, REFRESH[0], grants).await.expect("a token endpoint");
        let anthropic = format!("oauthTokenUrl: \"{}{PATH}\"", tokens.base_url());
        let directory = fakes.attachments.path().display();
        let people: Vec<String> = (0..8).map(|number| format!("\"{}\"", person(number).0)).collect();
        let people = people.join(", ");
        let settings = format!(r#"attachmentsDir: "{directory}", dmPolicy: "allowlist", allowFrom: [{people}]"#);
        let channels = Some(fakes.channel_with(&settings));
        let scene = Scene { anthropic: &anthropic, channels, ..Scene::of(SEEING_PRIMARY) };
        let profiles = format!(
            r#"{{ "version": 1, "profiles": {{ "anthropic:default": {{ "type": "oauth", "provider": "anthropic",
                "access": "{OLD_ACCESS}", "refresh": "{}", "clientId": "{CLIENT}", "expires": {} }} }} }}"#,
            REFRESH[0],
            NOW_MS - 300_000
        );
        let now = Arc::new(AtomicU64::new(NOW_MS));
        let clock = Arc::clone(&now);
        let place = scene.bare_place(&fakes).profiles(&profiles).clock(Arc::new(move || clock.load(Ordering::SeqCst)));
        Self { fakes, tokens, place, now }
    }

    fn says(&self, number: usize, text: &str) {
        let (telephone, account) = person(number);
        let message = Message::from_number(&telephone, &account, "Somebody").saying(text);
        self.fakes.signal.receive(&message).expect("a fake that can write its attachments");
    }

    /// The refresh tokens that came, in order.
    fn refreshed(&self) -> Vec<String> {
        let token = |request: creel_fakes::Recorded| {
            request.json().expect("JSON")["refresh_token"].as_str().expect("a text").to_owned()
        };
        self.tokens.requests().into_iter().map(token).collect()
    }

    /// What is told of the credential, on every way.
    fn told(&self, house: &House) -> (String, Vec<u8>) {
        let status = house.host.knowledge().models_status(house.host.now_ms());
        let words = format!("{:?}", status[0].uses[0]);
        let told = format!("{words}{:?}{:?}", house.steps.all(), self.fakes.signal.sent());
        (words, told.into_bytes())
    }

    /// Asserts that no token stands anywhere but on the wire.
    fn is_clean(&self, told: &[u8]) {
        let log = log().0.lock().expect("no panic while writing").clone();
        assert!(holds(&log, "the access token"), "the log tells of renewals");
        let mut places = files_below(self.place.path());
        places.extend([("told".to_owned(), told.to_vec()), ("log".to_owned(), log)]);
        for secret in [OLD_ACCESS, NEW_ACCESS].iter().chain(&REFRESH) {
            for spelling in spellings(secret) {
                for (name, bytes) in &places {
                    assert!(!holds(bytes, &spelling), "`{name}` holds a token as `{spelling}`");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_renewal_serves_all_who_wait_and_the_next_start() {
    log();
    let stage = Stage::set(2).await;
    let house = stage.place.start().await;
    let (before, _) = stage.told(&house);
    assert!(before.contains("expired 5 min ago; renewed before it is sent"), "{before}");

    stage.tokens.hold();
    (0..8).for_each(|number| stage.says(number, "hello"));
    stage.tokens.wait_until_held(1).await.expect("a renewal");
    stage.tokens.release();
    sent(&stage.fakes, &house, 8).await;
    assert_eq!(attempts(&house), []);
    assert_eq!(stage.refreshed(), [REFRESH[0]]);
    let bearer = format!("Bearer {NEW_ACCESS}");
    let requests = stage.fakes.anthropic.requests();
    assert_eq!(requests.len(), 8);
    for request in &requests {
        assert_eq!(request.header("authorization"), Some(bearer.as_str()));
        assert_eq!(request.header("anthropic-beta"), Some("oauth-2025-04-20"));
        assert!(REFRESH.iter().all(|refresh| !request.contains(refresh)));
    }
    let (after, told) = stage.told(&house);
    assert!(after.contains("auth-profiles.json (renewed)"), "{after}");
    house.stop().await;
    stage.is_clean(&told);
    assert!(files_below(stage.place.path()).iter().any(|(name, _)| name == "vault.sealed"));

    // What was renewed is there after a restart, and is renewed with the refresh token that came with it.
    let house = stage.place.start().await;
    stage.says(0, "still there?");
    sent(&stage.fakes, &house, 9).await;
    assert_eq!(stage.refreshed().len(), 1);
    stage.now.fetch_add(HOUR_S * 1_000, Ordering::SeqCst);
    stage.says(0, "and now?");
    sent(&stage.fakes, &house, 10).await;
    assert_eq!(stage.refreshed(), REFRESH[..2]);
    assert_eq!(attempts(&house), []);
    assert_eq!(refusals(&stage.fakes), [""; 0]);
    assert_eq!(stage.tokens.refusals().len(), 0);
    let (_, told) = stage.told(&house);
    house.stop().await;
    stage.is_clean(&told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_renewal_is_told_and_not_repeated() {
    log();
    let stage = Stage::set(0).await;
    let house = stage.place.start().await;
    stage.says(0, "hello");
    assert_eq!(sent(&stage.fakes, &house, 1).await[0].message, REFUSED);
    let failed = attempts(&house);
    let why = "the server refused it (400, `invalid_grant`); log in again with the program that wrote the profile";
    let message = format!("credential `anthropic:default` has ended, and renewing it failed: {why}");
    assert_eq!((failed[0].1.as_str(), failed[0].2.as_str()), ("authentication", message.as_str()));
    let (status, _) = stage.told(&house);
    assert!(status.contains(&format!("expired: it ended 5 min ago, and renewing it failed: {why}")), "{status}");

    stage.now.fetch_add(60_000, Ordering::SeqCst);
    stage.says(0, "again?");
    sent(&stage.fakes, &house, 2).await;
    assert_eq!(stage.refreshed(), [REFRESH[0]]);
    assert_eq!(stage.fakes.anthropic.requests().len(), 0);
    let (_, told) = stage.told(&house);
    house.stop().await;
    stage.is_clean(&told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_vault_a_renewed_token_lasts_as_long_as_the_process() {
    use std::os::unix::fs::OpenOptionsExt as _;

    log();
    let stage = Stage::set(2).await;
    let vault = stage.place.path().join("vault.sealed");
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&vault).expect("a file");
    io::Write::write_all(&mut file, b"no vault").expect("a place for it");
    drop(file);
    let house = stage.place.start().await;
    for (count, text) in [(1, "hello"), (2, "and again")] {
        stage.says(0, text);
        sent(&stage.fakes, &house, count).await;
    }
    assert_eq!(attempts(&house), []);
    assert_eq!(stage.refreshed(), [REFRESH[0]]);
    let told = log().0.lock().expect("no panic while writing").clone();
    let told = String::from_utf8_lossy(&told).into_owned();
    assert_eq!(told.matches("renewed access tokens are held in memory alone").count(), 1, "once");
    house.stop().await;
    assert_eq!(std::fs::read(&vault).expect("a file"), b"no vault", "what cannot be read is not written over");

    // The server has replaced the refresh token of the file, and the new one is gone with the process.
    let house = stage.place.start().await;
    stage.says(0, "still there?");
    assert_eq!(sent(&stage.fakes, &house, 3).await[2].message, REFUSED);
    house.stop().await;
    stage.is_clean(&[]);
}
