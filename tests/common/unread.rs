//! A memory whose queue fills, since nobody reads it.

use eventbus::transport::{GroupSpec, Memory, Transport};

/// The memory with a group that wants everything, and that nobody reads.
pub(crate) fn unread(memory: Memory) -> Memory {
    let source = futures_executor::block_on(memory.subscribe(GroupSpec::new("unread")));
    drop(source.unwrap());
    memory
}
