//! Reads `#[event(..)]`. After a mistake it goes on with the next key, so that each mistake is reported.

use proc_macro2::{Span, TokenTree};
use quote::ToTokens;
use syn::{
    Attribute, Error, Ident, Lit, LitStr, Meta, Path, Result, Token, ext::IdentExt, parse::ParseStream, token::Paren,
};

use crate::{errors::Errors, suggest};

/// What `#[event(..)]` says about a type.
#[derive(Default)]
pub(crate) struct Attrs {
    pub(crate) name: Option<LitStr>,
    pub(crate) version: Option<u32>,
    pub(crate) krate: Option<Path>,
    /// The flag itself, for messages about it.
    pub(crate) shares_name: Option<Ident>,
    /// Likewise.
    pub(crate) serde: Option<Ident>,
    /// Likewise.
    pub(crate) schema: Option<Ident>,
    seen: Vec<Key>,
}

#[derive(Clone, Copy, PartialEq)]
enum Key {
    Name,
    Version,
    Crate,
    SharesName,
    Serde,
    Schema,
}

/// Each key, how it is spelled, and an example of its use. A new key starts here.
const KEYS: [(Key, &str, &str); 6] = [
    (Key::Name, "name", "name = \"user.created\""),
    (Key::Version, "version", "version = 2"),
    (Key::Crate, "crate", "crate = my_framework::eventbus"),
    (Key::SharesName, "shares_name", "shares_name"),
    (Key::Serde, "serde", "serde"),
    (Key::Schema, "schema", "schema"),
];

/// The attributes that are ours.
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
                        this.read_list(input, errors);
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

    /// Whether a name was meant, be it a good one or not.
    pub(crate) fn has_name(&self) -> bool {
        self.seen.contains(&Key::Name)
    }

    fn read_list(&mut self, input: ParseStream<'_>, errors: &mut Errors) {
        while !input.is_empty() {
            if let Err(error) = self.read_entry(input) {
                errors.push(error);
                skip_entry(input);
            }
            if input.is_empty() || input.parse::<Token![,]>().is_ok() {
                continue;
            }
            errors.at(input.span(), "a `,` is missing before this");
            if !input.peek(Ident::peek_any) {
                skip_entry(input);
            }
        }
    }

    fn read_entry(&mut self, input: ParseStream<'_>) -> Result<()> {
        if let Ok(text) = input.fork().parse::<LitStr>() {
            let message = format!("a value without a key: write `name = {}`", text.token());
            return Err(Error::new(text.span(), message));
        }
        let ident = input
            .call(Ident::parse_any)
            .map_err(|error| Error::new(error.span(), format!("a key is missing here; the keys are {}", all_keys())))?;
        let Some(&(key, _, usage)) = KEYS.iter().find(|(_, spelling, _)| ident == spelling) else {
            return Err(unknown(&ident));
        };
        if self.seen.contains(&key) {
            return Err(Error::new(ident.span(), format!("`{ident}` is given twice; keep one of them")));
        }
        self.seen.push(key);

        let flag = match key {
            Key::SharesName => Some(&mut self.shares_name),
            Key::Serde => Some(&mut self.serde),
            Key::Schema => Some(&mut self.schema),
            Key::Name | Key::Version | Key::Crate => None,
        };
        if let Some(flag) = flag {
            if input.peek(Token![=]) || input.peek(Paren) {
                let message = format!("`{ident}` is a flag: write it alone, or remove it");
                return Err(Error::new(ident.span(), message));
            }
            *flag = Some(ident);
            return Ok(());
        }

        if !input.peek(Token![=]) {
            return Err(Error::new(ident.span(), format!("`{ident}` needs a value: write `{usage}`")));
        }
        input.parse::<Token![=]>()?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(Error::new(ident.span(), format!("`{ident}` needs a value: write `{usage}`")));
        }
        let value = input.span();
        match key {
            Key::Version => self.version = Some(read_version(input)?),
            Key::Crate => self.krate = Some(read_path(input).map_err(|_| takes(value, "crate", "a path", usage))?),
            Key::Name | Key::SharesName | Key::Serde | Key::Schema => {
                self.name = Some(input.parse().map_err(|_| takes(value, "name", "a string literal", usage))?);
            }
        }
        Ok(())
    }
}

fn takes(span: Span, key: &str, kind: &str, usage: &str) -> Error {
    Error::new(span, format!("`{key}` takes {kind}: write `{usage}`"))
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

/// Reads a path, bare or in a string.
fn read_path(input: ParseStream<'_>) -> Result<Path> {
    if input.peek(LitStr) {
        input.parse::<LitStr>()?.parse_with(Path::parse_mod_style)
    } else {
        Path::parse_mod_style(input)
    }
}

fn unknown(ident: &Ident) -> Error {
    let ident_text = ident.to_string();
    let message = match suggest::nearest(&ident_text, KEYS.iter().map(|&(_, spelling, _)| spelling)) {
        Some(meant) => format!("unknown key `{ident}`: did you mean `{meant}`? The keys are {}", all_keys()),
        None => format!("unknown key `{ident}`: the keys are {}", all_keys()),
    };
    Error::new(ident.span(), message)
}

fn all_keys() -> String {
    KEYS.map(|(_, spelling, _)| format!("`{spelling}`")).join(", ")
}

/// Goes to the next comma, the end of what could not be read.
fn skip_entry(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) && input.parse::<TokenTree>().is_ok() {}
}
