//! Which references nothing uses: no command is run, and no file opened, for what nobody wants. Which credential is
//! chosen is not asked here.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::ids::ProviderId;
use crate::profiles::Profiles;
use crate::route::targets;
use crate::secret_ref::SecretRef;

/// The references of stored profiles whose provider the configuration does not know: it has no entry, and no model of it
/// is named. The file of profiles is another program's, and may be full of them. What stands in the configuration itself
/// is always wanted (B20).
#[must_use]
pub fn idle_references(config: &Config, profiles: &Profiles) -> BTreeSet<SecretRef> {
    let mut known: BTreeSet<ProviderId> = config.models.providers.keys().cloned().collect();
    known.extend(targets(config).into_iter().map(|target| target.model.provider));
    known.extend(config.defaults.models.iter().flatten().map(|(model, _)| model.provider.clone()));
    let configured: BTreeSet<SecretRef> =
        config.secret_inputs().into_iter().filter_map(|(_, input)| input.reference().cloned()).collect();
    let of_profiles = profiles.profiles.iter().filter_map(|profile| {
        let reference = profile.credential.as_ref().ok().and_then(|stored| stored.secret.reference())?;
        Some((reference, profile.provider.as_ref().is_some_and(|id| known.contains(id))))
    });
    let used: BTreeSet<&SecretRef> =
        of_profiles.clone().filter(|(_, is_used)| *is_used).map(|(used, _)| used).collect();
    let is_idle = |reference: &&SecretRef| !used.contains(reference) && !configured.contains(reference);
    of_profiles.map(|(reference, _)| reference).filter(is_idle).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_config;
    use crate::profiles::parse_profiles;

    fn check(config: &str, expect: &[&str]) {
        let config = parse_config("creel.json5", config).unwrap_or_default();
        let profile = |id: &str, file_id: &str| {
            format!(
                r#""{id}": {{ "type": "api_key", "provider": "{}",
                    "keyRef": {{ "source": "exec", "provider": "p", "id": "{file_id}" }} }}"#,
                id.split(':').next().unwrap_or_default()
            )
        };
        let text = [profile("openai:a", "one"), profile("openai:b", "two"), profile("groq:a", "two")].join(",");
        let text = format!(r#"{{ "version": 1, "profiles": {{ {text} }} }}"#);
        let profiles = parse_profiles("auth-profiles.json", &text, &config.secrets).unwrap_or_default();
        assert_eq!(profiles.profiles.len(), 3);
        let idle: Vec<String> = idle_references(&config, &profiles).iter().map(ToString::to_string).collect();
        assert_eq!(idle, expect);
    }

    #[test]
    fn what_a_provider_of_the_configuration_could_use_is_not_idle() {
        check("{}", &["exec:p#one", "exec:p#two"]);
        check("{ models: { providers: { groq: {} } } }", &["exec:p#one"]);
        check("{ models: { providers: { openai: {} } } }", &[]);
        check(r#"{ agents: { defaults: { model: { primary: "openai/gpt" } } } }"#, &[]);
        check(r#"{ agents: { defaults: { model: { primary: "groq/x" }, models: { "openai/gpt": {} } } } }"#, &[]);
        let configured = r#"secrets: { providers: { p: { source: "exec", command: "/bin/x" } } },
            models: { providers: { mistral: { apiKey: { source: "exec", provider: "p", id: "one" } } } }"#;
        check(&format!("{{ {configured} }}"), &["exec:p#two"]);
    }
}
