//! IPv6 (RFC 8200): the fixed header, and what the walk over extension headers needs.

use super::be16;

/// Length of the fixed header.
pub const HEADER_BYTES: usize = 40;

/// Next header: ICMPv6.
pub const NEXT_ICMPV6: u8 = 58;
/// Next header: TCP.
pub const NEXT_TCP: u8 = 6;
/// Next header: UDP.
pub const NEXT_UDP: u8 = 17;

/// The most extension headers that a packet may carry. RFC 8200 section 4.1 recommends an order in which no
/// packet needs more than seven.
pub const MAX_EXTENSION_HEADERS: usize = 8;

/// The link-local address of the virtual router.
pub const ROUTER_LINK_LOCAL_BE: [u8; 16] =
    [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc];

/// The fields that forwarding needs. Addresses are in network byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6<'a> {
    /// Length of what follows the fixed header, in bytes.
    pub payload_bytes: u32,
    /// Type of the header that follows.
    pub next_header: u8,
    /// Hop limit.
    pub hop_limit: u8,
    /// Source address.
    pub source_be: &'a [u8; 16],
    /// Destination address.
    pub destination_be: &'a [u8; 16],
}

/// Parses the fixed header; `None` where the version is not 6.
#[inline(always)]
#[must_use]
pub fn parse(header: &[u8; HEADER_BYTES]) -> Option<Ipv6<'_>> {
    let h = header;
    if h[0] >> 4 != 6 {
        return None;
    }
    Some(Ipv6 {
        payload_bytes: u32::from(be16(h[4], h[5])),
        next_header: h[6],
        hop_limit: h[7],
        source_be: h[8..24].first_chunk()?,
        destination_be: h[24..40].first_chunk()?,
    })
}

/// What an extension header is to the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// Its length is `(field + 1) * 8` bytes.
    Options,
    /// The fragment header: 8 bytes.
    Fragment,
    /// The authentication header: `(field + 2) * 4` bytes (RFC 4302).
    Authentication,
}

/// Classifies a next-header value; `None`: it is no extension header, the walk ends.
#[inline(always)]
#[must_use]
pub const fn extension(next_header: u8) -> Option<Extension> {
    match next_header {
        // Hop-by-hop, routing, destination options, mobility, HIP, shim6 (IANA: IPv6 extension header types).
        0 | 43 | 60 | 135 | 139 | 140 => Some(Extension::Options),
        44 => Some(Extension::Fragment),
        51 => Some(Extension::Authentication),
        _ => None,
    }
}

/// Whether an address is link-local (RFC 4291 section 2.5.6).
#[inline(always)]
#[must_use]
pub const fn is_link_local(address_be: &[u8; 16]) -> bool {
    address_be[0] == 0xfe && address_be[1] & 0xc0 == 0x80
}

/// Whether an address can be the source of a packet that is routed: not multicast, link-local, unspecified, loopback
/// or IPv4-mapped (RFC 4291 section 2.5, RFC 6890).
#[inline(always)]
#[must_use]
pub fn is_routable_unicast(address_be: &[u8; 16]) -> bool {
    let low = u128::from_be_bytes(*address_be);
    !(address_be[0] == 0xff || is_link_local(address_be) || low <= 1 || low >> 32 == 0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv6Addr;
    use etherparse::{IpNumber, Ipv6FlowLabel, Ipv6Header};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_header_is_read_as_etherparse_wrote_it(
            source: [u8; 16], destination: [u8; 16], next: u8, hop_limit: u8, payload_length: u16, traffic_class: u8,
            flow in 0..=0xf_ffffu32
        ) {
            let header = Ipv6Header {
                traffic_class,
                flow_label: Ipv6FlowLabel::try_new(flow).unwrap(),
                payload_length,
                next_header: IpNumber(next),
                hop_limit,
                source,
                destination,
            };
            let expected = Ipv6 {
                payload_bytes: u32::from(payload_length),
                next_header: next,
                hop_limit,
                source_be: &source,
                destination_be: &destination,
            };
            let bytes = header.to_bytes();
            prop_assert_eq!(parse(&bytes), Some(expected));
        }
    }

    #[test]
    fn another_version_is_not_read() {
        for version in (0..16u8).filter(|&version| version != 6) {
            let mut header = [0u8; HEADER_BYTES];
            header[0] = version << 4;
            assert_eq!(parse(&header), None, "{version}");
        }
    }

    #[test]
    fn extension_headers_are_those_of_iana_but_esp_and_experiments() {
        for next in 0..=255 {
            let number = IpNumber(next);
            // Behind ESP all is ciphertext, and an experiment's header has no known form: both end the walk.
            let ends =
                [IpNumber::ENCAPSULATING_SECURITY_PAYLOAD, IpNumber(253), IpNumber(254)].contains(&number);
            assert_eq!(extension(next).is_some(), number.is_ipv6_ext_header_value() && !ends, "{next}");
        }
        assert_eq!(extension(44), Some(Extension::Fragment));
        assert_eq!(extension(51), Some(Extension::Authentication));
    }

    #[test]
    fn a_source_is_a_single_address_that_is_routed() {
        let octets = |text: &str| text.parse::<Ipv6Addr>().unwrap().octets();
        for text in
            ["::", "::1", "fe80::", "febf::1", "ff00::", "ffff::", "::ffff:0:0", "::ffff:255.255.255.255"]
        {
            assert!(!is_routable_unicast(&octets(text)), "{text}");
        }
        for text in [
            "::2",
            "1::",
            "2001:db8::1",
            "fc00::1",
            "fe00::",
            "fe7f:ffff::",
            "fec0::",
            "feff::",
            "::fffe:0:0",
        ] {
            assert!(is_routable_unicast(&octets(text)), "{text}");
        }
        assert!(is_link_local(&ROUTER_LINK_LOCAL_BE));
    }
}
