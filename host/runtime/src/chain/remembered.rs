//! What is remembered of the credentials that were sent along a chain.

use std::sync::Arc;

use creel_policy::cooldown::{Failure, Key, Record, Terms};
use creel_policy::route::ModelTarget;

use crate::core::Core;
use crate::model::Failed;

/// Remembers that a credential was good.
pub(super) async fn worked(core: &Core, key: Option<Key>) {
    let now_ms = core.now_ms();
    if !key.as_ref().is_some_and(|key| core.knowledge().memory.used(key, now_ms)) {
        return;
    }
    remember(core, key, now_ms, move |record| Some(record.after_success(now_ms))).await;
}

/// Lets what failed rest.
pub(crate) async fn rests(core: &Core, target: &ModelTarget, failed: &Failed) {
    let now_ms = core.now_ms();
    let terms = Terms::of(&core.knowledge().config.auth.cooldowns, &target.model.provider);
    let (model, fault, retry_after_ms) = (target.model.clone(), failed.fault, failed.retry_after_ms);
    remember(core, failed.key.clone(), now_ms, move |record| {
        record.after_failure(&Failure { fault, model: &model, retry_after_ms }, &terms, now_ms)
    })
    .await;
}

/// F15: bookkeeping that fails is dropped with a warning, and costs nobody an answer.
async fn remember(
    core: &Core,
    key: Option<Key>,
    now_ms: u64,
    change: impl FnOnce(&Record) -> Option<Record> + Send + 'static,
) {
    let Some(key) = key else { return };
    let (memory, credential) = (Arc::clone(&core.knowledge().memory), key.credential.clone());
    let done = core.store(move |store| memory.change(store, (key, now_ms), change)).await;
    if let Err(error) = done {
        let error = creel_engine::chain(&error);
        tracing::warn!(credential, %error, "what happened to a credential could not be remembered");
    }
}

pub(super) fn failure<'a>(target: &'a ModelTarget, failed: &Failed) -> Failure<'a> {
    Failure { fault: failed.fault, model: &target.model, retry_after_ms: failed.retry_after_ms }
}
