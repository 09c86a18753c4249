//! What an operator's entry adds to the requests of its plugin: headers, and the key as a bearer token. Whether that
//! agrees with where the plugin's credential goes is decided here; values are never seen.

use crate::manifest::Placement;
use crate::origin::Origin;

/// The header that `authHeader` sets.
const AUTHORIZATION: &str = "authorization";

/// What an entry adds to requests, and to which.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct EntryHeaders {
    /// The entry's own server. No request to another one gets any of this.
    pub origin: Option<Origin>,
    /// The headers by lower-case name, each with the key of the configuration that sets it.
    pub names: Vec<(String, String)>,
    /// The key of the configuration that wants `authorization: Bearer <key>` beside the plugin's own place.
    pub auth_header: Option<String>,
}

/// Two rules that set one header (attack 67). Neither wins.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderConflict {
    /// An operator's header is one of the credential's.
    #[error("`{key}` and the plugin's credential both set the header `{name}`")]
    Header {
        /// The operator's key.
        key: String,
        /// The header.
        name: String,
    },
    /// `authHeader` and the plugin say different things of `authorization`.
    #[error("`{key}` and the plugin's credential both set the header `authorization`")]
    Bearer {
        /// The operator's key.
        key: String,
    },
    /// The credential signs, and must not be sent.
    #[error("`{key}` would send a credential that the plugin only signs with")]
    SigningKey {
        /// The operator's key.
        key: String,
    },
}

impl HeaderConflict {
    /// The operator's key that it is about.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Header { key, .. } | Self::Bearer { key } | Self::SigningKey { key } => key,
        }
    }
}

impl EntryHeaders {
    /// Whether a request to this origin gets any of it.
    #[must_use]
    pub fn go_to(&self, origin: &Origin) -> bool {
        self.origin.as_ref() == Some(origin)
    }

    /// Whether the entry and a credential of the plugin can be on one request.
    ///
    /// # Errors
    ///
    /// [`HeaderConflict`] where both would set one header.
    pub fn agree_with(&self, place: &Placement) -> Result<(), HeaderConflict> {
        if let Some(key) = &self.auth_header {
            self.check_bearer(place, key)?;
        }
        for (name, key) in &self.names {
            // C56: with `authHeader` what the operator wrote as `authorization` is replaced, and so sets nothing.
            let is_replaced = self.auth_header.is_some() && name == AUTHORIZATION;
            if !is_replaced && place.headers().contains(&name.as_str()) {
                return Err(HeaderConflict::Header { key: key.clone(), name: name.clone() });
            }
        }
        Ok(())
    }

    fn check_bearer(&self, place: &Placement, key: &str) -> Result<(), HeaderConflict> {
        let key = key.to_owned();
        match place {
            // The same header with the same value, said twice.
            Placement::Header { name, prefix } if name == AUTHORIZATION && prefix == "Bearer " => Ok(()),
            Placement::Header { name, .. } if name == AUTHORIZATION => Err(HeaderConflict::Bearer { key }),
            Placement::Header { .. } | Placement::Query { .. } | Placement::Path { .. } => Ok(()),
            Placement::Basic { .. } => Err(HeaderConflict::Bearer { key }),
            Placement::HmacSha256(_) | Placement::AwsSigv4 { .. } => Err(HeaderConflict::SigningKey { key }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, prefix: &str) -> Placement {
        Placement::Header { name: name.into(), prefix: prefix.into() }
    }

    #[track_caller]
    fn check(names: &[&str], auth_header: bool, place: &Placement, expect: Result<(), &str>) {
        let names = names.iter().map(|name| ((*name).to_owned(), format!("p.headers.{name}"))).collect();
        let auth_header = auth_header.then(|| "p.authHeader".to_owned());
        let said = EntryHeaders { origin: None, names, auth_header }.agree_with(place);
        assert_eq!(said.map_err(|conflict| conflict.to_string()), expect.map_err(str::to_owned), "{place}");
    }

    #[test]
    fn a67_two_rules_for_one_header_are_refused_and_neither_wins() {
        let both = "`p.headers.x-api-key` and the plugin's credential both set the header `x-api-key`";
        check(&["x-api-key"], false, &header("x-api-key", ""), Err(both));
        check(&["x-api-key"], true, &header("x-api-key", ""), Err(both));
        check(&["x-api-keys", "authorization"], false, &header("x-api-key", ""), Ok(()));
        let both = "`p.headers.authorization` and the plugin's credential both set the header `authorization`";
        check(&["authorization"], false, &header("authorization", "Bearer "), Err(both));
        check(&["authorization"], false, &Placement::Basic { user: None }, Err(both));
        check(&["authorization"], false, &Placement::Query { name: "key".into() }, Ok(()));
    }

    #[test]
    fn c56_auth_header_replaces_the_operators_own_and_nothing_of_the_plugins() {
        check(&["authorization"], true, &header("x-api-key", ""), Ok(()));
        check(&["authorization"], true, &header("authorization", "Bearer "), Ok(()));
        let both = "`p.authHeader` and the plugin's credential both set the header `authorization`";
        check(&[], true, &header("authorization", "Token "), Err(both));
        check(&[], true, &Placement::Basic { user: None }, Err(both));
        let aws = Placement::AwsSigv4 {
            service: "bedrock".into(),
            region: crate::manifest::Word::Fixed("us-east-1".into()),
            unsigned_payload: false,
        };
        check(&[], true, &aws, Err("`p.authHeader` would send a credential that the plugin only signs with"));
        let both = "`p.headers.x-amz-date` and the plugin's credential both set the header `x-amz-date`";
        check(&["x-amz-date"], false, &aws, Err(both));
    }
}
