//! Connections: taken, counted, and served.

use std::convert::Infallible;
use std::sync::Arc;

use axum::handler::Handler;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::task::JoinSet;

use super::caller::Peer;
use super::handler::handle;
use super::limits::{Connections, HEADER_TIME, MAX_HEADER_BYTES, MAX_HEADERS};
use crate::daemon::control::Control;

/// What one who has too many connections is answered, whatever he asks.
fn too_many() -> String {
    let body = r#"{"error":{"code":"TooManyRequests","message":"there are too many connections of this user; close some, then try again"}}"#;
    format!(
        "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json; charset=utf-8\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Serves an agent until it is dropped.
pub async fn serve(control: Arc<Control>, listener: UnixListener) -> Infallible {
    let connections = Connections::default();
    let mut served = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = served.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let Ok(credentials) = stream.peer_cred() else { continue };
                    let peer = Peer::Local { uid: credentials.uid() };
                    served.spawn(serve_one(Arc::clone(&control), connections.clone(), peer, stream));
                }
                Err(error) => {
                    // Too many open files, most likely: those that close make room.
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            },
        }
    }
}

async fn serve_one<S>(control: Arc<Control>, connections: Connections, peer: Peer, mut stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Some(_permit) = connections.admit(peer.holder()) else {
        // At once, and without reading: what is refused must cost nothing. It fits into the socket's buffer.
        let _ = stream.write_all(too_many().as_bytes()).await;
        return;
    };
    let router = Router::new().fallback_service(handle.with_state(control)).layer(Extension(peer));
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME);
    server.max_buf_size(MAX_HEADER_BYTES).max_headers(MAX_HEADERS);
    let connection = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection broke off");
    }
}
