//! Who may know whom. Cargo enforces that a crate uses only what it names; here stands what it may name. Nothing here
//! builds or runs the host.

use std::collections::BTreeSet;
use std::path::Path;

use creel_tests::workspace::{self, Member, Part, Source};

/// What `host/policy` and what plugins are made of: no I/O, no async, no clock. A new name here needs a sentence of
/// defence in its commit.
const POLICY: &[&str] = &[
    "base64",
    "data-url",
    "insta",
    "ipnet",
    "jsonc-parser",
    "percent-encoding",
    "proptest",
    "secrecy",
    "serde",
    "serde_json",
    "strsim",
    "thiserror",
    "toml",
    "url",
    "zeroize",
];
/// What the dialects of clients are made of: the same absences.
const DIALECTS: &[&str] = &["base64", "proptest", "serde", "serde_json"];
const SDK: &[&str] = &["proptest", "serde", "serde_json", "thiserror", "wit-bindgen"];

/// The one file of the store that runs commands and measures how long they take.
const COMMAND_DOOR: &str = "host/store/src/command.rs";

/// Crates by which power enters, and the parts that may name them. Fakes and tests are no part of the host.
const POWERS: &[(&str, &[Part])] = &[
    ("axum", &[Part::Gateway]),
    ("cap-std", &[Part::Store, Part::Engine, Part::Gateway]),
    ("clap", &[Part::Gateway]),
    ("hyper", &[Part::Gateway]),
    ("reqwest", &[Part::Engine]),
    ("rmcp", &[Part::Gateway]),
    ("rusqlite", &[Part::Store]),
    ("rustls", &[Part::Engine]),
    ("tokio", &[Part::Engine, Part::Runtime, Part::Gateway]),
    ("wasmtime", &[Part::Engine]),
    ("wasmtime-wasi", &[Part::Engine]),
];

/// Whether a crate of the first part may name one of the second.
fn may_name(part: Part, other: Part) -> bool {
    const HOST: [Part; 5] = [Part::Policy, Part::Store, Part::Engine, Part::Runtime, Part::Gateway];
    match part {
        Part::Policy | Part::Dialects | Part::Sdk | Part::Fakes | Part::Nowhere => false,
        Part::Store | Part::Engine | Part::Runtime => HOST.contains(&other) && other < part,
        Part::Gateway => matches!(other, Part::Fakes | Part::Dialects) || HOST.contains(&other) && other < part,
        Part::Plugin | Part::Guest => other == Part::Sdk,
        Part::Tests => other != Part::Nowhere,
    }
}

#[test]
fn the_arrows_of_the_house_point_left_only() {
    use Part::{Dialects, Engine, Fakes, Gateway, Guest, Nowhere, Plugin, Policy, Runtime, Sdk, Store, Tests};
    for (part, other) in
        [(Store, Policy), (Gateway, Runtime), (Gateway, Dialects), (Gateway, Fakes), (Plugin, Sdk), (Tests, Engine)]
    {
        assert!(may_name(part, other), "{part:?} -> {other:?}");
    }
    for (part, other) in [
        (Policy, Store),
        (Dialects, Policy),
        (Runtime, Dialects),
        (Store, Store),
        (Engine, Runtime),
        (Runtime, Fakes),
        (Runtime, Sdk),
        (Gateway, Plugin),
        (Plugin, Policy),
        (Plugin, Plugin),
        (Guest, Store),
        (Fakes, Policy),
        (Sdk, Policy),
        (Gateway, Tests),
        (Tests, Nowhere),
    ] {
        assert!(!may_name(part, other), "{part:?} -> {other:?}");
    }
}

#[test]
fn every_crate_has_its_place_and_names_only_what_lies_left_of_it() {
    let members = workspace::members();
    assert!(members.len() > 10, "the workspace was not read");
    for member in &members {
        assert_ne!(member.part, Part::Nowhere, "`{}` lies in `{}`", member.name, member.directory.display());
        for other in members.iter().filter(|other| member.dependencies.contains(&other.name)) {
            assert!(may_name(member.part, other.part), "`{}` must not name `{}`", member.name, other.name);
        }
    }
}

#[test]
fn power_enters_where_it_is_expected() {
    for member in workspace::members() {
        if matches!(member.part, Part::Fakes | Part::Tests) {
            continue;
        }
        for (power, parts) in POWERS {
            // What a test arranges is no power of the host.
            let is_of_tests = member.of_tests.iter().any(|dependency| dependency == power);
            let names_it = !is_of_tests && member.dependencies.iter().any(|dependency| dependency == power);
            assert!(!names_it || parts.contains(&member.part), "`{}` must not name `{power}`", member.name);
        }
    }
}

#[test]
fn rules_and_plugins_have_no_way_to_the_world() {
    for member in workspace::members() {
        let expect = match member.part {
            Part::Policy => POLICY,
            Part::Dialects => DIALECTS,
            Part::Sdk => SDK,
            _ => continue,
        };
        let named: BTreeSet<&str> = member.dependencies.iter().map(String::as_str).collect();
        assert_eq!(named, expect.iter().copied().collect(), "the dependencies of `{}`", member.name);
    }
}

#[test]
fn policy_decides_and_does_nothing_else() {
    let ways =
        ["std::fs", "std::env", "std::io", "std::process", "std::thread", "TcpStream", "UdpSocket", "ToSocketAddrs"];
    check_absent(Part::Policy, &ways);
    check_absent(Part::Policy, &["async ", ".await", "SystemTime", "Instant", "print!", "println!", "eprintln!"]);
}

#[test]
fn the_store_is_synchronous_and_has_no_network() {
    check_absent(Part::Store, &["async ", ".await", "std::net", "SystemTime", "std::env"]);
    // Commands that know secrets are run, and ended in time, at one door.
    check_absent_but(COMMAND_DOOR, Part::Store, &["Instant", "Command::new"]);
}

/// No code of that part has one of these in it; its tests may.
fn check_absent(part: Part, absent: &[&str]) {
    check_absent_but("", part, absent);
}

/// The same of all files but one.
fn check_absent_but(door: &str, part: Part, absent: &[&str]) {
    for member in workspace::members().iter().filter(|member| member.part == part) {
        let sources = workspace::sources_of(member);
        let is_meant = |source: &&Source| !source.path.ends_with("tests.rs") && source.path != Path::new(door);
        for source in sources.iter().filter(is_meant) {
            let code = workspace::code(&source.text);
            let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let found = absent.iter().find(|text| code.contains(**text));
            assert_eq!(found, None, "{}", source.path.display());
        }
    }
}

#[test]
fn versions_stand_in_the_workspace_table_alone() {
    for member in workspace::members() {
        for (name, value) in dependency_entries(&member) {
            let entry = value.as_table();
            let is_inherited = entry.is_some_and(|entry| entry.get("workspace") == Some(&toml::Value::Boolean(true)));
            assert!(is_inherited, "`{name}` of `{}` is not taken from the workspace", member.name);
        }
    }
}

#[test]
fn every_crate_inherits_the_lints_and_the_licence() {
    for member in workspace::members() {
        let inherits = |table: &str, key: Option<&str>| {
            let value = member.manifest.get(table).and_then(toml::Value::as_table);
            let value = key.map_or(value, |key| value?.get(key)?.as_table());
            value.and_then(|value| value.get("workspace")) == Some(&toml::Value::Boolean(true))
        };
        assert!(inherits("lints", None), "`{}` does not inherit the lints", member.name);
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            assert!(inherits("package", Some(key)), "`{}` does not inherit `{key}`", member.name);
        }
    }
}

#[test]
fn what_is_named_is_used() {
    let members = workspace::members();
    let mut unused = Vec::new();
    for member in &members {
        let code: String = workspace::sources_of(member).iter().map(|source| workspace::code(&source.text)).collect();
        let words: BTreeSet<&str> = workspace::words(&code).map(|(_, word)| word).collect();
        let is_unused = |name: &&String| !words.contains(name.replace('-', "_").as_str());
        let of_member = member.dependencies.iter().filter(is_unused);
        unused.extend(of_member.map(|name| format!("{name} in {}", member.directory.display())));
    }
    let manifest = workspace::workspace_manifest();
    let table = manifest["workspace"]["dependencies"].as_table().expect("a table");
    let is_named = |name: &str| members.iter().any(|member| member.dependencies.iter().any(|one| one == name));
    unused.extend(table.keys().filter(|name| !is_named(name)).map(|name| format!("{name} in the workspace table")));
    assert!(unused.is_empty(), "{unused:#?}");
}

/// Every entry of every table of dependencies.
fn dependency_entries(member: &Member) -> Vec<(String, toml::Value)> {
    const TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let targets = member.manifest.get("target").and_then(toml::Value::as_table);
    let of_targets = targets.into_iter().flat_map(|targets| targets.values()).filter_map(toml::Value::as_table);
    let tables = of_targets.chain([&member.manifest]);
    let entries = tables.flat_map(|table| TABLES.into_iter().filter_map(|name| table.get(name)?.as_table()));
    entries.flatten().map(|(name, value)| (name.clone(), value.clone())).collect()
}
