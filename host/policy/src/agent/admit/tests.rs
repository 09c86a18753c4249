//! Tests of admission: each rule with its near misses and its text, and that no budget is exceeded.

use proptest::prelude::*;

use super::*;
use crate::agent::{DayUsage, ModelPattern, day_of};

const NOW_MS: u64 = 20_000 * DAY_MS + 3_600_000;
const PRICE: Cost = Cost { input: 1.0, output: 2.0, cache_read: 0.0, cache_write: 0.0 };

fn model(text: &str) -> ModelRef {
    ModelRef::parse(text).unwrap()
}

fn grant(json: &str) -> AgentGrant {
    AgentGrant::parse("grant", json).unwrap()
}

fn tokens(input: u64, output: u64) -> TokenCount {
    TokenCount { input, output, ..TokenCount::default() }
}

/// What comes of asking for `ollama/glm` once with that grant and that usage.
fn ask(
    grant: &AgentGrant,
    usage: &Usage,
    estimate: TokenCount,
    cost: Option<Cost>,
) -> Result<Reservation, AgentRefusal> {
    let model = model("ollama/glm");
    let (needs, candidates) = (BTreeSet::new(), [(&model, cost)]);
    let asked = Asked::Model { model: &model, alias: None, needs: &needs, estimate, candidates: &candidates };
    admit(grant, usage, &asked, NOW_MS).map(|admitted| admitted.reservation)
}

#[test]
fn models_and_needs_are_those_of_the_grant() {
    let check = |json: &str, alias: Option<&str>, needs: &[Need], expect: &str| {
        let (model, needs) = (model("ollama/glm"), needs.iter().copied().collect());
        let candidates = [(&model, None)];
        let estimate = TokenCount::default();
        let asked = Asked::Model { model: &model, alias, needs: &needs, estimate, candidates: &candidates };
        let admitted = admit(&grant(json), &Usage::default(), &asked, NOW_MS);
        assert_eq!(admitted.map_or_else(|refusal| refusal.to_string(), |_| "ok".into()), expect, "{json} {alias:?}");
    };
    check("{ models: ['*'] }", None, &[], "ok");
    check("{ models: ['ollama/glm'] }", None, &[], "ok");
    check("{ models: ['fast'] }", Some("fast"), &[], "ok");
    check("{ models: ['*'], needs: ['image', 'tools'] }", None, &[Need::Image, Need::Tools], "ok");
    check("{}", None, &[], "there is no model `ollama/glm`");
    check("{ models: ['ollama/glm-5'] }", None, &[], "there is no model `ollama/glm`");
    check("{ models: ['fast'] }", Some("slow"), &[], "there is no model `slow`");
    check("{ models: ['fast'] }", None, &[], "there is no model `ollama/glm`");
    let image = "this agent may not use `image`: `needs` of its grant does not name it";
    check("{ models: ['*'] }", None, &[Need::Image], image);
    check("{ models: ['*'], needs: ['tools', 'audio'] }", None, &[Need::Image, Need::Tools], image);
    let tools = "this agent may not use `tools`: `needs` of its grant does not name it";
    check("{ models: ['*'], needs: ['image'] }", None, &[Need::Image, Need::Tools], tools);
}

#[test]
fn an_unknown_model_and_one_that_is_not_given_look_alike() {
    let refusal = ask(&grant("{}"), &Usage::default(), tokens(1, 1), None).unwrap_err();
    assert_eq!(refusal.to_string(), no_such_model("ollama/glm"));
    assert_eq!(refusal.rule(), "`models` of the agent's grant does not name `ollama/glm`");
    assert_eq!(no_such_model("a\u{1b}[31m"), "there is no model `a[31m`");
}

#[test]
fn a_grant_that_has_ended_admits_nothing() {
    let ended = grant(&format!("{{ models: ['*'], expires: {NOW_MS} }}"));
    let refusal = ask(&ended, &Usage::default(), tokens(1, 1), None).unwrap_err();
    assert_eq!(refusal.to_string(), "the grant of this agent ended at 2024-10-04T01:00:00Z");
    assert_eq!(admit(&ended, &Usage::default(), &Asked::NoModel, NOW_MS), Err(refusal));
    let later = grant(&format!("{{ models: ['*'], expires: {} }}", NOW_MS + 1));
    assert!(ask(&later, &Usage::default(), tokens(1, 1), None).is_ok());
}

#[test]
fn a_budget_of_money_needs_a_price() {
    let with = grant("{ models: ['*'], usdPerDay: 1 }");
    let refusal = ask(&with, &Usage::default(), tokens(1, 1), None).unwrap_err();
    let text = "no price is known for `ollama/glm`, and this agent has a budget in `usdPerDay`";
    assert_eq!(refusal.to_string(), text);
    assert_eq!(refusal.rule(), format!("{text}: write `models.providers.ollama.models[].cost`"));
    assert_eq!(refusal.retry_after_ms(), None);
    let free = ask(&with, &Usage::default(), tokens(1, 1), Some(Cost::default())).unwrap();
    assert_eq!(free, Reservation { tokens_in: 1, tokens_out: 1, micro_usd: 0 });
    let without = ask(&grant("{ models: ['*'] }"), &Usage::default(), tokens(5, 7), None).unwrap();
    assert_eq!(without, Reservation { tokens_in: 5, tokens_out: 7, micro_usd: 0 });
}

#[test]
fn the_dearest_of_those_that_may_answer_is_set_aside() {
    let (first, second) = (model("a/x"), model("b/y"));
    let dear = Cost { input: 10.0, output: 1.0, ..Cost::default() };
    let reserved = |candidates: &[(&ModelRef, Option<Cost>)]| {
        let (needs, estimate) = (BTreeSet::new(), tokens(100, 10));
        let asked = Asked::Model { model: &first, alias: None, needs: &needs, estimate, candidates };
        let grant = grant("{ models: ['a/x'], usdPerDay: 1 }");
        admit(&grant, &Usage::default(), &asked, NOW_MS).map(|admitted| admitted.reservation.micro_usd)
    };
    assert_eq!(reserved(&[(&first, Some(PRICE)), (&second, Some(dear))]), Ok(1_010));
    assert_eq!(reserved(&[(&first, Some(PRICE))]), Ok(120));
    let no_price = Err(AgentRefusal::NoPrice { model: second.clone() });
    assert_eq!(reserved(&[(&first, Some(PRICE)), (&second, None)]), no_price);
}

#[test]
fn each_limit_refuses_with_its_name_and_when_to_come_back() {
    let mut usage = Usage::default();
    let reservation = Reservation { tokens_in: 60, tokens_out: 40, micro_usd: 140 };
    let minute_ms = NOW_MS - 45_000;
    usage.begin(&reservation, minute_ms);
    usage.begin(&Reservation { tokens_in: 10, tokens_out: 0, micro_usd: 10 }, minute_ms);
    usage.end(&reservation, &reservation.in_full(), minute_ms);
    let check = |limits: &str, expect: Result<(), (&str, Option<u64>)>| {
        let grant = grant(&format!("{{ models: ['*'], {limits} }}"));
        let asked = ask(&grant, &usage, tokens(10, 10), Some(PRICE)).map(|_| ());
        let said = asked.map_err(|refusal| (refusal.to_string(), refusal.retry_after_ms()));
        assert_eq!(said, expect.map_err(|(text, retry)| (text.to_owned(), retry)), "{limits}");
    };
    check("concurrency: 2", Ok(()));
    check(
        "concurrency: 1",
        Err((
            "`concurrency` of the agent's grant is 1: used 0, set aside by calls under way 1, wanted 1; try \
             again in 1s",
            Some(1_000),
        )),
    );
    check("requestsPerMinute: 3", Ok(()));
    check(
        "requestsPerMinute: 2",
        Err((
            "`requestsPerMinute` of the agent's grant is 2: used 2, set aside by calls under way 0, wanted 1; \
             try again in 15s",
            Some(15_000),
        )),
    );
    check("tokensPerMinute: 130", Ok(()));
    check(
        "tokensPerMinute: 119",
        Err((
            "`tokensPerMinute` of the agent's grant is 119: used 100, set aside by calls under way 10, wanted \
             20; try again in 15s",
            Some(15_000),
        )),
    );
    check(
        "tokensPerMinute: 129",
        Err((
            "`tokensPerMinute` of the agent's grant is 129: used 100, set aside by calls under way 10, wanted \
             20; try again in 1s",
            Some(1_000),
        )),
    );
    let large = "`tokensPerMinute` of the agent's grant is 19, and this call may take 20";
    check("tokensPerMinute: 19", Err((large, None)));
    check("tokensPerDay: 130", Ok(()));
    check(
        "tokensPerDay: 100",
        Err((
            "`tokensPerDay` of the agent's grant is 100: used 100, set aside by calls under way 10, wanted 20; \
             try again in 23h",
            Some(23 * 3_600_000),
        )),
    );
    check("usdPerDay: 0.00018", Ok(()));
    check(
        "usdPerDay: 0.000169",
        Err((
            "`usdPerDay` of the agent's grant is $0.000169: used $0.000140, set aside by calls under way \
             $0.000010, wanted $0.000030; try again in 23h",
            Some(23 * 3_600_000),
        )),
    );
}

#[test]
fn what_takes_no_tokens_is_bound_by_requests_alone() {
    let spent = DayUsage { tokens_in: 1_000, micro_usd: 9_000_000, ..DayUsage::default() };
    let mut usage = Usage::of_day(day_of(NOW_MS), spent);
    let grant = grant("{ tokensPerDay: 10, usdPerDay: 1, requestsPerMinute: 1 }");
    assert!(admit(&grant, &usage, &Asked::NoModel, NOW_MS).is_ok());
    usage.begin(&Reservation::default(), NOW_MS);
    let refusal = admit(&grant, &usage, &Asked::NoModel, NOW_MS).unwrap_err();
    assert_eq!((refusal.code(), refusal.retry_after_ms()), ("limit-reached", Some(60_000)));
    assert!(admit(&grant, &usage, &Asked::NoModel, NOW_MS + 59_999).is_err());
    assert!(admit(&grant, &usage, &Asked::NoModel, NOW_MS + 60_000).is_ok());
}

#[test]
fn windows_end_and_what_is_under_way_stays() {
    let mut usage = Usage::default();
    let reservation = Reservation { tokens_in: 10, tokens_out: 10, micro_usd: 0 };
    let grant = grant("{ models: ['*'], tokensPerMinute: 30, tokensPerDay: 50 }");
    let ask_at = |usage: &Usage, now_ms| {
        let (model, needs) = (model("ollama/glm"), BTreeSet::new());
        let estimate = tokens(10, 10);
        let asked = Asked::Model { model: &model, alias: None, needs: &needs, estimate, candidates: &[] };
        admit(&grant, usage, &asked, now_ms).is_ok()
    };
    usage.begin(&reservation, NOW_MS);
    // Its minute is over, and it still runs.
    assert!(!ask_at(&usage, NOW_MS + MINUTE_MS));
    assert!(!ask_at(&usage, NOW_MS + DAY_MS));
    let end_ms = NOW_MS + DAY_MS;
    assert_eq!(usage.end(&reservation, &reservation.in_full(), end_ms), day_of(end_ms));
    // It counts where it has ended.
    assert!(!ask_at(&usage, end_ms + 1));
    assert!(ask_at(&usage, end_ms + MINUTE_MS));
    assert_eq!(usage.at(end_ms + DAY_MS).today(), DayUsage::default());
}

#[test]
fn a_clock_that_is_set_back_gives_nothing_back() {
    let spent = DayUsage { tokens_in: 10, ..DayUsage::default() };
    let mut usage = Usage::of_day(day_of(NOW_MS), spent);
    usage.begin(&Reservation::default(), NOW_MS);
    let before_ms = NOW_MS - 3 * DAY_MS;
    let back = usage.at(before_ms);
    assert_eq!((back.day(), back.today().tokens(), back.minute_requests), (day_of(NOW_MS), 10, 1));
    assert_eq!(back.at(before_ms + MINUTE_MS).minute_requests, 0);
}

#[test]
fn all_rules_have_their_keys() {
    let json = "{ concurrency: 1, requestsPerMinute: 1, tokensPerMinute: 1, tokensPerDay: 1, usdPerDay: 1 }";
    let written = grant(json).to_json();
    let rules = [
        LimitRule::Concurrency,
        LimitRule::RequestsPerMinute,
        LimitRule::TokensPerMinute,
        LimitRule::TokensPerDay,
        LimitRule::UsdPerDay,
    ];
    assert!(rules.iter().all(|rule| written.get(rule.as_str()).is_some()));
}

#[derive(Clone, Debug)]
enum Step {
    Ask {
        input: u64,
        output: u64,
        pause_ms: u64,
    },
    /// Ends the call at that place of those under way, having used that share of what it had set aside.
    End {
        which: usize,
        percent: u64,
        pause_ms: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let pause_ms = prop_oneof![0_u64..1_000, 0_u64..200_000, 0..DAY_MS];
    prop_oneof![
        (0_u64..400, 0_u64..400, pause_ms.clone()).prop_map(|(input, output, pause_ms)| Step::Ask {
            input,
            output,
            pause_ms
        }),
        (0_usize..8, 0_u64..=100, pause_ms).prop_map(|(which, percent, pause_ms)| Step::End {
            which,
            percent,
            pause_ms
        }),
    ]
}

proptest! {
    #[test]
    fn no_budget_is_ever_exceeded(steps in proptest::collection::vec(step(), 1..80)) {
        let json = "{ requestsPerMinute: 9, tokensPerMinute: 700, tokensPerDay: 2000, usdPerDay: 0.003, concurrency: 4 }";
        let grant = AgentGrant { models: vec![ModelPattern::Any], ..grant(json) };
        let limits = grant.limits;
        let model = model("ollama/glm");
        let (mut usage, mut now_ms, mut under_way) = (Usage::default(), NOW_MS, Vec::new());
        for step in steps {
            match step {
                Step::Ask { input, output, pause_ms } => {
                    now_ms += pause_ms;
                    let (needs, candidates) = (BTreeSet::new(), [(&model, Some(PRICE))]);
                    let estimate = tokens(input, output);
                    let asked =
                        Asked::Model { model: &model, alias: None, needs: &needs, estimate, candidates: &candidates };
                    match admit(&grant, &usage, &asked, now_ms) {
                        Ok(admitted) => {
                            usage.begin(&admitted.reservation, now_ms);
                            under_way.push(admitted.reservation);
                        }
                        Err(refusal) => prop_assert!(refusal.retry_after_ms() != Some(0)),
                    }
                }
                Step::End { which, percent, pause_ms } if which < under_way.len() => {
                    now_ms += pause_ms;
                    let reservation: Reservation = under_way.swap_remove(which);
                    let share = |number: u64| number * percent / 100;
                    let used = DayUsage {
                        requests: 0,
                        tokens_in: share(reservation.tokens_in),
                        tokens_out: share(reservation.tokens_out),
                        micro_usd: share(reservation.micro_usd),
                    };
                    usage.end(&reservation, &used, now_ms);
                }
                Step::End { .. } => {}
            }
            let Usage { minute_requests, minute_tokens, reserved_tokens, reserved_micro_usd, .. } = usage;
            prop_assert!(Some(minute_requests) <= limits.requests_per_minute);
            prop_assert!(Some(minute_tokens + reserved_tokens) <= limits.tokens_per_minute);
            prop_assert!(Some(usage.today().tokens() + reserved_tokens) <= limits.tokens_per_day);
            prop_assert!(Some(usage.today().micro_usd + reserved_micro_usd) <= limits.micro_usd_per_day);
            prop_assert!(Some(usage.under_way()) <= limits.concurrency);
            prop_assert_eq!(usage.under_way(), under_way.len() as u64);
            prop_assert_eq!(reserved_tokens, under_way.iter().map(Reservation::tokens).sum::<u64>());
        }
    }
}
