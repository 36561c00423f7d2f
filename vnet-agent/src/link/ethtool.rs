//! The ethtool family of generic netlink: device features and queue counts.
//!
//! The ioctl of old would need `unsafe`, and names interfaces instead of numbering them. No crate sets features, so the
//! few messages needed are put together here (Documentation/networking/ethtool-netlink.rst; numbers from
//! include/uapi/linux/ethtool_netlink.h).

use std::collections::BTreeSet;
use std::io;

use netlink_packet_generic::ctrl::nlas::GenlCtrlAttrs;
use netlink_packet_generic::ctrl::{GenlCtrl, GenlCtrlCmd};
use netlink_packet_generic::{GenlFamily, GenlHeader, GenlMessage};
use rtnetlink::packet_core::{
    DecodeError, DefaultNla, Emitable, NLA_F_NESTED, NLM_F_ACK, NLM_F_REQUEST, NLMSG_ALIGNTO,
    NetlinkDeserializable, NetlinkMessage, NetlinkPayload, NetlinkSerializable, Nla, NlasIterator,
    ParseableParametrized,
};
use rtnetlink::sys::{Socket, SocketAddr, protocols::NETLINK_GENERIC};

use super::LinkError;

const FAMILY: &str = "ethtool";
const VERSION: u8 = 1;

const MSG_FEATURES_GET: u8 = 11;
const MSG_FEATURES_SET: u8 = 12;
const MSG_CHANNELS_GET: u8 = 17;

const HEADER_DEV_INDEX: u16 = 1;
/// The first attribute of every message of the family.
const MESSAGE_HEADER: u16 = 1;
const FEATURES_WANTED: u16 = 3;
const FEATURES_ACTIVE: u16 = 4;
const CHANNELS_RX_COUNT: u16 = 6;
const CHANNELS_TX_COUNT: u16 = 7;
const CHANNELS_COMBINED_COUNT: u16 = 9;

const BITSET_BITS: u16 = 3;
const BITSET_BITS_BIT: u16 = 1;
const BIT_NAME: u16 = 2;
const BIT_VALUE: u16 = 3;

/// A socket of the ethtool family, in the namespace of the thread that opened it.
///
/// It blocks, but the kernel answers within the call that sends: nothing is ever waited for.
#[derive(Debug)]
pub(super) struct Ethtool {
    socket: Socket,
    family: u16,
    sequence: u32,
}

/// How many queues are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueCounts {
    /// Receive queues.
    pub rx: u32,
    /// Transmit queues.
    pub tx: u32,
}

impl Ethtool {
    /// Opens a socket in the namespace of the calling thread.
    pub(super) fn open() -> Result<Self, LinkError> {
        let open = || -> io::Result<_> {
            let mut socket = Socket::new(NETLINK_GENERIC)?;
            socket.bind_auto()?;
            socket.connect(&SocketAddr::new(0, 0))?;
            Ok(socket)
        };
        let socket = open().map_err(|source| LinkError::Socket { purpose: "read offloads", source })?;
        let mut ethtool = Self { socket, family: 0, sequence: 0 };
        let nlas = vec![GenlCtrlAttrs::FamilyName(FAMILY.into())];
        let request = GenlMessage::from_payload(GenlCtrl { cmd: GenlCtrlCmd::GetFamily, nlas });
        let what = "name the generic netlink family ethtool (Linux 5.6 or newer has it)";
        let answers = ethtool.exchange(request, what)?;
        let id = answers.iter().flat_map(|answer| &answer.payload.nlas).find_map(|nla| match nla {
            GenlCtrlAttrs::FamilyId(id) => Some(*id),
            _ => None,
        });
        ethtool.family =
            id.ok_or_else(|| LinkError::Answer { what: what.into(), fault: "no family number".into() })?;
        Ok(ethtool)
    }

    /// The names of the features that are on.
    pub(super) fn active_features(&mut self, ifindex: u32) -> Result<BTreeSet<String>, LinkError> {
        let what = format!("read the features of interface {ifindex}");
        let answers = self.call(MSG_FEATURES_GET, vec![header(ifindex)], &what)?;
        let unreadable =
            |fault: DecodeError| LinkError::Answer { what: what.clone(), fault: fault.to_string() };
        let bits = answers.iter().find(|nla| nla.kind() == FEATURES_ACTIVE).map(value);
        let bits = bits.ok_or_else(|| unreadable("no active features".into()))?;
        bit_names(&bits).map_err(unreadable)
    }

    /// Switches features on or off. Whether the driver followed is not said: read them back.
    pub(super) fn set_features(&mut self, ifindex: u32, wanted: &[(&str, bool)]) -> Result<(), LinkError> {
        let what = format!("set the features of interface {ifindex}");
        let bits = wanted.iter().map(|(name, is_on)| {
            let mut bit = vec![DefaultNla::new(BIT_NAME, [name.as_bytes(), &[0]].concat())];
            if *is_on {
                bit.push(DefaultNla::new(BIT_VALUE, Vec::new()));
            }
            nested(BITSET_BITS_BIT, &bit)
        });
        let bits = nested(BITSET_BITS, &bits.collect::<Vec<_>>());
        let attributes = vec![header(ifindex), nested(FEATURES_WANTED, &[bits])];
        self.call(MSG_FEATURES_SET, attributes, &what).map(drop)
    }

    /// How many queues are in use; the number that a device was made with may be larger.
    pub(super) fn queues(&mut self, ifindex: u32) -> Result<QueueCounts, LinkError> {
        let what = format!("count the queues of interface {ifindex}");
        let answers = self.call(MSG_CHANNELS_GET, vec![header(ifindex)], &what)?;
        let count = |kind| {
            let nla = answers.iter().find(|nla| nla.kind() == kind)?;
            Some(u32::from_ne_bytes(value(nla).try_into().ok()?))
        };
        let combined = count(CHANNELS_COMBINED_COUNT).unwrap_or(0);
        let of = |kind| combined + count(kind).unwrap_or(0);
        Ok(QueueCounts { rx: of(CHANNELS_RX_COUNT), tx: of(CHANNELS_TX_COUNT) })
    }

    fn call(
        &mut self,
        command: u8,
        attributes: Vec<DefaultNla>,
        what: &str,
    ) -> Result<Vec<DefaultNla>, LinkError> {
        let request = GenlMessage::from_payload(Message { command, attributes });
        let answers = self.exchange(request, what)?;
        Ok(answers.into_iter().flat_map(|answer| answer.payload.attributes).collect())
    }

    /// Sends a request and takes the answers up to the acknowledgement.
    fn exchange<F>(
        &mut self,
        mut request: GenlMessage<F>,
        what: &str,
    ) -> Result<Vec<GenlMessage<F>>, LinkError>
    where
        F: GenlFamily + Emitable + ParseableParametrized<[u8], GenlHeader> + Clone + std::fmt::Debug,
        GenlMessage<F>: NetlinkSerializable + NetlinkDeserializable,
    {
        let refused = |source| LinkError::Refused { what: what.into(), source };
        self.sequence += 1;
        request.set_resolved_family_id(self.family);
        let mut message = NetlinkMessage::from(request);
        message.header.flags = NLM_F_REQUEST | NLM_F_ACK;
        message.header.sequence_number = self.sequence;
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.socket.send(&bytes, 0).map_err(refused)?;
        let mut answers = Vec::new();
        loop {
            let (bytes, _) = self.socket.recv_from_full().map_err(refused)?;
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let unreadable =
                    |fault: DecodeError| LinkError::Answer { what: what.into(), fault: fault.to_string() };
                let answer = NetlinkMessage::<GenlMessage<F>>::deserialize(rest).map_err(unreadable)?;
                let step = (answer.header.length as usize).next_multiple_of(usize::from(NLMSG_ALIGNTO));
                rest = rest.get(step..).unwrap_or_default();
                match answer.payload {
                    _ if answer.header.sequence_number != self.sequence => {}
                    NetlinkPayload::InnerMessage(answer) => answers.push(answer),
                    NetlinkPayload::Error(error) if error.code.is_some() => {
                        return Err(refused(error.to_io()));
                    }
                    NetlinkPayload::Error(_acknowledgement) => return Ok(answers),
                    _ => {}
                }
            }
        }
    }
}

/// A message of the family, its attributes not looked into.
#[derive(Clone, Debug)]
struct Message {
    command: u8,
    attributes: Vec<DefaultNla>,
}

impl GenlFamily for Message {
    fn family_name() -> &'static str {
        FAMILY
    }

    fn command(&self) -> u8 {
        self.command
    }

    fn version(&self) -> u8 {
        VERSION
    }
}

impl Emitable for Message {
    fn buffer_len(&self) -> usize {
        self.attributes.as_slice().buffer_len()
    }

    fn emit(&self, buffer: &mut [u8]) {
        self.attributes.as_slice().emit(buffer);
    }
}

impl ParseableParametrized<[u8], GenlHeader> for Message {
    fn parse_with_param(bytes: &[u8], header: GenlHeader) -> Result<Self, DecodeError> {
        Ok(Self { command: header.cmd, attributes: attributes(bytes)? })
    }
}

/// Attributes in a row, the marks for nesting taken off their kinds.
fn attributes(bytes: &[u8]) -> Result<Vec<DefaultNla>, DecodeError> {
    NlasIterator::new(bytes)
        .map(|nla| nla.map(|nla| DefaultNla::new(nla.kind(), nla.value().to_vec())))
        .collect()
}

fn value(nla: &DefaultNla) -> Vec<u8> {
    let mut bytes = vec![0; nla.value_len()];
    nla.emit_value(&mut bytes);
    bytes
}

fn nested(kind: u16, inner: &[DefaultNla]) -> DefaultNla {
    let mut bytes = vec![0; inner.buffer_len()];
    inner.emit(&mut bytes);
    DefaultNla::new(kind | NLA_F_NESTED, bytes)
}

fn header(ifindex: u32) -> DefaultNla {
    nested(MESSAGE_HEADER, &[DefaultNla::new(HEADER_DEV_INDEX, ifindex.to_ne_bytes().to_vec())])
}

/// The names in a bit set that lists what is set and nothing else.
fn bit_names(bitset: &[u8]) -> Result<BTreeSet<String>, DecodeError> {
    let mut names = BTreeSet::new();
    for bits in attributes(bitset)?.iter().filter(|nla| nla.kind() == BITSET_BITS) {
        for bit in attributes(&value(bits))? {
            for part in attributes(&value(&bit))?.iter().filter(|part| part.kind() == BIT_NAME) {
                let text = value(part);
                let text = text.strip_suffix(&[0]).unwrap_or(&text);
                names.insert(String::from_utf8_lossy(text).into_owned());
            }
        }
    }
    Ok(names)
}
