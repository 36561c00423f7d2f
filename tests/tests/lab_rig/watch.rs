//! Link events.

use std::time::Duration;

use tokio::time::timeout;
use vnet_agent::link::{Watch, interfaces};

use crate::tools::{Foreign, text};
use crate::topologies::unique;

/// Waits until `is_so` holds of the interfaces, looking at them after each change alone.
async fn until(watch: &mut Watch, is_so: impl Fn(&[vnet_agent::link::Interface]) -> bool) {
    let seen = async {
        loop {
            watch.changed().await.unwrap();
            if is_so(&interfaces().await.unwrap()) {
                return;
            }
        }
    };
    timeout(Duration::from_secs(10), seen).await.expect("the change is reported");
}

#[tokio::test]
async fn a_new_a_changed_a_renamed_and_a_gone_interface_are_changes() {
    let link = format!("w{}", unique());
    let mut watch = Watch::start().unwrap();
    let foreign = Foreign::link(&link, &["type", "veth"]);
    until(&mut watch, |links| links.iter().any(|it| it.name == link && it.mtu_bytes == 1500 && !it.is_up))
        .await;
    text("ip", &["link", "set", &link, "mtu", "1400"]);
    until(&mut watch, |links| links.iter().any(|it| it.name == link && it.mtu_bytes == 1400)).await;
    text("ip", &["link", "set", &link, "up"]);
    until(&mut watch, |links| links.iter().any(|it| it.name == link && it.is_up)).await;
    text("ip", &["link", "set", &link, "down"]);
    let renamed = format!("x{}", unique());
    text("ip", &["link", "set", &link, "name", &renamed]);
    until(&mut watch, |links| {
        links.iter().any(|it| it.name == renamed && it.kind.as_deref() == Some("veth"))
    })
    .await;
    text("ip", &["link", "delete", &renamed]);
    until(&mut watch, |links| !links.iter().any(|it| it.name == renamed)).await;
    drop(foreign);
}

#[test]
fn a_flood_that_overflows_the_socket_is_a_change_and_the_next_event_is_another() {
    // In a namespace of its own: other tests' interfaces would be events too.
    let namespace = vnet_agent::link::Namespace::create().unwrap();
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            text("ip", &["link", "add", "flood", "type", "veth"]);
            let mut watch = Watch::start().unwrap();
            let script = "i=0; while [ $i -lt 1000 ]; do echo link set flood mtu 1400; echo link set flood mtu 1500; \
                          i=$((i+1)); done | ip -batch -";
            text("sh", &["-c", script]);
            timeout(Duration::from_secs(10), watch.changed()).await.expect("the flood is a change").unwrap();
            let quiet = timeout(Duration::from_millis(300), watch.changed()).await;
            assert!(quiet.is_err(), "nothing happened, and a change was reported");
            text("ip", &["link", "set", "flood", "mtu", "1300"]);
            timeout(Duration::from_secs(10), watch.changed()).await.expect("one more").unwrap();
        });
    };
    namespace.enter(run).unwrap();
}
