//! Group G of the shared cases, each row by its id. Where a row names a kind that the interface splits in two, both
//! are meant: `auth` is `authentication` or `permission`, `timeout` is `timed-out` or `unreachable`.

use super::*;

/// The word of the older gateway.
fn word(fault: Option<Fault>) -> &'static str {
    match fault {
        Some(Fault::InvalidRequest) => "format",
        Some(Fault::Authentication | Fault::Permission) => "auth",
        Some(Fault::CredentialInvalid) => "auth_permanent",
        Some(Fault::Billing) => "billing",
        Some(Fault::RateLimited) => "rate_limit",
        Some(Fault::UnknownModel) => "model_not_found",
        Some(Fault::TimedOut | Fault::Unreachable) => "timeout",
        Some(Fault::Overloaded) => "overloaded",
        None => "none",
        Some(_) => "other",
    }
}

#[track_caller]
fn check(id: &str, status: Option<u16>, said: &[&str], expect: &str) {
    for message in said {
        let meaning = classify(Signs { status, code: "", message });
        assert_eq!(word(meaning.fault), expect, "{id}: {status:?} {message}");
    }
}

#[track_caller]
fn check_code(id: &str, status: Option<u16>, code: &str, expect: &str) {
    let meaning = classify(Signs { status, code, message: "no" });
    assert_eq!(word(meaning.fault), expect, "{id}: {status:?} {code}");
}

#[track_caller]
fn check_all(id: &str, statuses: &[u16], expect: &str) {
    for status in statuses {
        check(id, Some(*status), &["", "no"], expect);
    }
}

#[test]
fn group_g_statuses() {
    check_all("G1", &[400, 422], "format");
    check_all("G2", &[401, 403], "auth");
    check_all("G4", &[402], "billing");
    check_all("G7", &[404], "model_not_found");
    check_all("G8", &[408, 499, 502, 503, 504], "timeout");
    check_all("G9", &[500, 521, 522, 523, 524], "none");
    check_all("G10", &[529], "overloaded");
    check_all("G11", &[429], "rate_limit");
    check_all("no row: what is no failure of HTTP", &[200, 302, 418, 599], "none");
}

#[test]
fn group_g_credentials() {
    check("G2", Some(401), &["invalid x-api-key", "Unauthorized", "the key is missing"], "auth");
    check("G2", Some(403), &["Forbidden", "may not use this model", "region disabled"], "auth");
    check("G3", Some(401), &["invalid_api_key", "Incorrect API key provided: sk-…"], "auth_permanent");
    check("G3", Some(403), &["api key revoked", "This API key has been disabled."], "auth_permanent");
    check_code("G3", Some(401), "invalid_api_key", "auth_permanent");
    check_code("G3: as Google says it", Some(400), "API_KEY_INVALID", "auth_permanent");
    // The status of a row that has none is not made up: "reported status 403" is overruled.
    assert_eq!(classify(Signs { status: Some(401), code: "invalid_api_key", message: "" }).status, Some(401), "G3");
    check("G3: a near miss", Some(500), &["the api key cache was deleted"], "none");
    check("G3: a near miss", Some(422), &["`invalid_api_key` is no field"], "format");
}

#[test]
fn group_g_payment() {
    check(
        "G5",
        Some(402),
        &[
            "organization usage limit, try again later",
            "Monthly spend limit reached.",
            "The workspace spend limit reached",
            "rate limit exceeded",
        ],
        "rate_limit",
    );
    let long =
        format!("{} You are out of credits: add more credits or raise the monthly spend limit.", "x".repeat(2_000));
    check(
        "G6",
        Some(402),
        &["insufficient credits", "quota exceeded, add more credits", "upgrade your plan", &long],
        "billing",
    );
    for status in [400, 422] {
        check("G12", Some(status), &["insufficient_quota", "You have insufficient credits."], "billing");
        check_code("G12", Some(status), "insufficient_quota", "billing");
        check("G12: a near miss", Some(status), &["`credits` is no field", "quota: must be a number"], "format");
    }
    check("G13", None, &["Weekly/Monthly Limit Exhausted. Your limit will reset at noon."], "rate_limit");
    check("G13", None, &["402 weekly/monthly limit exhausted", "HTTP 402: Weekly/Monthly Limit Exhausted"], "billing");
    check("G16", None, &["the building at 402 Main Street", "402 Main Street", "4021 credits"], "none");
}

#[test]
fn group_g_busy_and_limits() {
    check("G10", Some(503), &["The model is overloaded."], "overloaded");
    for status in [Some(200), Some(400), Some(500), None] {
        check("G10", status, &[r#"{"type":"error","error":{"type":"overloaded_error"}}"#], "overloaded");
        check_code("G10", status, "overloaded_error", "overloaded");
    }
    // "fallback status 503" is overruled, as in G3.
    assert_eq!(classify(Signs { status: None, code: "overloaded_error", message: "" }).status, None, "G10");
    check("G10: a near miss", Some(400), &["the operator `+` is overloaded"], "format");
    check_code("G11: a number in words", None, "429", "rate_limit");
    check("G11", None, &["429 Too Many Requests", r#"{"error":{"code":"429"}}"#], "rate_limit");
    check("G11: a near miss", None, &["429 people came"], "none");
    check_code("no row: quota that waiting does not bring back", Some(429), "insufficient_quota", "billing");
}

#[test]
fn group_g_network() {
    let codes =
        ["ETIMEDOUT", "ECONNRESET", "EHOSTDOWN", "EPIPE", "fetch failed", "getaddrinfo ENOTFOUND api", "EAI_AGAIN"];
    check("G14", None, &codes, "timeout");
    check("G14", None, &["stop reason: abort", "Unhandled stop reason: error"], "timeout");
    let wrapped = r#"This operation was aborted: {"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}"#;
    let meaning = classify(Signs { status: None, code: "", message: wrapped });
    assert_eq!((word(meaning.fault), meaning.status), ("rate_limit", Some(429)), "G15");
    check("G15: the abort alone", None, &["This operation was aborted"], "timeout");
    check("no row: words without any sign", None, &["", "something odd", "the timetable"], "none");
}

#[test]
fn the_words_of_a_limit_say_when_it_is_over() {
    let when = |status, message| classify(Signs { status: Some(status), code: "", message }).retry_after_ms;
    assert_eq!(when(429, "Please try again in 20s."), Some(20_000));
    assert_eq!(when(529, "retry after 2 minutes"), Some(120_000));
    assert_eq!(when(429, "slow down"), None);
    assert_eq!(when(402, "insufficient credits, try again in 20s"), None, "money does not come back by waiting");
}
