//! Bodies: sound ones for a path, and what can be wrong with one.

use serde_json::{Value, json};
use vnet_tests::oracle::random::Random;

/// The networks' ranges: each has some of its own, and two want the same now and then.
fn range(random: &mut Random, vnet: usize) -> String {
    match random.between(0, 9) {
        0 => "172.16.0.0/16".to_owned(),
        1..5 => format!("10.{vnet}.0.0/16"),
        5..8 => format!("10.{}.0.0/16", 100 + vnet),
        _ => format!("fd00:{vnet}::/48"),
    }
}

fn prefix(random: &mut Random, vnet: usize) -> String {
    let third = random.between(0, 5);
    match random.between(0, 9) {
        0 => format!("10.{}.{third}.0/24", 100 + vnet),
        1 => format!("fd00:{vnet}:0:{third}::/64"),
        2 => "10.200.0.0/24".to_owned(),
        _ => format!("10.{vnet}.{third}.0/{}", random.between(24, 26)),
    }
}

/// A sound body of a network, in any case of form: it may be refused for what it says.
pub fn vnet(random: &mut Random, vnet: usize) -> Value {
    let mut ranges = vec![format!("10.{vnet}.0.0/16")];
    if random.percent(40) {
        ranges.push(range(random, vnet));
    }
    let location = if random.percent(80) { "westeurope" } else { "northeurope" };
    let mut body = json!({"location": location, "properties": {"addressSpace": {"addressPrefixes": ranges}}});
    if random.percent(30) {
        let mut subnets = Vec::new();
        for index in 0..random.between(0, 3) {
            subnets.push(
                json!({"name": format!("s{index}"), "properties": {"addressPrefix": prefix(random, vnet)}}),
            );
        }
        body["properties"]["subnets"] = subnets.into();
    }
    if random.percent(10) {
        body["properties"]["virtualNetworkPeerings"] = json!([]);
    }
    body
}

/// A sound body of a subnet.
pub fn subnet(random: &mut Random, vnet: usize) -> Value {
    match random.percent(50) {
        true => json!({"properties": {"addressPrefix": prefix(random, vnet)}}),
        false => json!({"properties": {"addressPrefixes": [prefix(random, vnet)]}}),
    }
}

/// A sound body of a peering with `remote`.
pub fn peering(random: &mut Random, remote: &str) -> Value {
    let mut body = json!({"properties": {"remoteVirtualNetwork": {"id": remote}}});
    for flag in ["allowVirtualNetworkAccess", "allowForwardedTraffic", "allowGatewayTransit"] {
        if random.percent(30) {
            body["properties"][flag] = random.percent(50).into();
        }
    }
    if random.percent(25) {
        body["remotePeering"] = json!({"name": format!("p{}", random.between(0, 3))});
    }
    if random.percent(15) {
        body["properties"]["peerCompleteVnets"] = false.into();
        body["properties"]["localSubnetNames"] = json!(["s0"]);
        body["properties"]["remoteSubnetNames"] = json!(["s1"]);
    }
    body
}

/// A sound body of a NIC in `subnet` of the network with this number.
pub fn nic(random: &mut Random, vnet: usize, subnet: &str) -> Value {
    let mut properties = json!({"subnet": {"id": subnet}});
    if random.percent(50) {
        let (third, last) = (random.between(0, 2), random.between(2, 7));
        properties["privateIPAddress"] = format!("10.{vnet}.{third}.{last}").into();
    }
    let mut body = json!({"properties": {"ipConfigurations": [{"name": "x", "properties": properties}]}});
    if random.percent(20) {
        body["properties"]["enableIPForwarding"] = random.percent(50).into();
    }
    body
}

/// Something that no body should have where it is put.
fn nonsense(random: &mut Random) -> Value {
    match random.between(0, 9) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(1e300),
        4 => json!(u64::MAX),
        5 => json!("\u{0}\u{202e}x"),
        6 => json!([[[[]]]]),
        7 => json!({"": {"": ""}}),
        8 => json!("x".repeat(10_000)),
        _ => json!("10.0.0.0/8"),
    }
}

/// A body with one thing in it changed.
pub fn spoil(random: &mut Random, body: &mut Value) {
    match body {
        Value::Object(members) if !members.is_empty() => {
            let names: Vec<String> = members.keys().cloned().collect();
            let name = random.pick(&names).cloned().unwrap_or_default();
            match random.between(0, 9) {
                0 => drop(members.remove(&name)),
                1 => {
                    let value = members.remove(&name).unwrap_or_default();
                    members.insert(format!("{name}x"), value);
                }
                2 => drop(members.insert("unknown".to_owned(), nonsense(random))),
                3 => drop(members.insert(name, nonsense(random))),
                _ => members.get_mut(&name).into_iter().for_each(|inner| spoil(random, inner)),
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let at = random.between(0, items.len() - 1);
            items.get_mut(at).into_iter().for_each(|inner| spoil(random, inner));
        }
        other => *other = nonsense(random),
    }
}

/// Bytes that are no JSON that can be taken, or hardly.
pub fn garble(random: &mut Random, body: &Value) -> Vec<u8> {
    let mut bytes = body.to_string().into_bytes();
    let at = random.between(0, bytes.len().saturating_sub(1));
    match random.between(0, 7) {
        0 => bytes.truncate(at),
        1 => bytes.insert(at, 0xff),
        2 => bytes.extend_from_slice(b"{}"),
        3 => bytes = format!("{}{}", "[".repeat(5000), "]".repeat(5000)).into_bytes(),
        4 => bytes = [b"{\"properties\": {}, " as &[u8], bytes.get(1..).unwrap_or_default()].concat(),
        5 => bytes = b"NaN".to_vec(),
        6 => bytes = format!("{{\"location\": 1e{}}}", random.between(400, 9999)).into_bytes(),
        _ => bytes[at] = random.bits().to_le_bytes()[0],
    }
    bytes
}
