//! `kill -9` at each durable step of a turn with a picture, then a restart: nothing is lost, nothing is paid for twice
//! that was recorded once, and at most one delivery is repeated.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use creel_fakes::pictures;
use creel_fakes::signal::{Attachment, Message};
use creel_store::Store;
use creel_store::session::{Entry, Role};
use creel_store::state::StateRoot;
use creel_tests::components;
use creel_tests::house::{self, ALICE_UUID, Fakes};
use creel_tests::scene::{Scene, alice, alice_shows, outbox, pictures, refusals};
use tempfile::TempDir;
use tokio::process::{Child, ChildStdin, Command};

/// How long a process may take to end.
const PATIENCE: Duration = Duration::from_secs(60);
const TEXT_PRIMARY: &str = r#"model: { primary: "ollama/glm-5:cloud" }"#;
const DESCRIBER: &str =
    r#"models: [{ provider: "anthropic", model: "claude-haiku-4-5", profile: "anthropic:default" }]"#;

/// What was asked and delivered in the end.
#[derive(Debug, PartialEq, Eq)]
struct Counts {
    /// Requests to the model that describes.
    described: usize,
    /// Requests to the primary about the first message.
    asked: usize,
    /// Deliveries of the first answer.
    delivered: usize,
}

/// Fakes that outlive the houses, and the files of those.
struct Ground {
    fakes: Fakes,
    files: TempDir,
}

impl Ground {
    async fn new() -> Self {
        let fakes = Fakes::start().await;
        let files = tempfile::tempdir().expect("a temporary directory");
        let place = Scene { image_tool: DESCRIBER, ..Scene::of(TEXT_PRIMARY) }.bare_place(&fakes);
        std::fs::write(files.path().join("creel.json5"), place.config()).expect("written");
        Self { fakes, files }
    }

    fn state(&self) -> PathBuf {
        self.files.path().join("state")
    }

    /// Starts a house in a process of its own, and waits until it listens, as the `count`-th to do so.
    async fn start(&self, trap: &str, count: usize) -> Process {
        // Built, and compiled into the cache that all houses share, before the clock runs, so that no house has to.
        drop(components::creel());
        assert!(!house::plugins().is_empty());
        let mut command = Command::new(env!("CARGO_BIN_EXE_creel-crash-house"));
        command.arg(self.state()).arg(self.files.path().join("creel.json5")).arg(trap);
        let mut child = command.stdin(Stdio::piped()).kill_on_drop(true).spawn().expect("a house");
        let input = child.stdin.take();
        self.fakes.signal.wait_for_listeners(count).await.expect("it listens");
        Process { child, input }
    }

    /// Alice says something once more, and that is answered by a house without a trap, which then ends in good order.
    async fn go_on(&self) -> After {
        let house = self.start("none", 2).await;
        self.fakes.signal.receive(&alice().saying("and now?")).expect("received");
        // Within a session answers go out in order, so that whatever was left over is before this one.
        for count in 1.. {
            let sent = self.fakes.signal.wait_for_sent(count).await.expect("an answer");
            if sent[count - 1].message == "You said: and now?" {
                break;
            }
        }
        house.stop().await;
        After::read(self)
    }
}

/// What is left when all is done.
struct After {
    counts: Counts,
    history: Vec<Entry>,
    blobs: usize,
}

impl After {
    fn read(ground: &Ground) -> Self {
        let store = Store::open(&StateRoot::open_ambient(&ground.state()).expect("a state")).expect("a store");
        assert_eq!(outbox(&store), []);
        assert_eq!(store.inbound_sessions("", 10).expect("read"), []);
        let fakes = &ground.fakes;
        let answers = fakes.signal.sent();
        assert_eq!(answers.iter().filter(|sent| sent.message == "You said: and now?").count(), 1);
        let counts = Counts {
            described: fakes.anthropic.requests().len(),
            asked: fakes.ollama.requests().len() - 1,
            delivered: answers.len() - 1,
        };
        assert!(answers[..counts.delivered].iter().all(|sent| sent.message == answers[0].message), "{answers:#?}");
        assert_eq!(refusals(fakes), [""; 0]);
        let history = store.history(&format!("signal:uuid:{ALICE_UUID}"), None, 50).expect("read");
        Self { counts, history, blobs: blobs(&ground.state()) }
    }
}

/// Files in the store of what came in.
fn blobs(state: &Path) -> usize {
    std::fs::read_dir(state.join("media/inbound")).expect("a directory").count()
}

/// A house in a process of its own. It runs until it is killed or its input ends.
struct Process {
    child: Child,
    input: Option<ChildStdin>,
}

impl Process {
    async fn dies(mut self) {
        assert_eq!(self.ended().await.signal(), Some(9));
    }

    async fn kill(mut self) {
        self.child.kill().await.expect("killed");
    }

    async fn stop(mut self) {
        drop(self.input.take());
        assert!(self.ended().await.success());
    }

    async fn ended(&mut self) -> ExitStatus {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends in time").expect("a child")
    }
}

/// Kills a house in the middle of a turn, and tells what comes of it.
async fn killed_at(trap: &str, message: &Message) -> After {
    let ground = Ground::new().await;
    let house = ground.start(trap, 1).await;
    ground.fakes.signal.receive(message).expect("received");
    house.dies().await;
    ground.go_on().await
}

/// Kills a house at a step of a turn with one picture. Whatever was asked, the conversation is whole afterwards.
async fn check(trap: &str, described: usize, asked: usize, delivered: usize) {
    let after = killed_at(trap, &alice_shows(&pictures::jpeg(), "what is this?")).await;
    assert_eq!(after.counts, Counts { described, asked, delivered }, "{trap}");
    whole(&after, 1);
}

/// The log has both messages with their answers, and as many media as were sent.
fn whole(after: &After, media: usize) {
    let roles: Vec<_> = after.history.iter().map(|entry| entry.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::User, Role::Assistant]);
    assert_eq!(after.history[0].media.len(), media);
    assert_eq!(after.blobs, media);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_a_model_was_asked_nothing_is_asked_twice() {
    for trap in ["received", "media-stored", "ready", "routed", "credential"] {
        check(trap, 1, 1, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_a_request_and_its_record_the_request_is_made_again() {
    // What the model answered was lost with the process, or never came.
    check("egress-model:1", 2, 1, 1).await;
    check("egress-model:2", 1, 2, 1).await;
    check("answered", 1, 2, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_a_description_was_recorded_it_is_not_made_again() {
    check("described", 1, 1, 1).await;
    check("credential:2", 1, 1, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_the_answer_was_recorded_it_is_delivered_and_no_model_asked() {
    check("recorded", 1, 1, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_a_delivery_and_its_record_it_is_delivered_once_more() {
    check("egress-delivery", 1, 1, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_the_delivery_was_recorded_nothing_is_repeated() {
    check("delivered", 1, 1, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_two_attachments_only_the_missing_ones_are_fetched() {
    let message = pictures(3)
        .into_iter()
        .fold(alice().saying("and these?"), |message, picture| message.with(Attachment::jpeg(picture)));
    let after = killed_at("media-stored:2", &message).await;
    assert_eq!(after.counts, Counts { described: 3, asked: 1, delivered: 1 });
    whole(&after, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_a_model_thinks_it_is_asked_again() {
    let ground = Ground::new().await;
    let house = ground.start("none", 1).await;
    ground.fakes.anthropic.hold();
    ground.fakes.signal.receive(&alice_shows(&pictures::jpeg(), "what is this?")).expect("received");
    ground.fakes.anthropic.wait_until_held(1).await.expect("a request");
    house.kill().await;
    ground.fakes.anthropic.release();
    let after = ground.go_on().await;
    assert_eq!(after.counts, Counts { described: 2, asked: 1, delivered: 1 });
    whole(&after, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_a_delivery_is_under_way_it_is_repeated_once() {
    let ground = Ground::new().await;
    let house = ground.start("none", 1).await;
    ground.fakes.signal.hold();
    ground.fakes.signal.receive(&alice_shows(&pictures::jpeg(), "what is this?")).expect("received");
    ground.fakes.signal.wait_until_held(1).await.expect("a delivery");
    house.kill().await;
    ground.fakes.signal.release();
    let after = ground.go_on().await;
    assert_eq!(after.counts, Counts { described: 1, asked: 1, delivered: 2 });
    whole(&after, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_in_while_nothing_ran_is_answered_too() {
    let ground = Ground::new().await;
    let house = ground.start("received", 1).await;
    ground.fakes.signal.receive(&alice_shows(&pictures::jpeg(), "what is this?")).expect("received");
    house.dies().await;
    ground.fakes.signal.disconnect_all();
    ground.fakes.signal.receive(&alice().saying("still there?")).expect("received");
    let house = ground.start("none", 2).await;
    let sent = ground.fakes.signal.wait_for_sent(2).await.expect("two answers");
    assert_eq!(sent[1].message, "You said: still there?");
    house.stop().await;
}
