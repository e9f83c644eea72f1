//! The rivals, each brought to the same shape: [`Listeners`], and a way to emit.

use futures_util::FutureExt;
use jaeb::EventBus as Jaeb;
use mod_events::EventDispatcher as ModEvents;
use rt_events::EventBus as RtEvents;
use signals2::{Connect1, Emit1, Signal};
use tokio::sync::broadcast::{self, Receiver, Sender};

use crate::sample::{Listeners, Raw, Sample};

impl Listeners for RtEvents {
    fn listen(&mut self, listener: impl Fn(&Sample) + Clone + Send + Sync + 'static) {
        self.on(listener);
    }
}

/// signals2 hands each slot a clone of its argument; a sample is cheap to clone.
#[derive(Default)]
pub(crate) struct Signals2(pub(crate) Signal<(Sample,)>);

impl Signals2 {
    #[inline]
    pub(crate) fn emit(&self, sample: Sample) {
        self.0.emit(sample);
    }
}

impl Listeners for Signals2 {
    fn listen(&mut self, listener: impl Fn(&Sample) + Clone + Send + Sync + 'static) {
        self.0.connect(move |sample| listener(&sample));
    }
}

impl mod_events::Event for Sample {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

impl Listeners for ModEvents {
    fn listen(&mut self, listener: impl Fn(&Sample) + Clone + Send + Sync + 'static) {
        self.on(listener);
    }
}

/// JAEB emits from async code only. With sync handlers alone its future is ready when first polled, which costs less than a
/// runtime would.
pub(crate) struct JaebSync(pub(crate) Jaeb);

impl JaebSync {
    pub(crate) fn new() -> Self {
        Self(Jaeb::builder().build().now_or_never().and_then(Result::ok).expect("a bus with the default settings"))
    }

    #[inline]
    pub(crate) fn emit(&self, sample: Sample) {
        let published = self.0.publish(sample).now_or_never();
        debug_assert!(matches!(published, Some(Ok(()))));
    }
}

impl Listeners for JaebSync {
    fn listen(&mut self, listener: impl Fn(&Sample) + Clone + Send + Sync + 'static) {
        let handler = move |sample: &Sample, _: &Jaeb| {
            listener(sample);
            Ok(())
        };
        let _ = self.0.subscribe(handler).now_or_never().and_then(Result::ok).expect("nothing to wait for");
    }
}

/// tokio's broadcast channel, used as a bus: sent once, received and handled once for each listener, on one thread.
pub(crate) struct Broadcast {
    sender: Sender<Sample>,
    receivers: Vec<Receiver<Sample>>,
    listeners: Raw,
}

impl Broadcast {
    pub(crate) fn new() -> Self {
        Self { sender: broadcast::channel(16).0, receivers: Vec::new(), listeners: Raw::new() }
    }

    #[inline]
    pub(crate) fn emit(&mut self, sample: Sample) {
        let _ = self.sender.send(sample);
        for (receiver, listener) in self.receivers.iter_mut().zip(&self.listeners) {
            if let Ok(sample) = receiver.try_recv() {
                listener(&sample);
            }
        }
    }
}

impl Listeners for Broadcast {
    fn listen(&mut self, listener: impl Fn(&Sample) + Clone + Send + Sync + 'static) {
        self.receivers.push(self.sender.subscribe());
        self.listeners.listen(listener);
    }
}
