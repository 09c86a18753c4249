//! The betas that a request names in `anthropic-beta`: which of them exist, and what needs one.

use serde_json::Value;

use super::error::ApiError;
use crate::exchange::Recorded;

/// The betas that the fake knows.
const KNOWN: [&str; 22] = [
    "advanced-tool-use-2025-11-20",
    "claude-code-20250219",
    "code-execution-2025-08-25",
    "computer-use-2024-10-22",
    "computer-use-2025-01-24",
    "context-1m-2025-08-07",
    "context-management-2025-06-27",
    "effort-2025-11-24",
    "extended-cache-ttl-2025-04-11",
    "files-api-2025-04-14",
    "fine-grained-tool-streaming-2025-05-14",
    "interleaved-thinking-2025-05-14",
    "mcp-client-2025-11-20",
    "oauth-2025-04-20",
    "prompt-caching-2024-07-31",
    "prompt-caching-scope-2026-01-05",
    "structured-outputs-2025-11-13",
    "structured-outputs-2025-12-15",
    "thinking-binding-controls-2026-08-01",
    "thinking-display-updates-2026-08-18",
    "thinking-token-count-2026-05-13",
    "token-counting-2024-11-01",
];
/// What `context_management` needs.
const CONTEXT_MANAGEMENT: &str = "context-management-2025-06-27";

/// The betas of a request, in their order.
pub(super) fn parse(request: &Recorded) -> Result<Vec<String>, ApiError> {
    let values = request.headers.get_all("anthropic-beta");
    let values = values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let betas: Vec<String> = values.map(|beta| beta.trim().to_owned()).filter(|beta| !beta.is_empty()).collect();
    match betas.iter().find(|beta| !KNOWN.contains(&beta.as_str())) {
        None => Ok(betas),
        Some(unknown) => Err(ApiError::invalid(format!(
            "Unexpected value(s) `{unknown}` for the `anthropic-beta` header. Please consult our documentation at docs.anthropic.com or try again without the header."
        ))),
    }
}

/// Refuses what only a beta allows.
pub(super) fn check(body: &Value, betas: &[String]) -> Result<(), ApiError> {
    let Some(management) = body.get("context_management").filter(|management| !management.is_null()) else {
        return Ok(());
    };
    if !betas.iter().any(|beta| beta == CONTEXT_MANAGEMENT) {
        return Err(ApiError::invalid("context_management: Extra inputs are not permitted"));
    }
    let known = ["clear_tool_uses_20250919", "clear_thinking_20251015", "compact_20260112"];
    for (index, edit) in management.get("edits").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let kind = edit.get("type").and_then(Value::as_str).unwrap_or_default();
        if !known.contains(&kind) {
            let text = format!(
                "context_management.edits.{index}: Input tag '{kind}' found using 'type' does not match any of the expected tags"
            );
            return Err(ApiError::invalid(text));
        }
    }
    Ok(())
}
