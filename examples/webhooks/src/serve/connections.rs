//! The connections: how many there may be, how long they may keep silent, and how they end.

use std::{convert::Infallible, future::Future, io, pin::pin, sync::Arc, time::Duration};

use hyper::{
    Request, Response,
    body::Incoming,
    header::{CONNECTION, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{answer::Answer, limits::Limits};

/// What a connection may hold of a request's header, in bytes, and of its body at once. GitHub's headers have about 1 KB.
const BUFFER: usize = 16 << 10;

/// How many headers a request may have.
const HEADERS: usize = 64;

/// How long to wait when there is no file left for a connection.
const OUT_OF_FILES: Duration = Duration::from_millis(100);

/// Takes connections until `stop` is cancelled, and waits until the requests that have begun by then are answered.
pub(super) async fn serve<S, F>(listener: TcpListener, service: S, limits: &Limits, stop: &CancellationToken)
where
    S: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Answer>> + Send + 'static,
{
    let slots = Arc::new(Semaphore::new(limits.connections));
    while let Some(connection) = stop.run_until_cancelled(next(&listener, &slots)).await {
        let Ok((stream, slot)) = connection else {
            stop.run_until_cancelled(sleep(OUT_OF_FILES)).await;
            continue;
        };
        let connection = Connection { slot, slots: Arc::clone(&slots), silence: limits.header, stop: stop.clone() };
        tokio::spawn(connection.serve(stream, service.clone()));
    }
    drop(listener);
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    // It is not closed.
    let _ = slots.acquire_many(all).await;
}

/// The next connection, as soon as there may be one more.
async fn next(listener: &TcpListener, slots: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.map_err(io::Error::other)?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Ok((stream, slot)),
            // The client has left before.
            Err(error) if is_of_client(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

fn is_of_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

struct Connection {
    slot: OwnedSemaphorePermit,
    slots: Arc<Semaphore>,
    /// How long it may go without a whole header.
    silence: Duration,
    stop: CancellationToken,
}

impl Connection {
    async fn serve<S, F>(self, stream: TcpStream, service: S)
    where
        S: Fn(Request<Incoming>) -> F,
        F: Future<Output = Response<Answer>>,
    {
        let Self { slot, slots, silence, stop } = self;
        let (busy, mut is_busy) = watch::channel(false);
        let service = service_fn(|request| {
            busy.send_replace(true);
            let (answer, busy, slots) = (service(request), &busy, &slots);
            async move {
                let mut response = answer.await;
                // Whoever waits outside shall not wait until this client has thought of something more to say.
                if slots.available_permits() == 0 {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                busy.send_replace(false);
                Ok::<_, Infallible>(response)
            }
        });
        let http = http1::Builder::new()
            .max_buf_size(BUFFER)
            .max_headers(HEADERS)
            .serve_connection(TokioIo::new(stream), service);
        let mut http = pin!(http);
        tokio::select! {
            biased;
            // An error is the client's: it has left, or it does not speak HTTP.
            _ = http.as_mut() => return,
            () = silent(&mut is_busy, silence) => return,
            () = stop.cancelled() => {}
        }
        // A request that has begun is answered. Half a header is not waited for. An answer that was given is with the system
        // by now: hyper writes it in the poll in which it gets it.
        if *is_busy.borrow() {
            http.as_mut().graceful_shutdown();
            let _ = http.await;
        }
        drop(slot);
    }
}

/// Waits until the connection has had no request for so long.
async fn silent(is_busy: &mut watch::Receiver<bool>, limit: Duration) {
    loop {
        if is_busy.wait_for(|is_busy| !is_busy).await.is_err() {
            return;
        }
        tokio::select! {
            () = sleep(limit) => return,
            _ = is_busy.wait_for(|is_busy| *is_busy) => {}
        }
    }
}
