//! Every way to cut a text with a credential into pieces, and every near miss: by the texts that come out.

use std::sync::Arc;

use creel_engine::Injectable;
use creel_store::secrets::Secret;
use serde_json::json;

use super::*;

const KEY: &str = "sk-secret";

fn held(secrets: &[&str]) -> Held {
    let secret = |text: &&str| Arc::new(Injectable::new(Secret::parse(text).expect("a secret")));
    Held::new(secrets.iter().map(secret).collect())
}

/// What comes out of it, up to the end or to where it is cut off.
fn through(mut held: Held, outputs: impl IntoIterator<Item = chat::Output>) -> (Vec<chat::Output>, Result<(), Spread>) {
    let mut out = Vec::new();
    for output in outputs {
        match held.take(output) {
            Ok(first) => out.extend(first),
            Err(Spread) => return (out, Err(Spread)),
        }
        out.extend(std::iter::from_fn(|| held.pop()));
    }
    held.end();
    out.extend(std::iter::from_fn(|| held.pop()));
    (out, Ok(()))
}

/// Each way to cut a text into pieces.
fn every_cut(text: &str) -> impl Iterator<Item = Vec<&str>> {
    (0_u32..1 << (text.len() - 1)).map(move |cuts| {
        let ends = (1..text.len()).filter(|at| cuts >> (at - 1) & 1 == 1).chain([text.len()]);
        let pieces = ends.scan(0, |begin, end| Some(&text[std::mem::replace(begin, end)..end]));
        pieces.collect()
    })
}

fn said(output: &chat::Output) -> String {
    match output {
        chat::Output::Text(text) | chat::Output::ToolCallArguments((_, text)) => text.clone(),
        chat::Output::Reasoning(reasoning) => reasoning.text.clone(),
        chat::Output::Native(event) => {
            let mut text = String::new();
            pieces(event, |piece| text.push_str(piece.text));
            text
        }
        chat::Output::ToolCallStart(_)
        | chat::Output::Media(_)
        | chat::Output::Usage(_)
        | chat::Output::Finished(_) => String::new(),
    }
}

fn text(text: &str) -> chat::Output {
    chat::Output::Text(text.to_owned())
}

fn reasoning(text: &str) -> chat::Output {
    chat::Output::Reasoning(types::Reasoning { text: text.to_owned(), signature: None })
}

fn arguments(text: &str) -> chat::Output {
    chat::Output::ToolCallArguments((2, text.to_owned()))
}

fn native(text: &str) -> chat::Output {
    let delta = json!({ "type": "text_delta", "text": text });
    chat::Output::Native(json!({ "type": "content_block_delta", "index": 0, "delta": delta }).to_string())
}

#[test]
fn however_a_credential_is_cut_up_its_place_is_masked() {
    let whole = format!("a {KEY} z");
    let masked: Vec<String> = (0..4).map(|shown| format!("a {}[redacted] z", &KEY[..shown])).collect();
    for make in [text, reasoning, arguments] {
        for cut in every_cut(&whole) {
            let (out, end) = through(held(&[KEY]), cut.iter().map(|piece| make(piece)));
            let got: String = out.iter().map(said).collect();
            assert!(end.is_ok() && masked.contains(&got), "{cut:?}: {got}");
        }
    }
}

#[test]
fn an_answer_in_the_words_of_its_server_is_cut_off() {
    let whole = format!("a {KEY} z");
    for cut in every_cut(&whole) {
        let (out, end) = through(held(&[KEY]), cut.iter().map(|piece| native(piece)));
        let got: String = out.iter().map(said).collect();
        if cut.iter().any(|piece| piece.contains(KEY)) {
            assert_eq!((got.as_str(), end), ("a [redacted] z", Ok(())), "{cut:?}");
        } else {
            let shown = got.strip_prefix("a ").unwrap_or_default();
            assert!(end.is_err() && shown.len() < 4 && KEY.starts_with(shown), "{cut:?}: {got}");
        }
    }
}

#[test]
fn a_near_miss_comes_through_as_it_came() {
    // Attack 96.
    for whole in ["a sk-secre z", "sk-secreT", "sk-sk-secre", "sk-secre"] {
        for make in [text, reasoning, arguments, native] {
            for cut in every_cut(whole) {
                let outputs: Vec<_> = cut.iter().map(|piece| make(piece)).collect();
                let expect = format!("{outputs:?}");
                let (out, end) = through(held(&[KEY]), outputs);
                assert_eq!((format!("{out:?}"), end), (expect, Ok(())), "{cut:?}");
            }
        }
    }
}

#[test]
fn what_comes_between_waits_in_its_place() {
    let usage = || chat::Output::Finished(chat::Finish::Stop);
    let between = |word: &str| -> Vec<chat::Output> {
        word.chars().flat_map(|letter| [text(&letter.to_string()), reasoning("hm"), usage()]).collect()
    };
    let near = between("sk-secreT");
    let expect = format!("{near:?}");
    let mut one = held(&[KEY]);
    let mut gone = 0;
    for (index, output) in near.into_iter().enumerate() {
        let first = one.take(output).expect("a near miss");
        gone += usize::from(first.is_some()) + std::iter::from_fn(|| one.pop()).count();
        // Three letters and what stands behind them go on; the fourth holds all up, until the last is another.
        let most = if index < 9 {
            index + 1
        } else if index < 24 {
            9
        } else {
            index + 1
        };
        assert_eq!(gone, most, "{index}");
    }
    let (out, end) = through(held(&[KEY]), between("sk-secreT"));
    assert_eq!((format!("{out:?}"), end), (expect, Ok(())));

    let (out, end) = through(held(&[KEY]), between(KEY));
    let got: Vec<String> = out.iter().map(|output| format!("{output:?}")).collect();
    let texts: String = out.iter().filter(|output| matches!(output, chat::Output::Text(_))).map(said).collect();
    assert_eq!((texts.as_str(), end), ("sk-[redacted]", Ok(())));
    assert_eq!(got.len(), 9 * 3 - 5, "what held a letter and nothing else is left away");
}

#[test]
fn texts_of_an_answer_are_told_from_each_other() {
    let block = |index: u32, letter: char| {
        let delta = json!({ "type": "text_delta", "text": letter.to_string() });
        chat::Output::Native(json!({ "type": "content_block_delta", "index": index, "delta": delta }).to_string())
    };
    // Two that come at once, letter by letter: the key stands in one of them.
    let both = KEY.chars().flat_map(|letter| [block(0, letter), block(1, 'x')]);
    assert_eq!(through(held(&[KEY]), both).1, Err(Spread));
    // Two that hold half of it each.
    let halves = KEY.chars().enumerate().map(|(at, letter)| block(u32::from(at > 4), letter));
    assert_eq!(through(held(&[KEY]), halves).1, Ok(()));
}

#[test]
fn an_escape_hides_nothing() {
    let escaped: String = KEY.chars().map(|letter| format!("\\u{:04x}", u32::from(letter))).collect();
    let mixed = format!("{}\\u{:04x}{}", &KEY[..4], u32::from('c'), &KEY[6..]).replace("\\u0063", "e\\u0063");
    for spelled in [escaped, mixed] {
        let (out, end) = through(held(&[KEY]), [chat::Output::Native(format!(r#"{{"text":"{spelled}"}}"#))]);
        assert!(end.is_err() || !out.iter().any(|output| said(output).contains(KEY)), "{out:?}");
    }
}

#[test]
fn every_spelling_and_every_secret_is_looked_for() {
    let hex: String = KEY.bytes().map(|byte| format!("{byte:02x}")).collect();
    for (spelled, shown) in [(hex.as_str(), "736"), ("another-secret", "ano")] {
        let letters = spelled.chars().map(|letter| text(&letter.to_string()));
        let (out, _) = through(held(&[KEY, "another-secret"]), letters);
        let got: String = out.iter().map(said).collect();
        assert_eq!(got, format!("{shown}[redacted]"));
    }
    let twice = format!("{KEY}{KEY}");
    let (out, _) = through(held(&[KEY]), twice.chars().map(|letter| text(&letter.to_string())));
    assert_eq!(out.iter().map(said).collect::<String>(), "sk-[redacted]sk-[redacted]");
}

#[test]
fn nothing_is_held_where_nothing_is_secret() {
    for secrets in [&[][..], &["short"][..]] {
        let mut held = held(secrets);
        for letter in ["s", "h", "o", "r", "t"] {
            assert!(held.take(text(letter)).expect("no secret").is_some(), "{letter}");
        }
    }
}

#[test]
fn what_is_held_has_a_bound() {
    let mut held = held(&[KEY]);
    assert!(held.take(text("sk-s")).expect("a beginning").is_none());
    let large = "x".repeat(HELD_BYTES_MAX / 2);
    assert!(held.take(reasoning(&large)).expect("half of it").is_none());
    assert_eq!(held.take(reasoning(&large)).map(drop), Err(Spread));
    // So have the texts that are remembered.
    let choices: Vec<_> = (0..=TEXTS_MAX).map(|index| json!({ "index": index, "text": "sk-s" })).collect();
    assert_eq!(through(self::held(&[KEY]), [chat::Output::Native(json!(choices).to_string())]).1, Err(Spread));
    let choices: Vec<_> = (0..=TEXTS_MAX).map(|index| json!({ "index": index, "text": "sk-" })).collect();
    assert_eq!(through(self::held(&[KEY]), [chat::Output::Native(json!(choices).to_string())]).1, Ok(()));
}
