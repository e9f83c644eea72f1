//! The body of a request: signed by who knows the secret, or not kept.

use std::{future::Future, time::Duration};

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use tokio::time::timeout;

use super::{
    budget::{Budget, SMALL, Share},
    refusal::Refusal,
    signature::Verifier,
};
use crate::input::LARGEST_DELIVERY;

/// A body that has the signature of its header. Its bytes are within the budget as long as it lives.
pub(super) struct SignedBody {
    bytes: Vec<u8>,
    _share: Share,
}

impl SignedBody {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads a body, which must have arrived after `patience` and before `cutoff` is ready.
pub(super) async fn read<B>(
    body: B,
    verifier: Verifier,
    budget: &Budget,
    patience: Duration,
    cutoff: impl Future<Output = ()>,
) -> Result<SignedBody, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    tokio::select! {
        biased;
        read = timeout(patience, all(body, verifier, budget)) => {
            read.unwrap_or_else(|_| Err(Refusal::Incomplete("the body takes too long to arrive".to_owned())))
        }
        () = cutoff => Err(Refusal::Busy("the service is about to end")),
    }
}

/// Reads a body that was refused already, and keeps nothing: a client that is still sending would not see the answer. One that is
/// or may be large is not worth that.
pub(super) async fn discard<B>(mut body: B, patience: Duration, cutoff: impl Future<Output = ()>)
where
    B: Body<Data = Bytes> + Unpin,
{
    if body.size_hint().upper().is_none_or(|length| length > SMALL as u64) {
        return;
    }
    let all = async { while let Some(Ok(_)) = body.frame().await {} };
    tokio::select! {
        _ = timeout(patience, all) => {}
        () = cutoff => {}
    }
}

async fn all<B>(mut body: B, mut verifier: Verifier, budget: &Budget) -> Result<SignedBody, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    // As it is declared, where it is: known before it is sent.
    let declared = body.size_hint().exact().map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if declared.is_some_and(|length| length > LARGEST_DELIVERY) {
        return Err(Refusal::TooLarge);
    }
    let mut bytes = Vec::new();
    // What is held for this body; `None` once there was no room.
    let mut share = Some(budget.share());
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::Incomplete("the body does not arrive whole".to_owned()))?;
        // Trailers say nothing here.
        let Ok(part) = frame.into_data() else { continue };
        length += part.len();
        if length > LARGEST_DELIVERY {
            return Err(Refusal::TooLarge);
        }
        // Without room the rest is read and not kept: the answer would not reach a client that is still sending.
        let Some(held) = &mut share else { continue };
        verifier.update(&part);
        if length > bytes.capacity() {
            // Not all at once that is declared: declaring costs nothing.
            let capacity = (2 * length).min(declared.unwrap_or(LARGEST_DELIVERY)).max(length);
            if !held.grow_to(capacity) {
                (bytes, share) = (Vec::new(), None);
                continue;
            }
            bytes.reserve_exact(capacity - bytes.len());
        }
        bytes.extend_from_slice(&part);
    }
    let Some(share) = share else {
        return Err(Refusal::Busy("too many deliveries are being sent"));
    };
    if !verifier.verify() {
        return Err(Refusal::Unsigned);
    }
    Ok(SignedBody { bytes, _share: share })
}
