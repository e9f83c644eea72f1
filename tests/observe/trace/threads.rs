//! Nothing is missing and nothing is mixed up where several threads emit.

use std::collections::HashSet;

use eventbus::{
    Bus,
    trace::{Trace, Traced},
};

use super::support::{Numbered, Ping, Pong};

const THREADS: u32 = 4;
const EACH: u32 = 250;

fn emit_on_threads(records: usize) -> Trace {
    let bus = Bus::builder().trace(records).build();
    bus.listener::<Numbered>()
        .named("outer")
        .with_context()
        .on(|_, cx| cx.bus().emit(Ping).blocking().into_result().map(drop));
    bus.listener::<Ping>()
        .named("inner")
        .with_context()
        .on(|_, cx| cx.bus().emit(Pong).blocking().into_result().map(drop));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let bus = &bus;
            scope.spawn(move || {
                for number in 0..EACH {
                    assert!(bus.emit(Numbered(thread * EACH + number)).blocking().is_ok());
                }
            });
        }
    });
    bus.trace()
}

#[test]
fn every_emission_of_four_threads_is_there_below_its_own_cause() {
    let all = (THREADS * EACH) as usize;
    let trace = emit_on_threads(3 * all);
    assert_eq!((trace.fallen(), trace.roots().count(), trace.nodes().count()), (0, all, 5 * all));
    for root in trace.roots() {
        let chain: Vec<_> = root.subtree().map(|node| (node.depth(), node.event(), node.outcome().word())).collect();
        let expected = [
            (0, "numbered", "ok"),
            (1, "numbered", "ok"),
            (2, "ping", "ok"),
            (3, "ping", "ok"),
            (4, "pong", "nobody listens"),
        ];
        assert_eq!(chain, expected, "{root}");
    }
    let id = |what: &Traced| if let Traced::Emission { id, .. } = what { Some(*id) } else { None };
    let ids: HashSet<_> = trace.nodes().filter_map(|node| id(node.what())).collect();
    assert_eq!(ids.len(), 3 * all);
}

#[test]
fn a_full_ring_holds_as_many_as_it_may_and_counts_the_rest() {
    let all = (THREADS * EACH * 3) as usize;
    let trace = emit_on_threads(100);
    let emissions = trace.nodes().filter(|node| matches!(node.what(), Traced::Emission { .. })).count();
    assert_eq!((emissions, trace.fallen()), (100, all as u64 - 100));
    assert!(trace.roots().all(|root| root.event() == "numbered" || root.missing_cause().is_some()));
}
