//! A network behind a machine: what a network appliance forwards for.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Vm;
use crate::guests::{ip, unique_name};

/// A machine in a network of its own, which has the machine of a NIC as its router. Dropped, it is gone.
#[derive(Debug)]
pub struct Behind {
    /// The machine: a namespace with an `eth0` that no program is on.
    pub vm: Vm,
}

impl Behind {
    /// Connects a new machine to `router`, in 192.168.`network`.0/24 and in an IPv6 network of the same number. The router
    /// forwards then, whatever the NIC's settings say.
    ///
    /// # Panics
    /// Where the kernel refuses.
    #[must_use]
    pub fn new(router: &Vm, network: u8) -> Self {
        let namespace = unique_name("behind");
        ip(&["netns", "add", &namespace]);
        let (v4, v6) = (
            Ipv4Addr::new(192, 168, network, 2),
            Ipv6Addr::new(0xfd99, 0, 0, u16::from(network), 0, 0, 0, 2),
        );
        let nic = format!("behind {}", router.nic);
        let (v4, v6) = (Some(v4), Some(v6));
        let behind = Self { vm: Vm { nic, namespace, interface: String::new(), mac: [0; 6], v4, v6 } };
        behind.plug_in(router, network);
        behind
    }

    fn plug_in(&self, router: &Vm, network: u8) {
        let behind = &self.vm;
        let lan = format!("lan{network}");
        let peer = ["peer", "name", "eth0", "netns", &behind.namespace];
        ip(&[&["-n", &router.namespace, "link", "add", &lan, "type", "veth"], &peer[..]].concat());
        for (vm, interface, host) in [(router, lan.as_str(), 1), (behind, "eth0", 2)] {
            for parameter in ["disable_ipv6=0", "accept_dad=0", "accept_ra=0"] {
                vm.text(&["sysctl", "-q", "-w", &format!("net.ipv6.conf.{interface}.{parameter}")]);
            }
            ip(&["-n", &vm.namespace, "link", "set", interface, "up"]);
            for address in
                [format!("192.168.{network}.{host}/24"), format!("fd99:0:0:{network:x}::{host}/64")]
            {
                ip(&["-n", &vm.namespace, "address", "add", &address, "dev", interface]);
            }
        }
        for parameter in ["ipv4.conf.all.forwarding", "ipv6.conf.all.forwarding"] {
            router.text(&["sysctl", "-q", "-w", &format!("net.{parameter}=1")]);
        }
        for gateway in [format!("192.168.{network}.1"), format!("fd99:0:0:{network:x}::1")] {
            ip(&["-n", &behind.namespace, "route", "add", "default", "via", &gateway]);
        }
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        // The pair goes with its end in here.
        let deleted = std::process::Command::new("ip").args(["netns", "delete", &self.vm.namespace]).status();
        assert!(
            std::thread::panicking() || deleted.is_ok_and(|status| status.success()),
            "{} stays",
            self.vm.namespace
        );
    }
}
