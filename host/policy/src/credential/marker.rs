//! What people write where no credential is needed, and what the older gateway wrote where one is kept elsewhere. None
//! of it is ever sent: it opens nothing, and a provider refuses it in words that nobody understands (C38, #45221).

/// What a value that looks like a credential says instead of being one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// No credential is needed: the placeholder of a local server.
    NoneNeeded,
    /// The credential is kept elsewhere, in a store of the older gateway that is not here.
    KeptElsewhere,
}

/// Placeholders that servers' documentation and other programs tell people to write, in any letter case.
const NONE_NEEDED: [&str; 33] = [
    "ollama-local",
    "custom-local",
    "ollama",
    "lm-studio",
    "lmstudio",
    "lmstudio-local",
    "vllm",
    "vllm-local",
    "sglang",
    "sglang-local",
    "llama-cpp",
    "llama.cpp",
    "llamacpp",
    "localai",
    "local",
    "empty",
    "none",
    "null",
    "n/a",
    "na",
    "no-key",
    "nokey",
    "no-key-required",
    "no-api-key",
    "sk-no-key-required",
    "not-needed",
    "not-required",
    "not-used",
    "unused",
    "dummy",
    "fake",
    "placeholder",
    "anything",
];

/// What the older gateway writes into its generated files in place of a credential.
const KEPT_ELSEWHERE: [&str; 5] =
    ["secretref-managed", "gcp-vertex-credentials", "codex-app-server", "minimax-oauth", "qwen-oauth"];

/// The same for the sign-in of any provider: `oauth:chutes`.
const KEPT_ELSEWHERE_PREFIX: &str = "oauth:";

/// Tells whether a value is a marker.
pub(crate) fn marker(value: &str) -> Option<Marker> {
    let value = value.trim();
    let is_one_of = |markers: &[&str]| markers.iter().any(|marker| value.eq_ignore_ascii_case(marker));
    if is_one_of(&NONE_NEEDED) {
        return Some(Marker::NoneNeeded);
    }
    (is_one_of(&KEPT_ELSEWHERE) || value.starts_with(KEPT_ELSEWHERE_PREFIX)).then_some(Marker::KeptElsewhere)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_known_by_their_whole_text_and_keys_are_none() {
        for text in ["ollama-local", " ollama-local\n", "EMPTY", "Lm-Studio", "sk-no-key-required", "n/a"] {
            assert_eq!(marker(text), Some(Marker::NoneNeeded), "{text}");
        }
        for text in ["secretref-managed", "oauth:chutes", "minimax-oauth"] {
            assert_eq!(marker(text), Some(Marker::KeptElsewhere), "{text}");
        }
        for text in ["", "ollama-local-1", "my-ollama-local", "sk-ollama", "emptyx", "sk-ant-api03-none", "xoauth:y"] {
            assert_eq!(marker(text), None, "{text}");
        }
    }
}
