//! The bus against a model that is a plain list: the same calls in the same order, the same counts.

use eventbus::{Bus, Emitter, Report, Scope, Subscription};
use proptest::{collection::vec, prelude::*};

use crate::support::{Log, Numbered, hush};

#[derive(Clone, Debug)]
enum Step {
    On {
        priority: i32,
        once: bool,
        divisor: Option<u32>,
        scoped: bool,
        ends: Ends,
    },
    /// By position among all that were ever registered.
    Off(usize),
    ScopeOff,
    Clear,
    Emit {
        number: u32,
        by: By,
    },
}

/// How a listener's call ends.
#[derive(Clone, Copy, Debug)]
enum Ends {
    Well,
    Failing,
    Panicking,
}

#[derive(Clone, Copy, Debug)]
enum By {
    Bus,
    Emitter,
    /// In an `Arc`, through a fresh emitter.
    Shared,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ends = prop_oneof![8 => Just(Ends::Well), 1 => Just(Ends::Failing), 1 => Just(Ends::Panicking)];
    let by = prop_oneof![Just(By::Bus), Just(By::Emitter), Just(By::Shared)];
    let on = (-2..3, any::<bool>(), prop::option::of(2_u32..4), any::<bool>(), ends)
        .prop_map(|(priority, once, divisor, scoped, ends)| Step::On { priority, once, divisor, scoped, ends });
    let step = prop_oneof![
        8 => on,
        4 => any::<usize>().prop_map(Step::Off),
        1 => Just(Step::ScopeOff),
        1 => Just(Step::Clear),
        8 => (0_u32..6, by).prop_map(|(number, by)| Step::Emit { number, by }),
    ];
    vec(step, 0..60)
}

/// A listener of the model; those of equal priority stand in the order of their ids.
#[derive(Clone)]
struct Member {
    id: usize,
    priority: i32,
    once: bool,
    divisor: Option<u32>,
    scoped: bool,
    ends: Ends,
}

#[derive(Default)]
struct Model {
    members: Vec<Member>,
}

impl Model {
    fn on(&mut self, member: Member) {
        self.members.push(member);
        self.members.sort_by_key(|member| std::cmp::Reverse(member.priority)); // stable
    }

    /// Takes out whom `leaves` says; how many they were.
    fn off(&mut self, leaves: impl Fn(&Member) -> bool) -> usize {
        let before = self.members.len();
        self.members.retain(|member| !leaves(member));
        before - self.members.len()
    }

    fn emit(&mut self, number: u32) -> Vec<Member> {
        let admits = |member: &Member| member.divisor.is_none_or(|divisor| number.is_multiple_of(divisor));
        let called = self.members.iter().filter(|member| admits(member)).cloned().collect();
        self.members.retain(|member| !(member.once && admits(member)));
        called
    }

    fn ids(&self) -> Vec<usize> {
        self.members.iter().map(|member| member.id).collect()
    }
}

/// The bus, and what is kept of it.
struct Real {
    bus: Bus,
    scope: Scope,
    emitter: Emitter<Numbered>,
    log: Log<(usize, u32)>,
    subscriptions: Vec<Subscription>,
}

/// What the model has of the counts of a bus: emissions, those that nobody heard, calls, failures; and calls and failures of each
/// listener.
#[derive(Default)]
struct Counts {
    event: [u64; 4],
    listeners: std::collections::HashMap<usize, [u64; 2]>,
}

impl Counts {
    fn emitted(&mut self, model: &Model, called: &[Member]) {
        let failed = |member: &Member| u64::from(!matches!(member.ends, Ends::Well));
        let is_unheard = model.members.is_empty();
        let more = [1, is_unheard.into(), called.len() as u64, called.iter().map(failed).sum()];
        self.event.iter_mut().zip(more).for_each(|(count, more)| *count += more);
        for member in called {
            let [calls, failures] = self.listeners.entry(member.id).or_default();
            (*calls, *failures) = (*calls + 1, *failures + failed(member));
        }
    }

    fn check(&self, bus: &Bus, model: &Model) {
        let stats = bus.stats();
        let Some(event) = stats.event::<Numbered>() else {
            return assert_eq!((self.event[0], model.members.len()), (0, 0));
        };
        let counted = [event.emissions, event.unheard, event.calls, event.failures.total()];
        assert_eq!((counted, event.in_flight), (self.event, 0));
        assert_eq!(event.listeners.len(), model.members.len());
        for (listener, member) in event.listeners.iter().zip(&model.members) {
            let expected = self.listeners.get(&member.id).copied().unwrap_or_default();
            assert_eq!([listener.calls, listener.failures.total()], expected);
        }
    }
}

impl Real {
    fn new(counts: bool) -> Self {
        let bus = Bus::builder().stats(counts).on_failure(|_| ()).build();
        let (scope, emitter) = (bus.scope("scope"), bus.emitter());
        Self { bus, scope, emitter, log: Log::default(), subscriptions: Vec::new() }
    }

    fn on(&mut self, member: &Member) {
        let Member { id, priority, once, divisor, scoped, ends } = *member;
        let listener = if scoped { self.scope.listener::<Numbered>() } else { self.bus.listener() };
        let mut listener = listener.named(&id.to_string()).priority(priority);
        if once {
            listener = listener.once();
        }
        if let Some(divisor) = divisor {
            listener = listener.filter(move |e| e.0.is_multiple_of(divisor));
        }
        self.subscriptions.push(listener.with(self.log.clone()).on(move |log, e| {
            log.add((id, e.0));
            match ends {
                Ends::Well => Ok(()),
                Ends::Failing => Err("failed"),
                Ends::Panicking => panic!("boom"),
            }
        }));
    }

    fn emit(&mut self, number: u32, by: By) -> Report {
        match by {
            By::Bus => self.bus.emit(Numbered(number)).blocking(),
            By::Emitter => self.emitter.emit(Numbered(number)).blocking(),
            By::Shared => self.bus.emitter().emit(std::sync::Arc::new(Numbered(number))).blocking(),
        }
    }

    /// The listeners, by the names that `on` gave them.
    fn ids(&self) -> Vec<usize> {
        self.bus.listener_infos().iter().map(|info| info.name().unwrap().parse().unwrap()).collect()
    }
}

fn check(steps: Vec<Step>, counts: bool) {
    hush();
    let (mut model, mut real, mut counted) = (Model::default(), Real::new(counts), Counts::default());
    for step in steps {
        match step {
            Step::On { priority, once, divisor, scoped, ends } => {
                let member = Member { id: real.subscriptions.len(), priority, once, divisor, scoped, ends };
                real.on(&member);
                model.on(member);
            }
            Step::Off(_) if real.subscriptions.is_empty() => {}
            Step::Off(at) => {
                let id = at % real.subscriptions.len();
                assert_eq!(real.subscriptions[id].off(), model.off(|member| member.id == id) == 1);
            }
            Step::ScopeOff => assert_eq!(real.scope.off(), model.off(|member| member.scoped)),
            Step::Clear => {
                real.bus.clear();
                model.off(|_| true);
            }
            Step::Emit { number, by } => {
                let report = real.emit(number, by);
                let before = Model { members: model.members.clone() };
                let called = model.emit(number);
                counted.emitted(&before, &called);
                assert_eq!(real.log.take(), called.iter().map(|member| (member.id, number)).collect::<Vec<_>>());
                let (well, ill): (Vec<_>, Vec<_>) = called.iter().partition(|member| matches!(member.ends, Ends::Well));
                assert_eq!(report.succeeded(), well.len());
                let failed: Vec<_> =
                    report.failures().iter().map(|failure| failure.listener().name().unwrap().to_owned()).collect();
                assert_eq!(failed, ill.iter().map(|member| member.id.to_string()).collect::<Vec<_>>());
            }
        }
        if counts {
            counted.check(&real.bus, &model);
        }
        assert_eq!(real.ids(), model.ids());
        assert_eq!(real.bus.listener_count::<Numbered>(), model.members.len());
        assert_eq!(real.bus.event_names().len(), usize::from(!model.members.is_empty()));
        assert_eq!(real.scope.listener_count(), model.members.iter().filter(|member| member.scoped).count());
        for (id, subscription) in real.subscriptions.iter().enumerate() {
            assert_eq!(subscription.is_on(), model.members.iter().any(|member| member.id == id));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_bus_behaves_like_an_ordered_list_of_listeners(steps in steps()) {
        check(steps, false);
    }

    #[test]
    fn so_does_a_bus_that_counts_and_its_counts_are_those_of_the_list(steps in steps()) {
        check(steps, true);
    }
}
