//! Who is woken, and that no lock is alive while wakers and drops of users run (promise P2).

use std::{
    sync::{Arc, Mutex},
    task::{Wake, Waker},
};

use eventbus::{Bus, Event, EventStream};

use crate::{Tick, Woken, buffered, poll_next};

#[test]
fn an_event_wakes_the_reader_that_waits_once() {
    let bus = Bus::new();
    let mut ticks = bus.stream::<Tick>();
    let ((old, old_waker), (new, new_waker)) = (Woken::new(), Woken::new());
    assert!(poll_next(&mut ticks, &old_waker).is_pending());
    assert!(poll_next(&mut ticks, &new_waker).is_pending());
    bus.emit(Tick(1)).blocking();
    bus.emit(Tick(2)).blocking();
    assert_eq!((old.times(), new.times()), (0, 1), "the last one that waited, once");
    assert_eq!(buffered(&mut ticks), [Ok(1), Ok(2)]);
}

/// A waker that reads, emits and closes when it is woken.
struct Busy {
    bus: Bus,
    ticks: Mutex<Option<EventStream<Arc<Tick>>>>,
    seen: Mutex<Vec<Result<u64, u64>>>,
}

impl Wake for Busy {
    fn wake(self: Arc<Self>) {
        let Some(mut ticks) = self.ticks.lock().unwrap().take() else { return };
        self.bus.emit(Tick(2)).blocking();
        self.seen.lock().unwrap().extend(buffered(&mut ticks));
        ticks.close();
    }
}

#[test]
fn a_waker_may_do_anything_to_the_stream_that_wakes_it() {
    let bus = Bus::new();
    let mut ticks = bus.stream::<Tick>();
    let busy = Arc::new(Busy { bus: bus.clone(), ticks: Mutex::default(), seen: Mutex::default() });
    assert!(poll_next(&mut ticks, &Waker::from(Arc::clone(&busy))).is_pending());
    *busy.ticks.lock().unwrap() = Some(ticks);
    assert!(bus.emit(Tick(1)).blocking().is_ok());
    assert_eq!(*busy.seen.lock().unwrap(), [Ok(1), Ok(2)]);
    assert_eq!(bus.listener_count::<Tick>(), 0);
}

struct Angry;

impl Wake for Angry {
    fn wake(self: Arc<Self>) {
        panic!("woken");
    }
}

#[test]
fn a_waker_that_panics_costs_no_event() {
    let bus = Bus::new();
    let mut ticks = bus.stream::<Tick>();
    assert!(poll_next(&mut ticks, &Waker::from(Arc::new(Angry))).is_pending());
    assert!(bus.emit(Tick(1)).blocking().is_ok());
    assert_eq!(buffered(&mut ticks), [Ok(1)]);
}

/// An event whose drop looks at the bus and at a stream of its own kind.
#[derive(Event)]
struct Heavy(Bus);

impl Drop for Heavy {
    fn drop(&mut self) {
        assert!(self.0.stream::<Heavy>().try_recv().is_err());
        self.0.emit(Tick(0)).blocking();
    }
}

#[test]
fn events_that_make_room_or_are_left_are_dropped_outside_of_every_lock() {
    let bus = Bus::new();
    let mut ticks = bus.stream::<Tick>();
    let heavy = bus.stream::<Heavy>().capacity(1);
    for _ in 0..3 {
        assert!(bus.emit(Heavy(bus.clone())).blocking().is_ok());
    }
    assert_eq!(buffered(&mut ticks), [Ok(0), Ok(0)], "two made room");
    drop(heavy);
    assert_eq!(buffered(&mut ticks), [Ok(0)]);
}
