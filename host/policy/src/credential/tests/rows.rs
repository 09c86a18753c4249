//! The rows of the shared cases that are not cases here, each with its reason, and the test that none is forgotten.

/// Rows that the design overrules. A test of each asserts what Creel does instead, under the row's id.
const OVERRULED: &[(&str, &str)] = &[
    ("C2", "nothing turns the order about: the environment never comes before what is configured"),
    ("C12", "the order of the manifest's classes decides, not the spelling of a variable; both are named"),
    ("C35", "nothing is invented for a server that needs no key; nothing is sent, and the candidate is `none`"),
    ("C45", "a profile comes before the environment, whatever stands in either"),
    (
        "D14",
        "an expired profile is not dropped in silence: others of its provider take over and it stays in sight, and \
             where there is none it fails the question",
    ),
    ("I3", "nobody is asked whom the configuration does not name, whatever keys there are"),
];

/// Rows that are of no credential, or of none that Creel has.
const NOT_APPLICABLE: &[(&str, &str)] = &[
    ("A19", "a reference is never a string: the type that carries it has no value to show"),
    ("A20", "the same; an unresolved one is a candidate with its reason, and B of the shared cases has the values"),
    ("C46", "no plugin signs for AWS yet, and `auth: \"aws-sdk\"` is refused when the file is read"),
    ("C47", "the same: `mode: \"aws-sdk\"` is refused when the file is read"),
    ("C48", "the same"),
    ("C50", "no plugin has the sign-in of Google's cloud; its files are nobody's candidate"),
    ("C52", "the same"),
    ("I1", "there is no picture tool; a turn that nobody can serve is refused with its route"),
    ("I17", "a data URL is a spelling of media, which `media::spelling` reads"),
];

/// Rows whose tests stand with the code that does them.
const ELSEWHERE: &[(&str, &str)] = &[
    ("C55", "values of references: `creel-store`"),
    ("C56", "headers of the operator: `plan::headers` and `creel-engine`"),
    ("D9", "cooling profiles"),
    ("D10", "cooling profiles"),
    ("D15", "cooling profiles"),
    ("U6", "media: `creel-store`"),
    ("U7", "media: `creel-store`"),
    ("U8", "media: `creel-store`"),
    ("U9", "media: `creel-store`"),
    ("U10", "the state directory: `creel`"),
    ("U11", "media: `creel-store`"),
    ("U12", "media: `creel-store`"),
    ("U13", "media: `media::spelling`"),
    ("U14", "media: `creel-store`"),
    ("U18", "cooling profiles"),
    ("U19", "cooling profiles"),
    ("U21", "no interface of a plugin reads the configuration: `wit/creel.wit`"),
    ("U22", "no file with a credential is generated: the stories look for it"),
    ("U23", "`judge`"),
    ("U25", "`creel.lock`: `creel`"),
];

/// Attacks of group E that are not decided by the choice of a credential, or by nothing here.
const ATTACKS_ELSEWHERE: &[(u32, &str)] = &[
    (71, "where a value is put: `creel-engine`"),
    (72, "there is no placement in a body"),
    (74, "there are no placeholders in what a plugin sends: it names a slot"),
    (76, "there is one operator, and a profile serves one provider"),
    (78, "values live in one snapshot: `creel-runtime`"),
    (79, "the same"),
    (80, "the same"),
    (86, "no interface of a plugin reads a secret: `wit/creel.wit`"),
    (87, "the choice sees no value, so that no reason can tell its length"),
    (88, "one renewal for all who wait: `creel-runtime`; no interface of a plugin reads a refresh token"),
];

/// The attacks of group E.
const ATTACKS: &[u32] = &[65, 66, 67, 68, 69, 70, 71, 72, 74, 75, 76, 78, 79, 80, 81, 82, 83, 86, 87, 88];

/// The rows of groups A, C, D, E, I and U.
const ROWS: &[(&str, &[u32])] = &[
    ("A", &[1, 2, 3, 4, 5, 6, 7, 9, 12, 13, 14, 15, 16, 17, 19, 20]),
    (
        "C",
        &[
            1, 2, 3, 4, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20, 22, 23, 25, 26, 27, 28, 32, 34, 35, 36, 37, 38,
            40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 52, 53, 55, 56,
        ],
    ),
    ("D", &[1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
    ("E", &[1, 2, 3, 4, 5, 6, 7, 9, 10, 11]),
    ("I", &[1, 2, 3, 5, 6, 7, 8, 10, 11, 13, 15, 17]),
    ("U", &[1, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 21, 22, 23, 25]),
];

/// The tests that name rows.
const TESTS: &[&str] = &[
    include_str!("bindings.rs"),
    include_str!("cases.rs"),
    include_str!("lists.rs"),
    include_str!("servers.rs"),
    include_str!("property.rs"),
    include_str!("whole.rs"),
    include_str!("../../config/tests.rs"),
    include_str!("../../judge/tests.rs"),
    include_str!("../../manifest/parse/tests.rs"),
    include_str!("../../plan/tests.rs"),
    include_str!("../../profiles/tests.rs"),
    include_str!("../../route/tests.rs"),
    include_str!("../../secret_ref.rs"),
];

/// Whether a test names this row, and not only a longer one: `C1` is not in `C11`.
fn is_tested(row: &str) -> bool {
    let names = |text: &str| {
        let follows = |at: usize| text[at + row.len()..].chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
        let precedes = |at: usize| text[..at].chars().next_back().is_some_and(|c| c.is_ascii_alphanumeric());
        text.match_indices(row).any(|(at, _)| !follows(at) && !precedes(at))
    };
    TESTS.iter().any(|text| names(text))
}

fn listed(list: &[(&str, &str)], row: &str) -> bool {
    list.iter().any(|(id, reason)| *id == row && !reason.is_empty())
}

#[test]
fn every_row_is_tested_or_has_its_reason() {
    for (group, numbers) in ROWS {
        for number in *numbers {
            let row = format!("{group}{number}");
            let is_excused = listed(NOT_APPLICABLE, &row) || listed(ELSEWHERE, &row);
            assert!(is_tested(&row) || is_excused, "{row} is neither tested nor excused");
        }
    }
}

#[test]
fn every_row_that_is_overruled_is_tested_as_what_it_became() {
    for (row, _) in OVERRULED {
        assert!(is_tested(row), "{row}");
        assert!(!listed(NOT_APPLICABLE, row) && !listed(ELSEWHERE, row), "{row} stands in two lists");
    }
}

#[test]
fn every_attack_of_the_group_is_tested_or_has_its_reason() {
    for attack in ATTACKS {
        let is_excused = ATTACKS_ELSEWHERE.iter().any(|(number, reason)| number == attack && !reason.is_empty());
        // `attack 65`, or the name of a test such as `a65_a66_…`.
        let of_test = format!("a{attack}_");
        let is_named = is_tested(&format!("attack {attack}")) || TESTS.iter().any(|text| text.contains(&of_test));
        assert!(is_named != is_excused, "attack {attack} is {}", if is_named { "in both" } else { "in neither" });
    }
}
