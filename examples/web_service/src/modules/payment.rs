//! The payment: charges for what is ordered, gives back what was charged for nothing.

use std::{
    collections::BTreeMap,
    error::Error,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use eventbus::{BoxError, Bus, Context};
use serde::Serialize;

use super::lock;
use crate::{
    catalogue::{DECLINED, OUTAGE, SLOW},
    events::{Order, OrderPlaced, OrderWithdrawn, Refusal},
    log,
};

/// The module.
pub(crate) struct Payment {
    ledger: Arc<Ledger>,
}

/// What was paid.
#[derive(Debug, Serialize)]
pub(crate) struct PaymentSummary {
    cents: u64,
    refunded: usize,
    /// Charges that were stopped before the provider had answered.
    stopped: usize,
}

/// The payment provider, or what stands for it here.
#[derive(Debug)]
pub(crate) struct Provider;

/// A charge that came to nothing, other than by a [`Refusal`].
#[derive(Debug)]
enum ChargeError {
    Unreachable,
    GivenUp,
}

struct Ledger {
    provider: Provider,
    /// Cents by order.
    charged: Mutex<BTreeMap<u64, u64>>,
    refunded: AtomicUsize,
    stopped: AtomicUsize,
}

impl Payment {
    /// Registers the module's listeners.
    pub(crate) fn new(bus: &Bus, provider: Provider) -> Self {
        let (refunded, stopped) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let ledger = Arc::new(Ledger { provider, charged: Mutex::default(), refunded, stopped });
        let scope = bus.scope("payment");
        // A charge must not be dropped halfway: it runs in a task of its own, and its context tells it when the request
        // has ended without it.
        scope
            .listener::<OrderPlaced>()
            .named("payment.charge")
            .spawned()
            .with(Arc::clone(&ledger))
            .with_context()
            .on_async(|ledger, e, cx| async move { ledger.charge(&e.order, &cx).await });
        scope
            .listener::<OrderWithdrawn>()
            .named("payment.refund")
            .with(Arc::clone(&ledger))
            .on(|ledger, e| ledger.refund(&e.order));
        Self { ledger }
    }

    /// What was paid so far.
    pub(crate) fn summary(&self) -> PaymentSummary {
        PaymentSummary {
            cents: lock(&self.ledger.charged).values().sum(),
            refunded: self.ledger.refunded.load(Ordering::Relaxed),
            stopped: self.ledger.stopped.load(Ordering::Relaxed),
        }
    }
}

impl Ledger {
    async fn charge(&self, order: &Order, cx: &Context) -> Result<(), BoxError> {
        log::line(format_args!("order {}: charging {} cents", order.id, order.cents));
        tokio::select! {
            biased;
            () = cx.cancelled() => return Err(self.give_up(order).into()),
            answer = self.provider.charge(order) => answer?,
        }
        lock(&self.charged).insert(order.id, order.cents);
        // `order.withdrawn` may have come and found nothing to refund. The emission is marked as cancelled before that
        // event is emitted, so one of the two sees the other.
        if cx.is_cancelled() {
            self.refund(order);
            return Err(self.give_up(order).into());
        }
        log::line(format_args!("order {}: charged", order.id));
        Ok(())
    }

    /// An error, not a quiet end: the context knows that time is up a moment before the emission does, and an emission
    /// whose listeners have all ended well is a success.
    fn give_up(&self, order: &Order) -> ChargeError {
        self.stopped.fetch_add(1, Ordering::Relaxed);
        log::line(format_args!("order {}: charging was stopped", order.id));
        ChargeError::GivenUp
    }

    fn refund(&self, order: &Order) {
        if lock(&self.charged).remove(&order.id).is_some() {
            self.refunded.fetch_add(1, Ordering::Relaxed);
            log::line(format_args!("order {}: refunded", order.id));
        }
    }
}

impl Provider {
    /// Stands for a call to the provider over the network.
    async fn charge(&self, order: &Order) -> Result<(), BoxError> {
        match order.item.as_str() {
            SLOW => std::future::pending().await,
            DECLINED => Err(Refusal::CardDeclined.into()),
            OUTAGE => Err(ChargeError::Unreachable.into()),
            _ => eventbus::Ok(()),
        }
    }
}

impl fmt::Display for ChargeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "the payment provider cannot be reached",
            Self::GivenUp => "given up, since the request has ended; nothing was charged",
        })
    }
}

impl Error for ChargeError {}
