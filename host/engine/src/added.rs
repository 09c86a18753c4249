//! Headers that the operator's entry adds to requests. Which names there may be, and to which server they go, is said
//! in `creel_policy::entry_headers`.

use std::sync::Arc;

use creel_policy::judge::{Refusal, Refused};
use creel_policy::origin::Origin;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::credential::Injectable;

/// Headers with their values, for one server.
#[derive(Clone, Debug, Default)]
pub struct AddedHeaders {
    /// The only server whose requests carry them.
    pub origin: Option<Origin>,
    /// The headers.
    pub headers: Vec<AddedHeader>,
}

/// A header with its value.
#[derive(Clone, Debug)]
pub struct AddedHeader {
    /// Lower case.
    pub name: String,
    /// The value, or why there is none; names the key of the configuration.
    pub value: Result<Arc<Injectable>, String>,
}

impl AddedHeaders {
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Arc<Injectable>> {
        self.headers.iter().filter_map(|header| header.value.as_ref().ok())
    }

    /// Puts them on a request to their server, in place of what the plugin wrote under the same names.
    pub(crate) fn put_on(&self, origin: &Origin, headers: &mut HeaderMap) -> Result<(), Refused> {
        if self.origin.as_ref() != Some(origin) {
            return Ok(());
        }
        for AddedHeader { name, value } in &self.headers {
            let missing = |rule: String| Refused { refusal: Refusal::CredentialMissing, rule };
            let secret = value.as_ref().map_err(|reason| missing(reason.clone()))?;
            let value = HeaderValue::from_str(&secret.secret().with_prefix(""));
            let name = HeaderName::from_bytes(name.as_bytes());
            let (Ok(name), Ok(mut value)) = (name, value) else {
                return Err(missing("a header of the operator's holds characters that no header can carry".into()));
            };
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(())
    }
}
