//! Group H of the shared cases, each row by its id, and U18 and U19.
//!
//! Not here:
//! - H3, H4, H6: which chain follows from a name is `route/named.rs`'s.
//! - H7 is in `route/tests.rs`: what may be picked says nothing about chains.
//! - H15: a call cannot be stopped by its user. When the daemon stops, the turn is dropped where it stands and is
//!   taken up by the next start, so that no fallback is asked either.

use super::*;
use crate::cooldown::{Rest, Why};
use crate::ids::{ModelRef, ProviderId};

fn failed(fault: CallFault) -> FailedTry {
    FailedTry { fault, status: None, retry_after_ms: None, tries: 1, is_probe: false, rotation_ms: None, chance: 0 }
}

#[test]
fn a_passing_failure_is_tried_again_and_then_moves_on() {
    let with = |fault, tries, retry_after_ms| after(&FailedTry { tries, retry_after_ms, ..failed(fault) });
    assert_eq!(with(CallFault::Overloaded, 1, None), Next::Retry { after_ms: 1_000 });
    assert_eq!(with(CallFault::RateLimited, 1, Some(2_000)), Next::Retry { after_ms: 2_000 });
    assert_eq!(with(CallFault::RateLimited, 1, Some(60_000)), Next::Retry { after_ms: 60_000 });
    assert_eq!(with(CallFault::RateLimited, 1, Some(60_001)), Next::NextModel);
    assert_eq!(with(CallFault::Overloaded, MODEL_TRIES_MAX, None), Next::NextModel);
}

#[test]
fn the_pause_doubles_and_chance_takes_a_quarter_at_most() {
    let pause = |tries, chance| match after(&FailedTry { tries, chance, ..failed(CallFault::Overloaded) }) {
        Next::Retry { after_ms } => after_ms,
        other => panic!("{other:?}"),
    };
    assert_eq!((pause(1, 0), pause(2, 0)), (1_000, 2_000));
    assert_eq!((pause(1, 250), pause(1, 251), pause(1, u64::MAX)), (750, 1_000, 1_000 - u64::MAX % 251));
    // What the server says is kept to the letter.
    let limited = FailedTry { retry_after_ms: Some(40), chance: 7, ..failed(CallFault::RateLimited) };
    assert_eq!(after(&limited), Next::Retry { after_ms: 40 });
}

#[test]
fn a_bare_500_is_tried_again_and_an_unknown_error_is_not() {
    let other = failed(CallFault::Other);
    assert_eq!(after(&FailedTry { status: Some(500), ..other }), Next::Retry { after_ms: 1_000 });
    assert_eq!(after(&FailedTry { status: Some(418), ..other }), Next::NextModel);
    // H2: it goes on while there are candidates; the walk ends when there is none, and the errors are kept.
    assert_eq!(after(&other), Next::NextModel, "H2");
}

#[test]
fn what_another_try_cannot_mend_moves_on_at_once() {
    for fault in [
        CallFault::Authentication,
        CallFault::CredentialInvalid,
        CallFault::Permission,
        CallFault::Billing,
        CallFault::UnknownModel,
        CallFault::CredentialMissing,
    ] {
        assert_eq!(after(&failed(fault)), Next::NextModel, "H1: {fault:?}");
    }
    assert_eq!(after(&failed(CallFault::ContentRefused)), Next::Stop);
}

#[test]
fn another_profile_comes_before_a_wait_and_a_probe_is_one_try() {
    let limited = FailedTry { rotation_ms: Some(0), ..failed(CallFault::RateLimited) };
    assert_eq!(after(&limited), Next::NextProfile { after_ms: 0 });
    let busy = FailedTry { rotation_ms: Some(250), ..failed(CallFault::Overloaded) };
    assert_eq!(after(&busy), Next::NextProfile { after_ms: 250 });
    assert_eq!(after(&FailedTry { is_probe: true, ..limited }), Next::NextModel);
    assert_eq!(after(&FailedTry { is_probe: true, ..failed(CallFault::TimedOut) }), Next::NextModel);
    let refused = FailedTry { is_probe: true, rotation_ms: Some(0), ..failed(CallFault::ContentRefused) };
    assert_eq!(after(&refused), Next::Stop);
}

/// Walks a chain: `provider/model` for a healthy one, `provider/model=why` for one that rests. Each model that is asked
/// fails as `fault` says. Gives those that were asked, probes with a `?`.
#[track_caller]
fn walk(chain: &[&str], fault: impl Fn(&str) -> CallFault) -> Vec<String> {
    let read = |text: &&str| {
        let (model, why) = text.split_once('=').map_or((*text, None), |(model, why)| (model, Some(why)));
        let why = why.map(|why| match why {
            "auth" => Why::Auth,
            "billing" => Why::Billing,
            "rate" => Why::RateLimit,
            "busy" => Why::Overloaded,
            other => panic!("no reason {other}"),
        });
        (ModelRef::parse(model).expect("the case writes a model"), why)
    };
    let chain: Vec<(ModelRef, Option<Why>)> = chain.iter().map(read).collect();
    let standings: Vec<Standing<'_>> = chain
        .iter()
        .map(|(model, why)| Standing { model, rest: why.map(|why| Rest { until_ms: 1, why, model: None }) })
        .collect();
    let (mut walk, mut asked) = (Walk::default(), Vec::new());
    while let Some(turn) = walk.next(&standings) {
        let model = standings[turn.index].model;
        asked.push(format!("{model}{}", if turn.is_probe { "?" } else { "" }));
        walk.failed(turn, model, fault(&model.to_string()));
    }
    asked
}

#[test]
fn a_chain_is_walked_in_order_and_each_model_is_asked_once() {
    assert_eq!(walk(&["a/1", "b/1", "a/2"], |_| CallFault::TimedOut), ["a/1", "b/1", "a/2"], "H1, H2");
    assert_eq!(walk(&[], |_| CallFault::Other), [""; 0]);
}

#[test]
fn a_provider_that_rests_is_skipped_for_a_healthy_one() {
    assert_eq!(walk(&["a/1=billing", "b/1"], |_| CallFault::Other), ["b/1"], "H9");
    assert_eq!(walk(&["a/1=auth", "b/1"], |_| CallFault::Other), ["b/1"], "H9");
    // H10: a model has a rest only where no profile is free; that is shown beside the selection of credentials.
    assert_eq!(walk(&["a/1", "b/1"], |_| CallFault::Other), ["a/1", "b/1"], "H10");
    for why in ["rate", "busy"] {
        let chain = [format!("a/1={why}"), format!("a/2={why}"), "b/1".to_owned()];
        let chain: Vec<&str> = chain.iter().map(String::as_str).collect();
        assert_eq!(walk(&chain, |_| CallFault::Other), ["b/1", "a/1?"], "H11, H12");
    }
    assert_eq!(walk(&["a/1=rate", "a/2=rate", "a/3=rate", "b/1"], |_| CallFault::TimedOut), ["b/1", "a/1?"], "H12");
    let missing = |model: &str| if model == "a/1" { CallFault::UnknownModel } else { CallFault::RateLimited };
    assert_eq!(walk(&["a/1=rate", "a/2=rate", "a/3=rate", "b/1"], missing), ["b/1", "a/1?", "a/2?"], "H13");
    assert_eq!(walk(&["a/1=auth", "a/2=auth"], |_| CallFault::Other), [""; 0], "H14");
    assert_eq!(walk(&["a/1=billing", "a/2=billing", "b/1"], |_| CallFault::Other), ["b/1"], "H14");
}

#[test]
fn a_provider_that_becomes_too_busy_in_this_turn_is_one_that_rests() {
    for fault in [CallFault::RateLimited, CallFault::Overloaded] {
        let of_a = |model: &str| if model.starts_with("a/") { fault } else { CallFault::Other };
        assert_eq!(walk(&["a/1", "a/2", "a/3", "b/1", "b/2"], of_a), ["a/1", "b/1", "b/2", "a/2?"], "H11, H12");
    }
    // A near miss: a timeout says nothing about the other models.
    assert_eq!(walk(&["a/1", "a/2", "b/1"], |_| CallFault::TimedOut), ["a/1", "a/2", "b/1"]);
}

#[test]
fn all_fallbacks_are_tried_and_a_model_that_alone_is_set_up_is_never_locked_out() {
    assert_eq!(walk(&["a/1=rate", "b/1", "c/1", "d/1"], |_| CallFault::Other), ["b/1", "c/1", "d/1", "a/1?"], "U18");
    assert_eq!(walk(&["a/1=rate"], |_| CallFault::RateLimited), ["a/1?"]);
}

#[test]
fn names_of_models_and_providers_are_normalised_and_clean() {
    assert_eq!(ProviderId::parse(" OpenAI ").map(|id| id.to_string()), Ok("openai".to_owned()), "H5");
    let refused = ModelRef::parse("a/x\u{1b}[31m\nred").expect_err("H17").to_string();
    assert!(!refused.chars().any(char::is_control), "H17: {refused:?}");
}
