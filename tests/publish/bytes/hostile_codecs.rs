//! Codecs that panic and fail.

use std::sync::Arc;

use eventbus::{
    BoxError, Bus, PublishError,
    codec::{Codec, Decoded, Encodable},
};

use super::{Moved, transport::Wire};
use crate::support::{Log, assert_balanced, hush, yield_a_lot};

/// Does what it is told by the first byte, or by the field `of`.
struct Hostile;

/// Panics as it is dropped.
#[derive(Debug)]
struct Grenade;

impl std::fmt::Display for Grenade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("hunter2")
    }
}

impl std::error::Error for Grenade {}

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("boom hunter2");
    }
}

impl Hostile {
    fn act(of: u64) -> Result<(), BoxError> {
        match of {
            0 => Ok(()),
            1 => panic!("boom hunter2"),
            2 => Err("hunter2".into()),
            _ => Err(Box::new(Grenade)),
        }
    }
}

impl Codec for Hostile {
    fn content_type(&self) -> &'static str {
        "application/hostile"
    }
    fn encode(&self, event: Encodable<'_>) -> Result<Vec<u8>, BoxError> {
        let value = serde_json::to_value(event)?;
        Self::act(value["of"].as_u64().unwrap())?;
        Ok(value["number"].to_string().into_bytes())
    }
    fn decode(&self, bytes: &[u8]) -> Result<Decoded, BoxError> {
        Self::act(u64::from(bytes[0] - b'0'))?;
        Ok(serde_json::from_slice(b"{\"of\": 0, \"number\": 0}")?)
    }
}

#[tokio::test(start_paused = true)]
async fn a_codec_that_panics_or_fails_is_an_error_and_no_more() {
    hush();
    let wire = Wire::default();
    let bus = Bus::builder().transport(wire.clone()).codec(Hostile).on_failure(|_| {}).build();
    let log = Log::default();
    let seen = log.clone();
    let handler = move |e: Arc<Moved>, _| {
        seen.add(e.number);
        async {}
    };
    bus.consumer("group").handle::<Moved>(handler).key::<Moved>(|e| e.of).start().await.unwrap();
    for of in 1..=3 {
        let error = bus.publish(Moved { of, number: 0 }).await.unwrap_err();
        assert!(matches!(error, PublishError::Unwritable(Moved { .. }, _)), "{error}");
        assert_eq!(error.to_string().contains("panicked"), of != 2, "{error}");
        assert!(!format!("{error:?}{error}").contains("hunter2"), "{error}");
    }
    for number in 0..=3 {
        bus.publish(Moved { of: 0, number }).await.unwrap();
    }
    while bus.dead_letters().in_memory().len() < 3 {
        yield_a_lot().await;
    }
    assert_eq!(log.take(), [0]);
    for (letter, panicked) in bus.dead_letters().in_memory().iter().zip([true, false, true]) {
        assert_eq!(letter.error.to_string().contains("panicked"), panicked, "{letter}");
        assert!(!format!("{letter:?}{letter}").contains("hunter2"), "{letter}");
    }
    assert_balanced(&bus.stats());
}
