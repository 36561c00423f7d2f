//! IPv4 (RFC 791): the fixed part of the header, options allowed.

use super::be16;

/// Length of the header without options.
pub const HEADER_BYTES: usize = 20;

/// Protocol number of ICMP.
pub const PROTOCOL_ICMP: u8 = 1;

/// What can be wrong with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The version is not 4, or the header length is below 20 bytes.
    Malformed,
    /// The total length is below the header length.
    Truncated,
}

/// The fields that forwarding needs. Lengths are in bytes, addresses in network byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4 {
    /// Header length, options included: 20 to 60.
    pub header_bytes: u32,
    /// Total length, header included.
    pub total_bytes: u32,
    /// Time to live.
    pub ttl: u8,
    /// Protocol of the payload.
    pub protocol: u8,
    /// Whether the packet is a fragment, the first one included.
    pub is_fragment: bool,
    /// Source address.
    pub source_be: [u8; 4],
    /// Destination address.
    pub destination_be: [u8; 4],
}

/// Parses a header. That the frame holds `total_bytes` is for the caller to check.
///
/// The header checksum is not verified: nothing in the header changes on the way, so the receiver's check still holds.
///
/// # Errors
/// [`Fault`]; nothing of the packet may be used then.
#[inline(always)]
pub fn parse(header: &[u8; HEADER_BYTES]) -> Result<Ipv4, Fault> {
    let h = header;
    // Version 4 and a header length of 5 to 15 words, in one comparison.
    if !(0x45..=0x4f).contains(&h[0]) {
        return Err(Fault::Malformed);
    }
    let header_bytes = u32::from(h[0] & 0x0f) * 4;
    let total_bytes = u32::from(be16(h[2], h[3]));
    if total_bytes < header_bytes {
        return Err(Fault::Truncated);
    }
    // Taken whole, so that each is one load.
    let (Some(source_be), Some(destination_be)) = (h[12..16].first_chunk(), h[16..20].first_chunk()) else {
        return Err(Fault::Truncated);
    };
    Ok(Ipv4 {
        header_bytes,
        total_bytes,
        ttl: h[8],
        protocol: h[9],
        is_fragment: be16(h[6], h[7]) & 0x3fff != 0,
        source_be: *source_be,
        destination_be: *destination_be,
    })
}

/// Whether an address can be a packet's source: not 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, multicast or broadcast
/// (RFC 1812 section 5.3.7, RFC 6890).
#[inline(always)]
#[must_use]
pub const fn is_unicast(address_be: [u8; 4]) -> bool {
    let [a, b, _, _] = address_be;
    !(a == 0
        || a == 127
        || (a == 169 && b == 254)
        || a & 0xf0 == 0xe0
        || u32::from_be_bytes(address_be) == u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{IpFragOffset, IpNumber, Ipv4Header, Ipv4Options};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_header_is_read_as_etherparse_wrote_it(
            source: [u8; 4], destination: [u8; 4], ttl: u8, protocol: u8, option_words in 0..=10usize, payload in 0..9000u16,
            dont_fragment: bool, more_fragments: bool, offset in 0..=0x1fffu16
        ) {
            let options = [1u8; 40];
            let header = Ipv4Header {
                options: Ipv4Options::try_from(&options[..option_words * 4]).unwrap(),
                total_len: 20 + option_words as u16 * 4 + payload,
                dont_fragment,
                more_fragments,
                fragment_offset: IpFragOffset::try_new(offset).unwrap(),
                time_to_live: ttl,
                protocol: IpNumber(protocol),
                source,
                destination,
                ..Ipv4Header::default()
            };
            let bytes = header.to_bytes();
            let expected = Ipv4 {
                header_bytes: header.header_len() as u32,
                total_bytes: u32::from(header.total_len),
                ttl,
                protocol,
                is_fragment: more_fragments || offset != 0,
                source_be: source,
                destination_be: destination,
            };
            prop_assert_eq!(parse(bytes.first_chunk().unwrap()), Ok(expected));
        }
    }

    #[test]
    fn every_first_byte_but_those_of_version_4_with_20_bytes_or_more_is_malformed() {
        for first in 0..=255u8 {
            let mut header = [0u8; HEADER_BYTES];
            (header[0], header[2]) = (first, 1);
            let expected = first >> 4 == 4 && first & 0x0f >= 5;
            assert_eq!(parse(&header) != Err(Fault::Malformed), expected, "{first:#x}");
        }
    }

    #[test]
    fn a_total_length_below_the_header_is_truncated() {
        for (first, total, expected) in
            [(0x45, 19, false), (0x45, 20, true), (0x4f, 59, false), (0x4f, 60, true)]
        {
            let mut header = [0u8; HEADER_BYTES];
            (header[0], header[3]) = (first, total);
            assert_eq!(parse(&header) != Err(Fault::Truncated), expected, "{first:#x}, {total}");
        }
    }

    #[test]
    fn a_source_is_a_single_address_that_is_routed() {
        let bad = [
            [0, 0, 0, 0],
            [0, 255, 255, 255],
            [127, 0, 0, 1],
            [127, 255, 255, 255],
            [169, 254, 0, 0],
            [169, 254, 255, 255],
            [224, 0, 0, 0],
            [239, 255, 255, 255],
            [255, 255, 255, 255],
        ];
        let good = [
            [1, 0, 0, 0],
            [10, 0, 0, 1],
            [126, 255, 255, 255],
            [128, 0, 0, 0],
            [169, 253, 255, 255],
            [169, 255, 0, 0],
            [223, 255, 255, 255],
            [240, 0, 0, 0],
            [255, 255, 255, 254],
        ];
        for address in bad {
            assert!(!is_unicast(address), "{address:?}");
        }
        for address in good {
            assert!(is_unicast(address), "{address:?}");
        }
    }
}
