//! The findings of an audit as people read them.

use creel_policy::audit::Severity;

use super::{Style, shown};
use crate::views::AuditView;

/// `secrets audit`.
pub(crate) fn audit(view: &AuditView, style: Style) -> String {
    let mut text = String::new();
    for one in &view.findings {
        let severity = match one.severity {
            Severity::Error => style.red("error"),
            Severity::Warn => style.bold("warn"),
            Severity::Info => style.dim("info"),
        };
        let place = if one.line > 0 { format!(":{}:{}", one.line, one.column) } else { String::new() };
        let key = if one.key.is_empty() { String::new() } else { format!("{}: ", shown(&one.key)) };
        let (code, file) = (one.code.as_str(), shown(&one.file));
        text.push_str(&format!("{severity} {code} {file}{place}: {key}{}\n", shown(&one.message)));
        text.push_str(&format!("  {} {}\n", style.bold("hint:"), shown(&one.hint)));
    }
    let count = |severity: Severity| view.findings.iter().filter(|one| one.severity == severity).count();
    if view.findings.is_empty() {
        text.push_str("nothing was found\n");
    } else {
        let (errors, warnings, others) = (count(Severity::Error), count(Severity::Warn), count(Severity::Info));
        text.push_str(&format!("{errors} of severity error, {warnings} of warn, {others} of info\n"));
    }
    super::answers::finish(text, None, &view.answerer, style)
}
