//! Loads components, several at once. A component that cannot be loaded is reported and never stops the others.

use std::time::{Duration, Instant};

use creel_engine::{Engine, Plugin};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::absence::{Absence, Absences};
use super::file::ComponentFile;

/// What came of loading.
pub(crate) struct Loaded {
    /// Plugins that can be called.
    pub(crate) plugins: Vec<Plugin>,
    /// Those that cannot, and those that were absent before.
    pub(crate) absent: Absences,
}

/// Loads components. Waits until all are done; where they have to be compiled that takes seconds, which
/// `is_watched` shows on standard error.
pub(crate) fn load(engine: &Engine, files: Vec<ComponentFile>, is_watched: bool) -> Loaded {
    let bar = bar(files.len(), is_watched);
    let load_one = |file: ComponentFile| {
        let (id, begun) = (file.id().clone(), Instant::now());
        let loaded = Plugin::load(engine, &file.bytes);
        let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Ok(plugin) = &loaded {
            tracing::info!(plugin = %id, milliseconds, from_cache = plugin.from_cache(), "plugin loaded");
        }
        bar.inc(1);
        bar.set_message(id.to_string());
        (id, loaded)
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let load_one = &load_one;
        let threads: Vec<_> = files.into_iter().map(|file| scope.spawn(move || load_one(file))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    bar.finish_and_clear();
    let mut loaded = Loaded { plugins: Vec::new(), absent: Absences::new() };
    for (id, result) in results {
        match result {
            Ok(plugin) => loaded.plugins.push(plugin),
            Err(error) => drop(loaded.absent.insert(id.clone(), Absence::Load { id, error })),
        }
    }
    loaded
}

fn bar(count: usize, is_watched: bool) -> ProgressBar {
    let target = if is_watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(count as u64), target);
    if let Ok(style) = ProgressStyle::with_template("{spinner} loading plugins {pos}/{len} {msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
