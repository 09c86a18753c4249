//! Whether a request of an agent is admitted, by its grant and by what it has used. What it sets aside is given back
//! with the answer; keeping count of it is the caller's.

use std::collections::BTreeSet;

use crate::config::Cost;
use crate::ids::ModelRef;
use crate::limits::AGENT_BUSY_MS;
use crate::moment::{rfc3339, span};

use super::cost::{TokenCount, micro_usd};
use super::grant::{AgentGrant, Limits, Need};
use super::usage::{DAY_MS, MINUTE_MS, Reservation, Usage};

/// What an agent asks for.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'a> {
    /// An answer that no model gives: a list of models, a file, a session.
    NoModel,
    /// A call of a model.
    Model {
        /// The model that its name stands for.
        model: &'a ModelRef,
        /// The name, where it is an alias.
        alias: Option<&'a str>,
        /// What it holds beside text, or wants.
        needs: &'a BTreeSet<Need>,
        /// What it may take: what is sent, as well as it can be estimated, and the most that may be answered.
        estimate: TokenCount,
        /// Every model that may come to answer, with its price if one is known.
        candidates: &'a [(&'a ModelRef, Option<Cost>)],
    },
}

/// A request that may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// What it sets aside until it ends.
    pub reservation: Reservation,
}

/// A limit by its key in the grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitRule {
    /// `concurrency`.
    Concurrency,
    /// `requestsPerMinute`.
    RequestsPerMinute,
    /// `tokensPerMinute`.
    TokensPerMinute,
    /// `tokensPerDay`.
    TokensPerDay,
    /// `usdPerDay`.
    UsdPerDay,
}

impl LimitRule {
    /// The key in the grant.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Concurrency => "concurrency",
            Self::RequestsPerMinute => "requestsPerMinute",
            Self::TokensPerMinute => "tokensPerMinute",
            Self::TokensPerDay => "tokensPerDay",
            Self::UsdPerDay => "usdPerDay",
        }
    }

    /// A number that it counts.
    fn amount(self, number: u64) -> String {
        match self {
            Self::Concurrency | Self::RequestsPerMinute | Self::TokensPerMinute | Self::TokensPerDay => {
                number.to_string()
            }
            Self::UsdPerDay => format!("${}.{:06}", number / 1_000_000, number % 1_000_000),
        }
    }
}

/// Why a request is not admitted. What is shown to the agent says nothing that its grant does not give it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentRefusal {
    /// Its time is over.
    #[error("the grant of this agent ended at {}", rfc3339(*expired_ms))]
    Expired {
        /// Since when.
        expired_ms: u64,
    },
    /// The model is not among those that it was given. In the words for one that does not exist, so that nobody learns
    /// by asking which models there are.
    #[error("{}", no_such_model(asked))]
    Model {
        /// As it was asked for.
        asked: String,
    },
    /// The request holds or wants what it was not given.
    #[error("this agent may not use `{}`: `needs` of its grant does not name it", need.as_str())]
    Need {
        /// What.
        need: Need,
    },
    /// A budget of money, and a model without a price: a rule that cannot be read refuses.
    #[error("no price is known for `{model}`, and this agent has a budget in `usdPerDay`")]
    NoPrice {
        /// Which.
        model: ModelRef,
    },
    /// One call that would take more than the whole limit: waiting does not help.
    #[error("`{}` of the agent's grant is {}, and this call may take {}",
        rule.as_str(), rule.amount(*limit), rule.amount(*asked))]
    TooLarge {
        /// Which limit.
        rule: LimitRule,
        /// How much it is.
        limit: u64,
        /// What the call may take.
        asked: u64,
    },
    /// What is left does not suffice for now.
    #[error("`{}` of the agent's grant is {}: used {}, set aside by calls under way {}, wanted {}; try again in {}",
        rule.as_str(), rule.amount(*limit), rule.amount(*used), rule.amount(*reserved), rule.amount(*asked),
        span(*retry_after_ms))]
    Spent {
        /// Which limit.
        rule: LimitRule,
        /// How much it is.
        limit: u64,
        /// What was used.
        used: u64,
        /// What calls under way may take.
        reserved: u64,
        /// What this call may take.
        asked: u64,
        /// When it may be tried again; more than 0.
        retry_after_ms: u64,
    },
    /// What the agent uses cannot be written down as fast as it is used.
    #[error("the use of this agent could not be written down for now; try again in {}", span(*retry_after_ms))]
    Unrecorded {
        /// When it may be tried again; more than 0.
        retry_after_ms: u64,
    },
}

/// What is said of a model that does not exist, or might as well not.
#[must_use]
pub fn no_such_model(asked: &str) -> String {
    let asked: String = asked.chars().filter(|c| !c.is_control()).take(200).collect();
    format!("there is no model `{asked}`")
}

impl AgentRefusal {
    /// The reason for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "expired",
            Self::Model { .. } => "no-such-model",
            Self::Need { .. } => "need-not-granted",
            Self::NoPrice { .. } => "no-price",
            Self::TooLarge { .. } => "too-large",
            Self::Spent { .. } => "limit-reached",
            Self::Unrecorded { .. } => "unrecorded",
        }
    }

    /// The rule for the operator: also where the agent is not to know it.
    #[must_use]
    pub fn rule(&self) -> String {
        match self {
            Self::Model { asked } => format!("`models` of the agent's grant does not name `{asked}`"),
            Self::NoPrice { model } => {
                let provider = &model.provider;
                format!("{self}: write `models.providers.{provider}.models[].cost`")
            }
            Self::Expired { .. }
            | Self::Need { .. }
            | Self::TooLarge { .. }
            | Self::Spent { .. }
            | Self::Unrecorded { .. } => self.to_string(),
        }
    }

    /// When the same request may be tried again; `None` where time alone does not help.
    #[must_use]
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Spent { retry_after_ms, .. } | Self::Unrecorded { retry_after_ms } => Some(*retry_after_ms),
            Self::Expired { .. }
            | Self::Model { .. }
            | Self::Need { .. }
            | Self::NoPrice { .. }
            | Self::TooLarge { .. } => None,
        }
    }
}

/// Decides whether a request is admitted.
///
/// # Errors
///
/// [`AgentRefusal`] by the first rule that it breaks.
pub fn admit(grant: &AgentGrant, usage: &Usage, asked: &Asked<'_>, now_ms: u64) -> Result<Admitted, AgentRefusal> {
    if let Some(expired_ms) = grant.expires_ms.filter(|_| grant.is_expired(now_ms)) {
        return Err(AgentRefusal::Expired { expired_ms });
    }
    let reservation = reserve(grant, asked)?;
    let usage = usage.at(now_ms);
    for limit in limits(&grant.limits, &usage, &reservation, now_ms) {
        limit.judge()?;
    }
    Ok(Admitted { reservation })
}

/// What a request must set aside, if it may use what it names.
fn reserve(grant: &AgentGrant, asked: &Asked<'_>) -> Result<Reservation, AgentRefusal> {
    let Asked::Model { model, alias, needs, estimate, candidates } = asked else {
        return Ok(Reservation::default());
    };
    if !grant.may_use(model, *alias) {
        let asked = alias.map_or_else(|| model.to_string(), str::to_owned);
        return Err(AgentRefusal::Model { asked });
    }
    if let Some(need) = needs.difference(&grant.needs).next() {
        return Err(AgentRefusal::Need { need: *need });
    }
    let unpriced = candidates.iter().find(|(_, cost)| cost.is_none());
    if let Some((model, _)) = unpriced.filter(|_| grant.limits.micro_usd_per_day.is_some()) {
        return Err(AgentRefusal::NoPrice { model: (*model).clone() });
    }
    // Whichever of them answers, it was set aside.
    let costs = candidates.iter().filter_map(|(_, cost)| cost.as_ref());
    let dearest = costs.map(|cost| micro_usd(cost, estimate)).max().unwrap_or_default();
    Ok(Reservation { tokens_in: estimate.sent(), tokens_out: estimate.output, micro_usd: dearest })
}

/// One limit with what counts against it.
struct Limit {
    rule: LimitRule,
    limit: u64,
    used: u64,
    reserved: u64,
    asked: u64,
    /// Until what was used is forgotten.
    window_left_ms: u64,
}

/// The limits that a grant sets, in the order in which they are judged.
fn limits(limits: &Limits, usage: &Usage, wanted: &Reservation, now_ms: u64) -> impl Iterator<Item = Limit> {
    let minute_left_ms = usage.minute_begun_ms.saturating_add(MINUTE_MS).saturating_sub(now_ms);
    let day_left_ms = usage.day.saturating_add(1).saturating_mul(DAY_MS).saturating_sub(now_ms);
    let limit = |rule, limit: Option<u64>, (used, reserved): (u64, u64), asked, window_left_ms| {
        limit.map(|limit| Limit { rule, limit, used, reserved, asked, window_left_ms })
    };
    let reserved = (usage.reserved_tokens, usage.reserved_micro_usd);
    let minute = (usage.minute_tokens, reserved.0);
    let day = (usage.today.tokens(), reserved.0);
    let money = (usage.today.micro_usd, reserved.1);
    let tokens = wanted.tokens();
    [
        limit(LimitRule::Concurrency, limits.concurrency, (0, usage.under_way), 1, 0),
        limit(LimitRule::RequestsPerMinute, limits.requests_per_minute, (usage.minute_requests, 0), 1, minute_left_ms),
        limit(LimitRule::TokensPerMinute, limits.tokens_per_minute, minute, tokens, minute_left_ms),
        limit(LimitRule::TokensPerDay, limits.tokens_per_day, day, tokens, day_left_ms),
        limit(LimitRule::UsdPerDay, limits.micro_usd_per_day, money, wanted.micro_usd, day_left_ms),
    ]
    .into_iter()
    .flatten()
}

impl Limit {
    /// What was used, what is set aside and what is wanted must fit together.
    fn judge(&self) -> Result<(), AgentRefusal> {
        let Self { rule, limit, used, reserved, asked, window_left_ms } = *self;
        // What needs nothing of a budget is not kept out by it, be it overdrawn: a list of models costs no tokens.
        if asked == 0 || used.saturating_add(reserved).saturating_add(asked) <= limit {
            return Ok(());
        }
        if asked > limit {
            return Err(AgentRefusal::TooLarge { rule, limit, asked });
        }
        // Where only calls under way are in the way, their end is.
        let fits_alone = used.saturating_add(asked) <= limit;
        let retry_after_ms = if fits_alone { AGENT_BUSY_MS } else { window_left_ms.max(1) };
        Err(AgentRefusal::Spent { rule, limit, used, reserved, asked, retry_after_ms })
    }
}

#[cfg(test)]
mod tests;
