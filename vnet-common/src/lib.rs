//! What the kernel program and user space share.
#![no_std]
