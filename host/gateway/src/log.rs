//! The log: standard error, for people or as JSON. What is logged is said where it happens.

use creel_policy::config::LogLevel;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::cli::{LogArgs, LogFormat, LogLevelArg};
use crate::process::Process;
use crate::render::Style;

/// The variable that says how much is logged, in the words of `RUST_LOG`.
const VARIABLE: &str = "CREEL_LOG";
/// What libraries may say: what their details hold is not known here.
const LIBRARIES: &str = "warn";

/// The log cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    /// The variable says nothing that is understood.
    #[error("`{VARIABLE}` is not a level, nor a list of `target=level`: {detail}")]
    Variable {
        /// What is wrong.
        detail: String,
    },
    /// It was set up already.
    #[error("the log could not be set up")]
    Init(#[from] TryInitError),
}

/// Starts the log of a daemon.
///
/// # Errors
///
/// [`LogError`].
pub(crate) fn start(args: &LogArgs, configured: Option<LogLevel>, process: &Process) -> Result<(), LogError> {
    let variable = process.variable(VARIABLE).map(|value| value.to_string_lossy().into_owned());
    let filter = filter(args.log_level, variable.as_deref(), configured, "info")?;
    let is_coloured = process.style_of_stderr() == Style::Coloured;
    match args.log_format {
        Some(LogFormat::Json) => {
            let log = tracing_subscriber::fmt().json().flatten_event(true).with_current_span(false);
            log.with_env_filter(filter).with_writer(std::io::stderr).finish().try_init()?;
        }
        Some(LogFormat::Human) | None => {
            let log = tracing_subscriber::fmt().with_ansi(is_coloured);
            log.with_env_filter(filter).with_writer(std::io::stderr).finish().try_init()?;
        }
    }
    Ok(())
}

/// Starts the log of a command that answers and ends.
///
/// # Errors
///
/// [`LogError`].
pub(crate) fn start_quiet(process: &Process) -> Result<(), LogError> {
    let variable = process.variable(VARIABLE).map(|value| value.to_string_lossy().into_owned());
    let filter = filter(None, variable.as_deref(), None, "warn")?;
    let is_coloured = process.style_of_stderr() == Style::Coloured;
    let log = tracing_subscriber::fmt().with_ansi(is_coloured).without_time().with_target(false);
    log.with_env_filter(filter).with_writer(std::io::stderr).finish().try_init()?;
    Ok(())
}

/// The option, then the variable, then the configuration, then what is usual.
fn filter(
    option: Option<LogLevelArg>,
    variable: Option<&str>,
    configured: Option<LogLevel>,
    usual: &str,
) -> Result<EnvFilter, LogError> {
    let level = match (option, configured) {
        (Some(option), _) => word_of_option(option),
        (None, Some(configured)) => word_of_config(configured),
        (None, None) => usual,
    };
    let said = match (option, variable) {
        (None, Some(variable)) => variable,
        (Some(_), _) | (None, None) => level,
    };
    let is_level = ["off", "error", "warn", "info", "debug", "trace"].contains(&said);
    let directives = if is_level { format!("{LIBRARIES},creel={said}{}", of_crates(said)) } else { said.to_owned() };
    EnvFilter::try_new(directives).map_err(|error| LogError::Variable { detail: error.to_string() })
}

/// The crates of this workspace, which `creel=…` alone does not name.
fn of_crates(level: &str) -> String {
    ["store", "engine", "runtime", "gateway"].map(|name| format!(",creel_{name}={level}")).concat()
}

fn word_of_option(level: LogLevelArg) -> &'static str {
    match level {
        LogLevelArg::Error => "error",
        LogLevelArg::Warn => "warn",
        LogLevelArg::Info => "info",
        LogLevelArg::Debug => "debug",
        LogLevelArg::Trace => "trace",
    }
}

fn word_of_config(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_beats_the_variable_beats_the_configuration() {
        let check = |option, variable, configured, expect: &str| {
            let said = filter(option, variable, configured, "info").map(|filter| filter.to_string());
            let said = said.map_err(|error| error.to_string());
            assert!(said.as_ref().is_ok_and(|said| said.contains(expect)), "{said:?}");
        };
        check(None, None, None, "creel_runtime=info");
        check(None, None, Some(LogLevel::Debug), "creel_runtime=debug");
        check(None, Some("error"), Some(LogLevel::Debug), "creel_runtime=error");
        check(Some(LogLevelArg::Trace), Some("error"), Some(LogLevel::Debug), "creel_runtime=trace");
        check(None, Some("hyper=debug"), None, "hyper=debug");
    }

    #[test]
    fn a_variable_that_says_nothing_is_refused() {
        let error = filter(None, Some("creel=loud"), None, "info").map_err(|error| error.to_string());
        assert!(error.is_err_and(|text| text.starts_with("`CREEL_LOG` is not a level")));
    }
}
