//! A database that fails for a while after something has happened: what has happened is not done once more.

use std::sync::OnceLock;

use creel_runtime::Step;
use creel_tests::house::{Fakes, House, Place};
use creel_tests::scene::{Scene, alice, outbox};
use rusqlite::Connection;
use tokio::sync::watch;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

const TEXT_PRIMARY: &str = r#"model: { primary: "ollama/glm-5:cloud" }"#;
const TRIED_AGAIN: &str = "what has happened cannot be recorded; it is tried again";

/// Counts the log lines that say so.
struct Counter(watch::Sender<usize>);

impl<S: tracing::Subscriber> Layer<S> for Counter {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut is_it = IsIt(false);
        event.record(&mut is_it);
        if is_it.0 {
            self.0.send_modify(|count| *count += 1);
        }
    }
}

struct IsIt(bool);

impl Visit for IsIt {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0 |= field.name() == "message" && format!("{value:?}") == TRIED_AGAIN;
    }
}

/// Log lines of this process.
fn tried_again() -> watch::Receiver<usize> {
    static COUNT: OnceLock<watch::Receiver<usize>> = OnceLock::new();
    let count = COUNT.get_or_init(|| {
        let (sender, receiver) = watch::channel(0);
        let subscriber = tracing_subscriber::registry().with(Counter(sender));
        tracing::subscriber::set_global_default(subscriber).expect("the first of this process");
        receiver
    });
    count.clone()
}

/// Makes the database refuse that change until it has been tried and failed.
async fn refuse_for_a_while(place: &Place, fakes: &Fakes, trigger: &str) {
    let mut count = tried_again();
    let database = Connection::open(place.path().join("creel.db")).expect("the database");
    database
        .execute_batch(&format!("CREATE TRIGGER refuse {trigger} BEGIN SELECT raise(ABORT, 'refused'); END"))
        .expect("a trigger");
    count.mark_unchanged();
    fakes.signal.receive(&alice().saying("hello")).expect("received");
    count.changed().await.expect("the sender is never dropped");
    database.execute_batch("DROP TRIGGER refuse").expect("no trigger");
}

async fn delivered_once(fakes: &Fakes, house: House) {
    house.steps.wait_for(1, |step| matches!(step, Step::Delivered { .. }).then_some(())).await;
    let store = house.store.clone();
    house.stop().await;
    assert_eq!((fakes.ollama.requests().len(), fakes.signal.sent().len()), (1, 1));
    assert_eq!(outbox(&store), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_went_out_or_was_paid_for_is_not_repeated_while_the_process_lives() {
    for trigger in
        ["BEFORE UPDATE ON outbox WHEN NEW.state = 'delivered'", "BEFORE UPDATE ON inbound WHEN NEW.state = 'answered'"]
    {
        let fakes = Fakes::start().await;
        let place = Scene::of(TEXT_PRIMARY).place(&fakes);
        let house = place.start().await;
        refuse_for_a_while(&place, &fakes, trigger).await;
        delivered_once(&fakes, house).await;
    }
}
