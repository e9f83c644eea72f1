//! `GET /healthz`: whether the service works, for whoever restarts it.

use eventbus::Bus;
use hyper::{Response, StatusCode};
use serde_json::json;

use super::answer::{Answer, json};

pub(super) const PATH: &str = "/healthz";

/// 200, or 503 if a consumer is stalled or the transport is not connected. Anybody may ask: it says no more than which group it is.
pub(super) async fn answer(bus: &Bus) -> Response<Answer> {
    let health = bus.health().await;
    let status = if health.is_healthy() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let consumers: Vec<_> = health
        .consumers
        .iter()
        .map(|consumer| json!({ "group": &*consumer.group, "stalled": consumer.is_stalled, "held": consumer.held }))
        .collect();
    let connected = health.transport.is_connected;
    json(status, &json!({ "healthy": health.is_healthy(), "connected": connected, "consumers": consumers }))
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::{SocketAddr, TcpStream},
        time::Duration,
    };

    use eventbus::{AnyEvent, Bus, Delivery};
    use serde_json::{Value, json};
    use tokio::{runtime::Runtime, sync::oneshot};
    use tokio_util::sync::CancellationToken;

    use crate::serve::{Dead, Exporter, Limits, Secret, Service};

    fn get(addr: SocketAddr, path: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(addr).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    #[test]
    fn it_is_200_and_503_once_a_consumer_is_stalled() {
        let (bus, stop) = (Bus::new(), CancellationToken::new());
        let [serving, handling] = [(); 2].map(|()| Runtime::new().unwrap());
        let started = bus.consumer("audit").handle_pattern("**", |_: AnyEvent<'static>, _: Delivery| async {});
        handling.block_on(started.start()).unwrap();
        let service = Service {
            addr: "127.0.0.1:0".parse().unwrap(),
            secret: Secret::new(b"secret").unwrap(),
            limits: Limits::default(),
            shutdown: Duration::from_secs(10),
            exporter: Exporter::new().unwrap(),
        };
        let (ready, is_ready) = oneshot::channel();
        let (served, stopped) = (bus.clone(), stop.clone());
        let service = serving.spawn(async move {
            service.run(&served, &Dead::default(), &stopped, |addr| ready.send(addr).unwrap()).await
        });
        let addr = serving.block_on(is_ready).unwrap();

        let (status, health) = get(addr, "/healthz");
        assert_eq!((status, &health["healthy"]), (200, &json!(true)), "{health}");
        assert_eq!(health["consumers"][0]["group"], "audit");
        assert_eq!(get(addr, "/hook").0, 405);
        // Its tasks end with their runtime: nobody reads the group any more.
        drop(handling);
        let (status, health) = get(addr, "/healthz");
        assert_eq!((status, &health["consumers"][0]["stalled"]), (503, &json!(true)), "{health}");

        stop.cancel();
        serving.block_on(service).unwrap().unwrap();
    }
}
