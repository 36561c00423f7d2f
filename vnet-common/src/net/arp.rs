//! ARP for IPv4 over Ethernet (RFC 826), as one frame with its Ethernet header.

use super::{be16, ethernet};

/// Length of the frame that holds an ARP packet, Ethernet header included, padding not.
pub const FRAME_BYTES: usize = 42;

const HARDWARE_ETHERNET: u16 = 1;
const OPERATION_REQUEST: u16 = 1;

/// An ARP packet for IPv4 over Ethernet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// Whether it is a request.
    pub is_request: bool,
    /// Sender hardware address.
    pub sender_mac: [u8; 6],
    /// Sender protocol address; zero in a probe (RFC 5227).
    pub sender_ip_be: [u8; 4],
    /// Target protocol address.
    pub target_ip_be: [u8; 4],
}

/// Parses the frame; `None` where it is not ARP for IPv4 over Ethernet.
#[inline(always)]
#[must_use]
pub fn parse(frame: &[u8; FRAME_BYTES]) -> Option<Arp> {
    let f = frame;
    let well_formed = be16(f[14], f[15]) == HARDWARE_ETHERNET
        && be16(f[16], f[17]) == ethernet::TYPE_IPV4
        && f[18] == 6
        && f[19] == 4;
    if !well_formed {
        return None;
    }
    Some(Arp {
        is_request: be16(f[20], f[21]) == OPERATION_REQUEST,
        sender_mac: [f[22], f[23], f[24], f[25], f[26], f[27]],
        sender_ip_be: [f[28], f[29], f[30], f[31]],
        target_ip_be: [f[38], f[39], f[40], f[41]],
    })
}

/// The virtual router's answer to `request`: the target address is at the router's MAC.
#[inline(always)]
#[must_use]
pub const fn reply(request: &Arp) -> [u8; FRAME_BYTES] {
    let (m, r) = (request.sender_mac, ethernet::ROUTER_MAC);
    let (s, t) = (request.sender_ip_be, request.target_ip_be);
    [
        m[0], m[1], m[2], m[3], m[4], m[5], r[0], r[1], r[2], r[3], r[4], r[5], 0x08, 0x06, //
        0x00, 0x01, 0x08, 0x00, 6, 4, 0x00, 0x02, //
        r[0], r[1], r[2], r[3], r[4], r[5], t[0], t[1], t[2], t[3], //
        m[0], m[1], m[2], m[3], m[4], m[5], s[0], s[1], s[2], s[3],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{ArpHardwareId, ArpOperation, ArpPacket, EtherType, PacketBuilder};
    use proptest::prelude::*;

    fn frame(operation: u16, sender: ([u8; 6], [u8; 4]), target: [u8; 4]) -> [u8; FRAME_BYTES] {
        let (hardware, protocol) = (ArpHardwareId::ETHERNET, EtherType::IPV4);
        let operation = ArpOperation(operation);
        let packet =
            ArpPacket::new(hardware, protocol, operation, &sender.0, &sender.1, &[7; 6], &target).unwrap();
        let mut frame = std::vec::Vec::new();
        PacketBuilder::ethernet2(sender.0, [0xff; 6]).arp(packet).write(&mut frame).unwrap();
        frame.try_into().unwrap()
    }

    proptest! {
        #[test]
        fn a_packet_is_read_as_etherparse_wrote_it(operation: u16, mac: [u8; 6], sender: [u8; 4], target: [u8; 4]) {
            let expected =
                Arp { is_request: operation == 1, sender_mac: mac, sender_ip_be: sender, target_ip_be: target };
            prop_assert_eq!(parse(&frame(operation, (mac, sender), target)), Some(expected));
        }

        #[test]
        fn a_reply_says_that_the_target_is_at_the_routers_mac(mac: [u8; 6], sender: [u8; 4], target: [u8; 4]) {
            let request = parse(&frame(1, (mac, sender), target)).unwrap();
            let answer = reply(&request);
            let packet = ArpPacket::from_slice(&answer[14..]).unwrap();
            prop_assert_eq!(packet.operation, ArpOperation::REPLY);
            prop_assert_eq!(packet.sender_hw_addr(), ethernet::ROUTER_MAC);
            prop_assert_eq!(packet.sender_protocol_addr(), target);
            prop_assert_eq!(packet.target_hw_addr(), mac);
            prop_assert_eq!(packet.target_protocol_addr(), sender);
            prop_assert_eq!(&answer[..6], mac);
            prop_assert_eq!(&answer[6..12], ethernet::ROUTER_MAC);
        }
    }

    #[test]
    fn anything_but_ipv4_over_ethernet_is_not_read() {
        let good = frame(1, ([2; 6], [10, 0, 0, 4]), [10, 0, 0, 5]);
        for at in 14..20 {
            let mut bad = good;
            bad[at] ^= 1;
            assert_eq!(parse(&bad), None, "byte {at}");
        }
    }
}
