//! The rows of groups G, H and I that cannot be seen through HTTP, each with its reason and the test that has it, and the test that
//! none is forgotten.

/// The rows of the three groups, as the list of the shared cases numbers them.
const ROWS: &[(&str, &[u32])] = &[
    ("G", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
    ("H", &[1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 17]),
    ("I", &[1, 2, 3, 5, 6, 7, 8, 10, 11, 13, 15, 17]),
];

/// Rows that a client can see nothing of: why, the test that has it, and that test's text.
const NOT_THROUGH_HTTP: &[(&str, &str, &str, &str)] = &[(
    "I8",
    "facts of a model do not depend on the profile that it is called with, so that there is nothing to read again",
    "group_i_who_sees_pictures",
    include_str!("../../../host/policy/src/route/tests.rs"),
)];

/// The tests that name rows.
const TESTS: &[&str] = &[
    include_str!("rows_failures.rs"),
    include_str!("rows_fallbacks.rs"),
    include_str!("rows_media.rs"),
    include_str!("rows_names.rs"),
];

/// Whether a text names this row, and not only a longer one: `H1` is not in `H11`.
fn names(text: &str, row: &str) -> bool {
    text.match_indices(row).any(|(at, _)| {
        let follows = text[at + row.len()..].chars().next();
        let precedes = text[..at].chars().next_back();
        ![follows, precedes].into_iter().flatten().any(|sign| sign.is_ascii_alphanumeric())
    })
}

#[test]
fn every_row_is_asked_through_http_or_has_its_reason() {
    for (group, numbers) in ROWS {
        for number in *numbers {
            let row = format!("{group}{number}");
            // What stands in the first lines of a file is about rows, and tests none.
            let is_tested =
                TESTS.iter().any(|text| text.lines().any(|line| !line.starts_with("//!") && names(line, &row)));
            let is_excused = NOT_THROUGH_HTTP.iter().any(|(excused, ..)| *excused == row);
            assert!(is_tested != is_excused, "{row} is {}", if is_tested { "in both" } else { "in neither" });
        }
    }
}

#[test]
fn every_excused_row_is_tested_where_it_is_said_to_be() {
    for (row, reason, test, text) in NOT_THROUGH_HTTP {
        assert!(!reason.is_empty(), "{row}");
        let body =
            text.split_once(&format!("fn {test}()")).map(|(_, rest)| rest.split("\n}\n").next().unwrap_or_default());
        assert!(body.is_some_and(|body| names(body, row)), "{row} is not in `{test}`");
    }
}
