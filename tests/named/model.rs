//! The bus against a model that is a plain list: typed listeners and those by pattern, each emission in the same order.

use eventbus::{Bus, Subscription};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{
    events::{OrderDone, UserCreated, UserRenamed},
    support::Log,
};

/// The names that are emitted; the first three are those of types.
const NAMES: [&str; 5] = ["user.created", "user.renamed", "order.done", "user.lost", "lost"];
const PATTERNS: [(&str, [bool; 5]); 8] = [
    ("user.created", [true, false, false, false, false]),
    ("user.*", [true, true, false, true, false]),
    ("user.**", [true, true, false, true, false]),
    ("**", [true; 5]),
    ("*", [false, false, false, false, true]),
    ("**.done", [false, false, true, false, false]),
    ("*.*", [true, true, true, true, false]),
    ("nobody.*", [false; 5]),
];

#[derive(Clone, Copy, Debug)]
enum Target {
    /// One of the first three names.
    Typed(usize),
    Pattern(usize),
}

impl Target {
    fn hears(self, name: usize) -> bool {
        match self {
            Self::Typed(own) => own == name,
            Self::Pattern(pattern) => PATTERNS[pattern].1[name],
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    On { target: Target, priority: i32, once: bool, divisor: Option<u32> },
    Off(usize),
    Clear,
    Emit { name: usize, number: u32, by_name: bool },
    Declare(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let target = prop_oneof![(0_usize..3).prop_map(Target::Typed), (0..PATTERNS.len()).prop_map(Target::Pattern)];
    let on = (target, -2..3, any::<bool>(), prop::option::of(2_u32..4))
        .prop_map(|(target, priority, once, divisor)| Step::On { target, priority, once, divisor });
    let step = prop_oneof![
        8 => on,
        3 => any::<usize>().prop_map(Step::Off),
        1 => Just(Step::Clear),
        8 => (0..NAMES.len(), 0_u32..6, any::<bool>())
            .prop_map(|(name, number, by_name)| Step::Emit { name, number, by_name }),
        1 => (0_usize..3).prop_map(Step::Declare),
    ];
    vec(step, 0..60)
}

#[derive(Clone)]
struct Member {
    id: usize,
    target: Target,
    priority: i32,
    once: bool,
    divisor: Option<u32>,
}

impl Member {
    fn hears(&self, name: usize, number: u32) -> bool {
        self.target.hears(name) && self.divisor.is_none_or(|divisor| number.is_multiple_of(divisor))
    }
}

fn register(bus: &Bus, member: &Member, log: Log<(usize, u32)>) -> Subscription {
    /// The same options for a listener of any kind.
    macro_rules! listen {
        ($listener:expr, |$e:ident| $number:expr) => {{
            let Member { id, priority, once, divisor, .. } = *member;
            let mut listener = $listener.priority(priority);
            if once {
                listener = listener.once();
            }
            if let Some(divisor) = divisor {
                listener = listener.filter(move |$e| $number.is_multiple_of(divisor));
            }
            listener.on(move |$e| log.add((id, $number)))
        }};
    }
    match member.target {
        Target::Typed(0) => listen!(bus.listener::<UserCreated>(), |e| e.id),
        Target::Typed(1) => listen!(bus.listener::<UserRenamed>(), |e| e.0),
        Target::Typed(_) => listen!(bus.listener::<OrderDone>(), |e| e.id),
        Target::Pattern(pattern) => listen!(bus.listener_pattern(PATTERNS[pattern].0).unwrap(), |e| {
            let user = e.downcast_ref::<UserCreated>().map(|e| e.id);
            let renamed = e.downcast_ref::<UserRenamed>().map(|e| e.0);
            let order = e.downcast_ref::<OrderDone>().map(|e| e.id);
            user.or(renamed).or(order).or_else(|| e.downcast_ref().copied()).unwrap()
        }),
    }
}

fn emit(bus: &Bus, name: usize, number: u32, by_name: bool) -> usize {
    let report = match (name, by_name) {
        (0, false) => bus.emit(UserCreated { id: number }).blocking(),
        (1, false) => bus.emit(UserRenamed(number)).blocking(),
        (2, false) => bus.emit(OrderDone { id: number }).blocking(),
        // So that the name is claimed: by name alone it would be anybody's.
        (0, true) => {
            bus.declare::<UserCreated>().unwrap();
            bus.emit_json(NAMES[0], &format!("{{\"id\": {number}}}")).unwrap().blocking()
        }
        (1, true) => {
            bus.declare::<UserRenamed>().unwrap();
            bus.emit_name(NAMES[1], UserRenamed(number)).unwrap().blocking()
        }
        (2, true) => {
            bus.declare::<OrderDone>().unwrap();
            bus.emit_name(NAMES[2], OrderDone { id: number }).unwrap().blocking()
        }
        _ => bus.emit_name(NAMES[name], number).unwrap().blocking(),
    };
    report.into_result().unwrap().succeeded()
}

fn check(steps: Vec<Step>) {
    let (bus, log) = (Bus::new(), Log::default());
    let mut members: Vec<Member> = Vec::new();
    let mut subscriptions: Vec<Subscription> = Vec::new();
    for step in steps {
        match step {
            Step::On { target, priority, once, divisor } => {
                let member = Member { id: subscriptions.len(), target, priority, once, divisor };
                subscriptions.push(register(&bus, &member, log.clone()));
                members.push(member);
                members.sort_by_key(|member| std::cmp::Reverse(member.priority)); // stable
            }
            Step::Off(_) if subscriptions.is_empty() => {}
            Step::Off(at) => {
                let id = at % subscriptions.len();
                let before = members.len();
                members.retain(|member| member.id != id);
                assert_eq!(subscriptions[id].off(), members.len() < before);
            }
            Step::Clear => {
                bus.clear();
                members.clear();
            }
            Step::Emit { name, number, by_name } => {
                let succeeded = emit(&bus, name, number, by_name);
                let called: Vec<_> = members.iter().filter(|member| member.hears(name, number)).cloned().collect();
                assert_eq!(log.take(), called.iter().map(|member| (member.id, number)).collect::<Vec<_>>());
                assert_eq!(succeeded, called.len());
                members.retain(|member| !(member.once && member.hears(name, number)));
            }
            Step::Declare(0) => bus.declare::<UserCreated>().unwrap(),
            Step::Declare(1) => bus.declare::<UserRenamed>().unwrap(),
            Step::Declare(_) => bus.declare::<OrderDone>().unwrap(),
        }
        let hearing = |name| members.iter().filter(|member| member.target.hears(name)).count();
        assert_eq!(bus.listener_count::<UserCreated>(), hearing(0));
        assert_eq!(bus.listener_count::<UserRenamed>(), hearing(1));
        assert_eq!(bus.listener_count::<OrderDone>(), hearing(2));
        assert_eq!(bus.listener_infos().len(), members.len());
        for (id, subscription) in subscriptions.iter().enumerate() {
            assert_eq!(subscription.is_on(), members.iter().any(|member| member.id == id));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn typed_and_by_name_interleave_like_one_ordered_list(steps in steps()) {
        check(steps);
    }
}

#[test]
fn the_table_of_patterns_is_right() {
    for (pattern, hears) in PATTERNS {
        let pattern = eventbus::by_name::Pattern::new(pattern).unwrap();
        assert_eq!(NAMES.map(|name| pattern.matches(name)), hears, "{pattern}");
    }
    // `select` keeps the names honest: each is one.
    let _ = select(&NAMES[..]);
}
