//! The parser of `#[listeners(..)]`.

use proc_macro2::TokenStream;
use syn::{
    Expr, Path, Result,
    parse::{ParseStream, Parser},
    parse_quote,
};

use crate::{errors::Errors, keys};

#[derive(Default)]
pub(super) struct Args {
    krate: Option<Path>,
    pub(super) named: Option<Expr>,
    seen: Vec<BlockKey>,
}

#[derive(Clone, Copy, PartialEq)]
enum BlockKey {
    Crate,
    Named,
}

const KEYS: [(BlockKey, &str, &str); 2] =
    [(BlockKey::Crate, "crate", "crate = my_framework::eventbus"), (BlockKey::Named, "named", "named = \"billing\"")];

impl Args {
    pub(super) fn read(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut this = Self::default();
        let read = |input: ParseStream<'_>| {
            keys::list(input, errors, |input| this.read_entry(input));
            Ok(())
        };
        if let Err(error) = read.parse2(tokens) {
            errors.push(error);
        }
        this
    }

    /// The path under which generated code finds `Module`, `Scope` and `WiringError`.
    pub(super) fn krate(&self) -> Path {
        self.krate.clone().unwrap_or_else(|| parse_quote!(::eventbus))
    }

    fn read_entry(&mut self, input: ParseStream<'_>) -> Result<()> {
        let (key, ident, usage) = keys::key(input, &KEYS, &mut self.seen)?;
        keys::equals(input, &ident, usage)?;
        match key {
            BlockKey::Crate => self.krate = Some(keys::path(input, "crate", usage)?),
            BlockKey::Named => self.named = Some(keys::text(input, "named", usage)?),
        }
        Ok(())
    }
}
