//! A payload as a tree of values, and how an event is read from it.
//!
//! All codecs but JSON read a payload into a tree first; JSON does if it does not decode, to learn why. The deserializer of
//! the tree has errors that keep what the type says of itself and drop what the payload says: serde's constructors of errors
//! get both apart, while a finished message of a format mixes them.

mod key;
mod mismatch;
mod node;
mod tree;

use std::{any::Any, fmt};

use serde::{
    Serialize, Serializer,
    de::{Deserialize, DeserializeOwned, Deserializer},
};

use super::isolate;
pub(super) use mismatch::{Mismatch, Problem};
use node::{NodeReader, Purpose};
use tree::Node;

/// A payload that a [`Codec`](crate::Codec) has read: a tree of values, whatever the format. Made by its `Deserialize`, from a
/// format that describes itself, such as CBOR or `MessagePack`.
///
/// # Errors
///
/// It does not deserialize if values are nested more than 128 levels deep.
#[derive(Clone, PartialEq)]
pub struct Decoded {
    node: Node,
    is_human_readable: bool,
}

/// An event whose type is forgotten.
pub(crate) type BoxedEvent = Box<dyn Any + Send + Sync>;

/// Reads an event of a type from a tree.
pub(super) type ReadTree = fn(TreeReader<'_>) -> Result<BoxedEvent, Mismatch>;

/// The deserializer of a tree, for [`ReadTree`].
#[derive(Clone, Copy)]
pub(super) struct TreeReader<'de>(NodeReader<'de>);

/// The [`ReadTree`] of an event type.
pub(super) fn read_tree<E: DeserializeOwned + Send + Sync + 'static>(
    from: TreeReader<'_>,
) -> Result<BoxedEvent, Mismatch> {
    Ok(Box::new(E::deserialize(from.0)?))
}

impl Decoded {
    /// Reads an event. A panic of its `Deserialize` is a mismatch.
    pub(super) fn event(&self, read: ReadTree) -> Result<BoxedEvent, Mismatch> {
        let purpose = if self.is_human_readable { Purpose::Text } else { Purpose::Binary };
        let reader = TreeReader(NodeReader { node: &self.node, purpose });
        isolate(|| read(reader)).unwrap_or_else(|_| Err(Mismatch::panicked()))
    }
}

impl<'de> Deserialize<'de> for Decoded {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let is_human_readable = from.is_human_readable();
        Ok(Self { node: Node::deserialize(from)?, is_human_readable })
    }
}

impl Serialize for Decoded {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.node.serialize(to)
    }
}

/// Shows no value: logs must not have the payload.
impl fmt::Debug for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoded").field("is_human_readable", &self.is_human_readable).finish_non_exhaustive()
    }
}

/// Finds what a type says of JSON that does not decode as one; `None` if this time it does, or its `Deserialize` panics.
pub(super) fn diagnose(json: &[u8], read: ReadTree) -> Option<Mismatch> {
    let decoded = isolate(|| {
        let tree: Node = serde_json::from_slice(json).ok()?;
        read(TreeReader(NodeReader { node: &tree, purpose: Purpose::Diagnosis })).err()
    });
    decoded.ok().flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{
        Deserialize,
        de::{IntoDeserializer as _, value},
    };
    use serde_json::value::RawValue;

    use super::*;

    #[derive(Deserialize, Debug)]
    #[expect(dead_code, clippy::zero_sized_map_values, reason = "only decoding is tested")]
    struct Shapes {
        id: u128,
        price: f32,
        on: bool,
        letter: char,
        name: Option<String>,
        list: Vec<(u8, i64)>,
        by_number: BTreeMap<u8, ()>,
        by_switch: BTreeMap<bool, Unit>,
        by_kind: BTreeMap<Kind, Wrapped>,
        kinds: Vec<Kind>,
        #[serde(default)]
        any: serde_json::Value,
        raw: Box<RawValue>,
        tagged: Tagged,
    }

    #[derive(Deserialize, Debug)]
    struct Unit;

    #[derive(Deserialize, Debug)]
    #[expect(dead_code, reason = "only decoding is tested")]
    struct Wrapped(u8);

    #[derive(Deserialize, Debug, PartialEq, Eq, PartialOrd, Ord)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Plain,
        New(u8),
        Pair(u8, u8),
        Named { days: u8 },
    }

    #[derive(Deserialize, Debug)]
    #[serde(tag = "type", content = "of")]
    #[expect(dead_code, reason = "only decoding is tested")]
    enum Tagged {
        Number(i32),
    }

    const GOOD: &str = r#"{"id": 340282366920938463463374607431768211455, "price": 1.5, "on": true, "letter": "ä",
        "name": "A\"da", "list": [[1, -2], [3, 4]], "by_number": {"7": null}, "by_switch": {"true": null},
        "by_kind": {"plain": 7}, "kinds": ["plain", {"new": 1}, {"pair": [1, 2]}, {"named": {"days": 3}}, {"plain": null}],
        "any": [1, {"a": null}], "raw": {"b": [1.5e300]}, "tagged": {"type": "Number", "of": -4}, "unknown": [[]]}"#;

    #[test]
    fn what_decodes_has_nothing_to_say() {
        serde_json::from_str::<Shapes>(GOOD).unwrap();
        assert_eq!(diagnose(GOOD.as_bytes(), read_tree::<Shapes>), None);
    }

    #[test]
    fn the_place_and_the_expectation_are_found() {
        for (good, bad, expected) in [
            ("340282366920938463463374607431768211455", "-1", "id: expected u128"),
            ("1.5,", "\"x\",", "price: expected f32"),
            ("true,", "1,", "on: expected a boolean"),
            ("\"ä\"", "\"xy\"", "letter: expected a character"),
            ("\"A\\\"da\"", "7", "name: expected a string"),
            ("[3, 4]", "[3]", "list[1]: expected a tuple of size 2"),
            ("[3, 4]", "[300, 4]", "list[1][0]: expected u8"),
            ("\"7\": null", "\"7\": 7", "by_number.7: expected unit"),
            ("\"7\": null", "\"x\": null", "by_number: expected u8"),
            ("{\"true\": null}", "{\"yes\": null}", "by_switch: expected a boolean"),
            ("{\"true\": null}", "{\"true\": 1}", "by_switch.true: expected unit struct Unit"),
            ("{\"plain\": 7}", "{\"plain\": []}", "by_kind.plain: expected u8"),
            ("{\"new\": 1}", "{\"new\": []}", "kinds[1].new: expected u8"),
            ("{\"pair\": [1, 2]}", "{\"pair\": [1, \"2\"]}", "kinds[2].pair[1]: expected u8"),
            ("{\"days\": 3}", "{\"days\": {}}", "kinds[3].named.days: expected u8"),
            ("{\"days\": 3}", "{}", "kinds[3].named: missing field `days`"),
            (
                "{\"plain\": null}",
                "{\"old\": null}",
                "kinds[4]: unknown variant, expected `plain`, `new`, `pair` or `named`",
            ),
            ("{\"plain\": null}", "\"new\"", "kinds[4]: expected newtype variant"),
            ("{\"plain\": null}", "{\"plain\": 7}", "kinds[4].plain: expected unit variant"),
            ("\"of\": -4", "\"of\": \"4\"", "tagged.of: expected i32"),
            ("\"raw\"", "\"row\"", ": missing field `raw`"),
            ("\"on\": true", "\"id\": 7", ": duplicate field `id`"),
        ] {
            let bad = GOOD.replacen(good, bad, 1);
            assert!(serde_json::from_str::<Shapes>(&bad).is_err(), "{bad}");
            let Some(mismatch) = diagnose(bad.as_bytes(), read_tree::<Shapes>) else {
                panic!("nothing is wrong in {bad}")
            };
            assert_eq!(format!("{}: {}", mismatch.path(), mismatch.problem), expected, "{bad}");
        }
    }

    #[test]
    fn the_path_names_keys_of_each_kind_that_is_shown() {
        fn path<K: DeserializeOwned + Ord + fmt::Debug>(key: Node) -> String {
            let node = Node::Map(vec![(key, Node::Null)]);
            BTreeMap::<K, u8>::deserialize(NodeReader { node: &node, purpose: Purpose::Binary }).unwrap_err().path()
        }
        assert_eq!(path::<String>(Node::Text("a".into())), "a");
        assert_eq!(path::<u8>(Node::Unsigned(7)), "7");
        assert_eq!(path::<i8>(Node::Signed(-7)), "-7");
        assert_eq!(path::<bool>(Node::Bool(true)), "?");
    }

    #[test]
    fn a_number_that_is_kept_as_text_is_read_as_the_first_kind_that_holds_it() {
        let read = |text: &str| {
            let number = [("$serde_json::private::Number", text)];
            Node::deserialize(value::MapDeserializer::<_, value::Error>::new(number.into_iter()))
        };
        for (text, node) in [
            ("7", Node::Unsigned(7)),
            ("-7", Node::Signed(-7)),
            ("18446744073709551616", Node::WideUnsigned(1 << 64)),
            ("-9223372036854775809", Node::WideSigned(-(1 << 63) - 1)),
            ("1.5", Node::Float(1.5)),
        ] {
            assert_eq!(read(text), Ok(node));
        }
        assert!(read("seven").is_err());
    }

    #[test]
    fn a_wide_integer_is_kept_as_a_narrow_one_where_that_holds_it() {
        let unsigned = |of: u128| Node::deserialize::<value::U128Deserializer<value::Error>>(of.into_deserializer());
        let signed = |of: i128| Node::deserialize::<value::I128Deserializer<value::Error>>(of.into_deserializer());
        assert_eq!(unsigned(7), Ok(Node::Unsigned(7)));
        assert_eq!(unsigned(u128::MAX), Ok(Node::WideUnsigned(u128::MAX)));
        assert_eq!(signed(-7), Ok(Node::Signed(-7)));
        assert_eq!(signed(i128::MIN), Ok(Node::WideSigned(i128::MIN)));
    }

    #[test]
    fn a_deserialize_that_panics_is_told_as_that() {
        let decoded = Decoded { node: Node::Null, is_human_readable: true };
        let mismatch = decoded.event(|_| panic!("boom")).unwrap_err();
        assert_eq!(mismatch.problem, Problem::Panicked);
        assert_eq!(mismatch.to_string(), "the type's `Deserialize` panicked");
    }

    #[test]
    fn what_a_type_expects_is_withheld_if_it_quotes_the_value() {
        use serde::de::{Error as _, Unexpected};

        for (value, expected, is_shown) in [
            (Unexpected::Str("hunter2"), "anything but hunter2", false),
            (Unexpected::Unsigned(1234), "less than 1234", false),
            (Unexpected::Signed(-123), "more than -123", false),
            (Unexpected::Float(12.5), "less than 12.5", false),
            (Unexpected::Unsigned(123), "less than 123", true),
            (Unexpected::Float(12.5), "less than 2.5", true),
            (Unexpected::Bool(true), "not true", true),
        ] {
            let mismatch = Mismatch::invalid_value(value, &expected);
            let shown = if is_shown { Problem::Expected(expected.into()) } else { Problem::Withheld };
            assert_eq!(mismatch.problem, shown, "{expected}");
        }
    }

    #[test]
    fn twelve_names_are_shown_of_those_that_a_type_declares() {
        const NAMES: [&str; 13] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"];
        for (known, ends) in [(&NAMES[..0], "expected none"), (&NAMES[..12], "`k` or `l`"), (&NAMES, "`k`, `l`, ..")] {
            let text = Problem::UnknownField(known).to_string();
            assert!(text.ends_with(ends), "{text}");
        }
    }
}
