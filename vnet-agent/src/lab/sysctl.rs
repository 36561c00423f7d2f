//! Kernel parameters of a network namespace, written through /proc/sys from inside.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::{GUEST_INTERFACE, LabError};
use crate::link::Namespace;
use crate::model::Nic;

/// A parameter under /proc/sys/net and its value. Its parts are joined by `/`, since an interface's name may hold dots.
struct Parameter<'a> {
    path: [&'a str; 4],
    value: &'a str,
}

const fn parameter<'a>(family: &'a str, interface: &'a str, name: &'a str, value: &'a str) -> Parameter<'a> {
    Parameter { path: [family, "conf", interface, name], value }
}

impl Parameter<'_> {
    fn path(&self) -> PathBuf {
        ["/proc/sys/net"].iter().chain(&self.path).collect()
    }

    fn write(&self) -> Result<(), LabError> {
        match fs::write(self.path(), self.value) {
            // A kernel without IPv6 says nothing by it either. Where a NIC has an IPv6 address, adding that fails.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.path[0] == "ipv6" => Ok(()),
            written => written.map_err(LabError::system(format!(
                "write {} to {}",
                self.value,
                self.path().display()
            ))),
        }
    }
}

/// Keeps the host's own IPv6 stack off an interface of the caller's namespace: no address, no solicitation, no report.
pub(super) fn silence_host(interface: &str) -> Result<(), LabError> {
    parameter("ipv6", interface, "disable_ipv6", "1").write()
}

/// What a guest needs: IPv6 without router advertisements, and where the NIC forwards, a router's settings.
pub(super) fn prepare_guest(namespace: &Namespace, nic: &Nic) -> Result<(), LabError> {
    let mut parameters = vec![
        parameter("ipv6", GUEST_INTERFACE, "disable_ipv6", "0"),
        // The virtual router sends none; without this each guest asks for one, three times.
        parameter("ipv6", GUEST_INTERFACE, "accept_ra", "0"),
    ];
    if nic.enable_ip_forwarding() {
        parameters.extend([
            parameter("ipv4", "all", "forwarding", "1"),
            parameter("ipv6", "all", "forwarding", "1"),
            // What comes in goes out by the same interface, to the same router, under foreign sources.
            parameter("ipv4", "all", "rp_filter", "0"),
            parameter("ipv4", GUEST_INTERFACE, "rp_filter", "0"),
            parameter("ipv4", "all", "send_redirects", "0"),
            parameter("ipv4", GUEST_INTERFACE, "send_redirects", "0"),
        ]);
    }
    let written = namespace.enter(|| parameters.iter().try_for_each(Parameter::write));
    written.map_err(LabError::system(format!("enter the namespace of NIC {}", nic.name())))?
}
