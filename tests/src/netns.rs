//! A network namespace for one test, and the interfaces in it.
//!
//! The namespace has no name: it belongs to the thread that made it and ends with it, so there is nothing to clean up,
//! whatever way the test ends. `BPF_PROG_TEST_RUN` and device maps resolve interface numbers in the namespace of the
//! calling thread, so that all of a suite has to run inside.

use std::process::Command;

use nix::sched::{CloneFlags, unshare};

/// Runs `test` on a thread of its own in a new network namespace, and gives its answer or goes on with its panic. The
/// interfaces in it say nothing of their own accord: IPv6, which would, is off.
///
/// # Panics
/// Where the namespace cannot be made, or as `test` does.
pub fn private<T: Send>(test: impl FnOnce() -> T + Send) -> T {
    let ended = std::thread::scope(|scope| {
        let enter = || {
            unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace can be made");
            let silent = std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
            silent.expect("IPv6 of the namespace can be turned off");
            test()
        };
        scope.spawn(enter).join()
    });
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Makes a pair of interfaces, `name` and its peer, brings both up and gives the number of `name`.
///
/// # Panics
/// Where the kernel refuses.
pub fn veth(name: &str, mtu_bytes: u32) -> u32 {
    let (mtu, peer) = (mtu_bytes.to_string(), format!("{name}-peer"));
    ip(&["link", "add", name, "mtu", &mtu, "up", "type", "veth", "peer", "name", &peer, "mtu", &mtu]);
    ip(&["link", "set", &peer, "up"]);
    number_of(name)
}

/// Makes a pair of interfaces as [`veth`] does, of which `name` gets this number.
///
/// # Panics
/// Where the kernel refuses.
pub fn veth_with_number(name: &str, ifindex: u32) -> u32 {
    let (number, peer) = (ifindex.to_string(), format!("{name}-peer"));
    ip(&["link", "add", name, "index", &number, "up", "type", "veth", "peer", "name", &peer]);
    ip(&["link", "set", &peer, "up"]);
    number_of(name)
}

fn number_of(name: &str) -> u32 {
    find(name).unwrap_or_else(|| panic!("the interface {name} was just made"))
}

/// The number of the interface `name`, where there is one.
///
/// # Panics
/// Where iproute2 cannot be run.
#[must_use]
pub fn find(name: &str) -> Option<u32> {
    // "7: name@peer: <BROADCAST,...": /sys shows the namespace that it was mounted in, not this thread's.
    let lines = ip(&["-oneline", "link", "show"]);
    let mut fields = lines.lines().map(|line| line.split([':', '@']));
    let mut found = fields.find(|fields| fields.clone().nth(1).is_some_and(|field| field.trim() == name))?;
    found.next()?.trim().parse().ok()
}

/// Makes the peer of the interface `name` look like a guest's: its MAC address, its address with the prefix length, and
/// what native XDP on the other end needs (receive offload on, checksum offload off).
///
/// # Panics
/// Where the kernel refuses.
pub fn dress_guest(name: &str, mac: [u8; 6], address: &str) -> String {
    let peer = format!("{name}-peer");
    let mac: Vec<String> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    ip(&["link", "set", &peer, "address", &mac.join(":")]);
    ip(&["address", "add", address, "dev", &peer]);
    run("ethtool", &["-K", &peer, "gro", "on", "tx", "off"]);
    peer
}

/// Deletes an interface made by [`veth`].
///
/// # Panics
/// Where the kernel refuses.
pub fn delete(name: &str) {
    ip(&["link", "delete", name]);
}

/// Sends an interface into another network namespace and has it back, under the number that it had. It is up again.
///
/// # Panics
/// Where the kernel refuses.
pub fn leave_and_return(name: &str) {
    let namespace_of = |task: &str| std::fs::read_link(format!("/proc/{task}/ns/net"));
    let own = namespace_of("thread-self").expect("a thread has a namespace");
    let tid = nix::unistd::gettid().to_string();
    let mut other =
        Command::new("unshare").args(["--net", "sleep", "60"]).spawn().expect("unshare is installed");
    let pid = other.id().to_string();
    while namespace_of(&pid).expect("the process is there") == own {
        std::thread::yield_now();
    }
    ip(&["link", "set", name, "netns", &pid]);
    run("nsenter", &["--net", "--target", &pid, "ip", "link", "set", name, "netns", &tid]);
    ip(&["link", "set", name, "up"]);
    other.kill().and_then(|()| other.wait()).expect("a child can be ended");
}

fn ip(arguments: &[&str]) -> String {
    run("ip", arguments)
}

/// Runs a program inside the namespace and gives what it prints.
///
/// # Panics
/// Where it cannot be started or fails.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program} cannot be started: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {} failed: {errors}", arguments.join(" "));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
