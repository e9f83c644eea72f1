//! The parser of times in attributes: `250ms`, `2s`, `5m`, `1h`.

const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// The time in milliseconds, or the error message with the fix.
pub(super) fn millis(text: &str) -> Result<u64, String> {
    let digits = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    let millis = match (number.parse::<u64>(), factor) {
        (Ok(number), Some(factor)) => number.checked_mul(factor),
        (Ok(number), None) if unit.is_empty() => return Err(format!("a time has a unit: write `\"{number}s\"`")),
        (Err(_), Some(_)) if !number.is_empty() => None,
        _ => {
            return Err(
                "a time is a whole number with one of the units `ms`, `s`, `m`, `h`: write `\"1500ms\"`, or an \
                        expression of type `Duration`"
                    .to_owned(),
            );
        }
    };
    match millis {
        Some(0) => Err("in no time nothing can be done: write `\"2s\"`, or leave `timeout` out".to_owned()),
        Some(millis) => Ok(millis),
        None => Err("this is longer than a `Duration` can be: leave `timeout` out".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_whole_number_with_a_unit() {
        assert_eq!(millis("250ms"), Ok(250));
        assert_eq!(millis("2s"), Ok(2_000));
        assert_eq!(millis("5m"), Ok(300_000));
        assert_eq!(millis("1h"), Ok(3_600_000));
    }

    #[test]
    fn what_is_no_time_is_answered_with_one() {
        for (text, fix) in [
            ("2", "\"2s\""),
            ("1.5s", "1500ms"),
            ("2 s", "1500ms"),
            ("", "1500ms"),
            ("s", "1500ms"),
            ("-1s", "1500ms"),
            ("2d", "1500ms"),
            ("0s", "leave `timeout` out"),
            ("99999999999999999999s", "leave `timeout` out"),
            ("18446744073709551615h", "leave `timeout` out"),
        ] {
            assert!(millis(text).unwrap_err().contains(fix), "{text}");
        }
    }
}
