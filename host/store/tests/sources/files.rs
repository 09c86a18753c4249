//! Files as sources: what is read from them, when, and which are not.

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::lab::{Lab, MISSING, file_provider};

#[test]
fn b2_a_pointer_into_a_file_of_json() {
    let lab = Lab::new();
    let path = lab.file("s.json", r#"{"providers":{"openai":{"apiKey":"sk-file"},"n":1,"a/b":" sk-slash\n"}}"#, 0o600);
    let refs =
        ["file:f#/providers/openai/apiKey", "file:f#/providers/a~1b", "file:f#/providers/none", "file:f#/providers/n"];
    let not_text = "refused: File provider \"f\" holds something there that is not a string";
    assert_eq!(lab.ask(&file_provider(&path, ""), &refs), ["= sk-file", "= sk-slash", MISSING, not_text]);
    let at_home = "providers: { f: { source: 'file', path: '~/s.json' } }";
    assert_eq!(lab.one(at_home, "file:f#/providers/openai/apiKey"), "= sk-file");
    let broken = lab.file("broken.json", r#"{"a":"sk-in-broken""#, 0o600);
    assert_eq!(lab.one(&file_provider(&broken, ""), "file:f#/a"), "refused: File provider \"f\" is not valid JSON");
}

#[test]
fn b3_a_file_that_is_one_value() {
    let lab = Lab::new();
    for (text, expect) in [
        ("raw-token-value\n", "= raw-token-value"),
        ("raw-token-value\r\n", "= raw-token-value"),
        ("raw-token-value", "= raw-token-value"),
        ("", "blank"),
        (" \n", "blank"),
        ("two\nlines\n", "refused: it holds a character that no header can carry, e.g. a line break"),
    ] {
        let path = lab.file("token", text, 0o600);
        assert_eq!(
            lab.one(&file_provider(&path, "mode: 'singleValue'"), "file:f#value"),
            expect,
            "B3, attack 70: {text:?}"
        );
    }
}

#[test]
fn b13_a_file_that_cannot_be_read_in_time_or_at_all() {
    let lab = Lab::new();
    let pipe = lab.path("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600), 0)
        .unwrap();
    let about = |what: &str| format!("refused: File provider \"f\" {what}");
    let ask = |path: &Path, more: &str| lab.one(&file_provider(path, more), "file:f#/a");
    assert_eq!(ask(&pipe, "timeoutMs: 5"), about("path is not a regular file"));
    assert_eq!(ask(lab.temp.path(), ""), about("path is not a regular file"));
    assert_eq!(ask(&lab.path("none"), ""), about("file is not there"));
    assert_eq!(ask(&lab.path("none/none"), ""), about("cannot open the directory of its file: entity not found"));
    let long = lab.file("long", r#"{"a":"0123456789"}"#, 0o600);
    assert_eq!(ask(&long, "maxBytes: 17"), about("file has more than 17 bytes"));
    assert_eq!(ask(&long, "maxBytes: 18"), "= 0123456789");
}

#[test]
fn b19_a_file_that_others_can_reach() {
    let lab = Lab::new();
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610] {
        let path = lab.file("s.json", r#"{"a":"sk-open"}"#, mode);
        let expect = format!("refused: File provider \"f\" file can be read or written by others (mode {mode:04o})");
        assert_eq!(lab.one(&file_provider(&path, ""), "file:f#/a"), expect);
        assert_eq!(lab.one(&file_provider(&path, "allowInsecurePath: true"), "file:f#/a"), "= sk-open");
    }
    let path = lab.file("s.json", r#"{"a":"sk-open"}"#, 0o400);
    assert_eq!(lab.one(&file_provider(&path, ""), "file:f#/a"), "= sk-open");
    symlink(&path, lab.path("link")).unwrap();
    let expect = "refused: File provider \"f\" path must not be a symlink";
    for more in ["", "allowInsecurePath: true"] {
        assert_eq!(lab.one(&file_provider(&lab.path("link"), more), "file:f#/a"), expect);
    }
}
