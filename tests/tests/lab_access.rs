//! `allowVirtualNetworkAccess`: one side that does not allow it stops traffic both ways, and the peering stays Connected.

use pretty_assertions::assert_eq;
use vnet_tests::lab::{Lab, assert_crosses, assert_nothing_crosses};

fn topology(left_allows: bool, right_allows: bool) -> String {
    format!(
        "virtualNetworks:
  - name: left
    region: westeurope
    addressSpace: [10.1.0.0/16, \"fd00:1::/48\"]
    subnets: [{{ name: default, addressPrefixes: [10.1.1.0/24, \"fd00:1:0:1::/64\"] }}]
    peerings:
      - {{ name: left-to-right, remoteVirtualNetwork: right, allowVirtualNetworkAccess: {left_allows} }}
  - name: right
    region: westeurope
    addressSpace: [10.2.0.0/16, \"fd00:2::/48\"]
    subnets: [{{ name: default, addressPrefixes: [10.2.1.0/24, \"fd00:2:0:1::/64\"] }}]
    peerings:
      - {{ name: right-to-left, remoteVirtualNetwork: left, allowVirtualNetworkAccess: {right_allows} }}
nics:
  - {{ name: left-1, subnet: left/default, addresses: [10.1.1.4, \"fd00:1:0:1::4\"] }}
  - {{ name: left-2, subnet: left/default, addresses: [10.1.1.5, \"fd00:1:0:1::5\"] }}
  - {{ name: right-1, subnet: right/default, addresses: [10.2.1.4, \"fd00:2:0:1::4\"] }}
"
    )
}

#[test]
fn nothing_crosses_while_either_side_or_both_deny_access_and_the_peering_stays_connected() {
    let lab = Lab::up(&topology(true, true));
    let mut running = lab.start();
    let (left, right) = (lab.vm("left-1"), lab.vm("right-1"));
    for (left_allows, right_allows) in [(false, true), (true, false), (false, false)] {
        assert_crosses(left, right);
        assert_crosses(right, left);

        running.reload(&topology(left_allows, right_allows));
        let crossed = running.peering("left", "left-to-right");
        assert_nothing_crosses(&running, left, right, "peering-access-denied");
        assert_nothing_crosses(&running, right, left, "peering-access-denied");
        assert_crosses(left, lab.vm("left-2"));
        assert_eq!(running.peering("left", "left-to-right"), crossed, "packets that crossed");
        for (vnet, peering) in [("left", "left-to-right"), ("right", "right-to-left")] {
            assert_eq!(running.peering_state(vnet, peering), "Connected", "{left_allows}, {right_allows}");
        }
        running.reload(&topology(true, true));
    }
}
