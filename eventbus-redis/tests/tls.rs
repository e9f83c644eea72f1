//! TLS: a `rediss://` URL, the system's root certificates, and servers that nobody vouches for.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod rig;

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use eventbus_redis::{ConnectError, RedisStreams};
use rig::{RedisServer, done, join, numbers, publish, read};

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output();
    let output = output.expect("this test needs the program `openssl`; on Debian: `apt-get install openssl`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// An authority, and a certificate of it for 127.0.0.1.
fn certificates(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n").unwrap();
    openssl(&folder, "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority");
    openssl(&folder, "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost");
    openssl(
        &folder,
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile names",
    );
    folder
}

fn start(folder: &Path) -> (RedisServer, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    drop(listener);
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (certificate, key, authority) = (file("server.pem"), file("server.key"), file("ca.pem"));
    let options = ["--save", "", "--tls-port", &port, "--tls-cert-file", &certificate, "--tls-key-file", &key];
    let more = ["--tls-ca-cert-file", &authority, "--tls-auth-clients", "no"];
    (RedisServer::with(&[&options[..], &more].concat()), format!("rediss://127.0.0.1:{port}"))
}

#[tokio::test]
async fn events_go_through_tls_where_the_system_vouches_for_the_server() {
    let folder = certificates("vouched");
    let (server, url) = start(&folder);
    // What the system trusts is read from the environment, which is set for another process.
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "through_tls", "--ignored", "--nocapture"]);
    child.env("SSL_CERT_FILE", folder.join("ca.pem")).env("TLS_TEST_URL", url);
    let output = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert_eq!(server.cli(&["XLEN", "events"]), "3");
}

/// The other process's part.
#[tokio::test]
#[ignore = "run by another test, with another environment"]
async fn through_tls() {
    let transport = RedisStreams::connect(&std::env::var("TLS_TEST_URL").unwrap()).await.unwrap();
    let source = join(&transport, "group").await;
    publish(&transport, 0..3).await;
    let leased = read(&source, 3).await;
    assert_eq!(numbers(&leased), [0, 1, 2]);
    done(&source, leased).await;
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_refused() {
    let folder = certificates("unvouched");
    let (_server, url) = start(&folder);
    let url = url.replace("//", "//user:canary-secret@");
    let error = RedisStreams::connect(&url).await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(matches!(error, ConnectError::Unusable { .. }), "{text}");
    assert!(text.contains("ertificate") && !text.contains("canary-secret"), "{text}");
}
