//! The values that the format has beyond words and truth values: names, prefixes, addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::problem::Finding;
use super::reader::{Fields, Reader, quoted};
use super::tree::NodeId;
use crate::model::{
    AddressSpace, ArmIdError, NameError, PrefixFault, Refusal, RefusalCode, ResourceGroupName, ResourceId,
    Scope, SubscriptionId, VnetId,
};

impl<'t> Reader<'t> {
    /// A required name. One that breaks its rule is refused as the model would refuse it.
    pub(super) fn name<T>(
        &mut self,
        fields: &Fields,
        key: &str,
        check: impl Fn(&str) -> Result<T, NameError>,
    ) -> Option<T> {
        let node = fields.get(key)?;
        self.named(node, key, check)
    }

    /// As [`name`](Self::name), for a value that is found already.
    pub(super) fn named<T>(
        &mut self,
        node: NodeId,
        key: &str,
        check: impl Fn(&str) -> Result<T, NameError>,
    ) -> Option<T> {
        let text = self.text(node, key)?;
        check(text).map_err(|error| self.refuse(node, &Refusal::InvalidResourceName { error })).ok()
    }

    /// Where an object stands: what its own keys say, and for each that it lacks, what `default` says. `None` when that cannot
    /// be told.
    pub(super) fn scope(&mut self, fields: &Fields, default: Option<&Scope>) -> Option<Scope> {
        let subscription = self.optional_name(fields, "subscription", SubscriptionId::new);
        let resource_group = self.optional_name(fields, "resourceGroup", ResourceGroupName::new);
        let (subscription, resource_group) = (subscription?, resource_group?);
        Some(Scope {
            subscription: subscription.or_else(|| default.map(|scope| scope.subscription.clone()))?,
            resource_group: resource_group.or_else(|| default.map(|scope| scope.resource_group.clone()))?,
        })
    }

    /// A name that need not be there: `None` when it is wrong or unclear, `Some(None)` when it is not there.
    fn optional_name<T>(
        &mut self,
        fields: &Fields,
        key: &str,
        check: impl Fn(&str) -> Result<T, NameError>,
    ) -> Option<Option<T>> {
        let read = match fields.get(key) {
            None => Some(None),
            Some(node) => self.named(node, key, check).map(Some),
        };
        read.filter(|_| !fields.is_unclear(&[key]))
    }

    /// The name that an object has within its scope. One that says its scope too is told which keys do that.
    pub(super) fn bare_name<T>(
        &mut self,
        fields: &Fields,
        check: impl Fn(&str) -> Result<T, NameError>,
    ) -> Option<T> {
        let node = fields.get("name")?;
        let text = self.text(node, "name")?;
        let error = match check(text) {
            Ok(name) => return Some(name),
            Err(error) => error,
        };
        let refusal = Refusal::InvalidResourceName { error };
        let help = text.contains('/').then(|| {
            "the name alone stands here; `subscription` and `resourceGroup` have keys of their own".to_owned()
        });
        self.findings.push(Finding {
            code: Some(refusal.code()),
            message: refusal.to_string(),
            span: Some(self.tree.span(node)),
            help,
            ..Finding::default()
        });
        None
    }

    /// The virtual network that a peering names: a bare name within `scope`, `SUBSCRIPTION/GROUP/NAME`, or a resource id.
    pub(super) fn remote(&mut self, fields: &Fields, scope: &Scope) -> Option<VnetId> {
        let node = fields.get("remoteVirtualNetwork")?;
        let text = self.text(node, "remoteVirtualNetwork")?;
        let read = if text.starts_with('/') {
            VnetId::from_arm_id(text)
        } else {
            VnetId::within(scope, text).map_err(ArmIdError::Name)
        };
        match read {
            Ok(remote) => return Some(remote),
            Err(ArmIdError::Name(error)) => self.refuse(node, &Refusal::InvalidResourceName { error }),
            Err(error @ ArmIdError::Form { .. }) => self.form(node, error.to_string()),
        }
        None
    }

    /// A text that need not be there: `None` when it is wrong, `Some(None)` when it is not there.
    pub(super) fn optional<T, E: std::fmt::Display>(
        &mut self,
        fields: &Fields,
        key: &str,
        check: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        let Some(node) = fields.get(key) else { return Some(None) };
        let text = self.text(node, key)?;
        check(text).map(Some).map_err(|error| self.form(node, error.to_string())).ok()
    }

    /// A truth value that need not be there.
    pub(super) fn optional_flag(&mut self, fields: &Fields, key: &str, default: bool) -> Option<bool> {
        fields.get(key).map_or(Some(default), |node| self.flag(node, key))
    }

    /// A required list of prefixes; `None` when any of them is wrong.
    pub(super) fn prefixes(
        &mut self,
        fields: &Fields,
        key: &str,
        of: Option<&ResourceId>,
    ) -> Option<Vec<IpNet>> {
        let elements = self.words(fields.get(key)?, key)?;
        let mut prefixes = Vec::with_capacity(elements.len());
        for node in elements {
            let Some(text) = self.element(*node, key, "a prefix") else { continue };
            let checked = match text.parse::<IpNet>() {
                Err(_) => Err(PrefixFault::Form),
                // Each prefix on its own first: the model names one fault of a list, not all.
                Ok(prefix) => AddressSpace::new(vec![prefix]).map(|_| prefix).map_err(|(_, fault)| fault),
            };
            match checked {
                Ok(prefix) => prefixes.push(prefix),
                Err(fault) => self.wrong_prefix(*node, text, of, &fault),
            }
        }
        (prefixes.len() == elements.len()).then_some(prefixes)
    }

    /// A NIC's addresses, one of a family at most; `None` when any is wrong.
    pub(super) fn addresses(
        &mut self,
        fields: &Fields,
        of: Option<&ResourceId>,
    ) -> Option<(Option<Ipv4Addr>, Option<Ipv6Addr>)> {
        let elements = self.words(fields.get("addresses")?, "addresses")?;
        let (mut ipv4, mut ipv6) = (None, None);
        let mut wrong = false;
        for node in elements {
            let Some(text) = self.element(*node, "addresses", "an IP address") else {
                wrong = true;
                continue;
            };
            let earlier = match text.parse() {
                Ok(IpAddr::V4(address)) => ipv4.replace(address).map(|_| "IPv4"),
                Ok(IpAddr::V6(address)) => ipv6.replace(address).map(|_| "IPv6"),
                Err(_) => {
                    wrong = true;
                    self.wrong_prefix(*node, text, of, &PrefixFault::Address);
                    None
                }
            };
            if let Some(family) = earlier {
                wrong = true;
                self.form(*node, format!("a NIC has one {family} address at most, and this is another"));
            }
        }
        (!wrong).then_some((ipv4, ipv6))
    }

    fn element(&mut self, node: NodeId, key: &str, wanted: &str) -> Option<&'t str> {
        let tree = self.tree;
        let text = tree.text(node);
        if text.is_none() {
            let ends_in_colon = tree.kind(node) == "a mapping";
            let help = ends_in_colon
                .then(|| "an IPv6 address or prefix that YAML takes for a key needs quotes".to_owned());
            let message = format!("an entry of `{key}` must be {wanted}, but this is {}", tree.kind(node));
            let span = Some(tree.span(node));
            self.findings.push(Finding { message, span, help, ..Finding::default() });
        }
        text
    }

    /// Refuses a prefix or address as the model would, of an object that may have no name.
    fn wrong_prefix(&mut self, node: NodeId, text: &str, of: Option<&ResourceId>, fault: &PrefixFault) {
        let of = of.map(|resource| format!("{resource}: ")).unwrap_or_default();
        self.findings.push(Finding {
            code: Some(RefusalCode::InvalidAddressPrefix),
            message: format!("{of}{} {fault}", quoted(text)),
            span: Some(self.tree.span(node)),
            ..Finding::default()
        });
    }
}
