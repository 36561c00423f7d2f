//! Topologies whose NICs have names of this process alone, and labs of them that vanish with their guard.

use std::sync::atomic::{AtomicU32, Ordering};

use vnet_agent::lab::{self, LabError, Rig, UpOptions};
use vnet_agent::model::{
    NicId, NicSpec, Operation, PeeringFlags, PeeringSpec, Region, SubnetSpec, Topology, VnetSpec,
};

/// A prefix for names: no other test, of this process or another, has it.
pub(crate) fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{:x}-{:x}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A topology under way.
#[derive(Clone, Default)]
pub(crate) struct World(pub(crate) Topology);

impl World {
    /// A virtual network with one subnet that has all of its ranges.
    pub(crate) fn vnet(self, name: &str, ranges: &[&str], prefixes: &[&str]) -> Self {
        let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let vnet = VnetSpec {
            name: name.parse().unwrap(),
            region: Region::new("westeurope").unwrap(),
            address_space: parse(ranges),
        };
        let subnet = SubnetSpec { name: "default".parse().unwrap(), address_prefixes: parse(prefixes) };
        self.with(Operation::CreateVnet(vnet)).with(Operation::CreateSubnet(name.parse().unwrap(), subnet))
    }

    /// A NIC in the subnet of a virtual network, changed by `change`.
    pub(crate) fn nic(
        self,
        name: &str,
        vnet: &str,
        addresses: &[&str],
        change: impl FnOnce(&mut NicSpec),
    ) -> Self {
        let mut spec = NicSpec {
            name: name.parse().unwrap(),
            subnet: format!("{vnet}/default").parse().unwrap(),
            ipv4: addresses.iter().find_map(|address| address.parse().ok()),
            ipv6: addresses.iter().find_map(|address| address.parse().ok()),
            mac: None,
            interface: None,
            enable_ip_forwarding: false,
        };
        change(&mut spec);
        self.with(Operation::CreateNic(spec))
    }

    /// Peerings between two virtual networks, both sides.
    pub(crate) fn peered(self, left: &str, right: &str) -> Self {
        let side = |from: &str, to: &str| {
            let name = format!("{from}-to-{to}").parse().unwrap();
            let flags = PeeringFlags::default();
            let spec = PeeringSpec { name, remote: to.parse().unwrap(), flags, subnets: None };
            Operation::CreatePeering(from.parse().unwrap(), spec)
        };
        self.with(side(left, right)).with(side(right, left))
    }

    fn with(self, operation: Operation) -> Self {
        Self(self.0.apply(operation).unwrap())
    }

    /// One virtual network with one dual-stack NIC.
    pub(crate) fn one_nic(name: &str) -> Self {
        let ranges = ["10.1.0.0/16", "fd00:1::/48"];
        Self::default().vnet("one", &ranges, &["10.1.2.0/24", "fd00:1:0:2::/64"]).nic(
            name,
            "one",
            &["10.1.2.4", "fd00:1:0:2::4"],
            |_| {},
        )
    }

    /// One virtual network with `count` NICs, dual-stack.
    pub(crate) fn many(prefix: &str, count: u32) -> Self {
        let ranges = ["10.1.0.0/16", "fd00:1::/48"];
        let world = Self::default().vnet("many", &ranges, &["10.1.2.0/24", "fd00:1:0:2::/64"]);
        (0..count).fold(world, |world, index| {
            let host = index + 4;
            let addresses = [format!("10.1.2.{host}"), format!("fd00:1:0:2::{host:x}")];
            let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
            world.nic(&format!("{prefix}-{index}"), "many", &addresses, |_| {})
        })
    }
}

pub(crate) fn name(text: &str) -> NicId {
    text.parse().unwrap()
}

/// A lab that is taken down with this value, also where a test fails.
pub(crate) struct Lab {
    pub(crate) topology: Topology,
    pub(crate) rig: Rig,
}

impl Lab {
    pub(crate) async fn up(world: &World, mtu_bytes: u32) -> Result<Self, LabError> {
        let rig = lab::up(&world.0, &UpOptions { mtu_bytes }).await?;
        Ok(Self { topology: world.0.clone(), rig })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let topology = self.topology.clone();
        let down = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(lab::down(&topology))
        });
        if !std::thread::panicking() {
            down.join().unwrap().unwrap();
        } else if let Ok(Err(error)) = down.join() {
            eprintln!("the lab stays: {error}");
        }
    }
}
