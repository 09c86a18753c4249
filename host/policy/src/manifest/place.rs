//! Reads where a credential goes: the table `place` of a class, and the variables that belong together. What becomes of
//! it on a request is not known here.

use std::collections::BTreeSet;

use toml::de::DeValue;

use super::placement::{
    Encoding, HmacRule, KeyText, Placement, Signed, Timestamp, Word, WordRule, aws_name, user_name,
};
use super::read::{Reader, Table};
use super::{Companions, rules};

/// What a path says where the value goes.
const PLACEHOLDER: &str = "{credential}";
/// The keys that say where a credential goes; a place has one of them.
const FORMS: [&str; 4] = ["header", "query", "path", "basic"];

/// The settings of the operator that a manifest names.
pub(super) struct Settings<'s> {
    /// Those of endpoints and roots; none of them is also that of a place.
    pub(super) taken: &'s BTreeSet<String>,
    /// Those of places; two places may share one.
    pub(super) placed: BTreeSet<String>,
}

/// Reads the table `place` of a class.
pub(super) fn read_place(reader: &mut Reader<'_>, table: &Table<'_>, settings: &mut Settings<'_>) -> Option<Placement> {
    if table.entries.contains_key("sign") {
        return match reader.parsed(table, "sign", sign_word)? {
            Sign::Hmac => read_hmac(reader, table),
            Sign::Aws => read_aws(reader, table, settings),
        };
    }
    let named: Vec<&str> = FORMS.into_iter().filter(|form| table.entries.contains_key(*form)).collect();
    match named[..] {
        ["header"] => {
            reader.only(table, &["header", "prefix"]);
            let name = reader.parsed(table, "header", rules::place_header);
            let prefix = reader.parsed(table, "prefix", rules::header_text).unwrap_or_default();
            Some(Placement::Header { name: name?, prefix })
        }
        ["query"] => {
            reader.only(table, &["query"]);
            reader.parsed(table, "query", parameter).map(|name| Placement::Query { name })
        }
        ["path"] => {
            reader.only(table, &["path"]);
            reader.parsed(table, "path", path).map(|(before, after)| Placement::Path { before, after })
        }
        ["basic"] => {
            reader.only(table, &["basic"]);
            let basic = reader.table(table, "basic")?;
            reader.only(&basic, &["user"]);
            let user = read_word(reader, &basic, "user", (user_name, settings));
            (user.is_some() || !basic.entries.contains_key("user")).then_some(Placement::Basic { user })
        }
        [] => {
            reader.only(table, &["header", "prefix", "query", "path", "basic", "sign"]);
            let rule = "must say where the credential goes: `header`, `query`, `path`, `basic` or `sign`";
            reader.problem(&table.span, table.path.clone(), rule);
            None
        }
        [..] => {
            // Two places would leave it to chance which of them a server believes (attack 67).
            let rule = format!("a credential has one place, and this names `{}`", named.join("` and `"));
            reader.problem(&table.span, table.path.clone(), rule);
            None
        }
    }
}

enum Sign {
    Hmac,
    Aws,
}

fn sign_word(text: &str) -> Result<Sign, &'static str> {
    match text {
        "hmac-sha256" => Ok(Sign::Hmac),
        "aws-sigv4" => Ok(Sign::Aws),
        _ => Err("must be one of `hmac-sha256`, `aws-sigv4`"),
    }
}

fn read_hmac(reader: &mut Reader<'_>, table: &Table<'_>) -> Option<Placement> {
    reader.only(table, &["sign", "header", "prefix", "encoding", "key", "over", "separator", "timestamp", "id"]);
    let header = reader.required(table, "header", rules::place_header);
    let rule = HmacRule {
        header: header?,
        prefix: reader.parsed(table, "prefix", rules::header_text).unwrap_or_default(),
        encoding: reader.parsed(table, "encoding", encoding).unwrap_or(Encoding::Hex),
        key: reader.parsed(table, "key", key_text).unwrap_or(KeyText::Text),
        over: reader.list(table, "over", signed),
        separator: reader.parsed(table, "separator", separator).unwrap_or_else(|| "\n".to_owned()),
        timestamp: reader.table(table, "timestamp").and_then(|table| read_timestamp(reader, &table)),
        id: reader.parsed(table, "id", rules::place_header),
    };
    check_hmac(reader, table, &rule);
    Some(Placement::HmacSha256(Box::new(rule)))
}

/// A signature that does not cover what it seems to is worse than none.
fn check_hmac(reader: &mut Reader<'_>, table: &Table<'_>, rule: &HmacRule) {
    let over = &rule.over;
    let mut problem = |key: &str, message: &str| reader.problem(&table.span, table.key(key), message);
    if !over.iter().any(Signed::is_of_request) {
        problem("over", "must name something of the request, e.g. `body` or `path-and-query`");
    }
    let mut parts = over.iter().enumerate();
    if parts.any(|(at, part)| !matches!(part, Signed::Text(_)) && over[..at].contains(part)) {
        problem("over", "names a part twice");
    }
    match (rule.timestamp.is_some(), over.contains(&Signed::Timestamp)) {
        (true, false) => problem("timestamp", "is not signed: name `timestamp` in `over`"),
        (false, true) => problem("over", "signs a `timestamp` that no header carries"),
        (true, true) | (false, false) => {}
    }
    if rule.id.is_none() && over.contains(&Signed::Id) {
        problem("over", "signs an `id` that no header carries");
    }
    let timestamp = rule.timestamp.as_ref().map(|timestamp| timestamp.header.as_str());
    let own: Vec<&str> = std::iter::once(rule.header.as_str()).chain(timestamp).chain(rule.id.as_deref()).collect();
    if own.iter().enumerate().any(|(at, name)| own[..at].contains(name)) {
        problem("header", "stands here twice");
    }
    let is_own = |part: &Signed| matches!(part, Signed::Header(name) if own.contains(&name.as_str()));
    if over.iter().any(is_own) {
        problem("over", "names a header that the signature itself sets");
    }
}

fn read_timestamp(reader: &mut Reader<'_>, table: &Table<'_>) -> Option<Timestamp> {
    reader.only(table, &["header", "unit"]);
    let header = reader.required(table, "header", rules::place_header);
    let in_milliseconds = reader.parsed(table, "unit", |text| match text {
        "s" => Ok(false),
        "ms" => Ok(true),
        _ => Err("must be one of `s`, `ms`"),
    });
    Some(Timestamp { header: header?, in_milliseconds: in_milliseconds.unwrap_or(false) })
}

fn read_aws(reader: &mut Reader<'_>, table: &Table<'_>, settings: &mut Settings<'_>) -> Option<Placement> {
    reader.only(table, &["sign", "service", "region", "payload"]);
    let service = reader.required(table, "service", |text| aws_name(text).map(|()| text.to_owned()));
    if !table.entries.contains_key("region") {
        reader.problem(&table.span, table.key("region"), "is required");
    }
    let region = read_word(reader, table, "region", (aws_name, settings));
    let unsigned_payload = reader.parsed(table, "payload", |text| match text {
        "signed" => Ok(false),
        "unsigned" => Ok(true),
        _ => Err("must be one of `signed`, `unsigned`"),
    });
    let unsigned_payload = unsigned_payload.unwrap_or(false);
    Some(Placement::AwsSigv4 { service: service?, region: region?, unsigned_payload })
}

/// A text, or `{ setting = …, default = … }`.
fn read_word(
    reader: &mut Reader<'_>,
    table: &Table<'_>,
    key: &str,
    (rule, settings): (WordRule, &mut Settings<'_>),
) -> Option<Word> {
    let value = table.entries.get(key)?;
    if !matches!(value.get_ref(), DeValue::Table(_)) {
        return reader.parsed(table, key, |text| rule(text).map(|()| Word::Fixed(text.to_owned())));
    }
    let word = reader.table(table, key)?;
    reader.only(&word, &["setting", "default"]);
    let setting = reader.required(&word, "setting", |text| {
        rules::setting(text)?;
        let is_taken = settings.taken.contains(text);
        if is_taken { Err("an endpoint or a root takes this setting") } else { Ok(text.to_owned()) }
    })?;
    settings.placed.insert(setting.clone());
    let default = reader.parsed(&word, "default", |text| rule(text).map(|()| text.to_owned()));
    Some(Word::Setting { setting, default })
}

/// Reads `companions`: the variables that hold the other parts of a credential whose first part is in `environment`.
pub(super) fn read_companions(
    reader: &mut Reader<'_>,
    class: &Table<'_>,
    (place, environment): (&Placement, &[String]),
) -> Option<Companions> {
    let table = reader.table(class, "companions")?;
    reader.only(&table, &["secret", "token"]);
    let secret = reader.required(&table, "secret", rules::environment);
    let token = reader.parsed(&table, "token", rules::environment);
    if !place.has_parts() {
        reader.problem(&table.span, table.path.clone(), "this place takes a credential of one part");
    } else if environment.len() != 1 {
        // Which of several variables the companions belong to would be a guess.
        reader.problem(&table.span, table.path.clone(), "`environment` must name the one variable that they go with");
    }
    if token.is_some() && !matches!(place, Placement::AwsSigv4 { .. }) {
        reader.problem(&table.span, table.key("token"), "only a signature for AWS has a session token");
    }
    Some(Companions { secret: secret?, token })
}

fn parameter(text: &str) -> Result<String, &'static str> {
    let is_name = (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    if is_name { Ok(text.to_owned()) } else { Err("a parameter's name has 1 to 64 of letters, digits and `-._`") }
}

/// Splits `/bot{credential}` at the value (attack 71).
fn path(text: &str) -> Result<(String, String), String> {
    let Some((before, after)) = text.split_once(PLACEHOLDER) else {
        return Err(format!("must hold `{PLACEHOLDER}` once"));
    };
    if after.contains(PLACEHOLDER) {
        return Err(format!("must hold `{PLACEHOLDER}` once"));
    }
    if !before.starts_with('/') || after.ends_with('/') {
        return Err("a path begins with `/` and does not end in one".to_owned());
    }
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'.' | b'_' | b'~' | b':' | b'@');
    if !before.bytes().chain(after.bytes()).all(is_plain) || before.contains("//") || after.contains("//") {
        return Err("a path is of letters, digits and `-._~:@`, in steps between single `/`".to_owned());
    }
    // A value of `.` would make `..` of `.{credential}`.
    let is_dots = |step: &str| !step.is_empty() && step.bytes().all(|b| b == b'.');
    let (mut first, mut last) = (before.split('/'), after.split('/'));
    if first.any(is_dots) || last.any(is_dots) {
        return Err("a path has no steps of dots alone".to_owned());
    }
    Ok((before.to_owned(), after.to_owned()))
}

fn encoding(text: &str) -> Result<Encoding, &'static str> {
    match text {
        "hex" => Ok(Encoding::Hex),
        "base64" => Ok(Encoding::Base64),
        "base64url" => Ok(Encoding::Base64url),
        _ => Err("must be one of `hex`, `base64`, `base64url`"),
    }
}

fn key_text(text: &str) -> Result<KeyText, &'static str> {
    match text {
        "text" => Ok(KeyText::Text),
        "hex" => Ok(KeyText::Hex),
        "base64" => Ok(KeyText::Base64),
        _ => Err("must be one of `text`, `hex`, `base64`"),
    }
}

/// A line break, or text as a header has it.
fn separator(text: &str) -> Result<String, &'static str> {
    let is_text = text.len() <= 16 && text.bytes().all(|b| matches!(b, b'\n' | b' '..=b'~'));
    if is_text { Ok(text.to_owned()) } else { Err("must be at most 16 printable ASCII characters or line feeds") }
}

fn signed(text: &str) -> Result<Signed, String> {
    if let Some(text) = text.strip_prefix('=') {
        return rules::header_text(text).map(Signed::Text).map_err(str::to_owned);
    }
    if let Some(name) = text.strip_prefix("header:") {
        return rules::place_header(name).map(Signed::Header).map_err(str::to_owned);
    }
    Ok(match text {
        "timestamp" => Signed::Timestamp,
        "id" => Signed::Id,
        "method" => Signed::Method,
        "host" => Signed::Host,
        "path" => Signed::Path,
        "query" => Signed::Query,
        "path-and-query" => Signed::PathAndQuery,
        "body" => Signed::Body,
        "body-sha256" => Signed::BodySha256,
        _ => {
            return Err("must be one of `timestamp`, `id`, `method`, `host`, `path`, `query`, `path-and-query`, \
                        `body`, `body-sha256`, `header:NAME`, or a text behind `=`"
                .to_owned());
        }
    })
}

#[cfg(test)]
mod tests;
