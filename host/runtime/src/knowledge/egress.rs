//! The answer to `explain egress`. The rule that decides is the one that a call meets.

use std::sync::Arc;

use creel_policy::address::{AddressRefusal, vet};
use creel_policy::grant::{EndpointGrant, Grant};
use creel_policy::judge::{Outgoing, Refusal, Refused, Target, judge};
use serde::Serialize;

use super::Knowledge;

/// The answer to "may this plugin send that?".
#[derive(Clone, Debug, Serialize)]
pub struct EgressExplanation {
    /// The plugin.
    pub plugin: String,
    /// The entry of the configuration that grants.
    pub entry: Option<String>,
    /// `allowed` or `refused`.
    pub verdict: &'static str,
    /// The rule that decided.
    pub rule: String,
    /// What the entry grants.
    pub grants: Vec<GrantedEndpoint>,
}

/// A granted endpoint.
#[derive(Clone, Debug, Serialize)]
pub struct GrantedEndpoint {
    /// The name that the plugin uses.
    pub endpoint: String,
    /// Scheme, host, port and base path.
    pub base: String,
    /// Methods with their paths.
    pub allow: Vec<String>,
    /// Who said so.
    pub source: String,
    /// Whether it may be at an address that is not public.
    pub may_be_private: bool,
}

impl Knowledge {
    /// Whether a plugin, or an entry of the configuration, may send that request, and by which rule. Where several
    /// entries grant something to the plugin, the one that allows it is named, else the first that refuses.
    #[must_use]
    pub fn explain_egress(&self, name: &str, method: &str, url: &str) -> EgressExplanation {
        let providers = self.plan.providers.values().map(|provider| &provider.grant);
        let channels = self.plan.channels.values().map(|channel| &channel.grant);
        let of_name = |grant: &&Arc<Grant>| grant.plugin.as_str() == name || grant.entry == name;
        let judged = providers.chain(channels).filter(of_name).map(|grant| (grant, judge_url(grant, method, url)));
        let mut judged: Vec<_> = judged.collect();
        judged.sort_by_key(|(_, verdict)| verdict.is_err());
        let Some((grant, verdict)) = judged.into_iter().next() else {
            return EgressExplanation {
                plugin: name.to_owned(),
                entry: None,
                verdict: "refused",
                rule: format!("nothing is granted to `{name}`: no entry of the configuration names it"),
                grants: Vec::new(),
            };
        };
        EgressExplanation {
            plugin: grant.plugin.to_string(),
            entry: Some(grant.entry.clone()),
            verdict: if verdict.is_ok() { "allowed" } else { "refused" },
            rule: verdict.unwrap_or_else(|refusal| refusal),
            grants: granted(grant),
        }
    }
}

/// Judges a request by its target alone. A name is not resolved here: what it leads to is vetted when it is sent.
fn judge_url(grant: &Grant, method: &str, url: &str) -> Result<String, String> {
    let outgoing =
        Outgoing { method, target: Target::Url(url), headers: &[], credential: None, body_bytes: 0, media_bytes: 0 };
    let permit = judge(grant, &outgoing).map_err(|refused| refused.to_string())?;
    match vet(permit.origin.host(), &[], permit.may_be_private) {
        Ok(()) | Err(AddressRefusal::NoAddress { .. }) => {
            Ok(format!("endpoint `{}` of `{}`", permit.endpoint, grant.entry))
        }
        Err(refusal) => Err(Refused::new(Refusal::PrivateAddress, refusal.to_string()).to_string()),
    }
}

fn granted(grant: &Grant) -> Vec<GrantedEndpoint> {
    let endpoint = |(name, endpoint): (&String, &EndpointGrant)| GrantedEndpoint {
        endpoint: name.clone(),
        base: endpoint.base.to_string(),
        allow: endpoint.allow.iter().map(|allow| format!("{} {}", allow.method, allow.path)).collect(),
        source: endpoint.source.clone(),
        may_be_private: endpoint.may_be_private,
    };
    grant.endpoints.iter().map(endpoint).collect()
}
