//! The mail: a receipt for each order that stands.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use eventbus::Bus;
use serde::Serialize;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::{
    events::{Order, OrderConfirmed},
    log,
};

/// How long a mail may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The module.
pub(crate) struct Mail {
    mailer: Arc<Mailer>,
}

/// What was sent.
#[derive(Debug, Serialize)]
pub(crate) struct MailSummary {
    sent: usize,
}

struct Mailer {
    relay: Option<SocketAddr>,
    sent: AtomicUsize,
}

#[derive(Serialize)]
struct Receipt<'a> {
    to: &'a str,
    subject: String,
}

impl Mail {
    /// Registers the module's listeners. Without a relay, mails go to the log.
    pub(crate) fn new(bus: &Bus, relay: Option<SocketAddr>) -> Self {
        let mailer = Arc::new(Mailer { relay, sent: AtomicUsize::new(0) });
        // Nobody waits for it, but it may not take for ever: its own timeout, since the emission has none.
        bus.scope("mail")
            .listener::<OrderConfirmed>()
            .named("mail.receipt")
            .timeout(PATIENCE)
            .with(Arc::clone(&mailer))
            .on_async(|mailer, e| async move { mailer.receipt(&e.order).await });
        Self { mailer }
    }

    /// What was sent so far.
    pub(crate) fn summary(&self) -> MailSummary {
        MailSummary { sent: self.mailer.sent.load(Ordering::Relaxed) }
    }
}

impl Mailer {
    async fn receipt(&self, order: &Order) -> io::Result<()> {
        let subject = format!("Order {}: {} of {}", order.id, order.quantity, order.item);
        if let Some(relay) = self.relay {
            deliver(relay, &Receipt { to: &order.email, subject }).await?;
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        log::line(format_args!("order {}: receipt sent", order.id));
        Ok(())
    }
}

async fn deliver(relay: SocketAddr, receipt: &Receipt<'_>) -> io::Result<()> {
    let mut line = serde_json::to_vec(receipt)?;
    line.push(b'\n');
    let mut stream = TcpStream::connect(relay).await?;
    stream.write_all(&line).await?;
    // What a stranger sends is read up to a limit.
    let mut answer = String::new();
    BufReader::new(stream).take(256).read_line(&mut answer).await?;
    if answer.trim_end() == "ok" { Ok(()) } else { Err(io::Error::other("the relay did not take the mail")) }
}
