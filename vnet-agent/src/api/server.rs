//! Connections: taken, counted, and served.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::handler::Handler;
use axum::{Extension, Router};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::HttpService;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinSet;

use super::app::App;
use super::caller::Peer;
use super::handler::handle;
use super::limits::{ANSWER_TIME, HEADER_TIME, LINGER_TIME, MAX_HEADER_BYTES, MAX_HEADERS, Shares};
use super::unread::Unread;

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
    let server = Server { app: Arc::new(app), connections: Shares::of_connections() };
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
    connections: Shares,
}

impl Server {
    async fn serve_one<S>(self, peer: Peer, mut stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Some(_permit) = self.connections.take(peer.holder(), 1) else {
            // At once, and without reading: what is refused must cost nothing. It fits into the socket's buffer.
            let _ = stream.write_all(too_many().as_bytes()).await;
            return;
        };
        let router = Router::new().fallback_service(handle.with_state(self.app)).layer(Extension(peer));
        if let Err(error) = attend(stream, TowerToHyperService::new(router)).await {
            tracing::debug!(%error, "a connection broke off");
        }
    }
}

/// Answers the requests of a connection until it ends.
async fn attend<S, A>(stream: S, answers: A) -> Result<(), Box<dyn Error + Send + Sync>>
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: HttpService<Incoming, ResBody: Body<Error: Into<Box<dyn Error + Send + Sync>>> + 'static>,
    A::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME);
    server.max_buf_size(MAX_HEADER_BYTES).max_headers(MAX_HEADERS);
    let stream = TokioIo::new(Unread::new(stream, ANSWER_TIME));
    let mut stream = server.serve_connection(stream, answers).without_shutdown().await?.io.into_inner();
    stream.shutdown().await?;
    // What is left of a body that nobody wanted is thrown away: a connection that is closed over it takes the answer along.
    let mut nowhere = tokio::io::sink();
    let rest = tokio::io::copy(&mut stream, &mut nowhere);
    Ok(tokio::time::timeout(LINGER_TIME, rest).await.map(drop)?)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::Full;
    use hyper::body::Bytes;
    use hyper::{Request, Response, service::service_fn};
    use tokio::io::AsyncReadExt;
    use tokio::time::Instant;

    use super::*;

    /// Answers everything by so many bytes, without a look at the body.
    async fn answer(length: usize) -> Result<Response<Full<Bytes>>, Infallible> {
        Ok(Response::new(Full::from(vec![b'x'; length])))
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_not_read_is_given_up_with_its_connection() {
        let (mut client, server) = tokio::io::duplex(4 << 10);
        let served = tokio::spawn(attend(server, service_fn(|_: Request<Incoming>| answer(1 << 20))));
        let started = Instant::now();
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        // To read a little of it now and then wins no time.
        let mut some = [0; 1 << 10];
        while !served.is_finished() {
            tokio::time::sleep(ANSWER_TIME / 3).await;
            let _ = client.read(&mut some).await.unwrap();
        }
        let error = served.await.unwrap().unwrap_err();
        assert!(format!("{error:?}").contains("the answer was not read in time"), "{error:?}");
        assert!(started.elapsed() < ANSWER_TIME * 2, "{:?}", started.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_read_slowly_and_in_time_is_read_whole() {
        let (mut client, server) = tokio::io::duplex(4 << 10);
        let served = tokio::spawn(attend(server, service_fn(|_: Request<Incoming>| answer(64 << 10))));
        let mut some = [0; 4 << 10];
        for _ in 0..2 {
            client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            let mut left = 64 << 10;
            while left > 0 {
                tokio::time::sleep(ANSWER_TIME / 20).await;
                left -= client.read(&mut some).await.unwrap().min(left);
            }
            // The headers are among what was read; the rest is there now.
            tokio::time::sleep(ANSWER_TIME / 2).await;
            let _ = client.read(&mut some).await.unwrap();
        }
        drop(client);
        served.await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_comes_before_the_body_is_not_lost_by_it() {
        let (mut client, server) = tokio::io::duplex(4 << 10);
        let served = tokio::spawn(attend(server, service_fn(|_: Request<Incoming>| answer(3))));
        client.write_all(b"PUT / HTTP/1.1\r\ncontent-length: 1000000\r\n\r\n").await.unwrap();
        client.write_all(&[b'x'; 1_000_000]).await.unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        assert!(text.ends_with("\r\n\r\nxxx"), "{text}");
        drop(client);
        served.await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_nobody_wants_and_that_does_not_end_is_waited_for_briefly() {
        let (mut client, server) = tokio::io::duplex(4 << 10);
        let served = tokio::spawn(attend(server, service_fn(|_: Request<Incoming>| answer(3))));
        client.write_all(b"PUT / HTTP/1.1\r\ncontent-length: 1000000\r\n\r\nx").await.unwrap();
        let started = Instant::now();
        served.await.unwrap().unwrap_err();
        assert_eq!(started.elapsed(), LINGER_TIME);
    }
}
