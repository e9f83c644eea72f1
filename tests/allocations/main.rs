//! What an emission allocates, once the bus is warm.

#![forbid(unsafe_code)]
#![cfg(feature = "derive")]

mod awaited;
mod blocking;
