//! The identity of a delivery: the GUID in `X-GitHub-Delivery`, as the bus knows it.

use eventbus::transport::MessageId;
use sha2::{Digest, Sha256};

/// The id of the message for a delivery: its GUID. What is no GUID becomes one by a hash, which is the same for ever.
pub(super) fn identity(delivery: &str) -> MessageId {
    MessageId::from_u128(uuid(delivery).unwrap_or_else(|| hashed(delivery)))
}

/// The bits of a UUID that is written with hyphens, or as 32 digits.
fn uuid(text: &str) -> Option<u128> {
    let is_hyphen = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let digits: String = match text.len() {
        32 => text.to_owned(),
        36 if text.bytes().enumerate().all(|(at, byte)| (byte == b'-') == is_hyphen(at)) => text.replace('-', ""),
        _ => return None,
    };
    // It would take a sign, too.
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u128::from_str_radix(&digits, 16).ok())?
}

/// A UUID of version 8, which is for own purposes (RFC 9562, section 5.8).
fn hashed(text: &str) -> u128 {
    let hash: [u8; 32] = Sha256::digest(text).into();
    let hash = hash[..16].iter().fold(0, |bits, byte| bits << 8 | u128::from(*byte));
    hash & !(0xf << 76) & !(0b11 << 62) | 0x8 << 76 | 0b10 << 62
}

#[cfg(test)]
mod tests {
    use super::identity;

    #[test]
    fn a_guid_is_the_identity_as_it_is_and_other_text_has_one_that_stays() {
        let guid = "72d3162e-cc78-11e3-81ab-4c9367dc0958";
        assert_eq!(identity(guid).to_string(), guid);
        assert_eq!(identity(&guid.to_uppercase()), identity(guid));
        assert_eq!(identity(&guid.replace('-', "")), identity(guid));
        // The same in every build: the bus of a later one may be asked for it.
        assert_eq!(identity("first").to_string(), "a7937b64-b8ca-858f-8372-1bb6bacf5c78");
        let odd = ["", "second", "+2d3162e-cc78-11e3-81ab-4c9367dc0958", "72d3162e_cc78_11e3_81ab_4c9367dc0958", "ü"];
        for text in odd {
            let id = identity(text).to_string();
            assert_eq!((&id[14..15], id.len()), ("8", 36), "{text}");
            assert!("89ab".contains(&id[19..20]), "{id}");
        }
    }
}
