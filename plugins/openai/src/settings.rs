//! What the operator may set. Which words a server takes is said in `server`.

use creel_sdk::Request;
use serde::Deserialize;

use crate::server::{Name, Server};

/// The operator's settings.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Settings {
    #[serde(default)]
    server: Name,
    responses: Option<bool>,
    organization: Option<String>,
    project: Option<String>,
}

impl Settings {
    /// What the server takes.
    pub(crate) fn server(&self) -> &'static Server {
        self.server.facts()
    }

    /// Whether the server has `/responses`.
    pub(crate) fn has_responses(&self) -> bool {
        self.responses.unwrap_or(self.server().has_responses)
    }

    /// Says on whose behalf a request is made.
    pub(crate) fn sign(&self, mut request: Request) -> Request {
        let payers = [("openai-organization", &self.organization), ("openai-project", &self.project)];
        for (name, payer) in payers {
            if let Some(payer) = payer {
                request = request.header(name, payer.as_str());
            }
        }
        request.credential("account")
    }
}
