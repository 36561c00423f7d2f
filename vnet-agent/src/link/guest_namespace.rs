//! Which namespace the other end of a veth pair stands in.
//!
//! The kernel names it by a number that only this namespace knows. To turn the number into something that can be entered,
//! every namespace that has a path is asked for its number: the named ones of `ip netns` and of containers' engines
//! first, then those of processes, each once.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use futures::StreamExt;
use rtnetlink::packet_core::{NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::nsid::{NsidAttribute, NsidMessage};

use super::{LinkError, Namespace};

/// Where named namespaces are bound.
const NAMED: [&str; 2] = ["/run/netns", "/run/docker/netns"];

/// A namespace that a path leads to.
#[derive(Debug)]
pub(super) struct FoundNamespace {
    pub(super) namespace: Namespace,
    path: PathBuf,
    is_own: bool,
}

impl FoundNamespace {
    /// The caller's own.
    pub(super) fn own() -> Result<Self, LinkError> {
        let namespace = Namespace::current()
            .map_err(|source| LinkError::Socket { purpose: "look at the guest's end", source })?;
        Ok(Self { namespace, path: PathBuf::from("/proc/self/ns/net"), is_own: true })
    }

    /// The shell words that run a command in it, with a space behind.
    pub(super) fn command_prefix(&self) -> String {
        match self.path.strip_prefix("/run/netns") {
            _ if self.is_own => String::new(),
            Ok(name) => format!("ip netns exec {} ", name.display()),
            Err(_) => format!("nsenter --net={} ", self.path.display()),
        }
    }
}

impl fmt::Display for FoundNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

/// The network namespaces that paths lead to, as they were at one time.
///
/// Whoever looks at many guests' ends looks for the namespaces once. They are kept as paths: open ones would take a file
/// descriptor each.
pub struct Namespaces {
    handle: rtnetlink::Handle,
    /// By the number that the caller's namespace knows each by.
    paths: HashMap<i32, PathBuf>,
}

impl fmt::Debug for Namespaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespaces").field("paths", &self.paths).finish_non_exhaustive()
    }
}

impl Namespaces {
    /// Asks every namespace that has a path, and may be opened, for its number.
    ///
    /// # Errors
    /// [`LinkError`]: netlink did not answer.
    pub async fn look() -> Result<Self, LinkError> {
        let (connection, mut handle, _) = rtnetlink::new_connection()
            .map_err(|source| LinkError::Socket { purpose: "find the guests' namespaces", source })?;
        tokio::spawn(connection);
        let (mut seen, mut paths) = (BTreeSet::new(), HashMap::new());
        for path in candidates() {
            // Not to be opened, gone meanwhile: not found by this path.
            let Ok(inode) = fs::metadata(&path) else { continue };
            let inode = (inode.dev(), inode.ino());
            if seen.contains(&inode) {
                continue;
            }
            let Ok(namespace) = Namespace::open(&path) else { continue };
            seen.insert(inode);
            if let Some(id) = number_of(&mut handle, &namespace).await? {
                paths.entry(id).or_insert(path);
            }
        }
        Ok(Self { handle, paths })
    }

    /// The namespace that the caller's namespace knows by `id`; none where no path led to it, or leads to it any more.
    pub(super) async fn open(&self, id: i32) -> Result<Option<FoundNamespace>, LinkError> {
        let Some(path) = self.paths.get(&id) else { return Ok(None) };
        let Ok(namespace) = Namespace::open(path) else { return Ok(None) };
        let is_it = number_of(&mut self.handle.clone(), &namespace).await? == Some(id);
        Ok(is_it.then(|| FoundNamespace { namespace, path: path.clone(), is_own: false }))
    }
}

fn candidates() -> impl Iterator<Item = PathBuf> {
    let entries = |directory: &Path| {
        fs::read_dir(directory).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
    };
    let is_process = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.as_encoded_bytes().iter().all(u8::is_ascii_digit))
    };
    let processes = entries(Path::new("/proc")).filter(is_process).map(|path| path.join("ns/net"));
    NAMED.into_iter().flat_map(move |directory| entries(Path::new(directory))).chain(processes)
}

/// The number by which the namespace of `handle` knows another; none where it has none, or the file is no namespace.
async fn number_of(handle: &mut rtnetlink::Handle, namespace: &Namespace) -> Result<Option<i32>, LinkError> {
    let mut message = NsidMessage::default();
    // A file descriptor is never negative.
    message.attributes = vec![NsidAttribute::Fd(namespace.as_raw_fd().unsigned_abs())];
    let mut request = NetlinkMessage::from(RouteNetlinkMessage::GetNsId(message));
    request.header.flags = NLM_F_REQUEST;
    let what = "number a network namespace";
    let mut answers = handle.request(request).map_err(LinkError::request(what))?;
    while let Some(answer) = answers.next().await {
        match answer.payload {
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewNsId(message)) => {
                return Ok(message.attributes.iter().find_map(|attribute| match attribute {
                    NsidAttribute::Id(id) if *id >= 0 => Some(*id),
                    _ => None,
                }));
            }
            NetlinkPayload::Error(_not_a_namespace) => return Ok(None),
            _ => {}
        }
    }
    Err(LinkError::Closed { what: what.into() })
}
