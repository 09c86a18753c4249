//! What others' code Creel is made of: where it comes from, under which licences, and what must not be in it. A test
//! and no tool of its own, so that it runs wherever the tests run, in a second.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::MetadataCommand;
use creel_tests::workspace;

/// Licences under which code may be used. Each asks for no more than to be named.
const LICENCES: &[&str] =
    &["Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-3-Clause", "ISC", "MIT", "Unicode-3.0", "Zlib"];

/// Where crates may come from; no git, no other registry.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What must not be in the lock file, and why.
const BANNED: &[(&str, &str)] = &[
    ("async-std", "there is one executor"),
    ("aws-lc-sys", "rustls works with ring; a second library of cryptography is a second thing to trust"),
    ("native-tls", "TLS is rustls"),
    ("openssl", "TLS is rustls"),
    ("openssl-sys", "TLS is rustls"),
    ("serde_yaml", "it is not kept up any more"),
];

/// What there must be only one of: two of them would mean two pools, two executors, two judges of a certificate.
const SINGLE: &[&str] = &[
    "cap-std",
    "http",
    "hyper",
    "reqwest",
    "ring",
    "rusqlite",
    "rustls",
    "serde",
    "tokio",
    "url",
    "wasmtime",
    "wasmtime-wasi",
];

/// What is there twice, and who asks for the older one. What is no longer twice has to go from here.
const DOUBLE: &[(&str, &str)] = &[
    ("block-buffer", "cranelift-codegen, by way of sha2"),
    ("cpufeatures", "cranelift-codegen, by way of sha2"),
    ("crypto-common", "cranelift-codegen, by way of sha2"),
    ("digest", "cranelift-codegen, by way of sha2"),
    ("embedded-io", "postcard, which cranelift names and does not use here"),
    ("getrandom", "ring"),
    ("hashbrown", "gimli"),
    ("io-lifetimes", "fs-set-times, by way of cap-std"),
    ("itertools", "criterion"),
    ("miniz_oxide", "png"),
    ("sha2", "cranelift-codegen"),
    ("syn", "tracing-attributes and other macros"),
    ("wasm-encoder", "wasmtime; wit-bindgen has another, the gateway the newest"),
    ("wasm-metadata", "wasmtime; wit-bindgen has another"),
    ("wasmparser", "wasmtime; wit-bindgen has another, the engine the newest"),
    ("wit-component", "wasmtime; wit-bindgen has another"),
    ("wit-parser", "wasmtime; wit-bindgen has another"),
];

#[test]
fn every_crate_comes_from_the_registry_with_its_checksum() {
    for package in locked() {
        match package.source.as_deref() {
            None => assert!(package.name.starts_with("creel-"), "`{}` has no source", package.name),
            Some(source) => {
                assert_eq!(source, REGISTRY, "the source of `{}`", package.name);
                assert!(package.has_checksum, "`{}` has no checksum", package.name);
            }
        }
    }
}

#[test]
fn what_is_banned_is_not_there() {
    for package in locked() {
        let ban = BANNED.iter().find(|(name, _)| *name == package.name);
        assert_eq!(ban, None, "it came in by way of another crate: see `cargo tree -i`");
    }
}

/// What no crate of ours names, though another brings it along, and why.
const UNNAMED: &[(&str, &str)] =
    &[("chrono", "times are milliseconds since the Unix epoch; the library of MCP has it for its own")];

#[test]
fn what_others_bring_along_is_not_used() {
    for member in workspace::members() {
        let named = UNNAMED.iter().find(|(name, _)| member.dependencies.iter().any(|dependency| dependency == name));
        assert_eq!(named, None, "`{}` names it", member.name);
    }
}

#[test]
fn nothing_is_there_twice_that_should_not_be() {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in locked() {
        versions.entry(package.name).or_default().insert(package.version);
    }
    for name in SINGLE {
        let found = versions.get(*name).map(BTreeSet::len);
        assert_eq!(found, Some(1), "versions of `{name}`");
    }
    // What is for Windows alone is never built here.
    let is_double = |name: &str, count: usize| count > 1 && !name.starts_with("windows");
    let double: BTreeSet<&str> = versions
        .iter()
        .filter(|(name, versions)| is_double(name, versions.len()))
        .map(|(name, _)| name.as_str())
        .collect();
    let known: BTreeSet<&str> = DOUBLE.iter().map(|(name, _)| *name).collect();
    let news: Vec<_> = double.difference(&known).collect();
    let gone: Vec<_> = known.difference(&double).collect();
    assert!(news.is_empty() && gone.is_empty(), "twice now: {news:?}; no longer twice: {gone:?}");
}

#[test]
fn every_licence_is_one_that_we_can_keep() {
    let mut command = MetadataCommand::new();
    command.manifest_path(workspace::root().join("Cargo.toml"));
    // Only what is built here has been downloaded. Plugins are built from a part of the same crates.
    command.other_options(["--locked", "--filter-platform", "x86_64-unknown-linux-gnu"].map(String::from));
    let metadata = command.exec().expect("cargo can read the workspace and what it depends on");
    assert!(metadata.packages.len() > 100, "the dependencies were not read");
    for package in &metadata.packages {
        let licence = package.license.as_deref().unwrap_or_default();
        assert!(may_use(licence), "`{}` is under `{licence}`", package.name);
    }
}

#[test]
fn an_expression_is_read_as_it_is_meant() {
    let check = |expression: &str, expect: bool| assert_eq!(may_use(expression), expect, "{expression}");
    check("MIT", true);
    check("MIT OR GPL-3.0-only", true);
    check("GPL-3.0-only OR MIT", true);
    check("MIT/GPL-3.0-only", true);
    check("MIT AND ISC", true);
    check("Apache-2.0 WITH LLVM-exception", true);
    check("(GPL-3.0-only OR MIT) AND Zlib", true);
    check("", false);
    check("GPL-3.0-only", false);
    check("MIT AND GPL-3.0-only", false);
    check("MIT OR ISC AND GPL-3.0-only", true);
    check("(MIT OR ISC) AND GPL-3.0-only", false);
    check("MIT WITH something", false);
    check("MIT)", false);
    check("(MIT", false);
    check("MIT ISC", false);
}

struct Locked {
    name: String,
    version: String,
    source: Option<String>,
    has_checksum: bool,
}

/// Every package of `Cargo.lock`, for whatever platform.
fn locked() -> Vec<Locked> {
    let lock = workspace::lock_file();
    let packages = lock["package"].as_array().expect("a list of packages");
    let text = |package: &toml::Value, key: &str| package.get(key).and_then(|value| Some(value.as_str()?.to_owned()));
    let package = |package: &toml::Value| Locked {
        name: text(package, "name").expect("a package has a name"),
        version: text(package, "version").expect("a package has a version"),
        source: text(package, "source"),
        has_checksum: text(package, "checksum").is_some(),
    };
    packages.iter().map(package).collect()
}

/// Whether an SPDX expression leaves a choice that is on the list. What cannot be read is not allowed.
fn may_use(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    matches!(any_of(&words), Some((true, [])))
}

type Read<'w, 't> = Option<(bool, &'w [&'t str])>;

fn any_of<'w, 't>(words: &'w [&'t str]) -> Read<'w, 't> {
    let (mut verdict, mut rest) = all_of(words)?;
    while let ["OR", behind @ ..] = rest {
        let (next, left) = all_of(behind)?;
        (verdict, rest) = (verdict | next, left);
    }
    Some((verdict, rest))
}

fn all_of<'w, 't>(words: &'w [&'t str]) -> Read<'w, 't> {
    let (mut verdict, mut rest) = one(words)?;
    while let ["AND", behind @ ..] = rest {
        let (next, left) = one(behind)?;
        (verdict, rest) = (verdict & next, left);
    }
    Some((verdict, rest))
}

fn one<'w, 't>(words: &'w [&'t str]) -> Read<'w, 't> {
    match words {
        ["(", rest @ ..] => match any_of(rest)? {
            (verdict, [")", rest @ ..]) => Some((verdict, rest)),
            _ => None,
        },
        [")" | "OR" | "AND" | "WITH", ..] | [] => None,
        [licence, "WITH", exception, rest @ ..] => {
            Some((LICENCES.contains(&format!("{licence} WITH {exception}").as_str()), rest))
        }
        [licence, rest @ ..] => Some((LICENCES.contains(licence), rest)),
    }
}
