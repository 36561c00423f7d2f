//! The names of what a lab makes.

use crate::model::NicName;

/// The most bytes of an interface's name (`IFNAMSIZ` less the closing zero).
const MAX_INTERFACE_BYTES: usize = 15;

/// The host end of the veth pair that a lab makes for a NIC.
///
/// It is stable: a function of the NIC's name alone. A name that is too long is cut and gets a hash of the whole.
#[must_use]
pub fn interface_name(nic: &NicName) -> String {
    let whole = format!("vn-{nic}");
    if whole.len() <= MAX_INTERFACE_BYTES {
        return whole;
    }
    let start: String = nic.as_str().chars().take(4).collect();
    format!("vn-{start}-{}", hash(nic.as_str()))
}

/// The network namespace that a lab makes for a NIC, as `ip netns` names it.
#[must_use]
pub fn namespace_name(nic: &NicName) -> String {
    format!("vnet-{nic}")
}

/// Seven characters of 32 each: the upper 35 bits of FNV-1a with 64 bits.
fn hash(text: &str) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (0..7).map(|digit| char::from(DIGITS[(hash >> (59 - 5 * digit)) as usize & 31])).collect()
}
