//! The shapes of code that can listen by name; as [`SyncListener`](crate::SyncListener) and its like do by type.

use super::context::Context;
use crate::{
    call::AnyEvent,
    listener::{async_callable, callable},
};

callable! {
    /// Code that listens by name: `Fn(&AnyEvent)`.
    NameListener[](&AnyEvent<'_>)
}
callable! {
    /// The same with state: `Fn(S, &AnyEvent)`, `S` cloned for each call.
    NameStateListener[S](S, &AnyEvent<'_>)
}
callable! {
    /// Code that sees its emission: `Fn(&AnyEvent, &Context)`.
    NameContextListener[](&AnyEvent<'_>, &Context)
}
callable! {
    /// The same with state: `Fn(S, &AnyEvent, &Context)`, `S` cloned for each call.
    NameContextStateListener[S](S, &AnyEvent<'_>, &Context)
}
async_callable! {
    /// Code that listens by name and waits: `Fn(AnyEvent) -> Future`.
    AsyncNameListener[](AnyEvent<'static>)
}
async_callable! {
    /// The same with state: `Fn(S, AnyEvent) -> Future`, `S` cloned for each call.
    AsyncNameStateListener[S](S, AnyEvent<'static>)
}
async_callable! {
    /// Code that waits and sees its emission: `Fn(AnyEvent, Context) -> Future`.
    AsyncNameContextListener[](AnyEvent<'static>, Context)
}
async_callable! {
    /// The same with state: `Fn(S, AnyEvent, Context) -> Future`, `S` cloned for each call.
    AsyncNameContextStateListener[S](S, AnyEvent<'static>, Context)
}
