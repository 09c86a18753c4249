//! What is remembered of one credential, and how a failure or a success changes it. Pure: the caller brings the time
//! and keeps the result.

use crate::fallback::CallFault;
use crate::ids::ModelRef;
use crate::moment::MOMENT_MS_MAX;

use super::{Rest, Terms, Why};

/// What is remembered of one credential. Holds no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Record {
    /// When it last worked; 0: not yet.
    pub last_used_ms: u64,
    /// What passes by itself.
    cooling: Option<Window>,
    /// What the operator has to mend.
    disabled: Option<Window>,
}

/// A time without calls.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Window {
    why: Why,
    /// The one model that it is for.
    model: Option<ModelRef>,
    until_ms: u64,
    /// Failures in a row.
    count: u32,
    failed_ms: u64,
}

/// A call that failed.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    /// What went wrong.
    pub fault: CallFault,
    /// What was asked.
    pub model: &'a ModelRef,
    /// How long the server wants to be left alone.
    pub retry_after_ms: Option<u64>,
}

impl Record {
    /// What is remembered after a failure; `None`: nothing new.
    #[must_use]
    pub fn after_failure(&self, failure: &Failure<'_>, terms: &Terms, now_ms: u64) -> Option<Self> {
        let why = Why::of(failure.fault)?;
        // F13: by a clock that names no date nothing is kept.
        if now_ms > MOMENT_MS_MAX {
            return None;
        }
        let mut after = self.clone();
        let slot = if why.disables() { &mut after.disabled } else { &mut after.cooling };
        *slot = Some(Window::after(slot.as_ref(), why, failure, (terms, now_ms))?);
        Some(after)
    }

    /// Whether it rests now, for any model.
    #[must_use]
    pub fn is_resting(&self, now_ms: u64) -> bool {
        [&self.cooling, &self.disabled].into_iter().flatten().any(|window| window.until_ms > now_ms)
    }

    /// Whether no failure is remembered.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.cooling.is_none() && self.disabled.is_none()
    }

    /// What is remembered after a success: that it was used, and no failure (F16).
    #[must_use]
    pub fn after_success(&self, now_ms: u64) -> Self {
        Self { last_used_ms: now_ms.min(MOMENT_MS_MAX), cooling: None, disabled: None }
    }

    /// Why it is not sent to a model now; `None`: it may be. Without a model only what concerns all of them counts.
    #[must_use]
    pub fn rest(&self, model: Option<&ModelRef>, now_ms: u64) -> Option<Rest> {
        let concerns = |window: &&Window| {
            window.until_ms > now_ms && window.model.as_ref().is_none_or(|resting| model == Some(resting))
        };
        let cooling = self.cooling.as_ref().filter(concerns);
        let disabled = self.disabled.as_ref().filter(concerns);
        let window = disabled.or(cooling)?;
        let until_ms = cooling.map_or(0, |window| window.until_ms).max(window.until_ms);
        Some(Rest { until_ms, why: window.why, model: window.model.clone() })
    }

    /// Why it is not sent now, to all models or to one; `None`: it is sent to any.
    #[must_use]
    pub fn any_rest(&self, now_ms: u64) -> Option<Rest> {
        let window = self.disabled.iter().chain(&self.cooling).find(|window| window.until_ms > now_ms)?;
        Some(Rest { until_ms: window.until_ms, why: window.why, model: window.model.clone() })
    }

    /// When anything was last noted.
    pub(super) fn touched_ms(&self) -> u64 {
        let failed = |window: &Option<Window>| window.as_ref().map_or(0, |window| window.failed_ms);
        self.last_used_ms.max(failed(&self.cooling)).max(failed(&self.disabled))
    }
}

impl Window {
    fn after(before: Option<&Self>, why: Why, failure: &Failure<'_>, (terms, now_ms): (&Terms, u64)) -> Option<Self> {
        let active = before.filter(|window| window.until_ms > now_ms);
        let model = scope(active, why, failure.model);
        // A window that has expired is forgotten (F4 to F6), and so is a failure of long ago.
        let in_a_row = active
            .filter(|window| window.why == why && now_ms.saturating_sub(window.failed_ms) < terms.failure_window_ms);
        let count = in_a_row.map_or(1, |window| window.count.saturating_add(1));
        let own = now_ms.saturating_add(terms.backoff_ms(why, count)).min(MOMENT_MS_MAX);
        let told = match failure.retry_after_ms.filter(|ms| *ms > 0 && why.is_of_a_model()) {
            // F13: a server that names no date says nothing that could be kept.
            Some(ms) => Some(now_ms.checked_add(ms).filter(|until_ms| *until_ms <= MOMENT_MS_MAX)?),
            None => None,
        };
        let new = Self { why, model, until_ms: told.unwrap_or(own), count, failed_ms: now_ms };
        Some(match active {
            None => new,
            // A try within the window pushes its end no further; else the first of many could go on for ever.
            Some(window) if told.is_none() && window.why == why && window.model == new.model => {
                Self { until_ms: window.until_ms, ..new }
            }
            // The later end wins (F12), and its reason with it.
            Some(window) if window.until_ms > new.until_ms => {
                Self { why: window.why, until_ms: window.until_ms, ..new }
            }
            Some(_) => new,
        })
    }
}

/// A window widens to all models when a second one fails, and never narrows (F9 to F11).
fn scope(active: Option<&Window>, why: Why, model: &ModelRef) -> Option<ModelRef> {
    let own = why.is_of_a_model().then_some(model);
    match active {
        None => own.cloned(),
        Some(window) => own.filter(|model| window.model.as_ref() == Some(*model)).cloned(),
    }
}
