//! Warnings: what may be a mistake, as [`BusBuilder::on_warning`](crate::BusBuilder::on_warning) hears it.

pub use eventbus_core::Warning;
