//! What a lab refuses, and that what it leaves is nothing: after a failure, after a cancellation, and twice over.

use std::time::{Duration, Instant};

use pretty_assertions::assert_eq;
use vnet_agent::lab::{self, LabError, Removed, UpOptions, interface_name, namespace_name};

use vnet_agent::model::InterfaceName;

use crate::tools::{Foreign, interface_exists, namespace_exists};
use crate::topologies::{Lab, World, name, unique};

async fn up(world: &World, mtu_bytes: u32) -> LabError {
    lab::up(&world.0, &UpOptions { mtu_bytes }).await.unwrap_err()
}

/// The interface and the namespace of each of these NICs that exist.
fn existing(nics: &[&str]) -> Vec<String> {
    let interfaces = nics.iter().map(|nic| interface_name(&name(nic))).filter(|name| interface_exists(name));
    let namespaces = nics.iter().map(|nic| namespace_name(&name(nic))).filter(|name| namespace_exists(name));
    interfaces.chain(namespaces).collect()
}

#[tokio::test]
async fn a_second_lab_of_the_same_file_is_refused_and_the_first_stands() {
    let nic = unique();
    let world = World::one_nic(&nic);
    let _lab = Lab::up(&world, 1500).await.unwrap();
    let error = up(&world, 1500).await;
    assert!(matches!(&error, LabError::AlreadyUp { nic: which, .. } if which == &name(&nic)), "{error}");
    assert_eq!(existing(&[&nic]).len(), 2);
}

#[tokio::test]
async fn taking_a_lab_down_a_second_time_removes_nothing_and_is_no_error() {
    let nic = unique();
    let world = World::one_nic(&nic);
    let _lab = Lab::up(&world, 1500).await.unwrap();
    let first = lab::down(&world.0).await.unwrap();
    assert_eq!(first.interfaces, [interface_name(&name(&nic))]);
    assert_eq!(existing(&[&nic]), Vec::<String>::new());
    assert_eq!(lab::down(&world.0).await.unwrap(), Removed::default());
}

#[tokio::test]
async fn a_lab_that_is_partly_gone_is_taken_down() {
    let prefix = unique();
    let nics = [format!("{prefix}-0"), format!("{prefix}-1")];
    let world = World::many(&prefix, 2);
    let _lab = Lab::up(&world, 1500).await.unwrap();
    crate::tools::text("ip", &["link", "delete", &interface_name(&name(&nics[0]))]);
    crate::tools::text("ip", &["netns", "delete", &namespace_name(&name(&nics[1]))]);
    lab::down(&world.0).await.unwrap();
    assert_eq!(existing(&[&nics[0], &nics[1]]), Vec::<String>::new());
}

#[tokio::test]
async fn a_namespace_that_somebody_else_made_is_refused_and_stays() {
    let prefix = unique();
    let world = World::many(&prefix, 2);
    let (free, taken) = (format!("{prefix}-0"), format!("{prefix}-1"));
    let _foreign = Foreign::namespace(&namespace_name(&name(&taken)));
    let error = up(&world, 1500).await;
    assert!(matches!(&error, LabError::Taken { nic, .. } if nic == &name(&taken)), "{error}");
    assert_eq!(existing(&[&free, &taken]), [namespace_name(&name(&taken))]);
    let removed = lab::down(&world.0).await.unwrap();
    assert_eq!(removed.left, [format!("namespace {}", namespace_name(&name(&taken)))]);
    assert_eq!(existing(&[&free, &taken]), [namespace_name(&name(&taken))]);
}

#[tokio::test]
async fn an_interface_that_somebody_else_made_is_refused_and_stays() {
    let nic = unique();
    let world = World::one_nic(&nic);
    let interface = interface_name(&name(&nic));
    let _foreign = Foreign::link(&interface, &["type", "veth"]);
    let error = up(&world, 1500).await;
    assert!(matches!(&error, LabError::Taken { .. }), "{error}");
    assert!(error.to_string().contains(&format!("ip link delete {interface}")), "{error}");
    assert_eq!(lab::down(&world.0).await.unwrap().left, [format!("interface {interface}")]);
    assert_eq!(existing(&[&nic]), [interface]);
}

#[tokio::test]
async fn a_failure_half_way_leaves_nothing_and_the_lab_can_be_built_at_once() {
    let prefix = unique();
    let nics = [format!("{prefix}-a"), format!("{prefix}-b")];
    let world = World::default()
        .vnet("v", &["10.1.0.0/16", "fd00:1::/48"], &["10.1.2.0/24", "fd00:1:0:2::/64"])
        .nic(&nics[0], "v", &["10.1.2.4"], |_| {})
        .nic(&nics[1], "v", &["fd00:1:0:2::5"], |_| {});
    // IPv6 needs an MTU of 1280: the first NIC is built, the second is not.
    let error = up(&world, 1000).await;
    assert!(error.to_string().contains(&nics[1]), "{error}");
    assert_eq!(existing(&[&nics[0], &nics[1]]), Vec::<String>::new());
    Lab::up(&world, 1280).await.unwrap();
}

#[tokio::test]
async fn a_lab_given_up_half_way_leaves_nothing() {
    let prefix = unique();
    let world = World::many(&prefix, 12);
    let names: Vec<String> = (0..12).map(|index| format!("{prefix}-{index}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut was_under_way = 0;
    for milliseconds in [1, 5, 15, 40, 100, 250] {
        let options = UpOptions::default();
        let up = lab::up(&world.0, &options);
        let ended = tokio::time::timeout(Duration::from_millis(milliseconds), up).await;
        assert!(ended.is_err(), "duplicate address detection alone takes longer than {milliseconds} ms");
        let namespaces = names.iter().filter(|nic| namespace_exists(&namespace_name(&name(nic))));
        assert_eq!(namespaces.count(), 0, "after {milliseconds} ms");
        // A namespace ends some time after its name, and the pair with it.
        let deadline = Instant::now() + Duration::from_secs(20);
        while let left = existing(&names)
            && !left.is_empty()
        {
            was_under_way += 1;
            assert!(Instant::now() < deadline, "after {milliseconds} ms: {left:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert!(was_under_way > 0, "no attempt had got as far as a pair");
}

#[tokio::test]
async fn an_interrupted_lab_has_removed_everything_when_it_says_so() {
    let prefix = unique();
    let world = World::many(&prefix, 6);
    let names: Vec<String> = (0..6).map(|index| format!("{prefix}-{index}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let is_under_way = async {
        while !interface_exists(&interface_name(&name(names[3]))) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let error = lab::up_unless(&world.0, &UpOptions::default(), is_under_way).await.unwrap_err();
    assert_eq!(existing(&names), Vec::<String>::new());
    assert!(matches!(error, LabError::Interrupted), "{error}");
    Lab::up(&world, 1500).await.unwrap();
}

#[tokio::test]
async fn what_an_interrupted_up_leaves_on_disk_is_named_and_stays() {
    let nic = unique();
    let world = World::one_nic(&nic);
    let path = format!("/run/netns/{}", namespace_name(&name(&nic)));
    std::fs::create_dir_all("/run/netns").unwrap();
    std::fs::File::create_new(&path).unwrap();
    let error = up(&world, 1500).await;
    let removed = lab::down(&world.0).await.unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(&error, LabError::Taken { .. }), "{error}");
    assert_eq!(removed.left, [format!("namespace {}", namespace_name(&name(&nic)))]);
}

#[tokio::test]
async fn two_nics_that_would_share_an_interface_are_refused() {
    let prefix = unique();
    let (first, second) = (format!("{prefix}-0"), format!("{prefix}-1"));
    let world = World::default()
        .vnet("v", &["10.1.0.0/16"], &["10.1.2.0/24"])
        .nic(&first, "v", &["10.1.2.4"], |_| {})
        .nic(&second, "v", &["10.1.2.5"], |nic| {
            nic.interface = Some(InterfaceName::new(&interface_name(&name(&first))).unwrap());
        });
    let error = up(&world, 1500).await;
    assert!(matches!(&error, LabError::SameInterface { .. }), "{error}");
    assert_eq!(existing(&[&first, &second]), Vec::<String>::new());
}
