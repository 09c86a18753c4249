//! Group F of the shared cases, each row by its id, and how selection obeys: D8 to D10, D12, D15 and H10.
//!
//! - F1 is the older behaviour, and F2 the newer one that holds.
//! - F5 knows two first windows for billing: the newer one (10 min) holds where the file says nothing.
//! - F15 is shown where the bookkeeping is kept.
//! - Of D15, `lastGood` is not kept: it is never a reason to choose (D12).

use super::*;
use crate::config::{Config, parse_config};
use crate::ids::ProviderId;
use crate::moment::MOMENT_MS_MAX;

mod selection;

const NOW_MS: u64 = 1_700_000_000_000;
const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

fn anthropic() -> ProviderId {
    ProviderId::parse("anthropic").expect("an id")
}

fn model(name: &str) -> ModelRef {
    ModelRef::parse(&format!("anthropic/{name}")).expect("a model")
}

fn config(cooldowns: &str) -> Config {
    let text = format!("{{ auth: {{ cooldowns: {{ {cooldowns} }} }} }}");
    parse_config("creel.json5", &text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn terms(cooldowns: &str) -> Terms {
    Terms::of(&config(cooldowns).auth.cooldowns, &anthropic())
}

/// A failure of model `a`.
#[track_caller]
fn fail(record: &Record, fault: CallFault, now_ms: u64) -> Record {
    fail_for(record, (fault, "a", None), now_ms).expect("it is remembered")
}

fn fail_for(record: &Record, failed: (CallFault, &str, Option<u64>), now_ms: u64) -> Option<Record> {
    let (fault, name, retry_after_ms) = failed;
    record.after_failure(&Failure { fault, model: &model(name), retry_after_ms }, &terms(""), now_ms)
}

/// For how long a model `a` cannot be asked.
fn left(record: &Record, now_ms: u64) -> Option<u64> {
    record.rest(Some(&model("a")), now_ms).map(|rest| rest.until_ms - now_ms)
}

/// Which of the models `a` and `b` rest.
fn resting(record: &Record, now_ms: u64) -> String {
    ["a", "b"].into_iter().filter(|name| record.rest(Some(&model(name)), now_ms).is_some()).collect()
}

#[test]
fn f2_the_backoff_doubles_to_a_day() {
    let terms = terms("");
    for why in [Why::RateLimit, Why::Overloaded, Why::Auth] {
        let backoffs: Vec<u64> = (1..=5).map(|count| terms.backoff_ms(why, count) / SECOND).collect();
        assert_eq!(backoffs, [30, 60, 120, 240, 480], "F2, and F1 is overruled: {why:?}");
        assert_eq!(terms.backoff_ms(why, 12), 61_440 * SECOND, "F2");
        assert_eq!(terms.backoff_ms(why, 13), 24 * HOUR, "F2");
        assert_eq!(terms.backoff_ms(why, u32::MAX), 24 * HOUR, "F2");
    }
}

#[test]
fn a_try_within_a_window_counts_and_does_not_extend_it() {
    let first = fail(&Record::default(), CallFault::RateLimited, NOW_MS);
    assert_eq!(left(&first, NOW_MS), Some(30 * SECOND));
    let again = fail(&first, CallFault::RateLimited, NOW_MS + 20 * SECOND);
    assert_eq!(left(&again, NOW_MS + 20 * SECOND), Some(10 * SECOND), "#23516");
    // It counts: a second model that fails widens the window, which is then the third of its kind.
    let widened = fail_for(&again, (CallFault::RateLimited, "b", None), NOW_MS + 25 * SECOND).expect("remembered");
    assert_eq!(left(&widened, NOW_MS + 25 * SECOND), Some(120 * SECOND));
}

#[test]
fn f4_to_f6_a_window_that_has_expired_is_forgotten() {
    let mut record = Record::default();
    for _ in 0..3 {
        record = fail(&record, CallFault::RateLimited, NOW_MS);
    }
    let later = NOW_MS + 30 * SECOND;
    assert_eq!(left(&record, later), None, "U19: the primary is asked again");
    assert_eq!(left(&fail(&record, CallFault::RateLimited, later), later), Some(30 * SECOND), "F4");

    let billing = fail(&Record::default(), CallFault::Billing, NOW_MS);
    assert_eq!(left(&billing, NOW_MS), Some(10 * MINUTE), "F5");
    let later = NOW_MS + 10 * MINUTE;
    assert_eq!(left(&fail(&billing, CallFault::Billing, later), later), Some(10 * MINUTE), "F5");
    assert_eq!(terms("billingBackoffHours: 5").backoff_ms(Why::Billing, 1), 5 * HOUR, "F5, as documented");

    let dead = fail(&Record::default(), CallFault::CredentialInvalid, NOW_MS);
    assert_eq!(left(&dead, NOW_MS), Some(10 * MINUTE), "F6");
    assert_eq!(left(&fail(&dead, CallFault::CredentialInvalid, later), later), Some(10 * MINUTE), "F6");
    assert_eq!(terms("").backoff_ms(Why::AuthPermanent, 9), HOUR, "F6: the cap");
}

#[test]
fn f8_and_f13_clocks_that_are_off() {
    let at_the_end = fail(&Record::default(), CallFault::Billing, MOMENT_MS_MAX - SECOND);
    assert_eq!(left(&at_the_end, MOMENT_MS_MAX - SECOND), Some(SECOND), "F8: clamped");
    assert_eq!(left(&fail(&Record::default(), CallFault::Billing, MOMENT_MS_MAX), MOMENT_MS_MAX), None, "F8");
    let none = Record::default();
    assert_eq!(fail_for(&none, (CallFault::Billing, "a", None), MOMENT_MS_MAX + 1), None, "F13");
    assert_eq!(fail_for(&none, (CallFault::Billing, "a", None), u64::MAX), None, "F13");
    assert_eq!(fail_for(&none, (CallFault::RateLimited, "a", Some(u64::MAX)), NOW_MS), None, "F13");
    assert_eq!(fail_for(&none, (CallFault::RateLimited, "a", Some(MOMENT_MS_MAX)), NOW_MS), None, "F13");
}

#[test]
fn f9_to_f11_a_block_widens_and_never_narrows() {
    let limited = |record: &Record, name: &str| {
        fail_for(record, (CallFault::RateLimited, name, None), NOW_MS).expect("it is remembered")
    };
    let of_a = limited(&Record::default(), "a");
    assert_eq!(resting(&of_a, NOW_MS), "a");
    assert_eq!(of_a.rest(None, NOW_MS), None, "a question for no model in particular");
    assert_eq!(resting(&limited(&of_a, "a"), NOW_MS), "a", "F9");
    let of_all = limited(&of_a, "b");
    assert_eq!(resting(&of_all, NOW_MS), "ab", "F10");
    assert_eq!(resting(&limited(&of_all, "a"), NOW_MS), "ab", "F11");
    let refused = fail(&Record::default(), CallFault::Authentication, NOW_MS);
    assert_eq!(resting(&limited(&refused, "a"), NOW_MS), "ab", "F11");
    assert_eq!(resting(&fail(&of_a, CallFault::Permission, NOW_MS), NOW_MS), "ab", "what concerns a key widens too");
}

#[test]
fn f12_the_later_end_wins() {
    let told = |record: &Record, hours: u64| {
        fail_for(record, (CallFault::RateLimited, "a", Some(hours * HOUR)), NOW_MS).expect("it is remembered")
    };
    let long = told(&Record::default(), 9);
    assert_eq!(left(&long, NOW_MS), Some(9 * HOUR), "the server's word beats ours");
    assert_eq!(left(&told(&long, 8), NOW_MS), Some(9 * HOUR), "F12");
    assert_eq!(left(&told(&long, 10), NOW_MS), Some(10 * HOUR), "F12, and #23516 is about our own backoff");
    // Another reason with an earlier end takes neither the end nor the reason away.
    let refused = fail(&long, CallFault::Authentication, NOW_MS);
    let rest = refused.rest(Some(&model("b")), NOW_MS).expect("it rests for all models");
    assert_eq!((rest.why, rest.until_ms), (Why::RateLimit, NOW_MS + 9 * HOUR));
    // What the operator has to mend is told first.
    let unpaid = fail(&long, CallFault::Billing, NOW_MS);
    let rest = unpaid.rest(Some(&model("a")), NOW_MS).expect("it rests");
    assert_eq!((rest.why, rest.until_ms), (Why::Billing, NOW_MS + 9 * HOUR));
}

#[test]
fn f14_what_says_nothing_about_a_credential_is_not_remembered() {
    for fault in [
        CallFault::Other,
        CallFault::TimedOut,
        CallFault::Unreachable,
        CallFault::InvalidRequest,
        CallFault::UnknownModel,
        CallFault::ContextTooLong,
        CallFault::MalformedResponse,
        CallFault::PluginFault,
    ] {
        assert_eq!(fail_for(&Record::default(), (fault, "a", Some(SECOND)), NOW_MS), None, "F14: {fault:?}");
    }
}

#[test]
fn f16_a_success_clears_everything() {
    let mut record = fail(&Record::default(), CallFault::RateLimited, NOW_MS);
    record = fail(&record, CallFault::Billing, NOW_MS);
    let after = record.after_success(NOW_MS + 1);
    assert_eq!(after, Record::default().after_success(NOW_MS + 1), "F16");
    assert_eq!((after.last_used_ms, after.rest(Some(&model("a")), NOW_MS)), (NOW_MS + 1, None), "D15");
}

#[test]
fn failures_of_long_ago_are_forgotten() {
    let long =
        fail_for(&Record::default(), (CallFault::RateLimited, "a", Some(72 * HOUR)), NOW_MS).expect("remembered");
    let twice = |after: u64| {
        let again = fail(&long, CallFault::RateLimited, NOW_MS + after);
        let other = fail_for(&again, (CallFault::RateLimited, "b", Some(1)), NOW_MS + after).expect("remembered");
        serde_json::to_value(other).expect("plain data")["cooling"]["count"].clone()
    };
    assert_eq!((twice(HOUR), twice(24 * HOUR)), (3.into(), 2.into()), "`failureWindowHours`");
}

#[test]
fn the_configuration_is_obeyed() {
    let hours = "billingBackoffHours: 2, billingBackoffHoursByProvider: { anthropic: 0.5 }, billingMaxHours: 1.5, \
                 authPermanentBackoffMinutes: 1, authPermanentMaxMinutes: 3";
    let terms = terms(hours);
    let billing: Vec<u64> = (1..=3).map(|count| terms.backoff_ms(Why::Billing, count) / MINUTE).collect();
    let dead: Vec<u64> = (1..=3).map(|count| terms.backoff_ms(Why::AuthPermanent, count) / MINUTE).collect();
    assert_eq!((billing, dead), (vec![30, 60, 90], vec![1, 2, 3]));
    let openai = ProviderId::parse("openai").expect("an id");
    assert_eq!(Terms::of(&config(hours).auth.cooldowns, &openai).backoff_ms(Why::Billing, 1), 90 * MINUTE);
}

#[test]
fn rotations_are_bounded_as_configured() {
    let check = |cooldowns: &str, fault, expect: &[Option<u64>]| {
        let terms = terms(cooldowns);
        let all: Vec<_> = (0_u32..).take(expect.len()).map(|rotations| terms.rotation(fault, rotations)).collect();
        assert_eq!(all, expect, "{cooldowns} {fault:?}");
    };
    check("", CallFault::RateLimited, &[Some(0), None]);
    check("rateLimitedProfileRotations: 0", CallFault::RateLimited, &[None]);
    check("rateLimitedProfileRotations: 2", CallFault::RateLimited, &[Some(0), Some(0), None]);
    check("overloadedProfileRotations: 1, overloadedBackoffMs: 40", CallFault::Overloaded, &[Some(40), None]);
    check("overloadedProfileRotations: 0", CallFault::RateLimited, &[Some(0), None]);
    check("", CallFault::Authentication, &[Some(0), Some(0), Some(0)]);
    for fault in [CallFault::TimedOut, CallFault::InvalidRequest, CallFault::UnknownModel, CallFault::Other] {
        check("", fault, &[None]);
    }
    let all = (0..).take_while(|rotations| terms("").rotation(CallFault::Billing, *rotations).is_some()).count();
    assert_eq!(u32::try_from(all), Ok(crate::limits::PROFILE_ROTATIONS_MAX));
}

#[test]
fn a_rest_tells_until_when_and_why() {
    let limited = fail(&Record::default(), CallFault::RateLimited, NOW_MS);
    let rest = limited.rest(Some(&model("a")), NOW_MS).expect("it rests");
    assert_eq!(rest.to_string(), "cooling until 2023-11-14T22:13:50Z: rate limit, of `anthropic/a` alone");
    assert_eq!(rest.suffix(NOW_MS), "[cooldown 30s]", "S6");
    let unpaid = fail(&Record::default(), CallFault::Billing, NOW_MS).rest(None, NOW_MS).expect("it rests");
    assert_eq!(unpaid.to_string(), "cooling until 2023-11-14T22:23:20Z: billing");
    assert_eq!(unpaid.suffix(NOW_MS + MINUTE), "[disabled:billing 9m]", "S6");
    let dead = fail(&Record::default(), CallFault::CredentialInvalid, NOW_MS).rest(None, NOW_MS).expect("it rests");
    assert_eq!(dead.suffix(NOW_MS), "[disabled:auth_permanent 10m]", "S6");
}

#[test]
fn the_ledger_is_bounded_and_forgets_the_oldest() {
    let mut ledger = Ledger::default();
    let key = |at: usize| Key { provider: anthropic(), credential: format!("p{at}"), fingerprint: String::new() };
    for at in 0..=crate::limits::LEDGER_RECORDS_MAX {
        let now_ms = NOW_MS + u64::try_from(at).expect("a small number");
        ledger.put(key(at), Record::default().after_success(now_ms));
    }
    assert_eq!(ledger.get(&key(0)), None);
    assert!(ledger.get(&key(1)).is_some() && ledger.get(&key(crate::limits::LEDGER_RECORDS_MAX)).is_some());
}

#[test]
fn all_that_rests_is_listed_wholly_or_for_one_model() {
    let key = |credential: &str| {
        let (credential, fingerprint) = (credential.to_owned(), String::new());
        Key { provider: anthropic(), credential, fingerprint }
    };
    let mut ledger = Ledger::default();
    ledger.put(key("limited"), fail(&Record::default(), CallFault::RateLimited, NOW_MS));
    ledger.put(key("unpaid"), fail(&Record::default(), CallFault::Billing, NOW_MS));
    ledger.put(key("works"), Record::default().after_success(NOW_MS));
    let check = |now_ms, expect: &[(&str, Why, bool)]| {
        let resting: Vec<_> = ledger.resting(now_ms).collect();
        let resting = resting.iter().map(|(key, rest)| (key.credential.as_str(), rest.why, rest.model.is_some()));
        assert_eq!(resting.collect::<Vec<_>>(), expect);
    };
    check(NOW_MS, &[("limited", Why::RateLimit, true), ("unpaid", Why::Billing, false)]);
    check(NOW_MS + 30 * SECOND, &[("unpaid", Why::Billing, false)]);
    check(NOW_MS + 10 * MINUTE, &[]);
}
