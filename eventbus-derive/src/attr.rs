//! The parser of `#[event(..)]`. It continues after an error, so that one compilation reports all of them.

use quote::ToTokens;
use syn::{Attribute, Error, Ident, Lit, LitStr, Meta, Path, Result, parse::ParseStream};

use crate::{errors::Errors, keys};

/// The values of `#[event(..)]`.
#[derive(Default)]
pub(crate) struct Attrs {
    pub(crate) name: Option<LitStr>,
    pub(crate) version: Option<u32>,
    pub(crate) krate: Option<Path>,
    /// The flag's token, so that errors can point at it.
    pub(crate) shares_name: Option<Ident>,
    /// As above.
    pub(crate) serde: Option<Ident>,
    /// As above.
    pub(crate) schema: Option<Ident>,
    seen: Vec<EventKey>,
}

#[derive(Clone, Copy, PartialEq)]
enum EventKey {
    Name,
    Version,
    Crate,
    SharesName,
    Serde,
    Schema,
}

/// All keys, with their spelling and an example. To add a key, start here.
const KEYS: [(EventKey, &str, &str); 6] = [
    (EventKey::Name, "name", "name = \"user.created\""),
    (EventKey::Version, "version", "version = 2"),
    (EventKey::Crate, "crate", "crate = my_framework::eventbus"),
    (EventKey::SharesName, "shares_name", "shares_name"),
    (EventKey::Serde, "serde", "serde"),
    (EventKey::Schema, "schema", "schema"),
];

/// The `#[event(..)]` attributes among `attrs`.
pub(crate) fn ours(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("event"))
}

impl Attrs {
    pub(crate) fn read(attrs: &[Attribute], errors: &mut Errors) -> Self {
        let mut this = Self::default();
        for attr in ours(attrs) {
            match &attr.meta {
                Meta::List(list) => {
                    let rest = list.parse_args_with(|input: ParseStream<'_>| {
                        keys::list(input, errors, |input| this.read_entry(input));
                        Ok(())
                    });
                    rest.unwrap_or_else(|error| errors.push(error));
                }
                Meta::Path(path) => {
                    errors.on(path, "`#[event]` says nothing: write `#[event(name = \"user.created\")]`, or remove it");
                }
                Meta::NameValue(meta) => {
                    let value = meta.value.to_token_stream();
                    errors.on(meta, format!("`event` takes its keys in parentheses: write `#[event(name = {value})]`"));
                }
            }
        }
        this
    }

    /// Whether the attribute has a `name` key, valid or not.
    pub(crate) fn has_name(&self) -> bool {
        self.seen.contains(&EventKey::Name)
    }

    fn read_entry(&mut self, input: ParseStream<'_>) -> Result<()> {
        if let Ok(text) = input.fork().parse::<LitStr>() {
            let message = format!("a value without a key: write `name = {}`", text.token());
            return Err(Error::new(text.span(), message));
        }
        let (key, ident, usage) = keys::key(input, &KEYS, &mut self.seen)?;
        let flag = match key {
            EventKey::SharesName => Some(&mut self.shares_name),
            EventKey::Serde => Some(&mut self.serde),
            EventKey::Schema => Some(&mut self.schema),
            EventKey::Name | EventKey::Version | EventKey::Crate => None,
        };
        if let Some(flag) = flag {
            *flag = Some(keys::flag(input, ident)?);
            return Ok(());
        }
        keys::equals(input, &ident, usage)?;
        match key {
            EventKey::Version => self.version = Some(read_version(input)?),
            EventKey::Crate => self.krate = Some(keys::path(input, "crate", usage)?),
            EventKey::Name | EventKey::SharesName | EventKey::Serde | EventKey::Schema => {
                self.name = Some(keys::value(input, "name", "a string literal", usage)?);
            }
        }
        Ok(())
    }
}

fn read_version(input: ParseStream<'_>) -> Result<u32> {
    let at = input.span();
    let fault = |fix: &str| Error::new(at, format!("versions are whole numbers from 1: {fix}"));
    match input.parse::<Lit>() {
        Ok(Lit::Int(int)) if matches!(int.suffix(), "" | "u32") => match int.base10_parse() {
            Ok(0) => Err(fault("write `version = 1`, or leave it out")),
            Ok(version) => Ok(version),
            Err(_) if int.base10_digits().starts_with('-') => Err(fault("write `version = 1`, or leave it out")),
            Err(_) => Err(fault("the greatest is 4294967295")),
        },
        Ok(Lit::Str(text)) if text.value().parse::<u32>().is_ok() => {
            Err(fault(&format!("write `version = {}`, without quotes", text.value())))
        }
        _ => Err(fault("write `version = 2`")),
    }
}
