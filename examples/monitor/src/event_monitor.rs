//! The monitor: an interceptor of 20 lines, and the table that it prints.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use eventbus::{
    Report,
    intercept::{CallEnd, EmissionInfo, Intercepted, Interceptor},
    listener::ListenerInfo,
};

/// Counts by event. A clone counts in the same place.
#[derive(Clone, Default)]
pub(crate) struct EventMonitor(Arc<Mutex<BTreeMap<&'static str, Counts>>>);

#[derive(Default)]
struct Counts {
    emissions: u32,
    calls: u32,
    errors: u32,
    time: Duration,
}

// The 20 lines.
impl Interceptor for EventMonitor {
    fn emission(&self, emission: &EmissionInfo<'_>) -> Intercepted<Report> {
        self.count(event(emission), |counts| counts.emissions += 1);
        Ok(None)
    }

    fn call(&self, emission: &EmissionInfo<'_>, _: &ListenerInfo) -> Intercepted<CallEnd> {
        let (monitor, event, began) = (self.clone(), event(emission), Instant::now());
        let count = move |counts: &mut Counts, end: &CallEnd| {
            counts.calls += 1;
            counts.errors += u32::from(!end.is_ok());
            counts.time += began.elapsed();
        };
        Ok(Some(Box::new(move |end: &CallEnd| monitor.count(event, |counts| count(counts, end)))))
    }

    fn hears_unheard(&self) -> bool {
        true // emissions without listeners count, too
    }
}

impl EventMonitor {
    fn count(&self, event: &'static str, count: impl FnOnce(&mut Counts)) {
        count(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(event).or_default());
    }
}

/// Names that no type claims come from outside. They share a row: a monitor must not grow with what others send.
fn event(emission: &EmissionInfo<'_>) -> &'static str {
    emission.event_type().map_or("(other)", |event| event.name().as_str())
}

impl fmt::Display for EventMonitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<16}{:>10}{:>10}{:>10}{:>16}", "event", "emissions", "calls", "errors", "average call")?;
        for (event, counts) in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            let Counts { emissions, calls, errors, time } = counts;
            let average = *time / (*calls).max(1);
            writeln!(f, "{event:<16}{emissions:>10}{calls:>10}{errors:>10}{:>16}", format!("{average:.1?}"))?;
        }
        Ok(())
    }
}
