//! Running properties, each on a thread and a runtime of its own.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use tokio::runtime::Builder;

use crate::{
    Broken, Property, PropertyOutcome, Rig, Summary,
    lab::Lab,
    outcome::{Checked, Halt},
    properties,
};

/// Checks one property. It blocks the thread until that has ended, or has taken longer than
/// [`Limits::longest`](crate::Limits::longest).
pub fn check(property: &'static Property, rig: &Arc<dyn Rig>) -> PropertyOutcome {
    let (done, ended) = mpsc::channel();
    let (own, longest) = (Arc::clone(rig), rig.limits().longest);
    // Not joined: a transport that holds its thread holds this one.
    thread::spawn(move || {
        let outcome = catch_unwind(AssertUnwindSafe(|| on_a_runtime(property, &own)));
        let _ = done.send(outcome.unwrap_or_else(|payload| {
            let said = payload.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no text");
            failed(property, "no panic", &format!("a panic: {said}"))
        }));
    });
    ended.recv_timeout(longest).unwrap_or_else(|_| failed(property, &format!("an end within {longest:?}"), "none"))
}

fn failed(property: &Property, expected: &str, seen: &str) -> PropertyOutcome {
    let clause = property.clauses.join(", ");
    PropertyOutcome::Broken(Broken { clause, expected: expected.to_owned(), seen: seen.to_owned() })
}

fn on_a_runtime(property: &'static Property, rig: &Arc<dyn Rig>) -> PropertyOutcome {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let mut builder = if property.is_single { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    let runtime = match builder.worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(property, "a runtime", &error.to_string()),
    };
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let name = &property.name[..property.name.len().min(60)];
    let storage = format!("{name}_{}_{run}", process::id());
    let checked: Checked = runtime.block_on(async {
        let mut lab = Lab::open(Arc::clone(rig), storage.clone()).await?;
        let checked = (property.run)(&mut lab).await;
        lab.end().await;
        checked
    });
    runtime.block_on(rig.clear(&storage));
    // What a property has left behind on purpose need not end.
    runtime.shutdown_background();
    match checked {
        Ok(()) => PropertyOutcome::Passed,
        Err(Halt::Skipped(reason)) => PropertyOutcome::Skipped(reason),
        Err(Halt::Broken(broken)) => PropertyOutcome::Broken(broken),
    }
}

/// Checks all properties, some at a time, and blocks the thread until they have ended.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use eventbus::transport::{Answer, Memory, Transport};
///
/// struct InMemory;
///
/// impl eventbus_conformance::Rig for InMemory {
///     fn open<'a>(&'a self, _: &'a str) -> Answer<'a, Arc<dyn Transport>> {
///         Box::pin(async { Ok(Arc::new(Memory::new()) as Arc<dyn Transport>) })
///     }
/// }
///
/// eventbus_conformance::run(InMemory).assert_kept();
/// ```
pub fn run(rig: impl Rig) -> Summary {
    let rig: Arc<dyn Rig> = Arc::new(rig);
    let all: Vec<_> = properties().collect();
    run_some(&all, &rig, at_a_time(), &|_, _| {})
}

/// How many properties run at a time: most of the time they wait.
pub(crate) fn at_a_time() -> usize {
    thread::available_parallelism().map_or(16, |threads| threads.get() * 8)
}

/// Checks these properties, `threads` at a time, and tells of each when it has ended.
pub(crate) fn run_some(
    all: &[&'static Property],
    rig: &Arc<dyn Rig>,
    threads: usize,
    tell: &(dyn Fn(&Property, &PropertyOutcome) + Sync),
) -> Summary {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..threads.clamp(1, all.len().max(1)) {
            scope.spawn(|| {
                while let Some(property) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = check(property, rig);
                    tell(property, &outcome);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((*property, outcome));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(property, _)| all.iter().position(|other| std::ptr::eq(*other, *property)));
    Summary { results }
}
