//! Subnets: parts of a virtual network's ranges, each with one effective route table.

use ipnet::IpNet;

use super::address::check_prefixes;
use super::{PrefixFault, Refusal, ResourceId, SubnetName, SubnetSpec, VirtualNetwork};

/// A subnet of a virtual network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    name: SubnetName,
    address_prefixes: Vec<IpNet>,
}

impl Subnet {
    /// The longest IPv4 prefix: below it, the reserved addresses leave no room.
    const MAX_LENGTH_IPV4: u8 = 29;
    /// The only IPv6 prefix length.
    const LENGTH_IPV6: u8 = 64;

    /// Checks a subnet against the virtual network that is to hold it. A subnet of the same name is the one being replaced.
    ///
    /// # Errors
    /// `InvalidAddressPrefix`, `SubnetNotInVnet`, `SubnetsOverlap`.
    pub(super) fn validate(vnet: &VirtualNetwork, spec: SubnetSpec) -> Result<Self, Refusal> {
        let resource = ResourceId::Subnet(vnet.name().clone(), spec.name.clone());
        let invalid = |prefix: Option<IpNet>, fault| Refusal::invalid_prefix(resource.clone(), prefix, fault);
        check_prefixes(&spec.address_prefixes).map_err(|(prefix, fault)| invalid(prefix, fault))?;
        for prefix in &spec.address_prefixes {
            match prefix {
                IpNet::V4(v4) if v4.prefix_len() > Self::MAX_LENGTH_IPV4 => {
                    return Err(invalid(Some(*prefix), PrefixFault::TooSmall));
                }
                IpNet::V6(v6) if v6.prefix_len() != Self::LENGTH_IPV6 => {
                    return Err(invalid(Some(*prefix), PrefixFault::NotSlash64));
                }
                _ => {}
            }
            if vnet.address_space().range_of(prefix).is_none() {
                return Err(Refusal::SubnetNotInVnet {
                    vnet: vnet.name().clone(),
                    subnet: spec.name,
                    prefix: *prefix,
                    address_space: vnet.address_space().clone(),
                });
            }
            for other in vnet.subnets().filter(|other| other.name != spec.name) {
                if let Some(met) = other.address_prefixes.iter().find(|met| super::overlaps(met, prefix)) {
                    return Err(Refusal::SubnetsOverlap {
                        vnet: vnet.name().clone(),
                        subnet: spec.name,
                        prefix: *prefix,
                        other: other.name.clone(),
                        other_prefix: *met,
                    });
                }
            }
        }
        let mut address_prefixes = spec.address_prefixes;
        address_prefixes.sort_unstable();
        Ok(Self { name: spec.name, address_prefixes })
    }

    /// The subnet's name within its virtual network.
    #[must_use]
    pub fn name(&self) -> &SubnetName {
        &self.name
    }

    /// The subnet's prefixes, sorted, IPv4 first.
    #[must_use]
    pub fn address_prefixes(&self) -> &[IpNet] {
        &self.address_prefixes
    }
}
