//! The claims of patterns and of the trie, against a naive matcher.

use proptest::{collection::vec, prelude::*, sample::Index, sample::select};

use super::{PatternErrorKind as Kind, TrieKey, *};

fn pattern(text: &str) -> Pattern {
    Pattern::new(text).unwrap()
}

/// Says what the wildcards mean, and nothing about how to be quick.
fn naive(segments: &[&str], words: &[&str]) -> bool {
    match (segments, words) {
        ([], []) => true,
        (["**", segments @ ..], _) => (0..=words.len()).any(|taken| naive(segments, &words[taken..])),
        ([segment, segments @ ..], [word, words @ ..]) => {
            (*segment == "*" || segment == word) && naive(segments, words)
        }
        _ => false,
    }
}

fn naively(pattern: &str, name: &str) -> bool {
    naive(&pattern.split('.').collect::<Vec<_>>(), &name.split('.').collect::<Vec<_>>())
}

fn found(trie: &Trie<usize>, name: &str) -> Vec<usize> {
    let mut found = Vec::new();
    trie.each_match(name, |&value| found.push(value));
    found.sort_unstable();
    found
}

/// A trie where each value is the index of its pattern.
fn trie_of(patterns: &[&str]) -> (Trie<usize>, Vec<TrieKey>) {
    let mut trie = Trie::new();
    let keys = patterns.iter().enumerate().map(|(value, text)| trie.insert(&pattern(text), value)).collect();
    (trie, keys)
}

#[test]
fn the_documented_table_holds() {
    for (text, matching, others) in [
        ("user.created", &["user.created"][..], &["user.created.twice", "user"][..]),
        ("user.*", &["user.created"], &["user", "user.email.changed"]),
        ("user.**", &["user", "user.created", "user.email.changed"], &["users.created"]),
        ("**.failed", &["failed", "payment.card.failed"], &["failed.payment"]),
        ("*.*", &["user.created"], &["startup", "a.b.c"]),
        ("**", &["startup", "user.created", "a.b.c"], &[]),
        ("a.**.b.*", &["a.b.c", "a.x.b.c", "a.b.b.c", "a.b.c.b.c"], &["a.b", "a.x.c", "b.b.c"]),
    ] {
        for name in matching {
            assert!(pattern(text).matches(name), "{text} {name}");
            assert_eq!(found(&trie_of(&[text]).0, name), [0], "{text} {name}");
        }
        for name in others {
            assert!(!pattern(text).matches(name), "{text} {name}");
            assert!(found(&trie_of(&[text]).0, name).is_empty(), "{text} {name}");
        }
    }
}

#[test]
fn wildcards_in_a_row_are_put_in_order() {
    for (written, ordered) in [
        ("a.**.**.b", "a.**.b"),
        ("**.**", "**"),
        ("**.*", "*.**"),
        ("**.*.**.*.a.**", "*.*.**.a.**"),
        ("*.**", "*.**"),
        ("a.b", "a.b"),
    ] {
        assert_eq!(pattern(written).as_str(), ordered);
        assert_eq!(pattern(written), pattern(ordered));
    }
}

#[test]
fn errors_point_at_the_first_byte_that_breaks_a_rule() {
    for (text, at, kind) in [
        ("", 0, Kind::Empty),
        (".", 0, Kind::EmptySegment),
        ("a.", 2, Kind::EmptySegment),
        ("a..b", 2, Kind::EmptySegment),
        ("user.Created", 5, Kind::BadCharacter),
        ("user created", 4, Kind::BadCharacter),
        ("*.é", 2, Kind::BadCharacter),
        ("user.>", 5, Kind::BadCharacter),
        ("*._a", 2, Kind::BadStart),
        ("user_*.created", 5, Kind::PartialWildcard),
        ("*_created", 0, Kind::PartialWildcard),
        ("a.***", 2, Kind::PartialWildcard),
        ("user.*.v2", 7, Kind::Version),
    ] {
        let error = Pattern::new(text).unwrap_err();
        assert_eq!((error.pattern(), error.at(), error.kind()), (text, at, kind));
    }
    assert!(Pattern::new("user.v2.*").is_ok());
}

#[test]
fn an_error_says_where_and_what_to_write_instead() {
    assert_eq!(
        Pattern::new("user_*.created").unwrap_err().to_string(),
        "malformed pattern `user_*.created`, at byte 5: a wildcard is a whole segment, not a part of one; \
         write `*` for exactly one segment, `**` for any number, or the word in full"
    );
}

#[test]
fn an_error_keeps_and_shows_a_bounded_text_on_one_line() {
    assert!(pattern(&"a".repeat(128)).is_exact());
    let error = Pattern::new(&"é\n".repeat(100_000)).unwrap_err();
    assert_eq!((error.kind(), error.at()), (Kind::TooLong, 128));
    assert!(error.pattern().len() <= 128);
    assert!(!error.to_string().contains('\n') && error.to_string().len() < 512);
}

#[test]
fn without_wildcards_patterns_and_names_have_the_same_rules() {
    let texts = [
        "a", "0", "a-b.c_d", "api.v2x", "v2.users", "api.v", "", ".", "a.", ".a", "a..b", "A", "a b", "_a", "a._b",
        "-a", "a.v1", "v22",
    ];
    for text in texts.into_iter().map(str::to_owned).chain([128, 129].map(|len| "a".repeat(len))) {
        let text: &'static str = text.leak();
        match std::panic::catch_unwind(|| EventName::new(text)) {
            Ok(name) => assert_eq!(Pattern::from(name), pattern(text)),
            Err(_) => assert!(Pattern::new(text).is_err(), "{text}"),
        }
    }
}

#[test]
fn hostile_patterns_do_not_backtrack() {
    // Tried one by one, the ways to give 60 words to 30 `**` would outlast the universe.
    let text = format!("{}b", "**.a.".repeat(25));
    let name = ["a"; 60].join(".");
    assert!(!pattern(&text).matches(&name));
    let (trie, _) = trie_of(&[&text, "**"]);
    assert_eq!(found(&trie, &name), [1]);
    assert_eq!(found(&trie, &format!("{name}.b")), [0, 1]);
}

#[test]
fn many_active_nodes_still_find_each_value_once() {
    // Each pattern has its own `**` behind a node that is reached again and again: far more than fit in place.
    let text =
        |bits: u32| (0..8).map(|bit| if bits >> bit & 1 == 0 { "a.**" } else { "*" }).collect::<Vec<_>>().join(".");
    let texts: Vec<_> = (0..256).map(text).collect();
    let (trie, _) = trie_of(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    for len in 0..20 {
        let name = ["a"].repeat(len + 1).join(".");
        let expected: Vec<_> = (0..texts.len()).filter(|&at| pattern(&texts[at]).matches(&name)).collect();
        assert_eq!(found(&trie, &name), expected);
    }
}

#[test]
fn a_key_of_a_removed_value_names_nothing_even_if_its_place_is_used_again() {
    let (mut trie, keys) = trie_of(&["a.*"]);
    assert_eq!(trie.remove(keys[0]), Some(0));
    trie.insert(&pattern("a.*"), 1);
    assert_eq!(trie.remove(keys[0]), None);
    assert_eq!(found(&trie, "a.b"), [1]);
}

#[test]
fn keys_from_before_take_name_nothing_after_it() {
    let (mut trie, keys) = trie_of(&["a.*"]);
    assert_eq!(found(&trie.take(), "a.b"), [0]);
    assert_eq!((trie.len(), found(&trie, "a.b")), (0, vec![]));
    trie.insert(&pattern("a.*"), 1);
    assert_eq!(trie.remove(keys[0]), None);
    assert_eq!(found(&trie, "a.b"), [1]);
}

#[test]
fn names_from_outside_leave_no_trace() {
    let (trie, _) = trie_of(&["user.*", "**.failed"]);
    let size = trie.size();
    assert_eq!(found(&trie, "user.never_heard_of"), [0]);
    assert_eq!(found(&trie, "never.heard.of.failed"), [1]);
    assert_eq!(trie.size(), size);
}

fn texts() -> impl Strategy<Value = String> {
    vec(select(&["a", "b", "*", "**"]), 1..7).prop_map(|segments| segments.join("."))
}

fn names() -> impl Strategy<Value = String> {
    vec(select(&["a", "b", "c"]), 1..9).prop_map(|words| words.join("."))
}

proptest! {
    #[test]
    fn a_pattern_matches_what_its_wildcards_say(text in texts(), names in vec(names(), 20)) {
        for name in names {
            prop_assert_eq!(pattern(&text).matches(&name), naively(&text, &name), "{} {}", text, name);
        }
    }

    #[test]
    fn a_pattern_prints_as_the_text_it_parses_from(text in texts()) {
        let first = pattern(&text);
        let again: Pattern = first.to_string().parse().unwrap();
        prop_assert_eq!(first.as_str(), again.as_str());
        prop_assert_eq!(first.is_exact(), !text.contains('*'));
        prop_assert_eq!(first, again);
    }

    #[test]
    fn no_text_panics_and_every_error_lies_within_the_text(text in "[a-bA.*_é]{0,12}") {
        if let Err(error) = Pattern::new(&text) {
            prop_assert!(text.is_char_boundary(error.at()));
        }
    }

    #[test]
    fn a_trie_finds_what_its_patterns_match_through_any_inserts_and_removals(
        steps in vec((prop::option::weighted(0.7, texts()), any::<Index>()), 1..60),
        names in vec(names(), 10),
    ) {
        let mut trie = Trie::new();
        let mut kept: Vec<(TrieKey, String, usize)> = Vec::new();
        for (value, (insert, at)) in steps.into_iter().enumerate() {
            match insert {
                Some(text) => kept.push((trie.insert(&pattern(&text), value), text, value)),
                None if kept.is_empty() => {}
                None => {
                    let (key, _, value) = kept.swap_remove(at.index(kept.len()));
                    prop_assert_eq!(trie.remove(key), Some(value));
                    prop_assert_eq!(trie.remove(key), None);
                }
            }
            prop_assert_eq!(trie.len(), kept.len());
            for name in &names {
                let mut expected: Vec<_> = kept.iter().filter(|(_, text, _)| naively(text, name)).map(|kept| kept.2).collect();
                expected.sort_unstable();
                prop_assert_eq!(found(&trie, name), expected, "{}", name);
            }
        }
        for (key, ..) in kept {
            trie.remove(key);
        }
        prop_assert_eq!(trie.size(), Trie::<()>::new().size());
    }
}
