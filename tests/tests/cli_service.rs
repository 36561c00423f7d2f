//! The packaged service under a real systemd: started by the installation with all its hardening, upgraded under traffic,
//! reloaded, given namespaces, removed.
//!
//! The systemd is the init process of namespaces of its own, on a [`vnet_tests::machine::Machine`] whose only other unit is the
//! script below. The script prints what it sees; the test judges.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use vnet_tests::guests::received;
use vnet_tests::machine::{Machine, package, with_machine};
use vnet_tests::newer;

/// The first unit, in the place of a whole system.
const UNIT: &str = "[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=bash -ex /run-by-systemd/script
ExecStopPost=systemctl poweroff --force --force
StandardOutput=file:/run-by-systemd/output
StandardError=inherit
TimeoutStartSec=120s
";

/// A guest, and a drop-in that has the agent run by a file with it.
const TOPOLOGY: &str = "virtualNetworks:
  - name: a
    region: westeurope
    addressSpace: [10.1.0.0/16]
    subnets: [{ name: default, addressPrefixes: [10.1.1.0/24] }]
nics:
  - { name: a-vm, subnet: a/default, addresses: [10.1.1.4], mac: \"02:00:00:00:0a:04\", interface: guest }
";

const SCRIPT: &str = r#"
install='dpkg --path-include=/usr/share/* --install'
package=/run-by-systemd/package.deb
newer=/run-by-systemd/newer.deb
unit=vnet-agent.service
told() { { printf '\n## %s\n' "$1"; shift; "$@" || echo "exit status $?"; } >> /run-by-systemd/answers; }
powers() { grep -E '^(Uid|Cap|NoNewPrivs|Seccomp:)' /proc/"$(pid)"/status; }
state() { systemctl show $unit --property ActiveState,StatusText,NRestarts | sort; }
program() { ip -details link show guest | grep -c ' xdp '; }
tag() { ip -details link show guest | grep -o 'tag [0-9a-f]*'; }
pid() { systemctl show $unit --property MainPID --value; }
upgrade() {
    told "the program before $1" tag
    ip netns exec guest ping -n -q -i 0.005 -w 60 10.1.1.1 > /run/ping &
    ping=$!
    sleep 0.3
    before=$(pid)
    $install $2
    after=$(pid)
    sleep 0.3
    kill -INT $ping
    # Lost ones are a failure to it; how many they are is told below.
    wait $ping || true
    told "$1" test "$before" -ne "$after"
    told "the program after $1" tag
    told "pings during $1" cat /run/ping
}

ip link set lo up
ip netns add guest
queues="numrxqueues $(nproc) numtxqueues $(nproc)"
ip link add guest up $queues type veth peer name eth0 address 02:00:00:00:0a:04 netns guest $queues
ip -n guest link set eth0 up
ip -n guest address add 10.1.1.4/24 dev eth0

$install $package
told 'as installed' state
told 'its powers' powers
told 'its directories' stat --format '%n %a' /var/lib/vnet /run/vnet /run/vnet/agent.sock /sys/fs/bpf/vnet

vnet-agent vnet create -n a -l westeurope --address-prefixes 10.1.0.0/16 --subnet-name default --subnet-prefixes 10.1.1.0/24
vnet-agent nic create -n a-vm --vnet-name a --subnet default --private-ip-address 10.1.1.4 --mac 02:00:00:00:0a:04 --interface guest
ip netns exec guest ethtool --offload eth0 gro on tx off
upgrade 'the upgrade' $newer
told 'after the upgrade' state
told 'stored' vnet-agent nic list -o tsv

mkdir -p /etc/systemd/system/$unit.d
run='/usr/bin/vnet-agent run --file /etc/topology.yaml --detach-on-exit=false'
printf '[Service]\nExecStart=\nExecStart=%s\n' "$run --enter-namespaces=false" > /etc/systemd/system/$unit.d/file.conf
systemctl daemon-reload
systemctl restart $unit
told 'with a file' state
upgrade 'the way back' $package
sed -i 's/westeurope/northeurope/' /etc/topology.yaml
systemctl reload $unit
for try in $(seq 200); do vnet-agent vnet show -n a -o json | grep -q northeurope && break; sleep 0.05; done
told 'reloaded' vnet-agent vnet show -n a -o tsv

ip netns exec guest ethtool --offload eth0 gro off
install -D -m 644 -t /etc/systemd/system/$unit.d /usr/share/doc/vnet-agent/enter-namespaces.conf
printf '[Service]\nExecStart=\nExecStart=%s\n' "$run --enter-namespaces" > /etc/systemd/system/$unit.d/file.conf
systemctl daemon-reload
systemctl restart $unit
told 'its powers with namespaces' powers
told 'offloads of the guest' sh -c 'ip netns exec guest ethtool --show-offload eth0 | grep generic-receive-offload'

systemctl stop $unit
told 'stopped' program
systemctl start $unit
dpkg --remove vnet-agent
told 'removed' systemctl is-active $unit
told 'programs then' program
told 'pins then' test ! -e /sys/fs/bpf/vnet
told 'the end' true
"#;

/// Starts systemd on the machine and waits until the script has ended it; what the script has told, by its titles.
fn boot(machine: &Machine) -> BTreeMap<String, String> {
    let place = machine.root.join("run-by-systemd");
    fs::create_dir(&place).expect("a directory can be made");
    fs::copy(package(), place.join("package.deb")).expect("the package can be copied");
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let newer = newer::package(package(), directory.path());
    fs::copy(newer, place.join("newer.deb")).expect("the package can be copied");
    let files = [
        (place.join("script"), SCRIPT),
        (machine.root.join("etc/topology.yaml"), TOPOLOGY),
        (machine.root.join("etc/systemd/system/script.service"), UNIT),
    ];
    for (path, text) in files {
        fs::write(path, text).expect("a file can be written");
    }
    // In the new namespaces: mounts that show these, and a control group hierarchy of its own.
    let root = machine.root.display();
    let mounts = format!(
        "mount -t proc proc {root}/proc && mount -t sysfs sysfs {root}/sys && mount -t cgroup2 cgroup2 {root}/sys/fs/cgroup \
         && mount -t bpf -o mode=0700 bpf {root}/sys/fs/bpf && \
         exec chroot {root} /lib/systemd/systemd --unit=script.service --log-target=console"
    );
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", "150", "unshare", "--kill-child", "--fork", "--pid", "--mount", "--net"]);
    command.args(["--uts", "--ipc", "--cgroup", "sh", "-c", &mounts]).env("container", "vnet-test");
    let ended = command.output().expect("unshare is installed");
    let read = |name| fs::read_to_string(place.join(name)).unwrap_or_default();
    let answers = read("answers");
    assert!(answers.contains("\n## the end\n"), "{answers}\n{}\n{ended:?}", read("output"));
    let parts = answers.split("\n## ").filter_map(|part| part.split_once('\n'));
    parts.map(|(title, text)| (title.to_owned(), text.to_owned())).collect()
}

/// What /proc says of a root's process with these capabilities, a seccomp filter and no way to others.
fn powers(capabilities: &str) -> String {
    let none = "0000000000000000";
    let sets =
        [("Inh", none), ("Prm", capabilities), ("Eff", capabilities), ("Bnd", capabilities), ("Amb", none)];
    let sets: String = sets.iter().map(|(set, value)| format!("Cap{set}:\t{value}\n")).collect();
    format!("Uid:\t0\t0\t0\t0\n{sets}NoNewPrivs:\t1\nSeccomp:\t2\n")
}

#[test]
fn the_service_starts_hardened_loses_nothing_in_upgrades_and_goes_with_the_package() {
    let told = with_machine(boot);
    let of = |title: &str| told.get(title).unwrap_or_else(|| panic!("{title:?} is not in {told:?}")).as_str();
    assert_eq!(of("as installed"), "ActiveState=active\nNRestarts=0\nStatusText=0 of 0 NICs attached\n");
    // CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN.
    assert_eq!(of("its powers"), powers("000000c000001000"));
    // Everybody may ask; roles say what is answered.
    let directories = "/var/lib/vnet 700\n/run/vnet 755\n/run/vnet/agent.sock 666\n/sys/fs/bpf/vnet 700\n";
    assert_eq!(of("its directories"), directories);

    // Of the agent as it is installed, which keeps its state; and of one by a file, back to the older build.
    for upgrade in ["the upgrade", "the way back"] {
        assert!(!of(upgrade).contains("exit status"), "{upgrade} has not restarted the agent");
        let program = |when: &str| of(&format!("the program {when} {upgrade}")).trim().to_owned();
        assert!(program("before").starts_with("tag "), "{}", program("before"));
        assert_ne!(program("after"), program("before"), "{upgrade}");
        let pings = of(&format!("pings during {upgrade}"));
        let sent = pings.lines().find_map(|line| line.split_once(" packets transmitted")?.0.parse().ok());
        let sent: u32 = sent.unwrap_or_else(|| panic!("{pings}"));
        assert!(sent > 100, "{sent} pings are too few to say anything");
        // The last one sent may still be under way when ping ends.
        assert!(sent - received(pings) <= 1, "{upgrade}: {pings}");
    }
    let attached = "ActiveState=active\nNRestarts=0\nStatusText=1 of 1 NICs attached\n";
    assert_eq!((of("after the upgrade"), of("with a file")), (attached, attached));
    assert!(of("stored").contains("10.1.1.4"), "{}", of("stored"));
    assert!(of("reloaded").contains("northeurope"), "{}", of("reloaded"));

    // And CAP_SYS_ADMIN.
    assert_eq!(of("its powers with namespaces"), powers("000000c000201000"));
    assert_eq!(of("offloads of the guest"), "generic-receive-offload: on\n");

    assert!(of("stopped").starts_with("1\n"), "what is stopped goes on forwarding: {}", of("stopped"));
    assert!(of("removed").starts_with("inactive\n"), "{}", of("removed"));
    assert!(of("programs then").starts_with("0\n"), "{}", of("programs then"));
    assert!(!of("pins then").contains("exit status"), "no pin is left");
}
