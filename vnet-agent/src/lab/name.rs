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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::InterfaceName;

    fn of(name: &str) -> String {
        interface_name(&NicName::new(name).unwrap())
    }

    #[test]
    fn a_short_name_is_kept_whole_and_a_long_one_gets_a_hash() {
        assert_eq!(of("twelve-bytes"), "vn-twelve-bytes");
        assert_eq!(of("thirteen-byte"), "vn-thir-yhb6d32");
        assert_eq!(namespace_name(&NicName::new("thirteen-byte").unwrap()), "vnet-thirteen-byte");
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
