//! What is wrong with a file that a person wrote, and where: one shape for the configuration, profiles and manifests.
//! Nothing here reads a file, and no message holds a value from one, since any value may be a pasted secret.

use std::fmt;

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The file as it was named to the parser.
    pub file: String,
    /// Counts from 1; 0 where the problem has no place (something is missing).
    pub line: usize,
    /// Counts characters from 1; 0 where the problem has no place.
    pub column: usize,
    /// The dotted path of the key, e.g. `models.providers.anthropic.apiKey`; empty for the file as a whole.
    pub key: String,
    /// What is wrong, lower case and without a full stop.
    pub message: String,
    /// What to write instead, where that is known.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for Problem {}

/// Finds the known name that was most likely meant.
///
/// At most a third of the letters may differ, and never more than three; case and `_`/`-` do not count.
#[must_use]
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Longer names are not typing errors, and the distance is quadratic.
    const NAME_CHARS_MAX: usize = 64;
    let plain = |name: &str| name.to_lowercase().replace(['_', '-'], "");
    let written = plain(written);
    let letters = written.chars().count();
    if letters > NAME_CHARS_MAX {
        return None;
    }
    let allowed = (letters.max(3) / 3).min(3);
    let distances = known.into_iter().map(|name| (strsim::osa_distance(&written, &plain(name)), name));
    distances.filter(|(distance, _)| *distance <= allowed).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// `did you mean …?` for the nearest of the known names.
pub(crate) fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(written, known).map(|name| format!("did you mean `{name}`?"))
}

/// Cuts a name that came from outside to what a message may show: 80 characters, none of them a control character.
pub(crate) fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_far_ones_are_not() {
        let known = ["apiKey", "baseUrl", "auth", "models"];
        let check = |written: &str, expect: Option<&str>| assert_eq!(nearest(written, known), expect, "{written}");
        check("apikey", Some("apiKey"));
        check("api_key", Some("apiKey"));
        check("apiKye", Some("apiKey"));
        check("bassUrl", Some("baseUrl"));
        check("model", Some("models"));
        check("autg", Some("auth"));
        check("headers", None);
        check("x", None);
        check("", None);
        check(&"a".repeat(10_000), None);
    }

    #[test]
    fn a_problem_names_file_place_and_key() {
        let problem = Problem {
            file: "creel.json5".into(),
            line: 3,
            column: 7,
            key: "models.mode".into(),
            message: "expected `merge` or `replace`".into(),
            hint: None,
        };
        assert_eq!(problem.to_string(), "creel.json5:3:7: models.mode: expected `merge` or `replace`");
        let missing = Problem { line: 0, column: 0, key: String::new(), ..problem };
        assert_eq!(missing.to_string(), "creel.json5: expected `merge` or `replace`");
    }
}
