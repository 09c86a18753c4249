//! What a plugin left in `/out` becomes media, once its instance is gone. Whether the call ended well is not asked
//! here.

use std::sync::Arc;

use creel_policy::limits::MEDIUM_BYTES_MAX;
use creel_store::Store;
use creel_store::media::Medium;
use creel_store::out::{NotTaken, OutDir, Taking};

use crate::egress::chain;
use crate::fault::{Fault, FaultKind};
use crate::log::one_line;
use crate::maker::Maker;

/// Everything that lies there, in the order of the names; nothing where the call has no `/out`.
pub(crate) async fn all(maker: &Arc<Maker>, store: &Store) -> Result<Vec<Medium>, Fault> {
    let store = store.clone();
    take(maker, move |out, taking| store.out_take_all(out, taking)).await
}

/// One file, whatever lies beside it.
pub(crate) async fn one(maker: &Arc<Maker>, store: &Store, name: String) -> Result<Medium, Fault> {
    let (store, wanted) = (store.clone(), name.clone());
    let take_one = move |out: &OutDir, taking: &Taking| match store.out_take(out, &wanted, taking) {
        Ok(medium) => Ok(vec![medium]),
        Err(source) => Err(NotTaken { name: wanted, source }),
    };
    let missing = || FaultKind::OutFile { name: one_line(&name), rule: "the call has no `/out`".to_owned() };
    take(maker, take_one).await?.pop().ok_or_else(|| maker.fault(missing()))
}

async fn take(
    maker: &Arc<Maker>,
    work: impl FnOnce(&OutDir, &Taking) -> Result<Vec<Medium>, NotTaken> + Send + 'static,
) -> Result<Vec<Medium>, Fault> {
    if let Some(over) = maker.quota.passed() {
        return Err(maker.fault(over.into()));
    }
    let context = &maker.context;
    let bytes_max = context.medium_bytes_max.min(MEDIUM_BYTES_MAX);
    let taking = Taking { area: context.area.clone(), bytes_max, now_ms: (context.clock)() };
    let held = Arc::clone(maker);
    let taken = move || held.out.as_ref().map_or_else(|| Ok(Vec::new()), |out| work(out, &taking));
    let taken = tokio::task::spawn_blocking(taken).await;
    let taken = taken.map_err(|error| maker.fault(FaultKind::Trapped { message: error.to_string() }))?;
    let media = taken.map_err(|NotTaken { name, source }| {
        maker.fault(FaultKind::OutFile { name: one_line(&name), rule: chain(&source) })
    })?;
    for medium in &media {
        context.media.add(medium.media.clone());
    }
    Ok(media)
}
