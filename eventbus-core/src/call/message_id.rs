//! Message identifiers (UUID version 7).

use std::{fmt, time::SystemTime};

use uuid::Uuid;

use crate::interleave;

/// The identity of a published event: a UUID of version 7 ([RFC 9562]), so that ids sort by the time of publishing.
///
/// It is unique, not secret: whoever has seen some ids may guess others.
///
/// [RFC 9562]: https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(Uuid);

impl MessageId {
    /// A new id, of this moment.
    #[expect(clippy::new_without_default, reason = "no two are the same")]
    pub fn new() -> Self {
        Self::at_millis(nanos(interleave::system_time()) / 1_000_000)
    }

    /// A new id, of about this moment.
    #[inline]
    pub(crate) fn coarse() -> Self {
        Self::at_millis(coarse_millis())
    }

    /// A new id. `time` is in milliseconds since 1970.
    #[inline]
    pub(crate) fn at_millis(time: u64) -> Self {
        // 48 bits of milliseconds, the version, 12 random bits; the variant, 62 random bits (RFC 9562, section 5.7).
        let fixed = u128::from(time) << 80 | 0x7000 << 64 | 0b10 << 62;
        let random = fastrand::u128(..) & (0x0fff << 64 | u128::MAX >> 66);
        Self(Uuid::from_u128(fixed | random))
    }

    /// The time that an id of this process tells, in nanoseconds since 1970, to the millisecond.
    pub(crate) fn nanos(self) -> u64 {
        (self.0.as_u64_pair().0 >> 16).saturating_mul(1_000_000)
    }

    /// How many bytes it has as text.
    #[cfg(feature = "serde")]
    pub(crate) const LENGTH: usize = uuid::fmt::Hyphenated::LENGTH;

    /// The id as a number: the 128 bits of the UUID.
    pub const fn as_u128(self) -> u128 {
        self.0.as_u128()
    }

    /// The id with these 128 bits.
    pub const fn from_u128(bits: u128) -> Self {
        Self(Uuid::from_u128(bits))
    }

    /// Reads an id. Other programs may have ids of other forms: of those this is made of a hash, so that it is the same for ever.
    #[cfg(feature = "serde")]
    pub(crate) fn of_text(text: &str) -> Self {
        // FNV-1a, which is the same in every version and on every machine: std's hashers need not be.
        const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        Self(Uuid::try_parse(text).unwrap_or_else(|_| {
            let hash = text.bytes().fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
            uuid::Builder::from_custom_bytes(hash.to_be_bytes()).into_uuid()
        }))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Nanoseconds since 1970. Times before 1970 and after 2554 are taken for those.
pub(crate) fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The time of day in milliseconds since 1970, as exact as the clock that is cheap to read: to a few milliseconds on Linux, where
/// the exact one would cost a tenth of what publishing costs.
#[cfg(target_os = "linux")]
#[inline]
fn coarse_millis() -> u64 {
    if interleave::is_on() {
        return nanos(interleave::system_time()) / 1_000_000;
    }
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1000 + u64::try_from(now.tv_nsec / 1_000_000).unwrap_or(0)
}

#[cfg(not(target_os = "linux"))]
fn coarse_millis() -> u64 {
    nanos(interleave::system_time()) / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_the_time_of_day_whichever_clock_it_was_made_by() {
        // The coarse clock is behind by a few milliseconds.
        let earliest = nanos(SystemTime::now()) - 1_000_000_000;
        for id in [MessageId::new(), MessageId::coarse()] {
            assert!((earliest..=nanos(SystemTime::now())).contains(&id.nanos()), "{id}");
        }
    }
}
