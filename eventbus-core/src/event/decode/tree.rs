//! A payload as a tree of values. It keeps the order of keys, and keys that come twice.

use std::fmt;

use serde::{
    de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor},
    ser::{Serialize, SerializeMap, Serializer},
};

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    /// An integer that fits neither `u64` nor `i64`.
    WideUnsigned(u128),
    WideSigned(i128),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Node>),
    /// Keys are text in JSON; other formats have numbers, and more.
    Map(Vec<(Node, Node)>),
}

/// How deep values may be nested, as in `serde_json`: reading and dropping a tree recurse.
pub(super) const MAX_DEPTH: u8 = 128;

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        NodeSeed(MAX_DEPTH).deserialize(from)
    }
}

/// Reads a value, with so many levels left below it.
#[derive(Clone, Copy)]
struct NodeSeed(u8);

impl NodeSeed {
    fn below<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.0.checked_sub(1) {
            Some(left) => Ok(Self(left)),
            None => Err(E::custom(format_args!("nested more than {MAX_DEPTH} levels deep"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Node, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Node, D::Error> {
        self.below()?.deserialize(from)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Node, D::Error> {
        self.below()?.deserialize(from)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Signed(value))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Node, E> {
        Ok(u64::try_from(value).map_or(Node::WideUnsigned(value), Node::Unsigned))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Node, E> {
        Ok(i64::try_from(value).map_or(Node::WideSigned(value), Node::Signed))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(Node::Text(value))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Node, E> {
        Ok(Node::Bytes(value.to_owned()))
    }

    fn visit_byte_buf<E>(self, value: Vec<u8>) -> Result<Node, E> {
        Ok(Node::Bytes(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let below = self.below()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(below)? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        /// How `serde_json` hands out numbers when a program has its feature `arbitrary_precision`.
        const NUMBER: &str = "$serde_json::private::Number";

        let below = self.below()?;
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry_seed(below, below)? {
            match entry {
                (Node::Text(key), Node::Text(number)) if key == NUMBER => {
                    return number_of(&number).ok_or_else(|| A::Error::custom("a number is malformed"));
                }
                entry => map.push(entry),
            }
        }
        Ok(Node::Map(map))
    }
}

/// A number that is kept as text.
fn number_of(text: &str) -> Option<Node> {
    let unsigned = text.parse().map(Node::Unsigned).ok();
    let signed = || text.parse().map(Node::Signed).ok();
    let wide = || text.parse().map(Node::WideUnsigned).ok();
    let wide_signed = || text.parse().map(Node::WideSigned).ok();
    let float = || text.parse().map(Node::Float).ok();
    unsigned.or_else(signed).or_else(wide).or_else(wide_signed).or_else(float)
}

/// Writes the tree, for those who read an event by name as JSON: bytes become a list of numbers, as serde writes them there.
impl Serialize for Node {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => to.serialize_unit(),
            Self::Bool(value) => to.serialize_bool(*value),
            Self::Unsigned(value) => to.serialize_u64(*value),
            Self::Signed(value) => to.serialize_i64(*value),
            Self::Float(value) => to.serialize_f64(*value),
            Self::WideUnsigned(value) => to.serialize_u128(*value),
            Self::WideSigned(value) => to.serialize_i128(*value),
            Self::Text(text) => to.serialize_str(text),
            Self::Bytes(bytes) => to.serialize_bytes(bytes),
            Self::List(items) => items.serialize(to),
            Self::Map(entries) => {
                let mut map = to.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}
