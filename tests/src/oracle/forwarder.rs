//! The forwarders that are questioned: the decision run on the host, and the program in the kernel.

use vnet_agent::compile::image::Image;
use vnet_agent::compile::plan::Capacity;
use vnet_agent::dataplane::counters::Counters;
use vnet_agent::dataplane::kernel::{KernelTables, LoadError, TableError, TestRunError, XdpVerdict};
use vnet_agent::dataplane::memory::{MemoryTables, OutsideTable};
use vnet_agent::dataplane::{CommitError, Publisher, Tables};
use vnet_common::abi::NONE;
use vnet_common::forward::{self, Action};
use vnet_common::verdict::DropReason;

use super::frame::HostFrame;

/// Room for every topology that the generator makes, twice: a commit needs old and new beside each other.
const CAPACITY: Capacity = Capacity {
    cells: 8_192,
    nodes: 16_384,
    ports: 1_024,
    routes: 8_192,
    endpoints6: 1_024,
    port_counters: 1_024,
    peering_counters: 1_024,
};

/// What a forwarder did with a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Dropped, and counted for this reason.
    Dropped(DropReason),
    /// Sent back.
    Answered(Vec<u8>),
    /// Sent on.
    Delivered {
        /// The frame as it leaves.
        frame: Vec<u8>,
        /// The interface that it leaves by, where the forwarder tells.
        ifindex: Option<u32>,
        /// The sending side's object of the peering that it was counted for, as virtual network and name.
        crossed: Option<(String, String)>,
    },
    /// Something that the program never does.
    Broken(String),
}

/// A forwarder did not work at all.
#[derive(Debug, thiserror::Error)]
pub enum ForwarderError {
    /// The program was not loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A commit to memory failed.
    #[error("the commit failed")]
    Memory(#[from] CommitError<OutsideTable>),
    /// A commit to the kernel failed.
    #[error("the commit failed")]
    Kernel(#[from] CommitError<TableError>),
    /// A table could not be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The program could not be run.
    #[error(transparent)]
    Run(#[from] TestRunError),
}

/// Something that takes images and frames.
pub trait Forwarder {
    /// Makes `image` what frames see.
    ///
    /// # Errors
    /// [`ForwarderError`], likewise below.
    fn commit(&mut self, image: &Image) -> Result<(), ForwarderError>;

    /// Runs on a frame that came in by `ifindex`. Where only a counter tells why a frame was dropped or what it
    /// crossed, those that moved are looked for.
    ///
    /// # Errors
    /// As above.
    fn run(&mut self, frame: &[u8], ifindex: u32) -> Result<Seen, ForwarderError>;

    /// All counters, where the forwarder counts.
    ///
    /// # Errors
    /// As above.
    fn counters(&self) -> Result<Option<Counters>, ForwarderError>;

    /// How many trie nodes are in use.
    fn nodes_in_use(&self) -> usize;
}

/// The forwarding decision over tables in memory.
#[derive(Debug)]
pub struct Host(Publisher<MemoryTables>);

impl Host {
    /// Empty tables.
    ///
    /// # Errors
    /// [`ForwarderError`].
    pub fn new() -> Result<Self, ForwarderError> {
        let load = |capacity| Ok::<_, CommitError<OutsideTable>>(MemoryTables::new(capacity));
        Ok(Self(Publisher::create(&Image::default(), CAPACITY, 0, load)?))
    }
}

fn owner<T: Tables>(publisher: &Publisher<T>, counter: u32) -> Option<(String, String)> {
    let mut counters = publisher.layout().peering_counters();
    let (vnet, peering, _) = counters.find(|(.., index)| *index == counter)?;
    Some((vnet.to_string(), peering.to_string()))
}

impl Forwarder for Host {
    fn commit(&mut self, image: &Image) -> Result<(), ForwarderError> {
        self.0.commit(image)?;
        Ok(())
    }

    fn run(&mut self, frame: &[u8], ifindex: u32) -> Result<Seen, ForwarderError> {
        let tables = self.0.tables();
        let mut frame = HostFrame(frame.to_vec());
        Ok(match forward::decide(tables, &frame, ifindex).action {
            Action::Drop(reason) => Seen::Dropped(reason),
            Action::Answer(answer) if forward::answer::write(&mut frame, answer) => Seen::Answered(frame.0),
            Action::Deliver(delivery) if forward::rewrite(&mut frame, delivery.mac) => {
                let ifindex = tables.device(delivery.port);
                match (ifindex, delivery.peering_counter) {
                    (None, _) => Seen::Broken(format!("port {} has no device", delivery.port)),
                    (_, NONE) => Seen::Delivered { frame: frame.0, ifindex, crossed: None },
                    (_, counter) => match owner(&self.0, counter) {
                        None => Seen::Broken(format!("peering counter {counter} is nobody's")),
                        crossed => Seen::Delivered { frame: frame.0, ifindex, crossed },
                    },
                }
            }
            action => Seen::Broken(format!("{action:?} could not be carried out")),
        })
    }

    fn counters(&self) -> Result<Option<Counters>, ForwarderError> {
        Ok(None)
    }

    fn nodes_in_use(&self) -> usize {
        self.0.layout().nodes_in_use()
    }
}

/// The program in the kernel, run by `BPF_PROG_TEST_RUN`.
#[derive(Debug)]
pub struct Kernel {
    publisher: Publisher<KernelTables>,
    drops: Vec<u64>,
    crossed: Vec<((String, String), u32, u64)>,
}

impl Kernel {
    /// Loads the program with empty tables.
    ///
    /// # Errors
    /// [`ForwarderError`].
    pub fn new() -> Result<Self, ForwarderError> {
        let publisher = Publisher::create(&Image::default(), CAPACITY, 0, |capacity| {
            Ok::<_, ForwarderError>(KernelTables::load(capacity)?)
        })?;
        Ok(Self { publisher, drops: vec![0; DropReason::ALL.len()], crossed: Vec::new() })
    }

    /// The reason whose counter has moved by one since the last call.
    fn moved_drop(&mut self) -> Result<Option<DropReason>, ForwarderError> {
        let mut moved = None;
        for reason in DropReason::ALL {
            let now = self.publisher.tables().drops(*reason as u32)?;
            let Some(before) = self.drops.get_mut(*reason as usize) else { continue };
            if now == *before + 1 && moved.is_none() {
                moved = Some(*reason);
            }
            *before = now;
            if moved.is_some() {
                break;
            }
        }
        Ok(moved)
    }

    /// The peering whose counter has moved by one since the last call.
    fn moved_peering(&mut self) -> Result<Option<(String, String)>, ForwarderError> {
        for (peering, index, before) in &mut self.crossed {
            let now = self.publisher.tables().peering_traffic(*index)?.packets;
            if now != *before {
                *before = now;
                return Ok(Some(peering.clone()));
            }
        }
        Ok(None)
    }
}

impl Forwarder for Kernel {
    fn commit(&mut self, image: &Image) -> Result<(), ForwarderError> {
        self.publisher.commit(image)?;
        self.crossed.clear();
        for (vnet, peering, index) in self.publisher.layout().peering_counters() {
            let now = self.publisher.tables().peering_traffic(index)?.packets;
            self.crossed.push(((vnet.to_string(), peering.to_string()), index, now));
        }
        Ok(())
    }

    fn run(&mut self, frame: &[u8], ifindex: u32) -> Result<Seen, ForwarderError> {
        let run = self.publisher.tables_mut().test_run(frame, ifindex, 1)?;
        Ok(match run.verdict {
            XdpVerdict::Drop => match self.moved_drop()? {
                Some(reason) => Seen::Dropped(reason),
                None => Seen::Broken("dropped without a reason".to_owned()),
            },
            // An answer is redirected too, back to the asker; a delivery leaves all behind the MAC addresses as it is.
            XdpVerdict::Redirect if run.frame.get(12..) != frame.get(12..) => Seen::Answered(run.frame),
            XdpVerdict::Redirect => {
                Seen::Delivered { frame: run.frame, ifindex: None, crossed: self.moved_peering()? }
            }
            verdict => Seen::Broken(format!("the program's verdict was {verdict:?}")),
        })
    }

    fn counters(&self) -> Result<Option<Counters>, ForwarderError> {
        Ok(Some(Counters::read(self.publisher.layout(), self.publisher.tables())?))
    }

    fn nodes_in_use(&self) -> usize {
        self.publisher.layout().nodes_in_use()
    }
}
