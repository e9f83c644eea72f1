//! Its sources: reading, settling, extending.

use std::{
    future::ready,
    sync::{Arc, atomic::Ordering},
};

use eventbus::transport::{Answer, BoxFuture, LeaseId, Leased, Read, Source, Unsettled};

use super::transport::{Call, Fault, Hostile, Shape};

pub(super) struct HostileSource {
    pub(super) source: Arc<dyn Source>,
    pub(super) hostile: Hostile,
}

impl HostileSource {
    fn distort(&self, fault: Option<Fault>, from: usize, into: &mut Vec<Leased>) {
        let hostile = &self.hostile;
        let relabel = |leased: Leased| {
            let lease = match hostile.capabilities.lease {
                Some(_) => LeaseId::new(&hostile.leases.fetch_add(1, Ordering::SeqCst).to_string()),
                None => LeaseId::NONE,
            };
            let (attempts, deliveries) = (leased.attempts(), leased.deliveries());
            let deliveries = hostile.deliveries.unwrap_or(deliveries);
            Leased::new(leased.into_message(), lease).with_attempts(attempts).with_deliveries(deliveries)
        };
        let mut new: Vec<_> = into.drain(from..).map(relabel).collect();
        match fault {
            Some(Fault::Reversed) => new.reverse(),
            Some(Fault::Twice) => {
                let again = |leased: &Leased| Leased::new(leased.message().clone(), leased.lease().clone());
                let twice: Vec<_> = new.iter().map(again).collect();
                new.extend(twice);
            }
            _ => {}
        }
        into.extend(new);
    }
}

impl Source for HostileSource {
    fn try_next(&self, max: usize, into: &mut Vec<Leased>) -> Option<Read> {
        if self.hostile.shape == Shape::Later {
            return self.hostile.at_once(Call::TryNext, |_| None);
        }
        let from = into.len();
        self.hostile.at_once(Call::TryNext, |fault| match fault {
            Some(Fault::Empty) => Some(Read::Batch),
            Some(Fault::Closed) => Some(Read::Closed),
            fault => {
                let max = if fault == Some(Fault::TooMany) { max + 5 } else { max };
                let read = self.source.try_next(max, into);
                self.distort(fault, from, into);
                read
            }
        })
    }

    fn next<'a>(&'a self, max: usize, into: &'a mut Vec<Leased>) -> Answer<'a, Read> {
        let hostile = &self.hostile;
        let fault = hostile.fault(Call::Next);
        let next = move || -> Answer<'a, Read> {
            match fault {
                Some(Fault::Empty) => return Box::pin(ready(Ok(Read::Batch))),
                Some(Fault::Closed) => return Box::pin(ready(Ok(Read::Closed))),
                _ => {}
            }
            let max = if fault == Some(Fault::TooMany) { max + 5 } else { max };
            Box::pin(async move {
                let from = into.len();
                let read = self.source.next(max, into).await;
                self.distort(fault, from, into);
                read
            })
        };
        hostile.later(Call::Next, next, Err)
    }

    fn try_settle(&self, batch: &mut Vec<Leased>) -> bool {
        self.hostile.at_once(Call::TrySettle, |_| self.hostile.shape == Shape::AtOnce && self.source.try_settle(batch))
    }

    fn settle(&self, batch: Vec<Leased>) -> BoxFuture<'static, Vec<Unsettled>> {
        let hostile = &self.hostile;
        let fault = hostile.fault(Call::Settle);
        if let Some(Fault::Error | Fault::Lost) = fault {
            hostile.note(Call::Settle);
            hostile.strikes(Call::Settle);
            let is_lost = fault == Some(Fault::Lost);
            let unsettled = |leased| Unsettled { leased, is_lost, error: "boom: Settle".into() };
            let all = batch.into_iter().map(unsettled).collect();
            return Box::pin(ready(all));
        }
        hostile.later(Call::Settle, || self.source.settle(batch), |_| Vec::new())
    }

    fn extend(&self, leases: Vec<LeaseId>) -> Answer<'static, Vec<LeaseId>> {
        let hostile = &self.hostile;
        let fault = hostile.fault(Call::Extend);
        let lost = match fault {
            Some(Fault::Lost) => leases,
            // Some that nobody holds.
            Some(Fault::TooMany) => (0..10).map(|at| LeaseId::new(&format!("unknown {at}"))).collect(),
            _ => Vec::new(),
        };
        hostile.later(Call::Extend, || Box::pin(ready(Ok(lost))), Err)
    }

    fn worker_waits(&self, waits: bool) {
        self.hostile.at_once(Call::WorkerWaits, |_| self.source.worker_waits(waits));
    }

    fn close(&self) -> Answer<'_, ()> {
        self.hostile.later(Call::CloseSource, || self.source.close(), Err)
    }
}
