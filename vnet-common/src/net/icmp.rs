//! ICMP echo (RFC 792) and ICMPv6 echo (RFC 4443): the first bytes of a request, turned into those of its reply.

use super::{be16, checksum};

/// How much of the message is looked at: type, code, checksum.
pub const HEAD_BYTES: usize = 4;

const ECHO_REPLY_V4: u8 = 0;
const ECHO_REQUEST_V4: u8 = 8;
const ECHO_REQUEST_V6: u8 = 128;
const ECHO_REPLY_V6: u8 = 129;

/// The head of the reply to an ICMP echo request; `None` where the message is no echo request.
#[inline(always)]
#[must_use]
pub const fn reply_v4(head: &[u8; HEAD_BYTES]) -> Option<[u8; HEAD_BYTES]> {
    reply(head, ECHO_REQUEST_V4, ECHO_REPLY_V4)
}

/// The same for ICMPv6. Exchanging source and destination leaves the pseudo-header's sum as it is.
#[inline(always)]
#[must_use]
pub const fn reply_v6(head: &[u8; HEAD_BYTES]) -> Option<[u8; HEAD_BYTES]> {
    reply(head, ECHO_REQUEST_V6, ECHO_REPLY_V6)
}

#[inline(always)]
const fn reply(head: &[u8; HEAD_BYTES], request: u8, reply: u8) -> Option<[u8; HEAD_BYTES]> {
    if head[0] != request || head[1] != 0 {
        return None;
    }
    let updated = checksum::update(be16(head[2], head[3]), be16(request, 0), be16(reply, 0)).to_be_bytes();
    Some([reply, 0, updated[0], updated[1]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{IcmpEchoHeader, Icmpv4Header, Icmpv4Type, Icmpv6Header, Icmpv6Type};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_reply_has_the_checksum_of_a_message_built_anew(
            id: u16, seq: u16, payload in proptest::collection::vec(any::<u8>(), 0..200), from: [u8; 16], to: [u8; 16]
        ) {
            let echo = IcmpEchoHeader { id, seq };
            let request = Icmpv4Header::with_checksum(Icmpv4Type::EchoRequest(echo), &payload).to_bytes();
            let expected = Icmpv4Header::with_checksum(Icmpv4Type::EchoReply(echo), &payload).to_bytes();
            let head = request.first_chunk().unwrap();
            prop_assert_eq!(reply_v4(head), expected.first_chunk().copied());

            let request = Icmpv6Header::with_checksum(Icmpv6Type::EchoRequest(echo), from, to, &payload).unwrap().to_bytes();
            let expected = Icmpv6Header::with_checksum(Icmpv6Type::EchoReply(echo), to, from, &payload).unwrap().to_bytes();
            let head = request.first_chunk().unwrap();
            prop_assert_eq!(reply_v6(head), expected.first_chunk().copied());
        }
    }

    #[test]
    fn only_an_echo_request_of_code_0_has_a_reply() {
        for kind in 0..=255 {
            for code in [0, 1, 255] {
                let head = [kind, code, 0x12, 0x34];
                assert_eq!(reply_v4(&head).is_some(), kind == 8 && code == 0, "{kind}/{code}");
                assert_eq!(reply_v6(&head).is_some(), kind == 128 && code == 0, "{kind}/{code}");
            }
        }
    }
}
