//! The search for secrets in what a program wrote, in every spelling in which one is usually written. What was written,
//! and by whom, is not known here.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memmem;

/// Something that was written: what people call it, and its bytes.
pub type Written = (String, Vec<u8>);

/// The spellings of a secret, each with what it is called. Those in base64 are as they stand within a longer text,
/// whatever stands around.
#[must_use]
pub fn spellings(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let lower: fn(&mut String, u8) = |text, byte| write!(text, "{byte:02x}").unwrap_or_default();
    let upper: fn(&mut String, u8) = |text, byte| write!(text, "{byte:02X}").unwrap_or_default();
    let mut all = vec![
        ("as it is", secret.to_vec()),
        ("hex", each(secret, "", lower)),
        ("hex in capitals", each(secret, "", upper)),
        ("percent form", percent(secret, upper)),
        ("percent form in small letters", percent(secret, lower)),
        ("percent form of all of it", each(secret, "%", upper)),
        ("percent form of all of it in small letters", each(secret, "%", lower)),
    ];
    for before in 0..3 {
        let longer = [&vec![b' '; before][..], secret].concat();
        // The first characters hold bits of what stands before, the last of what stands behind.
        let own = (before * 8).div_ceil(6)..longer.len() * 8 / 6;
        for (name, text) in
            [("base64", STANDARD_NO_PAD.encode(&longer)), ("base64url", URL_SAFE_NO_PAD.encode(&longer))]
        {
            all.push((name, text.as_bytes().get(own.clone()).unwrap_or_default().to_vec()));
        }
    }
    all
}

fn each(secret: &[u8], before: &str, spell: fn(&mut String, u8)) -> Vec<u8> {
    let mut text = String::new();
    for byte in secret {
        text.push_str(before);
        spell(&mut text, *byte);
    }
    text.into_bytes()
}

fn percent(secret: &[u8], spell: fn(&mut String, u8)) -> Vec<u8> {
    let mut text = String::new();
    for byte in secret {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            text.push('%');
            spell(&mut text, *byte);
        }
    }
    text.into_bytes()
}

/// Whether the bytes hold that text.
#[must_use]
pub fn holds(bytes: &[u8], text: impl AsRef<[u8]>) -> bool {
    memmem::find(bytes, text.as_ref()).is_some()
}

/// Every place that holds a secret in some spelling: `LOG holds NAME (hex)`. Secrets are given with their names, since
/// what is found is told, and a value must not be.
#[must_use]
pub fn leaks(secrets: &[(&str, &[u8])], written: &[Written]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, secret) in secrets {
        for (spelling, text) in spellings(secret) {
            let finder = memmem::Finder::new(&text);
            let holding = written.iter().filter(|(_, bytes)| finder.find(bytes).is_some());
            found.extend(holding.map(|(place, _)| format!("{place} holds {name} ({spelling})")));
        }
    }
    found
}
