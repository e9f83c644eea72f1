//! The order that a transport keeps.

/// How far a transport keeps the order of publishing within a key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
#[non_exhaustive]
pub enum Ordering {
    /// Not at all.
    #[default]
    None,
    /// Among the workers of one process: several processes of a group may mix the messages of a key.
    Process,
    /// Among all processes of a group.
    Group,
}
