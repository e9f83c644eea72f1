//! What a method with `#[on]` may look like.

use std::{
    fmt,
    future::pending,
    marker::PhantomData,
    sync::{Arc, Mutex},
};

use eventbus::{BoxError, Bus, Context, Event, Outcome, listener::ListenerKind, listeners};

use crate::support::{Log, Numbered, Ping, Pong};

#[derive(Debug)]
struct Refused(u32);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused {}", self.0)
    }
}

impl std::error::Error for Refused {}

#[derive(Default)]
struct Shapes {
    log: Log<String>,
}

#[listeners]
impl Shapes {
    #[on]
    fn nothing_back(&self, e: &Numbered) {
        self.log.add(format!("nothing_back {}", e.0));
    }

    #[on]
    fn own_error(&self, e: &Numbered) -> Result<(), Refused> {
        if e.0 == 13 { Err(Refused(e.0)) } else { Ok(()) }
    }

    #[on]
    fn boxed_error(&self, e: &Numbered) -> Result<(), BoxError> {
        let _: u8 = e.0.try_into()?;
        Ok(())
    }

    #[on]
    fn sees_its_emission(&self, _: &Numbered, cx: &Context) {
        self.log.add(format!("sees_its_emission {}", cx.event_name()));
    }

    #[on]
    fn keeps_the_module(self: Arc<Self>, e: &Numbered) {
        self.log.add(format!("keeps_the_module {}", e.0));
    }

    #[on]
    async fn shared(&self, e: Arc<Numbered>) -> Result<(), Refused> {
        tokio::task::yield_now().await;
        self.log.add(format!("shared {}", e.0));
        Ok(())
    }

    #[on]
    async fn borrowed(&self, e: &Numbered) {
        tokio::task::yield_now().await;
        self.log.add(format!("borrowed {}", e.0));
    }

    #[on]
    async fn with_a_context(&self, e: Arc<Numbered>, cx: Context) {
        tokio::task::yield_now().await;
        self.log.add(format!("with_a_context {} {}", e.0, cx.event_name()));
    }

    #[on]
    async fn borrows_all(&self, e: &Numbered, cx: &Context) -> Result<(), String> {
        tokio::task::yield_now().await;
        self.log.add(format!("borrows_all {} {}", e.0, cx.event_name()));
        Ok(())
    }

    #[on]
    async fn keeps_all(self: Arc<Self>, e: Arc<Numbered>) {
        let this = Arc::clone(&self);
        tokio::spawn(async move { this.log.add(format!("keeps_all {}", e.0)) }).await.unwrap();
    }

    #[on(blocking)]
    fn blocks(&self, e: &Numbered) -> std::io::Result<()> {
        self.log.add(format!("blocks {}", e.0));
        Ok(())
    }

    #[on(blocking)]
    fn blocks_with_a_context(&self, e: &Numbered, cx: &Context) {
        self.log.add(format!("blocks_with_a_context {} {}", e.0, cx.event_name()));
    }
}

#[tokio::test]
async fn every_shape_of_method_listens() {
    let (bus, shapes) = (Bus::new(), Arc::new(Shapes::default()));
    bus.register(shapes.clone()).unwrap();

    let report = bus.emit(Numbered(7)).await;
    assert!(report.is_ok(), "{report}");
    assert_eq!(report.succeeded(), 12);
    let mut log = shapes.log.take();
    log.sort();
    assert_eq!(
        log,
        [
            "blocks 7",
            "blocks_with_a_context 7 numbered",
            "borrowed 7",
            "borrows_all 7 numbered",
            "keeps_all 7",
            "keeps_the_module 7",
            "nothing_back 7",
            "sees_its_emission numbered",
            "shared 7",
            "with_a_context 7 numbered",
        ]
    );
    let kinds: Vec<_> = bus.listener_infos().iter().map(eventbus::listener::ListenerInfo::kind).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == ListenerKind::Sync).count(), 5);
    assert_eq!(kinds.iter().filter(|kind| **kind == ListenerKind::Async).count(), 5);
    assert_eq!(kinds.iter().filter(|kind| **kind == ListenerKind::Blocking).count(), 2);
}

#[tokio::test]
async fn errors_of_methods_are_in_the_report_under_the_names_of_the_methods() {
    let bus = Bus::new();
    bus.register(Arc::new(Shapes::default())).unwrap();
    let report = bus.emit(Numbered(13)).await;
    let [failure] = report.failures() else { panic!("{report}") };
    assert_eq!(failure.listener().name(), Some("Shapes::own_error"));
    assert!(matches!(failure.outcome(), Outcome::Failed(error) if error.downcast_ref::<Refused>().unwrap().0 == 13));

    let report = bus.emit(Numbered(300)).await;
    assert!(report.to_string().contains("`Shapes::boxed_error`"), "{report}");
}

struct Placed;

#[listeners]
impl Placed {
    #[on]
    fn here(&self, _: &Ping) {}
}
const LINE_OF_HERE: u32 = line!() - 2;

#[test]
fn a_listener_of_a_module_has_the_place_of_its_method() {
    let bus = Bus::new();
    bus.register(Arc::new(Placed)).unwrap();
    let location = bus.listener_infos()[0].location();
    assert!(location.file().ends_with("methods.rs"), "{location}");
    assert_eq!(location.line(), LINE_OF_HERE, "{location}");
}

#[test]
fn a_listener_of_a_module_has_the_name_of_type_and_method_and_the_scope_of_its_module() {
    let bus = Bus::new();
    bus.register(Arc::new(Placed)).unwrap();
    let info = &bus.listener_infos()[0];
    assert_eq!(info.name(), Some("Placed::here"));
    assert_eq!(info.scope(), Some("Placed"));
}

trait Repo: Send + Sync {
    fn save(&self, number: u32);
}

impl Repo for Mutex<Vec<u32>> {
    fn save(&self, number: u32) {
        self.lock().unwrap().push(number);
    }
}

#[derive(Event)]
#[event(shares_name)]
struct Saved<T> {
    what: T,
}

/// Generic over what it is made of and over what it listens to.
struct Archive<R, T, const N: usize> {
    repo: R,
    of: PhantomData<fn() -> T>,
}

#[listeners]
impl<R: Repo, T, const N: usize> Archive<R, T, N>
where
    T: Into<u32> + Copy + Send + Sync + 'static,
{
    const LIMIT: usize = N;

    #[on]
    fn sync(&self, e: &Saved<T>) {
        self.repo.save(e.what.into());
    }

    #[on]
    async fn waits(&self, e: &Saved<T>) {
        if Self::LIMIT > 0 {
            tokio::task::yield_now().await;
            self.repo.save(e.what.into() + 1);
        }
    }
}

#[tokio::test]
async fn a_generic_service_listens_for_each_of_its_types() {
    let bus = Bus::new();
    let bytes = Arc::new(Archive::<_, u8, 1> { repo: Mutex::new(Vec::new()), of: PhantomData });
    let words = Arc::new(Archive::<_, u16, 0> { repo: Mutex::new(Vec::new()), of: PhantomData });
    bus.register(bytes.clone()).unwrap();
    bus.register(words.clone()).unwrap();
    assert!(bus.emit(Saved { what: 1_u8 }).await.is_ok());
    assert!(bus.emit(Saved { what: 1000_u16 }).await.is_ok());
    assert_eq!(*bytes.repo.lock().unwrap(), [1, 2]);
    assert_eq!(*words.repo.lock().unwrap(), [1000]);
    assert_eq!(bus.listener_infos()[0].name(), Some("Archive::sync"), "the parameters do not show");
}

struct Endless;

#[listeners]
impl Endless {
    #[on]
    async fn waits(&self, _: &Ping) {
        pending::<()>().await;
    }

    #[on]
    fn never(&self, _: &Pong) -> ! {
        panic!("boom")
    }
}

#[tokio::test]
async fn an_async_method_stops_with_the_emission() {
    let bus = Bus::new();
    let module = Arc::new(Endless);
    bus.register(module.clone()).unwrap();
    let report = bus.emit(Ping).timeout(std::time::Duration::from_millis(1)).await;
    assert!(matches!(report.failures()[0].outcome(), Outcome::TimedOut), "{report}");
    assert_eq!(Arc::strong_count(&module), 3, "the future that was stopped has let go");
}

#[test]
fn a_method_that_panics_stops_nobody() {
    crate::support::hush();
    let bus = Bus::new();
    bus.register(Arc::new(Endless)).unwrap();
    bus.on::<Pong>(|_| ());
    let report = bus.emit(Pong).blocking();
    assert_eq!(report.succeeded(), 1);
    assert!(matches!(report.failures()[0].outcome(), Outcome::Panicked(text) if &**text == "boom"), "{report}");
}
