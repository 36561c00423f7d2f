//! The programs of the bench, apart from the forwarder: a generator, a bare redirect, and a sink that counts.
//!
//! The generator is run on live frames (`BPF_F_TEST_XDP_LIVE_FRAMES`), whose pages come back with whatever was done to
//! them on the way; so it writes the whole frame every time. What it costs is the same for everything that is measured.
#![no_std]
#![no_main]

#[expect(dead_code, reason = "shared with the forwarder, which needs more of it")]
mod packet;

use aya_ebpf::bindings::xdp_action;
use aya_ebpf::macros::{map, xdp};
use aya_ebpf::maps::{Array, DevMap, PerCpuArray};
use aya_ebpf::programs::XdpContext;
use packet::Packet;
use vnet_common::abi::bench::{
    Arrived, FRAME4_BYTES, FRAME6_BYTES, Flow, NETWORK_STEP4, Progress, SIGNATURE_BE,
};
use vnet_common::forward::{Frame, FrameMut};

/// What the generator sends.
#[map]
static FLOW: Array<Flow> = Array::with_max_entries(1, 0);
/// Where the generator stands.
#[map]
static PROGRESS: PerCpuArray<Progress> = PerCpuArray::with_max_entries(1, 0);
/// Where the generator's frames go: the guest's end of a pair of interfaces.
#[map]
static GUEST: DevMap = DevMap::with_max_entries(1, 0);
/// Where the bare redirect leads: the host's end of another pair.
#[map]
static HOST: DevMap = DevMap::with_max_entries(1, 0);
/// What reached the sink.
#[map]
static ARRIVED: PerCpuArray<Arrived> = PerCpuArray::with_max_entries(1, 0);

/// IPv4: where the payload starts, after Ethernet, IPv4 and UDP.
const PAYLOAD4: u32 = 14 + 20 + 8;
/// IPv6: where the payload starts.
const PAYLOAD6: u32 = 14 + 40 + 8;

/// Makes the next frame of the flow.
#[xdp]
fn generate(context: XdpContext) -> u32 {
    let Some(flow) = FLOW.get(0) else { return xdp_action::XDP_ABORTED };
    let mut packet = Packet::new(context.ctx);
    let mut now = Progress { sequence: 0, network: 0, nic: 0 };
    packet::update(&PROGRESS, 0, |next| {
        now = *next;
        advance(next, flow);
    });
    let is_written =
        if flow.version == 4 { write4(&mut packet, flow, &now) } else { write6(&mut packet, flow, &now) };
    match is_written {
        Some(()) => GUEST.redirect(0, 0).unwrap_or(xdp_action::XDP_ABORTED),
        None => xdp_action::XDP_ABORTED,
    }
}

#[inline(always)]
fn advance(next: &mut Progress, flow: &Flow) {
    next.sequence += 1;
    next.network += 1;
    if next.network >= flow.networks {
        next.network = 0;
        next.nic += flow.nic_step;
        if next.nic >= flow.nics {
            next.nic -= flow.nics;
        }
    }
}

#[inline(always)]
fn write4(packet: &mut Packet, flow: &Flow, now: &Progress) -> Option<()> {
    let frame = packet.at_mut::<FRAME4_BYTES>(0)?;
    copy(frame, flow);
    let destination = flow.first + now.network * NETWORK_STEP4 + now.nic;
    // RFC 1071; two folds are enough for twelve 16-bit words.
    let sum = flow.checksum_base + (destination >> 16) + (destination & 0xffff);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    *frame.get_mut(24..26)?.first_chunk_mut()? = (!sum as u16).to_be_bytes();
    *frame.get_mut(30..34)?.first_chunk_mut()? = destination.to_be_bytes();
    *frame.get_mut(50..58)?.first_chunk_mut()? = now.sequence.to_be_bytes();
    Some(())
}

/// Copies the flow's frame, eight bytes at a time and the rest: in one, the compiler would move byte by byte.
#[inline(always)]
fn copy<const N: usize>(frame: &mut [u8; N], flow: &Flow) {
    let template = flow.frame.as_flattened();
    let mut at = 0;
    while at + 8 <= N {
        frame[at..at + 8].copy_from_slice(&template[at..at + 8]);
        at += 8;
    }
    while at + 2 <= N {
        frame[at..at + 2].copy_from_slice(&template[at..at + 2]);
        at += 2;
    }
}

#[inline(always)]
fn write6(packet: &mut Packet, flow: &Flow, now: &Progress) -> Option<()> {
    let frame = packet.at_mut::<FRAME6_BYTES>(0)?;
    copy(frame, flow);
    let network = (flow.first_network + now.network) as u16;
    *frame.get_mut(42..44)?.first_chunk_mut()? = network.to_be_bytes();
    *frame.get_mut(50..54)?.first_chunk_mut()? = (flow.first + now.nic).to_be_bytes();
    *frame.get_mut(70..78)?.first_chunk_mut()? = now.sequence.to_be_bytes();
    Some(())
}

/// The limit: redirects and does nothing else.
#[xdp]
fn redirect(_context: XdpContext) -> u32 {
    HOST.redirect(0, 0).unwrap_or(xdp_action::XDP_ABORTED)
}

/// Counts and drops.
#[xdp]
fn sink(context: XdpContext) -> u32 {
    let packet = Packet::new(context.ctx);
    let sequence = sequence_of(&packet);
    packet::update(&ARRIVED, 0, |arrived: &mut Arrived| match sequence {
        Some(sequence) => {
            arrived.signed += 1;
            if sequence != arrived.expected {
                arrived.out_of_order += 1;
            }
            arrived.expected = sequence + 1;
        }
        None => arrived.other += 1,
    });
    xdp_action::XDP_DROP
}

/// The number of a generated frame, `None` for any other.
#[inline(always)]
fn sequence_of(packet: &Packet) -> Option<u64> {
    let is_v6 = packet.at::<2>(12)? == &[0x86, 0xdd];
    let payload = if is_v6 { packet.at::<16>(PAYLOAD6)? } else { packet.at::<16>(PAYLOAD4)? };
    let (signature, sequence): (&[u8; 8], &[u8; 8]) = (payload.first_chunk()?, payload.last_chunk()?);
    (u64::from_ne_bytes(*signature) == u64::from_ne_bytes(SIGNATURE_BE))
        .then_some(u64::from_be_bytes(*sequence))
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
