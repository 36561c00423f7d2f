//! Waiting until every packet that may still read an old generation has ended.
//!
//! XDP programs run inside an RCU read-side section. `membarrier(MEMBARRIER_CMD_GLOBAL)` is `synchronize_rcu` for
//! user space (kernel/sched/membarrier.c); nothing else of the system-call interface promises as much without a
//! side effect. With one CPU alone it does nothing, and nothing is to be done: a program runs with bottom halves disabled, so
//! that on a kernel that does not preempt these (all but PREEMPT_RT) it has ended before this process runs again.

use std::io;

const MEMBARRIER_CMD_QUERY: libc::c_int = 0;
const MEMBARRIER_CMD_GLOBAL: libc::c_int = 1;

fn membarrier(command: libc::c_int) -> io::Result<libc::c_long> {
    // SAFETY: the call takes three integers and touches no memory of this process.
    let answer = unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// Whether the kernel can wait for readers.
pub(super) fn check() -> io::Result<()> {
    let commands = membarrier(MEMBARRIER_CMD_QUERY)?;
    if commands & libc::c_long::from(MEMBARRIER_CMD_GLOBAL) == 0 {
        return Err(io::Error::other("it has no membarrier(GLOBAL); nohz_full turns it off"));
    }
    let holds = |path, value| std::fs::read_to_string(path).is_ok_and(|text| text.trim() == value);
    if holds("/sys/kernel/realtime", "1") && holds("/sys/devices/system/cpu/online", "0") {
        return Err(io::Error::other("with PREEMPT_RT it needs a second CPU for that"));
    }
    Ok(())
}

/// Waits. [`check`] has made sure at load time that this works.
pub(super) fn wait() {
    if let Err(error) = membarrier(MEMBARRIER_CMD_GLOBAL) {
        // Ten seconds outlast any packet: a softirq that ran as long would have been reported as a stall.
        tracing::error!(%error, "membarrier failed; waiting ten seconds instead");
        std::thread::sleep(std::time::Duration::from_secs(10));
    }
}
