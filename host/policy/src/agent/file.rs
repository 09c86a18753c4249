//! How a grant is read from the file of the operator, or from where it is kept, and how it is written. What its scopes
//! mean is said by `grant`.

use serde_json::{Map, Value as Json};

use crate::config::{Table, id, text};
use crate::ids::BadId;
use crate::json5::{Node, Number, Place, Problems, Value, parse};
use crate::limits::{AGENT_GRANT_BYTES_MAX, AGENT_LIMIT_MAX, AGENT_PATTERNS_MAX, AGENT_USD_MAX, LIVE_CALLS_MAX};
use crate::moment::MOMENT_MS_MAX;
use crate::problem::{Problem, did_you_mean};

use super::grant::{AgentGrant, Limits, Need, SharedArea};
use super::pattern::{ChannelRule, ModelPattern, SessionPattern};

/// Millionths of a dollar in one.
const MICRO: f64 = 1_000_000.0;

impl AgentGrant {
    /// Parses a grant, as JSON or JSON5. Unknown keys are problems, since each could be a limit that was meant.
    ///
    /// # Errors
    ///
    /// All problems, in the order in which they stand there.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let problems = Problems::new(file);
        let grant = if text.len() > AGENT_GRANT_BYTES_MAX {
            let message = format!("the grant is larger than {AGENT_GRANT_BYTES_MAX} bytes");
            problems.add(Place::default(), "", message, None);
            None
        } else {
            parse(text, &problems).and_then(|root| Table::open(root, &problems)).map(read)
        };
        let problems = problems.into_sorted();
        match grant {
            Some(grant) if problems.is_empty() => Ok(grant),
            Some(_) | None => Err(problems),
        }
    }

    /// The grant as JSON, without what it leaves to the default.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut map = Map::new();
        let mut words = |key: &str, words: Vec<String>| {
            if !words.is_empty() {
                map.insert(key.to_owned(), words.into());
            }
        };
        words("models", self.models.iter().map(ToString::to_string).collect());
        words("needs", self.needs.iter().map(|need| need.as_str().to_owned()).collect());
        words("media", self.media.iter().map(|area| area.as_str().to_owned()).collect());
        words("sessions", self.sessions.iter().map(ToString::to_string).collect());
        words("channels", self.channels.iter().map(ToString::to_string).collect());
        let limits = &self.limits;
        let mut number = |key: &str, value: Option<Json>| map.extend(value.map(|value| (key.to_owned(), value)));
        number("requestsPerMinute", limits.requests_per_minute.map(Json::from));
        number("tokensPerMinute", limits.tokens_per_minute.map(Json::from));
        number("tokensPerDay", limits.tokens_per_day.map(Json::from));
        number("usdPerDay", limits.micro_usd_per_day.map(usd_of));
        number("concurrency", limits.concurrency.map(Json::from));
        number("expires", self.expires_ms.map(Json::from));
        number("unixUser", self.unix_user.map(Json::from));
        Json::Object(map)
    }
}

fn read(mut table: Table<'_>) -> AgentGrant {
    let grant = AgentGrant {
        models: patterns(&mut table, "models", ModelPattern::parse),
        needs: words(&mut table, "needs", &Need::ALL).into_iter().collect(),
        media: words(&mut table, "media", &SharedArea::ALL).into_iter().collect(),
        sessions: patterns(&mut table, "sessions", SessionPattern::parse),
        channels: patterns(&mut table, "channels", ChannelRule::parse),
        limits: Limits {
            requests_per_minute: table.count("requestsPerMinute", 1..=AGENT_LIMIT_MAX),
            tokens_per_minute: table.count("tokensPerMinute", 1..=AGENT_LIMIT_MAX),
            tokens_per_day: table.count("tokensPerDay", 1..=AGENT_LIMIT_MAX),
            micro_usd_per_day: micro_usd(&mut table, "usdPerDay"),
            concurrency: table.count("concurrency", 1..=LIVE_CALLS_MAX as u64),
        },
        expires_ms: table.count("expires", 1..=MOMENT_MS_MAX),
        unix_user: table.count("unixUser", 0..=u64::from(u32::MAX - 1)).and_then(|uid| u32::try_from(uid).ok()),
    };
    table.finish();
    grant
}

/// Takes a list of patterns. What was written twice is kept once.
fn patterns<T: PartialEq>(table: &mut Table<'_>, name: &'static str, parse: fn(&str) -> Result<T, BadId>) -> Vec<T> {
    let mut patterns = Vec::new();
    let read = table.list(name, |node, problems| id(&node, parse, problems)).unwrap_or_default();
    if read.len() > AGENT_PATTERNS_MAX {
        table.problem(format!("`{name}` has more than {AGENT_PATTERNS_MAX} patterns"), None);
    }
    for pattern in read {
        if !patterns.contains(&pattern) {
            patterns.push(pattern);
        }
    }
    patterns
}

/// Takes a list of words.
fn words<T: Copy>(table: &mut Table<'_>, name: &'static str, words: &'static [(&'static str, T)]) -> Vec<T> {
    let read = |node: Node, problems: &Problems| {
        let written = text(&node, problems)?;
        let found = words.iter().find(|(word, _)| *word == written).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let all: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
            let hint = did_you_mean(&written, words.iter().map(|(word, _)| *word));
            problems.add(node.place, &node.key, format!("expected one of {}", all.join(", ")), hint);
        }
        found
    };
    table.list(name, read).unwrap_or_default()
}

/// Takes an amount of dollars, to the millionth.
fn micro_usd(table: &mut Table<'_>, name: &'static str) -> Option<u64> {
    let node = table.take(name)?;
    let usd = match node.value {
        #[expect(clippy::cast_precision_loss, reason = "what is that large is refused below")]
        Value::Number(Number::Whole(number)) => number as f64,
        Value::Number(Number::Real(number)) => number,
        Value::Number(Number::NotFinite) => f64::NAN,
        _ => {
            let message = format!("expected a number of dollars, found {}", node.value.kind());
            table.problems().add(node.place, &node.key, message, None);
            return None;
        }
    };
    let micro = micro_of(usd);
    if micro.is_none() {
        let message = "expected dollars, more than 0, at most 1000000000, and with at most six decimals";
        table.problems().add(node.place, &node.key, message, None);
    }
    micro
}

/// Dollars in millionths; `None` where there is no such limit.
fn micro_of(usd: f64) -> Option<u64> {
    // Not a range, since NaN is in none.
    if !(usd > 0.0 && usd <= AGENT_USD_MAX) {
        return None;
    }
    let micro = (usd * MICRO).round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole, and within the bounds")]
    let whole = micro as u64;
    #[expect(clippy::float_cmp, reason = "the same decimals give the same number")]
    let is_exact = micro / MICRO == usd;
    (is_exact && whole > 0).then_some(whole)
}

/// Millionths in dollars, whole ones without a point.
fn usd_of(micro: u64) -> Json {
    let whole = micro / 1_000_000;
    if whole * 1_000_000 == micro {
        return whole.into();
    }
    #[expect(clippy::cast_precision_loss, reason = "the most that can be written is exact")]
    let usd = micro as f64 / MICRO;
    usd.into()
}

impl Limits {
    /// Reads dollars as a person writes them on a command line.
    #[must_use]
    pub fn micro_usd_of(text: &str) -> Option<u64> {
        micro_of(text.parse().ok()?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let show = |problem: Problem| {
            let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("{problem}{hint}")
        };
        AgentGrant::parse("grant", text).map_or_else(|found| found.into_iter().map(show).collect(), |_| Vec::new())
    }

    const WHOLE: &str = r#"{"models":["fast","ollama/glm-5","anthropic/*"],"needs":["image","tools"],
        "media":["inbound"],"sessions":["signal:*"],"channels":["signal:+1","telegram:*"],"requestsPerMinute":60,
        "tokensPerMinute":100000,"tokensPerDay":1000000,"usdPerDay":2.5,"concurrency":4,"expires":1800000000000,
        "unixUser":1000}"#;

    #[test]
    fn a_grant_reads_as_it_is_written() {
        let grant = AgentGrant::parse("grant", WHOLE).unwrap();
        assert_eq!(grant.limits.micro_usd_per_day, Some(2_500_000));
        assert_eq!(grant.unix_user, Some(1000));
        let written = grant.to_json();
        assert_eq!(written, serde_json::from_str::<Json>(WHOLE).unwrap());
        assert_eq!(AgentGrant::parse("grant", &written.to_string()).unwrap(), grant);
        assert_eq!(AgentGrant::default().to_json().to_string(), "{}");
        assert_eq!(AgentGrant::parse("grant", "{}").unwrap(), AgentGrant::default());
        let twice = AgentGrant::parse("grant", "{ models: ['a', 'A', 'b'] } // JSON5").unwrap();
        assert_eq!(twice.to_json().to_string(), r#"{"models":["a","b"]}"#);
    }

    #[test]
    fn all_problems_are_told_with_their_places() {
        let text = "{\n  model: ['a'],\n  needs: ['images', 'text'],\n  media: ['workspace/two'],\n  \
            channels: ['signal'],\n  requestsPerMinute: 0,\n  usdPerDay: -1,\n  expires: '30d',\n}";
        assert_eq!(
            problems(text),
            [
                "grant:2:3: model: unknown key `model` (did you mean `models`?)",
                "grant:3:11: needs[0]: expected one of `image`, `audio`, `video`, `document`, `tools` \
                 (did you mean `image`?)",
                "grant:3:21: needs[1]: expected one of `image`, `audio`, `video`, `document`, `tools`",
                "grant:4:11: media[0]: expected one of `inbound`, `outbound`",
                "grant:5:14: channels[0]: not a rule for channels: expected `<channel>:<conversation>` or \
                 `<channel>:*`, e.g. `signal:+15557654321`",
                "grant:6:22: requestsPerMinute: expected a whole number from 1 to 1000000000000",
                "grant:7:14: usdPerDay: expected dollars, more than 0, at most 1000000000, and with at most six \
                 decimals",
                "grant:8:12: expires: expected a whole number, found a string",
            ]
        );
    }

    #[test]
    fn what_is_no_grant_is_refused() {
        let first = |text: &str| problems(text).swap_remove(0);
        assert_eq!(first("[]"), "grant:1:1: expected an object, found a list");
        assert_eq!(first("{ usdPerDay: 'x' }"), "grant:1:14: usdPerDay: expected a number of dollars, found a string");
        let many: Vec<String> = (0..257).map(|n| format!("'m{n}'")).collect();
        assert_eq!(
            first(&format!("{{ models: [{}] }}", many.join(","))),
            "grant:1:1: `models` has more than 256 patterns"
        );
        let large = " ".repeat(AGENT_GRANT_BYTES_MAX + 1);
        assert_eq!(first(&large), "grant: the grant is larger than 65536 bytes");
        for text in ["", "{", "{ models: 'x' }", "{ concurrency: 4097 }", "{ unixUser: 4294967295 }", "{ needs: [1] }"]
        {
            assert!(!problems(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn dollars_are_exact_to_the_millionth() {
        let check = |usd: f64, expect: Option<u64>| assert_eq!(micro_of(usd), expect, "{usd}");
        check(0.1, Some(100_000));
        check(0.000_001, Some(1));
        check(1_000_000_000.0, Some(1_000_000_000_000_000));
        check(999_999_999.999_999, Some(999_999_999_999_999));
        check(0.000_000_1, None);
        check(1.000_000_5, None);
        check(1_000_000_000.5, None);
        check(0.0, None);
        check(-1.0, None);
        check(f64::NAN, None);
        check(f64::INFINITY, None);
        assert_eq!(Limits::micro_usd_of("2.5"), Some(2_500_000));
        assert_eq!(Limits::micro_usd_of("2,5"), None);
    }

    proptest! {
        #[test]
        fn every_amount_survives_being_written(micro in 1_u64..=1_000_000_000_000_000) {
            let limits = Limits { micro_usd_per_day: Some(micro), ..Limits::default() };
            let grant = AgentGrant { limits, ..AgentGrant::default() };
            prop_assert_eq!(AgentGrant::parse("grant", &grant.to_json().to_string()).unwrap(), grant);
        }

        #[test]
        fn reading_never_panics(text in "\\PC{0,80}") {
            drop(AgentGrant::parse("grant", &text));
        }
    }
}
