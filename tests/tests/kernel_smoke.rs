//! smoke
use vnet_agent::compile::plan::Capacity;
use vnet_agent::dataplane::kernel::KernelTables;
#[test]
fn loads() {
    let mut t = KernelTables::load(Capacity::default()).unwrap_or_else(|e| { let mut s: &dyn std::error::Error = &e; loop { println!("{s}"); match s.source() { Some(n) => s = n, None => break } } panic!() });
    println!("insns {}", t.verified_instructions().unwrap());
    let r = t.test_run(&[0u8; 64], 1, 1).unwrap();
    println!("{r:?}");
}
