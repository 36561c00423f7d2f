//! An option for bpf-linker: packet fields that are not aligned are loaded in one instruction, not byte by byte. The
//! kernel allows it wherever the processor does.
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg=--cpu-features=+allows-misaligned-mem-access");
}
