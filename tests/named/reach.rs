//! Whom an emission reaches is what `Pattern::matches` says, for random patterns and names, and however hostile they are.

use std::time::{Duration, Instant};

use eventbus::{Bus, Event, EventName, by_name::Pattern};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::support::Log;

/// Types with names from the alphabet that the patterns use.
const TYPED: [&str; 6] = ["a", "a.b", "a.b.a", "b.b", "c.a.b.c", "b"];

struct Nth<const I: usize>;

impl<const I: usize> Event for Nth<I> {
    const NAME: EventName = EventName::new(TYPED[I]);
}

const EMITS: [fn(&Bus) -> usize; 6] = [
    |bus| bus.emit(Nth::<0>).blocking().succeeded(),
    |bus| bus.emit(Nth::<1>).blocking().succeeded(),
    |bus| bus.emit(Nth::<2>).blocking().succeeded(),
    |bus| bus.emit(Nth::<3>).blocking().succeeded(),
    |bus| bus.emitter().emit(Nth::<4>).blocking().succeeded(),
    |bus| bus.emit(Nth::<5>).blocking().succeeded(),
];

fn texts(segments: &'static [&'static str]) -> impl Strategy<Value = String> {
    vec(select(segments), 1..6).prop_map(|segments| segments.join("."))
}

#[derive(Clone, Debug)]
enum Step {
    On(String),
    Off(usize),
    Typed(usize),
    Unclaimed(String),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => texts(&["a", "b", "c", "*", "**", "**"]).prop_map(Step::On),
        1 => any::<usize>().prop_map(Step::Off),
        3 => (0..TYPED.len()).prop_map(Step::Typed),
        3 => texts(&["a", "b", "c"]).prop_map(Step::Unclaimed),
    ];
    vec(step, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_emission_reaches_exactly_those_whose_pattern_matches(steps in steps()) {
        let (bus, log) = (Bus::new(), Log::<usize>::default());
        let mut on = Vec::new();
        let mut all = Vec::new();
        for step in steps {
            let (name, succeeded) = match step {
                Step::On(pattern) => {
                    let id = all.len();
                    all.push(bus.listener_pattern(&pattern).unwrap().with(log.clone()).on(move |log, _| log.add(id)));
                    on.push((id, Pattern::new(&pattern).unwrap()));
                    continue;
                }
                Step::Off(at) => {
                    if !all.is_empty() {
                        let id = at % all.len();
                        all[id].off();
                        on.retain(|(other, _)| *other != id);
                    }
                    continue;
                }
                Step::Typed(at) => (TYPED[at].to_owned(), EMITS[at](&bus)),
                Step::Unclaimed(name) => {
                    // A name that a type has claimed by now wants that type.
                    let Ok(emit) = bus.emit_name(&name, ()) else { continue };
                    let succeeded = emit.blocking().succeeded();
                    (name, succeeded)
                }
            };
            let expected: Vec<_> = on.iter().filter(|(_, pattern)| pattern.matches(&name)).map(|(id, _)| *id).collect();
            assert_eq!(succeeded, expected.len());
            assert_eq!(log.take(), expected, "{name}");
        }
    }
}

#[test]
fn hostile_patterns_and_names_are_matched_quickly() {
    let bus = Bus::new();
    let name = vec!["a"; 64].join("."); // 127 bytes
    let hostile = format!("{}b", "**.a.".repeat(25));
    for _ in 0..100 {
        bus.on_pattern(&hostile, |_| ()).unwrap();
        bus.on_pattern(&format!("{}**", "*.**.".repeat(16)), |_| ()).unwrap();
        bus.on_pattern(&format!("{}**", "**.a.".repeat(24)), |_| ()).unwrap();
    }
    let start = Instant::now();
    for _ in 0..100 {
        assert_eq!(bus.emit_name(&name, ()).unwrap().blocking().succeeded(), 200);
    }
    // Backtracking would take days.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}
