//! The program: a bus, the modules, and the ways to run them.

use std::{io, net::SocketAddr, sync::Arc};

use eventbus::{BoxError, Bus, WiringError, catalog::AsyncApiInfo, transport::Transport};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::CatalogForm,
    consumers::{self, Group, Settings},
    events,
    failing::Failing,
    input::{self, Input},
    modules::{Audit, LabelRules, Statistics, Triage, Unclaimed},
    progress::Progress,
    queued,
    run::{Listening, run},
    serve::{Dead, Ending, Exporter, Service},
    signals::Signals,
    summary::{Modules, Summary},
    tables::Tables,
    traced,
};

/// What becomes of deliveries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Those of a file are emitted.
    Emit,
    /// The same, on a bus that keeps a trace.
    Trace,
    /// Those of a file are published.
    Publish,
    /// Those that come by HTTP are published.
    Serve,
}

/// A bus, and the modules that listen.
pub(crate) struct Program {
    /// Where deliveries are emitted, or published.
    bus: Bus,
    /// What hears of the dead letters of a replay.
    failing: Arc<Failing>,
    /// What hears of those of a service.
    dead: Arc<Dead>,
    /// Where each module listens: there, or, if deliveries are published, on a bus of its own, to which its group hands them. So
    /// a module hears of a delivery from its group only, and could as well be another process.
    places: Places,
    /// Whether they are buses of their own.
    published: bool,
    audit: Audit,
    triage: Triage,
    statistics: Statistics,
    unclaimed: Unclaimed,
}

struct Places {
    audit: Bus,
    triage: Bus,
    statistics: Bus,
}

impl Program {
    /// Wires the modules. With `stats`, what is emitted is counted; all buses record in `exporter`, if there is one.
    pub(crate) fn wire(
        mode: Mode,
        stats: bool,
        transport: Option<Arc<dyn Transport>>,
        exporter: Option<&Exporter>,
    ) -> Result<Self, WiringError> {
        let (failing, dead) = (Arc::new(Failing::default()), Arc::new(Dead::default()));
        let builder = || match exporter {
            Some(exporter) => Bus::builder().stats(stats).metrics(exporter.metrics()),
            None => Bus::builder().stats(stats),
        };
        let mut bus = builder().max_payload(input::LARGEST_DELIVERY);
        if mode == Mode::Publish {
            // A replay lists them by line and keeps none; a service keeps the newest ones.
            let failing = Arc::clone(&failing);
            bus = bus.max_dead_letters(0).on_dead_letter(move |letter| failing.dead(letter));
        }
        if mode == Mode::Trace {
            bus = bus.trace(traced::RECORDS);
        }
        let published = matches!(mode, Mode::Publish | Mode::Serve);
        if published {
            // To wait for room is how a replay goes at the pace of its workers.
            bus = bus.on_warning(|_| {});
        }
        if mode == Mode::Serve {
            let dead = Arc::clone(&dead);
            bus = bus.on_dead_letter(move |letter| dead.add(letter));
        }
        if published {
            // The end tells the dead letters.
            bus = bus.on_failure(|_| {});
        }
        if let Some(transport) = transport {
            bus = bus.transport(transport);
        }
        let bus = bus.build();
        events::declare(&bus)?;
        let place = || if published { builder().build() } else { bus.clone() };
        let places = Places { audit: place(), triage: place(), statistics: place() };
        let audit = Audit::new(&places.audit, &places.triage);
        let triage = Triage::new(&places.triage, LabelRules::default());
        let statistics = Statistics::new(&places.statistics);
        let unclaimed = Unclaimed::default();
        if !published {
            unclaimed.listen(&bus)?;
        }
        Ok(Self { bus, failing, dead, places, published, audit, triage, statistics, unclaimed })
    }

    /// Emits the deliveries of a file, one after the other.
    pub(crate) fn replay(self, input: &mut Input) -> Summary {
        let mut progress = Progress::on_stderr();
        let tally = run(&self.bus, input, &mut progress);
        progress.done();
        Summary { stats: self.tables(), ..Summary::new(&tally, self.unclaimed.kinds(), self.modules()) }
    }

    /// Emits the deliveries of a file, and gives the tree of the one that has caused the most.
    pub(crate) fn trace(&self, input: &mut Input) -> Option<String> {
        traced::largest_tree(&self.bus, input)
    }

    /// Publishes the deliveries of a file; the modules' workers handle them side by side.
    ///
    /// # Errors
    ///
    /// There are no threads or signals to be had.
    pub(crate) fn replay_queued(self, input: Input, settings: &Settings) -> Result<Summary, BoxError> {
        let running = Running::begin()?;
        let stop = &running.stop;
        let (tally, ledger) = running.wait(async {
            consumers::start(&self.bus, self.groups(), &self.unclaimed, settings).await?;
            let listening = Listening::on(self.groups().map(|(_, bus)| bus));
            Ok::<_, BoxError>(
                queued::run(&self.bus, Arc::clone(&self.failing), &listening, input, settings, stop).await,
            )
        })?;
        let summary = Summary::new(&tally, self.unclaimed.kinds(), self.modules());
        Ok(Summary { ledger: Some(ledger), stats: self.tables(), ..summary })
    }

    /// Takes deliveries by HTTP and publishes them; the modules handle them here, if there are settings for that.
    ///
    /// # Errors
    ///
    /// A group does not start, or the address is not to be had.
    pub(crate) fn serve(
        &self,
        running: &Running,
        service: Service,
        settings: Option<&Settings>,
        ready: impl FnOnce(SocketAddr),
    ) -> Result<Ending, BoxError> {
        running.wait(async {
            if let Some(settings) = settings {
                consumers::start(&self.bus, self.groups(), &self.unclaimed, settings).await?;
            }
            Ok(service.run(&self.bus, &self.dead, &running.stop, ready).await?)
        })
    }

    /// Handles deliveries that other processes take in.
    ///
    /// # Errors
    ///
    /// A group does not start.
    pub(crate) fn work(
        &self,
        running: &Running,
        settings: &Settings,
        ready: impl FnOnce(),
    ) -> Result<Ending, BoxError> {
        running.wait(async {
            consumers::start(&self.bus, self.groups(), &self.unclaimed, settings).await?;
            ready();
            running.stop.cancelled().await;
            let report = self.bus.shutdown(settings.shutdown).await;
            Ok(Ending::of(&report, &self.dead, true))
        })
    }

    pub(crate) fn catalog(&self, form: CatalogForm) -> String {
        let catalog = self.bus.catalog();
        match form {
            CatalogForm::AsyncApi => {
                let about = "What GitHub's webhooks tell this program, and what its modules tell each other.";
                let info = AsyncApiInfo::new("webhooks", env!("CARGO_PKG_VERSION")).description(about);
                format!("{:#}\n", catalog.to_asyncapi(&info))
            }
            CatalogForm::Markdown => catalog.to_markdown(),
            CatalogForm::Map => catalog.to_mermaid(),
        }
    }

    /// What the buses have counted, if that was asked for.
    pub(crate) fn tables(&self) -> Option<Tables> {
        let all = self.bus.stats();
        if !all.counts_emissions {
            return None;
        }
        let mut tables = vec![("all deliveries", all)];
        if self.published {
            tables.extend(self.groups().map(|(name, bus)| (name, bus.stats())));
        }
        Some(Tables(tables))
    }

    fn groups(&self) -> [Group<'_>; 3] {
        let Places { audit, triage, statistics } = &self.places;
        [("audit", audit), ("triage", triage), ("statistics", statistics)]
    }

    fn modules(&self) -> Modules {
        let (audit, triage, statistics) = (self.audit.summary(), self.triage.summary(), self.statistics.summary());
        Modules { audit, triage, statistics }
    }
}

/// A runtime, and a token that the first signal cancels. The second one ends the program.
pub(crate) struct Running {
    runtime: Runtime,
    stop: CancellationToken,
}

impl Running {
    /// Begins to listen for signals.
    ///
    /// # Errors
    ///
    /// There are no threads or signals to be had.
    pub(crate) fn begin() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().enable_all().build()?;
        let stop = CancellationToken::new();
        let signalled = stop.clone();
        let mut signals = {
            let _inside = runtime.enter();
            Signals::new()?
        };
        runtime.spawn(async move {
            let signal = signals.next().await;
            eprintln!("webhooks: {signal}: taking in no more, handling what was taken in");
            signalled.cancel();
            let signal = signals.next().await;
            eprintln!("webhooks: {signal}: not waiting any longer");
            std::process::exit(1);
        });
        Ok(Self { runtime, stop })
    }

    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}
