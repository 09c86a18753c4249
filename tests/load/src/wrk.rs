//! One run of `wrk`, a client that asks again as soon as it is answered. What is compared with what is not known here.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::error::LoadError;
use crate::running::last_line;
use crate::streams::Door;

/// What begins the line that the script prints.
const RESULT: &str = "RESULT ";
/// How much of an unreadable output is told.
const TOLD_MAX: usize = 300;

/// What to ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load<'a> {
    /// The body of each request.
    pub(crate) body: &'a str,
    /// Connections at once.
    pub(crate) connections: usize,
    /// For how long.
    pub(crate) seconds: u64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Answers.
    pub(crate) requests: u64,
    /// How long it took.
    pub(crate) duration_us: u64,
    /// What half of the answers took at most.
    pub(crate) p50_us: u64,
    /// And 99 of 100.
    pub(crate) p99_us: u64,
    /// Answers with a status of 400 or more, and connections that broke or took too long.
    pub(crate) failed: u64,
}

/// Runs `wrk` against a door.
///
/// # Errors
///
/// [`LoadError`] where it does not run, or says what it should not.
pub(crate) fn run(door: &Door, load: &Load<'_>, script: &Path) -> Result<Run, LoadError> {
    let headers: String = door.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    let mut command = Command::new("wrk");
    command.args(["--threads", "1", "--timeout", "30s", "--connections", &load.connections.to_string()]);
    command.args(["--duration", &format!("{}s", load.seconds), "--script"]).arg(script);
    command.arg(format!("http://{}{}", door.address, door.path));
    command.env("BODY", load.body).env("HEADERS", headers);
    let output = command.output().map_err(|source| LoadError::Start { program: "wrk".to_owned(), source })?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let reason = last_line(&String::from_utf8_lossy(&output.stderr)).to_owned();
        return Err(LoadError::Failed { program: "wrk".to_owned(), reason });
    }
    read(&text).ok_or_else(|| LoadError::Unread { program: "wrk", text: text.chars().take(TOLD_MAX).collect() })
}

fn read(text: &str) -> Option<Run> {
    let line = text.lines().find_map(|line| line.strip_prefix(RESULT))?;
    let result: Value = serde_json::from_str(line).ok()?;
    let number = |name: &str| result.get(name)?.as_u64();
    Some(Run {
        requests: number("requests")?,
        duration_us: number("duration_us")?,
        p50_us: number("p50_us")?,
        p99_us: number("p99_us")?,
        failed: number("bad")?.saturating_add(number("broken")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_script_is_read() {
        let line = r#"{"requests":10,"duration_us":2000,"p50_us":3,"p90_us":4,"p99_us":5,"bad":1,"broken":2}"#;
        let run = Run { requests: 10, duration_us: 2_000, p50_us: 3, p99_us: 5, failed: 3 };
        assert_eq!(read(&format!("Running\n\nRESULT {line}\n")), Some(run));
        assert_eq!(read(line), None);
        assert_eq!(read("RESULT {}"), None);
    }
}
