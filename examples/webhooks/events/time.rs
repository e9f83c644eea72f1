//! Points in time, as GitHub writes them.

use serde::{Deserialize, Deserializer, de::Error};

/// A point in time, in whole seconds since 1970.
///
/// GitHub writes RFC 3339, `2019-05-15T15:20:18Z`, in some payloads with milliseconds and an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp(i64);

impl Timestamp {
    /// The seconds from `start` to `self`, zero if the clocks of two machines disagree.
    pub(crate) fn seconds_since(self, start: Timestamp) -> u64 {
        u64::try_from(self.0.saturating_sub(start.0)).unwrap_or(0)
    }

    fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.split_once('T')?;
        let [year, month, day] = numbers(date, '-')?;
        let zone = time.find(['Z', '+', '-'])?;
        let (clock, offset) = time.split_at(zone);
        let [hours, minutes, seconds] = numbers(clock.split('.').next()?, ':')?;
        let offset = match offset.as_bytes() {
            b"Z" => 0,
            [sign, ..] => {
                let [hours, minutes] = numbers(&offset[1..], ':')?;
                (hours * 3600 + minutes * 60) * if *sign == b'-' { -1 } else { 1 }
            }
            [] => return None,
        };
        let plausible = (1..=12).contains(&month) && (1..=31).contains(&day) && hours < 24 && minutes < 60;
        plausible.then(|| Self(days(year, month, day) * 86_400 + hours * 3600 + minutes * 60 + seconds - offset))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is not a time such as 2019-05-15T15:20:18Z")))
    }
}

/// `N` numbers of at most four digits with `separator` between them.
fn numbers<const N: usize>(text: &str, separator: char) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for number in &mut numbers {
        let digits = parts.next().filter(|part| part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        *number = digits.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, with years that start in March so that the leap day is the
/// last of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}
