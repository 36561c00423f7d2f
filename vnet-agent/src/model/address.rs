//! Prefixes: what an address space may hold, and the addresses that nobody may.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::Serialize;

/// Why a prefix cannot be used where it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefixFault {
    /// The text is no prefix in CIDR notation.
    #[error("is no prefix in CIDR notation, for example 10.0.0.0/16")]
    Form,
    /// The text is no IP address.
    #[error("is no IP address")]
    Address,
    /// Bits are set behind the prefix length.
    #[error("has bits set behind its length; did you mean {0}?")]
    HostBits(IpNet),
    /// It meets a range that no virtual network may hold.
    #[error("meets {range} ({what}), which no virtual network may hold")]
    Forbidden {
        /// The forbidden range.
        range: IpNet,
        /// What the range is for.
        what: &'static str,
    },
    /// It meets another prefix of the same list.
    #[error("meets {0} of the same list")]
    Repeated(IpNet),
    /// The list is empty.
    #[error("is missing: at least one prefix is needed")]
    Missing,
    /// An IPv4 subnet smaller than /29.
    #[error("is too small: the smallest IPv4 subnet is /29")]
    TooSmall,
    /// An IPv6 subnet of another length than /64.
    #[error("has the wrong length: an IPv6 subnet is a /64")]
    NotSlash64,
    /// A NIC's address in none of its subnet's prefixes.
    #[error("lies in no prefix of the subnet")]
    OutsideSubnet,
    /// A NIC with neither an IPv4 nor an IPv6 address.
    #[error("is missing: a NIC needs an IPv4 address, an IPv6 address, or one of each")]
    NoAddress,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, len: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), len))
}

const fn v6(first: u16, last: u16, len: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, last), len))
}

/// The ranges that no address space may meet, and what each is for.
const FORBIDDEN: [(IpNet, &str); 8] = [
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(255, 255, 255, 255, 32), "broadcast"),
    (v4(127, 0, 0, 0, 8), "loopback"),
    (v4(169, 254, 0, 0, 16), "link-local"),
    (v4(168, 63, 129, 16, 32), "the platform's own address"),
    (v6(0xff00, 0, 8), "multicast"),
    (v6(0, 1, 128), "loopback"),
    (v6(0xfe80, 0, 10), "link-local"),
];

/// Whether two prefixes share an address. Prefixes of different families never do.
#[must_use]
pub fn overlaps(left: &IpNet, right: &IpNet) -> bool {
    left.contains(right) || right.contains(left)
}

/// What two prefixes share: the longer one where they meet.
#[must_use]
pub fn intersection(left: &IpNet, right: &IpNet) -> Option<IpNet> {
    if left.contains(right) {
        Some(*right)
    } else if right.contains(left) {
        Some(*left)
    } else {
        None
    }
}

/// Checks what holds for every list of prefixes: none has host bits, none meets a forbidden range, none meets another.
pub(super) fn check_prefixes(prefixes: &[IpNet]) -> Result<(), (Option<IpNet>, PrefixFault)> {
    if prefixes.is_empty() {
        return Err((None, PrefixFault::Missing));
    }
    for (index, prefix) in prefixes.iter().enumerate() {
        if prefix.trunc() != *prefix {
            return Err((Some(*prefix), PrefixFault::HostBits(prefix.trunc())));
        }
        if let Some((range, what)) = FORBIDDEN.iter().find(|(range, _)| overlaps(range, prefix)) {
            return Err((Some(*prefix), PrefixFault::Forbidden { range: *range, what }));
        }
        if let Some(other) = prefixes.iter().take(index).find(|other| overlaps(other, prefix)) {
            return Err((Some(*prefix), PrefixFault::Repeated(*other)));
        }
    }
    Ok(())
}

/// The ranges of a virtual network: at least one, disjoint, sorted, none of them forbidden.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AddressSpace(Vec<IpNet>);

impl AddressSpace {
    /// Checks the ranges and takes them.
    ///
    /// # Errors
    /// The range at fault (none when the list is empty) and what is wrong with it.
    pub fn new(mut ranges: Vec<IpNet>) -> Result<Self, (Option<IpNet>, PrefixFault)> {
        check_prefixes(&ranges)?;
        ranges.sort_unstable();
        Ok(Self(ranges))
    }

    /// The ranges, sorted, IPv4 first.
    #[must_use]
    pub fn ranges(&self) -> &[IpNet] {
        &self.0
    }

    /// The range that holds `prefix` whole.
    #[must_use]
    pub fn range_of(&self, prefix: &IpNet) -> Option<&IpNet> {
        self.0.iter().find(|range| range.contains(prefix))
    }

    /// Whether an address lies in one of the ranges.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|range| range.contains(&address))
    }
}

impl fmt::Display for AddressSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ranges: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&ranges.join(", "))
    }
}

/// Why a NIC may not hold an address of its subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReservedAddress {
    /// The prefix's first address.
    #[error("the network address")]
    Network,
    /// The first three addresses behind the network address: the gateway and two for the platform.
    #[error("the gateway and the platform have the first three addresses of a subnet")]
    Platform,
    /// The last address of an IPv4 prefix.
    #[error("the broadcast address")]
    Broadcast,
}

/// Why nobody may hold `address` in a subnet with the prefix `prefix`; none when it is free for a NIC.
pub(super) fn reserved(prefix: &IpNet, address: IpAddr) -> Option<ReservedAddress> {
    let (offset, is_last) = match (prefix, address) {
        (IpNet::V4(prefix), IpAddr::V4(address)) => (
            u128::from(u32::from(address).wrapping_sub(u32::from(prefix.network()))),
            address == prefix.broadcast(),
        ),
        (IpNet::V6(prefix), IpAddr::V6(address)) => {
            (u128::from(address).wrapping_sub(u128::from(prefix.network())), false)
        }
        _ => return None,
    };
    match offset {
        0 => Some(ReservedAddress::Network),
        1..=3 => Some(ReservedAddress::Platform),
        _ if is_last => Some(ReservedAddress::Broadcast),
        _ => None,
    }
}
