//! The names of what a lab makes.

use sha2::{Digest, Sha256};

use crate::model::NicId;

/// The most bytes of an interface's name (`IFNAMSIZ` less the closing zero).
const MAX_INTERFACE_BYTES: usize = 15;

/// The host end of the veth pair that a lab makes for a NIC.
///
/// It is stable: a function of the NIC's name alone. A name that is too long is cut and gets a hash of the whole. A NIC outside
/// the default scope has a name of its own kind, 60 bits of a cryptographic hash, so that no tenant can name a NIC such that
/// another tenant's interface becomes its own.
#[must_use]
pub fn interface_name(nic: &NicId) -> String {
    if !nic.scope().is_default() {
        let hash = Sha256::digest(nic.as_str().as_bytes());
        let bits = hash.iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte));
        return format!("vx-{}", digits(bits, 12));
    }
    let whole = format!("vn-{nic}");
    if whole.len() <= MAX_INTERFACE_BYTES {
        return whole;
    }
    let start: String = nic.as_str().chars().take(4).collect();
    format!("vn-{start}-{}", hash(nic.as_str()))
}

/// The network namespace that a lab makes for a NIC, as `ip netns` names it.
#[must_use]
pub fn namespace_name(nic: &NicId) -> String {
    // No name holds a `+`.
    format!("vnet-{}", nic.as_str().replace('/', "+"))
}

/// Seven characters of 32 each: the upper 35 bits of FNV-1a with 64 bits.
fn hash(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    digits(hash, 7)
}

/// The uppermost bits, five in a character; twelve characters at most.
fn digits(bits: u64, count: u32) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    (0..count).map(|digit| char::from(DIGITS[(bits >> (59 - 5 * digit)) as usize & 31])).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::InterfaceName;

    fn of(name: &str) -> String {
        interface_name(&NicId::new(name).unwrap())
    }

    #[test]
    fn a_short_name_is_kept_whole_and_a_long_one_gets_a_hash() {
        assert_eq!(of("twelve-bytes"), "vn-twelve-bytes");
        assert_eq!(of("thirteen-byte"), "vn-thir-yhb6d32");
        assert_eq!(namespace_name(&NicId::new("thirteen-byte").unwrap()), "vnet-thirteen-byte");
    }

    #[test]
    fn equal_names_of_two_tenants_get_different_names() {
        let interfaces = [of("vm"), of("red/prod/vm"), of("blue/prod/vm"), of("red/test/vm")];
        let different: std::collections::BTreeSet<&String> = interfaces.iter().collect();
        assert_eq!(different.len(), 4);
        assert!(interfaces[1].starts_with("vx-") && InterfaceName::new(&interfaces[1]).is_ok());
        assert_eq!(namespace_name(&NicId::new("red/prod/vm").unwrap()), "vnet-red+prod+vm");
    }

    #[test]
    fn ten_thousand_long_names_with_the_same_start_get_names_of_their_own() {
        let names: std::collections::BTreeSet<String> =
            (0..10_000).map(|number| of(&format!("virtual-machine-{number}"))).collect();
        assert_eq!(names.len(), 10_000);
    }

    proptest! {
        #[test]
        fn every_nic_s_interface_has_a_name_that_the_kernel_takes(
            name in "[A-Za-z0-9]([A-Za-z0-9._-]{0,78}[A-Za-z0-9_])?"
        ) {
            prop_assert!(InterfaceName::new(&of(&name)).is_ok());
        }
    }
}
