//! `/v1/models` of OpenAI and Anthropic: their objects written. Which models there are, and who may see them, is no
//! matter here.

use serde::Serialize;

use crate::{Shape, sse};

/// Seconds of a day.
const DAY_S: u64 = 86_400;

/// A model that a client may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelEntry {
    /// What the client writes into `model`.
    pub id: String,
    /// Seconds since the Unix epoch.
    pub created_s: u64,
    /// Who offers it.
    pub owned_by: String,
    /// A name for people.
    pub display_name: Option<String>,
}

#[derive(Serialize)]
struct Openai<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'a str,
}

impl<'a> Openai<'a> {
    fn of(entry: &'a ModelEntry) -> Self {
        Self { id: &entry.id, object: "model", created: entry.created_s, owned_by: &entry.owned_by }
    }
}

#[derive(Serialize)]
struct Anthropic<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    display_name: &'a str,
    created_at: String,
    lifecycle: &'static str,
}

impl<'a> Anthropic<'a> {
    fn of(entry: &'a ModelEntry) -> Self {
        let display_name = entry.display_name.as_deref().unwrap_or(&entry.id);
        // What may be asked for is in use, whatever its maker has announced.
        let (created_at, lifecycle) = (rfc3339(entry.created_s), "active");
        Self { kind: "model", id: &entry.id, display_name, created_at, lifecycle }
    }
}

#[derive(Serialize)]
struct OpenaiList<'a> {
    object: &'static str,
    data: Vec<Openai<'a>>,
}

#[derive(Serialize)]
struct AnthropicList<'a> {
    data: Vec<Anthropic<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

/// Writes all models that a client may ask for.
#[must_use]
pub fn write_models(shape: Shape, entries: &[ModelEntry]) -> String {
    match shape {
        Shape::Openai => written(&OpenaiList { object: "list", data: entries.iter().map(Openai::of).collect() }),
        Shape::Anthropic => written(&AnthropicList {
            data: entries.iter().map(Anthropic::of).collect(),
            has_more: false,
            first_id: entries.first().map(|entry| entry.id.as_str()),
            last_id: entries.last().map(|entry| entry.id.as_str()),
        }),
    }
}

/// Writes one model.
#[must_use]
pub fn write_model(shape: Shape, entry: &ModelEntry) -> String {
    match shape {
        Shape::Openai => written(&Openai::of(entry)),
        Shape::Anthropic => written(&Anthropic::of(entry)),
    }
}

fn written(data: &impl Serialize) -> String {
    let mut written = String::new();
    sse::json(&mut written, data);
    written
}

/// A point in time, in UTC. The date is reckoned in years that begin in March, so that the day of a leap year is the
/// last one of its year.
pub(crate) fn rfc3339(epoch_s: u64) -> String {
    // The 1st of March of the year 0 lies so many days before the epoch.
    let days = epoch_s / DAY_S + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (epoch_s % DAY_S / 3_600, epoch_s % 3_600 / 60, epoch_s % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
