//! The sources as data: what each file must have and must not. What code may call is said by `clippy.toml`.

use std::path::Path;

use creel_tests::workspace::{self, Part};

/// Lines of a source file. Most have fewer than 400; tests may have more.
const LINES_MAX: usize = 600;

/// Pages that name files of the project.
const PAGES: &[&str] = &["README.md", "host/ARCHITECTURE.md", "host/CREDENTIALS.md", "plugins/README.md"];

/// The one file with `unsafe` code in it, and the attributes that name the lint.
const UNSAFE_DOOR: &str = "host/engine/src/cache.rs";

/// Generated code and attributes that the compiler counts as unsafe, though nothing unsafe is done in them.
const UNSAFE_WORDS: &[(&str, &str)] = &[(UNSAFE_DOOR, "the compiled-code cache deserializes what it has verified")];

#[test]
fn every_source_says_first_what_it_is_for() {
    for source in workspace::sources() {
        assert!(source.text.starts_with("//! "), "{} does not begin with `//! `", source.path.display());
    }
}

#[test]
fn no_source_is_too_long() {
    for source in workspace::sources() {
        let lines = source.text.lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines", source.path.display());
    }
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, so that this file does not find itself.
    let marks = ["TO", "FIX"].map(|half| [half, if half == "TO" { "DO" } else { "ME" }].concat());
    for source in workspace::sources() {
        let found = marks.iter().find(|mark| source.text.contains(mark.as_str()));
        assert_eq!(found, None, "{}", source.path.display());
    }
}

#[test]
fn no_line_ends_in_white_space_and_every_file_in_a_line_feed() {
    for source in workspace::sources() {
        let line = source.text.lines().position(|line| line.ends_with([' ', '\t', '\r']));
        assert_eq!(line, None, "{}, counted from 0", source.path.display());
        assert!(source.text.ends_with('\n'), "{}", source.path.display());
    }
}

#[test]
fn every_test_runs_and_says_what_it_expects() {
    for source in workspace::sources() {
        let code = workspace::code(&source.text);
        for attribute in ["#[ignore", "#[should_panic"] {
            assert!(!code.contains(attribute), "`{attribute}]` in {}", source.path.display());
        }
    }
}

#[test]
fn pages_name_only_what_is_there() {
    let root = workspace::root();
    for page in PAGES {
        let text = std::fs::read_to_string(root.join(page)).expect("the page is there");
        // Every second piece stands between two backticks.
        let quoted = text.split('`').skip(1).step_by(2);
        let is_path = |text: &&str| {
            let starts = ["host/", "plugins/", "tests/", "wit/"].iter().any(|start| text.starts_with(start));
            starts && text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
        };
        let gone: Vec<&str> = quoted.filter(is_path).filter(|path| !root.join(path).exists()).collect();
        assert!(gone.is_empty(), "{page} names {gone:?}");
    }
}

#[test]
fn unsafe_has_one_door() {
    for source in workspace::sources() {
        let is_known = UNSAFE_WORDS.iter().any(|(path, _)| source.path == Path::new(path));
        let code = workspace::code(&source.text);
        let word = workspace::words(&code).find(|(_, word)| *word == "unsafe");
        assert!(is_known || word.is_none(), "`unsafe` in {}: {word:?}", source.path.display());
        // An attribute may forbid the lint anywhere, and lower it at the door.
        let lowered = ["expect", "allow", "warn"].iter().any(|level| code.contains(&format!("{level}(unsafe_code")));
        assert!(!lowered || source.path == Path::new(UNSAFE_DOOR), "{} lowers the lint", source.path.display());
    }
}

#[test]
fn the_door_is_as_small_as_it_was() {
    let door = workspace::sources().into_iter().find(|source| source.path == Path::new(UNSAFE_DOOR));
    let code = workspace::code(&door.expect("the door is there").text);
    assert_eq!(workspace::words(&code).filter(|(_, word)| *word == "unsafe").count(), 1);
}

#[test]
fn hosts_forbid_unsafe_code_themselves() {
    for member in workspace::members() {
        let root = match member.part {
            Part::Policy | Part::Dialects | Part::Store | Part::Runtime | Part::Fakes | Part::Tests => "src/lib.rs",
            Part::Gateway => "src/main.rs",
            // The engine has the door. What `wit-bindgen` generates into plugins counts as unsafe.
            Part::Engine | Part::Sdk | Part::Plugin | Part::Guest | Part::Nowhere => continue,
        };
        let path = member.directory.join(root);
        let source = workspace::sources().into_iter().find(|source| source.path == path).expect("a crate has a root");
        assert!(source.text.contains("#![forbid(unsafe_code)]"), "{}", path.display());
    }
}
