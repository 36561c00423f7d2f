//! MAC addresses, and the one that a NIC gets when its declaration names none.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::NicId;

/// A unicast MAC address that a NIC may hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress([u8; 6]);

/// Bytes or text that no NIC may have as its MAC address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MacError {
    /// Not six pairs of hexadecimal digits with `:` or `-` between.
    #[error("{0:?} is no MAC address; write six pairs of hexadecimal digits, for example 02:00:00:00:00:01")]
    Form(String),
    /// All zero.
    #[error("the MAC address 00:00:00:00:00:00 names no NIC")]
    Zero,
    /// The group bit is set: multicast or broadcast.
    #[error("the MAC address {} is a group address; a NIC needs one whose first byte is even", Bytes(*.0))]
    Group([u8; 6]),
    /// The virtual router's own address.
    #[error("the MAC address {} belongs to the virtual router", MacAddress::ROUTER)]
    Router,
}

impl MacAddress {
    /// The virtual router's address, the same in every virtual network, as Azure's.
    pub const ROUTER: Self = Self([0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc]);

    /// Checks `bytes` (in transmission order) and takes them.
    ///
    /// # Errors
    /// [`MacError`] for the zero address, a group address, and the virtual router's.
    pub fn new(bytes: [u8; 6]) -> Result<Self, MacError> {
        match bytes {
            [0, 0, 0, 0, 0, 0] => Err(MacError::Zero),
            [first, ..] if first & 1 == 1 => Err(MacError::Group(bytes)),
            bytes if bytes == Self::ROUTER.0 => Err(MacError::Router),
            bytes => Ok(Self(bytes)),
        }
    }

    /// The address of a NIC whose declaration names none: stable, and locally administered.
    ///
    /// FNV-1a with 64 bits over the name's bytes, the upper 16 bits folded onto the lower 48 by exclusive or, then the group
    /// bit cleared and the local bit set in the first byte. 46 bits remain: among 100,000 names, two meet with a probability
    /// below 1 in 10,000. A meeting within one virtual network is refused as `AddressInUse`, never resolved by order, because
    /// an address that depends on the order of declarations would not be stable.
    #[must_use]
    pub fn derived(name: &NicId) -> Self {
        const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0100_0000_01b3;
        let fnv = |text: &[u8]| {
            let hash =
                text.iter().fold(OFFSET_BASIS, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME));
            let [high_0, high_1, b0, b1, b2, b3, b4, b5] = hash.to_be_bytes();
            [(b0 & 0xfc) | 0x02, b1, b2, b3, b4 ^ high_0, b5 ^ high_1]
        };
        let bytes = fnv(name.as_str().as_bytes());
        // The local bit is set and the group bit is not, so of the three refusals only the router's own address can be met:
        // the next address is free for it.
        if bytes == Self::ROUTER.0 { Self([0x12, 0x34, 0x56, 0x78, 0x9a, 0xbd]) } else { Self(bytes) }
    }

    /// The six bytes in transmission order.
    #[must_use]
    pub fn octets(self) -> [u8; 6] {
        self.0
    }
}

impl FromStr for MacAddress {
    type Err = MacError;

    fn from_str(text: &str) -> Result<Self, MacError> {
        let form = || MacError::Form(text.chars().take(100).collect());
        let separator = if text.contains('-') { '-' } else { ':' };
        let mut bytes = [0; 6];
        let mut parts = text.split(separator);
        for byte in &mut bytes {
            let part = parts.next().ok_or_else(form)?;
            if part.len() != 2 || !part.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(form());
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| form())?;
        }
        if parts.next().is_some() { Err(form()) } else { Self::new(bytes) }
    }
}

struct Bytes([u8; 6]);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&Bytes(self.0).to_string())
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for MacAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MacAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
