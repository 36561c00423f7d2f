//! Loading the program with tables of the size asked for, and running it on a single frame.

use std::io;

use aya::maps::{Array, DevMap, HashMap, Map, MapError};
use aya::programs::{ProgramError, TestRun as _, TestRunAttrs, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfError, EbpfLoader};
use vnet_common::abi::FIRST_CELL;

use super::super::places::TablesId;
use super::counter_maps::CounterMaps;
use super::table_pins::Pinnable;
use super::{KernelTables, Mapped, readers};
use crate::compile::plan::Capacity;

/// The compiled program.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/vnet"));

/// The program's name in the object.
const PROGRAM: &str = "vnet";

/// As often libbpf tries.
const LOAD_ATTEMPTS: usize = 5;

/// The program could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The object was refused.
    #[error("the XDP object could not be loaded; loading needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON")]
    Object(#[source] Box<EbpfError>),
    /// The verifier refused the program.
    #[error("the kernel refused the XDP program")]
    Program(#[source] Box<ProgramError>),
    /// The object lacks a part: agent and program do not belong together.
    #[error("the XDP object has no {0}: the agent was built from another source")]
    Missing(&'static str),
    /// A map is of another kind than expected.
    #[error("the map {0} is of another kind than expected: the agent was built from another source")]
    Kind(&'static str, #[source] MapError),
    /// A map's memory could not be mapped.
    #[error("the memory of the map {0} could not be mapped")]
    Memory(&'static str, #[source] io::Error),
    /// A descriptor could not be kept: most likely too many files are open.
    #[error("no descriptor is left for the tables' pins")]
    Descriptor(#[source] io::Error),
    /// The kernel cannot wait for readers.
    #[error("this kernel cannot wait for packets under way, without which no change of the tables is safe")]
    Readers(#[source] io::Error),
}

/// The loaded program.
#[derive(Debug)]
pub(super) struct Program {
    ebpf: Ebpf,
}

impl Program {
    pub(super) fn xdp(&mut self) -> Result<&mut Xdp, ProgramError> {
        let program = self.ebpf.program_mut(PROGRAM).ok_or(ProgramError::NotLoaded)?;
        program.try_into()
    }
}

impl KernelTables {
    /// Loads the program with empty tables of this capacity. No packet sees it before it is attached.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load(capacity: Capacity) -> Result<Self, LoadError> {
        readers::check().map_err(LoadError::Readers)?;
        let cells = FIRST_CELL + capacity.cells;
        let ebpf = EbpfLoader::new()
            .map_max_entries("CELLS", cells)
            .map_max_entries("NODES", capacity.nodes)
            .map_max_entries("PORTS", capacity.ports)
            .map_max_entries("DEVICES", capacity.ports)
            .map_max_entries("ROUTES", capacity.routes)
            .map_max_entries("ENDPOINTS6", capacity.endpoints6)
            .map_max_entries("PORT_COUNTERS", capacity.port_counters)
            .map_max_entries("PEERING_COUNTERS", capacity.peering_counters)
            .load(OBJECT)
            .map_err(|error| LoadError::Object(Box::new(error)))?;
        // First the program: it refers to the maps by their descriptors, which are closed with what `take` returns.
        let mut program = Program { ebpf };
        let xdp = program.xdp().map_err(|error| LoadError::Program(Box::new(error)))?;
        load_with_patience(xdp).map_err(|error| LoadError::Program(Box::new(error)))?;
        let refused = |error| LoadError::Program(Box::new(error));
        let program_id = xdp.info().map_err(refused)?.id();
        let mut pinnable = Pinnable::of(xdp.fd().map_err(refused)?).map_err(LoadError::Descriptor)?;
        let mut take = |name: &'static str| {
            let map = program.ebpf.take_map(name).ok_or(LoadError::Missing(name))?;
            pinnable.add(name, &map).map_err(LoadError::Descriptor)?;
            Ok(map)
        };
        let control = mapped("CONTROL", take("CONTROL")?, 1)?;
        let cells = mapped("CELLS", take("CELLS")?, cells)?;
        let nodes = Array::try_from(take("NODES")?).map_err(kind("NODES"))?;
        let ports = Array::try_from(take("PORTS")?).map_err(kind("PORTS"))?;
        let routes = Array::try_from(take("ROUTES")?).map_err(kind("ROUTES"))?;
        let endpoints6 = HashMap::try_from(take("ENDPOINTS6")?).map_err(kind("ENDPOINTS6"))?;
        let devices = DevMap::try_from(take("DEVICES")?).map_err(kind("DEVICES"))?;
        let counters = CounterMaps::new(take, LoadError::Kind)?;
        Ok(Self {
            program,
            control,
            cells,
            nodes,
            ports,
            routes,
            endpoints6,
            devices,
            counters,
            id: TablesId::random(),
            program_id,
            pinnable,
        })
    }

    /// How many instructions the verifier walked to accept the program.
    ///
    /// # Errors
    /// The kernel does not tell; Linux 5.16 and newer do.
    pub fn verified_instructions(&mut self) -> Result<u32, TestRunError> {
        let info = self.program.xdp()?.info()?;
        info.verified_instruction_count().ok_or(TestRunError::NotTold)
    }
}

/// Loads the program. The verifier gives up with EAGAIN when a signal comes in while it is at work (kernel/bpf/verifier.c,
/// `do_check`), whether the process minds the signal or not.
fn load_with_patience(xdp: &mut Xdp) -> Result<(), ProgramError> {
    for _ in 1..LOAD_ATTEMPTS {
        match xdp.load() {
            Err(ProgramError::LoadError { io_error, .. }) if io_error.kind() == io::ErrorKind::WouldBlock => {
            }
            loaded => return loaded,
        }
    }
    xdp.load()
}

fn kind(name: &'static str) -> impl FnOnce(MapError) -> LoadError {
    move |error| LoadError::Kind(name, error)
}

fn mapped(name: &'static str, map: Map, entries: u32) -> Result<Mapped, LoadError> {
    let Map::Array(data) = map else { return Err(LoadError::Missing(name)) };
    Mapped::new(&data, entries).map_err(|error| LoadError::Memory(name, error))
}

/// What the program said about a frame (include/uapi/linux/bpf.h, `enum xdp_action`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XdpVerdict {
    /// The program failed.
    Aborted,
    /// The frame ends here.
    Drop,
    /// The frame goes on to the host's stack. Never the answer of this program.
    Pass,
    /// The frame goes back where it came from.
    Tx,
    /// The frame goes to another interface.
    Redirect,
    /// Another value.
    Other(u32),
}

/// The outcome of a run on a single frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestRun {
    /// What the program said.
    pub verdict: XdpVerdict,
    /// The frame as the program left it.
    pub frame: Vec<u8>,
    /// How long a run took on average, in nanoseconds.
    pub duration_ns: u64,
}

/// A test run failed.
#[derive(Debug, thiserror::Error)]
pub enum TestRunError {
    /// The kernel refused: a frame of under 14 bytes, or an interface that is not there.
    #[error("the kernel refused the test run")]
    Refused(#[from] ProgramError),
    /// The kernel does not tell.
    #[error("the kernel does not tell how many instructions it verified")]
    NotTold,
}

impl KernelTables {
    /// Runs the program `repeat` times on `frame`, as if it had come in by `ifindex`, an interface of the caller's
    /// network namespace. What the program redirects goes nowhere; the counters count. With `repeat` over 1, later
    /// runs see what earlier ones wrote.
    ///
    /// # Errors
    /// [`TestRunError`].
    pub fn test_run(&mut self, frame: &[u8], ifindex: u32, repeat: u32) -> Result<TestRun, TestRunError> {
        let mut out = vec![0u8; frame.len() + 256];
        let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let mut context = [0u8; 24];
        // struct xdp_md: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex.
        context[4..8].copy_from_slice(&length.to_ne_bytes());
        context[12..16].copy_from_slice(&ifindex.to_ne_bytes());
        let result = self.program.xdp()?.test_run(TestRunOptions {
            data_in: Some(frame),
            data_out: Some(&mut out),
            ctx_in: Some(&context),
            ctx_out: None,
            repeat,
            attrs: TestRunAttrs::new(),
        })?;
        out.truncate(result.data_size_out as usize);
        let verdict = match result.return_value {
            0 => XdpVerdict::Aborted,
            1 => XdpVerdict::Drop,
            2 => XdpVerdict::Pass,
            3 => XdpVerdict::Tx,
            4 => XdpVerdict::Redirect,
            other => XdpVerdict::Other(other),
        };
        let duration_ns = u64::try_from(result.duration.as_nanos()).unwrap_or(u64::MAX);
        Ok(TestRun { verdict, frame: out, duration_ns })
    }
}
