//! The variables of the environment that can decide which credential of a provider is sent, and whether two
//! environments agree on them. Values are never compared, only keyed fingerprints; reading either is the store's.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::ids::ProviderId;
use crate::manifest::CredentialSlot;
use crate::profiles::Profiles;

use super::{Availability, SecretSource};

/// Whether a variable is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VariableState {
    /// It holds something.
    Set,
    /// It is not there.
    Unset,
    /// It holds nothing but white space.
    Blank,
}

/// A variable of one environment, without its value.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Whether it is there.
    pub state: VariableState,
    /// Tells its value from others under the key of the state directory; `None` for one that could not be sent.
    pub fingerprint: Option<String>,
}

/// One variable in two environments.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Comparison {
    /// Its name.
    pub name: String,
    /// What it is for the daemon.
    pub daemon: VariableState,
    /// What it is for whoever asks.
    pub shell: VariableState,
    /// Whether both are known to be the same.
    pub same: bool,
    /// What differs; `None` where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Variable {
    /// Takes what is known of a variable.
    #[must_use]
    pub fn of(name: &str, known: Availability) -> Self {
        let (state, fingerprint) = match known {
            Availability::Present { fingerprint } => (VariableState::Set, Some(fingerprint)),
            Availability::Refused(_) | Availability::Marker(_) => (VariableState::Set, None),
            Availability::Missing(_) => (VariableState::Unset, None),
            Availability::Blank => (VariableState::Blank, None),
        };
        Self { name: name.to_owned(), state, fingerprint }
    }
}

/// Names the variables that can decide: those that the slots of the provider's plugin look for, and those that
/// references of its entry and of its profiles name.
#[must_use]
pub fn variables<'a>(
    config: &Config,
    profiles: &Profiles,
    provider: &ProviderId,
    slots: impl IntoIterator<Item = &'a CredentialSlot>,
) -> BTreeSet<String> {
    let wanted = slots.into_iter().flat_map(|slot| &slot.classes).flat_map(|rule| rule.environment.iter().cloned());
    let prefix = config.models.providers.get(provider).map(|entry| format!("{}.", entry.key));
    let is_own = |key: &str| prefix.as_ref().is_some_and(|prefix| key.starts_with(prefix.as_str()));
    let of_config = config.secret_inputs().into_iter().filter(|(key, _)| is_own(key)).map(|(_, input)| input);
    let own = profiles.profiles.iter().filter(|profile| profile.provider.as_ref() == Some(provider));
    let of_profiles = own.filter_map(|profile| profile.credential.as_ref().ok()).map(|stored| &stored.secret);
    let referenced = of_config.chain(of_profiles).filter_map(|input| {
        match SecretSource::of(input, || SecretSource::Config(String::new())) {
            SecretSource::Environment(name) => Some(name),
            SecretSource::Config(_) | SecretSource::Profile(_) | SecretSource::Reference(_) => None,
        }
    });
    wanted.chain(referenced).collect()
}

/// Compares what the daemon has with what a shell has, variable by variable.
#[must_use]
pub fn compare(daemon: &[Variable], shell: impl Fn(&str) -> Variable) -> Vec<Comparison> {
    daemon.iter().map(|theirs| compare_one(theirs, &shell(&theirs.name))).collect()
}

fn compare_one(daemon: &Variable, shell: &Variable) -> Comparison {
    use VariableState::{Blank, Set, Unset};
    let detail = match (daemon.state, shell.state) {
        (Set, Set) => match (&daemon.fingerprint, &shell.fingerprint) {
            (Some(theirs), Some(ours)) if theirs == ours => None,
            (Some(theirs), Some(ours)) => {
                Some(format!("other values: fingerprint {theirs} for the daemon, {ours} in this shell"))
            }
            (None, Some(_)) => Some("the daemon has a value that could not be sent".to_owned()),
            (Some(_), None) => Some("this shell has a value that could not be sent".to_owned()),
            (None, None) => Some("neither value could be sent, so they are not compared".to_owned()),
        },
        (Unset, Unset) | (Blank, Blank) => None,
        (Set, Unset) => Some("only the daemon has it".to_owned()),
        (Unset, Set) => Some("only this shell has it".to_owned()),
        (Set | Unset, Blank) => Some("it is blank in this shell".to_owned()),
        (Blank, Set | Unset) => Some("it is blank for the daemon".to_owned()),
    };
    Comparison { name: daemon.name.clone(), daemon: daemon.state, shell: shell.state, same: detail.is_none(), detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_config;
    use crate::manifest::Manifest;
    use crate::profiles::parse_profiles;

    const MANIFEST: &str = "[plugin]\nid = \"anthropic\"\nversion = \"1.0.0\"\ninterface = \"creel:plugin@0.1\"\n\
        summary = \"Words\"\n[provider]\napis = []\n[endpoints.api]\ndefault = \"https://api.example\"\n\
        allow = [{ method = \"POST\", path = \"/x\" }]\n[credentials.account]\nendpoint = \"api\"\n\
        [[credentials.account.classes]]\nclass = [\"api_key\"]\nenvironment = [\"SOUGHT\"]\n\
        place = { header = \"x-api-key\" }\n";

    fn variable(state: VariableState, fingerprint: Option<&str>) -> Variable {
        Variable { name: "KEY".to_owned(), state, fingerprint: fingerprint.map(str::to_owned) }
    }

    fn check(daemon: (VariableState, Option<&str>), shell: (VariableState, Option<&str>), detail: Option<&str>) {
        let all = compare(&[variable(daemon.0, daemon.1)], |_| variable(shell.0, shell.1));
        let expect = Comparison {
            name: "KEY".to_owned(),
            daemon: daemon.0,
            shell: shell.0,
            same: detail.is_none(),
            detail: detail.map(str::to_owned),
        };
        assert_eq!(all, [expect]);
    }

    #[test]
    fn two_environments_agree_or_the_difference_is_told() {
        use VariableState::{Blank, Set, Unset};
        check((Set, Some("aa")), (Set, Some("aa")), None);
        check((Unset, None), (Unset, None), None);
        check((Blank, None), (Blank, None), None);
        let other = "other values: fingerprint aa for the daemon, bb in this shell";
        check((Set, Some("aa")), (Set, Some("bb")), Some(other));
        check((Set, Some("aa")), (Unset, None), Some("only the daemon has it"));
        check((Unset, None), (Set, Some("aa")), Some("only this shell has it"));
        check((Blank, None), (Set, Some("aa")), Some("it is blank for the daemon"));
        check((Unset, None), (Blank, None), Some("it is blank in this shell"));
        check((Set, None), (Set, Some("aa")), Some("the daemon has a value that could not be sent"));
        check((Set, Some("aa")), (Set, None), Some("this shell has a value that could not be sent"));
        check((Set, None), (Set, None), Some("neither value could be sent, so they are not compared"));
    }

    #[test]
    fn what_can_decide_is_named_and_nothing_of_other_providers() {
        let config = "{ models: { providers: { anthropic: { apiKey: '${OWN}' }, openai: { apiKey: '${OTHER}' } } } }";
        let config = parse_config("c", config).unwrap();
        let profile = |id: &str, name: &str| {
            let provider = id.split(':').next().unwrap_or_default();
            format!(
                r#""{id}": {{ "type": "api_key", "provider": "{provider}", "keyRef": {{ "source": "env", "provider": "default", "id": "{name}" }} }}"#
            )
        };
        let all = [profile("anthropic:a", "STORED"), profile("openai:b", "FOREIGN")].join(", ");
        let text = format!(r#"{{ "version": 1, "profiles": {{ {all} }} }}"#);
        let profiles = parse_profiles("p", &text, &config.secrets).unwrap();
        let manifest = Manifest::parse(MANIFEST).unwrap();
        let provider = ProviderId::parse("anthropic").unwrap();
        let names = variables(&config, &profiles, &provider, manifest.credentials.values());
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["OWN", "SOUGHT", "STORED"]);
    }
}
