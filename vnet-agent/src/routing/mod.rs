//! What a topology means for packets: effective routes, next hops, and who reaches whom.
//!
//! All of it is pure and answers from the topology alone. The table compiler builds what the kernel looks at from the same
//! [`EffectiveRoute`]s that the command line prints, so the two cannot tell different stories.

mod effective;
mod reach;
mod route;

#[cfg(test)]
mod tests;

pub use effective::{effective_routes, select};
pub use reach::{Family, NextHopAnswer, Reachability, SYSTEM_ROUTE, Unreachable, next_hop, reachable};
pub use route::{EffectiveRoute, NextHop, NextHopType, PeeringHop, RouteSource, RouteState};
