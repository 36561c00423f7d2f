//! The choice among rows, and the next hop that it leads to.

use std::net::IpAddr;
use std::sync::Arc;

use pretty_assertions::assert_eq;
use rstest::rstest;

use super::table;
use crate::model::tests::{World, nic_name, vnet_name};
use crate::routing::*;

fn world() -> World {
    World::default()
        .vnet("a", &["10.0.0.0/16", "fd00:a::/48"])
        .vnet("b", &["10.1.0.0/16", "fd00:b::/48"])
        .vnet("c", &["10.2.0.0/16"])
        .subnet("a", "s", &["10.0.1.0/24", "fd00:a:0:1::/64"])
        .subnet("b", "s", &["10.1.1.0/24"])
        .nic("dual", "a/s", &["10.0.1.4", "fd00:a:0:1::4"])
        .nic("four", "a/s", &["10.0.1.5"])
        .nic("six", "a/s", &["fd00:a:0:1::6"])
        .peered("a", "b")
        .peered("b", "c")
}

#[rstest]
#[case("10.0.200.1", NextHopType::VnetLocal)]
#[case("10.1.0.1", NextHopType::VNetPeering)]
#[case("10.2.0.1", NextHopType::None)]
#[case("172.31.255.255", NextHopType::None)]
#[case("172.32.0.0", NextHopType::Internet)]
#[case("192.168.7.7", NextHopType::None)]
#[case("100.64.0.1", NextHopType::None)]
#[case("100.128.0.1", NextHopType::Internet)]
#[case("8.8.8.8", NextHopType::Internet)]
#[case("fd00:a:0:9::9", NextHopType::VnetLocal)]
#[case("fd00:b::1", NextHopType::VNetPeering)]
#[case("fd00:c::1", NextHopType::Internet)]
#[case("2001:db8::1", NextHopType::Internet)]
fn next_hop_takes_the_longest_prefix(#[case] destination: &str, #[case] kind: NextHopType) {
    let answer = next_hop(&world().0, &nic_name("dual"), destination.parse().unwrap());
    let route_table_id = "System Route".to_owned();
    assert_eq!(answer, Ok(NextHopAnswer { next_hop_type: kind, next_hop_ip_address: None, route_table_id }));
}

#[test]
fn next_hop_asks_for_a_nic_that_exists_and_has_an_address_of_the_family() {
    let ask = |nic: &str, to: &str| next_hop(&world().0, &nic_name(nic), to.parse().unwrap()).unwrap_err();
    assert_eq!(ask("none", "8.8.8.8"), Unreachable::UnknownNic(nic_name("none")));
    assert_eq!(ask("none", "8.8.8.8").to_string(), "NIC none does not exist");
    assert_eq!(ask("four", "fd00:b::1").to_string(), "NIC four has no IPv6 address");
    assert_eq!(ask("six", "8.8.8.8").to_string(), "NIC six has no IPv4 address");
}

fn row(source: RouteSource, state: RouteState, prefix: &str, next_hop: NextHop) -> EffectiveRoute {
    EffectiveRoute { source, state, prefix: prefix.parse().unwrap(), next_hop }
}

#[test]
fn at_equal_length_user_wins_over_gateway_and_gateway_over_default() {
    use RouteSource::{Default, User, VirtualNetworkGateway};
    let active = |source| row(source, RouteState::Active, "10.1.0.0/16", NextHop::None);
    let to: IpAddr = "10.1.2.3".parse().unwrap();
    for order in [[Default, VirtualNetworkGateway, User], [User, VirtualNetworkGateway, Default]] {
        let rows = order.map(active);
        assert_eq!(select(&rows, to).map(|row| row.source), Some(User));
    }
    let rows = [VirtualNetworkGateway, Default].map(active);
    assert_eq!(select(&rows, to).map(|row| row.source), Some(VirtualNetworkGateway));
    // A longer prefix wins over any source.
    let longer = row(Default, RouteState::Active, "10.1.2.0/24", NextHop::VnetLocal);
    let rows = [active(User), longer.clone()];
    assert_eq!(select(&rows, to), Some(&longer));
}

#[test]
fn a_row_that_is_not_active_or_of_the_other_family_is_not_chosen() {
    let invalid = row(RouteSource::User, RouteState::Invalid, "10.1.2.3/32", NextHop::None);
    let wide = row(RouteSource::Default, RouteState::Active, "0.0.0.0/0", NextHop::Internet);
    let rows = [invalid, wide.clone()];
    assert_eq!(select(&rows, "10.1.2.3".parse().unwrap()), Some(&wide));
    assert_eq!(select(&rows, "fd00::1".parse().unwrap()), None);
    assert_eq!(select(&[], "10.1.2.3".parse().unwrap()), None);
}

#[test]
fn every_kind_of_next_hop_has_its_word() {
    let hop = |is_global| {
        NextHop::Peering(Arc::new(PeeringHop {
            vnet: vnet_name("a"),
            peering: crate::model::tests::peering_name("p"),
            remote: vnet_name("b"),
            remote_peering: crate::model::tests::peering_name("q"),
            is_global,
            local_access_allowed: true,
            remote_access_allowed: true,
            forwarded_traffic_allowed: false,
        }))
    };
    let words = [NextHop::VnetLocal, hop(false), hop(true), NextHop::Internet, NextHop::None]
        .map(|hop| hop.kind().to_string());
    assert_eq!(words, ["VnetLocal", "VNetPeering", "VNetGlobalPeering", "Internet", "None"]);
    assert_eq!(serde_json::to_value(NextHopType::VNetGlobalPeering).unwrap(), "VNetGlobalPeering");
}

#[test]
fn no_table_of_a_random_topology_has_two_active_rows_of_one_prefix_and_source() {
    use proptest::test_runner::{Config, TestRunner};
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let peered = std::cell::Cell::new(0);
    let outcome = runner.run(&crate::model::tests::random::dice(50), |dice| {
        let mut topology = crate::model::tests::random::furnished();
        for step in dice {
            crate::model::tests::random::step(&mut topology, step);
        }
        let world = World(topology);
        for vnet in world.0.vnets() {
            for subnet in vnet.subnets() {
                let rows = table(&world, vnet.name().as_str(), subnet.name().as_str());
                let mut keys: Vec<_> = rows.iter().map(|row| (row.prefix, row.source)).collect();
                keys.sort_unstable();
                proptest::prop_assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "{:?}", rows);
                peered.set(
                    peered.get()
                        + rows.iter().filter(|row| matches!(row.next_hop, NextHop::Peering(_))).count(),
                );
            }
        }
        Ok(())
    });
    outcome.unwrap();
    assert!(peered.get() > 500, "only {} rows of peerings", peered.get());
}
