//! Why a frame was dropped: one table gives the number, the word for people and the help text.
//!
//! The numbers index the map `DROPS`, and stand in other people's dashboards: the table is append-only.

macro_rules! drop_reasons {
    ($($id:literal $name:ident $word:literal $help:literal;)*) => {
        /// Why a frame was dropped. The discriminant is the index into the map `DROPS`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum DropReason {
            $(#[doc = $help] $name = $id,)*
        }

        impl DropReason {
            /// Every reason, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word for people, also the label in metrics: lower case, joined by hyphens.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// One sentence that says what the frame did.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Self::$name => $help,)* }
            }
        }
    };
}

drop_reasons! {
    0 FrameTooShort "frame-too-short" "The frame is shorter than an Ethernet header.";
    1 VlanTagged "vlan-tagged" "The frame carries a VLAN tag.";
    2 NotIp "not-ip" "The frame is neither ARP, IPv4 nor IPv6.";
    3 UnknownPort "unknown-port" "The frame came in by an interface that is no port.";
    4 MacSpoofed "mac-spoofed" "The source MAC address is not the NIC's.";
    5 NotUnicast "not-unicast" "The frame was sent to a broadcast or multicast MAC address.";
    6 ArpMalformed "arp-malformed" "The ARP packet is truncated or not for IPv4 over Ethernet.";
    7 ArpNotRequest "arp-not-request" "The ARP packet is not a request.";
    8 ArpSpoofed "arp-spoofed" "The ARP sender is not the NIC's MAC and IPv4 address.";
    9 ArpOwnAddress "arp-own-address" "The ARP request asks for the NIC's own address, which stays unanswered.";
    10 Ipv4Malformed "ipv4-malformed" "The IPv4 header is malformed.";
    11 Ipv4Truncated "ipv4-truncated" "The frame is shorter than its IPv4 lengths say.";
    12 Ipv6Malformed "ipv6-malformed" "The IPv6 header is malformed.";
    13 Ipv6Truncated "ipv6-truncated" "The frame is shorter than its IPv6 lengths say.";
    14 Ipv6ExtensionHeaders "ipv6-extension-headers" "The IPv6 extension headers are truncated or too many.";
    15 NdMalformed "nd-malformed" "The neighbour solicitation is malformed.";
    16 NdNotSolicitation "nd-not-solicitation" "A neighbour discovery message other than a solicitation; none is forwarded.";
    17 NdOwnAddress "nd-own-address" "The solicitation asks for the NIC's own address, which stays unanswered.";
    18 RouterUnserved "router-unserved" "The packet is for the virtual router, which answers pings alone.";
    19 SourceSpoofed "source-spoofed" "The source address is not the NIC's, which has no IP forwarding.";
    20 SourceNotUnicast "source-not-unicast" "The source address is multicast, loopback, link-local or unspecified.";
    21 HopLimitZero "hop-limit-zero" "The packet arrived with a hop limit of zero.";
    22 NoRoute "no-route" "The subnet's effective routes hold nothing for the destination.";
    23 DestinationUnroutable "destination-unroutable" "The destination is multicast, loopback, link-local or unspecified.";
    24 RouteNone "route-none" "The next hop of the destination is None.";
    25 RouteInternet "route-internet" "The next hop of the destination is Internet, to which there is no uplink.";
    26 PeeringAccessDenied "peering-access-denied" "A side of the peering does not allow virtual network access.";
    27 ForwardedTrafficDenied "forwarded-traffic-denied" "The source lies outside the sending VNet, and the receiving side of the peering does not allow forwarded traffic.";
    28 NoEndpoint "no-endpoint" "No NIC holds the destination address.";
    29 EndpointDetached "endpoint-detached" "The destination's NIC has no interface attached.";
    30 MtuExceeded "mtu-exceeded" "The packet is larger than the MTU of the destination's interface.";
    31 DeviceGone "device-gone" "The destination's interface has vanished.";
    32 TablesInconsistent "tables-inconsistent" "A table entry points outside its table: a fault of the agent.";
}

/// How many reasons there are: the size of the map `DROPS`.
pub const DROP_REASONS: usize = DropReason::ALL.len();

const _: () = {
    let mut i = 0;
    while i < DROP_REASONS {
        assert!(DropReason::ALL[i] as usize == i, "the numbers of the reasons have a gap");
        i += 1;
    }
};

impl DropReason {
    /// The reason with this number.
    #[must_use]
    pub fn from_index(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_reason_has_a_word_of_its_own_that_a_metric_can_carry() {
        let words: BTreeSet<&str> = DropReason::ALL.iter().map(|reason| reason.word()).collect();
        assert_eq!(words.len(), DROP_REASONS);
        for reason in DropReason::ALL {
            let word = reason.word();
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(word.chars().all(plain) && !word.starts_with('-') && !word.ends_with('-'), "{word}");
            assert!(reason.help().ends_with('.'), "{word}");
        }
    }

    #[test]
    fn a_number_names_its_reason_and_nothing_behind_the_last_one() {
        for (index, reason) in DropReason::ALL.iter().enumerate() {
            assert_eq!(DropReason::from_index(index), Some(*reason));
        }
        assert_eq!(DropReason::from_index(DROP_REASONS), None);
    }

    #[test]
    fn the_document_of_the_reasons_has_a_row_for_each_in_the_same_words() {
        let document = include_str!("../../docs/drop-reasons.md");
        let rows: std::vec::Vec<_> = document.lines().filter(|line| line.contains("| `")).collect();
        assert_eq!(rows.len(), DROP_REASONS);
        for (reason, row) in DropReason::ALL.iter().zip(rows) {
            let wanted = std::format!("| {} | `{}` | {} |", *reason as u32, reason.word(), reason.help());
            assert_eq!(row, wanted);
        }
    }
}
