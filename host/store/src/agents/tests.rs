//! Tests of agents on disk and in a running daemon: whose token opens what, until when, and what a restart keeps.

use std::collections::BTreeSet;
use std::path::Path;

use creel_policy::agent::{AgentRefusal, Asked, DAY_MS, DayUsage, MINUTE_MS, TokenCount, day_of};
use creel_policy::config::Cost;
use creel_policy::ids::ModelRef;

use super::*;
use crate::audit::AuditRecord;
use crate::fixture::Fixture;

const NOW_MS: u64 = 20_000 * DAY_MS + 3_600_000;
const PRICE: Cost = Cost { input: 1.0, output: 1.0, cache_read: 1.0, cache_write: 1.0 };

fn id(text: &str) -> AgentId {
    AgentId::parse(text).unwrap()
}

fn grant(json: &str) -> AgentGrant {
    AgentGrant::parse("grant", json).unwrap()
}

fn tokens(input: u64, output: u64) -> TokenCount {
    TokenCount { input, output, ..TokenCount::default() }
}

/// The agents as a daemon that starts finds them.
fn agents(store: &Store, now_ms: u64) -> Agents {
    Agents::new(store.agents_snapshot(now_ms).unwrap())
}

/// Who comes in with a token.
fn opened(agents: &Agents, token: &str, now_ms: u64) -> String {
    agents.open(token, now_ms).map_or_else(|refusal| refusal.to_string(), |agent| agent.id().to_string())
}

fn ask(agent: &Agent, estimate: TokenCount, now_ms: u64) -> Result<Place, AgentRefusal> {
    let (model, needs) = (ModelRef::parse("ollama/glm").unwrap(), BTreeSet::new());
    let candidates = [(&model, Some(PRICE))];
    let asked = Asked::Model { model: &model, alias: None, needs: &needs, estimate, candidates: &candidates };
    agent.admit(&asked, now_ms)
}

const UNKNOWN: &str = "the token is not known: it was revoked or replaced, or is of another gateway";

#[test]
fn each_token_opens_its_own_agent_and_no_other() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let one = store.agent_add(&id("one"), &grant("{ models: ['a/*'] }"), NOW_MS).unwrap();
    let two = store.agent_add(&id("two"), &grant("{ models: ['b/*'] }"), NOW_MS).unwrap();
    let agents = agents(store, NOW_MS);
    let check = |token: &str, expect: &str| assert_eq!(opened(&agents, token, NOW_MS), expect);
    check(one.expose(), "one");
    check(two.expose(), "two");
    check(AgentToken::from_random(&id("one"), &[1; 32]).expose(), UNKNOWN);
    let mixed = format!("creel_two{}", &one.expose()["creel_one".len()..]);
    check(&mixed, "the token cannot be used: its checksum does not fit: it was cut, or mistyped");
    check("sk-ant-1", "the token cannot be used: it is not a token of creel: those begin with `creel_`");
    check("", "the token cannot be used: it is not a token of creel: those begin with `creel_`");
    let grants = [&one, &two].map(|token| agents.open(token.expose(), NOW_MS).map(|agent| agent.grant().clone()));
    assert_eq!(grants, [Ok(grant("{ models: ['a/*'] }")), Ok(grant("{ models: ['b/*'] }"))]);
}

#[test]
fn a_revoked_agent_is_let_in_no_more_and_may_be_made_anew() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let token = store.agent_add(&id("one"), &grant("{}"), NOW_MS).unwrap();
    let agents = agents(store, NOW_MS);
    store.agent_rotate(&id("one"), MINUTE_MS, NOW_MS).unwrap();
    store.agent_revoke(&id("one"), NOW_MS + 1).unwrap();
    // The daemon hears of it by a reload.
    assert_eq!(opened(&agents, token.expose(), NOW_MS), "one");
    agents.reload(store.agents_snapshot(NOW_MS).unwrap());
    assert_eq!(opened(&agents, token.expose(), NOW_MS), UNKNOWN);
    assert_eq!(store.agent(&id("one")).unwrap().unwrap().revoked_ms, Some(NOW_MS + 1));
    let anew = store.agent_add(&id("one"), &grant("{}"), NOW_MS + 2).unwrap();
    agents.reload(store.agents_snapshot(NOW_MS).unwrap());
    assert_eq!(opened(&agents, token.expose(), NOW_MS), UNKNOWN);
    assert_eq!(opened(&agents, anew.expose(), NOW_MS), "one");
}

#[test]
fn what_is_under_way_learns_that_its_agent_is_none_any_more() {
    // Attack 169.
    let fixture = Fixture::new();
    let store = &fixture.store;
    let (ends_ms, nothing) = (NOW_MS + 60_000, tokens(0, 0));
    let ends = grant(&format!("{{ models: ['*'], expires: {ends_ms} }}"));
    let token = store.agent_add(&id("one"), &ends, NOW_MS).unwrap();
    let agents = agents(store, NOW_MS);
    let admitted = |token: &AgentToken| ask(&agents.open(token.expose(), NOW_MS).unwrap(), nothing, NOW_MS).unwrap();
    let place = admitted(&token);
    let standing = |place: &Place, now_ms| place.standing(now_ms).map_err(|refusal| refusal.to_string());
    assert_eq!(standing(&place, NOW_MS), Ok(()));
    assert_eq!(standing(&place, ends_ms - 1), Ok(()));
    assert_eq!(standing(&place, ends_ms), Err("the grant of this agent ended at 2024-10-04T01:01:00Z".to_owned()));
    // Another token or another grant is nothing that ends what is under way, however often the daemon hears of it.
    store.agent_rotate(&id("one"), 0, NOW_MS).unwrap();
    for _ in 0..2 {
        agents.reload(store.agents_snapshot(NOW_MS).unwrap());
        assert_eq!(standing(&place, NOW_MS), Ok(()));
    }
    store.agent_revoke(&id("one"), NOW_MS + 1).unwrap();
    let anew = store.agent_add(&id("one"), &ends, NOW_MS + 2).unwrap();
    agents.reload(store.agents_snapshot(NOW_MS).unwrap());
    assert_eq!(standing(&place, NOW_MS), Err(UNKNOWN.to_owned()), "also where one of its name was made anew");
    let another = admitted(&anew);
    assert_eq!(standing(&another, NOW_MS), Ok(()));
    store.agent_revoke(&id("one"), NOW_MS + 3).unwrap();
    agents.reload(store.agents_snapshot(NOW_MS).unwrap());
    assert_eq!(standing(&another, NOW_MS), Err(UNKNOWN.to_owned()));
    place.release(NOW_MS);
    another.release(NOW_MS);
}

#[test]
fn a_replaced_token_opens_within_its_grace_alone() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let first = store.agent_add(&id("one"), &grant("{}"), NOW_MS).unwrap();
    let second = store.agent_rotate(&id("one"), 1_000, NOW_MS).unwrap();
    let now = agents(store, NOW_MS);
    assert_eq!(opened(&now, first.expose(), NOW_MS + 999), "one");
    assert_eq!(opened(&now, first.expose(), NOW_MS + 1_000), UNKNOWN);
    assert_eq!(opened(&now, second.expose(), NOW_MS + 1_000), "one");
    let third = store.agent_rotate(&id("one"), 1_000, NOW_MS).unwrap();
    let now = agents(store, NOW_MS);
    assert_eq!(opened(&now, first.expose(), NOW_MS), UNKNOWN, "one grace at a time");
    assert_eq!(opened(&now, second.expose(), NOW_MS), "one");
    let fourth = store.agent_rotate(&id("one"), 0, NOW_MS).unwrap();
    let now = agents(store, NOW_MS);
    assert_eq!(opened(&now, third.expose(), NOW_MS), UNKNOWN, "without a grace at once");
    assert_eq!(opened(&now, fourth.expose(), NOW_MS), "one");
}

#[test]
fn a_grant_that_has_ended_lets_nobody_in() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let ends = grant(&format!("{{ expires: {}, unixUser: 1000 }}", NOW_MS + 5));
    let token = store.agent_add(&id("one"), &ends, NOW_MS).unwrap();
    let agents = agents(store, NOW_MS);
    assert_eq!(opened(&agents, token.expose(), NOW_MS + 4), "one");
    let ended = "the grant of this agent ended at 2024-10-04T01:00:00Z";
    assert_eq!(opened(&agents, token.expose(), NOW_MS + 5), ended);
    assert_eq!(agents.open_peer(1_000, NOW_MS + 5).err().map(|error| error.to_string()).as_deref(), Some(ended));
}

#[test]
fn a_user_of_the_machine_is_one_agent() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    store.agent_add(&id("one"), &grant("{ unixUser: 1000 }"), NOW_MS).unwrap();
    store.agent_add(&id("two"), &grant("{}"), NOW_MS).unwrap();
    let taken = "the user 1000 of this machine is the agent `one` already";
    let twice = grant("{ unixUser: 1000 }");
    assert_eq!(store.agent_add(&id("three"), &twice, NOW_MS).unwrap_err().to_string(), taken);
    assert_eq!(store.agent_set_grant(&id("two"), &twice, NOW_MS).unwrap_err().to_string(), taken);
    store.agent_set_grant(&id("one"), &twice, NOW_MS).unwrap();
    let agents = agents(store, NOW_MS);
    let peer = |uid| {
        let opened = agents.open_peer(uid, NOW_MS);
        opened.map_or_else(|refusal| refusal.to_string(), |agent| agent.id().to_string())
    };
    assert_eq!(peer(1_000), "one");
    assert_eq!(peer(1_001), "the user 1001 of this machine is no agent");
    assert_eq!(peer(0), "the user 0 of this machine is no agent");
    store.agent_revoke(&id("one"), NOW_MS).unwrap();
    store.agent_set_grant(&id("two"), &twice, NOW_MS).unwrap();
}

#[test]
fn what_cannot_be_done_says_why() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let text = |error: AgentError| error.to_string();
    let missing = "there is no agent `one`";
    assert_eq!(store.agent_revoke(&id("one"), NOW_MS).map_err(text).unwrap_err(), missing);
    assert_eq!(store.agent_rotate(&id("one"), 0, NOW_MS).map_err(text).unwrap_err(), missing);
    assert_eq!(store.agent_set_grant(&id("one"), &grant("{}"), NOW_MS).map_err(text).unwrap_err(), missing);
    store.agent_add(&id("one"), &grant("{}"), NOW_MS).unwrap();
    let exists = store.agent_add(&id("one"), &grant("{}"), NOW_MS).map_err(text).unwrap_err();
    assert_eq!(exists, "there is an agent `one` already");
    let long = store.agent_rotate(&id("one"), AGENT_GRACE_MS_MAX + 1, NOW_MS).map_err(text).unwrap_err();
    assert_eq!(long, "a replaced token is taken for at most 604800000 ms more");
    store.agent_revoke(&id("one"), NOW_MS).unwrap();
    let revoked = "the agent `one` was revoked";
    assert_eq!(store.agent_revoke(&id("one"), NOW_MS).map_err(text).unwrap_err(), revoked);
    assert_eq!(store.agent_rotate(&id("one"), 0, NOW_MS).map_err(text).unwrap_err(), revoked);
    assert_eq!(store.agent_set_grant(&id("one"), &grant("{}"), NOW_MS).map_err(text).unwrap_err(), revoked);
}

#[test]
fn there_are_so_many_agents_and_no_more() {
    let fixture = Fixture::new();
    let fill = format!(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {AGENTS_MAX})
         INSERT INTO agent (id, token_sha256, grant_json, created_ms)
           SELECT 'a' || n, cast(printf('%032d', n) AS BLOB), '{{}}', 1 FROM n"
    );
    fixture.store.write(|transaction| Ok::<_, StoreError>(transaction.execute_batch(&fill)?)).unwrap();
    let error = fixture.store.agent_add(&id("more"), &grant("{}"), NOW_MS).unwrap_err();
    assert_eq!(error.to_string(), "there are 1024 agents already, which is as many as there may be");
    fixture.store.agent_revoke(&id("a1"), NOW_MS).unwrap();
    fixture.store.agent_add(&id("more"), &grant("{}"), NOW_MS).unwrap();
}

#[test]
fn a_grant_that_cannot_be_read_lets_nobody_in_and_can_be_revoked() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    store.agent_add(&id("one"), &grant("{}"), NOW_MS).unwrap();
    let sql = "UPDATE agent SET grant_json = '{\"modles\":[]}'";
    store.write(|transaction| Ok::<_, StoreError>(transaction.execute_batch(sql)?)).unwrap();
    let error = store.agents_snapshot(NOW_MS).unwrap_err().to_string();
    let expect = "the database holds an unreadable grant of the agent `one` \
                  (grant:1:2: modles: unknown key `modles`)";
    assert_eq!(error, expect);
    store.agent_revoke(&id("one"), NOW_MS).unwrap();
    assert!(store.agents_snapshot(NOW_MS).unwrap().agents.is_empty());
}

#[test]
fn a_restart_gives_no_budget_back() {
    let mut fixture = Fixture::new();
    let limited = grant("{ models: ['*'], tokensPerDay: 100, usdPerDay: 1 }");
    let token = fixture.store.agent_add(&id("one"), &limited, NOW_MS).unwrap();
    for (input, fits) in [(60, true), (30, true), (11, false), (10, true), (1, false)] {
        let agents = agents(&fixture.store, NOW_MS);
        let agent = agents.open(token.expose(), NOW_MS).ok().unwrap();
        match ask(&agent, tokens(input, 0), NOW_MS) {
            Ok(place) => place.settle(&tokens(input, 0), Some(&PRICE), NOW_MS),
            Err(refusal) => assert!(!fits, "{refusal}"),
        }
        agents.flush(&fixture.store).unwrap();
        assert_eq!(agents.take_dirty(), [], "nothing is written twice");
        fixture = fixture.restart();
    }
    let used = DayUsage { requests: 3, tokens_in: 100, tokens_out: 0, micro_usd: 100 };
    let expect = AgentUse { agent: id("one"), day: day_of(NOW_MS), used };
    assert_eq!(fixture.store.agent_usage_of(day_of(NOW_MS)).unwrap(), [expect]);
    let tomorrow = agents(&fixture.store, NOW_MS + DAY_MS).open(token.expose(), NOW_MS + DAY_MS).ok().unwrap();
    assert!(ask(&tomorrow, tokens(100, 0), NOW_MS + DAY_MS).is_ok());
}

#[test]
fn a_crash_forgets_what_was_not_written_down_and_no_more() {
    let fixture = Fixture::new();
    let limited = grant("{ models: ['*'], tokensPerDay: 100 }");
    let token = fixture.store.agent_add(&id("one"), &limited, NOW_MS).unwrap();
    let before = agents(&fixture.store, NOW_MS);
    let agent = before.open(token.expose(), NOW_MS).ok().unwrap();
    let call = |input| ask(&agent, tokens(input, 0), NOW_MS).ok().unwrap();
    call(40).settle(&tokens(40, 0), None, NOW_MS);
    before.flush(&fixture.store).unwrap();
    call(20).settle(&tokens(20, 0), None, NOW_MS);
    let _under_way = call(10);
    let crashed = fixture.crash(0);
    let after = agents(&crashed.store, NOW_MS).open(token.expose(), NOW_MS).ok().unwrap().usage(NOW_MS);
    assert_eq!((after.today().tokens(), after.under_way()), (40, 0));
}

#[test]
fn a_reload_and_an_agent_made_anew_keep_the_counts() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let limited = grant("{ models: ['*'], tokensPerDay: 100, concurrency: 1 }");
    let token = store.agent_add(&id("one"), &limited, NOW_MS).unwrap();
    let agents = agents(store, NOW_MS);
    let held = ask(&agents.open(token.expose(), NOW_MS).ok().unwrap(), tokens(60, 0), NOW_MS).ok().unwrap();
    store.agent_revoke(&id("one"), NOW_MS).unwrap();
    agents.reload(store.agents_snapshot(NOW_MS).unwrap());
    let token = store.agent_add(&id("one"), &limited, NOW_MS).unwrap();
    agents.reload(store.agents_snapshot(NOW_MS).unwrap());
    let agent = agents.open(token.expose(), NOW_MS).ok().unwrap();
    let refused = |refusal: AgentRefusal| refusal.to_string();
    assert_eq!(
        ask(&agent, tokens(1, 0), NOW_MS).err().map(refused).as_deref(),
        Some(
            "`concurrency` of the agent's grant is 1: used 0, set aside by calls under way 1, wanted 1; try again in 1s"
        )
    );
    held.settle(&tokens(60, 0), None, NOW_MS);
    assert_eq!(agent.usage(NOW_MS).today().tokens(), 60);
    assert_eq!(
        ask(&agent, tokens(41, 0), NOW_MS).err().map(refused).as_deref(),
        Some(
            "`tokensPerDay` of the agent's grant is 100: used 60, set aside by calls under way 0, wanted 41; \
             try again in 23h"
        )
    );
}

#[test]
fn a_place_comes_back_however_its_call_ends() {
    let fixture = Fixture::new();
    let limited = grant("{ models: ['*'], tokensPerDay: 1000, concurrency: 1 }");
    let token = fixture.store.agent_add(&id("one"), &limited, NOW_MS).unwrap();
    let agents = agents(&fixture.store, NOW_MS);
    let agent = agents.open(token.expose(), NOW_MS).ok().unwrap();
    let used = |end: &dyn Fn(Place)| {
        let before = agent.usage(NOW_MS).today().tokens();
        let place = ask(&agent, tokens(10, 20), NOW_MS).ok().unwrap();
        assert_eq!(agent.usage(NOW_MS).under_way(), 1);
        assert!(ask(&agent, tokens(1, 0), NOW_MS).is_err());
        end(place);
        assert_eq!(agent.usage(NOW_MS).under_way(), 0);
        agent.usage(NOW_MS).today().tokens() - before
    };
    assert_eq!(used(&|place| place.settle(&tokens(7, 3), None, NOW_MS)), 10);
    assert_eq!(used(&|place| place.release(NOW_MS)), 0);
    assert_eq!(used(&drop), 30, "what was cut off counts in full");
    // More than was set aside counts as what it is.
    assert_eq!(used(&|place| place.settle(&tokens(70, 30), None, NOW_MS)), 100);
}

#[test]
fn what_is_not_written_down_bounds_what_a_crash_forgets() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let budget = store.agent_add(&id("one"), &grant("{ models: ['*'], tokensPerDay: 1000000 }"), NOW_MS).unwrap();
    let none = store.agent_add(&id("two"), &grant("{ models: ['*'] }"), NOW_MS).unwrap();
    let agents = agents(store, NOW_MS);
    let call = |token: &AgentToken| {
        let agent = agents.open(token.expose(), NOW_MS).ok().unwrap();
        ask(&agent, tokens(1, 0), NOW_MS).map(|place| place.settle(&tokens(1, 0), None, NOW_MS))
    };
    let bound = creel_policy::limits::AGENT_UNSAVED_REQUESTS_MAX;
    for _ in 0..bound {
        call(&budget).unwrap();
        call(&none).unwrap();
    }
    let refusal = call(&budget).unwrap_err();
    assert_eq!(refusal.to_string(), "the use of this agent could not be written down for now; try again in 1s");
    call(&none).unwrap();
    let taken = agents.take_dirty();
    agents.put_back(taken);
    assert!(call(&budget).is_err(), "what was put back is still not written");
    agents.flush(store).unwrap();
    call(&budget).unwrap();
    let used = store.agent_usage_of(day_of(NOW_MS)).unwrap();
    let sums: Vec<_> = used.iter().map(|used| (used.used.requests, used.used.tokens_in)).collect();
    assert_eq!(sums, [(bound, bound), (bound + 1, bound + 1)]);
}

#[test]
fn of_many_at_once_as_many_get_in_as_fit() {
    let fixture = Fixture::new();
    let limited = grant("{ models: ['*'], tokensPerDay: 500, requestsPerMinute: 1000 }");
    let token = fixture.store.agent_add(&id("one"), &limited, NOW_MS).unwrap();
    let agents = agents(&fixture.store, NOW_MS);
    let admitted: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let agent = agents.open(token.expose(), NOW_MS).ok().unwrap();
                    let try_once =
                        || ask(&agent, tokens(5, 5), NOW_MS).map(|place| place.settle(&tokens(5, 5), None, NOW_MS));
                    (0..50).filter(|_| try_once().is_ok()).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    // Each uses what it had set aside, so that who is sent away finds every place taken or to be taken in full.
    let used = agents.open(token.expose(), NOW_MS).ok().unwrap().usage(NOW_MS).today();
    assert_eq!((used.tokens(), used.requests), (500, 50));
    assert_eq!(admitted, 50);
}

#[test]
fn sums_stop_at_what_can_be_stored_and_old_days_are_forgotten() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let use_of =
        |day, tokens_in| AgentUse { agent: id("one"), day, used: DayUsage { tokens_in, ..DayUsage::default() } };
    store.agent_usage_add(&[use_of(1_000, u64::MAX), use_of(1_000, u64::MAX), use_of(600, 7)]).unwrap();
    assert_eq!(store.agent_usage_of(1_000).unwrap(), [use_of(1_000, i64::MAX.unsigned_abs())]);
    assert_eq!(store.agent_usage_of(600).unwrap(), [use_of(600, 7)]);
    store.agent_usage_add(&[use_of(1_001, 1)]).unwrap();
    assert_eq!(store.agent_usage_of(600).unwrap(), []);
    store.agent_usage_add(&[]).unwrap();
}

#[test]
fn every_deed_and_decision_is_in_the_audit_log() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    store.agent_add(&id("one"), &grant("{ models: ['a/b'] }"), 1).unwrap();
    assert!(store.agent_add(&id("one"), &grant("{}"), 2).is_err());
    store.agent_rotate(&id("one"), 5, 3).unwrap();
    store.agent_set_grant(&id("one"), &grant("{ tokensPerDay: 7 }"), 4).unwrap();
    store.agent_revoke(&id("one"), 5).unwrap();
    let shown = |record: AuditRecord| {
        let AuditRecord { at_ms, plugin, action, verdict, rule, target } = record;
        format!("{at_ms} {plugin} {action} {verdict} {target}: {rule}")
    };
    let log: Vec<_> = store.audit_tail(9).unwrap().into_iter().map(shown).collect();
    assert_eq!(
        log,
        [
            "1 host agent-add done agent `one`: {\"models\":[\"a/b\"]}",
            "3 host agent-rotate done agent `one`: the earlier token is taken for 5 ms more",
            "4 host agent-set done agent `one`: {\"tokensPerDay\":7}",
            "5 host agent-revoke done agent `one`: the operator said so",
        ]
    );
    let refusal = AgentRefusal::Model { asked: "x/y".to_owned() };
    assert_eq!(
        shown(admission(&id("one"), "x/y", Err(&refusal), 6)),
        "6 agent:one admit no-such-model x/y: `models` of the agent's grant does not name `x/y`"
    );
    let allowed = shown(admission(&id("one"), "x/y", Ok(()), 6));
    assert_eq!(allowed, "6 agent:one admit allowed x/y: the agent's grant");
    let unknown = shown(no_agent("/v1/messages", &TokenRefusal::Unknown, 7));
    assert_eq!(unknown, format!("7 host admit unknown-token /v1/messages: {UNKNOWN}"));
}

#[test]
fn a_token_is_found_nowhere_on_disk() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let first = store.agent_add(&id("needle"), &grant("{ models: ['*'] }"), NOW_MS).unwrap();
    let second = store.agent_rotate(&id("needle"), 60_000, NOW_MS).unwrap();
    let agents = agents(store, NOW_MS);
    drop(ask(&agents.open(first.expose(), NOW_MS).ok().unwrap(), tokens(1, 1), NOW_MS));
    agents.flush(store).unwrap();
    let mut bytes = Vec::new();
    read_all(&fixture.state(), &mut bytes);
    let finds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(finds(b"needle"), "what is stored is looked at");
    assert!(finds(&TokenHash::of(&first).0) && finds(&TokenHash::of(&second).0));
    for token in [first.expose(), second.expose()] {
        let secret = &token["creel_needle_".len()..];
        // Any eight characters of it.
        for part in secret.as_bytes()[..43].windows(8) {
            assert!(!finds(part));
        }
    }
}

fn read_all(directory: &Path, bytes: &mut Vec<u8>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, bytes);
        } else {
            bytes.extend(std::fs::read(&path).unwrap());
        }
    }
}
