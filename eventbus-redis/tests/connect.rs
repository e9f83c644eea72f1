//! Connecting: servers that are not there, wrong passwords, wrong settings.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod rig;

use std::time::{Duration, Instant};

use eventbus::transport::Transport;
use eventbus_redis::{ConnectError, RedisStreams};
use rig::{RedisServer, message, open, publish};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn a_server_that_is_not_there_is_told_in_time_without_the_password() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = format!("redis://user:canary-secret@127.0.0.1:{port}/0");
    let begin = Instant::now();
    let error = RedisStreams::connect(&url).await.unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(5));
    let text = format!("{error} {error:?}");
    assert!(matches!(error, ConnectError::Unusable { .. }) && text.contains(&port.to_string()), "{text}");
    assert!(!text.contains("canary-secret"), "{text}");

    // One that accepts and says nothing.
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("redis://:canary-secret@{}", listener.local_addr().unwrap());
    let limit = Duration::from_millis(300);
    let builder = RedisStreams::builder(&url).connect_timeout(limit).answer_timeout(limit);
    assert!(!format!("{builder:?}").contains("canary-secret"));
    let begin = Instant::now();
    let error = builder.connect().await.unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    assert!(!format!("{error} {error:?}").contains("canary-secret"));
}

#[tokio::test]
async fn a_wrong_password_is_told_and_not_shown() {
    let server = RedisServer::with(&["--save", "", "--requirepass", "the-right-one"]);
    for url in
        [format!("redis://:canary-secret@127.0.0.1:{}", server.port()), format!("redis://127.0.0.1:{}", server.port())]
    {
        let error = RedisStreams::connect(&url).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains("WRONGPASS") || text.contains("NOAUTH") || text.contains("uthentication"), "{text}");
        assert!(!text.contains("canary-secret"), "{text}");
    }
    // The right one works, and is not shown either.
    let transport = open(&server).await;
    publish(&transport, 0..1).await;
    assert!(!format!("{transport:?}").contains("the-right-one"));
}

#[tokio::test]
async fn a_server_that_repeats_arguments_in_its_errors_shows_neither_password_nor_payload() {
    // As a server of before version 6 answers; more often than it is asked.
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("redis://user:canary-secret@{}", listener.local_addr().unwrap());
    let answer = "-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `user`, `canary-secret`, \r\n";
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = [0; 1024];
            while stream.read(&mut bytes).await.is_ok_and(|count| count > 0) {
                if stream.write_all(answer.repeat(4).as_bytes()).await.is_err() {
                    break;
                }
            }
        }
    });
    let error = RedisStreams::connect(&url).await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains("HELLO") && !text.contains("canary-secret"), "{text}");

    // A server that does not know a command repeats its first arguments.
    let server = RedisServer::with(&["--save", "", "--rename-command", "XADD", ""]);
    let transport = open(&server).await;
    let refused = transport.publish(&[message(1)]).await.pop().unwrap();
    let text = format!("{refused:?}");
    assert!(text.contains("unknown command") && !text.contains("MAXLEN"), "{text}");
}

#[tokio::test]
async fn settings_and_urls_that_cannot_work_are_refused() {
    for url in ["", "canary-secret", "http://canary-secret", "redis://:canary-secret@host:no-port"] {
        let error = RedisStreams::connect(url).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary-secret"), "{error}");
    }
    let builder = || RedisStreams::builder("redis://127.0.0.1:1");
    for builder in [
        builder().stream(""),
        builder().stream("a{b}"),
        builder().max_len(0),
        builder().max_dead_letters(0),
        builder().lease(Duration::ZERO),
        builder().answer_timeout(Duration::ZERO),
    ] {
        let error = builder.connect().await.unwrap_err();
        assert!(matches!(error, ConnectError::Setting { .. }), "{error}");
    }
}
