//! What a plugin says, on its way into the host's log: beneath the plugin's name, cut, counted, on one line.

use creel_policy::limits::{LOG_LINE_BYTES_MAX, LOG_LINES_MAX};

use crate::bindings::log::{Host, Level};
use crate::guest::CallState;

impl Host for CallState {
    fn write(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        self.log_lines = self.log_lines.saturating_add(1);
        if self.log_lines > LOG_LINES_MAX {
            if self.log_lines == LOG_LINES_MAX + 1 {
                tracing::warn!(plugin = %self.plugin, call = %self.call, "the plugin logs too much; further lines of this call are dropped");
            }
            return Ok(());
        }
        let message = one_line(&self.masks.text(message));
        let (plugin, call) = (&self.plugin, &self.call);
        match level {
            Level::Debug => tracing::debug!(%plugin, %call, "{message}"),
            Level::Info => tracing::info!(%plugin, %call, "{message}"),
            Level::Warn => tracing::warn!(%plugin, %call, "{message}"),
            Level::Error => tracing::error!(%plugin, %call, "{message}"),
        }
        Ok(())
    }
}

/// Cuts a text at a character boundary and replaces control characters, so that it cannot forge a second log line.
pub(crate) fn one_line(text: &str) -> String {
    let mut end = text.len().min(LOG_LINE_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut line: String = text[..end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if end < text.len() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_be_forged_and_is_cut_at_a_character() {
        assert_eq!(one_line("a\n\x1b[31mERROR b"), "a  [31mERROR b");
        let long = "ü".repeat(LOG_LINE_BYTES_MAX);
        let cut = one_line(&long);
        assert!(cut.len() <= LOG_LINE_BYTES_MAX + '…'.len_utf8() && cut.ends_with('…'));
    }
}
