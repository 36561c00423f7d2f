//! Compiles the XDP program for the BPF target and leaves the object in `OUT_DIR`.
fn main() -> anyhow::Result<()> {
    // aya-build asks for `-Z build-std` when this is 1 or the package's name; the linked toolchain has a prebuilt core.
    println!("cargo:rerun-if-changed=../vnet-common/src");
    // SAFETY: build scripts are single-threaded here.
    unsafe { std::env::set_var("RUSTC_BOOTSTRAP", "aya_ebpf") };
    aya_build::build_ebpf(
        [aya_build::Package { name: "vnet-ebpf", root_dir: "../vnet-ebpf", ..Default::default() }],
        aya_build::Toolchain::Custom("vnet-bpf"),
    )
}
