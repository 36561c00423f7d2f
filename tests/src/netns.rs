//! A network namespace for one test, and the interfaces in it.
//!
//! The namespace has no name: it belongs to the thread that made it and ends with it, so there is nothing to clean up,
//! whatever way the test ends. `BPF_PROG_TEST_RUN` and device maps resolve interface numbers in the namespace of the
//! calling thread, so that all of a suite has to run inside.

use std::process::Command;

use nix::sched::{CloneFlags, unshare};

/// Runs `test` on a thread of its own in a new network namespace, and gives its answer or goes on with its panic.
///
/// # Panics
/// Where the namespace cannot be made, or as `test` does.
pub fn private<T: Send>(test: impl FnOnce() -> T + Send) -> T {
    let ended = std::thread::scope(|scope| {
        let enter = || {
            unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace can be made");
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
    // "7: name@peer: <BROADCAST,...": /sys shows the namespace that it was mounted in, not this thread's.
    let line = ip(&["-oneline", "link", "show", "dev", name]);
    line.split(':').next().and_then(|number| number.parse().ok()).expect("ip starts a line with the number")
}

/// Deletes an interface made by [`veth`].
///
/// # Panics
/// Where the kernel refuses.
pub fn delete(name: &str) {
    ip(&["link", "delete", name]);
}

fn ip(arguments: &[&str]) -> String {
    let output = Command::new("ip").args(arguments).output().expect("iproute2 is installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {} failed: {errors}", arguments.join(" "));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
