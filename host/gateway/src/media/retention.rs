//! The sweep that the daemon makes by itself, and its record in the audit log. What may go is the store's to say.

use std::time::Duration;

use creel_runtime::Clock;
use creel_store::Store;
use creel_store::audit::AuditRecord;
use creel_store::media::{MediaError, Swept};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// Between two sweeps. `media.ttlHours` counts in hours, so that a medium outlives its time by one at most. An uploaded
/// file with an end of its own is not found from then on; its bytes lie there for as long.
const BETWEEN_SWEEPS: Duration = Duration::from_secs(3_600);

/// Sweeps at the start and every hour, until it is told to stop.
pub(crate) async fn keep_sweeping(store: Store, clock: Clock, stopping: CancellationToken) {
    let mut ticks = tokio::time::interval(BETWEEN_SWEEPS);
    // A machine that slept makes up for nothing: one sweep takes what ten would have taken.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stopping.cancelled() => return,
        }
        let (store, clock) = (store.clone(), clock.clone());
        let sweeping = tokio::task::spawn_blocking(move || sweep_due(&store, clock()));
        let swept = tokio::select! {
            swept = sweeping => swept,
            // Each batch of a sweep is whole by itself, so that nobody waits for the last.
            () = stopping.cancelled() => return,
        };
        match swept {
            Ok(Ok(swept)) if !swept.is_nothing() => tracing::info!(
                media = swept.media,
                bytes = swept.bytes,
                files = swept.files,
                file_bytes = swept.file_bytes,
                "removed media whose time was over and that nothing referred to"
            ),
            Ok(Ok(_)) => {}
            // The next sweep takes up what this one has left.
            Ok(Err(error)) => tracing::error!(error = %creel_engine::chain(&error), "media could not be swept"),
            Err(error) => tracing::error!(%error, "media could not be swept"),
        }
    }
}

/// Sweeps as the configuration says: by age only where it has one.
///
/// # Errors
///
/// [`MediaError`].
fn sweep_due(store: &Store, now_ms: u64) -> Result<Swept, MediaError> {
    sweep(store, store.media_policy().ttl_ms, now_ms)
}

/// The moment before which media are old enough to go; with no age, none are.
pub(super) fn old_before_ms(older_than_ms: Option<u64>, now_ms: u64) -> u64 {
    older_than_ms.map_or(0, |older_than_ms| now_ms.saturating_sub(older_than_ms))
}

/// Removes media that are older than that, or whose own end is over, and that nothing live refers to, and says so in the
/// audit log.
///
/// # Errors
///
/// [`MediaError`].
pub(super) fn sweep(store: &Store, older_than_ms: Option<u64>, now_ms: u64) -> Result<Swept, MediaError> {
    let swept = store.media_sweep(old_before_ms(older_than_ms, now_ms), now_ms)?;
    if !swept.is_nothing() {
        let rule = match older_than_ms {
            Some(age_ms) => format!("older than {age_ms} ms, or past its own end, and nothing live refers to it"),
            None => "past its own end, and nothing live refers to it".to_owned(),
        };
        let Swept { media, bytes, files, file_bytes } = swept;
        let target = format!("{media} media of {bytes} bytes, {files} unknown files of {file_bytes} bytes");
        store.audit(&record(now_ms, &rule, target))?;
    }
    Ok(swept)
}

/// What the audit log says of media that were removed.
pub(super) fn record(at_ms: u64, rule: &str, target: String) -> AuditRecord {
    AuditRecord {
        at_ms,
        plugin: "host".to_owned(),
        action: "remove-media".to_owned(),
        verdict: "removed".to_owned(),
        rule: rule.to_owned(),
        target,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use creel_policy::media::Area;
    use creel_store::media::MediaPolicy;
    use creel_store::state::StateRoot;

    const HOUR_MS: u64 = 3_600_000;

    #[test]
    fn the_daemon_sweeps_by_age_only_where_one_is_set() {
        let temp = tempfile::tempdir().expect("a directory");
        let root = StateRoot::open_ambient(&temp.path().join("state")).expect("a state directory");
        let store = Store::open(&root).expect("a store");
        let now_ms = 100 * HOUR_MS;
        for at_ms in [1, now_ms - HOUR_MS, now_ms] {
            store.media_put(Area::Inbound, None, b"hello", at_ms).expect("it is stored");
        }
        assert_eq!(sweep_due(&store, now_ms).expect("it works"), Swept::default());
        assert_eq!(store.audit_tail(9).expect("a log"), []);
        store.keep_media_by(MediaPolicy { ttl_ms: Some(HOUR_MS), ..MediaPolicy::default() });
        let swept = Swept { media: 1, bytes: 5, ..Swept::default() };
        assert_eq!(sweep_due(&store, now_ms).expect("it works"), swept, "one hour is not older than one hour");
        let rule = "older than 3600000 ms, or past its own end, and nothing live refers to it";
        let target = "1 media of 5 bytes, 0 unknown files of 0 bytes".to_owned();
        assert_eq!(store.audit_tail(9).expect("a log"), [record(now_ms, rule, target)]);
        // A sweep that takes nothing says nothing.
        assert_eq!(sweep_due(&store, now_ms).expect("it works"), Swept::default());
        assert_eq!(store.audit_tail(9).expect("a log").len(), 1);
    }

    #[test]
    fn an_uploaded_file_goes_at_its_own_end_whatever_the_configuration_says() {
        let temp = tempfile::tempdir().expect("a directory");
        let root = StateRoot::open_ambient(&temp.path().join("state")).expect("a state directory");
        let store = Store::open(&root).expect("a store");
        let mut new = store.media_begin(Area::Inbound, None, 9).expect("it is begun");
        new.keep();
        new.lasts(HOUR_MS);
        new.write(b"hello").expect("it is written");
        new.finish(HOUR_MS).expect("it is stored");
        assert_eq!(sweep_due(&store, 2 * HOUR_MS - 1).expect("it works"), Swept::default());
        let swept = Swept { media: 1, bytes: 5, ..Swept::default() };
        assert_eq!(sweep_due(&store, 2 * HOUR_MS).expect("it works"), swept);
        let rule = "past its own end, and nothing live refers to it";
        let target = "1 media of 5 bytes, 0 unknown files of 0 bytes".to_owned();
        assert_eq!(store.audit_tail(9).expect("a log"), [record(2 * HOUR_MS, rule, target)]);
    }
}
