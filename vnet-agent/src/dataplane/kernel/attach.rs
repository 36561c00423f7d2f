//! Attaching interfaces to the program, and keeping the attachment when the agent dies.
//!
//! Every attachment is a BPF link pinned in bpffs. So an agent that is killed leaves its program on the interfaces,
//! forwarding by the last generation, and nothing that a guest sends reaches the host's own stack. The next agent
//! finds the pins and replaces the program under them, an atomic link update that costs no packet.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use aya::programs::links::{FdLink, PinnedLink};
use aya::programs::xdp::{XdpLink, XdpMode};
use aya::programs::{ProgramError, links::LinkError};

use super::{KernelTables, PinDirectory, PinError, detach};

/// How the kernel runs the program on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AttachMode {
    /// In the driver: the fast way, and the only one in which the figures of the documentation hold.
    #[default]
    Native,
    /// In the network stack, after an sk_buff was made of the frame: for drivers without XDP.
    Generic,
}

/// An interface could not be attached or detached.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// The driver has no native XDP.
    #[error("the driver of interface {ifindex} has no native XDP; --xdp-mode generic works, slower")]
    NoNative {
        /// The interface.
        ifindex: u32,
    },
    /// The device lacks queues.
    #[error(
        "interface {ifindex} has fewer receive queues than its peer has transmit queues; make the pair with equal numbers"
    )]
    Queues {
        /// The interface.
        ifindex: u32,
    },
    /// Another program is attached.
    #[error(
        "another XDP program is attached to interface {ifindex}: end what attached it, another agent perhaps, or take \
         it off (`ip link set IFACE xdp off`)"
    )]
    Busy {
        /// The interface.
        ifindex: u32,
    },
    /// The interface is not there.
    #[error("interface {ifindex} has vanished")]
    Gone {
        /// The interface.
        ifindex: u32,
    },
    /// The kernel refused for another reason.
    #[error("the kernel refused to attach interface {ifindex}")]
    Refused {
        /// The interface.
        ifindex: u32,
        /// What it said.
        source: Box<ProgramError>,
    },
    /// The link is of a kind that cannot be kept when the agent dies.
    #[error("the kernel made no BPF link for interface {ifindex}; Linux 5.9 or newer is needed")]
    NoLink {
        /// The interface.
        ifindex: u32,
        /// What aya said.
        source: LinkError,
    },
    /// The link could not be pinned.
    #[error(transparent)]
    Pin(#[from] PinError),
}

/// The attached interfaces. Dropped, they stay attached by their pins.
#[derive(Debug)]
pub struct Links {
    pins: PinDirectory,
    mode: AttachMode,
    links: BTreeMap<u32, FdLink>,
}

impl Links {
    /// No attachments yet; they will be pinned in `pins`.
    #[must_use]
    pub fn new(pins: PinDirectory, mode: AttachMode) -> Self {
        Self { pins, mode, links: BTreeMap::new() }
    }

    /// Whether an interface is attached.
    #[must_use]
    pub fn contains(&self, ifindex: u32) -> bool {
        self.links.contains_key(&ifindex)
    }

    /// Whether an interface is attached, by this agent or by one before it.
    #[must_use]
    pub fn holds(&self, ifindex: u32) -> bool {
        self.contains(ifindex) || self.pins.link(ifindex).exists()
    }

    /// The interfaces that are attached.
    pub fn attached(&self) -> impl Iterator<Item = u32> {
        self.links.keys().copied()
    }

    /// Attaches an interface to the program of `tables`. One that an agent before left attached changes its program
    /// without losing a packet.
    ///
    /// # Errors
    /// [`AttachError`]; the interface is then as it was.
    pub fn attach(&mut self, tables: &mut KernelTables, ifindex: u32) -> Result<(), AttachError> {
        if self.links.contains_key(&ifindex) {
            return Ok(());
        }
        let path = self.pins.link(ifindex);
        if let Ok(pinned) = PinnedLink::from_pin(&path) {
            match replace_program(tables, pinned.into(), ifindex) {
                Ok(link) => {
                    self.links.insert(ifindex, link);
                    return Ok(());
                }
                // The pin is of an interface that had this number before.
                Err(_) => remove_pin(&path)?,
            }
        }
        let link = attach_anew(tables, ifindex, self.mode)?;
        let pinned = link.pin(&path).map_err(|error| PinError::Pin { path, source: Box::new(error) })?;
        self.links.insert(ifindex, pinned.into());
        Ok(())
    }

    /// Puts every attached interface under the program of `tables`. An interface that vanishes meanwhile is let go.
    pub fn move_to(&mut self, tables: &mut KernelTables) {
        for (ifindex, link) in std::mem::take(&mut self.links) {
            match replace_program(tables, link, ifindex) {
                Ok(link) => {
                    self.links.insert(ifindex, link);
                }
                Err(error) => tracing::warn!(ifindex, %error, "the interface keeps its old program"),
            }
        }
    }

    /// Takes the program off an interface: it is off when this returns.
    ///
    /// # Errors
    /// [`PinError::Directory`]: the pin could not be removed, and with it the attachment.
    pub fn detach(&mut self, ifindex: u32) -> Result<(), AttachError> {
        self.links.remove(&ifindex);
        let pin = self.pins.link(ifindex);
        match detach::detach(&pin) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(ifindex, %error, "the program comes off when the kernel gets to it");
            }
            _ => {}
        }
        remove_pin(&pin)
    }

    /// The interfaces that an agent before left attached, and those attached since.
    ///
    /// # Errors
    /// [`PinError::Directory`].
    pub fn pinned(&self) -> Result<Vec<u32>, AttachError> {
        Ok(self.pins.pinned()?)
    }

    /// Takes the program off every interface, those too that an agent before left attached.
    ///
    /// # Errors
    /// As for [`Self::detach`].
    pub fn detach_all(&mut self) -> Result<(), AttachError> {
        for ifindex in self.pins.pinned()? {
            self.detach(ifindex)?;
        }
        Ok(())
    }

    /// Takes the program off interfaces that an agent before left attached and that `keep` does not name.
    ///
    /// # Errors
    /// As for [`Self::detach`].
    pub fn detach_others(&mut self, keep: impl Fn(u32) -> bool) -> Result<Vec<u32>, AttachError> {
        let mut others = self.pins.pinned()?;
        others.retain(|&ifindex| !keep(ifindex));
        for &ifindex in &others {
            self.detach(ifindex)?;
        }
        Ok(others)
    }
}

fn remove_pin(path: &Path) -> Result<(), AttachError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(PinError::Directory { path: path.to_owned(), source }.into())
        }
        _ => Ok(()),
    }
}

fn attach_anew(tables: &mut KernelTables, ifindex: u32, mode: AttachMode) -> Result<FdLink, AttachError> {
    // By name: the default would fall back to the generic way without a word.
    let mode = match mode {
        AttachMode::Native => XdpMode::Driver,
        AttachMode::Generic => XdpMode::Skb,
    };
    let refused = |source| explain(ifindex, source);
    let xdp = tables.program.xdp().map_err(refused)?;
    let id = xdp.attach_to_if_index(ifindex, mode).map_err(refused)?;
    let link = xdp.take_link(id).map_err(refused)?;
    FdLink::try_from(link).map_err(|source| AttachError::NoLink { ifindex, source })
}

fn replace_program(tables: &mut KernelTables, link: FdLink, ifindex: u32) -> Result<FdLink, AttachError> {
    let no_link = |source| AttachError::NoLink { ifindex, source };
    let link = XdpLink::try_from(link).map_err(no_link)?;
    let refused = |source| explain(ifindex, source);
    let xdp = tables.program.xdp().map_err(refused)?;
    let id = xdp.attach_to_link(link).map_err(refused)?;
    let link = xdp.take_link(id).map_err(refused)?;
    FdLink::try_from(link).map_err(no_link)
}

fn explain(ifindex: u32, error: ProgramError) -> AttachError {
    let code = match &error {
        ProgramError::SyscallError(call) => call.io_error.raw_os_error(),
        _ => None,
    };
    match code {
        Some(libc::EOPNOTSUPP) => AttachError::NoNative { ifindex },
        Some(libc::ENOSPC) => AttachError::Queues { ifindex },
        Some(libc::EBUSY | libc::EEXIST) => AttachError::Busy { ifindex },
        Some(libc::ENODEV | libc::ENOLINK) => AttachError::Gone { ifindex },
        _ => AttachError::Refused { ifindex, source: Box::new(error) },
    }
}
