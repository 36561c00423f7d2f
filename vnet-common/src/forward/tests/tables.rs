//! Tables in maps. Only what was put in is there.

use std::collections::HashMap;

use super::super::Tables;
use super::{A1, APPLIANCE, B1, BARE, GATEWAY4, GATEWAY6, Host, SMALL, v6};
use crate::abi::{
    Cell, Endpoint6Key, LEAF, PORT_ATTACHED, PORT_IP_FORWARDING, PORT_SLOTS, PortRecord, ROUTE_ACCESS,
    ROUTE_FORWARDED, ROUTE_INTERNET, ROUTE_LOCAL, ROUTE_NONE, ROUTE_PEERING, ROUTE_UNROUTABLE, RouteRecord,
};

/// The tables, of which the odd half of every cell is used.
#[derive(Clone, Debug, Default)]
pub(super) struct Fake {
    pub(super) generation: u64,
    pub(super) cells: HashMap<u32, Cell>,
    /// What a node holds where `nodes` says nothing.
    fills: HashMap<u32, u32>,
    nodes: HashMap<(u32, u8), u32>,
    pub(super) ports: HashMap<u32, PortRecord>,
    pub(super) routes: HashMap<u32, RouteRecord>,
    pub(super) endpoints6: HashMap<Endpoint6Key, u32>,
    last_node: u32,
}

impl Tables for Fake {
    fn generation(&self) -> u64 {
        self.generation
    }

    fn cell(&self, index: u32) -> Option<&Cell> {
        self.cells.get(&index)
    }

    fn node_entry(&self, node: u32, byte: u8) -> u32 {
        let fill = self.fills.get(&node).copied().unwrap_or(0);
        self.nodes.get(&(node, byte)).copied().unwrap_or(fill)
    }

    fn port(&self, index: u32) -> Option<&PortRecord> {
        self.ports.get(&index)
    }

    fn route(&self, index: u32) -> Option<&RouteRecord> {
        self.routes.get(&index)
    }

    fn endpoint6(&self, key: &Endpoint6Key) -> Option<u32> {
        self.endpoints6.get(key).copied()
    }
}

/// Cells with the roots of tries.
pub(super) const ROUTES4: u32 = 70_001;
pub(super) const ROUTES6: u32 = 70_002;
const SPACE4: u32 = 70_003;
const SPACE6: u32 = 70_004;
const LOCAL4: u32 = 70_005;
const PEER4: u32 = 70_006;
/// Numbers of IPv6 ranges, and the first cell of an endpoint.
const LOCAL6: u32 = 1;
const PEER6: u32 = 2;
const ENDPOINTS: u32 = 71_000;

/// The peering's counters: where forwarded traffic is denied, and where it is allowed.
pub(super) const TO_B: u32 = 21;
pub(super) const TO_C: u32 = 22;

/// Third parts of addresses, as `10.x.0.0/16` and `2001:db8:x::/48`, with the kind of their route.
pub(super) const LOCAL: u8 = 1;
pub(super) const PEER: u8 = 2;
pub(super) const PEER_WITHOUT_ACCESS: u8 = 3;
pub(super) const PEER_WITH_FORWARDED: u8 = 4;
pub(super) const OF_NO_KIND: u8 = 5;
pub(super) const OF_NO_RECORD: u8 = 6;
pub(super) const EMPTY: u8 = 7;
pub(super) const INTERNET: u8 = 8;
pub(super) const NONE: u8 = 9;

impl Fake {
    /// Leads the bytes of `prefix` from the root in `cell` to `value`, which may be 0.
    pub(super) fn insert(&mut self, cell: u32, prefix: &[u8], value: u32) {
        let mut node = self.cells.get(&cell).map_or(0, |cell| cell[1]);
        if node == 0 {
            node = self.new_node();
            self.cells.insert(cell, [0, node]);
        }
        let (last, path) = prefix.split_last().unwrap();
        for byte in path {
            let next = self.nodes.get(&(node, *byte)).copied().unwrap_or(0);
            node = if next == 0 {
                let child = self.new_node();
                self.nodes.insert((node, *byte), child);
                child
            } else {
                next
            };
        }
        self.nodes.insert((node, *last), value);
    }

    fn new_node(&mut self) -> u32 {
        self.last_node += 1;
        self.last_node
    }

    fn add_route(&mut self, number: u32, record: RouteRecord, prefix4: &[u8], prefix6: &[u8]) {
        // IPv4 and IPv6 records differ in what `endpoints` names.
        let to6 = match record.endpoints {
            LOCAL4 => LOCAL6,
            PEER4 => PEER6,
            other => other,
        };
        self.routes.insert(number, record);
        self.routes.insert(number + 100, RouteRecord { endpoints: to6, ..record });
        self.insert(ROUTES4, prefix4, LEAF | number);
        self.insert(ROUTES6, prefix6, LEAF | (number + 100));
    }

    fn attach(&mut self, host: &Host, flags: u16, mtu_bytes: u32) {
        let record = PortRecord {
            ifindex: host.ifindex,
            mac: host.mac,
            flags: flags | PORT_ATTACHED,
            ipv4_be: host.v4,
            routes4: ROUTES4,
            routes6: ROUTES6,
            space4: SPACE4,
            space6: SPACE6,
            router4_be: GATEWAY4,
            counter: host.counter,
            mtu_bytes,
            ipv6_be: host.v6,
            router6_be: GATEWAY6,
            ..PortRecord::default()
        };
        self.ports.insert(host.port, record);
        self.cells.insert(1 + host.ifindex % PORT_SLOTS, [0, host.port]);
        let (trie, range) = if host.mac[4] == LOCAL { (LOCAL4, LOCAL6) } else { (PEER4, PEER6) };
        self.endpoint(trie, range, host.v4, host.v6, host.port);
    }

    fn endpoint(&mut self, trie: u32, range: u32, v4: [u8; 4], v6: [u8; 16], port: u32) {
        self.insert(trie, &v4[2..], LEAF | port);
        let cell = ENDPOINTS + port;
        self.cells.insert(cell, [0, port]);
        self.endpoints6.insert(Endpoint6Key { range, address_be: v6 }, cell);
    }

    /// A VNet with neighbours of every kind.
    pub(super) fn world() -> Self {
        let mut fake = Self { generation: 7, ..Self::default() };
        let access = ROUTE_ACCESS;
        let kind = |kind: u8| RouteRecord { kind, ..RouteRecord::default() };
        let to = |kind: u8, flags: u16, endpoints: u32, counter: u32| RouteRecord {
            kind,
            skip_bytes: 2,
            flags,
            endpoints,
            counter,
            reserved: 0,
        };
        let routes = [
            (LOCAL, to(ROUTE_LOCAL, 0, LOCAL4, 0)),
            (PEER, to(ROUTE_PEERING, access, PEER4, TO_B)),
            (PEER_WITHOUT_ACCESS, to(ROUTE_PEERING, ROUTE_FORWARDED, PEER4, 0)),
            (PEER_WITH_FORWARDED, to(ROUTE_PEERING, access | ROUTE_FORWARDED, PEER4, TO_C)),
            (OF_NO_KIND, kind(77)),
            (INTERNET, kind(ROUTE_INTERNET)),
            (NONE, kind(ROUTE_NONE)),
        ];
        for (third, record) in routes {
            fake.add_route(u32::from(third), record, &[10, third], &v6(third, 0)[..6]);
        }
        fake.insert(ROUTES4, &[10, OF_NO_RECORD], LEAF | 999);
        fake.insert(ROUTES6, &v6(OF_NO_RECORD, 0)[..6], LEAF | 999);
        fake.add_route(50, kind(ROUTE_UNROUTABLE), &[127], &[0xfe]);
        fake.insert(ROUTES6, &[0xff], LEAF | 150);
        fake.insert(SPACE4, &[10, LOCAL], LEAF | 1);
        fake.insert(SPACE6, &v6(LOCAL, 0)[..6], LEAF | 1);

        fake.ports.insert(1, PortRecord::default());
        for (host, flags, mtu_bytes) in
            [(A1, 0, 9000), (SMALL, 0, 1400), (APPLIANCE, PORT_IP_FORWARDING, 1500), (B1, 0, 9000)]
        {
            fake.attach(&host, flags, mtu_bytes);
        }
        fake.attach(&BARE, 0, 1500);
        fake.endpoint(LOCAL4, LOCAL6, [10, LOCAL, 0, 77], v6(LOCAL, 77), 1);
        // An endpoint that names a port beyond the table.
        fake.endpoint(LOCAL4, LOCAL6, [10, LOCAL, 0, 88], v6(LOCAL, 88), 5000);
        fake.endpoint(PEER4, PEER6, [10, PEER_WITH_FORWARDED, 0, 4], v6(PEER_WITH_FORWARDED, 4), B1.port);
        fake
    }
}
