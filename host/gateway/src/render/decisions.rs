//! The decisions of the audit log as people read them.

use creel_policy::moment::rfc3339;
use creel_store::audit::AuditRecord;

use super::Style;
use super::table::{Table, plain};

/// `audit`.
pub(crate) fn decisions(records: &[AuditRecord], style: Style) -> String {
    if records.is_empty() {
        return "nothing was found\n".to_owned();
    }
    let mut table = Table::new(&[
        ("when", plain),
        ("for", plain),
        ("verdict", Style::verdict),
        ("action", plain),
        ("target", plain),
        ("rule", plain),
    ]);
    for AuditRecord { at_ms, plugin, action, verdict, rule, target } in records {
        let cells = [&rfc3339(*at_ms), plugin, verdict, action, target, rule];
        table.row(cells.map(String::clone));
    }
    table.render(style)
}
