//! Which headers are the host's, which may hold a credential, and which a plugin never sees. Names only: values are
//! looked at in `judge`.

/// Headers that frame the message, name an encoding or speak for a client or proxy: the host's own.
const FRAMING: [&str; 23] = [
    "accept-encoding",
    "alt-svc",
    "connection",
    "content-encoding",
    "content-length",
    "date",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "origin",
    "proxy-connection",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
];

/// Words that make a header's name one that could hold a credential; `-` and `_` do not count.
const CREDENTIAL_WORDS: [&str; 5] = ["auth", "token", "secret", "apikey", "cookie"];

/// Response headers that could carry a secret or steer the client (attack 100).
const SECRET_RESPONSE: [&str; 16] = [
    "alt-svc",
    "authentication-info",
    "authorization",
    "clear-site-data",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "refresh",
    "set-cookie",
    "set-cookie2",
    "strict-transport-security",
    "www-authenticate",
    "x-api-key",
    "x-auth-token",
    "x-csrf-token",
    "x-subject-token",
];

/// Whether a name is a token in the sense of RFC 9110, section 5.6.2.
#[must_use]
pub fn is_token(name: &str) -> bool {
    let is_token_byte = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.bytes().all(is_token_byte)
}

/// Whether a header frames the message or speaks for a client or proxy; no plugin and no manifest sets it.
#[must_use]
pub fn frames_message(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    FRAMING.contains(&name.as_str()) || name.starts_with("proxy-") || name.starts_with("sec-")
}

/// Whether a header could hold a credential; a plugin names a slot instead.
#[must_use]
pub fn holds_credential(name: &str) -> bool {
    let plain = name.to_ascii_lowercase().replace(['-', '_'], "");
    CREDENTIAL_WORDS.iter().any(|word| plain.contains(word))
}

/// Whether a response header is kept from the plugin.
#[must_use]
pub fn is_secret_response_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_RESPONSE.contains(&name.as_str()) || name.starts_with("x-amz-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a25_a26_a180_what_is_the_hosts_is_told_apart_from_what_is_not() {
        for name in
            ["Host", "CONNECTION", "Transfer-Encoding", "te", "upgrade", "Keep-Alive", "Accept-Encoding", "proxy-x"]
        {
            assert!(frames_message(name), "{name}");
        }
        for name in [
            "Authorization",
            "cookie",
            "X-Api-Key",
            "x-goog-api-key",
            "x_api_key",
            "apikey",
            "X-Auth",
            "my-token",
            "x-secret",
            "AUTHORIZATION2",
            "x-amz-security-token",
        ] {
            assert!(holds_credential(name), "{name}");
        }
        for name in ["content-type", "accept", "anthropic-version", "anthropic-beta", "idempotency-key", "user-agent"] {
            assert!(!frames_message(name) && !holds_credential(name), "{name}");
        }
    }

    #[test]
    fn a100_secret_response_headers() {
        for name in ["Set-Cookie", "WWW-Authenticate", "x-amz-security-token", "X-Amz-Id-2"] {
            assert!(is_secret_response_header(name), "{name}");
        }
        for name in ["content-type", "retry-after", "anthropic-ratelimit-tokens-remaining", "request-id", "location"] {
            assert!(!is_secret_response_header(name), "{name}");
        }
    }

    #[test]
    fn tokens() {
        for (name, expect) in
            [("a", true), ("x-y_z.1", true), ("", false), ("a b", false), ("a:", false), ("ä", false), ("a\r\n", false)]
        {
            assert_eq!(is_token(name), expect, "{name:?}");
        }
    }
}
