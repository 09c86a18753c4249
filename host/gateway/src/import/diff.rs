//! What would change in a file, as a unified diff in which no secret is shown.

use std::collections::BTreeSet;
use std::path::Path;

use creel_policy::plaintext::{comments, masked};
use similar::TextDiff;

/// Lines around a change.
const CONTEXT_LINES: usize = 3;

/// The diff from what is there to what would be written; empty where that is the same.
pub(super) fn unified(path: &Path, old: Option<&str>, new: &str) -> String {
    if old == Some(new) {
        return String::new();
    }
    // Our own remarks are shown; what somebody else wrote into a comment may be a key.
    let ours: BTreeSet<String> = comments(new).into_iter().collect();
    let mask = |text: &str| masked(text, &|comment| ours.contains(comment));
    let unreadable = |text: &str| {
        let lines = text.lines().count();
        format!("[{lines} lines that are not JSON5, and are not shown: a secret could stand in them]\n")
    };
    let before = old.map(|text| mask(text).unwrap_or_else(|| unreadable(text))).unwrap_or_default();
    let after = mask(new).unwrap_or_else(|| unreadable(new));
    let path = path.display().to_string();
    let from = if old.is_some() { path.as_str() } else { "/dev/null" };
    let diff = TextDiff::from_lines(&before, &after);
    let text = diff.unified_diff().context_radius(CONTEXT_LINES).header(from, &path).to_string();
    if text.is_empty() { format!("--- {from}\n+++ {path}\nonly secrets, comments or both differ\n") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_in_a_diff() {
        let path = Path::new("/s/creel.json5");
        let new = "// ours\n{\n  apiKey: \"new-secret-value\",\n  mode: \"merge\",\n}\n";
        let expect = "--- /dev/null\n+++ /s/creel.json5\n@@ -0,0 +1,5 @@\n+// ours\n+{\n\
                      +  apiKey: \"[secret, 16 characters]\",\n+  mode: \"merge\",\n+}\n";
        assert_eq!(unified(path, None, new), expect);
        let old = "// mine: abc\n{\n  apiKey: \"old-secret\",\n  mode: \"merge\",\n}\n";
        let expect = "--- /s/creel.json5\n+++ /s/creel.json5\n@@ -1,5 +1,5 @@\n-// [comment, 10 characters]\n+// ours\n {\n\
                      -  apiKey: \"[secret, 10 characters]\",\n+  apiKey: \"[secret, 16 characters]\",\n   mode: \"merge\",\n }\n";
        assert_eq!(unified(path, Some(old), new), expect);
        assert_eq!(unified(path, Some(new), new), "");
        let broken = unified(path, Some("apiKey=old-secret {"), "{}\n");
        assert!(broken.contains("-[1 lines that are not JSON5") && !broken.contains("old-secret"), "{broken}");
        let same_length = new.replace("new-secret", "own-secret");
        assert!(unified(path, Some(&same_length), new).ends_with("only secrets, comments or both differ\n"));
    }
}
