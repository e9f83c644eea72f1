//! The choices of order that no promise decides: which task runs next, which worker is woken.
//!
//! They are the natural ones, unless `testing::explore` runs on this thread: then a seed draws them. Without the feature
//! `testing` they are constants, and cost nothing.

#[cfg(not(feature = "testing"))]
mod natural;
#[cfg(feature = "testing")]
mod seeded;

#[cfg(not(feature = "testing"))]
pub(crate) use natural::{
    ends_run, gives_way, hold_back, is_on, move_one_to_end, point, shuffle, spawn, spawn_blocking, system_time, up_to,
};
#[cfg(feature = "testing")]
pub(crate) use seeded::{
    Rng, SeededSchedule, begin, ends_run, gives_way, hold_back, is_on, move_one_to_end, paced, point, shuffle, spawn,
    spawn_blocking, system_time, up_to,
};
