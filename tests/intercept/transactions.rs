//! Transactions: begun before, committed when all is well, else rolled back.

use std::future::pending;

use eventbus::{
    Bus, Event, Report,
    intercept::{Around, CallEnd, EmissionInfo, Intercepted, Interceptor},
    listener::ListenerInfo,
};
use futures_util::FutureExt;

use crate::support::{Log, hush};

#[derive(Event)]
struct OrderPaid {
    amount: i32,
}

/// One transaction for each emission, and a savepoint for each call.
struct Transactions(Log);

struct Open {
    log: Log,
    commit: &'static str,
    roll_back: &'static str,
}

impl Open {
    fn end(self, is_ok: bool) {
        self.log.add(if is_ok { self.commit } else { self.roll_back });
    }
}

impl Interceptor for Transactions {
    fn emission(&self, _: &EmissionInfo<'_>) -> Intercepted<Report> {
        self.0.add("begin");
        Ok(Some(Box::new(Open { log: self.0.clone(), commit: "commit", roll_back: "roll back" })))
    }

    fn call(&self, _: &EmissionInfo<'_>, _: &ListenerInfo) -> Intercepted<CallEnd> {
        self.0.add("savepoint");
        Ok(Some(Box::new(Open { log: self.0.clone(), commit: "release", roll_back: "roll back to savepoint" })))
    }
}

impl Around<Report> for Open {
    fn end(self: Box<Self>, report: &Report) {
        (*self).end(report.is_ok());
    }
}

impl Around<CallEnd> for Open {
    fn end(self: Box<Self>, call: &CallEnd) {
        (*self).end(call.is_ok());
    }
}

fn shop() -> (Bus, Log) {
    let log = Log::default();
    let bus = Bus::builder().intercept(Transactions(log.clone())).build();
    bus.on::<OrderPaid>(|e| {
        assert!(e.amount < 1000, "boom");
        if e.amount > 0 { Ok(()) } else { Err("nothing was paid") }
    });
    (bus, log)
}

#[test]
fn it_is_committed_when_all_is_well() {
    let (bus, log) = shop();
    assert!(bus.emit(OrderPaid { amount: 7 }).blocking().is_ok());
    assert_eq!(log.take(), ["begin", "savepoint", "release", "commit"]);
}

#[test]
fn it_is_rolled_back_after_a_failure_and_after_a_panic() {
    hush();
    let (bus, log) = shop();
    for amount in [0, 1000] {
        assert!(!bus.emit(OrderPaid { amount }).blocking().is_ok());
        assert_eq!(log.take(), ["begin", "savepoint", "roll back to savepoint", "roll back"]);
    }
}

#[test]
fn it_is_rolled_back_when_the_emission_is_dropped() {
    let (bus, log) = shop();
    bus.on_async::<OrderPaid>(|_| pending::<()>());
    assert!(bus.emit(OrderPaid { amount: 7 }).now_or_never().is_none());
    let all = ["begin", "savepoint", "release", "savepoint", "roll back to savepoint", "roll back"];
    assert_eq!(log.take(), all);
}
