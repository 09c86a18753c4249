//! What the audit log says of agents: what the operator did to them, and each decision about what they ask for. No
//! token is ever handed to it.

use creel_policy::agent::AgentRefusal;
use creel_policy::ids::AgentId;

use super::live::TokenRefusal;
use crate::audit::AuditRecord;

/// What the operator did to an agent.
pub(super) fn deed(id: &AgentId, action: &str, rule: &str, at_ms: u64) -> AuditRecord {
    record((at_ms, "host", action), "done", rule.to_owned(), format!("agent `{id}`"))
}

/// Whether a request of an agent was admitted, and by which rule. `target` is what it asked for, e.g. a model.
#[must_use]
pub fn admission(id: &AgentId, target: &str, outcome: Result<(), &AgentRefusal>, at_ms: u64) -> AuditRecord {
    let (verdict, rule) = match outcome {
        Ok(()) => ("allowed", "the agent's grant".to_owned()),
        Err(refusal) => (refusal.code(), refusal.rule()),
    };
    record((at_ms, &format!("agent:{id}"), "admit"), verdict, rule, target.to_owned())
}

/// Somebody was no agent. `target` is what was asked for, e.g. a path of the API.
#[must_use]
pub fn no_agent(target: &str, refusal: &TokenRefusal, at_ms: u64) -> AuditRecord {
    record((at_ms, "host", "admit"), refusal.code(), refusal.to_string(), target.to_owned())
}

fn record((at_ms, plugin, action): (u64, &str, &str), verdict: &str, rule: String, target: String) -> AuditRecord {
    let (plugin, action, verdict) = (plugin.to_owned(), action.to_owned(), verdict.to_owned());
    AuditRecord { at_ms, plugin, action, verdict, rule, target }
}
