//! A second model beside one that is slow. The first of the two to begin an answer gives it, and the call of the other is
//! broken off.

use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

use creel_policy::fallback::{Next, Turn};
use futures_util::future::{Either, select};
use tokio::time::{Instant, sleep_until};

use super::Asking;
use super::course::Course;

/// A model that is asked.
struct Lane<F> {
    turn: Turn,
    /// From when on it is slow; `None`: never.
    slow_at: Option<Instant>,
    call: Pin<Box<F>>,
}

/// Asks a model, and while it is slow those that would take over from it, one at a time. At most two are asked at once.
///
/// What a model refuses for its content no other is asked: the one behind it is broken off, and when the one before it
/// fails as well, that was all.
pub(super) async fn ask_model<A: Asking>(
    course: &Course<'_>,
    turn: Turn,
    asking: &A,
) -> Result<(A::Answer, Turn), Next> {
    let lane = |turn: Turn| {
        let after = asking.hedge_after(course.target(turn));
        let slow_at = after.map(|after: Duration| Instant::now() + after);
        Lane { turn, slow_at, call: Box::pin(course.ask_model(turn, asking)) }
    };
    let mut lead = lane(turn);
    loop {
        let slow = async {
            match lead.slow_at {
                Some(at) => sleep_until(at).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            ended = &mut lead.call => return ended.map(|answer| (answer, lead.turn)),
            () = slow => {}
        }
        let Some(beside) = course.beside() else {
            return lead.call.await.map(|answer| (answer, lead.turn));
        };
        let mut other = lane(beside);
        match select(&mut lead.call, &mut other.call).await {
            Either::Left((Ok(answer), _)) => {
                course.outrun(other.turn);
                return Ok((answer, lead.turn));
            }
            Either::Left((Err(Next::Stop), _)) => {
                course.outrun(other.turn);
                return Err(Next::Stop);
            }
            Either::Left((Err(_), _)) => lead = other,
            Either::Right((Ok(answer), _)) => {
                course.outrun(lead.turn);
                return Ok((answer, other.turn));
            }
            Either::Right((Err(Next::Stop), _)) => {
                return lead.call.await.map(|answer| (answer, lead.turn)).map_err(|_| Next::Stop);
            }
            // The next is asked beside the one that is still slow.
            Either::Right((Err(_), _)) => {}
        }
    }
}
