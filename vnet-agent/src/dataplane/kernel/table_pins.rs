//! Program and maps in the pin directory, so that they can be looked into from outside (`bpftool map dump pinned ...`), and so
//! that the next agent finds the counters.
//!
//! A set of tables has a directory of its own there, `abi-VERSION-IDENTITY`, with one pin a map, by its name, and `program`.
//! It is filled under a name that starts with `part-` and then renamed, and renamed back before it is removed. So whatever has
//! its proper name is whole, however the agent that made it has ended; the parts are cleared away by the next one.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use aya::maps::Map;
use vnet_common::abi::ABI_VERSION;

use super::super::places::TablesId;
use super::{KernelTables, PinDirectory, PinError, sys};

/// The start of a complete set's name.
const SET: &str = "abi-";
/// The start of an incomplete set's name.
const PART: &str = "part-";
/// The name of the program's pin.
const PROGRAM: &str = "program";

/// What is pinned of a set of tables.
#[derive(Debug)]
pub(super) struct Pinnable {
    pub(super) program: OwnedFd,
    maps: Vec<(&'static str, OwnedFd)>,
}

impl Pinnable {
    pub(super) fn of(program: &impl AsFd) -> io::Result<Self> {
        Ok(Self { program: program.as_fd().try_clone_to_owned()?, maps: Vec::new() })
    }

    pub(super) fn add(&mut self, name: &'static str, map: &Map) -> io::Result<()> {
        let (Map::Array(data) | Map::HashMap(data) | Map::DevMap(data) | Map::PerCpuArray(data)) = map else {
            return Err(io::Error::other("it is a map of an unexpected kind"));
        };
        self.maps.push((name, data.fd().as_fd().try_clone_to_owned()?));
        Ok(())
    }

    /// Program and maps, each with the name of its pin.
    fn objects(&self) -> impl Iterator<Item = (&'static str, &OwnedFd)> {
        std::iter::once((PROGRAM, &self.program)).chain(self.maps.iter().map(|(name, map)| (*name, map)))
    }
}

/// A complete set of tables that is pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PinnedTables {
    pub(super) abi: u32,
    pub(super) id: TablesId,
}

impl PinnedTables {
    fn name(&self) -> String {
        format!("{SET}{}-{}", self.abi, self.id)
    }

    fn parse(name: &str) -> Option<Self> {
        let (abi, id) = name.strip_prefix(SET)?.split_once('-')?;
        let found = Self { abi: abi.parse().ok()?, id: id.parse().ok()? };
        (found.name() == name).then_some(found)
    }
}

impl PinDirectory {
    /// The complete sets of tables.
    pub(super) fn tables(&self) -> Result<Vec<PinnedTables>, PinError> {
        let names = self.names()?;
        Ok(names.iter().filter_map(|name| PinnedTables::parse(name)).collect())
    }

    /// Where the program and maps of a set are pinned.
    pub(super) fn tables_path(&self, tables: &PinnedTables) -> PathBuf {
        self.path().join(tables.name())
    }

    /// Pins the program and the maps of a set, all or nothing.
    pub(super) fn pin_tables(&self, tables: &KernelTables) -> Result<(), PinError> {
        self.restore()?;
        let pinned = PinnedTables { abi: ABI_VERSION, id: tables.id };
        let part = self.path().join(format!("{PART}{}", tables.id));
        let path = self.tables_path(&pinned);
        // What somebody has taken pins out of is made anew as a whole.
        remove(&part)?;
        discard(&path)?;
        fs::DirBuilder::new().mode(0o700).create(&part).map_err(failed(&part))?;
        for (name, object) in tables.pinnable.objects() {
            let at = part.join(name);
            sys::pin(object, &at).map_err(|source| PinError::Pin { path: at, source: Box::new(source) })?;
        }
        fs::rename(&part, &path).map_err(failed(&path))
    }

    /// Whether the program and all maps of a set are pinned.
    pub(super) fn has_tables(&self, tables: &KernelTables) -> bool {
        let path = self.tables_path(&PinnedTables { abi: ABI_VERSION, id: tables.id });
        tables.pinnable.objects().all(|(name, _)| path.join(name).exists())
    }

    /// Removes the pins of all tables but those that `keep` names, and of those that are not complete.
    pub(super) fn unpin_tables(&self, keep: impl Fn(&PinnedTables) -> bool) -> Result<(), PinError> {
        for name in self.names()? {
            let path = self.path().join(&name);
            if name.starts_with(PART) {
                remove(&path)?;
                continue;
            }
            match PinnedTables::parse(&name) {
                Some(found) if keep(&found) => {}
                Some(_) => discard(&path)?,
                None if name.starts_with(SET) => {
                    tracing::warn!(path = %path.display(), "removed from the pin directory: it is no set of tables");
                    discard(&path)?;
                }
                None => {}
            }
        }
        Ok(())
    }
}

/// Removes a complete set: from the first moment on it is none.
fn discard(path: &Path) -> Result<(), PinError> {
    let Some(name) = path.file_name() else { return Ok(()) };
    let mut part = std::ffi::OsString::from(PART);
    part.push(name);
    let part = path.with_file_name(part);
    remove(&part)?;
    match fs::rename(path, &part) {
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(failed(path)(source)),
        Ok(()) => remove(&part),
    }
}

/// Removes whatever is there.
pub(super) fn remove(path: &Path) -> Result<(), PinError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(failed(path)(source)),
        _ => Ok(()),
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> PinError {
    let path = path.to_owned();
    move |source| PinError::Directory { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sets_are_told_from_everything_else() {
        let id: TablesId = "00c0ffee00c0ffee".parse().unwrap();
        let found = PinnedTables { abi: 7, id };
        assert_eq!(found.name(), "abi-7-00c0ffee00c0ffee");
        assert_eq!(PinnedTables::parse(&found.name()), Some(found));
        for other in [
            "link-7",
            "part-00c0ffee00c0ffee",
            "abi-1",
            "abi-1-",
            "abi-x-ff",
            "abi-1-ff",
            "abi-01-00c0ffee00c0ffee",
        ] {
            assert_eq!(PinnedTables::parse(other), None, "{other}");
        }
    }
}
