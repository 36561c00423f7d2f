//! The XDP program: entry points alone. What it decides is `vnet_common::forward`, the same code as in a host test.
#![no_std]
#![no_main]

mod maps;
mod packet;

use aya_ebpf::{bindings::xdp_action, macros::xdp, programs::XdpContext};
use maps::KernelTables;
use packet::Packet;
use vnet_common::forward::{self, Action, Answer, Delivery, Outcome};
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
        Action::Answer(answer) => reply(&mut packet, &outcome, answer),
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

/// The answer goes back by a redirect to where the frame came from, not by `XDP_TX`: that wakes the other end of a veth
/// only where a program is attached there too, and otherwise leaves the answer in its ring until some other frame
/// comes (drivers/net/veth.c, `veth_xdp_flush`). A guest would wait for its first ARP reply for good.
#[inline(always)]
fn reply(packet: &mut Packet, outcome: &Outcome, answer: Answer) -> u32 {
    if !forward::answer::write(packet, answer) {
        return drop(outcome.sender_counter, DropReason::FrameTooShort);
    }
    if !maps::redirect(outcome.sender) {
        return drop(outcome.sender_counter, DropReason::DeviceGone);
    }
    maps::count_answer(outcome.sender_counter);
    xdp_action::XDP_REDIRECT
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
