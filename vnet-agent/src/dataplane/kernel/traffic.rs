//! The programs of the bench: a generator of frames, a bare redirect to compare with, and sinks that count.
//!
//! They are an object of their own, which only a bench or a test loads. The generator runs on live frames inside the
//! sender's namespace and redirects them into the guest's end of its pair of interfaces; the sink sits on the far
//! guest's end. A device in a map, and an interface to attach to, are found in the namespace of the calling thread.

use std::time::Duration;

use aya::maps::xdp::XdpMapError;
use aya::maps::{Array, DevMap, MapData, MapError, PerCpuArray};
use aya::programs::xdp::{XdpLinkId, XdpMode};
use aya::programs::{ProgramError, TestRun as _, TestRunAttrs, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfError};
use vnet_common::abi::bench::{Arrived, FRAME4_BYTES, FRAME6_BYTES, Flow, Progress};

use super::counter_maps::per_cpu;
use super::{TableError, refused};

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/vnet-bench"));

/// A program of the bench could not be loaded, attached or run.
#[derive(Debug, thiserror::Error)]
pub enum TrafficError {
    /// The object was refused.
    #[error(
        "the programs of the bench could not be loaded; loading needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"
    )]
    Object(#[source] Box<EbpfError>),
    /// The kernel refused.
    #[error("the kernel refused to {doing} the program `{program}` of the bench")]
    Program {
        /// What was tried.
        doing: &'static str,
        /// The program's name in the object.
        program: &'static str,
        /// What the kernel said.
        source: Box<ProgramError>,
    },
    /// The object lacks a part: agent and object do not belong together.
    #[error("the bench object has no {0}: the agent was built from another source")]
    Missing(&'static str),
    /// A map could not be read or written.
    #[error(transparent)]
    Table(#[from] TableError),
}

fn program_error(doing: &'static str, program: &'static str) -> impl FnOnce(ProgramError) -> TrafficError {
    move |source| TrafficError::Program { doing, program, source: Box::new(source) }
}

/// One program with maps of its own.
struct Loaded {
    ebpf: Ebpf,
    name: &'static str,
}

impl Loaded {
    fn load(name: &'static str) -> Result<Self, TrafficError> {
        let ebpf = Ebpf::load(OBJECT).map_err(|error| TrafficError::Object(Box::new(error)))?;
        let mut loaded = Self { ebpf, name };
        loaded.xdp()?.load().map_err(program_error("load", name))?;
        Ok(loaded)
    }

    fn xdp(&mut self) -> Result<&mut Xdp, TrafficError> {
        let program = self.ebpf.program_mut(self.name).ok_or(TrafficError::Missing(self.name))?;
        program.try_into().map_err(program_error("find", self.name))
    }

    fn attach(&mut self, ifindex: u32) -> Result<XdpLinkId, TrafficError> {
        let name = self.name;
        self.xdp()?.attach_to_if_index(ifindex, XdpMode::Driver).map_err(program_error("attach", name))
    }

    fn detach(&mut self, link: XdpLinkId) -> Result<(), TrafficError> {
        let name = self.name;
        self.xdp()?.detach(link).map_err(program_error("detach", name))
    }

    fn map<M>(&mut self, name: &'static str) -> Result<M, TrafficError>
    where
        M: TryFrom<aya::maps::Map, Error = MapError>,
    {
        let map = self.ebpf.take_map(name).ok_or(TrafficError::Missing(name))?;
        M::try_from(map).map_err(|source| refused(name, 0)(source).into())
    }
}

fn set_device(map: &mut DevMap<MapData>, name: &'static str, ifindex: u32) -> Result<(), TrafficError> {
    match map.set(0, ifindex, None, 0) {
        Err(XdpMapError::MapError(error)) => Err(refused(name, 0)(error).into()),
        _ => Ok(()),
    }
}

/// Makes the frames of a [`Flow`].
pub struct Generator {
    program: Loaded,
    flow: Array<MapData, [u8; size_of::<Flow>()]>,
    progress: PerCpuArray<MapData, [u8; size_of::<Progress>()]>,
    guest: DevMap<MapData>,
    frame: Vec<u8>,
}

impl Generator {
    /// The most frames that go out before the receiving side gets its turn: a ring holds 256.
    pub const MAX_BATCH: u32 = 128;

    /// Loads the generator. It has no flow yet.
    ///
    /// # Errors
    /// [`TrafficError`]; likewise below.
    pub fn load() -> Result<Self, TrafficError> {
        let mut program = Loaded::load("generate")?;
        let (flow, progress, guest) = (program.map("FLOW")?, program.map("PROGRESS")?, program.map("GUEST")?);
        Ok(Self { program, flow, progress, guest, frame: Vec::new() })
    }

    /// Sets the flow, from its first frame on, and the interface of this namespace that its frames seem to be sent by.
    ///
    /// # Errors
    /// [`TrafficError`].
    pub fn aim(&mut self, flow: &Flow, guest_ifindex: u32) -> Result<(), TrafficError> {
        let bytes = if flow.version == 4 { FRAME4_BYTES } else { FRAME6_BYTES };
        self.frame = flow.frame.as_flattened().iter().copied().take(bytes).collect();
        self.flow
            .set(0, bytemuck::cast::<_, [u8; size_of::<Flow>()]>(*flow), 0)
            .map_err(refused("FLOW", 0))?;
        let start = per_cpu([0; size_of::<Progress>()])?;
        self.progress.set(0, start, 0).map_err(refused("PROGRESS", 0))?;
        set_device(&mut self.guest, "GUEST", guest_ifindex)
    }

    /// Sends the next `frames` frames, in batches of at most [`Self::MAX_BATCH`]. Returns how many nanoseconds a frame
    /// took on average, by the kernel's clock around the batches: all that a frame causes on its CPU is in it.
    ///
    /// The call itself takes longer, because the kernel waits for two RCU grace periods where it prepares and ends a run
    /// (net/bpf/test_run.c: `bpf_prog_change_xdp`).
    ///
    /// # Errors
    /// [`TrafficError`].
    pub fn send(&mut self, frames: u32, batch: u32) -> Result<u64, TrafficError> {
        let attrs = TestRunAttrs::new().xdp_live_frames(batch.min(Self::MAX_BATCH));
        let options =
            TestRunOptions { data_in: Some(&self.frame), repeat: frames, attrs, ..TestRunOptions::new() };
        let result = self.program.xdp()?.test_run(options).map_err(program_error("run", "generate"))?;
        Ok(nanoseconds(result.duration))
    }
}

/// Redirects every frame to one interface and does nothing else: the limit of what forwarding can reach.
pub struct BareRedirect {
    program: Loaded,
    host: DevMap<MapData>,
    links: Vec<XdpLinkId>,
}

impl BareRedirect {
    /// Loads the program.
    ///
    /// # Errors
    /// [`TrafficError`]; likewise below.
    pub fn load() -> Result<Self, TrafficError> {
        let mut program = Loaded::load("redirect")?;
        let host = program.map("HOST")?;
        Ok(Self { program, host, links: Vec::new() })
    }

    /// Attaches interfaces of this namespace; what comes in by any of them leaves by `target`.
    ///
    /// # Errors
    /// [`TrafficError`].
    pub fn attach(&mut self, ifindexes: &[u32], target: u32) -> Result<(), TrafficError> {
        set_device(&mut self.host, "HOST", target)?;
        for ifindex in ifindexes {
            let link = self.program.attach(*ifindex)?;
            self.links.push(link);
        }
        Ok(())
    }

    /// Detaches all interfaces.
    ///
    /// # Errors
    /// [`TrafficError`].
    pub fn detach(&mut self) -> Result<(), TrafficError> {
        for link in std::mem::take(&mut self.links) {
            self.program.detach(link)?;
        }
        Ok(())
    }

    /// How long one run takes on average over `repeat` runs, in nanoseconds. Nothing is sent.
    ///
    /// # Errors
    /// [`TrafficError`].
    pub fn duration_ns(&mut self, frame: &[u8], repeat: u32) -> Result<u64, TrafficError> {
        let options = TestRunOptions { data_in: Some(frame), repeat, ..TestRunOptions::new() };
        let result = self.program.xdp()?.test_run(options).map_err(program_error("run", "redirect"))?;
        Ok(nanoseconds(result.duration))
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Counts what reaches a guest's interface, and drops it.
pub struct Sink {
    /// Holds the attachment.
    _program: Loaded,
    arrived: PerCpuArray<MapData, [u8; size_of::<Arrived>()]>,
}

impl Sink {
    /// Loads a sink and attaches it to an interface of this namespace, until it is dropped.
    ///
    /// # Errors
    /// [`TrafficError`]; likewise below.
    pub fn attach(ifindex: u32) -> Result<Self, TrafficError> {
        let mut program = Loaded::load("sink")?;
        let arrived = program.map("ARRIVED")?;
        program.attach(ifindex)?;
        Ok(Self { _program: program, arrived })
    }

    /// Forgets what arrived; the next frame expected is the flow's first.
    ///
    /// # Errors
    /// [`TrafficError`].
    pub fn reset(&mut self) -> Result<(), TrafficError> {
        let zero = per_cpu([0; size_of::<Arrived>()])?;
        Ok(self.arrived.set(0, zero, 0).map_err(refused("ARRIVED", 0))?)
    }

    /// What arrived since the last reset, by CPU. The order is known only where one CPU carries all frames.
    ///
    /// # Errors
    /// [`TrafficError`].
    pub fn arrived_by_cpu(&self) -> Result<Vec<Arrived>, TrafficError> {
        let values = self.arrived.get(&0, 0).map_err(refused("ARRIVED", 0))?;
        Ok(values.iter().map(|value| bytemuck::cast(*value)).collect())
    }
}
