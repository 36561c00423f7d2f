//! Frames at random. Some are noise from the first byte on; most are plausible in one way or another, so that they get to the
//! code behind the first checks. Which of them are lawful is told from their bytes alone, not by the code under test.

use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use vnet_tests::frames::{Arp, BROADCAST_MAC, Host, ROUTER_MAC, Solicitation, V4, V6, options_header, udp};
use vnet_tests::lab::{Received, random_body};
use vnet_tests::oracle::random::Random;

use crate::cases::{self, Cast};

/// How many kinds of frames there are.
pub(crate) const KINDS: usize = 9;
/// The fewest bytes that a packet socket sends, and the most that an MTU of 1500 takes.
const LENGTHS: (usize, usize) = (14, 1514);
const POOL_BYTES: usize = 1 << 20;

/// The frames, one after the other.
pub(crate) struct Flood {
    random: Random,
    cast: Cast,
    /// Random bytes, of which a frame takes a part: as random, and much faster than new ones.
    pool: Vec<u8>,
    frame: Vec<u8>,
    /// Frames that are lawful, and such that end for each of the known reasons.
    templates: Vec<Vec<u8>>,
    /// What stands behind the MAC addresses of the lawful frames that were sent.
    lawful: HashSet<Vec<u8>>,
    sent: u64,
}

impl Flood {
    pub(crate) fn new(seed: u64, cast: &Cast) -> Self {
        let Cast { evil, near, peer, .. } = *cast;
        let mut templates: Vec<Vec<u8>> = cases::all(cast).into_iter().map(|(_, frame, _)| frame).collect();
        for to in [near, peer] {
            templates.push(V4::ping(&evil, to.v4).frame());
            templates.push(V6::ping(&evil, to.v6).frame());
            templates.push(V6::udp(&evil, to.v6).with(60, options_header(2)).frame());
        }
        Self {
            random: Random::new(seed),
            cast: *cast,
            pool: random_body(POOL_BYTES),
            frame: Vec::with_capacity(LENGTHS.1),
            templates,
            lawful: HashSet::new(),
            sent: 0,
        }
    }

    /// How many frames have been given.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// The next frame, which must be sent.
    pub(crate) fn next(&mut self) -> &[u8] {
        self.frame.clear();
        match self.random.between(0, KINDS - 1) {
            0 => self.noise(),
            1 => self.own_noise(),
            2 => self.ipv4(),
            3 => self.ipv6(),
            4 => self.arp(),
            5 => self.neighbor(),
            6 => self.tagged(),
            7 => self.mutant(),
            _ => self.rarely_lawful(),
        }
        self.frame.truncate(LENGTHS.1);
        self.sent += 1;
        let receivers = [self.cast.near, self.cast.peer];
        if receivers.iter().any(|to| self.could_reach(&self.frame, to)) {
            self.lawful.insert(self.frame[12..].to_vec());
        }
        &self.frame
    }

    /// Whether a frame that came out at `to` was lawfully sent to it, and is as it was sent but for the MAC addresses.
    pub(crate) fn is_lawful(&self, received: &Received, to: &Host) -> bool {
        let frame = &received.0;
        let addressed = frame[..6] == to.mac && frame[6..12] == ROUTER_MAC;
        let mut sent = frame.clone();
        sent[..6].copy_from_slice(&ROUTER_MAC);
        sent[6..12].copy_from_slice(&self.cast.evil.mac);
        addressed && self.could_reach(&sent, to) && self.lawful.contains(&frame[12..])
    }

    /// What every frame has that may come out at `to`: the sender's own MAC address, its own address, and that of `to`.
    fn could_reach(&self, frame: &[u8], to: &Host) -> bool {
        let evil = &self.cast.evil;
        let is = |at: usize, bytes: &[u8]| frame.get(at..at + bytes.len()) == Some(bytes);
        let v4 = is(12, &[8, 0]) && is(26, &evil.v4.octets()) && is(30, &to.v4.octets());
        let v6 = is(12, &[0x86, 0xdd]) && is(22, &evil.v6.octets()) && is(38, &to.v6.octets());
        is(6, &evil.mac) && (v4 || v6)
    }

    fn fill(&mut self, bytes: usize) {
        let start = self.random.between(0, POOL_BYTES - bytes);
        self.frame.extend_from_slice(&self.pool[start..start + bytes]);
    }

    fn fill_some(&mut self) {
        // Short ones are as likely as all long ones together: the ends of headers lie there.
        let most = if self.random.percent(50) { 100 } else { LENGTHS.1 - LENGTHS.0 };
        let bytes = self.random.between(0, most);
        self.fill(bytes);
    }

    fn noise(&mut self) {
        self.fill(LENGTHS.0);
        self.fill_some();
    }

    /// An Ethernet header with the own MAC address.
    fn ethernet(&mut self, ether_type: u16) {
        let group = [1, 0, 0x5e, 0, 0, 1];
        let to = match self.random.between(0, 9) {
            0 => BROADCAST_MAC,
            1 => group,
            2 => self.cast.near.mac,
            _ => ROUTER_MAC,
        };
        self.frame.extend_from_slice(&to);
        self.frame.extend_from_slice(&self.cast.evil.mac);
        self.frame.extend_from_slice(&ether_type.to_be_bytes());
    }

    fn own_noise(&mut self) {
        let ether_type = self.random.bits() as u16;
        self.ethernet(ether_type);
        self.fill_some();
    }

    fn v4_address(&mut self) -> Ipv4Addr {
        let Cast { evil, near, peer, far } = self.cast;
        match self.random.between(0, 7) {
            0 => near.v4,
            1 => peer.v4,
            2 => far.v4,
            3 => Ipv4Addr::new(10, 1, 1, 1),
            4 => Ipv4Addr::from_bits((self.random.bits() as u32 & 0x0003_ffff) | 0x0a00_0000),
            5 => Ipv4Addr::from_bits(self.random.bits() as u32),
            _ => evil.v4,
        }
    }

    fn v6_address(&mut self) -> Ipv6Addr {
        let Cast { evil, near, peer, far } = self.cast;
        match self.random.between(0, 7) {
            0 => near.v6,
            1 => peer.v6,
            2 => far.v6,
            3 => Ipv6Addr::new(0xfd00, 1, 0, 1, 0, 0, 0, 1),
            4 => Ipv6Addr::from_bits(u128::from(self.random.bits() as u8) | evil.v6.to_bits()),
            5 => Ipv6Addr::from_bits(u128::from(self.random.bits()) << 64 | u128::from(self.random.bits())),
            _ => evil.v6,
        }
    }

    /// Random header fields; half of the time the length is right, so that the rest of them is looked at.
    fn ipv4(&mut self) {
        self.ethernet(0x0800);
        self.fill(20);
        self.fill_some();
        let (source, destination) = (self.v4_address(), self.v4_address());
        let words = self.random.between(4, 15) as u8;
        let length = (self.frame.len() - 14) as u16;
        let header = &mut self.frame[14..34];
        header[0] = 0x40 | if self.random.percent(70) { 5 } else { words };
        if self.random.percent(50) {
            header[2..4].copy_from_slice(&length.to_be_bytes());
        }
        header[12..16].copy_from_slice(&source.octets());
        header[16..20].copy_from_slice(&destination.octets());
        if self.random.percent(5) {
            header[8] = 0;
        }
    }

    /// The same for IPv6, with chains of extension headers.
    fn ipv6(&mut self) {
        const NEXT: [u8; 10] = [0, 6, 17, 43, 44, 51, 58, 59, 60, 135];
        self.ethernet(0x86dd);
        self.fill(40);
        self.fill_some();
        let (source, destination) = (self.v6_address(), self.v6_address());
        let length = (self.frame.len() - 54) as u16;
        let header = &mut self.frame[14..54];
        header[0] = 0x60;
        if self.random.percent(80) {
            header[6] = self.random.pick(&NEXT).copied().unwrap_or_default();
        }
        if self.random.percent(50) {
            header[4..6].copy_from_slice(&length.to_be_bytes());
        }
        header[8..24].copy_from_slice(&source.octets());
        header[24..40].copy_from_slice(&destination.octets());
        // What looks like the next header and its length, a few times over.
        for at in (54..self.frame.len().min(118)).step_by(8) {
            if self.random.percent(70) {
                self.frame[at] = self.random.pick(&NEXT).copied().unwrap_or_default();
                self.frame[at + 1..].iter_mut().take(1).for_each(|length| *length &= 1);
            }
        }
    }

    /// A flood of requests, most of them proper, for ever other addresses.
    fn arp(&mut self) {
        let mut arp = Arp::request(&self.cast.evil, Ipv4Addr::from_bits(self.random.bits() as u32));
        match self.random.between(0, 9) {
            0 => arp.sender = self.v4_address(),
            1 => arp.operation = self.random.bits() as u16,
            2 => arp.sender_mac = self.cast.near.mac,
            3 => arp.target = self.v4_address(),
            _ => {}
        }
        self.frame = arp.frame();
        self.maybe_cut();
    }

    /// A flood of solicitations, most of them proper.
    fn neighbor(&mut self) {
        let target = self.v6_address();
        let mut asking = Solicitation::new(&self.cast.evil, target);
        match self.random.between(0, 9) {
            0 => asking.source = self.v6_address(),
            1 => asking.options.push(self.random.bits() as u8),
            2 => asking.options.clear(),
            _ => {}
        }
        self.frame = asking.frame();
        if self.random.percent(10) {
            self.flip();
        }
        self.maybe_cut();
    }

    fn tagged(&mut self) {
        let ether_type = if self.random.percent(50) { 0x8100 } else { 0x88a8 };
        self.ethernet(ether_type);
        self.fill_some();
    }

    /// A frame of a known kind with a few bits turned over.
    fn mutant(&mut self) {
        let template = self.random.pick(&self.templates).cloned().unwrap_or_default();
        self.frame = template;
        for _ in 0..self.random.between(1, 3) {
            self.flip();
        }
        self.maybe_cut();
    }

    /// One of a known kind as it is, or now and then a lawful packet that no other is like.
    fn rarely_lawful(&mut self) {
        if self.random.percent(95) {
            self.frame = self.random.pick(&self.templates).cloned().unwrap_or_default();
            return;
        }
        let payload = udp(&self.random.bits().to_be_bytes());
        let Cast { evil, near, peer, .. } = self.cast;
        let to = if self.random.percent(50) { near } else { peer };
        self.frame = if self.random.percent(50) {
            V4 { payload, ..V4::udp(&evil, to.v4) }.frame()
        } else {
            V6 { payload, ..V6::udp(&evil, to.v6) }.frame()
        };
    }

    fn flip(&mut self) {
        let bit = self.random.between(0, self.frame.len().min(90) * 8 - 1);
        self.frame[bit / 8] ^= 1 << (bit % 8);
    }

    fn maybe_cut(&mut self) {
        if self.random.percent(10) {
            let length = self.random.between(LENGTHS.0, self.frame.len());
            self.frame.truncate(length);
        }
    }
}
