//! Fuzzes the names.

#![no_main]
#![allow(dead_code, reason = "each target runs one body")]

#[path = "../../tests/named/fuzz_bodies.rs"]
mod fuzz_bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_bodies::names(bytes));
