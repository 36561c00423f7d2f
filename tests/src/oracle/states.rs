//! The state of every peering object, of the agent and of the oracle, as lines that can be compared.

use vnet_agent::model::{PeeringState, PeeringSyncLevel, Topology};

use super::world::{Peering, State, World};

/// Every peering object with its state, what it took over, and the sync level while it is connected.
#[must_use]
pub fn of_agent(topology: &Topology) -> Vec<String> {
    let mut lines = Vec::new();
    for vnet in topology.vnets() {
        for peering in vnet.peerings() {
            let level = match (peering.state(), topology.sync_level(vnet, peering)) {
                (PeeringState::Connected, level) => level.to_string(),
                (_, PeeringSyncLevel::FullyInSync) => "in sync without another side".to_owned(),
                _ => String::new(),
            };
            let space = peering.remote_address_space();
            lines.push(format!("{}/{} {} {space:?} {level}", vnet.name(), peering.name(), peering.state()));
        }
    }
    lines.sort_unstable();
    lines
}

/// The same of the oracle's world.
#[must_use]
pub fn of_oracle(world: &World) -> Vec<String> {
    let in_sync = |vnet: &str, remote: &str| {
        world.object(vnet, remote).is_some_and(|object| object.remote_space == world.remote_now(object))
    };
    let line = |peering: &Peering| {
        let sides = (in_sync(&peering.remote, &peering.vnet), in_sync(&peering.vnet, &peering.remote));
        let level = match (peering.state, sides) {
            (State::Initiated | State::Disconnected, _) => "",
            (State::Connected, (true, true)) => "FullyInSync",
            (State::Connected, (false, true)) => "LocalNotInSync",
            (State::Connected, (true, false)) => "RemoteNotInSync",
            (State::Connected, (false, false)) => "LocalAndRemoteNotInSync",
        };
        let (vnet, name, state) = (&peering.vnet, &peering.name, peering.state);
        format!("{vnet}/{name} {state:?} {:?} {level}", peering.remote_space)
    };
    let mut lines: Vec<String> = world.peerings.iter().map(line).collect();
    lines.sort_unstable();
    lines
}
