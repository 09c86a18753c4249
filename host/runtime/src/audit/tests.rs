//! Tests of the way into the audit log: nothing lost, in order, bounded, and no gap in silence.

use creel_store::state::StateRoot;
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;

struct Fixture {
    temp: TempDir,
    store: Store,
    log: AuditLog,
}

impl Fixture {
    fn new() -> Self {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let root = StateRoot::open_ambient(&temp.path().join("state")).expect("a state directory");
        let store = Store::open(&root).expect("a store");
        let log = AuditLog::start(store.clone(), Arc::new(|| 9));
        Self { temp, store, log }
    }

    /// The database refuses records until this is given to [`allow`].
    fn refuse(&self) -> Connection {
        let other = Connection::open(self.temp.path().join("state/creel.db")).expect("the database");
        let trigger = "CREATE TRIGGER refuse BEFORE INSERT ON audit BEGIN SELECT raise(ABORT, 'refused'); END";
        other.execute_batch(trigger).expect("a trigger");
        other
    }
}

fn allow(other: &Connection) {
    other.execute_batch("DROP TRIGGER refuse").expect("no trigger");
}

fn record(n: u64) -> AuditRecord {
    let word = |text: &str| text.to_owned();
    AuditRecord {
        at_ms: n,
        plugin: word("signal"),
        action: word("send"),
        verdict: word("allowed"),
        rule: String::new(),
        target: word("https://a.example"),
    }
}

fn times(store: &Store) -> Vec<u64> {
    store.audit_tail(10_000).expect("it can be read").iter().map(|record| record.at_ms).collect()
}

#[tokio::test]
async fn what_was_handed_over_is_on_disk_after_a_flush_and_in_order() {
    let fixture = Fixture::new();
    for n in 0..3_000 {
        fixture.log.note(record(n)).await;
    }
    fixture.log.flush().await;
    assert_eq!(times(&fixture.store), (0..3_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_log_that_is_dropped_is_written_to_its_end() {
    let fixture = Fixture::new();
    for n in 0..10 {
        fixture.log.note(record(n)).await;
    }
    let Fixture { store, log, temp: _temp } = fixture;
    let writer = log.writer.clone();
    drop(log);
    writer.wait().await;
    assert_eq!(times(&store), (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn whoever_finds_the_queue_full_waits_and_nothing_is_lost() {
    let fixture = Fixture::new();
    let other = fixture.refuse();
    // What the writer holds in its hands, and what fits into the queue; one more finds no place.
    let mut handed_over = 0;
    let waiting = loop {
        let mut note = Box::pin(fixture.log.note(record(handed_over)));
        handed_over += 1;
        assert!(handed_over as usize <= QUEUE_MAX + BATCH_MAX + 1, "the queue has no bound");
        match futures_util::poll!(&mut note) {
            std::task::Poll::Ready(()) => {}
            std::task::Poll::Pending if fixture.log.queue.capacity() == 0 => break note,
            std::task::Poll::Pending => note.await,
        }
    };
    allow(&other);
    waiting.await;
    fixture.log.flush().await;
    assert_eq!(times(&fixture.store), (0..handed_over).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_caller_who_is_cut_off_while_it_waits_leaves_a_count() {
    let fixture = Fixture::new();
    let never_asked = fixture.log.note(record(1));
    drop(never_asked);
    fixture.log.note(record(2)).await;
    fixture.log.flush().await;
    let records = fixture.store.audit_tail(9).expect("it can be read");
    let gap = records.iter().find(|record| record.verdict == "lost").expect("a count");
    assert_eq!((gap.plugin.as_str(), gap.action.as_str(), gap.at_ms), ("host", "audit", 9));
    assert_eq!((gap.rule.as_str(), gap.target.as_str()), ("at most 1024 records wait for the disk", "1 records"));
    assert_eq!(records.iter().filter(|record| record.at_ms == 2).count(), 1);
    fixture.log.note(record(3)).await;
    assert_eq!(fixture.log.lost.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_database_that_stays_broken_does_not_keep_the_host_from_ending() {
    let fixture = Fixture::new();
    let _other = fixture.refuse();
    fixture.log.note(record(1)).await;
    fixture.log.flush().await;
    assert!(fixture.log.writer.is_empty());
    assert_eq!(times(&fixture.store), [0; 0]);
}
