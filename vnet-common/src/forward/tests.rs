//! The decision over tables in plain maps, frames by `etherparse`.
//!
//! What the program does in the kernel is tested by the privileged suites; here the same code runs without root, on frames
//! that the kernel would not let a test run have, and on tables that no agent would write.

mod answers;
mod cases;
mod properties;
mod tables;

use std::vec::Vec;

use etherparse::{EtherType, Ethernet2Header, PacketBuilder};

use super::{Frame, FrameMut};
use crate::net::ethernet::ROUTER_MAC;

/// A frame of which the first `linear` bytes are directly accessible, with room for `room` bytes in all.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Buffer {
    bytes: Vec<u8>,
    linear: usize,
    room: usize,
}

impl Buffer {
    fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), linear: bytes.len(), room: usize::MAX }
    }
}

impl Frame for Buffer {
    fn at<const N: usize>(&self, offset: u32) -> Option<&[u8; N]> {
        self.bytes[..self.linear].get(offset as usize..)?.first_chunk()
    }

    fn linear_bytes(&self) -> u32 {
        self.linear as u32
    }

    fn total_bytes(&self) -> u32 {
        self.bytes.len() as u32
    }
}

impl FrameMut for Buffer {
    fn at_mut<const N: usize>(&mut self, offset: u32) -> Option<&mut [u8; N]> {
        self.bytes[..self.linear].get_mut(offset as usize..)?.first_chunk_mut()
    }

    fn resize(&mut self, bytes: u32) -> bool {
        let fits = bytes as usize <= self.room;
        if fits {
            self.bytes.resize(bytes as usize, 0);
            self.linear = bytes as usize;
        }
        fits
    }
}

/// A machine.
#[derive(Clone, Copy, Debug)]
struct Host {
    ifindex: u32,
    port: u32,
    counter: u32,
    mac: [u8; 6],
    v4: [u8; 4],
    v6: [u8; 16],
}

const fn v6(third: u8, last: u8) -> [u8; 16] {
    [0x20, 1, 0x0d, 0xb8, 0, third, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]
}

const fn host(number: u8, third: u8, last: u8) -> Host {
    Host {
        ifindex: 100 + number as u32,
        port: 1 + number as u32,
        counter: 10 + number as u32,
        mac: [2, 0, 0, 0, third, last],
        v4: [10, third, 0, last],
        v6: v6(third, last),
    }
}

const A1: Host = host(1, 1, 4);
const SMALL: Host = host(2, 1, 5);
const APPLIANCE: Host = host(3, 1, 6);
const B1: Host = host(4, 2, 4);
/// A NIC without any address.
const BARE: Host = Host { v4: [0; 4], v6: [0; 16], ..host(5, 1, 9) };
const GATEWAY4: [u8; 4] = [10, 1, 0, 1];
const GATEWAY6: [u8; 16] = v6(1, 1);

/// UDP over IPv4 with a payload of `bytes` bytes.
fn udp4(from: &Host, to: [u8; 4], bytes: usize) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(from.mac, ROUTER_MAC).ipv4(from.v4, to, 64).udp(4000, 5000);
    let mut frame = Vec::new();
    builder.write(&mut frame, &std::vec![0x5a; bytes]).unwrap();
    frame
}

/// The same over IPv6.
fn udp6(from: &Host, to: [u8; 16], bytes: usize) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(from.mac, ROUTER_MAC).ipv6(from.v6, to, 64).udp(4000, 5000);
    let mut frame = Vec::new();
    builder.write(&mut frame, &std::vec![0x5a; bytes]).unwrap();
    frame
}

/// A frame of another type.
fn of_type(from: &Host, ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let header =
        Ethernet2Header { source: from.mac, destination: ROUTER_MAC, ether_type: EtherType(ether_type) };
    [&header.to_bytes()[..], payload].concat()
}

/// `frame` with `bytes` written at `offset`.
fn patched(mut frame: Vec<u8>, offset: usize, bytes: &[u8]) -> Vec<u8> {
    frame[offset..offset + bytes.len()].copy_from_slice(bytes);
    frame
}
