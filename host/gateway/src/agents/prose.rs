//! Agents as people read them. Nothing is found out here.

use creel_policy::agent::{AgentGrant, AgentToken, DayUsage};
use creel_policy::config::GatewayConfig;
use creel_policy::moment::{rfc3339, span};
use creel_store::agents::AgentRow;

use crate::cli::LISTEN_PORT;

/// Where a client on this machine finds the daemon.
pub(super) fn base_url(gateway: &GatewayConfig) -> String {
    format!("http://127.0.0.1:{}", gateway.port.unwrap_or(LISTEN_PORT))
}

/// A token, and how it is used.
pub(super) fn token(deed: &str, token: &AgentToken, url: &str) -> String {
    let (agent, secret) = (token.agent(), token.expose());
    format!(
        "{deed} the agent `{agent}`. This is its token; it is shown this once and stored nowhere:\n\n  \
         {secret}\n\n\
         Programs for OpenAI:     OPENAI_BASE_URL={url}/v1  OPENAI_API_KEY=<the token>\n\
         Programs for Anthropic:  ANTHROPIC_BASE_URL={url}  ANTHROPIC_API_KEY=<the token>\n\
         Others:                  authorization: Bearer <the token>\n"
    )
}

/// What a grant gives, a line each.
pub(super) fn grant(grant: &AgentGrant) -> String {
    let mut text = String::new();
    let json = grant.to_json();
    for (key, value) in json.as_object().into_iter().flatten() {
        let said = match value {
            serde_json::Value::Array(values) => {
                values.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(", ")
            }
            value => match grant.expires_ms.filter(|_| key == "expires") {
                Some(expires_ms) => rfc3339(expires_ms),
                None => value.to_string(),
            },
        };
        line(&mut text, key, &said);
    }
    if grant.models.is_empty() {
        line(&mut text, "models", "none: it may use no model");
    }
    text
}

/// An agent with all that is known of it.
pub(super) fn agent(row: &AgentRow, used: &DayUsage, now_ms: u64) -> String {
    let mut text = format!("{}\n", row.id);
    line(&mut text, "state", &state(row, now_ms));
    line(&mut text, "made", &rfc3339(row.created_ms));
    if let Some(rotated_ms) = row.rotated_ms {
        line(&mut text, "other token", &format!("since {}", rfc3339(rotated_ms)));
    }
    if let Some(earlier) = row.earlier.filter(|earlier| earlier.until_ms > now_ms) {
        line(&mut text, "earlier token", &format!("is taken until {}", rfc3339(earlier.until_ms)));
    }
    line(&mut text, "today", &usage(used));
    text + &grant(&row.grant)
}

/// All agents, a line each.
pub(super) fn list(agents: &[(AgentRow, DayUsage)], now_ms: u64) -> String {
    if agents.is_empty() {
        return "there are no agents; `creel agents add NAME --models LIST` makes one\n".to_owned();
    }
    let width = agents.iter().map(|(row, _)| row.id.as_str().len()).max().unwrap_or_default();
    let line = |(row, used): &(AgentRow, DayUsage)| {
        let models: Vec<String> = row.grant.models.iter().map(ToString::to_string).collect();
        let models = if models.is_empty() { "no models".to_owned() } else { models.join(", ") };
        format!("{:width$}  {}; {models}; today {}\n", row.id.as_str(), state(row, now_ms), usage(used))
    };
    agents.iter().map(line).collect()
}

fn state(row: &AgentRow, now_ms: u64) -> String {
    match (row.revoked_ms, row.grant.expires_ms) {
        (Some(revoked_ms), _) => format!("revoked since {}", rfc3339(revoked_ms)),
        (None, Some(expires_ms)) if expires_ms <= now_ms => format!("ended at {}", rfc3339(expires_ms)),
        (None, Some(expires_ms)) => format!("let in for {} more", span(expires_ms - now_ms)),
        (None, None) => "let in".to_owned(),
    }
}

fn usage(used: &DayUsage) -> String {
    let DayUsage { requests, tokens_in, tokens_out, micro_usd } = used;
    let (dollars, millionths) = (micro_usd / 1_000_000, micro_usd % 1_000_000);
    format!("{requests} requests, {tokens_in} tokens in, {tokens_out} out, ${dollars}.{millionths:06}")
}

fn line(text: &mut String, key: &str, value: &str) {
    text.push_str(&format!("  {key:18} {value}\n"));
}

#[cfg(test)]
mod tests {
    use creel_policy::ids::AgentId;
    use creel_store::agents::{EarlierToken, TokenHash};

    use super::*;

    fn row(json: &str) -> AgentRow {
        let id = AgentId::parse("coder").expect("an id");
        let token = TokenHash::of(&AgentToken::from_random(&id, &[1; 32]));
        let earlier = Some(EarlierToken { hash: token, until_ms: 60_000 });
        let grant = AgentGrant::parse("grant", json).expect("a grant");
        AgentRow { id, token, earlier, grant, created_ms: 0, rotated_ms: Some(1_000), revoked_ms: None }
    }

    #[test]
    fn an_agent_is_shown_with_its_grant_and_what_it_has_used() {
        let row = row(r#"{"models":["a/*","fast"],"usdPerDay":2.5,"expires":90000}"#);
        let used = DayUsage { requests: 3, tokens_in: 20, tokens_out: 4, micro_usd: 1_000_250 };
        let expect = "coder\n  state              let in for 31s more\n  made               1970-01-01T00:00:00Z\n  \
            other token        since 1970-01-01T00:00:01Z\n  earlier token      is taken until 1970-01-01T00:01:00Z\n  \
            today              3 requests, 20 tokens in, 4 out, $1.000250\n  models             a/*, fast\n  \
            usdPerDay          2.5\n  expires            1970-01-01T00:01:30Z\n";
        assert_eq!(agent(&row, &used, 59_000), expect);
        let later = agent(&row, &used, 90_000);
        assert!(later.contains("ended at 1970-01-01T00:01:30Z") && !later.contains("earlier token"), "{later}");
    }

    #[test]
    fn agents_are_listed() {
        let none = "there are no agents; `creel agents add NAME --models LIST` makes one\n";
        assert_eq!(list(&[], 0), none);
        let revoked = AgentRow { revoked_ms: Some(0), ..row("{}") };
        let expect = "coder  revoked since 1970-01-01T00:00:00Z; no models; today 0 requests, 0 tokens in, 0 out, \
            $0.000000\n";
        assert_eq!(list(&[(revoked, DayUsage::default())], 0), expect);
    }

    #[test]
    fn a_token_comes_with_its_use() {
        let id = AgentId::parse("coder").expect("an id");
        let made = AgentToken::from_random(&id, &[1; 32]);
        let text = token("made", &made, &base_url(&GatewayConfig::default()));
        assert!(text.starts_with("made the agent `coder`. This is its token"), "{text}");
        assert!(text.contains(&format!("\n\n  {}\n\n", made.expose())), "{text}");
        assert!(text.contains("OPENAI_BASE_URL=http://127.0.0.1:18790/v1 "), "{text}");
        assert!(text.contains("ANTHROPIC_BASE_URL=http://127.0.0.1:18790 "), "{text}");
    }
}
