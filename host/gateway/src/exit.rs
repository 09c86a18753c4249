//! The exit codes of `creel`, which scripts rely on. What leads to which is said where it happens.

use std::process::ExitCode;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what was asked.
    Ok,
    /// Something failed.
    Failure,
    /// The command line is wrong.
    Usage,
    /// The answer is no.
    Refused,
    /// The configuration, or another file that the operator writes, is not valid.
    Config,
    /// Something that was named is not there.
    Missing,
}

/// What `--help` says about them.
pub(crate) const HELP: &str = "Exit codes:
  0  done, or the answer is yes
  1  something failed
  2  the command line is wrong
  3  the answer is no: refused, or no usable credential, model or route
  4  the configuration is not valid
  5  what was named is not there: a plugin, a file, a state directory";

impl Exit {
    /// The code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Config => 4,
            Self::Missing => 5,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_in_the_help() {
        for exit in [Exit::Ok, Exit::Failure, Exit::Usage, Exit::Refused, Exit::Config, Exit::Missing] {
            assert!(HELP.contains(&format!("\n  {}  ", exit.code())), "{exit:?}");
        }
    }
}
