//! The fuzzers' bodies with random bytes, on any compiler.

use proptest::{collection::vec, prelude::*, sample::select};

use crate::fuzz_bodies::{names, patterns, payloads};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_break_the_rules(
        bytes in prop_oneof![vec(any::<u8>(), 0..200), vec(select(&b"ab.*_-v29\n{}[]\":,\\"[..]), 0..60)]
    ) {
        names(&bytes);
        patterns(&bytes);
        payloads(&bytes);
    }
}
