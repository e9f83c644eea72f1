//! Tests of the scheduler.

use std::{
    pin::Pin,
    task::{Context, Waker},
    time::Duration,
};

use super::*;
use crate::transport::{LeaseId, Message};

fn leased(count: usize) -> Vec<Leased> {
    (0..count).map(|_| Leased::new(Message::malformed("", b""), LeaseId::NONE)).collect()
}

#[test]
fn a_delivery_behind_its_key_is_active_once_the_key_is_released() {
    let scheduler = Scheduler::new();
    let mut batch = leased(4);
    scheduler.admit(&mut batch, |_| Some(7));
    assert_eq!((batch.len(), scheduler.active()), (1, 1));
    for active in 2..=4 {
        scheduler.release(7);
        assert_eq!(scheduler.active(), active);
    }
}

#[test]
fn what_is_behind_a_key_goes_to_the_caller_that_frees_it_one_by_one_until_the_key_is_free() {
    let scheduler = Scheduler::new();
    let mut batch = leased(3);
    scheduler.admit(&mut batch, |_| Some(7));
    let next = || scheduler.next_of(7).map(|leased| leased.number());
    assert_eq!((next(), next(), next()), (Some(2), Some(3), None));
    scheduler.admit(&mut leased(1), |_| Some(7));
    assert_eq!(scheduler.active(), 4, "nothing is behind it");
}

#[test]
fn settling_the_last_delivery_wakes_those_that_wait_until_nothing_is_held() {
    let scheduler = Scheduler::new();
    scheduler.admit(&mut leased(2), |_| None);
    let mut idle = scheduler.idle();
    let mut is_woken = || Pin::new(&mut idle).poll(&mut Context::from_waker(Waker::noop())).is_ready();
    scheduler.settled(1);
    assert!(!is_woken());
    scheduler.settled(1);
    assert!(is_woken());
}

#[test]
fn a_consumer_is_idle_until_a_time_if_all_that_it_holds_is_due_later() {
    let scheduler = Scheduler::new();
    let (now, minute) = (Instant::now(), Duration::from_mins(1));
    let mut batch = leased(3);
    scheduler.admit(&mut batch, |_| None);
    for (leased, due) in batch.drain(..2).zip([now + 10 * minute, now + 30 * minute]) {
        scheduler.delay(leased, due);
    }
    assert!(!scheduler.is_idle(Some(now + 5 * minute)), "one is being handled");
    scheduler.settled(1);
    assert!(scheduler.is_idle(Some(now + 5 * minute)));
    assert!(!scheduler.is_idle(Some(now + 20 * minute)), "one is due before");
    assert!(!scheduler.is_idle(None));
}

#[test]
fn suspects_are_taken_out_with_those_behind_their_keys() {
    let scheduler = Scheduler::new();
    let deliveries = [1, 3, 1, 3].into_iter();
    let mut batch: Vec<_> =
        leased(4).into_iter().zip(deliveries).map(|(one, count)| one.with_deliveries(count)).collect();
    let mut keys = [Some(7), Some(8), Some(8), None].into_iter();
    scheduler.admit(&mut batch, |_| keys.next().flatten());
    scheduler.add_ready(batch);
    let taken = scheduler.take_suspects();
    assert!(taken.iter().map(|(one, _)| one.number()).eq([2, 3, 4]), "the third is behind the second");
    scheduler.settled(taken.len());
    let mut left = Vec::new();
    assert!(scheduler.take(9, 1, &mut left));
    assert!(left.iter().map(Leased::number).eq([1]) && scheduler.active() == 1);
}

#[test]
fn what_waits_behind_its_key_and_what_waits_for_its_time_fill_a_consumer_together() {
    let scheduler = Scheduler::new();
    let mut batch = leased(MAX_HELD + 1);
    let mut number = 0;
    scheduler.admit(&mut batch, |_| {
        number += 1;
        (number > 1).then_some(7)
    });
    // One without a key, one that has the key, and all others behind it.
    assert_eq!(batch.len(), 2);
    assert!(!scheduler.is_full());
    scheduler.delay(batch.remove(0), Instant::now() + Duration::from_mins(1));
    assert!(scheduler.is_full());
    scheduler.release(7);
    assert!(!scheduler.is_full());
}

#[test]
fn the_end_of_the_last_read_wakes_those_that_wait_until_nothing_is_held() {
    let scheduler = Scheduler::new();
    let mut idle = scheduler.idle();
    let mut is_woken = || Pin::new(&mut idle).poll(&mut Context::from_waker(Waker::noop())).is_ready();
    let (one, other) = (scheduler.leasing(), scheduler.leasing());
    assert!(!scheduler.is_idle(None));
    drop(one);
    assert!(!is_woken() && !scheduler.is_idle(None));
    drop(other);
    assert!(is_woken() && scheduler.is_idle(None));
}
