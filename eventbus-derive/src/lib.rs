//! The procedural macros [`#[derive(Event)]`](macro@Event) and [`#[listeners]`](macro@listeners). Depend on `eventbus`, which
//! re-exports them.
//!
//! Each file is a step of the derive: `ast` holds the parsed type, with the help of `attr` and `docs`; `valid` checks the rules;
//! `expand` generates the impl. If a rule is broken, `fallback` generates a placeholder impl, so that uses of the type cause no
//! further errors. The folder `listeners` has the same steps for the attribute.
//!
//! What users read is in `docs/`. `eventbus` runs the code in it: a dependency on `eventbus` here would be compiled for the host,
//! once more than for everything else.

#![forbid(unsafe_code)]

mod ast;
mod attr;
mod docs;
mod errors;
mod expand;
mod fallback;
mod keys;
mod listeners;
mod name;
mod rules;
mod suggest;
mod tokens;
mod valid;

use proc_macro::TokenStream;
use syn::{
    DeriveInput, Error, Path, Result, Token,
    parse::{Parse, ParseStream},
    parse_macro_input,
};

use crate::{ast::Input, errors::Errors};

#[doc = include_str!("../docs/event.md")]
#[proc_macro_derive(Event, attributes(event))]
pub fn event(input: TokenStream) -> TokenStream {
    derive(&parse_macro_input!(input as DeriveInput), None)
}

#[doc = include_str!("../docs/derive_event.md")]
#[proc_macro]
pub fn derive_event(input: TokenStream) -> TokenStream {
    let Handed { krate, source } = parse_macro_input!(input as Handed);
    derive(&source, Some(krate))
}

/// The input of `derive_event!`.
struct Handed {
    krate: Path,
    source: DeriveInput,
}

impl Parse for Handed {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let krate = Self::place(input).map_err(|error| {
            let message = "`derive_event!` takes where `eventbus` is, and then the type: begin with \
                           `crate = my_framework::eventbus;`";
            Error::new(error.span(), message)
        })?;
        Ok(Self { krate, source: input.parse()? })
    }
}

impl Handed {
    /// Parses `crate = path;`.
    fn place(input: ParseStream<'_>) -> Result<Path> {
        input.parse::<Token![crate]>()?;
        input.parse::<Token![=]>()?;
        let path = keys::path(input, "crate", "crate = my_framework::eventbus")?;
        input.parse::<Token![;]>()?;
        Ok(path)
    }
}

/// Generates the impl. `krate` is the path of `eventbus`, unless the type's attribute gives one.
fn derive(source: &DeriveInput, krate: Option<Path>) -> TokenStream {
    let mut errors = Errors::default();
    let mut input = Input::read(source, &mut errors);
    input.attrs.krate = input.attrs.krate.or(krate);
    let name = valid::check(&input, &mut errors);
    match errors.finish() {
        Ok(()) => expand::event(&input, &name).into(),
        Err(error) => fallback::event(&input, &error).into(),
    }
}

#[doc = include_str!("../docs/listeners.md")]
#[proc_macro_attribute]
pub fn listeners(args: TokenStream, item: TokenStream) -> TokenStream {
    listeners::listeners(args.into(), &item.into()).into()
}

#[doc = include_str!("../docs/on.md")]
#[proc_macro_attribute]
pub fn on(_: TokenStream, item: TokenStream) -> TokenStream {
    listeners::on(&item.into()).into()
}
