//! A newer build of the agent, for tests of upgrades: a binary or package with another XDP program in it.
//!
//! The program differs in one instruction, which does the same in another way: a register is set to zero by the instruction for
//! 32 bits, which clears the rest, and no longer by the one for 64 bits. So the other program can take over the tables of the
//! one before, as that of a newer build can whose tables have the same layout, and the kernel knows it by another tag.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use object::{Endianness, Object as _, ObjectSection as _, read::elf::ElfFile64};

/// The section of the program in its object. That of the programs of `bench`, which the binary holds too, has another name.
const SECTION: &str = "xdp.frags";

/// `EM_BPF` of the ELF header, little-endian, and where it stands there.
const MACHINE: (usize, [u8; 2]) = (18, [247, 0]);

/// The instruction `rN = 0`, without its second byte, N.
const SET_64: [u8; 8] = [0xb7, 0, 0, 0, 0, 0, 0, 0];

/// The operation code of the same for 32 bits.
const SET_32: u8 = 0xb4;

/// Copies the agent's binary with another program in it.
///
/// # Panics
/// Where it holds no program, or cannot be read or written; likewise below.
pub fn build(binary: &Path, newer: &Path) {
    let mut bytes = fs::read(binary).expect("the binary can be read");
    let at = instruction(&bytes).expect("the binary holds the XDP program");
    bytes[at] = SET_32;
    fs::copy(binary, newer).expect("the binary can be copied");
    fs::write(newer, bytes).expect("the copy can be written");
}

/// Makes the next revision of the agent's package in `directory`, with another program in its binary.
#[must_use]
pub fn package(package: &Path, directory: &Path) -> PathBuf {
    let (tree, newer) = (directory.join("tree"), directory.join("newer.deb"));
    deb(&["--raw-extract".as_ref(), package, &tree]);
    let (binary, control) = (tree.join("usr/bin/vnet-agent"), tree.join("DEBIAN/control"));
    let changed = directory.join("changed");
    build(&binary, &changed);
    fs::rename(changed, binary).expect("the binary can be replaced");
    let text = fs::read_to_string(&control).expect("the control file can be read");
    let version = |line: &str| match line.strip_prefix("Version: ") {
        Some(version) => format!("Version: {version}.1\n"),
        None => format!("{line}\n"),
    };
    fs::write(control, text.lines().map(version).collect::<String>())
        .expect("the control file can be written");
    deb(&["-Znone".as_ref(), "--root-owner-group".as_ref(), "--build".as_ref(), &tree, &newer]);
    newer
}

fn deb(arguments: &[&Path]) {
    let output = Command::new("dpkg-deb").args(arguments).output().expect("dpkg is installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "dpkg-deb {arguments:?} failed: {errors}");
}

/// Where the program's first `rN = 0` stands in a binary that holds its object.
fn instruction(binary: &[u8]) -> Option<usize> {
    let (machine_at, machine) = MACHINE;
    let is_object = |bytes: &[u8]| {
        bytes.starts_with(b"\x7fELF") && bytes.get(machine_at..machine_at + 2) == Some(&machine[..])
    };
    // The object stands aligned in the binary.
    let mut starts = (0..binary.len()).step_by(8).filter(|at| is_object(&binary[*at..]));
    starts.find_map(|start| {
        let object = ElfFile64::<Endianness>::parse(&binary[start..]).ok()?;
        let (offset, size) = object.section_by_name(SECTION)?.file_range()?;
        let (offset, size) = (usize::try_from(offset).ok()?, usize::try_from(size).ok()?);
        let section = start + offset;
        let code = binary.get(section..section + size)?;
        let sets_zero = |code: &[u8]| code[0] == SET_64[0] && code[1] <= 9 && code[2..] == SET_64[2..];
        // An instruction of two halves has its operation code in the first one, and an immediate in the second.
        code.chunks_exact(8).position(sets_zero).map(|index| section + 8 * index)
    })
}
