//! The codecs of a bus, and how each message that is read gets the codec of its content type.

use std::sync::Arc;

use crate::{
    event::Codec,
    transport::{Answer, BoxFuture, LeaseId, Leased, Read, Source, Unsettled},
};

/// The codecs of a bus besides JSON, which is built in.
#[derive(Default, Clone)]
pub(crate) struct Codecs {
    all: Vec<Arc<dyn Codec>>,
    /// Whether the first of them writes; else JSON does.
    writes: bool,
}

impl Codecs {
    /// Sets the codec that writes.
    pub(crate) fn write(&mut self, codec: impl Codec) {
        if std::mem::replace(&mut self.writes, true) {
            self.all.remove(0);
        }
        self.all.insert(0, Arc::new(codec));
    }

    /// Adds one that only reads.
    pub(crate) fn read(&mut self, codec: impl Codec) {
        self.all.push(Arc::new(codec));
    }

    /// The codec in which the bus publishes; `None` for JSON.
    pub(super) fn writer(&self) -> Option<&Arc<dyn Codec>> {
        self.all.first().filter(|_| self.writes)
    }

    /// A source whose messages know their codecs. Without codecs it is the same.
    pub(super) fn reading(&self, source: Arc<dyn Source>) -> Arc<dyn Source> {
        if self.all.is_empty() { source } else { Arc::new(CodecSource { source, codecs: self.all.clone().into() }) }
    }
}

/// A transport's source. It gives each message that it reads the codec of its content type.
struct CodecSource {
    source: Arc<dyn Source>,
    codecs: Arc<[Arc<dyn Codec>]>,
}

/// What a read appends. Dropped, it finds the codecs: a read that panics or is given up keeps what it has leased, too.
struct DecodingRead<'a> {
    into: &'a mut Vec<Leased>,
    from: usize,
    codecs: &'a [Arc<dyn Codec>],
}

impl CodecSource {
    fn reading<'a>(&'a self, into: &'a mut Vec<Leased>) -> DecodingRead<'a> {
        DecodingRead { from: into.len(), into, codecs: &self.codecs }
    }
}

impl Drop for DecodingRead<'_> {
    fn drop(&mut self) {
        let from = self.from.min(self.into.len());
        for leased in &mut self.into[from..] {
            leased.find_codec(self.codecs);
        }
    }
}

impl Source for CodecSource {
    fn try_next(&self, max: usize, into: &mut Vec<Leased>) -> Option<Read> {
        let reading = self.reading(into);
        self.source.try_next(max, reading.into)
    }

    fn next<'a>(&'a self, max: usize, into: &'a mut Vec<Leased>) -> Answer<'a, Read> {
        let reading = self.reading(into);
        Box::pin(async move {
            let reading = reading;
            self.source.next(max, reading.into).await
        })
    }

    fn try_settle(&self, batch: &mut Vec<Leased>) -> bool {
        self.source.try_settle(batch)
    }

    fn settle(&self, batch: Vec<Leased>) -> BoxFuture<'static, Vec<Unsettled>> {
        self.source.settle(batch)
    }

    fn extend(&self, leases: Vec<LeaseId>) -> Answer<'static, Vec<LeaseId>> {
        self.source.extend(leases)
    }

    fn worker_waits(&self, waits: bool) {
        self.source.worker_waits(waits);
    }

    fn close(&self) -> Answer<'_, ()> {
        self.source.close()
    }
}
