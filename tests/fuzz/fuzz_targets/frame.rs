//! The forwarding decision on any frame over any tables: no panic, and what it says can be carried out.
//!
//! The input's first byte selects how much of it becomes the tables; the rest is the frame.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vnet_common::abi::{Cell, Endpoint6Key, NODE_ENTRIES, Node, PortRecord, RouteRecord};
use vnet_common::forward::{self, Action, Frame, FrameMut, Tables};

/// Tables of a few entries, filled from the input. Indexes are taken modulo their size, so that most lead somewhere.
struct Fuzzed<'a> {
    bytes: &'a [u8],
    port: PortRecord,
    route: RouteRecord,
    cell: Cell,
    node: Node,
}

impl<'a> Fuzzed<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let at = |index: usize| bytes.get(index).copied().unwrap_or_default();
        let word = |index: usize| u32::from_le_bytes([at(index), at(index + 1), at(index + 2), at(index + 3)]);
        let port = PortRecord {
            ifindex: 1,
            mac: [2, 0, 0, 0, 0, at(0) & 1],
            flags: u16::from(at(1)),
            ipv4_be: [10, 0, 0, at(2)],
            routes4: word(3),
            routes6: word(7),
            space4: word(11),
            space6: word(15),
            router4_be: [10, 0, 0, at(19)],
            mtu_bytes: word(20),
            ipv6_be: [at(24); 16],
            router6_be: [at(25); 16],
            ..PortRecord::default()
        };
        let route = RouteRecord {
            kind: at(26) % 7,
            skip_bytes: at(27),
            flags: u16::from(at(28)),
            endpoints: word(29),
            counter: word(33),
            reserved: 0,
        };
        let mut node = [0; NODE_ENTRIES];
        for (index, entry) in node.iter_mut().enumerate() {
            *entry = word(37 + index % 16);
        }
        Self { bytes, port, route, cell: [word(53), word(57)], node }
    }
}

impl Tables for Fuzzed<'_> {
    fn generation(&self) -> u64 {
        self.bytes.len() as u64
    }
    fn cell(&self, _index: u32) -> Option<&Cell> {
        Some(&self.cell)
    }
    fn node_entry(&self, node: u32, byte: u8) -> u32 {
        self.node[(node as usize + usize::from(byte)) % NODE_ENTRIES]
    }
    fn port(&self, index: u32) -> Option<&PortRecord> {
        (index % 5 != 4).then_some(&self.port)
    }
    fn route(&self, index: u32) -> Option<&RouteRecord> {
        (index % 5 != 4).then_some(&self.route)
    }
    fn endpoint6(&self, key: &Endpoint6Key) -> Option<u32> {
        (key.address_be[15] & 1 == 0).then_some(key.range)
    }
}

struct Bytes(Vec<u8>);

impl Frame for Bytes {
    fn at<const N: usize>(&self, offset: u32) -> Option<&[u8; N]> {
        self.0.get(offset as usize..)?.first_chunk()
    }
    fn linear_bytes(&self) -> u32 {
        self.0.len() as u32
    }
    fn total_bytes(&self) -> u32 {
        self.0.len() as u32
    }
}

impl FrameMut for Bytes {
    fn at_mut<const N: usize>(&mut self, offset: u32) -> Option<&mut [u8; N]> {
        self.0.get_mut(offset as usize..)?.first_chunk_mut()
    }
    fn resize(&mut self, bytes: u32) -> bool {
        self.0.resize(bytes as usize, 0);
        true
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((&split, rest)) = data.split_first() else { return };
    let (tables, frame) = rest.split_at(usize::from(split).min(rest.len()));
    let tables = Fuzzed::new(tables);
    let mut frame = Bytes(frame.to_vec());
    match forward::decide(&tables, &frame, 1).action {
        Action::Drop(_) => {}
        Action::Answer(answer) => assert!(forward::answer::write(&mut frame, answer), "an answer without a frame"),
        Action::Deliver(delivery) => {
            assert_eq!(delivery.frame_bytes, frame.total_bytes());
            assert!(forward::rewrite(&mut frame, delivery.mac), "a delivery without a frame");
        }
    }
});
