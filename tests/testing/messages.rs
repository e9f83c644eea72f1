//! What assertions say when they fail, in full.

use std::fmt;

use eventbus::{BoxError, Event, EventName, testing::Recorder};

use crate::support::panic_of;

#[derive(Debug, Event)]
struct OrderPlaced {
    id: u64,
}

/// Has no `Debug`.
#[derive(Event)]
struct PageViewed;

#[derive(Debug, Event)]
#[event(version = 2)]
struct MailRequested {
    to: &'static str,
}

#[derive(Event)]
struct NeverSeen;

/// An event that is implemented by hand.
#[derive(Debug)]
struct ByHand(#[expect(dead_code, reason = "it is printed")] u8);

impl Event for ByHand {
    const NAME: EventName = EventName::new("by.hand");
}

#[derive(Debug, Event)]
#[event(name = "generic", shares_name)]
struct Generic<T>(T);

fn recorded() -> Recorder {
    let recorder = Recorder::new();
    let bus = recorder.bus();
    bus.on::<OrderPlaced>(|_| {});
    bus.emit(OrderPlaced { id: 1 }).blocking();
    bus.emit(PageViewed).blocking();
    bus.emit(PageViewed).blocking();
    bus.emit_name("secret.told", "the payload").unwrap().blocking();
    recorder
}

const LIST: &str = "recorded, in order:
  emitted order.placed OrderPlaced { id: 1 }
  emitted page.viewed (nobody listens) (2 times)
  emitted secret.told (nobody listens)";

#[test]
fn of_an_event_that_was_not_emitted() {
    let text = panic_of(|| recorded().assert_emitted::<MailRequested>(|_| true));
    assert_eq!(text, format!("`mail.requested.v2` was not emitted; {LIST}"));
}

#[test]
fn of_an_event_that_was_emitted_otherwise() {
    let text = panic_of(|| recorded().assert_emitted::<OrderPlaced>(|e| e.id == 2));
    assert_eq!(text, format!("`order.placed` was emitted once, but not as asked for; {LIST}"));
    let text = panic_of(|| recorded().assert_emitted::<PageViewed>(|_| false));
    assert_eq!(text, format!("`page.viewed` was emitted 2 times, but never as asked for; {LIST}"));
}

#[test]
fn of_a_count() {
    let text = panic_of(|| recorded().assert_emitted_times::<OrderPlaced>(2));
    assert_eq!(text, format!("`order.placed` was emitted once, and was to be 2 times; {LIST}"));
    let text = panic_of(|| recorded().assert_not_emitted::<PageViewed>());
    assert_eq!(text, format!("`page.viewed` was emitted 2 times, and was not to be; {LIST}"));
    let text = panic_of(|| recorded().assert_nothing_emitted());
    assert_eq!(text, format!("4 events were emitted, not none; {LIST}"));
}

#[test]
fn of_a_name() {
    let text = panic_of(|| recorded().assert_emitted_name("secret.told", |_| false));
    assert_eq!(text, format!("`secret.told` was emitted once, but not as asked for; {LIST}"));
    let text = panic_of(|| recorded().assert_published_name("secret.told", |_| true));
    assert_eq!(text, format!("`secret.told` was not published; {LIST}"));
}

#[test]
fn of_an_order() {
    let text = panic_of(|| recorded().assert_order(["page.viewed", "order.placed"]));
    assert_eq!(text, format!("`order.placed` was not emitted or published after `page.viewed`; {LIST}"));
    let text = panic_of(|| recorded().assert_order(["mail.requested"]));
    assert_eq!(text, format!("`mail.requested` was not emitted or published; {LIST}"));
}

#[test]
fn of_nothing_at_all() {
    let text = panic_of(|| Recorder::new().assert_emitted::<OrderPlaced>(|_| true));
    assert_eq!(text, "`order.placed` was not emitted; nothing was recorded");
}

#[tokio::test]
async fn of_what_was_published() -> Result<(), BoxError> {
    let recorder = Recorder::new();
    let bus = recorder.bus();
    bus.publish(MailRequested { to: "ada" }).await?;
    bus.emit(OrderPlaced { id: 1 }).await;
    let list = "recorded, in order:
  published mail.requested.v2 MailRequested { to: \"ada\" }
  emitted order.placed OrderPlaced { id: 1 } (nobody listens)";
    let text = panic_of(|| recorder.assert_published::<MailRequested>(|e| e.to == "bob"));
    assert_eq!(text, format!("`mail.requested.v2` was published once, but not as asked for; {list}"));
    let text = panic_of(|| recorder.assert_emitted::<MailRequested>(|_| true));
    assert_eq!(text, format!("`mail.requested.v2` was not emitted; {list}"));
    let text = panic_of(|| recorder.assert_published_times::<OrderPlaced>(1));
    assert_eq!(text, format!("`order.placed` was not published, and was to be once; {list}"));
    let text = panic_of(|| recorder.assert_not_published::<MailRequested>());
    assert_eq!(text, format!("`mail.requested.v2` was published once, and was not to be; {list}"));
    let text = panic_of(|| recorder.assert_nothing_published());
    assert_eq!(text, format!("1 event was published, not none; {list}"));
    Ok(())
}

#[test]
fn types_by_hand_and_generic_ones_are_printed_where_the_test_asks_for_it() {
    let print = |recorder: Recorder| {
        let bus = recorder.bus();
        bus.emit(ByHand(7)).blocking();
        bus.emit(Generic(7_u8)).blocking();
        panic_of(|| recorder.assert_nothing_emitted())
    };
    let text = print(Recorder::new());
    assert!(text.ends_with("\n  emitted by.hand (nobody listens)\n  emitted generic (nobody listens)"), "{text}");
    let text = print(Recorder::new().show::<ByHand>().show::<Generic<u8>>());
    let lines = "\n  emitted by.hand ByHand(7) (nobody listens)\n  emitted generic Generic(7) (nobody listens)";
    assert!(text.ends_with(lines), "{text}");
}

/// Its `Debug` is hostile.
#[derive(Event)]
struct Hostile(bool);

impl fmt::Debug for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&"long\n".repeat(100_000))?;
        assert!(self.0, "in `Debug`");
        Ok(())
    }
}

#[test]
fn a_long_or_panicking_debug_is_cut() {
    let recorder = Recorder::new();
    let bus = recorder.bus();
    bus.emit(Hostile(true)).blocking();
    bus.emit(Hostile(false)).blocking();
    let text = panic_of(|| recorder.assert_nothing_emitted());
    assert!(text.len() < 2_000 && text.lines().count() < 4, "{text}");
}

#[test]
fn a_long_list_is_cut() {
    let recorder = Recorder::new();
    let bus = recorder.bus();
    for id in 0..1_000 {
        bus.emit(OrderPlaced { id }).blocking();
    }
    let text = panic_of(|| recorder.assert_not_emitted::<OrderPlaced>());
    assert_eq!(text.lines().count(), 62);
    assert!(text.ends_with("\n  .. and 940 more"), "{text}");
}

#[test]
fn the_recorder_and_its_records_show_no_content() {
    let recorder = recorded();
    let shown = format!("{recorder:?} {:?} {:?}", recorder.records(), recorder.emitted_name("order.placed"));
    assert!(!shown.contains("id: 1") && !shown.contains("payload"), "{shown}");
}

#[test]
fn a_failure_is_at_the_line_of_the_test() {
    let place = std::sync::Arc::new(std::sync::Mutex::new(0));
    let (seen, before) = (place.clone(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |info| {
        if info.payload_as_str().is_some_and(|text| text.contains("`never.seen` was not emitted")) {
            *seen.lock().unwrap() = info.location().map_or(0, std::panic::Location::line);
        }
    }));
    let recorder = Recorder::new();
    let line = line!() + 1;
    panic_of(|| recorder.assert_emitted::<NeverSeen>(|_| true));
    std::panic::set_hook(before);
    assert_eq!(*place.lock().unwrap(), line);
}
