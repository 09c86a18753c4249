//! The host's own way to a token endpoint: one `POST` to exactly the address of the rule, no redirect, everything
//! bounded. What is asked and what the answer means is `creel_policy::renewal`'s.

use std::time::Duration;

use bytes::Bytes;
use creel_policy::address::vet;
use creel_policy::limits::{RENEWAL_BYTES_MAX, RENEWAL_MS_MAX};
use creel_policy::manifest::RefreshRule;
use creel_policy::renewal::BadRenewal;
use http::header;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::egress::{Egress, NoResponse, literal, no_response};

impl Egress {
    /// Sends a request for a new access token; gives status and body of the answer.
    ///
    /// # Errors
    ///
    /// [`BadRenewal::NotSent`] where the address is refused, else [`BadRenewal::NoAnswer`].
    pub async fn renew(
        &self,
        rule: &RefreshRule,
        (kind, body): (&'static str, Zeroizing<Vec<u8>>),
    ) -> Result<(u16, Zeroizing<Vec<u8>>), BadRenewal> {
        let host = rule.token_url.origin.host();
        if let Some(address) = literal(host) {
            // The client connects to an address without asking the resolver, so it is vetted here.
            vet(host, &[address], rule.may_be_private).map_err(|refusal| BadRenewal::NotSent(refusal.to_string()))?;
        }
        let client = if rule.may_be_private { &self.granted } else { &self.public };
        let sending = client
            .post(rule.token_url.to_string())
            .header(header::CONTENT_TYPE, kind)
            .header(header::ACCEPT, "application/json")
            .header(header::ACCEPT_ENCODING, "identity")
            // Wiped once it was sent.
            .body(Bytes::from_owner(body));
        let answered = async {
            let response = sending.send().await.map_err(no_response)?;
            let status = response.status().as_u16();
            read(response).await.map(|body| (status, body))
        };
        let bound = Duration::from_millis(RENEWAL_MS_MAX);
        let answered = timeout(bound, answered).await.unwrap_or(Err(NoResponse::TimedOut));
        answered.map_err(|none| match none {
            NoResponse::Refused(refused) => BadRenewal::NotSent(refused.rule),
            NoResponse::Unreachable(why) => BadRenewal::NoAnswer(format!("the server cannot be reached: {why}")),
            NoResponse::TimedOut => BadRenewal::NoAnswer(format!("no answer within {RENEWAL_MS_MAX} ms")),
            NoResponse::CutOff(why) => BadRenewal::NoAnswer(format!("the answer broke off: {why}")),
        })
    }
}

async fn read(mut response: reqwest::Response) -> Result<Zeroizing<Vec<u8>>, NoResponse> {
    // Whole from the start: a list that grew would leave copies behind.
    let mut body = Zeroizing::new(Vec::with_capacity(RENEWAL_BYTES_MAX));
    while let Some(chunk) = response.chunk().await.map_err(no_response)? {
        if body.len() + chunk.len() > RENEWAL_BYTES_MAX {
            return Err(NoResponse::CutOff(format!("it has more than {RENEWAL_BYTES_MAX} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
