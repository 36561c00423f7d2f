//! The XDP program: entry points alone. What it decides is `vnet_common::forward`, the same code as in a host test.
#![no_std]
#![no_main]

mod maps;
mod packet;

use aya_ebpf::{bindings::xdp_action, macros::xdp, programs::XdpContext};
use maps::KernelTables;
use packet::Packet;
use vnet_common::forward::{self, Action, Answer, Delivery};
use vnet_common::verdict::DropReason;

/// Every frame that a port's interface receives. Nothing is ever passed to the host's own stack.
#[xdp(frags)]
fn vnet(context: XdpContext) -> u32 {
    let mut packet = Packet::new(context.ctx);
    let outcome = forward::decide(&KernelTables, &packet, packet.ingress_ifindex());
    let sender = outcome.sender_counter;
    match outcome.action {
        Action::Deliver(delivery) => deliver(&mut packet, sender, &delivery),
        Action::Drop(reason) => drop(sender, reason),
        Action::Answer(answer) => reply(&mut packet, sender, answer),
    }
}

#[inline(always)]
fn deliver(packet: &mut Packet, sender: u32, delivery: &Delivery) -> u32 {
    if !forward::rewrite(packet, delivery.mac) {
        return drop(sender, DropReason::FrameTooShort);
    }
    if !maps::redirect(delivery.port) {
        return drop(sender, DropReason::DeviceGone);
    }
    maps::count_delivery(sender, delivery);
    xdp_action::XDP_REDIRECT
}

#[inline(always)]
fn drop(sender: u32, reason: DropReason) -> u32 {
    maps::count_drop(sender, reason);
    xdp_action::XDP_DROP
}

/// Apart from the usual path, so that its code and its stack are not in the way there.
#[inline(always)]
fn reply(packet: &mut Packet, sender: u32, answer: Answer) -> u32 {
    if !forward::answer::write(packet, answer) {
        return drop(sender, DropReason::FrameTooShort);
    }
    maps::count_answer(sender);
    packet.send_back()
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
