//! Things that change places within one commit, or take the place of what the commit before gave up. `Committed::commit`
//! itself compares every packet before, at and after publication, every counter, and what is in use.

use pretty_assertions::assert_eq;
use vnet_common::abi::{PortTraffic, Traffic};

use super::world::{CAPACITY, Committed, attachments, image_of};
use crate::compile::layout::Layout;
use crate::dataplane::CommitError;
use crate::dataplane::counters::Counters;
use crate::model::tests::{World, nic, nic_name, peering, peering_name, subnet, vnet, vnet_name};
use crate::model::*;

/// a and b peered, two NICs in each; n1 and n2 in a, m1 and m2 in b.
fn two() -> World {
    World::default()
        .vnet("a", &["10.0.0.0/16", "fd00:0::/48"])
        .vnet("b", &["10.1.0.0/16", "fd00:1::/48"])
        .subnet("a", "s", &["10.0.1.0/24", "fd00:0:0:1::/64"])
        .subnet("a", "t", &["10.0.2.0/24", "fd00:0:0:2::/64"])
        .subnet("b", "s", &["10.1.1.0/24", "fd00:1:0:1::/64"])
        .nic("n1", "a/s", &["10.0.1.4", "fd00:0:0:1::4"])
        .nic("n2", "a/s", &["10.0.1.5", "fd00:0:0:1::5"])
        .nic("m1", "b/s", &["10.1.1.4", "fd00:1:0:1::4"])
        .nic("m2", "b/s", &["10.1.1.5", "fd00:1:0:1::5"])
        .peered("a", "b")
}

const INTERFACES: [(&str, u32); 4] = [("n1", 7), ("n2", 8), ("m1", 9), ("m2", 10)];

fn start() -> Committed {
    Committed::start(two(), &INTERFACES)
}

/// Applies operations and commits once.
#[track_caller]
fn change(committed: &mut Committed, operations: impl IntoIterator<Item = Operation>) {
    for operation in operations {
        committed.topology = committed.topology.apply(operation).unwrap();
    }
    assert!(committed.commit().entries > 0);
}

#[test]
fn two_nics_swap_their_addresses_in_one_commit() {
    let mut committed = start();
    let spare = nic("n1", "a/s", &["10.0.1.99", "fd00:0:0:1::99"]);
    change(
        &mut committed,
        [
            Operation::UpdateNic(spare),
            Operation::UpdateNic(nic("n2", "a/s", &["10.0.1.4", "fd00:0:0:1::4"])),
            Operation::UpdateNic(nic("n1", "a/s", &["10.0.1.5", "fd00:0:0:1::5"])),
        ],
    );
}

#[test]
fn two_nics_swap_their_interfaces_in_one_commit_within_a_network_and_across() {
    for swapped in [
        [("n1", 8), ("n2", 7), ("m1", 9), ("m2", 10)],
        [("n1", 10), ("n2", 8), ("m1", 9), ("m2", 7)],
        // All in a ring, so that whoever comes first finds its new slot taken.
        [("n1", 8), ("n2", 9), ("m1", 10), ("m2", 7)],
    ] {
        let mut committed = start();
        let slots = slots(&committed);
        committed.attachments = attachments(&swapped);
        change(&mut committed, []);
        // No interface has lost the slot that it had: what passes to another NIC is freed before it is taken.
        assert_eq!(self::slots(&committed), slots);
        committed.attachments = attachments(&INTERFACES);
        change(&mut committed, []);
    }
}

fn slots(committed: &Committed) -> Vec<(u32, u32)> {
    committed.publisher.layout().slots.iter().collect()
}

#[test]
fn a_nic_moves_to_another_subnet_and_to_another_network_with_its_interface() {
    let mut committed = start();
    change(&mut committed, [Operation::UpdateNic(nic("n1", "a/t", &["10.0.2.4", "fd00:0:0:2::4"]))]);
    // To b, which comes later in the order of names, and back from there.
    change(&mut committed, [Operation::UpdateNic(nic("n1", "b/s", &["10.1.1.9", "fd00:1:0:1::9"]))]);
    change(&mut committed, [Operation::UpdateNic(nic("n1", "a/s", &["10.0.1.4", "fd00:0:0:1::4"]))]);
    assert_eq!(slots(&committed), [(8, 7), (9, 8), (10, 9), (11, 10)]);
}

#[test]
fn a_subnet_goes_and_one_of_another_name_takes_its_prefix_and_nics() {
    let mut committed = start();
    change(
        &mut committed,
        [
            Operation::UpdateNic(nic("n1", "a/t", &["10.0.2.4"])),
            Operation::UpdateNic(nic("n2", "a/t", &["10.0.2.5"])),
            Operation::DeleteSubnet(vnet_name("a"), subnet("s", &[]).name),
            Operation::CreateSubnet(vnet_name("a"), subnet("u", &["10.0.1.0/24", "fd00:0:0:1::/64"])),
            Operation::UpdateNic(nic("n1", "a/u", &["10.0.1.4", "fd00:0:0:1::4"])),
        ],
    );
}

#[test]
fn a_range_is_replaced_by_a_smaller_one_a_larger_one_and_two_halves() {
    let mut committed = start();
    for space in [
        &["10.0.0.0/22", "fd00:0::/56"][..],
        &["10.0.0.0/16", "fd00:0::/48"],
        &["10.0.0.0/17", "10.0.128.0/17", "fd00:0::/49", "fd00:0:0:8000::/49"],
    ] {
        change(&mut committed, [Operation::UpdateVnet(vnet("a", space))]);
        // The larger range reaches as far as the smaller one did, until b has it too.
        committed.topology =
            committed.topology.apply(Operation::SyncPeering(vnet_name("b"), peering_name("b-to-a"))).unwrap();
        committed.commit();
    }
}

#[test]
fn a_network_is_deleted_and_made_anew_in_one_commit_and_in_two() {
    for commits in [1, 2] {
        let mut committed = start();
        let gone = [
            Operation::DeleteNic(nic_name("m1")),
            Operation::DeleteNic(nic_name("m2")),
            Operation::DeleteVnet(vnet_name("b")),
        ];
        for operation in gone {
            committed.topology = committed.topology.apply(operation).unwrap();
        }
        if commits == 2 {
            assert!(committed.commit().entries > 0);
        }
        let back = committed.topology.peering(&vnet_name("a"), &peering_name("a-to-b")).unwrap().spec();
        change(
            &mut committed,
            [
                Operation::CreateVnet(vnet("b", &["fd00:1::/48", "10.1.0.0/16"])),
                Operation::CreateSubnet(vnet_name("b"), subnet("s", &["10.1.1.0/24", "fd00:1:0:1::/64"])),
                Operation::CreateNic(nic("m2", "b/s", &["10.1.1.4", "fd00:1:0:1::4"])),
                Operation::UpdatePeering(vnet_name("a"), back),
                Operation::CreatePeering(vnet_name("b"), peering("b-to-a", "a")),
            ],
        );
    }
}

#[test]
fn an_ipv6_address_goes_and_comes_back_to_another_nic_in_the_next_commit() {
    let mut committed = start();
    change(&mut committed, [Operation::UpdateNic(nic("n1", "a/s", &["10.0.1.4"]))]);
    change(&mut committed, [Operation::UpdateNic(nic("n2", "a/s", &["10.0.1.5", "fd00:0:0:1::4"]))]);
    // And the whole range goes and comes back, which is the first to get the freed number again.
    let without = [
        Operation::UpdateNic(nic("m1", "b/s", &["10.1.1.4"])),
        Operation::UpdateNic(nic("m2", "b/s", &["10.1.1.5"])),
        Operation::UpdateSubnet(vnet_name("b"), subnet("s", &["10.1.1.0/24"])),
        Operation::UpdateVnet(vnet("b", &["10.1.0.0/16"])),
    ];
    change(&mut committed, without);
    let with = [
        Operation::UpdateVnet(vnet("b", &["10.1.0.0/16", "fd00:1::/48"])),
        Operation::UpdateSubnet(vnet_name("b"), subnet("s", &["10.1.1.0/24", "fd00:1:0:1::/64"])),
        Operation::UpdateNic(nic("m1", "b/s", &["10.1.1.4", "fd00:1:0:1::4"])),
    ];
    change(&mut committed, with);
}

fn counted(packets: u64) -> Traffic {
    Traffic { packets, bytes: 60 * packets }
}

fn count(committed: &mut Committed, vnet: &str, nic: &str, packets: u64) {
    let index = committed.publisher.layout().port_counter(&vnet_name(vnet), &nic_name(nic)).unwrap();
    let traffic = PortTraffic { rx: counted(packets), ..PortTraffic::default() };
    committed.publisher.tables_mut().inner.count_port(index, traffic);
}

fn count_peering(committed: &mut Committed, vnet: &str, peering: &str, packets: u64) {
    let index =
        committed.publisher.layout().peering_counter(&vnet_name(vnet), &peering_name(peering)).unwrap();
    committed.publisher.tables_mut().inner.count_peering(index, counted(packets));
}

/// What the NICs received and what crossed the peerings, by name.
fn counts(committed: &Committed) -> Vec<(String, u64)> {
    let counters = Counters::read(committed.publisher.layout(), &committed.publisher.tables().inner).unwrap();
    let nics = counters.nics.iter().map(|((vnet, nic), t)| (format!("{vnet}/{nic}"), t.rx.packets));
    let peerings =
        counters.peerings.iter().map(|((vnet, peering), t)| (format!("{vnet}/{peering}"), t.packets));
    nics.chain(peerings).collect()
}

#[test]
fn counts_go_on_while_what_they_count_exists_and_a_freed_counter_starts_at_zero() {
    let mut committed = start();
    count(&mut committed, "a", "n1", 5);
    count(&mut committed, "a", "n2", 7);
    count_peering(&mut committed, "a", "a-to-b", 11);
    // n1 loses its interface, and the peering its access: both still exist.
    committed.attachments.remove(&nic_name("n1"));
    let flags = PeeringFlags { allow_virtual_network_access: false, ..PeeringFlags::default() };
    let denied = PeeringSpec { flags, ..peering("a-to-b", "b") };
    change(&mut committed, [Operation::UpdatePeering(vnet_name("a"), denied)]);
    let row = |name: &str, count| (name.to_owned(), count);
    let rest = [row("b/m1", 0), row("b/m2", 0), row("a/a-to-b", 11), row("b/b-to-a", 0)];
    assert_eq!(counts(&committed), [&[row("a/n1", 5), row("a/n2", 7)], &rest[..]].concat());
    // n2 goes, and the next NIC gets its counter.
    change(&mut committed, [Operation::DeleteNic(nic_name("n2"))]);
    committed.attachments = attachments(&[("n1", 7), ("n3", 8), ("m1", 9), ("m2", 10)]);
    change(&mut committed, [Operation::CreateNic(nic("n3", "a/s", &["10.0.1.5"]))]);
    assert_eq!(counts(&committed), [&[row("a/n1", 5), row("a/n3", 0)], &rest[..]].concat());
}

#[test]
fn a_peering_of_the_same_name_to_another_remote_counts_from_zero() {
    let world = two()
        .vnet("c", &["10.2.0.0/16"])
        .with(Operation::CreatePeering(vnet_name("c"), peering("c-to-a", "a")));
    let mut committed = Committed::start(world, &INTERFACES);
    count_peering(&mut committed, "a", "a-to-b", 11);
    change(
        &mut committed,
        [
            Operation::DeletePeering(vnet_name("a"), peering_name("a-to-b")),
            Operation::CreatePeering(vnet_name("a"), peering("a-to-b", "c")),
        ],
    );
    let peering = counts(&committed).into_iter().find(|(name, _)| name == "a/a-to-b");
    assert_eq!(peering, Some(("a/a-to-b".to_owned(), 0)));
}

#[test]
fn a_commit_that_failed_shows_no_counts_of_others() {
    let mut committed = start();
    count(&mut committed, "a", "n2", 7);
    change(&mut committed, [Operation::DeleteNic(nic_name("n2"))]);
    // n3 gets the counter that n2 had, and then the commit fails.
    committed.attachments = attachments(&[("n1", 7), ("n3", 8), ("m1", 9), ("m2", 10)]);
    let create = Operation::CreateNic(nic("n3", "a/s", &["10.0.1.5"]));
    committed.topology = committed.topology.apply(create).unwrap();
    committed.publisher.tables_mut().fails_after = Some(0);
    assert!(matches!(committed.try_commit(), Err(CommitError::Write(_))));
    let n3 = counts(&committed).into_iter().find(|(name, _)| name == "a/n3");
    assert_eq!(n3, Some(("a/n3".to_owned(), 0)));
}

#[test]
fn an_interface_whose_slots_are_taken_makes_its_neighbours_move_on() {
    let mut committed = start();
    // 7, 8, 9 and 10 have the four slots of 7. 65,543 has the same.
    committed.attachments = attachments(&[("n1", 7), ("n2", 8), ("m1", 9), ("m2", 10)]);
    let create = Operation::CreateNic(nic("n3", "a/t", &["10.0.2.9"]));
    committed.attachments.extend(attachments(&[("n3", 65_543)]));
    change(&mut committed, [create]);
    assert_eq!(slots(&committed).len(), 5);
    // Whoever moved is found where it is when it goes.
    for nic in ["n1", "m2", "n3", "m1", "n2"] {
        committed.attachments.remove(&nic_name(nic));
        change(&mut committed, []);
    }
    assert_eq!(slots(&committed), []);
}

#[test]
fn of_five_interfaces_that_share_four_slots_one_nic_stays_without_and_the_others_go_on() {
    let world = two().nic("n3", "a/t", &["10.0.2.9"]);
    let shared = [("n1", 7), ("n2", 65_543), ("m1", 131_079), ("m2", 196_615), ("n3", 262_151)];
    let mut layout = Layout::new(CAPACITY, 0);
    let mut plan = |these: &[(&str, u32)]| {
        let plan = layout.plan(&image_of(&world.0, &attachments(these))).unwrap();
        layout.settle();
        let crowded_out: Vec<NicId> = layout.crowded_out().cloned().collect();
        (crowded_out, layout.slots.iter().collect::<Vec<_>>(), plan.ports.len())
    };
    let slots = vec![(8, 7), (9, 65_543), (10, 131_079), (11, 196_615)];
    assert_eq!(plan(&shared[..4]), (vec![], slots.clone(), 4));
    assert_eq!(plan(&shared), (vec![nic_name("n3")], slots.clone(), 0));
    // Whose interface is out of the image is not told any more.
    assert_eq!(plan(&shared[..4]), (vec![], slots, 0));
    // One that goes makes room for it.
    let slots = vec![(8, 262_151), (9, 65_543), (10, 131_079), (11, 196_615)];
    assert_eq!(plan(&shared[1..]), (vec![], slots, 1));
}
