//! What is measured: lanes, each a way through a gateway, and cases, each a kind of load. How a gateway is started is
//! not here.

use crate::dialect::Dialect;
use crate::error::LoadError;
use crate::pace::Pace;

/// A program that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// The fake upstream itself: what no gateway can be faster than.
    Direct,
    /// Creel.
    Creel,
    /// TensorZero, as its wheel has it.
    Tensorzero,
    /// Portkey.
    Portkey,
    /// LiteLLM's proxy, with one worker.
    Litellm,
}

/// A way through a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lane {
    /// Its name in tables and on the command line.
    pub(crate) name: &'static str,
    /// The program.
    pub(crate) target: Target,
    /// What the client speaks.
    pub(crate) client: Dialect,
    /// What the upstream is spoken to in.
    pub(crate) upstream: Dialect,
}

/// A kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    /// Its name in tables and on the command line.
    pub(crate) name: &'static str,
    /// What it is, for a heading.
    pub(crate) title: &'static str,
    /// Whether the answer is streamed.
    pub(crate) is_stream: bool,
    /// How long the upstream waits before it answers.
    pub(crate) first_ms: u64,
    /// Whether the upstream writes each event by itself.
    pub(crate) apart: bool,
    /// How many connections ask at once, one measurement each.
    pub(crate) connections: &'static [usize],
}

/// The case of many slow streams, which `wrk` does not make.
pub(crate) const SLOW: &str = "slow";

impl Target {
    /// All of them, in the order of tables.
    pub(crate) const ALL: [Self; 5] = [Self::Direct, Self::Creel, Self::Tensorzero, Self::Portkey, Self::Litellm];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Creel => "creel",
            Self::Tensorzero => "tensorzero",
            Self::Portkey => "portkey",
            Self::Litellm => "litellm",
        }
    }
}

const fn lane(name: &'static str, target: Target, client: Dialect, upstream: Dialect) -> Lane {
    Lane { name, target, client, upstream }
}

/// All lanes, in the order of tables.
pub(crate) const LANES: &[Lane] = &[
    lane("direct", Target::Direct, Dialect::Openai, Dialect::Openai),
    lane("creel", Target::Creel, Dialect::Openai, Dialect::Openai),
    lane("tensorzero", Target::Tensorzero, Dialect::Openai, Dialect::Openai),
    lane("portkey", Target::Portkey, Dialect::Openai, Dialect::Openai),
    lane("litellm", Target::Litellm, Dialect::Openai, Dialect::Openai),
    lane("direct-messages", Target::Direct, Dialect::Anthropic, Dialect::Anthropic),
    lane("creel-messages", Target::Creel, Dialect::Anthropic, Dialect::Anthropic),
    lane("portkey-messages", Target::Portkey, Dialect::Anthropic, Dialect::Anthropic),
    lane("creel-crossed", Target::Creel, Dialect::Openai, Dialect::Anthropic),
];

/// All cases that `wrk` makes.
pub(crate) const CASES: &[Case] = &[
    Case {
        name: "json",
        title: "JSON, the upstream answers at once",
        is_stream: false,
        first_ms: 0,
        apart: false,
        connections: &[1, 16, 64],
    },
    Case {
        name: "delayed",
        title: "JSON, the upstream answers after 20 ms",
        is_stream: false,
        first_ms: 20,
        apart: false,
        connections: &[1, 16, 64],
    },
    Case {
        name: "burst",
        title: "Stream of 20 chunks that the upstream writes at once",
        is_stream: true,
        first_ms: 0,
        apart: false,
        connections: &[1, 16],
    },
    Case {
        name: "stream",
        title: "Stream of 20 chunks that the upstream writes one by one",
        is_stream: true,
        first_ms: 0,
        apart: true,
        connections: &[1, 16],
    },
];

impl Lane {
    /// What its added latency is counted from: the upstream in the client's dialect.
    pub(crate) fn base(&self) -> &'static str {
        match self.client {
            Dialect::Openai => "direct",
            Dialect::Anthropic => "direct-messages",
        }
    }
}

impl Case {
    /// What its prompts ask of the upstream.
    pub(crate) fn pace(&self) -> Pace {
        Pace { first_ms: self.first_ms, apart: self.apart, ..Pace::default() }
    }
}

/// The lanes that names choose: a lane by its own, all of a program by the program's. Those to compare with are always
/// among them. Without names, all.
///
/// # Errors
///
/// [`LoadError::Unknown`] with the names that there are.
pub(crate) fn lanes(names: &[String]) -> Result<Vec<Lane>, LoadError> {
    let targets = Target::ALL.map(Target::name);
    let known = || LANES.iter().map(|lane| lane.name).chain(targets);
    refuse_unknown(names, known)?;
    let is_named = |lane: &Lane| names.iter().any(|name| name == lane.name || name == lane.target.name());
    let chosen: Vec<&Lane> = LANES.iter().filter(|lane| names.is_empty() || is_named(lane)).collect();
    let is_base = |lane: &Lane| chosen.iter().any(|chosen| chosen.base() == lane.name);
    Ok(LANES.iter().filter(|lane| is_base(lane) || chosen.contains(lane)).copied().collect())
}

/// The cases that names choose, and whether the slow streams are among them. Without names, all.
///
/// # Errors
///
/// [`LoadError::Unknown`] with the names that there are.
pub(crate) fn cases(names: &[String]) -> Result<(Vec<Case>, bool), LoadError> {
    refuse_unknown(names, || CASES.iter().map(|case| case.name).chain([SLOW]))?;
    let is_named = |wanted: &str| names.is_empty() || names.iter().any(|name| name == wanted);
    Ok((CASES.iter().filter(|case| is_named(case.name)).copied().collect(), is_named(SLOW)))
}

fn refuse_unknown<I: Iterator<Item = &'static str>>(names: &[String], known: impl Fn() -> I) -> Result<(), LoadError> {
    match names.iter().find(|name| known().all(|known| known != **name)) {
        None => Ok(()),
        Some(name) => {
            let mut known: Vec<String> = known().map(|name| format!("`{name}`")).collect();
            known.dedup();
            Err(LoadError::Unknown { name: name.clone(), known: known.join(", ") })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &str, expect: &[&str]) {
        let names: Vec<String> = names.split_terminator(',').map(str::to_owned).collect();
        let lanes = lanes(&names).expect("names are known");
        assert_eq!(lanes.iter().map(|lane| lane.name).collect::<Vec<_>>(), expect, "{names:?}");
    }

    #[test]
    fn lanes_are_chosen_with_what_they_are_held_against() {
        check("tensorzero", &["direct", "tensorzero"]);
        check("creel-messages", &["direct-messages", "creel-messages"]);
        check("creel", &["direct", "creel", "direct-messages", "creel-messages", "creel-crossed"]);
        check("direct", &["direct", "direct-messages"]);
        check("creel-crossed,litellm", &["direct", "litellm", "creel-crossed"]);
        check("", &LANES.iter().map(|lane| lane.name).collect::<Vec<_>>());
    }

    #[test]
    fn cases_are_chosen_by_name() {
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            cases(&names).map(|(cases, slow)| (cases.len(), slow)).map_err(|error| error.to_string())
        };
        assert_eq!(of(&[]), Ok((CASES.len(), true)));
        assert_eq!(of(&["json", "slow"]), Ok((1, true)));
        assert_eq!(of(&["stream"]), Ok((1, false)));
        assert_eq!(of(&["x"]), Err("`x` is none of `json`, `delayed`, `burst`, `stream`, `slow`".to_owned()));
        assert!(lanes(&["nobody".to_owned()]).is_err());
    }
}
