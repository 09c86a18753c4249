//! Where secrets stand in a file in plain text, told by the name they stand under and by their looks, and a form of the
//! file in which none is shown. For people's eyes and for finding: what a credential is, is said by `credential`.

use std::collections::BTreeMap;
use std::ops::Range;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, CommentCollectionStrategy, ParseOptions, parse_to_ast};
use zeroize::Zeroizing;

use crate::credential::marker;
use crate::limits::CONFIG_BYTES_MAX;
use crate::secret_ref::{DEFAULT_ALIAS, SecretRef};

/// What the older gateway's own pages show in place of a value.
const REDACTED: &str = "__OPENCLAW_REDACTED__";
/// Shorter texts are never masked for being a copy of a secret: they would blot out ordinary words.
const COPY_CHARS_MIN: usize = 8;
/// Secrets whose copies are sought; each is sought in every text of the file.
const COPIES_MAX: usize = 1_000;

/// Tells whether a text stands for a secret without being one: a reference to the environment, or a marker.
pub(crate) fn is_stand_in(value: &str) -> bool {
    let value = value.trim();
    value.is_empty()
        || SecretRef::from_shorthand(value, DEFAULT_ALIAS).is_some()
        || marker(value).is_some()
        || value == REDACTED
}

/// Tells whether a key by that name holds a secret, seen from the names on the way to it.
pub(crate) fn is_secret_name(above: Option<&str>, name: &str) -> bool {
    const NAMES: [&str; 11] = [
        "key",
        "token",
        "access",
        "refresh",
        "secret",
        "password",
        "passwd",
        "pin",
        "authorization",
        "cookie",
        "bearer",
    ];
    const ENDS: [&str; 9] =
        ["apikey", "token", "secret", "password", "passphrase", "privatekey", "secretkey", "accesskey", "signingkey"];
    const HOLDERS: [&str; 3] = ["headers", "env", "vars"];
    const HOLD_NONE: [&str; 6] = ["source", "allowlist", "enabled", "timeoutMs", "vars", "shellEnv"];
    let plain = |name: &str| name.to_lowercase().replace(['_', '-'], "");
    // Headers and variables hold secrets under any name; `source` and its like stand in a provider of that alias.
    if above.is_some_and(|above| HOLDERS.contains(&plain(above).as_str())) && !HOLD_NONE.contains(&name) {
        return true;
    }
    let name = plain(name);
    NAMES.contains(&name.as_str()) || ENDS.iter().any(|end| name.ends_with(end))
}

/// The same of the last of the names on the way to a value.
pub(crate) fn is_secret_at(names: &[String]) -> bool {
    let Some((name, above)) = names.split_last() else { return false };
    is_secret_name(above.last().map(String::as_str), name)
}

/// Tells whether a text looks like a secret, wherever it stands.
pub(crate) fn looks_like_secret(value: &str) -> bool {
    const PREFIXES: [&str; 26] = [
        "sk-",
        "sk_",
        "rk_",
        "ghp_",
        "gho_",
        "ghs_",
        "ghu_",
        "github_pat_",
        "xoxb-",
        "xoxp-",
        "xoxa-",
        "xapp-",
        "AKIA",
        "ASIA",
        "AIza",
        "ya29.",
        "gsk_",
        "hf_",
        "nvapi-",
        "pplx-",
        "xai-",
        "glpat-",
        "Bearer ",
        "Basic ",
        "AGE-SECRET-KEY-",
        "-----BEGIN ",
    ];
    const CHARS_MIN: usize = 12;
    let value = value.trim();
    if value.len() < CHARS_MIN || is_stand_in(value) {
        return false;
    }
    PREFIXES.iter().any(|prefix| value.starts_with(prefix)) || holds_secret_url(value) || has_random_run(value)
}

/// `https://user:password@host`, `…?token=…`.
fn holds_secret_url(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else { return false };
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let user_info = authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
    let query = rest.split_once('?').map(|(_, query)| query).unwrap_or_default();
    user_info
        || query.split(['&', '#']).filter_map(|pair| pair.split_once('=')).any(|(name, _)| is_secret_name(None, name))
}

/// A long run of letters of both cases and digits, or of hex digits, is no word.
fn has_random_run(value: &str) -> bool {
    const MIXED_MIN: usize = 20;
    const HEX_MIN: usize = 32;
    value.split(|c: char| !c.is_ascii_alphanumeric()).any(|run| {
        let has = |is: fn(&u8) -> bool| run.as_bytes().iter().any(is);
        let mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
        let hex = run.bytes().all(|b| b.is_ascii_hexdigit()) && has(u8::is_ascii_digit);
        mixed && run.len() >= MIXED_MIN || hex && run.len() >= HEX_MIN
    })
}

/// What is shown in place of a secret.
pub(crate) fn mask(value: &str) -> String {
    format!("[secret, {} characters]", value.chars().count())
}

/// The text of a JSON5 file with every secret masked, and every comment that is not one of `shown_comments`. `None`
/// where it is no JSON5: nobody can tell then what in it is a secret.
#[must_use]
pub fn masked(text: &str, shown_comments: &dyn Fn(&str) -> bool) -> Option<String> {
    if text.len() as u64 > CONFIG_BYTES_MAX {
        return None;
    }
    let collect = CollectOptions { comments: CommentCollectionStrategy::Separate, tokens: false };
    let parsed = parse_to_ast(text, &collect, &ParseOptions::default()).ok()?;
    let mut marks = Marks::default();
    if let Some(root) = &parsed.value {
        marks.named(root, &mut Vec::new());
        marks.looked_at(root);
    }
    for comment in parsed.comments.iter().flat_map(|map| map.values()).flat_map(|list| list.iter()) {
        let inner = comment.text();
        if !shown_comments(inner.trim()) {
            let range = comment.range();
            let shown = format!("[comment, {} characters]", inner.chars().count());
            let line = text.get(range.start..range.start + 2) == Some("//");
            let shown = if line { format!("// {shown}") } else { format!("/* {shown} */") };
            marks.of.insert(range.start, (range.start..range.end, shown));
        }
    }
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (range, shown) in marks.of.values() {
        out.push_str(text.get(done..range.start)?);
        out.push_str(shown);
        done = range.end;
    }
    out.push_str(text.get(done..)?);
    Some(out)
}

/// The comments of a JSON5 text, each once.
#[must_use]
pub fn comments(text: &str) -> Vec<String> {
    let collect = CollectOptions { comments: CommentCollectionStrategy::Separate, tokens: false };
    let parsed = parse_to_ast(text, &collect, &ParseOptions::default()).ok();
    let comments = parsed.and_then(|parsed| parsed.comments);
    let lists = comments.iter().flat_map(|map| map.values());
    let texts = lists.flat_map(|list| list.iter()).map(|comment| comment.text().trim().to_owned());
    // Each stands in the map of the token before it and of the one behind it.
    texts.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

#[derive(Default)]
struct Marks {
    of: BTreeMap<usize, (Range<usize>, String)>,
    values: Vec<Zeroizing<String>>,
}

impl Marks {
    /// Marks what stands under the name of a secret.
    fn named(&mut self, value: &ast::Value<'_>, names: &mut Vec<String>) {
        match value {
            ast::Value::Object(table) => {
                for property in &table.properties {
                    names.push(property.name.as_str().to_owned());
                    self.named(&property.value, names);
                    names.pop();
                }
            }
            ast::Value::Array(list) => list.elements.iter().for_each(|element| self.named(element, names)),
            ast::Value::StringLit(text) if is_secret_at(names) && !is_stand_in(&text.value) => {
                self.mark(value, &text.value);
                if text.value.chars().count() >= COPY_CHARS_MIN && self.values.len() < COPIES_MAX {
                    self.values.push(Zeroizing::new(text.value.trim().to_owned()));
                }
            }
            ast::Value::NumberLit(number) if is_secret_at(names) => self.mark(value, number.value),
            ast::Value::StringLit(_)
            | ast::Value::NumberLit(_)
            | ast::Value::BooleanLit(_)
            | ast::Value::NullKeyword(_) => {}
        }
    }

    /// Marks what looks like a secret, and copies of those that were marked, whatever their name.
    fn looked_at(&mut self, value: &ast::Value<'_>) {
        match value {
            ast::Value::Object(table) => {
                for property in &table.properties {
                    let name = property.name.as_str();
                    if looks_like_secret(name) || self.is_copy(name) {
                        let range = property.name.range();
                        self.of.insert(range.start, (range.start..range.end, format!("\"{}\"", mask(name))));
                    }
                    self.looked_at(&property.value);
                }
            }
            ast::Value::Array(list) => list.elements.iter().for_each(|element| self.looked_at(element)),
            ast::Value::StringLit(text) if looks_like_secret(&text.value) || self.is_copy(&text.value) => {
                self.mark(value, &text.value);
            }
            ast::Value::StringLit(_)
            | ast::Value::NumberLit(_)
            | ast::Value::BooleanLit(_)
            | ast::Value::NullKeyword(_) => {}
        }
    }

    fn is_copy(&self, text: &str) -> bool {
        self.values.iter().any(|value| text.contains(value.as_str()))
    }

    fn mark(&mut self, value: &ast::Value<'_>, text: &str) {
        let range = value.range();
        self.of.insert(range.start, (range.start..range.end, format!("\"{}\"", mask(text))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        assert_eq!(masked(text, &|_| false).as_deref(), Some(expect), "{text}");
    }

    #[test]
    fn what_stands_under_the_name_of_a_secret_is_masked() {
        check("{ apiKey: 'short' }", "{ apiKey: \"[secret, 5 characters]\" }");
        check("{ botToken: \"a\\u0062c\" }", "{ botToken: \"[secret, 3 characters]\" }");
        check("{ password: 1234 }", "{ password: \"[secret, 4 characters]\" }");
        check("{ headers: { any: 'thing' } }", "{ headers: { any: \"[secret, 5 characters]\" } }");
        // A copy of it is masked too, under whatever name and within whatever text.
        check(
            "{ note: 'is hunter2-hunter2!', password: 'hunter2-hunter2' }",
            "{ note: \"[secret, 19 characters]\", password: \"[secret, 15 characters]\" }",
        );
    }

    #[test]
    fn near_misses_are_shown() {
        for text in [
            "{ apiKey: '${NAME}' }",
            "{ apiKey: '$NAME' }",
            "{ apiKey: 'secretref-env:NAME' }",
            "{ apiKey: 'ollama-local' }",
            "{ apiKey: { source: \"env\", provider: \"default\", id: \"NAME\" } }",
            "{ maxTokens: 4096, contextWindow: 1000 }",
            "{ model: 'anthropic/claude-haiku-4-5-20251001' }",
            "{ secrets: { providers: { env: { source: 'env' } } } }",
            "{ baseUrl: 'http://127.0.0.1:11434/v1' }",
            "{ account: '+15551234567' }",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn what_looks_like_a_secret_is_masked_anywhere() {
        for value in [
            "sk-ant-api03-abc",
            "xoxb-123456789012",
            "123456789:AAEhBOweik6ad9r6pJaP1x9GmZ5kTq3Wd4s",
            "https://user:word@example.com/",
            "https://example.com/?token=x",
            "0123456789abcdef0123456789abcdef",
        ] {
            check(&format!("{{ mode: '{value}' }}"), &format!("{{ mode: \"{}\" }}", mask(value)));
        }
    }

    #[test]
    fn comments_are_shown_only_where_they_are_known() {
        let text = "{ // old key: abc\n a: 1, /* x */ // known\n}";
        let shown = masked(text, &|comment| comment == "known");
        assert_eq!(
            shown.as_deref(),
            Some("{ // [comment, 13 characters]\n a: 1, /* [comment, 3 characters] */ // known\n}")
        );
        assert_eq!(masked("{ apiKey: 'x'", &|_| true), None);
        assert_eq!(comments("{} // one"), ["one"]);
    }
}
