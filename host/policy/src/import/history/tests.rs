//! Tables of lines of a transcript and the messages that they are.

use super::*;

/// A message on one line: who, the words, the media, the model, the moment.
fn said(message: &PastMessage) -> String {
    let mut said = format!("{:?} {:?}", message.speaker, message.text);
    for medium in &message.media {
        said.push_str(&format!(" [{}]", medium.spellings.join(", ")));
    }
    if let Some(model) = &message.model {
        said.push_str(&format!(" by {model}"));
    }
    if let Some(ms) = message.at_ms {
        said.push_str(&format!(" at {ms}"));
    }
    said
}

#[track_caller]
fn check(lines: &[&str], messages: &[&str], left_out: &[(&str, usize)]) {
    let history = read_history(&lines.join("\n"));
    assert_eq!(history.messages.iter().map(said).collect::<Vec<_>>(), messages);
    let found: Vec<(&str, usize)> = history.left_out.iter().map(|(what, count)| (what.as_str(), *count)).collect();
    assert_eq!(found, left_out);
}

#[test]
fn a_transcript_of_today() {
    let lines = [
        r#"{"type":"session","version":3,"id":"s1","timestamp":"2026-04-08T01:03:43.107Z","cwd":"/home/me"}"#,
        r#"{"type":"model_change","id":"a","parentId":null,"provider":"p","modelId":"m"}"#,
        r#"{"type":"message","id":"b","parentId":"a","timestamp":"2026-04-08T01:03:43.107Z","message":{"role":"user","content":[{"type":"text","text":"hello"},{"type":"image","data":"AAAA","mimeType":"image/png"}],"MediaPath":"/m/a.png","MediaPaths":["/m/a.png","/m/b.ogg"],"MediaTypes":["image/png","audio/ogg"]}}"#,
        r#"{"type":"message","id":"c","parentId":"b","message":{"role":"assistant","provider":"p","model":"m","timestamp":1775610224000,"content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"let me look"},{"type":"toolCall","name":"read"}]}}"#,
        r#"{"type":"message","id":"d","parentId":"c","message":{"role":"toolResult","content":[]}}"#,
        r#"{"type":"message","id":"e","parentId":"d","message":{"role":"assistant","content":[{"type":"text","text":"a cat"}]}}"#,
        r#"{"type":"compaction","id":"f","parentId":"e","summary":"…"}"#,
    ];
    check(
        &lines,
        &[
            r#"User "hello" [data:image/png;base64,AAAA] [/m/a.png] [/m/b.ogg] at 1775610223107"#,
            r#"Assistant "let me look\n\na cat" by p/m at 1775610224000"#,
        ],
        &[
            ("entries of type `compaction`", 1),
            ("entries of type `model_change`", 1),
            ("messages of the role `toolResult`", 1),
            ("thoughts", 1),
            ("tool calls", 1),
        ],
    );
    let history = read_history(&lines.join("\n"));
    assert_eq!(history.id.as_deref(), Some("s1"));
    assert_eq!(history.messages.iter().map(|message| message.key.as_str()).collect::<Vec<_>>(), ["b", "c"]);
}

#[test]
fn older_forms_of_a_message() {
    check(
        &[
            r#"{"role":"user","content":"bare","timestamp":1700000000}"#,
            r#"{"type":"assistant","message":{"role":"assistant","content":"wrapped","model":"m"}}"#,
            r#"{"message":{"role":"human","text":"no type"},"timestamp":"1700000000000"}"#,
            r#"{"type":"message","MediaPath":"/m/a.png","message":{"role":"user","content":""}}"#,
            r#"{"type":"message","message":{"role":"user","content":["one",{"text":"two"}]}}"#,
        ],
        &[
            r#"User "bare" at 1700000000000"#,
            r#"Assistant "wrapped" by m"#,
            r#"User "no type" at 1700000000000"#,
            r#"User "" [/m/a.png]"#,
            r#"User "one\ntwo""#,
        ],
        &[],
    );
}

#[test]
fn what_is_no_message_is_counted() {
    check(
        &[
            "",
            "{",
            "[]",
            "null",
            "{}",
            r#"{"type":"message"}"#,
            r#"{"type":"message","message":{"content":"x"}}"#,
            r#"{"type":"message","message":{"role":"system","content":"x"}}"#,
            r#"{"type":"message","message":{"role":"assistant","content":"first"}}"#,
            r#"{"type":"message","message":{"role":"user","content":[{"type":"tool_result"},{"type":"poem"},7,{}]}}"#,
            r#"{"type":"message","message":{"role":"user","content":3}}"#,
            "\u{feff}{\"role\":\"user\"}",
        ],
        &[],
        &[
            ("answers before the first message", 1),
            ("entries of type `message`", 1),
            ("entries without a type", 1),
            ("lines that are not JSON objects", 4),
            ("messages of the role `system`", 1),
            ("messages without a role", 1),
            ("messages without words or media", 2),
            ("parts of type `poem`", 1),
            ("parts that are no objects", 2),
            ("parts without a type", 1),
            ("results of tools", 1),
        ],
    );
}

#[test]
fn what_was_asked_anew_lies_beside_the_branch() {
    let entry = |id: &str, parent: &str, text: &str| {
        let parent = if parent.is_empty() { "null".to_owned() } else { format!("\"{parent}\"") };
        format!(
            r#"{{"type":"message","id":"{id}","parentId":{parent},"message":{{"role":"user","content":"{text}"}}}}"#
        )
    };
    let given_up = ("entries of a branch that was given up", 1);
    let lines = [entry("a", "", "one"), entry("b", "a", "wrong"), entry("c", "a", "right")];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    check(&lines, &[r#"User "one""#, r#"User "right""#], &[given_up]);
    // What is no tree is read from front to back: nothing says what of it was given up.
    let all = [r#"User "one""#, r#"User "two""#];
    for (first, second) in [(("a", "none"), ("b", "a")), (("a", "b"), ("b", "a")), (("a", ""), ("a", "a"))] {
        let lines = [entry(first.0, first.1, "one"), entry(second.0, second.1, "two")];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        check(&lines, &all, &[]);
    }
}

#[test]
fn an_id_that_is_there_twice_names_no_message() {
    let line = r#"{"type":"message","id":"a","message":{"role":"user","content":"x"}}"#;
    let keys: Vec<String> =
        read_history(&format!("{line}\n{line}\n")).messages.into_iter().map(|message| message.key).collect();
    assert_eq!(keys, ["a", "line-2"]);
}

proptest::proptest! {
    #[test]
    fn no_line_ends_the_reading(text in "(\\{\"(role|type|message|content|id|parentId)\":(\"(user|message|session)\"|\\[\\]|null|\\{\\})[,}]|\\PC|\n){0,40}") {
        let history = read_history(&text);
        proptest::prop_assert!(history.messages.len() + history.left_out.values().sum::<usize>() <= 4 * text.len());
    }
}
