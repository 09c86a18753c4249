//! What kind of place an address is, and whether a host may be connected to. Nothing here resolves a name: the engine
//! does, and connects only to addresses that were vetted here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use crate::origin::Host;

/// What kind of place an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressClass {
    /// Reachable by all.
    Public,
    /// This machine.
    Loopback,
    /// RFC 1918, and the old site-local range of IPv6.
    Private,
    /// The own link (169.254/16, fe80::/10).
    LinkLocal,
    /// fc00::/7.
    UniqueLocal,
    /// Carrier-grade NAT (100.64/10).
    Shared,
    /// For examples in documents.
    Documentation,
    /// 198.18/15 and 2001:2::/48.
    Benchmark,
    /// Many receivers.
    Multicast,
    /// 255.255.255.255.
    Broadcast,
    /// 0.0.0.0 and `::`, which a connect takes for this machine.
    Unspecified,
    /// Not for use, or not of a kind that is known.
    Reserved,
    /// A cloud's metadata service, which hands out credentials to whoever asks.
    Metadata,
}

impl AddressClass {
    /// The class in words: `a private address`.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Public => "a public address",
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address",
            Self::UniqueLocal => "a unique local address",
            Self::Shared => "an address of a carrier's shared range",
            Self::Documentation => "an address for documentation",
            Self::Benchmark => "an address for benchmarks",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "the broadcast address",
            Self::Unspecified => "the unspecified address",
            Self::Reserved => "a reserved address",
            Self::Metadata => "a cloud metadata service",
        }
    }

    /// Whether an operator who names this very origin may open it.
    fn can_be_granted(self) -> bool {
        match self {
            Self::Public
            | Self::Loopback
            | Self::Private
            | Self::LinkLocal
            | Self::UniqueLocal
            | Self::Shared
            | Self::Documentation
            | Self::Benchmark
            | Self::Unspecified => true,
            Self::Multicast | Self::Broadcast | Self::Reserved | Self::Metadata => false,
        }
    }
}

/// Why a host is not connected to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressRefusal {
    /// The name or an address is that of a metadata service; no grant opens it (attack 43).
    #[error("`{host}` is a cloud metadata service, which no grant opens")]
    Metadata {
        /// The host as it was asked for.
        host: String,
    },
    /// One of the addresses is not public, and this very origin is not the operator's.
    #[error("`{host}` is at {address}, {}, and the operator did not grant this very origin", class.describe())]
    NotPublic {
        /// The host as it was asked for.
        host: String,
        /// The first such address.
        address: IpAddr,
        /// What it is.
        class: AddressClass,
    },
    /// A name that only the own network knows, and this very origin is not the operator's.
    #[error("`{host}` is a name of the local network, and the operator did not grant this very origin")]
    LocalName {
        /// The host as it was asked for.
        host: String,
    },
    /// An address that nothing can be fetched from, whoever grants it.
    #[error("`{host}` is at {address}, {}, which no grant opens", class.describe())]
    Unusable {
        /// The host as it was asked for.
        host: String,
        /// The first such address.
        address: IpAddr,
        /// What it is.
        class: AddressClass,
    },
    /// The name has no address.
    #[error("`{host}` has no address")]
    NoAddress {
        /// The host as it was asked for.
        host: String,
    },
}

/// Addresses of metadata services, among them the ones for a container's credentials.
const METADATA_V4: [Ipv4Addr; 7] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),   // Amazon ECS
    Ipv4Addr::new(169, 254, 170, 23),  // Amazon EKS
    Ipv4Addr::new(169, 254, 42, 42),   // Scaleway
    Ipv4Addr::new(100, 100, 100, 200), // Alibaba
    Ipv4Addr::new(192, 0, 0, 192),     // Oracle
    Ipv4Addr::new(168, 63, 129, 16),   // Azure; it lies in a public range
];

const METADATA_V6: [Ipv6Addr; 4] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23), // Amazon EKS
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), // Google
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),  // Scaleway
];

/// Names under which metadata services are reached, with everything below them.
const METADATA_NAMES: [&str; 8] = [
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "metadata.azure.internal",
    "metadata.azure.com",
    "metadata.tencentyun.com",
    "instance-data",
    "instance-data.ec2.internal",
];

/// Endings of names that only the own network or machine knows.
const LOCAL_NAMES: [&str; 7] = ["localhost", "localdomain", "local", "internal", "intranet", "lan", "home.arpa"];

/// The special ranges of IPv4, first match wins (IANA special-purpose registry).
const RANGES_V4: [(Ipv4Net, AddressClass); 17] = [
    (v4(0, 0, 0, 0, 32), AddressClass::Unspecified),
    (v4(0, 0, 0, 0, 8), AddressClass::Reserved),
    (v4(10, 0, 0, 0, 8), AddressClass::Private),
    (v4(100, 64, 0, 0, 10), AddressClass::Shared),
    (v4(127, 0, 0, 0, 8), AddressClass::Loopback),
    (v4(169, 254, 0, 0, 16), AddressClass::LinkLocal),
    (v4(172, 16, 0, 0, 12), AddressClass::Private),
    (v4(192, 0, 0, 0, 24), AddressClass::Reserved),
    (v4(192, 0, 2, 0, 24), AddressClass::Documentation),
    (v4(192, 88, 99, 0, 24), AddressClass::Reserved),
    (v4(192, 168, 0, 0, 16), AddressClass::Private),
    (v4(198, 18, 0, 0, 15), AddressClass::Benchmark),
    (v4(198, 51, 100, 0, 24), AddressClass::Documentation),
    (v4(203, 0, 113, 0, 24), AddressClass::Documentation),
    (v4(224, 0, 0, 0, 4), AddressClass::Multicast),
    (v4(255, 255, 255, 255, 32), AddressClass::Broadcast),
    (v4(240, 0, 0, 0, 4), AddressClass::Reserved),
];

/// The special ranges of IPv6, first match wins. What is in none of them and not in 2000::/3 is not assigned.
const RANGES_V6: [(Ipv6Net, AddressClass); 14] = [
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), AddressClass::Unspecified),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), AddressClass::Loopback),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), AddressClass::Private),
    (v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48), AddressClass::Benchmark),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), AddressClass::Documentation),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), AddressClass::Documentation),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), AddressClass::Reserved),
    (v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16), AddressClass::Reserved),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), AddressClass::UniqueLocal),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), AddressClass::LinkLocal),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), AddressClass::Private),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), AddressClass::Multicast),
    (v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3), AddressClass::Public),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 0), AddressClass::Reserved),
];

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(s: [u16; 8], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]), prefix)
}

/// Says what kind of place an address is. An IPv6 address that carries an IPv4 one is whatever that one is.
#[must_use]
pub fn classify(address: IpAddr) -> AddressClass {
    match address {
        IpAddr::V4(address) => classify_v4(address),
        IpAddr::V6(address) => classify_v6(address),
    }
}

/// Says whether a host at these addresses may be connected to. One bad address refuses the whole set: which of them a
/// client would take is not in our hands (attack 41).
///
/// `granted_origin` says that the operator named this very origin.
///
/// # Errors
///
/// [`AddressRefusal`] with the rule and the first address that breaks it.
pub fn vet(host: &Host, addresses: &[IpAddr], granted_origin: bool) -> Result<(), AddressRefusal> {
    let shown = host.to_string();
    let mut literal: Option<IpAddr> = None;
    match host {
        Host::Domain(name) => {
            if is_below(name, &METADATA_NAMES) {
                return Err(AddressRefusal::Metadata { host: shown });
            }
            if !granted_origin && is_below(name, &LOCAL_NAMES) {
                return Err(AddressRefusal::LocalName { host: shown });
            }
        }
        Host::Ipv4(address) => literal = Some((*address).into()),
        Host::Ipv6(address) => literal = Some((*address).into()),
    }
    let classes = || literal.iter().chain(addresses).map(|&address| (address, classify(address)));
    if classes().any(|(_, class)| class == AddressClass::Metadata) {
        return Err(AddressRefusal::Metadata { host: shown });
    }
    if let Some((address, class)) = classes().find(|(_, class)| !class.can_be_granted()) {
        return Err(AddressRefusal::Unusable { host: shown, address, class });
    }
    if !granted_origin && let Some((address, class)) = classes().find(|(_, class)| *class != AddressClass::Public) {
        return Err(AddressRefusal::NotPublic { host: shown, address, class });
    }
    if addresses.is_empty() {
        return Err(AddressRefusal::NoAddress { host: shown });
    }
    Ok(())
}

/// Whether a host is this machine by its very spelling, without asking anyone.
#[must_use]
pub fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Domain(name) => is_below(name, &["localhost"]),
        Host::Ipv4(address) => classify_v4(*address) == AddressClass::Loopback,
        Host::Ipv6(address) => classify_v6(*address) == AddressClass::Loopback,
    }
}

/// Whether a host is this machine or one of the own network by its very spelling, without asking anyone: an address that
/// is not public, a name that only the own network knows, or a name of one word (C36).
#[must_use]
pub fn is_local(host: &Host) -> bool {
    let class = match host {
        Host::Domain(name) => {
            let is_one_word = !name.strip_suffix('.').unwrap_or(name).contains('.');
            return !is_below(name, &METADATA_NAMES) && (is_one_word || is_below(name, &LOCAL_NAMES));
        }
        Host::Ipv4(address) => classify_v4(*address),
        Host::Ipv6(address) => classify_v6(*address),
    };
    match class {
        AddressClass::Loopback
        | AddressClass::Private
        | AddressClass::LinkLocal
        | AddressClass::UniqueLocal
        | AddressClass::Shared
        | AddressClass::Unspecified => true,
        AddressClass::Public
        | AddressClass::Documentation
        | AddressClass::Benchmark
        | AddressClass::Multicast
        | AddressClass::Broadcast
        | AddressClass::Reserved
        | AddressClass::Metadata => false,
    }
}

fn classify_v4(address: Ipv4Addr) -> AddressClass {
    if METADATA_V4.contains(&address) {
        return AddressClass::Metadata;
    }
    RANGES_V4.iter().find(|(net, _)| net.contains(&address)).map_or(AddressClass::Public, |(_, class)| *class)
}

fn classify_v6(address: Ipv6Addr) -> AddressClass {
    if METADATA_V6.contains(&address) {
        return AddressClass::Metadata;
    }
    if let Some(inner) = translated_v4(address) {
        return classify_v4(inner);
    }
    let class =
        RANGES_V6.iter().find(|(net, _)| net.contains(&address)).map_or(AddressClass::Reserved, |(_, class)| *class);
    match isatap_v4(address).map(classify_v4) {
        // The worse of the two: the prefix says where the tunnel ends, the address within what comes out of it.
        Some(AddressClass::Metadata) => AddressClass::Metadata,
        Some(inner) if class == AddressClass::Public => inner,
        Some(_) | None => class,
    }
}

/// The IPv4 address within an IPv6 one whose prefix says that there is one.
fn translated_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    let last = join(s[6], s[7]);
    match s {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        // Mapped, compatible, translated (SIIT) and NAT64.
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some(last),
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => Some(join(high, low)),
        // Teredo (RFC 4380): the client's address, every bit turned over.
        [0x2001, 0, ..] => Some(join(!s[6], !s[7])),
        _ => None,
    }
}

/// The IPv4 address within an ISATAP interface identifier (RFC 5214).
fn isatap_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    (s[4] & 0xfcff == 0 && s[5] == 0x5efe).then(|| join(s[6], s[7]))
}

fn join(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

fn is_below(name: &str, endings: &[&str]) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let is_it = |ending: &&str| name.strip_suffix(*ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    endings.iter().any(is_it)
}

#[cfg(test)]
mod tests;
