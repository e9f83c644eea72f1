//! Everything that a listener can be, written as a user writes it: no type is named that could be inferred.

#![forbid(unsafe_code)]

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    id: u64,
    email: String,
}

#[derive(Default)]
struct Service {
    handled: AtomicU64,
}

#[derive(Debug)]
struct ServiceError;

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the service is down")
    }
}

impl std::error::Error for ServiceError {}

impl Service {
    fn handle(&self, event: &UserCreated) -> Result<(), ServiceError> {
        self.handled.fetch_add(event.id, Ordering::Relaxed);
        if event.email.contains('@') { Ok(()) } else { Err(ServiceError) }
    }

    fn handle_shared(self: Arc<Self>, event: &UserCreated) {
        self.handled.fetch_add(event.id, Ordering::Relaxed);
    }
}

fn welcome(event: &UserCreated) {
    println!("welcome {}", event.email);
}

fn check(event: &UserCreated) -> Result<(), String> {
    if event.email.contains('@') { Ok(()) } else { Err(format!("`{}` is no address", event.email)) }
}

fn audit(log: Arc<Mutex<Vec<u64>>>, event: &UserCreated) {
    log.lock().unwrap().push(event.id);
}

impl UserCreated {
    fn print(&self) {
        println!("user {}", self.id);
    }
}

fn main() {
    let bus = Bus::new();
    let service = Arc::new(Service::default());
    let log = Arc::new(Mutex::new(Vec::new()));

    // Closures that return `()`.
    bus.on::<UserCreated>(|e| println!("closure {}", e.email));
    bus.on::<UserCreated>(|e| {
        let domain = e.email.split('@').nth(1);
        println!("domain {domain:?}");
    });
    bus.on::<UserCreated>(|_| ());
    bus.listener::<UserCreated>().filter(|_| false).on(|_| todo!());

    // Closures that return a `Result`.
    bus.on::<UserCreated>(|e| {
        let name: String = e.email.parse()?;
        let _: u64 = name.len().try_into()?;
        eventbus::Ok(())
    });
    bus.on::<UserCreated>(|e| if e.id > 0 { Ok(()) } else { Err("no id") });
    bus.on::<UserCreated>(|e| check(e));

    // Fn items, methods of the event, methods of a service.
    bus.on(welcome);
    bus.on::<UserCreated>(check);
    bus.on(UserCreated::print);
    let it = Arc::clone(&service);
    bus.on::<UserCreated>(move |e| it.handle(e));

    // State.
    bus.listener::<UserCreated>().with(service.clone()).on(|service, e| service.handle(e));
    bus.listener::<UserCreated>().with(service.clone()).on(Service::handle_shared);
    bus.listener::<UserCreated>().with(log.clone()).on(|log, e| log.lock().unwrap().push(e.id));
    bus.listener::<UserCreated>().with(log.clone()).named("audit").priority(1).once().filter(|e| e.id > 0).on(audit);
    bus.scope("scope").on::<UserCreated>(|e| println!("scope {}", e.id));

    let report = bus.emit(UserCreated { id: 7, email: "ada@example.org".into() }).blocking();
    println!("{} finished well", report.succeeded());
    println!("handled {}, log {:?}", service.handled.load(Ordering::Relaxed), log.lock().unwrap());

    let report = bus.emit(UserCreated { id: 0, email: "ada".into() }).blocking();
    println!("{} failed", report.failures().len());
    println!("{report}");
}
