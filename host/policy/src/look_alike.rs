//! Which plugin ids could be taken for one another. It compares spellings and knows nothing of what is installed.

use crate::ids::PluginId;

/// Finds the installed id that a new one could be taken for: `open-ai` for `openai`, `anthr0pic` for `anthropic` (attack
/// 154). The very same id is no look-alike.
#[must_use]
pub fn look_alike<'a>(new: &PluginId, installed: impl IntoIterator<Item = &'a PluginId>) -> Option<&'a PluginId> {
    let shape = shape_of(new);
    installed.into_iter().find(|id| *id != new && shape_of(id) == shape)
}

/// What is left of an id at a glance.
fn shape_of(id: &PluginId) -> String {
    let pairs = id.as_str().replace('-', "").replace("rn", "m").replace("vv", "w").replace("cl", "d");
    let letter = |c| match c {
        '0' => 'o',
        '1' | 'i' => 'l',
        '3' => 'e',
        '5' => 's',
        c => c,
    };
    pairs.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a154_look_alikes_are_found_and_others_are_not() {
        let id = |text: &str| PluginId::parse(text).expect("an id");
        let installed = [id("openai"), id("anthropic"), id("signal"), id("mail")];
        let found = |text: &str| look_alike(&id(text), &installed).map(PluginId::as_str);
        assert_eq!(found("open-ai"), Some("openai"));
        assert_eq!(found("openal"), Some("openai"));
        assert_eq!(found("anthr0p1c"), Some("anthropic"));
        assert_eq!(found("s1gnal"), Some("signal"));
        assert_eq!(found("rnail"), Some("mail"));
        assert_eq!(found("signal"), None);
        assert_eq!(found("ollama"), None);
    }
}
