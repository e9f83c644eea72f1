//! The guide: one page for each topic, in reading order. All code in it is compiled and run by the tests, as it
//! stands: no line is hidden.
//!
//! 1. [`events`]: what an event is, its name and version, and how to design one
//! 2. [`listening`]: the three verbs, options, state, context, scopes
//! 3. [`emitting`]: waiting, limits, order, events after the commit
//! 4. [`reports`]: what has failed, and who hears of it
//! 5. [`by_name`]: names that are known at run time only
//! 6. [`modules`]: services that listen as a whole
//! 7. [`publishing`]: queues, consumer groups, retries, dead letters, shutdown
//! 8. [`redis`]: several processes
//! 9. [`testing`]: what a test asserts, and how it waits
//! 10. [`watching`]: what is wired, what is going on
//! 11. [`performance`]: what an emission costs
//! 12. [`transport`]: carrying messages elsewhere
//! 13. [`framework`]: a framework with a bus inside
//! 14. [`from_go`]: the Go emitter and the Go channels design, side by side with this
//! 15. [`from_broadcast`]: from `tokio::sync::broadcast`
//! 16. [`compiler_messages`]: what the compiler says to a mistake, and the line to write

macro_rules! pages {
    ($($page:ident)+) => {
        $(
            #[doc = include_str!(concat!("../docs/guide/", stringify!($page), ".md"))]
            pub mod $page {}
        )+
    };
}

pages! {
    events listening emitting reports by_name modules publishing redis testing watching performance transport framework
    from_go from_broadcast compiler_messages
}
