//! Failures, panics and delays that a test puts into the calls of listeners and handlers.

use std::{any::TypeId, fmt, sync::Arc, time::Duration};

use crate::{
    call::{Injected, InjectedEnd},
    event::{Event, EventType},
    listener::{BoxError, Excerpt},
    sync::{AtomicUsize, Mutex, Ordering, lock},
};

/// A failure, a panic or a delay that a test puts into the calls of a listener or handler; made by
/// [`Recorder::fail`](super::Recorder::fail) and the like.
///
/// It holds for each call until it is used up or [`off`](Self::off). Dropping this changes nothing.
#[derive(Clone)]
pub struct Injection {
    shared: Arc<InjectionState>,
}

struct InjectionState {
    name: Box<str>,
    effect: Effect,
    settings: Mutex<InjectionSettings>,
    happened: AtomicUsize,
}

#[derive(Default)]
struct InjectionSettings {
    times: Option<usize>,
    event: Option<&'static EventType>,
    is_off: bool,
}

/// What happens to a call.
pub(super) enum Effect {
    Fail(Arc<dyn Fn() -> BoxError + Send + Sync>),
    Panic(Arc<str>),
    Delay(Duration),
}

impl Effect {
    fn verb(&self) -> &'static str {
        match self {
            Self::Fail(_) => "fail",
            Self::Panic(_) => "panic",
            Self::Delay(_) => "delay",
        }
    }
}

impl Injection {
    pub(super) fn new(name: &str, effect: Effect) -> Self {
        Self {
            shared: Arc::new(InjectionState {
                name: name.into(),
                effect,
                settings: Mutex::default(),
                happened: 0.into(),
            }),
        }
    }

    /// Happens to `times` calls, and then no more.
    #[expect(
        clippy::must_use_candidate,
        clippy::return_self_not_must_use,
        reason = "it holds whether or not it is kept"
    )]
    pub fn times(self, times: usize) -> Self {
        lock(&self.shared.settings).times = Some(times);
        self
    }

    /// Happens only where the event is an `E`: for a group that handles several events, and a listener by pattern.
    #[expect(
        clippy::must_use_candidate,
        clippy::return_self_not_must_use,
        reason = "it holds whether or not it is kept"
    )]
    pub fn of<E: Event>(self) -> Self {
        lock(&self.shared.settings).event = Some(E::TYPE);
        self
    }

    /// Ends it: from here on it happens no more.
    pub fn off(&self) {
        lock(&self.shared.settings).is_off = true;
    }

    /// How often it has happened.
    pub fn happened(&self) -> usize {
        self.shared.happened.load(Ordering::Relaxed)
    }

    /// How often it was to happen and has not; `None` if it has happened as asked for.
    pub(super) fn missing(&self) -> Option<String> {
        let (times, happened) = (lock(&self.shared.settings).times, self.happened());
        match times {
            None if happened == 0 => Some(format!("{self}: never happened")),
            Some(times) if happened < times => Some(format!("{self}: happened {happened} of {times} times")),
            _ => None,
        }
    }

    /// Whether it delays a call of that name.
    pub(super) fn delays(&self, name: &str, event: Option<TypeId>) -> bool {
        matches!(self.shared.effect, Effect::Delay(_))
            && &*self.shared.name == name
            && lock(&self.shared.settings).allow(self.happened(), event)
    }

    /// Uses it for a call, if it is for one.
    fn spend(&self, event: Option<TypeId>) -> bool {
        let settings = lock(&self.shared.settings);
        let is_for = settings.allow(self.happened(), event);
        if is_for {
            // Under the lock, so that it does not happen too often.
            self.shared.happened.fetch_add(1, Ordering::Relaxed);
        }
        is_for
    }
}

impl InjectionSettings {
    fn allow(&self, happened: usize, event: Option<TypeId>) -> bool {
        !self.is_off
            && self.times.is_none_or(|times| happened < times)
            && self.event.is_none_or(|wanted| Some(wanted.id()) == event)
    }
}

/// What happens to a call: all delays, one after the other, and the first failure or panic that is left.
pub(super) fn injected(all: &[Injection], name: &str, event: Option<TypeId>) -> Option<Injected> {
    let mut injected = Injected { delay: Duration::ZERO, end: None };
    let mut is_any = false;
    for injection in all.iter().filter(|injection| &*injection.shared.name == name) {
        let effect = &injection.shared.effect;
        if !matches!(effect, Effect::Delay(_)) && injected.end.is_some() || !injection.spend(event) {
            continue;
        }
        is_any = true;
        match effect {
            Effect::Delay(delay) => injected.delay = injected.delay.saturating_add(*delay),
            Effect::Fail(error) => injected.end = Some(InjectedEnd::Failed(Arc::clone(error))),
            Effect::Panic(message) => injected.end = Some(InjectedEnd::Panicked(Arc::clone(message))),
        }
    }
    is_any.then_some(injected)
}

/// Prints as ``fail `send_mail` ``.
impl fmt::Display for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.shared.effect.verb(), Excerpt(&self.shared.name))?;
        let event = lock(&self.shared.settings).event;
        match event {
            Some(event) => write!(f, " of `{}`", event.wire_type()),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Injection")
            .field("what", &self.to_string())
            .field("happened", &self.happened())
            .finish_non_exhaustive()
    }
}
