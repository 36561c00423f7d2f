//! Attaching interfaces to the program, and keeping the attachment when the agent dies.
//!
//! Every attachment is a BPF link pinned in bpffs. So an agent that is killed leaves its program on the interfaces,
//! forwarding by the last generation, and nothing that a guest sends reaches the host's own stack. The next agent
//! finds the pins and replaces the program under them, an atomic link update that costs no packet.
//!
//! Pins and links can be taken away from outside: [`Links::verify`] finds out, the rest mends.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;

use aya::programs::links::FdLink;
use aya::programs::xdp::XdpMode;
use aya::programs::{ProgramError, links::LinkError};

use super::table_pins::remove;
use super::{KernelTables, PinDirectory, PinError, sys};

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
    links: BTreeMap<u32, OwnedFd>,
}

/// What somebody else has undone of what an agent set up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Interfaces that no longer run the program: the link was taken off, has got another program, or the interface is gone.
    pub detached: Vec<u32>,
    /// Attached interfaces whose link is pinned no more: they would lose the program with the agent.
    pub unpinned: Vec<u32>,
    /// Pins of the program or of the tables are gone.
    pub tables_unpinned: bool,
    /// The pin directory itself is gone, or another one has its place.
    pub directory_gone: bool,
}

impl Damage {
    /// Whether all is as it was set up.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Links {
    /// No attachments yet; they will be pinned in `pins`.
    #[must_use]
    pub fn new(pins: PinDirectory, mode: AttachMode) -> Self {
        Self { pins, mode, links: BTreeMap::new() }
    }

    pub(super) fn pins(&self) -> &PinDirectory {
        &self.pins
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
    /// without losing a packet, whatever the build of that agent.
    ///
    /// # Errors
    /// [`AttachError`]; the interface is then as it was.
    pub fn attach(&mut self, tables: &mut KernelTables, ifindex: u32) -> Result<(), AttachError> {
        if self.links.contains_key(&ifindex) {
            return Ok(());
        }
        self.pins.restore()?;
        let link = match self.take_over(tables, ifindex)? {
            Some(link) => link,
            None => self.attach_anew(tables, ifindex)?,
        };
        self.links.insert(ifindex, link);
        Ok(())
    }

    /// Puts the program under the link that an agent before has left on an interface, where it has left one.
    fn take_over(&self, tables: &KernelTables, ifindex: u32) -> Result<Option<OwnedFd>, AttachError> {
        let path = self.pins.link(ifindex);
        let taken = sys::open(&path).and_then(|link| {
            // First its interface: the pin may be of one that had this number before, or of something else altogether.
            match sys::link_info(&link)? {
                info if info.ifindex == ifindex => {}
                info if info.ifindex == 0 => return Ok(None),
                info => return Err(io::Error::other(format!("it is a link of interface {}", info.ifindex))),
            }
            sys::update_link(&link, &tables.pinnable.program)?;
            Ok(Some(link))
        });
        match taken {
            Ok(Some(link)) => return Ok(Some(link)),
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "removed from the pin directory: the interface's link it is not");
            }
        }
        remove(&path)?;
        Ok(None)
    }

    fn attach_anew(&self, tables: &mut KernelTables, ifindex: u32) -> Result<OwnedFd, AttachError> {
        let path = self.pins.link(ifindex);
        let link = attach_anew(tables, ifindex, self.mode)?;
        let not_pinned = |error: Box<dyn std::error::Error + Send + Sync>| PinError::Pin {
            path: path.clone(),
            source: error,
        };
        let _pinned = link.pin(&path).map_err(|error| not_pinned(Box::new(error)))?;
        Ok(sys::open(&path).map_err(|error| not_pinned(Box::new(error)))?)
    }

    /// Puts every attached interface under the program of `tables`. An interface that vanishes meanwhile is let go.
    pub fn move_to(&mut self, tables: &KernelTables) {
        self.links.retain(|ifindex, link| match sys::update_link(link, &tables.pinnable.program) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(ifindex, %error, "the interface keeps its old program");
                false
            }
        });
    }

    /// Takes the program off an interface: it is off when this returns.
    ///
    /// # Errors
    /// [`PinError::Directory`]: the pin could not be removed, and with it the attachment.
    pub fn detach(&mut self, ifindex: u32) -> Result<(), AttachError> {
        let held = self.links.remove(&ifindex);
        let pin = self.pins.link(ifindex);
        let link = held.map_or_else(|| sys::open(&pin), Ok);
        match link.and_then(|link| sys::detach_link(&link)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(ifindex, %error, "the program comes off when the kernel gets to it");
            }
            _ => {}
        }
        Ok(remove(&pin)?)
    }

    /// The interfaces that an agent before left attached, and those attached since.
    ///
    /// # Errors
    /// [`PinError::Directory`].
    pub fn pinned(&self) -> Result<Vec<u32>, AttachError> {
        Ok(self.pins.pinned()?)
    }

    /// Takes the program off every interface, those too that an agent before left attached, and removes the pins of all tables.
    ///
    /// # Errors
    /// As for [`Self::detach`].
    pub fn detach_all(&mut self) -> Result<(), AttachError> {
        self.detach_links()?;
        Ok(self.pins.unpin_tables(|_| false)?)
    }

    /// The same, and the tables stay pinned.
    pub(super) fn detach_links(&mut self) -> Result<(), AttachError> {
        self.pins.restore()?;
        let held: Vec<u32> = self.links.keys().copied().chain(self.pins.pinned()?).collect();
        held.into_iter().try_for_each(|ifindex| self.detach(ifindex))
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

    /// What somebody else has undone since: of the links, and of the pins of links and tables. Two or three system calls an
    /// interface.
    #[must_use]
    pub fn verify(&self, tables: &KernelTables) -> Damage {
        let directory_gone = !self.pins.is_there();
        let is_whole = |ifindex: u32, link: &OwnedFd| {
            let info = sys::link_info(link);
            info.is_ok_and(|info| (info.ifindex, info.program_id) == (ifindex, tables.program_id))
        };
        let these = |is_damaged: &dyn Fn(u32, &OwnedFd) -> bool| {
            let damaged = self.links.iter().filter(|(ifindex, link)| is_damaged(**ifindex, link));
            damaged.map(|(ifindex, _)| *ifindex).collect()
        };
        Damage {
            detached: these(&|ifindex, link| !is_whole(ifindex, link)),
            unpinned: these(&|ifindex, _| directory_gone || !self.pins.link(ifindex).exists()),
            tables_unpinned: directory_gone || !self.pins.has_tables(tables),
            directory_gone,
        }
    }

    /// Puts the program back on an interface from which somebody else has taken it. One that only has another program changes
    /// over without losing a packet.
    ///
    /// # Errors
    /// [`AttachError`]; the interface is then no longer among those attached.
    pub fn reattach(&mut self, tables: &mut KernelTables, ifindex: u32) -> Result<(), AttachError> {
        if let Some(link) = self.links.remove(&ifindex)
            && sys::update_link(&link, &tables.pinnable.program).is_ok()
        {
            self.links.insert(ifindex, link);
            return Ok(());
        }
        remove(&self.pins.link(ifindex))?;
        self.attach(tables, ifindex)
    }

    /// Pins again what is pinned no more: the directory, the links, the tables.
    ///
    /// # Errors
    /// [`PinError`]; what was pinned until then stays.
    pub fn repin(&self, tables: &KernelTables) -> Result<(), PinError> {
        self.pins.restore()?;
        for (ifindex, link) in &self.links {
            let path = self.pins.link(*ifindex);
            if !path.exists() {
                sys::pin(link, &path).map_err(|source| PinError::Pin { path, source: Box::new(source) })?;
            }
        }
        if self.pins.has_tables(tables) { Ok(()) } else { self.pins.pin_tables(tables) }
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

fn explain(ifindex: u32, error: ProgramError) -> AttachError {
    // Where the kernel refuses a link, aya tries another way, whose error lies deeper.
    let causes =
        std::iter::successors(Some(&error as &(dyn std::error::Error + 'static)), |error| error.source());
    let code = causes.filter_map(|cause| cause.downcast_ref::<io::Error>()).find_map(io::Error::raw_os_error);
    match code {
        Some(libc::EOPNOTSUPP) => AttachError::NoNative { ifindex },
        Some(libc::ENOSPC) => AttachError::Queues { ifindex },
        Some(libc::EBUSY | libc::EEXIST) => AttachError::Busy { ifindex },
        Some(libc::ENODEV | libc::ENOLINK) => AttachError::Gone { ifindex },
        _ => AttachError::Refused { ifindex, source: Box::new(error) },
    }
}
