//! Compiles the XDP program for the BPF target and leaves the object in `OUT_DIR`.

#[path = "../xtask/src/toolchain.rs"]
mod toolchain;

use anyhow::bail;
use aya_build::Toolchain;
use toolchain::BpfToolchain;

fn main() -> anyhow::Result<()> {
    println!("cargo:rerun-if-changed=../vnet-common/src");
    println!("cargo:rerun-if-changed=../xtask/src/toolchain.rs");
    let Some(found) = BpfToolchain::find().filter(|_| toolchain::has_linker()) else {
        bail!("the toolchain for BPF programs is not complete on this machine: run `cargo xtask setup`");
    };
    let toolchain = match found {
        BpfToolchain::Nightly | BpfToolchain::System => Toolchain::Nightly,
        BpfToolchain::Linked => Toolchain::Custom(toolchain::LINKED),
    };
    // SAFETY: this program has one thread.
    unsafe {
        // Of the linked toolchain's unstable features, only aya-ebpf needs any. aya-build would ask for
        // `-Z build-std` where this is 1 or the package's name; that toolchain has a `core` of its own.
        if found != BpfToolchain::Nightly {
            std::env::set_var("RUSTC_BOOTSTRAP", "aya_ebpf");
        }
        // aya-build turns each line of the inner cargo into a warning.
        std::env::set_var("CARGO_TERM_QUIET", "true");
        // rustup says each time that the linked toolchain has no cargo of its own.
        std::env::set_var("RUSTUP_LOG", "error");
    }
    let program = aya_build::Package { name: "vnet-ebpf", root_dir: "../vnet-ebpf", ..Default::default() };
    aya_build::build_ebpf([program], toolchain)
}
