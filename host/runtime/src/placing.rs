//! From what was selected to what is put on a request: the values of a credential and of the operator's headers, made
//! ready. Nothing is chosen here.

use std::sync::Arc;

use creel_engine::{AddedHeader, AddedHeaders, BadInjection, Injectable, Injection, Secrets, Slot};
use creel_policy::credential::{
    Availability, CredentialDerivation, Known as _, SecretSource, SelectedSecret, Selection, companions, header_sources,
};
use creel_policy::grant::Grant;
use creel_policy::ids::ProviderId;
use creel_policy::manifest::{ClassRule, CredentialSlot};

use crate::knowledge::Knowledge;

impl Knowledge {
    /// What goes into a slot of a call.
    pub(crate) fn slot(
        &self,
        (grant, slot): (&Grant, &CredentialSlot),
        derivation: &CredentialDerivation,
        selection: Selection,
    ) -> Slot {
        match selection {
            Selection::Secret(selected) => match slot.classes.get(selected.rule) {
                Some(rule) => self.injection(grant, rule, &selected).map_or_else(Slot::Missing, Slot::Ready),
                None => Slot::Missing(format!("the plugin has no place for `{}`", selected.source)),
            },
            Selection::Bare => Slot::Bare,
            Selection::Failed => {
                let reason = derivation.failure.clone();
                Slot::Missing(reason.unwrap_or_else(|| "no usable credential was found".to_owned()))
            }
        }
    }

    fn injection(&self, grant: &Grant, rule: &ClassRule, selected: &SelectedSecret) -> Result<Injection, String> {
        // Two rules that set one header are no credential that could be sent (attack 67).
        grant.headers.agree_with(&rule.place).map_err(|conflict| conflict.to_string())?;
        let source = &selected.source;
        let gone = |source: &SecretSource| format!("the value of `{source}` is gone");
        let held = |source: &SecretSource| {
            let renewed = self.renewed(source).map(|held| held.access);
            renewed.or_else(|| self.secrets.get(source).map(Arc::clone)).ok_or_else(|| gone(source))
        };
        let variable = |name: &String| SecretSource::Environment(name.clone());
        let others = companions(rule, source);
        let secrets = Secrets {
            first: held(source)?,
            secret: others.map(|others| held(&variable(&others.secret))).transpose()?,
            // Temporary credentials have one, others have not; a blank one is none.
            token: others.and_then(|others| self.secrets.get(&variable(others.token.as_ref()?)).map(Arc::clone)),
        };
        let injection = Injection::new(&secrets, rule);
        let injection = match &grant.headers.auth_header {
            Some(_) => injection.and_then(Injection::also_as_bearer),
            None => injection,
        };
        injection.map_err(|error| match error {
            BadInjection::Unset(setting) => format!("`{}.{setting}` is required to use `{source}`", grant.entry),
            BadInjection::Unfit(_) | BadInjection::OnlySigns => format!("`{source}` cannot be used: {error}"),
        })
    }

    /// The headers that a provider's entry adds to its requests.
    pub(crate) fn added_headers(&self, provider: &ProviderId) -> AddedHeaders {
        let entry = self.config.models.providers.get(provider);
        let (Some(entry), Some(planned)) = (entry, self.plan.providers.get(provider)) else {
            return AddedHeaders::default();
        };
        let headers = header_sources(entry).map(|(header, source)| AddedHeader {
            name: header.name.clone(),
            value: self.header_value(&header.key, &source),
        });
        AddedHeaders { origin: planned.grant.headers.origin.clone(), headers: headers.collect() }
    }

    /// The headers of each export to the collector of `gateway.telemetry`.
    #[must_use]
    pub fn telemetry_headers(&self) -> Vec<AddedHeader> {
        let headers = self.config.gateway.telemetry.iter().flat_map(|telemetry| &telemetry.headers);
        let made = headers.map(|header| {
            let source = SecretSource::of(&header.value, || SecretSource::Config(header.key.clone()));
            AddedHeader { name: header.name.clone(), value: self.header_value(&header.key, &source) }
        });
        made.collect()
    }

    fn header_value(&self, key: &str, source: &SecretSource) -> Result<Arc<Injectable>, String> {
        let shown = match source {
            SecretSource::Config(_) => String::new(),
            SecretSource::Environment(_) | SecretSource::Profile(_) | SecretSource::Reference(_) => {
                format!(" ({source})")
            }
        };
        self.secrets.get(source).map(Arc::clone).ok_or_else(|| match self.secrets.availability(source) {
            Availability::Missing(what) => format!("the header `{key}`{shown} is {what}"),
            Availability::Blank => format!("the header `{key}`{shown} is blank"),
            Availability::Refused(why) => format!("the header `{key}`{shown} cannot be used: {why}"),
            Availability::Marker(_) => format!("the header `{key}`{shown} holds a marker and no value"),
            Availability::Present { .. } => format!("the value of the header `{key}`{shown} is gone"),
        })
    }
}
