//! That a delivery is from who knows the secret.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The secret that GitHub signs deliveries with.
#[derive(Clone)]
pub(crate) struct Secret(Hmac<Sha256>);

impl Secret {
    /// The variable of the environment that holds it; an argument would show in the list of processes.
    pub(crate) const VARIABLE: &'static str = "WEBHOOK_SECRET";

    /// `None` if it is empty: anybody could sign with that.
    pub(crate) fn new(secret: &[u8]) -> Option<Self> {
        let mac = Hmac::new_from_slice(secret).ok()?;
        (!secret.is_empty()).then_some(Self(mac))
    }

    /// Whether `header`, `sha256=` and 64 hexadecimal digits, is the signature of `body`. How long the comparison takes does not
    /// tell how much of it is right.
    pub(crate) fn has_signed(&self, body: &[u8], header: &[u8]) -> bool {
        let Some(signature) = header.strip_prefix(b"sha256=").and_then(|digits| hex::decode(digits).ok()) else {
            return false;
        };
        self.0.clone().chain_update(body).verify_slice(&signature).is_ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    /// The example of GitHub's documentation.
    #[test]
    fn the_signature_of_the_documentation_is_right_and_others_are_not() {
        let secret = Secret::new(b"It's a Secret to Everybody").expect("not empty");
        let right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert!(secret.has_signed(b"Hello, World!", right.as_bytes()));
        assert!(!secret.has_signed(b"Hello, World?", right.as_bytes()));
        for wrong in ["", "sha256=", &right[7..], &right[..70], &right.replace("7571", "7572"), "sha256=zz"] {
            assert!(!secret.has_signed(b"Hello, World!", wrong.as_bytes()), "{wrong}");
        }
        assert!(Secret::new(b"").is_none());
    }
}
