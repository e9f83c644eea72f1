//! Emitting: what surrounds [`Emit`](crate::Emit) and [`Report`](crate::Report), which are at the root of the crate.

pub use eventbus_core::{Chain, EmissionId, EmitAny, EmitHandle, InFlight, InsideEmission, NotRun};
