//! The Internet checksum (RFC 1071) and its incremental update (RFC 1624).

/// The ones' complement sum of the 16-bit words of `bytes`, an odd last byte padded with zero, added to `sum`.
#[inline(always)]
#[must_use]
pub fn sum(bytes: &[u8], mut sum: u32) -> u32 {
    let mut words = bytes.chunks_exact(2);
    for word in &mut words {
        if let [high, low] = word {
            sum += u32::from(u16::from_be_bytes([*high, *low]));
        }
    }
    if let [last] = words.remainder() {
        sum += u32::from(*last) << 8;
    }
    sum
}

/// Folds a sum to 16 bits and complements it: the value of a checksum field.
#[inline(always)]
#[must_use]
pub const fn finish(sum: u32) -> u16 {
    let once = (sum & 0xffff) + (sum >> 16);
    !(((once & 0xffff) + (once >> 16)) as u16)
}

/// The checksum after the 16-bit word `old` became `new` (RFC 1624, equation 3).
#[inline(always)]
#[must_use]
pub const fn update(checksum: u16, old: u16, new: u16) -> u16 {
    finish(!checksum as u32 + !old as u32 + new as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_rfc_1071_sums_up() {
        assert_eq!(!finish(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7], 0)), 0xddf2);
    }

    #[test]
    fn an_odd_last_byte_is_padded_with_zero() {
        assert_eq!(sum(&[0x12, 0x34, 0x56], 0), 0x1234 + 0x5600);
    }

    proptest! {
        #[test]
        fn an_updated_checksum_equals_one_computed_anew(
            mut words in proptest::collection::vec(any::<u16>(), 2..40), at in 0usize..40, new: u16
        ) {
            let bytes = |words: &[u16]| words.iter().flat_map(|w| w.to_be_bytes()).collect::<std::vec::Vec<u8>>();
            // A sum of zero has two representations; a packet always holds a word that is not zero.
            words[0] |= 1;
            let at = 1 + at % (words.len() - 1);
            let before = finish(sum(&bytes(&words), 0));
            let updated = update(before, words[at], new);
            words[at] = new;
            prop_assert_eq!(updated, finish(sum(&bytes(&words), 0)));
        }
    }
}
