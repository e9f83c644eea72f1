//! Redis Streams as the transport of `eventbus`.

#![forbid(unsafe_code)]

mod background;
mod builder;
mod entry;
mod error;
mod groups;
mod lease;
mod letters;
mod link;
mod names;
mod publish;
mod reader;
mod reply;
mod script;
mod settle;
mod shared;
mod source;
mod transport;

pub use builder::RedisStreamsBuilder;
pub use error::ConnectError;
pub use transport::RedisStreams;
