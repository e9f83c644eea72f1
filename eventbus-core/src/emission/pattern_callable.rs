//! The shapes of code that can listen by pattern; as [`SyncListener`](crate::SyncListener) and its like do by type.

use super::context::Context;
use crate::{
    call::AnyEvent,
    listener::{async_callable, callable},
};

callable! {
    /// Code that listens by pattern: `Fn(&AnyEvent)`.
    PatternListener[](&AnyEvent<'_>)
}
callable! {
    /// The same with state: `Fn(S, &AnyEvent)`, `S` cloned for each call.
    PatternStateListener[S](S, &AnyEvent<'_>)
}
callable! {
    /// Code that sees its emission: `Fn(&AnyEvent, &Context)`.
    PatternContextListener[](&AnyEvent<'_>, &Context)
}
callable! {
    /// The same with state: `Fn(S, &AnyEvent, &Context)`, `S` cloned for each call.
    PatternContextStateListener[S](S, &AnyEvent<'_>, &Context)
}
async_callable! {
    /// Code that listens by pattern and waits: `Fn(AnyEvent) -> Future`.
    AsyncPatternListener[](AnyEvent<'static>)
}
async_callable! {
    /// The same with state: `Fn(S, AnyEvent) -> Future`, `S` cloned for each call.
    AsyncPatternStateListener[S](S, AnyEvent<'static>)
}
async_callable! {
    /// Code that waits and sees its emission: `Fn(AnyEvent, Context) -> Future`.
    AsyncPatternContextListener[](AnyEvent<'static>, Context)
}
async_callable! {
    /// The same with state: `Fn(S, AnyEvent, Context) -> Future`, `S` cloned for each call.
    AsyncPatternContextStateListener[S](S, AnyEvent<'static>, Context)
}
