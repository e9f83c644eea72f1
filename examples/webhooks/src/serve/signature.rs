//! That a delivery is from who knows the secret.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The secret that GitHub signs deliveries with.
#[derive(Clone)]
pub(crate) struct Secret(Hmac<Sha256>);

/// A body's signature, compared with the one of its header; computed while the body arrives.
pub(super) struct Verifier {
    mac: Hmac<Sha256>,
    signature: [u8; 32],
}

impl Secret {
    /// The variable of the environment that holds it; an argument would show in the list of processes.
    pub(crate) const VARIABLE: &'static str = "WEBHOOK_SECRET";

    /// `None` if it is empty: anybody could sign with that.
    pub(crate) fn new(secret: &[u8]) -> Option<Self> {
        let mac = Hmac::new_from_slice(secret).ok()?;
        (!secret.is_empty()).then_some(Self(mac))
    }

    /// What tells whether a body has the signature `header`; `None` if that is not `sha256=` and 64 hexadecimal digits, which
    /// no body has.
    pub(super) fn verifier(&self, header: &[u8]) -> Option<Verifier> {
        let mut signature = [0; 32];
        hex::decode_to_slice(header.strip_prefix(b"sha256=")?, &mut signature).ok()?;
        Some(Verifier { mac: self.0.clone(), signature })
    }
}

impl Verifier {
    /// Takes the next part of the body.
    pub(super) fn update(&mut self, part: &[u8]) {
        self.mac.update(part);
    }

    /// Whether the body has the signature. How long the comparison takes does not tell how much of it is right.
    pub(super) fn verify(self) -> bool {
        self.mac.verify_slice(&self.signature).is_ok()
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
        let has_signed = |parts: &[&str], header: &str| {
            let Some(mut verifier) = secret.verifier(header.as_bytes()) else { return false };
            for part in parts {
                verifier.update(part.as_bytes());
            }
            verifier.verify()
        };
        let right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert!(has_signed(&["Hello, World!"], right));
        assert!(has_signed(&["Hello", "", ", World!"], right));
        assert!(!has_signed(&["Hello, World?"], right));
        for wrong in ["", "sha256=", &right[7..], &right[..70], &right.replace("7571", "7572"), "sha256=zz"] {
            assert!(!has_signed(&["Hello, World!"], wrong), "{wrong}");
        }
        assert!(Secret::new(b"").is_none());
    }
}
