//! The end of the program: first the intake, then what is under way.

use std::{io, sync::atomic::Ordering, time::Duration};

use tokio::{
    task::JoinHandle,
    time::{Instant, timeout_at},
};

use crate::{api::Shop, log::line, log::say, signals::Signals};

/// How long what was told to stop gets to do so.
const GRACE: Duration = Duration::from_secs(2);

/// Waits until the server, whose intake is closed, and all that was spawned have ended. Whether they did in time.
pub(crate) async fn drain(
    shop: &Shop,
    server: &mut JoinHandle<io::Result<()>>,
    patience: Duration,
    signals: &mut Signals,
) -> bool {
    let waited = tokio::select! {
        ended = timeout_at(Instant::now() + patience, all_ended(shop, server)) => ended.map_err(|_| "time is up"),
        signal = signals.next() => Err(signal),
    };
    let Err(why) = waited else { return true };

    let (requests, bus) = (shop.requests.load(Ordering::Relaxed), shop.bus.in_flight());
    say(format_args!(
        "{why}, still running: {requests} requests, {} spawned emissions, {} spawned listeners",
        bus.emissions, bus.listeners
    ));
    // All of them have the token, and the failure log now names each listener that this stops.
    shop.stop.cancel();
    if timeout_at(Instant::now() + GRACE, all_ended(shop, server)).await.is_err() {
        line(format_args!("some of it does not stop either, and is left behind"));
    }
    false
}

/// Requests first: they are what spawns.
async fn all_ended(shop: &Shop, server: &mut JoinHandle<io::Result<()>>) {
    all_answered(server).await;
    let bus = shop.bus.in_flight();
    line(format_args!(
        "the intake is closed and every request has ended; under way: {} spawned emissions, {} spawned listeners",
        bus.emissions, bus.listeners
    ));
    // Refused only inside an emission, where this is not.
    let _ = shop.bus.settled().await;
}

async fn all_answered(server: &mut JoinHandle<io::Result<()>>) {
    // It may be the second time, and a task gives its result once.
    if server.is_finished() {
        return;
    }
    match server.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => line(format_args!("the server ended with an error: {error}")),
        Err(error) => line(format_args!("the server ended with a panic: {error}")),
    }
}
