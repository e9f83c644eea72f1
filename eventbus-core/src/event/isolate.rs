//! Runs user code so that its panic goes no further (promise P1).

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// How many bytes of a panic's message are kept.
pub(crate) const MAX_MESSAGE: usize = 1024;

/// Runs `code`; a panic becomes its message, or the first [`MAX_MESSAGE`] bytes of it.
///
/// `AssertUnwindSafe` is right here: the bus never looks again at what the panicking code was about to change, and what
/// a listener shares with others is its own to keep consistent, as it is under `std::thread::spawn`.
pub(crate) fn isolate<T>(code: impl FnOnce() -> T) -> Result<T, Arc<str>> {
    catch_unwind(AssertUnwindSafe(code)).map_err(panic_message)
}

/// The text of a panic's payload, which is dropped. If its `Drop` panics in turn, that second payload is forgotten: its
/// own drop could go on for ever.
#[cold]
#[inline(never)]
pub(crate) fn panic_message(payload: Box<dyn Any + Send>) -> Arc<str> {
    let text = if let Some(text) = payload.downcast_ref::<&'static str>() {
        cut(text)
    } else if let Some(text) = payload.downcast_ref::<String>() {
        cut(text)
    } else {
        Arc::from("(the panic's payload is not text)")
    };
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(another);
    }
    text
}

fn cut(text: &str) -> Arc<str> {
    if text.len() <= MAX_MESSAGE {
        return Arc::from(text);
    }
    Arc::from(format!("{}..", &text[..text.floor_char_boundary(MAX_MESSAGE)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(&*isolate(|| panic!("plain")).unwrap_err(), "plain");
        assert_eq!(&*isolate(|| panic!("number {}", 7)).unwrap_err(), "number 7");
        assert!(isolate(|| std::panic::panic_any(7)).unwrap_err().contains("not text"));
        assert_eq!(isolate(|| 7), Ok(7));
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let message = isolate(|| panic!("{}", "ä".repeat(MAX_MESSAGE))).unwrap_err();
        assert_eq!(*message, format!("{}..", "ä".repeat(MAX_MESSAGE / 2)));
        assert_eq!(isolate(|| panic!("{}", "x".repeat(MAX_MESSAGE))).unwrap_err().len(), MAX_MESSAGE);
    }

    #[test]
    fn a_payload_whose_drop_panics_is_contained() {
        struct Grenade;
        impl Drop for Grenade {
            fn drop(&mut self) {
                std::panic::panic_any(Self);
            }
        }
        assert!(isolate(|| std::panic::panic_any(Grenade)).is_err());
    }
}
