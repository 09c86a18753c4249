//! Name resolution in which every address is judged before a connection is opened to it. The client connects to the
//! very addresses that were judged, so a name that changes its mind between look-ups gains nothing (attack 42).

use std::net::{IpAddr, SocketAddr};

use creel_policy::address::{AddressRefusal, vet};
use creel_policy::origin::Host;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Resolves and vets. One for origins that the operator granted by name, one for all others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vetting {
    pub(crate) granted_origin: bool,
}

/// A name whose addresses were refused.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct Vetoed(pub(crate) AddressRefusal);

/// A name without addresses.
#[derive(Debug, thiserror::Error)]
#[error("the name has no address")]
struct NoAddress;

impl Resolve for Vetting {
    fn resolve(&self, name: Name) -> Resolving {
        let granted_origin = self.granted_origin;
        #[expect(clippy::disallowed_methods, reason = "the one door through which names are looked up")]
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.is_empty() {
                return Err(NoAddress.into());
            }
            let addresses: Vec<IpAddr> = found.iter().map(SocketAddr::ip).collect();
            let host = Host::Domain(name.as_str().to_owned());
            vet(&host, &addresses, granted_origin).map_err(Vetoed)?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
