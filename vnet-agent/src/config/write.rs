//! The topology file, written: a text that [`load`](super::load) makes the very same topology of.
//!
//! Written by hand and not by a YAML library: the layout is to be that of the examples (networks as blocks, what stands in them
//! a line each), which no library knows, and the format needs words, lists and mappings alone. What a reader of YAML could take
//! for anything but a text is quoted.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::model::access::{AccessScope, Directory, RoleAssignment};
use crate::model::{
    DEFAULT_SCOPE_NAME, MacAddress, Nic, Peering, PeeringFlags, PeeringState, Scope, State, Subnet, Topology,
    VirtualNetwork, VnetId,
};

/// The longest line that lists several things.
const MAX_WIDTH: usize = 120;

/// The topology as a file: defaults left out, and what only the past explains said where it does not follow.
#[must_use]
pub fn write(topology: &Topology) -> String {
    let mut file = Writer::new(topology);
    file.topology(topology);
    file.out
}

/// The whole state as a file: subscriptions and roles before the topology. Tokens are no part of it.
#[must_use]
pub fn write_state(state: &State) -> String {
    let mut file = Writer::new(&state.topology);
    file.directory(&state.directory);
    file.topology(&state.topology);
    file.out
}

impl Writer {
    fn new(topology: &Topology) -> Self {
        let mut file = Self { out: String::new(), home: home(topology) };
        let mut top = Vec::new();
        file.scope(&mut top, &Scope::default(), &file.home);
        file.lines(0, &top);
        file
    }

    /// Both keys, also where they list nothing: a file that says all about a state says that there is none.
    fn directory(&mut self, directory: &Directory) {
        let all = directory.every_subscription();
        self.out.push_str("subscriptions:\n");
        for subscription in all {
            let mut fields = vec![("name", word(subscription.name.as_str()))];
            if subscription.display_name != subscription.name.as_str() {
                fields.push(("displayName", word(&subscription.display_name)));
            }
            if subscription.tenant != DEFAULT_SCOPE_NAME {
                fields.push(("tenant", word(&subscription.tenant)));
            }
            self.block(2, &fields);
            let name = subscription.name.as_str();
            let mut roles =
                directory.assignments().filter(|one| one.scope.subscription() == Some(name)).peekable();
            if roles.peek().is_some() {
                self.out.push_str("    roleAssignments:\n");
            }
            for role in roles {
                self.item(6, &role_fields(role));
            }
        }
        let mut roles = directory.assignments().filter(|one| one.scope == AccessScope::Root).peekable();
        self.out.push_str(if roles.peek().is_some() {
            "\nroleAssignments:\n"
        } else {
            "\nroleAssignments: []\n"
        });
        for role in roles {
            self.item(2, &role_fields(role));
        }
        self.out.push('\n');
    }

    fn topology(&mut self, topology: &Topology) {
        let file = self;
        if topology.vnets().len() == 0 {
            file.out.push_str("virtualNetworks: []\n");
            return;
        }
        file.out.push_str("virtualNetworks:\n");
        for (index, vnet) in topology.vnets().enumerate() {
            if index > 0 {
                file.out.push('\n');
            }
            file.vnet(topology, vnet);
        }
        if topology.nic_count() > 0 {
            file.out.push_str("\nnics:\n");
            for (vnet, nic) in topology.nics() {
                let fields = file.nic(vnet, nic);
                file.item(2, &fields);
            }
        }
    }
}

/// Where the top of the file says that everything stands: the subscription that all objects share, and the resource group that
/// they share; what they do not share is `default`.
fn home(topology: &Topology) -> Scope {
    let vnets = || topology.vnets().map(|vnet| vnet.name());
    let nics = || topology.nics().map(|(_, nic)| nic.name());
    let Some(first) = vnets().next().map(VnetId::scope) else { return Scope::default() };
    let subscription = first.subscription.as_str();
    let is_one_subscription = vnets().all(|name| name.subscription() == subscription)
        && nics().all(|name| name.subscription() == subscription);
    let group = first.resource_group.as_str();
    let is_one_group = vnets().all(|name| name.resource_group() == group)
        && nics().all(|name| name.resource_group() == group);
    let mut home = Scope::default();
    if is_one_subscription {
        home.subscription = first.subscription;
    }
    if is_one_group {
        home.resource_group = first.resource_group;
    }
    home
}

/// A value as it is written.
enum Value<'a> {
    Word(Cow<'a, str>),
    List(Vec<Cow<'a, str>>),
}

/// Keys and values in the order of writing.
type Fields<'a> = Vec<(&'static str, Value<'a>)>;

struct Writer {
    out: String,
    home: Scope,
}

impl Writer {
    fn vnet(&mut self, topology: &Topology, vnet: &VirtualNetwork) {
        let mut fields = vec![("name", word(vnet.name().name()))];
        self.scope(&mut fields, &self.home, &vnet.name().scope());
        fields.push(("region", word(vnet.region().as_str())));
        fields.push(("addressSpace", list(vnet.address_space().ranges())));
        self.block(2, &fields);
        if vnet.subnets().len() > 0 {
            self.out.push_str("    subnets:\n");
            vnet.subnets().for_each(|subnet| self.item(6, &subnet_fields(subnet)));
        }
        if vnet.peerings().len() > 0 {
            self.out.push_str("    peerings:\n");
            vnet.peerings().for_each(|peering| self.item(6, &peering_fields(topology, vnet, peering)));
        }
    }

    fn nic<'a>(&self, vnet: &VirtualNetwork, nic: &'a Nic) -> Fields<'a> {
        let mut fields = vec![("name", word(nic.name().name()))];
        let scope = nic.name().scope();
        self.scope(&mut fields, &self.home, &scope);
        let subnet = format!("{}/{}", reference(&scope, vnet.name()), nic.subnet());
        fields.push(("subnet", Value::Word(quote(subnet.into()))));
        fields.push(("addresses", list(nic.addresses())));
        if nic.mac() != MacAddress::derived(nic.name()) {
            fields.push(("mac", Value::Word(quote(nic.mac().to_string().into()))));
        }
        if let Some(interface) = nic.interface() {
            fields.push(("interface", word(interface.as_str())));
        }
        if nic.enable_ip_forwarding() {
            fields.push(("enableIPForwarding", flag(true)));
        }
        fields
    }

    /// Where something stands, as far as that is another place than where it would be taken to stand.
    fn scope(&self, fields: &mut Fields<'_>, taken: &Scope, scope: &Scope) {
        let keys = [
            ("subscription", taken.subscription.as_str(), scope.subscription.as_str()),
            ("resourceGroup", taken.resource_group.as_str(), scope.resource_group.as_str()),
        ];
        let differing = keys.into_iter().filter(|(_, taken, is)| taken != is);
        fields.extend(differing.map(|(key, _, is)| (key, Value::Word(quote(is.to_owned().into())))));
    }

    /// An entry of a list, on one line where it fits.
    fn item(&mut self, indent: usize, fields: &Fields<'_>) {
        let start = self.out.len();
        self.indent(indent);
        self.out.push_str("- { ");
        for (index, (key, value)) in fields.iter().enumerate() {
            self.out.push_str(if index == 0 { "" } else { ", " });
            self.field(key, value);
        }
        self.out.push_str(" }\n");
        if self.out.len() - start > MAX_WIDTH {
            self.out.truncate(start);
            self.block(indent, fields);
        }
    }

    /// An entry of a list, each key on a line.
    fn block(&mut self, indent: usize, fields: &Fields<'_>) {
        let start = self.out.len();
        self.lines(indent + 2, fields);
        // The first line's last two spaces give way to the dash.
        self.out.replace_range(start + indent..=start + indent, "-");
    }

    /// Keys and values, each key on a line, and a list that does not fit there on further lines.
    fn lines(&mut self, indent: usize, fields: &Fields<'_>) {
        for (key, value) in fields {
            let start = self.out.len();
            self.indent(indent);
            self.field(key, value);
            self.out.push('\n');
            if let Value::List(elements) = value
                && self.out.len() - start > MAX_WIDTH
            {
                self.out.truncate(start);
                self.indent(indent);
                self.out.push_str(key);
                self.out.push_str(":\n");
                for element in elements {
                    self.indent(indent + 2);
                    self.out.push_str("- ");
                    self.out.push_str(element);
                    self.out.push('\n');
                }
            }
        }
    }

    fn field(&mut self, key: &str, value: &Value<'_>) {
        self.out.push_str(key);
        self.out.push_str(": ");
        match value {
            Value::Word(word) => self.out.push_str(word),
            Value::List(elements) => {
                self.out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    self.out.push_str(if index == 0 { "" } else { ", " });
                    self.out.push_str(element);
                }
                self.out.push(']');
            }
        }
    }

    fn indent(&mut self, columns: usize) {
        self.out.extend(std::iter::repeat_n(' ', columns));
    }
}

fn subnet_fields(subnet: &Subnet) -> Fields<'_> {
    vec![("name", word(subnet.name().as_str())), ("addressPrefixes", list(subnet.address_prefixes()))]
}

fn peering_fields<'a>(topology: &Topology, vnet: &VirtualNetwork, peering: &'a Peering) -> Fields<'a> {
    let remote = reference(&vnet.name().scope(), peering.remote());
    let mut fields =
        vec![("name", word(peering.name().as_str())), ("remoteVirtualNetwork", Value::Word(quote(remote)))];
    let (is, default) = (peering.flags(), PeeringFlags::default());
    let flags = [
        ("allowVirtualNetworkAccess", is.allow_virtual_network_access, default.allow_virtual_network_access),
        ("allowForwardedTraffic", is.allow_forwarded_traffic, default.allow_forwarded_traffic),
        ("allowGatewayTransit", is.allow_gateway_transit, default.allow_gateway_transit),
        ("useRemoteGateways", is.use_remote_gateways, default.use_remote_gateways),
    ];
    fields.extend(
        flags.into_iter().filter(|(_, is, default)| is != default).map(|(key, is, _)| (key, flag(is))),
    );
    if let Some(subnets) = peering.subnets() {
        fields.push(("peerCompleteVnets", flag(false)));
        fields.push(("localSubnetNames", list(&subnets.local)));
        fields.push(("remoteSubnetNames", list(&subnets.remote)));
        if subnets.only_ipv6 {
            fields.push(("enableOnlyIPv6Peering", flag(true)));
        }
    }
    let past = topology.peering_past(vnet, peering);
    if past.is_disconnected {
        fields.push(("peeringState", Value::Word(PeeringState::Disconnected.to_string().into())));
    }
    if let Some(space) = past.remote_address_space {
        fields.push(("remoteAddressSpace", list(space)));
    }
    fields
}

fn role_fields(assignment: &RoleAssignment) -> Fields<'_> {
    let mut fields: Fields<'_> = assignment.own_name().map(|name| ("name", word(name))).into_iter().collect();
    fields.push(("principal", Value::Word(quote(assignment.principal.to_string().into()))));
    fields.push(("role", Value::Word(quote(assignment.role.to_string().into()))));
    let within = match &assignment.scope {
        AccessScope::Root | AccessScope::Subscription(_) => None,
        AccessScope::ResourceGroup(scope) => Some(scope.resource_group.to_string()),
        AccessScope::Vnet(vnet) => Some(format!("{}/{}", vnet.resource_group(), vnet.name())),
    };
    fields.extend(within.map(|within| ("scope", Value::Word(quote(within.into())))));
    fields
}

/// How an object that stands in `scope` names a virtual network.
fn reference<'a>(scope: &Scope, vnet: &'a VnetId) -> Cow<'a, str> {
    let is_near = vnet.subscription() == scope.subscription.as_str()
        && vnet.resource_group() == scope.resource_group.as_str();
    if is_near { vnet.name().into() } else { vnet.full().into() }
}

fn flag(value: bool) -> Value<'static> {
    Value::Word(if value { "true" } else { "false" }.into())
}

fn word(text: &str) -> Value<'_> {
    Value::Word(quote(text.into()))
}

fn list<T: ToString>(elements: impl IntoIterator<Item = T>) -> Value<'static> {
    Value::List(elements.into_iter().map(|element| quote(element.to_string().into())).collect())
}

/// Words that some reader of YAML takes for something else than a text, in any case of letters.
const NO_TEXTS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// A text as YAML: as it is where every reader takes it for a text, in quotes elsewhere.
fn quote(text: Cow<'_, str>) -> Cow<'_, str> {
    if is_plain(&text) {
        return text;
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' ' => quoted.push(' '),
            _ if character.is_ascii_graphic() || character.is_alphanumeric() => quoted.push(character),
            // Writing to a string cannot fail.
            _ => drop(write!(quoted, "\\U{:08x}", u32::from(character))),
        }
    }
    quoted.push('"');
    quoted.into()
}

/// Whether a text needs no quotes: a word that starts with a letter, or an IPv4 address or prefix.
fn is_plain(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/');
    match text.bytes().next() {
        Some(first) if first.is_ascii_alphabetic() => {
            text.bytes().all(is_word) && !NO_TEXTS.iter().any(|word| word.eq_ignore_ascii_case(text))
        }
        Some(first) if first.is_ascii_digit() => {
            let is_ipv4 = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'/');
            text.bytes().all(is_ipv4) && text.bytes().filter(|byte| *byte == b'.').count() == 3
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::quote;

    #[rstest]
    #[case("hub", "hub")]
    #[case("red/prod/hub-1.x_", "red/prod/hub-1.x_")]
    #[case("10.0.0.0/16", "10.0.0.0/16")]
    #[case("10.0.1.4", "10.0.1.4")]
    #[case("fd00:a::/48", "\"fd00:a::/48\"")]
    #[case("02:00:00:00:00:01", "\"02:00:00:00:00:01\"")]
    #[case("null", "\"null\"")]
    #[case("True", "\"True\"")]
    #[case("NO", "\"NO\"")]
    #[case("1e3", "\"1e3\"")]
    #[case("0x1f", "\"0x1f\"")]
    #[case("1.5", "\"1.5\"")]
    #[case("2001-12-14", "\"2001-12-14\"")]
    #[case("", "\"\"")]
    #[case("-a", "\"-a\"")]
    #[case("a b", "\"a b\"")]
    #[case("#a,b", "\"#a,b\"")]
    #[case("a\"\\b", "\"a\\\"\\\\b\"")]
    #[case("w\u{fc}\u{200b}\u{feff}", "\"w\u{fc}\\U0000200b\\U0000feff\"")]
    fn a_text_is_quoted_where_a_reader_could_take_it_for_something_else(
        #[case] text: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(quote(text.into()), expected);
    }
}
