//! The arguments of a program: `name=value`.

use std::{collections::HashMap, str::FromStr, time::Duration};

/// What a program was started with.
#[derive(Debug)]
pub struct Options(HashMap<String, String>);

impl Options {
    /// Those of this process.
    pub fn of_this_process() -> Self {
        let pairs = std::env::args().skip(1);
        Self(pairs.filter_map(|pair| pair.split_once('=').map(|(name, value)| (name.into(), value.into()))).collect())
    }

    /// A text.
    ///
    /// # Panics
    ///
    /// If it is missing.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("the option `{name}` is missing"))
    }

    /// A number, or `default` if it is missing.
    ///
    /// # Panics
    ///
    /// If it is no number.
    pub fn number<N: FromStr>(&self, name: &str, default: N) -> N {
        let parsed = self.0.get(name).map(|text| text.parse());
        parsed.unwrap_or(Ok(default)).unwrap_or_else(|_| panic!("the option `{name}` is no number"))
    }

    /// A time in milliseconds.
    ///
    /// # Panics
    ///
    /// If it is no number.
    pub fn millis(&self, name: &str, default: u64) -> Duration {
        Duration::from_millis(self.number(name, default))
    }
}
