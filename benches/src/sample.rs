//! The event and the listeners under test.
//!
//! A listener reads a field of a 48-byte event, adds a number it has captured, and hides the sum from the optimiser. Listeners
//! in turn are of [`KINDS`] different closure types, as in a program where no two of them are the same.

use std::hint::black_box;

use eventbus::{Bus, Event};

/// The event: 48 bytes, built anew for each emit.
#[derive(Event, Clone, Copy, Debug)]
#[event(name = "bench.sample")]
pub(crate) struct Sample {
    pub(crate) fields: [u64; 6],
}

impl Sample {
    #[inline]
    pub(crate) fn new(number: u64) -> Self {
        Self { fields: [number, number, 3, 4, 5, 6] }
    }
}

/// How many closure types there are.
const KINDS: usize = 8;

fn listener<const KIND: usize>(captured: u64) -> impl Fn(&Sample) + Clone + Send + Sync + 'static {
    move |sample| _ = black_box(sample.fields[KIND % 6].wrapping_add(captured + KIND as u64))
}

/// What a sample is brought to: each contender has its own.
pub(crate) trait Listeners {
    fn listen(&mut self, listener: impl Fn(&Sample) + Clone + Send + Sync + 'static);

    /// Registers so many listeners, of all kinds in turn.
    fn fill(mut self, count: usize) -> Self
    where
        Self: Sized,
    {
        for at in 0..count {
            let captured = black_box(at as u64);
            match at % KINDS {
                0 => self.listen(listener::<0>(captured)),
                1 => self.listen(listener::<1>(captured)),
                2 => self.listen(listener::<2>(captured)),
                3 => self.listen(listener::<3>(captured)),
                4 => self.listen(listener::<4>(captured)),
                5 => self.listen(listener::<5>(captured)),
                6 => self.listen(listener::<6>(captured)),
                _ => self.listen(listener::<7>(captured)),
            }
        }
        self
    }
}

/// The baseline: what nothing that calls closures one after the other can beat by much.
pub(crate) type Raw = Vec<Box<dyn Fn(&Sample) + Send + Sync>>;

impl Listeners for Raw {
    fn listen(&mut self, listener: impl Fn(&Sample) + Clone + Send + Sync + 'static) {
        self.push(Box::new(listener));
    }
}

/// The loop of the baseline.
#[inline]
pub(crate) fn call_all(raw: &Raw, sample: &Sample) {
    for listener in raw {
        listener(sample);
    }
}

impl Listeners for Bus {
    fn listen(&mut self, listener: impl Fn(&Sample) + Clone + Send + Sync + 'static) {
        self.on::<Sample>(listener);
    }
}
