//! What a test asks of a recorder.

use std::{mem, sync::Arc};

use super::{
    listed::{ListedRecords, Printers},
    record::Record,
    recorder::Recorder,
};
use crate::{
    call::AnyEvent,
    event::{Event, EventType},
    sync::lock,
};

/// What was done with an event.
#[derive(Clone, Copy)]
enum Deed {
    Emitted,
    Published,
}

impl Deed {
    fn of(self, record: &Record) -> bool {
        match self {
            Self::Emitted => record.is_emitted(),
            Self::Published => record.is_published(),
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Emitted => "emitted",
            Self::Published => "published",
        }
    }
}

impl Recorder {
    /// The events of this type that were emitted, in order: typed, by name, by a spawned emission, by a listener, by a handler.
    pub fn emitted<E: Event>(&self) -> Vec<Arc<E>> {
        self.events(Deed::Emitted)
    }

    /// The events of this type that were published, in order.
    pub fn published<E: Event>(&self) -> Vec<Arc<E>> {
        self.events(Deed::Published)
    }

    /// The events that were emitted under a name, in order: in all versions, and also if no type claims it.
    pub fn emitted_name(&self, name: &str) -> Vec<AnyEvent<'static>> {
        self.events_named(Deed::Emitted, name)
    }

    /// The events that were published under a name, in order.
    pub fn published_name(&self, name: &str) -> Vec<AnyEvent<'static>> {
        self.events_named(Deed::Published, name)
    }

    /// All that was recorded, in order.
    pub fn records(&self) -> Vec<Record> {
        lock(&self.shared.records).clone()
    }

    /// The names of what was emitted and published, in order, with versions other than 1 (`order.placed.v2`).
    pub fn names(&self) -> Vec<String> {
        let is_done = |record: &&Record| record.is_emitted() || record.is_published();
        self.records().iter().filter(is_done).map(|record| record.wire_type().to_string()).collect()
    }

    /// Forgets what was recorded until now. What is faked or injected stays so.
    pub fn clear(&self) {
        let records = mem::take(&mut *lock(&self.shared.records));
        // Foreign code, where no lock is held.
        drop(records);
    }

    /// Asserts that an event of this type was emitted for which `is_meant` is true; returns the first.
    ///
    /// # Panics
    ///
    /// If none was. The message lists what was recorded instead, events by their own `Debug`, if they have one.
    #[track_caller]
    pub fn assert_emitted<E: Event>(&self, is_meant: impl Fn(&E) -> bool) -> Arc<E> {
        self.assert_done(Deed::Emitted, is_meant)
    }

    /// Asserts that an event of this type was published for which `is_meant` is true; returns the first.
    ///
    /// # Panics
    ///
    /// If none was.
    #[track_caller]
    pub fn assert_published<E: Event>(&self, is_meant: impl Fn(&E) -> bool) -> Arc<E> {
        self.assert_done(Deed::Published, is_meant)
    }

    /// Asserts that exactly `times` events of this type were emitted.
    ///
    /// # Panics
    ///
    /// If there were more, or fewer.
    #[track_caller]
    pub fn assert_emitted_times<E: Event>(&self, times: usize) {
        self.assert_times::<E>(Deed::Emitted, times);
    }

    /// Asserts that exactly `times` events of this type were published.
    ///
    /// # Panics
    ///
    /// If there were more, or fewer.
    #[track_caller]
    pub fn assert_published_times<E: Event>(&self, times: usize) {
        self.assert_times::<E>(Deed::Published, times);
    }

    /// Asserts that no event of this type was emitted.
    ///
    /// # Panics
    ///
    /// If one was.
    #[track_caller]
    pub fn assert_not_emitted<E: Event>(&self) {
        self.assert_times::<E>(Deed::Emitted, 0);
    }

    /// Asserts that no event of this type was published.
    ///
    /// # Panics
    ///
    /// If one was.
    #[track_caller]
    pub fn assert_not_published<E: Event>(&self) {
        self.assert_times::<E>(Deed::Published, 0);
    }

    /// Asserts that an event was emitted under a name for which `is_meant` is true, also if no type claims the name; returns the first.
    ///
    /// # Panics
    ///
    /// If none was.
    #[track_caller]
    pub fn assert_emitted_name(&self, name: &str, is_meant: impl Fn(&AnyEvent<'static>) -> bool) -> AnyEvent<'static> {
        self.assert_named(Deed::Emitted, name, is_meant)
    }

    /// Asserts that an event was published under a name for which `is_meant` is true; returns the first.
    ///
    /// # Panics
    ///
    /// If none was.
    #[track_caller]
    pub fn assert_published_name(
        &self,
        name: &str,
        is_meant: impl Fn(&AnyEvent<'static>) -> bool,
    ) -> AnyEvent<'static> {
        self.assert_named(Deed::Published, name, is_meant)
    }

    /// Asserts that events of these names were emitted or published in this order. Others may lie between them;
    /// `assert_eq!(recorder.names(), [..])` asks for these and no others.
    ///
    /// # Panics
    ///
    /// If they were not.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{self as eventbus, BoxError, Event, EventName};
    /// # struct OrderPlaced;
    /// # impl Event for OrderPlaced { const NAME: EventName = EventName::new("order.placed"); }
    /// # struct MailRequested;
    /// # impl Event for MailRequested { const NAME: EventName = EventName::new("mail.requested"); }
    /// use eventbus::testing::Recorder;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// let recorder = Recorder::new();
    /// let bus = recorder.bus();
    /// bus.emit(OrderPlaced).await.into_result()?;
    /// bus.publish(MailRequested).await?;
    ///
    /// recorder.assert_order([OrderPlaced::NAME, MailRequested::NAME]);
    /// assert_eq!(recorder.names(), ["order.placed", "mail.requested"]);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn assert_order<N: AsRef<str>>(&self, names: impl IntoIterator<Item = N>) {
        let recorded = self.names();
        let (mut rest, mut before) = (recorded.iter(), None);
        for name in names {
            if !rest.any(|recorded| recorded == name.as_ref()) {
                let name = name.as_ref();
                let what = match before {
                    None => format!("`{name}` was not emitted or published"),
                    Some(before) => format!("`{name}` was not emitted or published after `{before}`"),
                };
                self.fails(&what);
            }
            before = Some(name.as_ref().to_owned());
        }
    }

    /// Asserts that nothing was emitted.
    ///
    /// # Panics
    ///
    /// If something was.
    #[track_caller]
    pub fn assert_nothing_emitted(&self) {
        self.assert_nothing(Deed::Emitted);
    }

    /// Asserts that nothing was published.
    ///
    /// # Panics
    ///
    /// If something was.
    #[track_caller]
    pub fn assert_nothing_published(&self) {
        self.assert_nothing(Deed::Published);
    }

    /// Asserts that each failure, panic and delay that was put into calls has happened: at least once, or as many
    /// [`times`](super::Injection::times) as was said. A name that is wrong shows here.
    ///
    /// # Panics
    ///
    /// With those that have not happened, and the listeners and handlers that were called.
    #[track_caller]
    pub fn assert_injected(&self) {
        let injections = lock(&self.shared.injections).clone();
        let missing: Vec<_> = injections.iter().filter_map(super::Injection::missing).collect();
        if missing.is_empty() {
            return;
        }
        let called: Vec<String> = lock(&self.shared.called).iter().cloned().collect();
        let called = if called.is_empty() {
            "no listener and no handler was called".to_owned()
        } else {
            format!("called were:\n  {}", called.join("\n  "))
        };
        panic!("not injected as asked for:\n  {}\n{called}", missing.join("\n  "));
    }

    fn all_of(
        &self,
        deed: Deed,
        is_of: impl Fn(&AnyEvent<'static>) -> bool,
    ) -> impl Iterator<Item = AnyEvent<'static>> {
        let is_meant = move |record: &Record| deed.of(record) && is_of(record.event());
        self.records().into_iter().filter(is_meant).map(|record| record.event().clone())
    }

    fn events<E: Event>(&self, deed: Deed) -> Vec<Arc<E>> {
        self.all_of(deed, is_a::<E>).filter_map(|event| event.arc()).collect()
    }

    fn events_named(&self, deed: Deed, name: &str) -> Vec<AnyEvent<'static>> {
        self.all_of(deed, |event| event.name() == name).collect()
    }

    #[track_caller]
    fn assert_done<E: Event>(&self, deed: Deed, is_meant: impl Fn(&E) -> bool) -> Arc<E> {
        let events = self.events::<E>(deed);
        match events.iter().find(|event| is_meant(event)) {
            Some(event) => Arc::clone(event),
            None => self.fails(&not_meant(deed, &E::TYPE.wire_type().to_string(), events.len())),
        }
    }

    #[track_caller]
    fn assert_named(&self, deed: Deed, name: &str, is_meant: impl Fn(&AnyEvent<'static>) -> bool) -> AnyEvent<'static> {
        let events = self.events_named(deed, name);
        match events.iter().find(|event| is_meant(event)) {
            Some(event) => event.clone(),
            None => self.fails(&not_meant(deed, name, events.len())),
        }
    }

    #[track_caller]
    fn assert_times<E: Event>(&self, deed: Deed, times: usize) {
        let found = self.all_of(deed, is_a::<E>).count();
        if found != times {
            let (name, verb) = (E::TYPE.wire_type(), deed.verb());
            self.fails(&match (found, times) {
                (0, _) => format!("`{name}` was not {verb}, and was to be {}", count(times)),
                (_, 0) => format!("`{name}` was {verb} {}, and was not to be", count(found)),
                _ => format!("`{name}` was {verb} {}, and was to be {}", count(found), count(times)),
            });
        }
    }

    #[track_caller]
    fn assert_nothing(&self, deed: Deed) {
        let found = self.all_of(deed, |_| true).count();
        if found > 0 {
            let events = if found == 1 { "1 event was".to_owned() } else { format!("{found} events were") };
            self.fails(&format!("{events} {}, not none", deed.verb()));
        }
    }

    /// Panics with what is wrong and with what was recorded.
    #[track_caller]
    fn fails(&self, what: &str) -> ! {
        let records = self.records();
        let printers: Printers = lock(&self.shared.printers).clone();
        panic!("{what}; {}", ListedRecords { records: &records, printers: &printers });
    }
}

fn is_a<E: Event>(event: &AnyEvent<'static>) -> bool {
    event.event_type().is_some_and(|event: &EventType| event.id() == E::TYPE.id())
}

fn not_meant(deed: Deed, name: &str, found: usize) -> String {
    let verb = deed.verb();
    match found {
        0 => format!("`{name}` was not {verb}"),
        1 => format!("`{name}` was {verb} once, but not as asked for"),
        found => format!("`{name}` was {verb} {found} times, but never as asked for"),
    }
}

fn count(times: usize) -> String {
    if times == 1 { "once".to_owned() } else { format!("{times} times") }
}
