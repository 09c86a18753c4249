//! Credentials of several parts whose parts stand in variables of their own: which belong together, and whether all are
//! there.

use crate::manifest::{ClassRule, Companions};

use super::contenders::Context;
use super::{Availability, SecretSource};

/// The variables that go with a source; `None` where its value is the whole credential.
#[must_use]
pub fn companions<'r>(rule: &'r ClassRule, source: &SecretSource) -> Option<&'r Companions> {
    let SecretSource::Environment(name) = source else { return None };
    rule.companions.as_ref().filter(|_| rule.environment.contains(name))
}

/// Every variable that a rule may want to read.
pub(super) fn variables(rule: &ClassRule) -> impl Iterator<Item = &str> {
    let others = rule.companions.iter().flat_map(|others| std::iter::once(&others.secret).chain(&others.token));
    rule.environment.iter().chain(others).map(String::as_str)
}

impl Context<'_> {
    /// The fingerprint of a whole credential whose first part is there: that of its secret part. The first part alone
    /// is only a name.
    pub(super) fn complete(self, rule: usize, source: &SecretSource, fingerprint: String) -> Result<String, String> {
        let rule = self.request.slot.classes.get(rule);
        let Some(others) = rule.and_then(|rule| companions(rule, source)) else { return Ok(fingerprint) };
        let of = |name: &String| self.known.availability(&SecretSource::Environment(name.clone()));
        if let Some(Availability::Refused(why)) = others.token.as_ref().map(of) {
            return Err(format!("{source} goes with a variable that cannot be used: {why}"));
        }
        match of(&others.secret) {
            Availability::Present { fingerprint } => Ok(fingerprint),
            Availability::Missing(what) => Err(format!("{source} goes with `{}`, which is {what}", others.secret)),
            Availability::Blank => Err(format!("{source} goes with `{}`, which is blank", others.secret)),
            Availability::Refused(why) => {
                Err(format!("{source} goes with `{}`, which cannot be used: {why}", others.secret))
            }
            Availability::Marker(_) => {
                Err(format!("{source} goes with `{}`, which holds a marker and no credential", others.secret))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{CredentialRequest, Known, Server, Use, Verdict, secret_sources, select};
    use super::*;
    use crate::config::parse_config;
    use crate::cooldown::Health;
    use crate::ids::ProviderId;
    use crate::manifest::Manifest;
    use crate::profiles::Profiles;

    const MANIFEST: &str = r#"
[plugin]
id = "aws"
version = "0.1.0"
interface = "creel:plugin@0.1"
[endpoints.api]
default = "https://api.x.com"
allow = [{ method = "GET", path = "/*" }]
[credentials.account]
endpoint = "api"
[[credentials.account.classes]]
class = ["api_key"]
environment = ["AN_ID"]
companions = { secret = "A_KEY", token = "A_TOKEN" }
place = { sign = "aws-sigv4", service = "bedrock", region = "us-east-1" }
"#;

    /// The only candidate that is no marker, its verdict and reason, and the winner's fingerprint.
    fn told(config: &str, known: &[(&str, Availability)]) -> (Verdict, String, Option<String>) {
        let manifest = Manifest::parse(MANIFEST).expect("a manifest");
        let config = parse_config("creel.json5", config).expect("a configuration");
        let known: BTreeMap<SecretSource, Availability> =
            known.iter().map(|(name, state)| (SecretSource::Environment((*name).to_owned()), state.clone())).collect();
        let provider = ProviderId::parse("aws").expect("an id");
        let homes = BTreeMap::new();
        let server = Server { plugin: &manifest.plugin.id, keyless: false, origin: None, homes: &homes };
        let request = CredentialRequest {
            provider: &provider,
            slot: &manifest.credentials["account"],
            server,
            use_: Use::Chat,
            profile: None,
            preferred_profile: None,
            now_ms: 0,
            health: Health::default(),
        };
        let (derivation, _) = select(&config, &Profiles::default(), &known as &dyn Known, &request);
        let first = &derivation.candidates[0];
        (first.verdict, first.reason.clone(), first.fingerprint.clone())
    }

    fn present(fingerprint: &str) -> Availability {
        Availability::Present { fingerprint: fingerprint.to_owned() }
    }

    #[test]
    fn a_credential_of_parts_is_whole_or_fails() {
        let (verdict, _, fingerprint) = told("{}", &[("AN_ID", present("id")), ("A_KEY", present("key"))]);
        assert_eq!(
            (verdict, fingerprint.as_deref()),
            (Verdict::Chosen, Some("key")),
            "the secret part tells keys apart"
        );
        let by_reference = "{ models: { providers: { aws: { apiKey: '${AN_ID}' } } } }";
        for config in ["{}", by_reference] {
            let (verdict, reason, _) = told(config, &[("AN_ID", present("id"))]);
            assert_eq!((verdict, reason.as_str()), (Verdict::Failed, "env:AN_ID goes with `A_KEY`, which is not set"));
            let (verdict, reason, _) = told(config, &[("AN_ID", present("id")), ("A_KEY", Availability::Blank)]);
            assert_eq!((verdict, reason.as_str()), (Verdict::Failed, "env:AN_ID goes with `A_KEY`, which is blank"));
        }
        let (verdict, reason, _) = told("{}", &[("A_KEY", present("key"))]);
        assert_eq!((verdict, reason.as_str()), (Verdict::PassedOver, "not set"));
    }

    #[test]
    fn all_parts_are_read_beforehand() {
        let manifest = Manifest::parse(MANIFEST).expect("a manifest");
        let manifests = BTreeMap::from([(ProviderId::parse("aws").expect("an id"), &manifest)]);
        let config = parse_config("creel.json5", "{}").expect("a configuration");
        let sources = secret_sources(&config, &Profiles::default(), &manifests);
        let names: Vec<_> = sources.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["env:AN_ID", "env:A_KEY", "env:A_TOKEN"]);
    }
}
