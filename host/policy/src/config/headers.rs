//! `models.providers.<p>.headers` and `gateway.telemetry.headers`: headers that the operator wants on every request to a
//! provider, or to a collector. Nothing here knows what a header's value is.

use crate::headers;
use crate::json5::{Place, Problems};
use crate::limits::ENTRY_HEADERS_MAX;
use crate::secret_ref::SecretInput;

use super::read::{Table, secret};
use super::secrets::SecretsConfig;

/// A header of the operator's.
pub struct EntryHeader {
    /// Lower case.
    pub name: String,
    /// Where it stands, e.g. `models.providers.openai.headers.X-Org`.
    pub key: String,
    pub(crate) place: Place,
    /// Its value.
    pub value: SecretInput,
}

/// Reads the table: name by name, each once however its letters are written.
pub(super) fn read(table: Table<'_>, secrets: &SecretsConfig) -> Vec<EntryHeader> {
    let problems = table.problems();
    let mut headers: Vec<EntryHeader> = Vec::new();
    let (key, place) = (table.key.clone(), table.place);
    for entry in table.into_entries() {
        let name = entry.name.to_ascii_lowercase();
        let (at, key) = (entry.place, entry.node.key.clone());
        let rule = rule(&entry.name).err().map(str::to_owned).or_else(|| {
            let same = headers.iter().find(|header| header.name == name)?;
            Some(format!("the same header as `{}`", same.key))
        });
        if let Some(rule) = rule {
            problems.add(at, &key, rule, None);
            continue;
        }
        let value = secret(entry.node, secrets, problems);
        headers.extend(value.map(|value| EntryHeader { name, key, place: at, value }));
    }
    bound(headers.len(), (place, &key), problems);
    headers
}

fn bound(count: usize, (place, key): (Place, &str), problems: &Problems) {
    if count > ENTRY_HEADERS_MAX {
        problems.add(place, key, format!("has more than {ENTRY_HEADERS_MAX} headers"), None);
    }
}

/// Which names an operator may set: neither those that frame the message nor those that say what the body is, which
/// is the plugin's to know.
fn rule(name: &str) -> Result<(), &'static str> {
    if !headers::is_token(name) || name.len() > 64 {
        return Err("not the name of a header");
    }
    if headers::frames_message(name) {
        return Err("this header frames the message and is the host's own");
    }
    if name.to_ascii_lowercase().starts_with("content-") {
        return Err("this header describes the body, which the plugin makes");
    }
    Ok(())
}
