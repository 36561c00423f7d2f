//! ICMPv6 (RFC 4443) and neighbour discovery (RFC 4861).

use std::net::Ipv6Addr;

use super::{Host, ROUTER_MAC, V6, checksum};

/// An ICMPv6 message with its checksum; `rest` is what follows the checksum.
#[must_use]
pub fn icmp6(source: Ipv6Addr, destination: Ipv6Addr, kind: u8, code: u8, rest: &[u8]) -> Vec<u8> {
    let length = (4 + rest.len()) as u32;
    let sum = checksum(&[
        &source.octets(),
        &destination.octets(),
        &length.to_be_bytes(),
        &[0, 0, 0, 58],
        &[kind, code, 0, 0],
        rest,
    ]);
    [&[kind, code][..], &sum.to_be_bytes(), rest].concat()
}

/// The solicited-node multicast address of `target` (RFC 4291 section 2.7.1).
#[must_use]
pub fn solicited_node(target: Ipv6Addr) -> Ipv6Addr {
    let [.., high, low] = target.segments();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | high & 0xff, low)
}

/// The MAC address of an IPv6 multicast group (RFC 2464 section 7).
fn multicast_mac(group: Ipv6Addr) -> [u8; 6] {
    let [.., a, b, c, d] = group.octets();
    [0x33, 0x33, a, b, c, d]
}

/// A neighbour solicitation. Fields are public, to be changed before [`Self::packet`].
#[derive(Clone, Debug)]
pub struct Solicitation {
    /// The MAC address of the asker.
    pub mac: [u8; 6],
    /// Who asks.
    pub source: Ipv6Addr,
    /// To whom the packet is sent.
    pub destination: Ipv6Addr,
    /// Who is asked for.
    pub target: Ipv6Addr,
    /// All options, one behind the other.
    pub options: Vec<u8>,
}

impl Solicitation {
    /// `host` asks for `target`, as Linux does: to the solicited-node group, with the source link-layer address.
    #[must_use]
    pub fn new(host: &Host, target: Ipv6Addr) -> Self {
        Self {
            mac: host.mac,
            source: host.v6,
            destination: solicited_node(target),
            target,
            options: [&[1, 1][..], &host.mac].concat(),
        }
    }

    /// Duplicate address detection (RFC 4862): from the unspecified address, without options.
    #[must_use]
    pub fn probe(host: &Host, target: Ipv6Addr) -> Self {
        Self { source: Ipv6Addr::UNSPECIFIED, options: Vec::new(), ..Self::new(host, target) }
    }

    /// The packet, to be changed further.
    #[must_use]
    pub fn packet(&self) -> V6 {
        let host = Host { name: "", mac: self.mac, v4: [0; 4].into(), v6: self.source };
        let rest = [&[0; 4][..], &self.target.octets(), &self.options].concat();
        let to_mac =
            if self.destination.is_multicast() { multicast_mac(self.destination) } else { ROUTER_MAC };
        V6 { hop_limit: 255, to_mac, ..V6::icmp(&host, self.destination, 135, &rest) }
    }

    /// The frame.
    #[must_use]
    pub fn frame(&self) -> Vec<u8> {
        self.packet().frame()
    }

    /// The virtual router's advertisement in answer.
    #[must_use]
    pub fn answer(&self) -> Vec<u8> {
        advertisement(self.mac, self.source, self.target)
    }
}

/// The virtual router's advertisement for `target`: to the asker, or to all nodes where the asker has no address yet.
#[must_use]
pub fn advertisement(asker_mac: [u8; 6], asker: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
    let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    // Flags: router and override, and solicited where there is someone to say it to.
    let (to_mac, destination, flags) = if asker.is_unspecified() {
        (multicast_mac(all_nodes), all_nodes, 0xa0)
    } else {
        (asker_mac, asker, 0xe0)
    };
    let router = Host { name: "", mac: ROUTER_MAC, v4: [0; 4].into(), v6: target };
    let rest = [&[flags, 0, 0, 0][..], &target.octets(), &[2, 1], &ROUTER_MAC].concat();
    V6 { hop_limit: 255, to_mac, ..V6::icmp(&router, destination, 136, &rest) }.frame()
}
