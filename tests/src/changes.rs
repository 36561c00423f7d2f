//! All counters of the kernel at one time, and what changed between two times.
//!
//! Every entry of every counter map is read, those too that belong to nothing: a packet that is counted in the wrong place
//! is found wherever that is.

use std::collections::BTreeMap;

use vnet_agent::compile::layout::Layout;
use vnet_agent::dataplane::Tables;
use vnet_common::abi::Traffic;
use vnet_common::verdict::DropReason;

/// Counters that are not zero, by name: `nic a1 tx packets`, `peering a/to-b bytes`, `drop no-route`, `no port dropped`.
pub type Counts = BTreeMap<String, u64>;

/// Reads all counters of `tables`.
///
/// # Panics
/// Where a map cannot be read.
pub fn read<T: Tables>(layout: &Layout, tables: &T) -> Counts {
    let mut counts = Counts::new();
    let mut nics: BTreeMap<u32, String> = BTreeMap::from([(0, String::from("no port"))]);
    nics.extend(layout.port_counters().map(|(_, nic, index)| (index, format!("nic {nic}"))));
    for index in 0..layout.capacity().port_counters {
        let traffic = tables.port_traffic(index).expect("the counter can be read");
        let name = nics.remove(&index).unwrap_or_else(|| format!("port counter {index} of nobody"));
        put_traffic(&mut counts, &format!("{name} tx"), traffic.tx);
        put_traffic(&mut counts, &format!("{name} rx"), traffic.rx);
        put(&mut counts, format!("{name} answered"), traffic.answered);
        put(&mut counts, format!("{name} dropped"), traffic.dropped);
        assert_eq!(traffic.reserved, [0; 2], "the reserved part of counter {index}");
    }
    let peerings = layout.peering_counters();
    let mut peerings: BTreeMap<u32, String> =
        peerings.map(|(vnet, peering, index)| (index, format!("peering {vnet}/{peering}"))).collect();
    for index in 0..layout.capacity().peering_counters {
        let traffic = tables.peering_traffic(index).expect("the counter can be read");
        let name = peerings.remove(&index).unwrap_or_else(|| format!("peering counter {index} of nobody"));
        put_traffic(&mut counts, &name, traffic);
    }
    for reason in DropReason::ALL {
        let drops = tables.drops(*reason as u32).expect("the counter can be read");
        put(&mut counts, format!("drop {}", reason.word()), drops);
    }
    counts
}

/// What was added from `before` to `after`.
///
/// # Panics
/// Where a counter became less.
#[must_use]
pub fn difference(before: &Counts, after: &Counts) -> Counts {
    for (name, count) in before {
        assert!(after.get(name).is_some_and(|now| now >= count), "the counter \"{name}\" became less");
    }
    let added = |(name, count): (&String, &u64)| {
        let count = count - before.get(name).unwrap_or(&0);
        (count > 0).then(|| (name.clone(), count))
    };
    after.iter().filter_map(added).collect()
}

/// One packet of `bytes` at the counters called `name`.
pub(crate) fn put_traffic(counts: &mut Counts, name: &str, traffic: Traffic) {
    put(counts, format!("{name} packets"), traffic.packets);
    put(counts, format!("{name} bytes"), traffic.bytes);
}

pub(crate) fn put(counts: &mut Counts, name: String, count: u64) {
    if count > 0 {
        counts.insert(name, count);
    }
}
