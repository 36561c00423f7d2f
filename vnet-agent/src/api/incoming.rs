//! A request's body before it is read. Who may do nothing has none of it read; of the others, each has a bound, and all together.

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::error::ApiError;
use super::limits::{BODY_TIME, Holder, MAX_BODIES_BYTES_OF_ONE, Share, Shares};

/// A body that has not been read.
#[derive(Debug)]
pub(super) struct Incoming {
    body: Option<Body>,
    holder: Holder,
    shares: Shares,
}

impl Incoming {
    /// The body of a request of this holder's.
    pub(super) fn new(body: Body, holder: Holder, shares: Shares) -> Self {
        Self { body: Some(body), holder, shares }
    }

    /// Reads the whole of it, each byte counted `weight` times. The share of memory is to be held as long as what is read from the
    /// body.
    ///
    /// # Errors
    /// It is too long, breaks off or is too slow, or too much is held already.
    pub(super) async fn read(
        &mut self,
        limit_bytes: usize,
        weight: usize,
    ) -> Result<(Bytes, Share), ApiError> {
        let announced = self.body.as_ref().and_then(|body| body.size_hint().exact());
        let length = announced.map_or(limit_bytes, |length| usize::try_from(length).unwrap_or(usize::MAX));
        if length > limit_bytes {
            return Err(ApiError::TooLarge { limit_bytes });
        }
        let share = self.shares.take(self.holder, length * weight);
        let share = share.ok_or(ApiError::Busy { limit_bytes: MAX_BODIES_BYTES_OF_ONE })?;
        let body = self.body.take().unwrap_or_default();
        let collected = tokio::time::timeout(BODY_TIME, Limited::new(body, limit_bytes).collect()).await;
        match collected {
            Ok(Ok(collected)) => Ok((collected.to_bytes(), share)),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ApiError::TooLarge { limit_bytes }),
            Ok(Err(error)) => Err(ApiError::Broken(error.to_string())),
            Err(_) => Err(ApiError::Slow { seconds: BODY_TIME.as_secs() }),
        }
    }

    /// Whether something of it is still to come.
    pub(super) fn is_left(&self) -> bool {
        self.body.as_ref().is_some_and(|body| !body.is_end_stream())
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use futures::{StreamExt, stream};

    use super::super::limits::MAX_BODY_BYTES;
    use super::*;

    fn of(body: Body) -> Incoming {
        Incoming::new(body, Holder::User(1000), Shares::of_bodies())
    }

    /// A body that begins and never ends, and does not say how long it is.
    fn endless() -> Body {
        let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{"))]);
        Body::from_stream(first.chain(stream::pending()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_waited_for_so_long() {
        let started = tokio::time::Instant::now();
        let error = of(endless()).read(MAX_BODY_BYTES, 1).await.unwrap_err();
        assert_eq!((error.status(), error.word()), (StatusCode::REQUEST_TIMEOUT, "RequestTimeout"));
        assert_eq!(started.elapsed(), BODY_TIME);
    }

    #[tokio::test]
    async fn a_body_of_the_very_limit_is_taken_and_a_longer_one_is_not_read_where_it_says_so() {
        let body = |length| Body::from(vec![b'x'; length]);
        assert_eq!(of(body(10)).read(10, 1).await.unwrap().0.len(), 10);
        let unannounced = Body::from_stream(stream::iter([Ok::<_, std::io::Error>(vec![b'x'; 11])]));
        for (long, is_left) in [(body(11), true), (unannounced, false)] {
            let mut long = of(long);
            let error = long.read(10, 1).await.unwrap_err();
            assert_eq!(error.to_string(), "the body has more than 10 bytes");
            assert_eq!(long.is_left(), is_left);
        }
    }

    #[tokio::test]
    async fn bodies_of_one_user_share_a_bound_and_give_back_what_was_read() {
        let shares = Shares::of_bodies();
        let limit = MAX_BODIES_BYTES_OF_ONE;
        let body = |holder, bytes| Incoming::new(Body::from(vec![b'x'; bytes]), holder, shares.clone());
        // What says nothing about its length may be as long as any.
        let mut unknown = Incoming::new(endless(), Holder::Tcp, shares.clone());
        let held = body(Holder::Tcp, 4).read(limit, limit / 8).await.unwrap();
        let error = unknown.read(limit, 1).await.unwrap_err();
        assert_eq!((error.status(), error.word()), (StatusCode::TOO_MANY_REQUESTS, "TooManyRequests"));
        assert!(unknown.is_left());
        let error = body(Holder::Tcp, 5).read(limit, limit / 8).await.unwrap_err();
        assert!(matches!(error, ApiError::Busy { .. }), "{error}");
        assert_eq!(body(Holder::User(7), 5).read(limit, limit / 8).await.unwrap().0.len(), 5);
        drop(held);
        assert_eq!(body(Holder::Tcp, 5).read(limit, limit / 8).await.unwrap().0.len(), 5);
    }
}
