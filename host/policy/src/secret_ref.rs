//! Where a secret is to be found, and the grammar of saying so. Nothing here fetches one; a literal is only carried.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// The provider alias that is meant when none is written.
pub const DEFAULT_ALIAS: &str = "default";

/// A secret as a file spells it: the value itself, or where to find it. No Debug, Clone, `PartialEq` or Serialize.
pub enum SecretInput {
    /// The value stands in the file.
    Literal(Literal),
    /// The value stands elsewhere.
    Ref(SecretRef),
}

impl SecretInput {
    /// The reference, where it is one.
    #[must_use]
    pub fn reference(&self) -> Option<&SecretRef> {
        match self {
            Self::Literal(_) => None,
            Self::Ref(reference) => Some(reference),
        }
    }
}

/// A secret that stands in a file in plain text; wiped when dropped, and never blank.
///
/// It has no Debug, Clone, `PartialEq` or Serialize. Only the secret snapshot exposes it, to hold it for the wire.
pub struct Literal(SecretString);

impl Literal {
    /// Takes a value without the white space around it; `None` when nothing is left.
    #[must_use]
    pub fn new(value: &str) -> Option<Self> {
        let value = value.trim();
        (!value.is_empty()).then(|| Self(SecretString::from(value)))
    }

    /// Tells whether the value is this very text, e.g. the name of a variable or the id of a profile.
    pub(crate) fn is(&self, text: &str) -> bool {
        self.0.expose_secret() == text
    }

    /// The text itself where it is spelled as the name of a variable that holds a key, e.g. `OPENAI_API_KEY`: words in
    /// capitals, the last of which says so. No provider gives out keys of this form.
    pub(crate) fn variable(&self) -> Option<&str> {
        let text = self.0.expose_secret();
        let (_, last) = text.rsplit_once('_')?;
        (is_env_name(text) && matches!(last, "KEY" | "TOKEN" | "SECRET")).then_some(text)
    }
}

impl ExposeSecret<str> for Literal {
    fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }
}

/// The kind of place a secret is kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An environment variable of the daemon.
    Env,
    /// A JSON file, or a file that is nothing but the value.
    File,
    /// The answer of a command.
    Exec,
    /// Creel's own encrypted store.
    Vault,
}

impl Source {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Env, Self::File, Self::Exec, Self::Vault];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Env => "env",
            Self::File => "file",
            Self::Exec => "exec",
            Self::Vault => "vault",
        }
    }

    /// Reads it as it is written.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == text)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Names a secret: a source, the alias of a provider of that kind, and the provider's id for it. Well formed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretRef {
    source: Source,
    provider: Box<str>,
    id: Box<str>,
}

impl SecretRef {
    /// Checks the parts of a reference.
    ///
    /// # Errors
    ///
    /// [`BadSecretRef`] with the form that was expected.
    pub fn parse(source: Source, provider: &str, id: &str) -> Result<Self, BadSecretRef> {
        if !is_alias(provider) {
            return Err(BadSecretRef::Alias);
        }
        let (fits, refusal) = match source {
            Source::Env => (is_env_name(id), BadSecretRef::EnvId),
            Source::File => (is_file_id(id), BadSecretRef::FileId),
            Source::Exec => (is_path_like_id(id), BadSecretRef::ExecId),
            Source::Vault => (is_path_like_id(id), BadSecretRef::VaultId),
        };
        if !fits {
            return Err(refusal);
        }
        Ok(Self { source, provider: provider.into(), id: id.into() })
    }

    /// Reads the spellings of an environment reference as a string: `${NAME}`, `$NAME`, and the older
    /// `secretref-env:NAME` and `__env__:NAME`. `None`: the string is no reference.
    #[must_use]
    pub fn from_shorthand(text: &str, env_alias: &str) -> Option<Self> {
        let text = text.trim();
        let braced = || text.strip_prefix("${")?.strip_suffix('}');
        let name = braced()
            .or_else(|| text.strip_prefix('$'))
            .or_else(|| text.strip_prefix("secretref-env:"))
            .or_else(|| text.strip_prefix("__env__:"))?;
        Self::parse(Source::Env, env_alias, name).ok()
    }

    /// The kind of place.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// The alias of the provider: a key of `secrets.providers`.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The provider's own id: a variable name, a JSON pointer, a path.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, provider, id } = self;
        match source {
            Source::Env | Source::Vault => write!(f, "{source}:{id}"),
            Source::File | Source::Exec => write!(f, "{source}:{provider}#{id}"),
        }
    }
}

impl serde::Serialize for SecretRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why the parts are not a reference. The parts are not shown: someone may have pasted the secret itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSecretRef {
    /// The alias is malformed.
    #[error("the `provider` of a secret reference is 1 to 64 of `a-z`, `0-9`, `_` and `-`, beginning with a letter")]
    Alias,
    /// The id of an environment reference is malformed.
    #[error(
        "the `id` of an `env` reference is the name of a variable: 1 to 128 of `A-Z`, `0-9` and `_`, beginning with a letter"
    )]
    EnvId,
    /// The id of a file reference is malformed.
    #[error("the `id` of a `file` reference is an absolute JSON pointer, e.g. `/providers/openai/apiKey`, or `value`")]
    FileId,
    /// The id of a command's reference is malformed.
    #[error(
        "the `id` of an `exec` reference is 1 to 256 of letters, digits and `._:/#-`, beginning with a letter or digit, without a `.` or `..` segment"
    )]
    ExecId,
    /// The id of a vault reference is malformed.
    #[error(
        "the `id` of a `vault` reference is 1 to 256 of letters, digits and `._:/#-`, beginning with a letter or digit, without a `.` or `..` segment"
    )]
    VaultId,
}

/// `^[a-z][a-z0-9_-]{0,63}$`
pub(crate) fn is_alias(text: &str) -> bool {
    text.len() <= 64
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

/// `^[A-Z][A-Z0-9_]{0,127}$`
pub(crate) fn is_env_name(text: &str) -> bool {
    text.len() <= 128
        && text.bytes().next().is_some_and(|b| b.is_ascii_uppercase())
        && text.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'_'))
}

/// `value`, or an RFC 6901 pointer that names something below the root.
fn is_file_id(text: &str) -> bool {
    /// Longer pointers are not written by people.
    const POINTER_BYTES_MAX: usize = 1024;
    let escapes_are_good = || text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    let pointer = text.starts_with('/') && !text.chars().any(char::is_control) && escapes_are_good();
    text.len() <= POINTER_BYTES_MAX && (text == "value" || pointer)
}

/// `^[A-Za-z0-9][A-Za-z0-9._:/#-]{0,255}$` with no `.` or `..` segment.
fn is_path_like_id(text: &str) -> bool {
    text.len() <= 256
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'/' | b'#' | b'-'))
        && !text.split('/').any(|segment| matches!(segment, "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: &str, source: Source, expect: Result<&str, BadSecretRef>, text: &str) {
        let parsed = SecretRef::parse(source, "default", text).map(|reference| reference.to_string());
        assert_eq!(parsed, expect.map(str::to_owned), "{id}: {text:?}");
    }

    #[test]
    fn ids_of_variables_are_names() {
        check("A1", Source::Env, Ok("env:OPENAI_API_KEY"), "OPENAI_API_KEY");
        for text in ["bad id with spaces", "lower_case", "", "1A", "_A", "A-B", "A\n", "Ä", &"A".repeat(129)] {
            check("A2", Source::Env, Err(BadSecretRef::EnvId), text);
        }
        check("A3", Source::Env, Err(BadSecretRef::EnvId), "/providers/openai/apiKey");
    }

    #[test]
    fn ids_in_files_are_absolute_pointers_or_value() {
        check("A4", Source::File, Err(BadSecretRef::FileId), "providers/openai/apiKey");
        check("A5", Source::File, Ok("file:default#value"), "value");
        for text in ["/a~", "/a~2", "value/extra", "", "/a\u{0}", "values"] {
            check("A6", Source::File, Err(BadSecretRef::FileId), text);
        }
        check("A6", Source::File, Ok("file:default#/a~0b/~1c"), "/a~0b/~1c");
        assert!(BadSecretRef::FileId.to_string().contains("absolute JSON pointer"), "A4");
    }

    #[test]
    fn ids_of_commands_are_paths_without_dot_segments() {
        // A9: there is one validator, and every surface calls it.
        let long = "a".repeat(256);
        for text in [
            "vault/openai/api-key",
            "vault:secret/mykey",
            "providers/openai/apiKey",
            "aws/secret#json_key",
            "a..b/c",
            "a/.../b",
            "a/.well-known/key",
            &long,
        ] {
            check("A7", Source::Exec, Ok(&format!("exec:default#{text}")), text);
            check("A7", Source::Vault, Ok(&format!("vault:{text}")), text);
        }
        for text in ["", " ", "a b", "/a", "../a", "a/../b", "a/./b", "a/..", "a\nb", "~/a", &"a".repeat(257)] {
            check("A8", Source::Exec, Err(BadSecretRef::ExecId), text);
            check("A8", Source::Vault, Err(BadSecretRef::VaultId), text);
        }
    }

    #[test]
    fn aliases_are_lower_case_words() {
        for alias in ["a", "file-main", "a_1", &"a".repeat(64)] {
            assert!(SecretRef::parse(Source::Env, alias, "A").is_ok(), "{alias}");
        }
        for alias in ["", "A", "1a", "a b", "a.b", "-a", &"a".repeat(65)] {
            assert_eq!(SecretRef::parse(Source::Env, alias, "A"), Err(BadSecretRef::Alias), "{alias}");
        }
    }

    #[test]
    fn strings_that_are_environment_references() {
        let check = |id: &str, text: &str, expect: Option<&str>| {
            let read = SecretRef::from_shorthand(text, "default").map(|reference| reference.to_string());
            assert_eq!(read.as_deref(), expect, "{id}: {text}");
        };
        check("A13", "${OPENAI_API_KEY}", Some("env:OPENAI_API_KEY"));
        check("A13", "$OPENAI_API_KEY", Some("env:OPENAI_API_KEY"));
        check("A14", "${lower_case}", None);
        check("A14", "$lower", None);
        check("A14", "${OPEN", None);
        check("A14", "$", None);
        check("A14", "sk-$NAME", None);
        check("A15", "secretref-env:NAME", Some("env:NAME"));
        check("A15", "__env__:NAME", Some("env:NAME"));
        check("A15", "__env__:name", None);
    }

    #[test]
    fn a_literal_may_be_the_name_of_a_variable() {
        let name = |text: &str| Literal::new(text).and_then(|literal| literal.variable().map(str::to_owned));
        for text in ["OPENAI_API_KEY", "HF_TOKEN", "A_SECRET", "MY_2ND_KEY"] {
            assert_eq!(name(text).as_deref(), Some(text), "C15");
        }
        for text in ["KEY", "OPENAI_API_KEYS", "openai_api_key", "sk-OPENAI_API_KEY", "1_KEY", "A_KEY_ID", "AKIAKEY"] {
            assert_eq!(name(text), None, "{text}");
        }
    }

    #[test]
    fn a_literal_is_trimmed_and_never_blank() {
        assert!(Literal::new(" \t\n").is_none());
        assert!(Literal::new(" key\n").is_some_and(|literal| literal.expose_secret() == "key"));
    }
}
