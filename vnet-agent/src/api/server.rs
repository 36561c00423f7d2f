//! Connections: taken, counted, and served.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::handler::Handler;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinSet;

use super::app::App;
use super::caller::Peer;
use super::handler::handle;
use super::limits::{Connections, HEADER_TIME, MAX_HEADER_BYTES, MAX_HEADERS};

/// How long the server rests after a connection could not be taken: too many open files, most likely, and those that close make room.
const REST: Duration = Duration::from_millis(100);

/// What one who has too many connections is answered, whatever he asks.
fn too_many() -> String {
    let body = r#"{"error":{"code":"TooManyRequests","message":"there are too many connections of this user; close some, then try again"}}"#;
    format!(
        "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json; charset=utf-8\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Serves an agent on a socket, and by TCP where there is a listener for that, until this is dropped.
pub async fn serve(app: App, unix: UnixListener, tcp: Option<TcpListener>) {
    let server = Server { app: Arc::new(app), connections: Connections::default() };
    let mut served = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            Some(_) = served.join_next() => continue,
            accepted = unix.accept() => accepted.and_then(|(stream, _)| {
                let peer = Peer::Local(stream.peer_cred()?);
                served.spawn(server.clone().serve_one(peer, stream));
                Ok(())
            }),
            accepted = accept(tcp.as_ref()) => accepted.map(|stream| {
                served.spawn(server.clone().serve_one(Peer::Tcp, stream));
            }),
        };
        if let Err(error) = accepted {
            tracing::warn!(%error, "a connection could not be taken");
            tokio::time::sleep(REST).await;
        }
    }
}

/// The next connection by TCP; never one where nobody listens.
async fn accept(listener: Option<&TcpListener>) -> io::Result<tokio::net::TcpStream> {
    match listener {
        Some(listener) => Ok(listener.accept().await?.0),
        None => std::future::pending().await,
    }
}

#[derive(Clone)]
struct Server {
    app: Arc<App>,
    connections: Connections,
}

impl Server {
    async fn serve_one<S>(self, peer: Peer, mut stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Some(_permit) = self.connections.admit(peer.holder()) else {
            // At once, and without reading: what is refused must cost nothing. It fits into the socket's buffer.
            let _ = stream.write_all(too_many().as_bytes()).await;
            return;
        };
        let router = Router::new().fallback_service(handle.with_state(self.app)).layer(Extension(peer));
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME);
        server.max_buf_size(MAX_HEADER_BYTES).max_headers(MAX_HEADERS);
        let connection = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection broke off");
        }
    }
}
