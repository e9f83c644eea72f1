//! `bus.stats()`: what is counted of emissions, listeners and groups is what has happened.

mod edits;
mod ends;
mod groups;
mod measured;
mod shown;
mod support;
mod threads;
mod ways;
