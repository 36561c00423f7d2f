//! A state for each version number, so that a state that was read tells which version it is, whole or mixed.

use std::time::SystemTime;

use vnet_agent::model::{
    NicId, NicSpec, Operation, PeeringFlags, PeeringName, PeeringSpec, Region, State, SubnetName, SubnetRef,
    SubnetSpec, Topology, VnetId, VnetSpec,
};
use vnet_agent::store::{Activity, ActivityStatus};

/// How many virtual networks there are: each differs from its last version.
const VNETS: u8 = 8;

/// The state of this version: the second byte of every range and address is the version's last, and each network has from none to
/// four NICs, so that a version adds records, changes them and takes them away. Version 0 is empty.
///
/// # Panics
/// Never: nothing in it breaks a rule.
#[must_use]
pub fn state(version: u64) -> State {
    let mut topology = Topology::default();
    let [.., second] = version.to_be_bytes();
    for number in 0..if version == 0 { 0 } else { VNETS } {
        for operation in network(number, second, version) {
            topology = topology.apply(operation).expect("nothing in it breaks a rule");
        }
    }
    State { topology, ..State::default() }
}

fn network(number: u8, second: u8, version: u64) -> Vec<Operation> {
    let name = |number: u8| VnetId::new(&format!("vnet-{number}")).expect("a valid name");
    let (vnet, subnet) = (name(number), SubnetName::new("default").expect("a valid name"));
    let range = format!("10.{second}.{}.0/24", number * 8).parse().expect("a valid prefix");
    let mut operations = vec![
        Operation::CreateVnet(VnetSpec {
            name: vnet.clone(),
            region: Region::new("westeurope").expect("a valid name"),
            address_space: vec![range],
        }),
        Operation::CreateSubnet(
            vnet.clone(),
            SubnetSpec { name: subnet.clone(), address_prefixes: vec![range] },
        ),
    ];
    let nics = (version.wrapping_mul(7) + u64::from(number)) % 5;
    for host in 0..u8::try_from(nics).unwrap_or(0) {
        operations.push(Operation::CreateNic(NicSpec {
            name: NicId::new(&format!("nic-{number}-{host}")).expect("a valid name"),
            subnet: SubnetRef { vnet: vnet.clone(), subnet: subnet.clone() },
            ipv4: Some([10, second, number * 8, 4 + host].into()),
            ipv6: None,
            mac: None,
            interface: None,
            enable_ip_forwarding: false,
        }));
    }
    if let Some(before) = number.checked_sub(1) {
        for (own, remote) in [(number, before), (before, number)] {
            let spec = PeeringSpec {
                name: PeeringName::new(&format!("to-{remote}")).expect("a valid name"),
                remote: name(remote),
                flags: PeeringFlags::default(),
                subnets: None,
            };
            operations.push(Operation::CreatePeering(name(own), spec));
        }
    }
    operations
}

/// The entry of the log for this version.
#[must_use]
pub fn activity(version: u64) -> Activity {
    Activity {
        time: SystemTime::now(),
        caller: "user:root".to_owned(),
        operation: "Microsoft.Network/virtualNetworks/write".to_owned(),
        resource: "/subscriptions/default".to_owned(),
        status: ActivityStatus::Succeeded,
        code: None,
        message: version.to_string(),
        version: None,
    }
}
