//! A named case: a frame, and all that is to become of it.

use pretty_assertions::Comparison;
use vnet_agent::dataplane::kernel::XdpVerdict;
use vnet_common::abi::Traffic;
use vnet_common::verdict::DropReason;

use crate::changes::{Counts, put, put_traffic};
use crate::frames::ROUTER_MAC;
use crate::rig::{Hex, Observed, Rig};
use crate::world::nic_name;

/// What is to become of a frame.
#[derive(Clone, Debug)]
pub enum Expect {
    /// It ends here, unchanged, counted by this reason and at the sender.
    Drop(DropReason),
    /// It is delivered to a NIC: the Ethernet addresses are new, all else is as it was.
    Deliver {
        /// The NIC.
        to: &'static str,
        /// Its MAC address.
        mac: [u8; 6],
        /// The sender's peering object, as `VNET/PEERING`, where a peering is crossed.
        over: Option<&'static str>,
    },
    /// The virtual router answers with this frame.
    Answer(Vec<u8>),
}

/// A frame from a NIC, and what is to become of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// What the case is about, in words.
    pub name: String,
    /// The NIC that sends it.
    pub from: &'static str,
    /// The frame.
    pub frame: Vec<u8>,
    /// What is to become of it.
    pub expect: Expect,
}

/// A case.
pub fn case(name: impl Into<String>, from: &'static str, frame: Vec<u8>, expect: Expect) -> Case {
    Case { name: name.into(), from, frame, expect }
}

impl Case {
    /// What the program has to do, to the last byte and counter.
    #[must_use]
    pub fn expected(&self) -> Observed {
        let mut changes = Counts::new();
        let (verdict, frame) = match &self.expect {
            Expect::Drop(reason) => {
                put(&mut changes, format!("drop {}", reason.word()), 1);
                put(&mut changes, format!("nic {} dropped", self.from), 1);
                (XdpVerdict::Drop, self.frame.clone())
            }
            Expect::Answer(frame) => {
                put(&mut changes, format!("nic {} answered", self.from), 1);
                (XdpVerdict::Redirect, frame.clone())
            }
            Expect::Deliver { to, mac, over } => {
                let one = Traffic { packets: 1, bytes: self.frame.len() as u64 };
                put_traffic(&mut changes, &format!("nic {} tx", self.from), one);
                put_traffic(&mut changes, &format!("nic {to} rx"), one);
                if let Some(peering) = over {
                    put_traffic(&mut changes, &format!("peering {peering}"), one);
                }
                let mut frame = self.frame.clone();
                frame[..6].copy_from_slice(mac);
                frame[6..12].copy_from_slice(&ROUTER_MAC);
                (XdpVerdict::Redirect, frame)
            }
        };
        Observed { verdict, frame: Hex(frame), changes }
    }
}

/// Runs every case, in order, and compares the verdict, the whole frame and every counter.
///
/// # Panics
/// After all of them, where a case ended otherwise. Each such case is printed by name, with what differs.
pub fn check(rig: &mut Rig, cases: &[Case]) {
    assert!(!cases.is_empty(), "a table without a case shows nothing");
    let mut failed = Vec::new();
    for case in cases {
        let (observed, expected) = (rig.run(rig.ifindex(&nic_name(case.from)), &case.frame), case.expected());
        if observed != expected {
            println!("{}: observed < / > expected\n{}", case.name, Comparison::new(&observed, &expected));
            failed.push(&case.name);
        }
    }
    assert!(failed.is_empty(), "{} of {} cases ended otherwise: {failed:#?}", failed.len(), cases.len());
}
