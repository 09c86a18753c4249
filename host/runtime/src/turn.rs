//! One inbound message from top to bottom: the file to read first. Every step is durable before the next begins, so
//! that a crash at any point is taken up where it was; nothing here does I/O itself.

use std::sync::Arc;

use creel_policy::route::{RouteDerivation, RoutePlan};
use creel_store::turn::InboundRecord;

use crate::chain::ChainFailure;
use crate::collect;
use crate::core::{Core, StoreFailed};
use crate::describe;
use crate::model::{Answer, answer};
use crate::reply;
use crate::step::Step;
use crate::transcript::Transcript;

/// Takes a message that is durable to a reply that is durable. Delivery follows on its own.
///
/// # Errors
///
/// [`StoreFailed`] when the database could not be read or written: the message stays unfinished and is taken up again.
pub(crate) async fn run(core: &Arc<Core>, inbound: InboundRecord) -> Result<(), StoreFailed> {
    // 1. Attachments into the media store, one by one; then the message into the session's log.
    let inbound = collect::attachments(core, inbound).await?;
    let (id, session, now_ms) = (inbound.id, inbound.message.session.clone(), core.now_ms());
    let entry = core.store(move |store| store.inbound_ready(id, now_ms)).await?;
    core.observe(&Step::Ready { session: session.clone(), message: inbound.message.message_id.clone() });

    // 2. The conversation so far, media as handles.
    let (key, limit) = (session.clone(), core.history_limit(&inbound.message.channel));
    let history = core.store(move |store| store.history(&key, Some(entry), limit)).await?;
    let transcript = Transcript::of(core, history).await?;

    // 3. A model that takes what this message brings.
    let needs = transcript.needs();
    let route = core.knowledge().explain_route(&needs);
    core.observe(&Step::Routed { session: session.clone(), route: route.clone() });

    // 4. Its answer, into the log and the outbox in one transaction.
    match respond(core, &session, &route, transcript).await? {
        Ok(answer) => reply::commit(core, &inbound, &route, answer).await,
        Err(failure) => reply::give_up(core, &inbound, failure).await,
    }
}

/// Asks the models of the route, after pictures have been described where the route says so.
async fn respond(
    core: &Arc<Core>,
    session: &str,
    route: &RouteDerivation,
    mut transcript: Transcript,
) -> Result<Result<Answer, ChainFailure>, StoreFailed> {
    let Some(plan) = &route.plan else {
        let reason = route.failure.clone().unwrap_or_else(|| "no model fits".to_owned());
        return Ok(Err(ChainFailure::no_route(reason)));
    };
    describe::recall(core, &mut transcript).await?;
    let chain = match plan {
        RoutePlan::Direct { chain } => chain,
        RoutePlan::Describe { describers, chain } => {
            match describe::pictures(core, session, describers, &mut transcript).await? {
                Ok(()) => chain,
                Err(failure) => return Ok(Err(failure)),
            }
        }
    };
    Ok(answer(core, session, chain, &transcript).await)
}
