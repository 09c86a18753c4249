//! Histories that are taken over once, twice, and in part; and media that are found by what older files say.

use std::path::Path;

use creel_policy::config::RootEntry;
use creel_policy::import::read_history;
use creel_policy::media::MediaRefusalCode;

use super::*;
use crate::fixture::{Fixture, PNG, channel, operator, outstanding};
use crate::older::OlderDir;

/// Base64 of [`PNG`].
const PNG_BASE64: &str = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAADCAIAAAA=";
const OGG: &[u8] = b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01\x01\0\0\0\0\0\0\0\0\0";

/// A house that has taken over the media of a gateway that lay in `older`.
fn house() -> Fixture {
    let fixture = Fixture::new();
    let older = fixture.temp.path().join("older/media/inbound");
    std::fs::create_dir_all(&older).unwrap();
    std::fs::write(older.join("cat.png"), PNG).unwrap();
    std::fs::write(older.join("voice.ogg"), OGG).unwrap();
    let dir = OlderDir::open_ambient(&older).unwrap();
    fixture.store.media_import(&dir, "cat.png").unwrap();
    fixture.store.media_import(&dir, "voice.ogg").unwrap();
    fixture.store.remember_import(&dir, Path::new("/home/me/.older/media/inbound")).unwrap();
    fixture
}

fn take_with(fixture: &Fixture, lines: &[&str], source: &str, fetch: Fetch<'_>) -> HistoryTaken {
    let channel = channel();
    let target = HistoryTarget {
        channel: &channel,
        session: "signal:alice",
        sender_json: "{}",
        conversation_json: "{}",
        source,
    };
    let history = read_history(&lines.join("\n"));
    fixture.store.take_history(&history, &target, &operator(), (9, fetch)).unwrap()
}

fn take(fixture: &Fixture, lines: &[&str]) -> HistoryTaken {
    let not_fetched = MediaRefusal::new(MediaRefusalCode::NotFetched, "an import asks no server");
    take_with(fixture, lines, "main/s.jsonl", &mut |_| Err(not_fetched.clone()))
}

/// The log, an entry on one line.
fn log(fixture: &Fixture) -> Vec<String> {
    let entries = fixture.store.history("signal:alice", None, 1_000).unwrap();
    let line = |entry: &crate::session::Entry| {
        let mut line = format!("{:?} {:?} at {}", entry.role, entry.text, entry.at_ms);
        entry.media.iter().for_each(|media| line.push_str(&format!(" [{media}]")));
        entry.missing.iter().for_each(|reason| line.push_str(&format!(" [missing {reason}]")));
        entry.model.iter().for_each(|model| line.push_str(&format!(" by {model}")));
        line
    };
    entries.iter().map(line).collect()
}

/// What one message with these fields has in the log.
#[track_caller]
fn check(fields: &str, expect: &str) {
    let fixture = house();
    take(&fixture, &[&format!(r#"{{"role":"user","content":"x","timestamp":1700000000000,{fields}}}"#)]);
    let head = r#"User "x" at 1700000000000"#;
    assert_eq!(log(&fixture), [format!("{head}{expect}")], "{fields}");
}

const HELLO: &str = r#"{"id":"a","role":"user","content":"hello","timestamp":1700000000000}"#;
const HI: &str = r#"{"id":"b","role":"assistant","content":"hi","model":"m","provider":"p","timestamp":1700000001000}"#;
const AGAIN: &str = r#"{"id":"c","role":"user","content":"again"}"#;
const YES: &str = r#"{"id":"d","role":"assistant","content":"yes"}"#;

#[test]
fn a_history_is_taken_once_however_often() {
    let fixture = house();
    let all = [
        r#"User "hello" at 1700000000000"#,
        r#"Assistant "hi" at 1700000001000 by p/m"#,
        r#"User "again" at 1700000001000"#,
        r#"Assistant "yes" at 1700000001000"#,
    ];
    let counts = |new, there, late| HistoryTaken { new, there, late, ..HistoryTaken::default() };
    assert_eq!(take(&fixture, &[HELLO, HI, AGAIN]), counts(3, 0, 0));
    assert_eq!(log(&fixture), all[..3]);
    assert_eq!(take(&fixture, &[HELLO, HI, AGAIN]), counts(0, 3, 0));
    let fixture = fixture.restart();
    assert_eq!(take(&fixture, &[HELLO, HI, AGAIN, YES]), counts(1, 3, 0), "that gateway has gone on");
    assert_eq!(take(&fixture, &[HELLO, HI, AGAIN, YES]), counts(0, 4, 0));
    assert_eq!(log(&fixture), all);
    assert!(fixture.store.inbound_sessions("", 10).unwrap().is_empty(), "nobody answers it");
    assert!(outstanding(&fixture.store).is_empty(), "nothing goes out");
}

#[test]
fn what_comes_late_has_no_place_in_the_log() {
    let fixture = house();
    take(&fixture, &[HELLO, HI, AGAIN, YES]);
    let before = r#"{"id":"z","role":"user","content":"before"}"#;
    assert_eq!(take(&fixture, &[before, HELLO, HI, AGAIN, YES]).late, 1);
    fixture.receive("m1", 0);
    let more = r#"{"id":"e","role":"user","content":"more"}"#;
    let taken = take(&fixture, &[HELLO, HI, AGAIN, YES, more]);
    assert_eq!((taken.new, taken.there, taken.late), (0, 4, 1), "the session goes on here");
    let other = take_with(&fixture, &[HELLO, HI], "ops/s.jsonl", &mut |_| panic!("nothing to fetch"));
    assert_eq!((other.new, other.there, other.late), (0, 0, 2), "another history has the session");
    assert_eq!(log(&fixture).len(), 4);
}

#[test]
fn a_history_of_many_messages_keeps_its_order() {
    let fixture = house();
    let lines: Vec<String> = (0..200).map(|n| format!(r#"{{"role":"user","content":"{n}"}}"#)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(take(&fixture, &lines).new, 200);
    let expect: Vec<String> = (0..200).map(|n| format!(r#"User "{n}" at 9"#)).collect();
    assert_eq!(log(&fixture), expect);
}

#[test]
fn old_paths_become_handles() {
    let cat = " [media://inbound/cat.png]";
    check(r#""MediaPath":"/home/me/.older/media/inbound/cat.png""#, cat);
    check(r#""MediaPath":"media/inbound/cat.png""#, cat);
    check(r#""MediaUrl":"file:///home/me/.older/media/inbound/cat.png""#, cat);
    check(r#""media":[{"path":"media://inbound/cat.png","contentType":"image/png"}]"#, cat);
    check(
        r#""MediaPaths":["/home/me/.older/media/inbound/voice.ogg","/home/me/.older/media/inbound/cat.png"]"#,
        " [media://inbound/voice.ogg] [media://inbound/cat.png]",
    );
}

#[test]
fn what_is_not_found_stays_as_words() {
    check(r#""MediaPath":"/home/me/secret/a.png""#, " [missing picture `a.png`: path-not-allowed]");
    check(r#""MediaPath":"/home/me/.older/media/inbound/gone.ogg""#, " [missing sound `gone.ogg`: not-found]");
    check(r#""MediaUrl":"https://a.example/x.mp4?sig=1""#, " [missing video `x.mp4`: not-fetched]");
    check(r#""MediaUrl":"https://127.0.0.1/x.mp4""#, " [missing video `x.mp4`: url-not-allowed]");
    check(r#""media":[{"fileName":"a.pdf"}]"#, " [missing document `a.pdf`: its bytes were not kept]");
    check(r#""media":[{"data":"@@","mimeType":"image/png"}]"#, " [missing picture: invalid-path]");
    let both = r#""media":[{"data":"@@","mimeType":"image/png","path":"media/inbound/cat.png"}]"#;
    check(both, " [media://inbound/cat.png]");
}

#[test]
fn m4_the_url_is_fetched_where_the_path_leads_nowhere() {
    let fixture = house();
    let medium = fixture.store.media_put(Area::Inbound, None, b"fetched", 3).unwrap();
    let mut asked = Vec::new();
    let line = |path: &str| {
        format!(r#"{{"role":"user","content":"{path}","MediaPath":"{path}","MediaUrl":"https://a.example/x"}}"#)
    };
    let lines = [line("/gone/x.png"), line("/home/me/.older/media/inbound/cat.png")];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let taken = take_with(&fixture, &lines, "s", &mut |url| {
        asked.push(url.url.to_string());
        Ok(medium.clone())
    });
    assert_eq!((taken.media, asked), (2, vec!["https://a.example/x".to_owned()]));
    let media = &medium.media;
    assert_eq!(
        log(&fixture),
        [
            format!(r#"User "/gone/x.png" at 9 [{media}]"#),
            r#"User "/home/me/.older/media/inbound/cat.png" at 9 [media://inbound/cat.png]"#.to_owned(),
        ]
    );
}

#[test]
fn k15_the_order_is_kept_where_one_is_missing() {
    let fixture = house();
    let part = |data: &str| format!(r#"{{"type":"image","data":"{data}","mimeType":"image/png"}}"#);
    let line = format!(
        r#"{{"role":"user","content":[{{"type":"text","text":"[media attached: media://inbound/gone.png]\nlook"}},{},{}],"timestamp":1700000000000}}"#,
        part("AAEC"),
        part("AAED")
    );
    take(&fixture, &[&line]);
    let entries = fixture.store.history("signal:alice", None, 10).unwrap();
    let sizes = entries[0].media.iter().map(|media| {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut fixture.store.media_open(media).unwrap(), &mut bytes).unwrap();
        bytes
    });
    assert_eq!(sizes.collect::<Vec<_>>(), [[0, 1, 2], [0, 1, 3]]);
    assert_eq!(entries[0].missing, ["picture `gone.png`: not-found"]);
    assert_eq!(entries[0].text, "look");
}

#[test]
fn bytes_that_lie_in_a_file_as_well_are_one_medium() {
    let part = format!(r#""content":[{{"type":"image","data":"{PNG_BASE64}","mimeType":"image/png"}}]"#);
    let fixture = house();
    let both = format!(r#"{{"role":"user",{part},"MediaPath":"media/inbound/cat.png"}}"#);
    let alone = format!(r#"{{"role":"user",{part}}}"#);
    assert_eq!(take(&fixture, &[&both]).media, 1);
    assert_eq!(log(&fixture), [r#"User "" at 9 [media://inbound/cat.png]"#]);
    let stored = |fixture: &Fixture| std::fs::read_dir(fixture.area("inbound")).unwrap().count();
    assert_eq!(stored(&fixture), 2, "nothing was stored twice");
    assert_eq!(take(&fixture, &[&both, &alone]).media, 1);
    assert_eq!(stored(&fixture), 3);
}

#[test]
fn a_line_of_text_leads_to_stored_media_alone() {
    let fixture = house();
    let granted = fixture.temp.path().join("granted");
    std::fs::create_dir(&granted).unwrap();
    std::fs::write(granted.join("g.png"), PNG).unwrap();
    let roots =
        [RootEntry { key: "media.roots.g".to_owned(), name: "g".to_owned(), path: granted.display().to_string() }];
    let scope = Scope { roots: &roots, ..operator() };
    let text = format!(
        "[media attached 1/4: {0}/g.png]\\n[media attached 2/4: media://inbound/cat.png]\\n\
         [media attached 3/4: data:image/png;base64,{PNG_BASE64}]\\n[media attached 4/4: /x | https://a.example/x]\\nhello",
        granted.display()
    );
    let history = read_history(&format!(r#"{{"role":"user","content":"{text}"}}"#));
    let channel = channel();
    let target = HistoryTarget {
        channel: &channel,
        session: "signal:alice",
        sender_json: "{}",
        conversation_json: "{}",
        source: "s",
    };
    let fetch: Fetch<'_> = &mut |_| panic!("a text has nothing fetched");
    let taken = fixture.store.take_history(&history, &target, &scope, (9, fetch)).unwrap();
    assert_eq!(taken.media, 1);
    assert_eq!(
        log(&fixture),
        ["User \"hello\" at 9 [media://inbound/cat.png] [missing picture `g.png`: it is no stored medium] \
          [missing file: it is no stored medium] [missing file `x`: path-not-allowed]"]
    );
}

#[test]
fn what_is_too_much_is_told() {
    let fixture = house();
    let long = "a".repeat(INBOUND_TEXT_BYTES_MAX + 7);
    let paths = vec!["\"/x/a.png\""; ATTACHMENTS_MAX + 3].join(",");
    take(&fixture, &[&format!(r#"{{"role":"user","content":"{long}","MediaPaths":[{paths}]}}"#)]);
    let entries = fixture.store.history("signal:alice", None, 10).unwrap();
    assert!(entries[0].text.ends_with("a\n[7 bytes more were left out]"));
    assert_eq!(entries[0].missing.len(), ATTACHMENTS_MAX + 1);
    assert_eq!(entries[0].missing.last().map(String::as_str), Some("3 more: a message has at most 32 attachments"));
}

#[test]
fn what_an_answer_lacks_stands_in_its_words() {
    let fixture = house();
    let answer =
        r#"{"role":"assistant","content":"here","media":[{"path":"/gone/a.png"},{"path":"media/inbound/cat.png"}]}"#;
    take(&fixture, &[HELLO, answer]);
    let expect = "Assistant \"here\\n[An attachment is missing: picture `a.png`: path-not-allowed]\" at 1700000000000 \
                  [media://inbound/cat.png]";
    assert_eq!(log(&fixture)[1], expect);
}
