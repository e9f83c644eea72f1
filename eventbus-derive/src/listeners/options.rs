//! The parser of `#[on(..)]`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Attribute, Error, Expr, ExprLit, Ident, Lit, Meta, Result, parse::ParseStream, spanned::Spanned};

use super::time;
use crate::{errors::Errors, keys};

/// The options of a listener. Keys that are not valid for every method keep their token, so that errors can point at it.
#[derive(Default)]
pub(super) struct ListenerOptions {
    pub(super) named: Option<Expr>,
    pub(super) priority: Option<Expr>,
    pub(super) once: bool,
    pub(super) blocking: Option<Ident>,
    pub(super) spawned: Option<Ident>,
    pub(super) timeout: Option<(Ident, TokenStream)>,
    pub(super) pattern: Option<(Ident, Expr)>,
    seen: Vec<ListenerKey>,
}

#[derive(Clone, Copy, PartialEq)]
enum ListenerKey {
    Named,
    Priority,
    Once,
    Blocking,
    Spawned,
    Timeout,
    Pattern,
}

const KEYS: [(ListenerKey, &str, &str); 7] = [
    (ListenerKey::Named, "named", "named = \"invoice\""),
    (ListenerKey::Priority, "priority", "priority = 10"),
    (ListenerKey::Once, "once", "once"),
    (ListenerKey::Blocking, "blocking", "blocking"),
    (ListenerKey::Spawned, "spawned", "spawned"),
    (ListenerKey::Timeout, "timeout", "timeout = \"2s\""),
    (ListenerKey::Pattern, "pattern", "pattern = \"order.*\""),
];

/// Whether the attribute is `#[on]`, with or without a path before it.
pub(super) fn is_on(attr: &Attribute) -> bool {
    attr.path().segments.last().is_some_and(|segment| segment.ident == "on")
}

impl ListenerOptions {
    pub(super) fn read(attr: &Attribute, errors: &mut Errors) -> Self {
        let mut this = Self::default();
        match &attr.meta {
            Meta::Path(_) => {}
            Meta::List(list) => {
                let read = list.parse_args_with(|input: ParseStream<'_>| {
                    keys::list(input, errors, |input| this.read_entry(input));
                    Ok(())
                });
                read.unwrap_or_else(|error| errors.push(error));
            }
            Meta::NameValue(meta) => {
                errors.on(meta, "`on` takes its keys in parentheses: write `#[on(priority = 10)]`, or just `#[on]`");
            }
        }
        this
    }

    fn read_entry(&mut self, input: ParseStream<'_>) -> Result<()> {
        let (key, ident, usage) = keys::key(input, &KEYS, &mut self.seen)?;
        match key {
            ListenerKey::Once => {
                keys::flag(input, ident)?;
                self.once = true;
                return Ok(());
            }
            ListenerKey::Blocking => self.blocking = Some(keys::flag(input, ident)?),
            ListenerKey::Spawned => self.spawned = Some(keys::flag(input, ident)?),
            ListenerKey::Named | ListenerKey::Priority | ListenerKey::Timeout | ListenerKey::Pattern => {
                let at = keys::equals(input, &ident, usage)?;
                match key {
                    ListenerKey::Named => self.named = Some(keys::text(input, "named", usage)?),
                    ListenerKey::Priority => self.priority = Some(read_priority(input, at, usage)?),
                    ListenerKey::Timeout => self.timeout = Some((ident, read_timeout(input, usage)?)),
                    _ => self.pattern = Some((ident, keys::text(input, "pattern", usage)?)),
                }
            }
        }
        Ok(())
    }
}

fn read_priority(input: ParseStream<'_>, at: Span, usage: &str) -> Result<Expr> {
    match keys::value(input, "priority", "a whole number", usage)? {
        Expr::Lit(ExprLit { lit, .. }) if !matches!(lit, Lit::Int(_)) => {
            Err(keys::takes(at, "priority", "a whole number", usage))
        }
        priority => Ok(priority),
    }
}

/// Parses a time in a string, or an expression of type `Duration`.
fn read_timeout(input: ParseStream<'_>, usage: &str) -> Result<TokenStream> {
    let timeout: Expr = keys::value(input, "timeout", "a time", usage)?;
    let Expr::Lit(ExprLit { lit, .. }) = &timeout else { return Ok(timeout.into_token_stream()) };
    let fault = |fix: String| Error::new(timeout.span(), fix);
    match lit {
        Lit::Str(text) => match time::millis(&text.value()) {
            Ok(millis) => Ok(quote!(::core::time::Duration::from_millis(#millis))),
            Err(fix) => Err(fault(fix)),
        },
        Lit::Int(int) => Err(fault(format!("a time has a unit: write `timeout = \"{}s\"`", int.base10_digits()))),
        _ => Err(keys::takes(timeout.span(), "timeout", "a time", usage)),
    }
}
