//! A tree as a deserializer, as strict as that of `serde_json`.

use std::slice;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected, MapAccess, SeqAccess, Unexpected, VariantAccess,
    Visitor,
    value::{BorrowedStrDeserializer, MapDeserializer},
};

use super::{
    key::Key,
    mismatch::{Mismatch, Segment},
    tree::Node,
};

/// The name under which `serde_json` asks for a `RawValue`.
const RAW: &str = "$serde_json::private::RawValue";

/// What a type declares that is not a struct, or an enum.
const NOTHING: &[&str] = &[];

impl Node {
    fn mismatch(&self, expected: &dyn Expected) -> Mismatch {
        Mismatch::invalid_type(self.unexpected(), expected)
    }

    fn unexpected(&self) -> Unexpected<'_> {
        match self {
            Self::Null => Unexpected::Unit,
            Self::Bool(value) => Unexpected::Bool(*value),
            Self::Unsigned(value) => Unexpected::Unsigned(*value),
            Self::Signed(value) => Unexpected::Signed(*value),
            Self::Float(value) => Unexpected::Float(*value),
            Self::Text(value) => Unexpected::Str(value),
            Self::List(_) => Unexpected::Seq,
            Self::Map(_) => Unexpected::Map,
        }
    }

    fn visit_map<'de, V: Visitor<'de>>(
        &'de self,
        declared: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match self {
            Self::Map(entries) => visitor.visit_map(Entries { rest: entries.iter(), value: None, declared }),
            _ => Err(self.mismatch(&visitor)),
        }
    }
}

/// Methods for the values that `$node` stands for; all others are a mismatch.
macro_rules! only {
    ($($method:ident: $node:pat => $visit:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
            match self {
                $node => $visit(self, visitor),
                _ => Err(self.mismatch(&visitor)),
            }
        }
    )*};
}

fn any<'de, V: Visitor<'de>>(node: &'de Node, visitor: V) -> Result<V::Value, Mismatch> {
    node.deserialize_any(visitor)
}

/// An integer that is too large for a `u64` comes as a float, nearly the same.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is not used, only that it is an integer"
)]
fn wide<'de, V: Visitor<'de>>(node: &'de Node, visitor: V) -> Result<V::Value, Mismatch> {
    match node {
        Node::Float(value) if value.fract() == 0.0 && *value >= 0.0 => visitor.visit_u128(*value as u128),
        Node::Float(value) if value.fract() == 0.0 => visitor.visit_i128(*value as i128),
        _ => node.deserialize_any(visitor),
    }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self {
            Node::Null => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(*value),
            Node::Unsigned(value) => visitor.visit_u64(*value),
            Node::Signed(value) => visitor.visit_i64(*value),
            Node::Float(value) => visitor.visit_f64(*value),
            Node::Text(value) => visitor.visit_borrowed_str(value),
            Node::List(items) => visitor.visit_seq(Items { rest: items.iter(), at: 0 }),
            Node::Map(_) => self.visit_map(NOTHING, visitor),
        }
    }

    only! {
        deserialize_bool: Node::Bool(_) => any;
        deserialize_i8: Node::Unsigned(_) | Node::Signed(_) | Node::Float(_) => any;
        deserialize_i16: Node::Unsigned(_) | Node::Signed(_) | Node::Float(_) => any;
        deserialize_i32: Node::Unsigned(_) | Node::Signed(_) | Node::Float(_) => any;
        deserialize_i64: Node::Unsigned(_) | Node::Signed(_) | Node::Float(_) => any;
        deserialize_i128: Node::Unsigned(_) | Node::Signed(_) | Node::Float(_) => wide;
        deserialize_u8: Node::Unsigned(_) | Node::Signed(_) | Node::Float(_) => any;
        deserialize_u16: Node::Unsigned(_) | Node::Signed(_) | Node::Float(_) => any;
        deserialize_u32: Node::Unsigned(_) | Node::Signed(_) | Node::Float(_) => any;
        deserialize_u64: Node::Unsigned(_) | Node::Signed(_) | Node::Float(_) => any;
        deserialize_u128: Node::Unsigned(_) | Node::Signed(_) | Node::Float(_) => wide;
        deserialize_f32: Node::Unsigned(_) | Node::Signed(_) | Node::Float(_) => any;
        deserialize_f64: Node::Unsigned(_) | Node::Signed(_) | Node::Float(_) => any;
        deserialize_char: Node::Text(_) => any;
        deserialize_str: Node::Text(_) => any;
        deserialize_string: Node::Text(_) => any;
        deserialize_identifier: Node::Text(_) => any;
        deserialize_unit: Node::Null => any;
        deserialize_seq: Node::List(_) => any;
        deserialize_map: Node::Map(_) => any;
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self {
            Node::Text(text) => visitor.visit_borrowed_bytes(text.as_bytes()),
            Node::List(_) => self.deserialize_any(visitor),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if let Node::Null = self { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Mismatch> {
        if name == RAW {
            // Any JSON will do: nobody reads it.
            return visitor.visit_map(MapDeserializer::new([(RAW, "null")].into_iter()));
        }
        visitor.visit_newtype_struct(self)
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
        if let Node::List(_) = self { self.deserialize_any(visitor) } else { self.visit_map(fields, visitor) }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        let (name, content) = match self {
            Node::Text(name) => (name, None),
            Node::Map(entries) if entries.len() == 1 => (&entries[0].0, Some(&entries[0].1)),
            _ => return Err(self.mismatch(&visitor)),
        };
        visitor.visit_enum(Variant { name, content, variants })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_unit()
    }
}

struct Items<'de> {
    rest: slice::Iter<'de, Node>,
    at: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Mismatch> {
        let Some(item) = self.rest.next() else { return Ok(None) };
        let at = self.at;
        self.at += 1;
        seed.deserialize(item).map(Some).map_err(|error| error.inside(Segment::Index(at)))
    }
}

struct Entries<'de> {
    rest: slice::Iter<'de, (String, Node)>,
    value: Option<&'de (String, Node)>,
    declared: &'static [&'static str],
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mismatch> {
        self.value = self.rest.next();
        self.value.map(|(key, _)| seed.deserialize(Key(key))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mismatch> {
        let Some((key, value)) = self.value.take() else { return Err(Mismatch::default()) };
        seed.deserialize(value).map_err(|error| error.inside(Segment::of_key(key, self.declared)))
    }
}

struct Variant<'de> {
    name: &'de str,
    content: Option<&'de Node>,
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
        decode: impl FnOnce(&'de Node) -> Result<T, Mismatch>,
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
            None | Some(Node::Null) => Ok(()),
            Some(_) => self.content("", |content| Err(content.mismatch(&"unit variant"))),
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
