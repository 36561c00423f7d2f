//! Entry points.
#![no_std]
#![no_main]
