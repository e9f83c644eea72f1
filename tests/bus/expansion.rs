//! What is written for the user: as quiet as code of their own, and at home everywhere.

use std::sync::Arc;

use eventbus::Bus;

use crate::support::{Log, Ping};

/// A framework with an API of its own, whose users know nothing of `eventbus`.
mod framework {
    pub(crate) mod events {
        pub(crate) use eventbus::{Bus, Context, Event, Module, Scope, WiringError, listeners};
    }

    #[derive(events::Event)]
    #[event(crate = ::eventbus)]
    pub(crate) struct Started(pub(crate) u32);
}

mod plugin {
    use super::framework::{self, Started, events::Context};
    use crate::support::Log;

    pub(super) struct Plugin(pub(super) Log<u32>);

    #[framework::events::listeners(crate = framework::events, named = "plugin")]
    impl Plugin {
        #[on]
        fn started(&self, e: &Started, cx: &Context) {
            assert_eq!(cx.event_name(), "started");
            self.0.add(e.0);
        }
    }
}

#[test]
fn a_framework_may_hand_the_macro_on() {
    let (bus, log) = (framework::events::Bus::new(), Log::default());
    bus.register(Arc::new(plugin::Plugin(log.clone()))).unwrap();
    bus.emit(framework::Started(7)).blocking();
    assert_eq!(log.take(), [7]);
}

/// Compiles nowhere else than under the strictest lints.
#[deny(warnings, unused_qualifications, missing_docs, unreachable_pub, clippy::pedantic)]
pub(crate) mod strict {
    use eventbus::{Context, Event, listeners};

    /// Something happened.
    #[derive(Event)]
    pub(crate) struct Happened;

    /// Listens to it.
    pub(crate) struct Strict;

    #[listeners]
    impl Strict {
        /// Old.
        ///
        /// # Errors
        ///
        /// Never.
        #[on]
        #[deprecated]
        #[expect(clippy::unnecessary_wraps, reason = "a listener may return it")]
        fn old(&self, _: &Happened) -> Result<(), std::io::Error> {
            self.other();
            Ok(())
        }

        #[on]
        async fn later(&self, _: &Happened, _: &Context) {
            std::future::ready(()).await;
            self.other();
        }

        #[cfg(any())]
        #[on]
        fn only_elsewhere(&self, e: &NoSuchEvent) {}

        #[expect(clippy::unused_self, reason = "is called by those that listen")]
        const fn other(&self) {}
    }

    /// A module of which nothing is left here.
    pub(crate) struct Elsewhere;

    #[listeners]
    impl Elsewhere {
        #[cfg(any())]
        #[on]
        fn only_elsewhere(&self, e: &NoSuchEvent) {}
    }

    #[cfg(any())]
    #[listeners]
    impl NoSuchType {
        #[on]
        fn only_elsewhere(&self, e: &NoSuchEvent) {}
    }

    #[listeners]
    #[cfg(any())]
    impl NoSuchType {
        #[on]
        fn only_elsewhere(&self, e: &NoSuchEvent) {}
    }
}

#[test]
fn a_method_that_is_configured_out_does_not_listen() {
    let bus = Bus::new();
    let subscription = bus.register(Arc::new(strict::Strict)).unwrap();
    assert_eq!(bus.listener_count::<strict::Happened>(), 2);
    assert!(bus.register(Arc::new(strict::Elsewhere)).is_ok());
    assert!(subscription.off());
}

/// Nothing is in scope but what is written.
#[allow(non_camel_case_types, dead_code, reason = "shadows what the expansion may rely on")]
mod nothing_in_scope {
    #![no_implicit_prelude]

    type str = ();
    struct Result;
    struct Arc;
    struct Ok;
    struct Module;
    struct Scope;

    pub(super) struct Bare(pub(super) crate::support::Log);

    #[::eventbus::listeners]
    impl Bare {
        #[on(priority = 1, once, named = "bare")]
        fn sync(&self, _: &crate::support::Ping, _: &::eventbus::Context) {
            self.0.add("sync");
        }

        #[on(timeout = "5s")]
        async fn waits(&self, _: ::std::sync::Arc<crate::support::Ping>) {
            self.0.add("waits");
        }

        #[on(blocking)]
        fn blocks(&self, _: &crate::support::Ping) {
            self.0.add("blocks");
        }
    }
}

#[tokio::test]
async fn a_module_may_stand_where_nothing_is_in_scope() {
    let (bus, log) = (Bus::new(), Log::default());
    bus.register(Arc::new(nothing_in_scope::Bare(log.clone()))).unwrap();
    assert!(bus.emit(Ping).await.is_ok());
    let mut log = log.take();
    log.sort_unstable();
    assert_eq!(log, ["blocks", "sync", "waits"]);
}

/// Everything comes from the macro's caller: the type, the event, the names.
macro_rules! counter {
    ($name:ident, $event:ty, $label:literal, $priority:expr) => {
        struct $name(Log);

        #[eventbus::listeners(named = $label)]
        impl $name {
            #[on(named = $label, priority = $priority)]
            fn count(&self, _: &$event) {
                self.0.add($label);
            }

            #[on]
            async fn count_later(&self, _: std::sync::Arc<$event>) {
                self.0.add("later");
            }
        }
    };
}

counter!(PingCounter, crate::support::Ping, "pings", 2 + 1);

#[test]
fn a_macro_may_write_modules() {
    let (bus, log) = (Bus::new(), Log::default());
    bus.register(Arc::new(PingCounter(log.clone()))).unwrap();
    bus.emit(Ping).blocking();
    assert_eq!(log.take(), ["pings", "later"]);
    assert_eq!(bus.listener_infos()[0].priority(), 3);
}

#[test]
fn a_module_may_stand_inside_of_a_function_and_take_arguments_by_pattern() {
    #[derive(eventbus::Event)]
    struct Moved {
        x: i32,
        y: i32,
    }

    struct Tracker(Log<i32>);

    #[eventbus::listeners]
    impl Tracker {
        #[on]
        fn moved<'a>(&'a self, &Moved { x, ref y }: &'a Moved) {
            self.0.add(x + y);
        }
    }

    let (bus, log) = (Bus::new(), Log::default());
    bus.register(Arc::new(Tracker(log.clone()))).unwrap();
    bus.emit(Moved { x: 1, y: 2 }).blocking();
    assert_eq!(log.take(), [3]);
}
