//! All prose of the command line: errors with their hints, and answers as people read them. Nothing is found out here.

mod answers;
mod audit;
mod decisions;
mod failure;
mod import;
mod media;
mod plugin;
mod table;
mod vault;

pub(crate) use answers::{auth, egress, media, reload, route, status};
pub(crate) use audit::audit;
pub(crate) use decisions::decisions;
pub(crate) use failure::{absence, difference, failure, note, reasons};
pub(crate) use import::import;
pub(crate) use media::{holder, media_list, medium, stored, swept, verification};
pub(crate) use plugin::{Asked, asked, plugins};
pub(crate) use vault::secrets;

/// Whether colours are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Not to a file, a pipe or a terminal without them, nor where `NO_COLOR` is set.
    Plain,
    /// As ANSI sequences.
    Coloured,
}

impl Style {
    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn red(self, text: &str) -> String {
        self.with("1;31", text)
    }

    fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// Green for what is done, red for what should have been, dim for what was not wanted.
    fn verdict(self, text: &str) -> String {
        match text {
            "chosen" | "taken" | "allowed" | "matches" | "ok" => self.green(text),
            "failed" | "refused" | "no-plugin" | "cooling" => self.red(text),
            _ => self.dim(text),
        }
    }

    fn with(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Coloured => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}

/// Text from outside as a terminal may show it: no control character can steer it.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
