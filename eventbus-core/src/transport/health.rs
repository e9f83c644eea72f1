//! Whether a transport works.

use std::time::SystemTime;

/// What a transport says of its own state.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct TransportHealth {
    /// Whether it is connected; `None` if it cannot tell.
    pub is_connected: Option<bool>,
    /// Its last error, without payloads and passwords.
    pub last_error: Option<String>,
    /// When it last sent or received something.
    pub last_progress: Option<SystemTime>,
}

impl TransportHealth {
    /// Connected, without an error.
    pub fn connected() -> Self {
        Self { is_connected: Some(true), ..Self::default() }
    }

    /// Not connected, and why.
    pub fn disconnected(error: impl Into<String>) -> Self {
        Self { is_connected: Some(false), last_error: Some(error.into()), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::TransportHealth;

    #[test]
    fn a_transport_says_whether_it_is_connected() {
        assert_eq!(TransportHealth::connected().is_connected, Some(true));
        assert_eq!(TransportHealth::disconnected("the line is dead").is_connected, Some(false));
        assert_eq!(TransportHealth::default().is_connected, None);
    }
}
