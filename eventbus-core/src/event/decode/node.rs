//! A tree as a deserializer, as strict as that of `serde_json`.

use std::{fmt::Write as _, slice};

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected, MapAccess, SeqAccess, Unexpected, VariantAccess,
    Visitor,
    value::{BorrowedStrDeserializer, MapDeserializer, SeqDeserializer},
};

use super::{
    key::KeyReader,
    mismatch::{Mismatch, Segment},
    tree::Node,
};

/// The name under which `serde_json` asks for a `RawValue`.
const RAW: &str = "$serde_json::private::RawValue";

/// What a type declares that is not a struct, or an enum.
const NOTHING: &[&str] = &[];

/// What a tree was read from, and for what.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// JSON that does not decode, to learn why.
    Diagnosis,
    /// A format for people, such as JSON.
    Text,
    /// A format for programs, such as CBOR.
    Binary,
}

/// A value of a tree as a deserializer.
#[derive(Clone, Copy)]
pub(super) struct NodeReader<'de> {
    pub(super) node: &'de Node,
    pub(super) purpose: Purpose,
}

impl Node {
    fn mismatch(&self, expected: &dyn Expected) -> Mismatch {
        Mismatch::invalid_type(self.unexpected(), expected)
    }

    /// The segment of a path for the value of this key.
    fn segment(&self, declared: &'static [&'static str]) -> Segment {
        let mut number = String::new();
        let _ = match self {
            Self::Text(key) => return Segment::of_key(key, declared),
            Self::Unsigned(key) => write!(number, "{key}"),
            Self::Signed(key) => write!(number, "{key}"),
            // Not shown.
            _ => Ok(()),
        };
        Segment::of_key(&number, declared)
    }

    fn unexpected(&self) -> Unexpected<'_> {
        match self {
            Self::Null => Unexpected::Unit,
            Self::Bool(value) => Unexpected::Bool(*value),
            Self::Unsigned(value) => Unexpected::Unsigned(*value),
            Self::Signed(value) => Unexpected::Signed(*value),
            Self::Float(value) => Unexpected::Float(*value),
            Self::WideUnsigned(_) | Self::WideSigned(_) => Unexpected::Other("an integer"),
            Self::Text(value) => Unexpected::Str(value),
            Self::Bytes(value) => Unexpected::Bytes(value),
            Self::List(_) => Unexpected::Seq,
            Self::Map(_) => Unexpected::Map,
        }
    }
}

impl<'de> NodeReader<'de> {
    fn at(self, node: &'de Node) -> Self {
        Self { node, ..self }
    }

    fn visit_map<V: Visitor<'de>>(self, declared: &'static [&'static str], visitor: V) -> Result<V::Value, Mismatch> {
        match self.node {
            Node::Map(entries) => visitor.visit_map(Entries { map: self, rest: entries.iter(), entry: None, declared }),
            node => Err(node.mismatch(&visitor)),
        }
    }

    fn visit_list<V: Visitor<'de>>(self, items: &'de [Node], visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_seq(Items { list: self, rest: items.iter(), at: 0 })
    }

    fn visit_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.node {
            Node::List(items) => self.visit_list(items, visitor),
            // A `Vec<u8>`, which another program has written as bytes.
            Node::Bytes(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.iter().copied())),
            node => Err(node.mismatch(&visitor)),
        }
    }

    fn visit_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.node {
            Node::Bool(value) => visitor.visit_bool(*value),
            node => Err(node.mismatch(&visitor)),
        }
    }

    fn visit_number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.node {
            Node::Unsigned(value) => visitor.visit_u64(*value),
            Node::Signed(value) => visitor.visit_i64(*value),
            Node::Float(value) => visitor.visit_f64(*value),
            node => Err(node.mismatch(&visitor)),
        }
    }

    /// An integer of 128 bits.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the value is not used, only that it is an integer"
    )]
    fn visit_wide_number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.node {
            // `serde_json` hands out an integer that is too large for a `u64` as a float, nearly the same.
            Node::Float(value) if self.purpose == Purpose::Diagnosis && value.fract() == 0.0 => {
                if *value >= 0.0 {
                    visitor.visit_u128(*value as u128)
                } else {
                    visitor.visit_i128(*value as i128)
                }
            }
            Node::WideUnsigned(value) => visitor.visit_u128(*value),
            Node::WideSigned(value) => visitor.visit_i128(*value),
            _ => self.visit_number(visitor),
        }
    }

    fn visit_text<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.node {
            Node::Text(text) => visitor.visit_borrowed_str(text),
            node => Err(node.mismatch(&visitor)),
        }
    }

    fn visit_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.node {
            Node::Null => visitor.visit_unit(),
            node => Err(node.mismatch(&visitor)),
        }
    }

    /// JSON as text, as `RawValue` holds it.
    fn raw<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let text = match self.node {
            // Any JSON will do: nobody reads it.
            _ if self.purpose == Purpose::Diagnosis => "null".to_owned(),
            // As `RawValue` writes itself where it does not meet `serde_json`.
            Node::Map(entries)
                if let [(Node::Text(name), Node::Text(text))] = &entries[..]
                    && name == RAW =>
            {
                text.clone()
            }
            node => serde_json::to_string(node).map_err(|_| node.mismatch(&visitor))?,
        };
        visitor.visit_map(MapDeserializer::new([(RAW, text)].into_iter()))
    }
}

/// Methods of the deserializer that take only what `$visit` takes.
macro_rules! only {
    ($($visit:ident: $($method:ident)*;)*) => {$($(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
            self.$visit(visitor)
        }
    )*)*};
}

// Each method names the few visits that it can come to. If all went through `deserialize_any`, each type of a user would be
// compiled with every visit there is, half of which only say what they do not expect: that was a third of the code of an event.
impl<'de> Deserializer<'de> for NodeReader<'de> {
    type Error = Mismatch;

    fn is_human_readable(&self) -> bool {
        self.purpose != Purpose::Binary
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.node {
            Node::Null => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(*value),
            Node::Unsigned(value) => visitor.visit_u64(*value),
            Node::Signed(value) => visitor.visit_i64(*value),
            Node::Float(value) => visitor.visit_f64(*value),
            Node::WideUnsigned(value) => visitor.visit_u128(*value),
            Node::WideSigned(value) => visitor.visit_i128(*value),
            Node::Text(value) => visitor.visit_borrowed_str(value),
            Node::Bytes(value) => visitor.visit_borrowed_bytes(value),
            Node::List(items) => self.visit_list(items, visitor),
            Node::Map(_) => self.visit_map(NOTHING, visitor),
        }
    }

    only! {
        visit_bool: deserialize_bool;
        visit_number: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64;
        visit_number: deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64;
        visit_wide_number: deserialize_i128 deserialize_u128;
        visit_text: deserialize_char deserialize_str deserialize_string deserialize_identifier;
        visit_unit: deserialize_unit;
        visit_seq: deserialize_seq;
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.visit_map(NOTHING, visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.node {
            Node::Text(text) => visitor.visit_borrowed_bytes(text.as_bytes()),
            Node::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Node::List(items) => self.visit_list(items, visitor),
            node => Err(node.mismatch(&visitor)),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if let Node::Null = self.node { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Mismatch> {
        if name == RAW { self.raw(visitor) } else { visitor.visit_newtype_struct(self) }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        if let Node::List(items) = self.node {
            self.visit_list(items, visitor)
        } else {
            self.visit_map(fields, visitor)
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        let (name, content) = match self.node {
            Node::Text(name) => (name, None),
            Node::Map(entries) if let [(Node::Text(name), content)] = &entries[..] => (name, Some(self.at(content))),
            node => return Err(node.mismatch(&visitor)),
        };
        visitor.visit_enum(Variant { name, content, variants })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_unit()
    }
}

struct Items<'de> {
    list: NodeReader<'de>,
    rest: slice::Iter<'de, Node>,
    at: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Mismatch> {
        let Some(item) = self.rest.next() else { return Ok(None) };
        let at = self.at;
        self.at += 1;
        seed.deserialize(self.list.at(item)).map(Some).map_err(|error| error.inside(Segment::Index(at)))
    }
}

struct Entries<'de> {
    map: NodeReader<'de>,
    rest: slice::Iter<'de, (Node, Node)>,
    entry: Option<&'de (Node, Node)>,
    declared: &'static [&'static str],
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mismatch> {
        self.entry = self.rest.next();
        match self.entry {
            None => Ok(None),
            Some((Node::Text(key), _)) => seed.deserialize(KeyReader(key)).map(Some),
            Some((key, _)) => seed.deserialize(self.map.at(key)).map(Some),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mismatch> {
        let Some((key, value)) = self.entry.take() else { return Err(Mismatch::default()) };
        seed.deserialize(self.map.at(value)).map_err(|error| error.inside(key.segment(self.declared)))
    }
}

struct Variant<'de> {
    name: &'de str,
    content: Option<NodeReader<'de>>,
    variants: &'static [&'static str],
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Mismatch;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Mismatch> {
        Ok((seed.deserialize(BorrowedStrDeserializer::new(self.name))?, self))
    }
}

impl<'de> Variant<'de> {
    /// Decodes what the variant carries.
    fn content<T>(
        &self,
        expected: &'static str,
        decode: impl FnOnce(NodeReader<'de>) -> Result<T, Mismatch>,
    ) -> Result<T, Mismatch> {
        let Some(content) = self.content else {
            return Err(Mismatch::invalid_type(Unexpected::UnitVariant, &expected));
        };
        decode(content).map_err(|error| error.inside(Segment::of_key(self.name, self.variants)))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Mismatch;

    fn unit_variant(self) -> Result<(), Mismatch> {
        match self.content {
            None | Some(NodeReader { node: Node::Null, .. }) => Ok(()),
            Some(_) => self.content("", |content| Err(content.node.mismatch(&"unit variant"))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Mismatch> {
        self.content("newtype variant", |content| seed.deserialize(content))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Mismatch> {
        self.content("tuple variant", |content| content.deserialize_seq(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.content("struct variant", |content| content.deserialize_struct("", fields, visitor))
    }
}
