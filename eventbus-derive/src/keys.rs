//! The parser for the keys of an attribute: `name = "..", version = 2, flag`.

use proc_macro2::{Span, TokenTree};
use syn::{
    Error, Expr, ExprLit, Ident, Lit, LitStr, Path, Result, Token,
    ext::IdentExt,
    parse::{Parse, ParseStream},
    token::Paren,
};

use crate::{errors::Errors, suggest};

/// The keys of an attribute: key, spelling, example.
pub(crate) type Table<K> = [(K, &'static str, &'static str)];

/// Parses all entries. Continues with the next entry after an error, so that all errors are reported.
pub(crate) fn list(input: ParseStream<'_>, errors: &mut Errors, mut entry: impl FnMut(ParseStream<'_>) -> Result<()>) {
    while !input.is_empty() {
        if let Err(error) = entry(input) {
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

/// Parses the key at the start of an entry.
pub(crate) fn key<K: Copy + PartialEq>(
    input: ParseStream<'_>,
    table: &Table<K>,
    seen: &mut Vec<K>,
) -> Result<(K, Ident, &'static str)> {
    let ident = input.call(Ident::parse_any).map_err(|error| {
        Error::new(error.span(), format!("a key is missing here; the keys are {}", spellings(table)))
    })?;
    let Some(&(key, _, usage)) = table.iter().find(|(_, spelling, _)| ident == spelling) else {
        return Err(unknown(&ident, table));
    };
    if seen.contains(&key) {
        return Err(Error::new(ident.span(), format!("`{ident}` is given twice; keep one of them")));
    }
    seen.push(key);
    Ok((key, ident, usage))
}

/// Checks that no value follows a flag.
pub(crate) fn flag(input: ParseStream<'_>, ident: Ident) -> Result<Ident> {
    if input.peek(Token![=]) || input.peek(Paren) {
        let message = format!("`{ident}` is a flag: write it alone, or remove it");
        return Err(Error::new(ident.span(), message));
    }
    Ok(ident)
}

/// Parses the `=` after `ident` and returns the span of the value.
pub(crate) fn equals(input: ParseStream<'_>, ident: &Ident, usage: &str) -> Result<Span> {
    let needs = || Error::new(ident.span(), format!("`{ident}` needs a value: write `{usage}`"));
    if !input.peek(Token![=]) {
        return Err(needs());
    }
    input.parse::<Token![=]>()?;
    if input.is_empty() || input.peek(Token![,]) { Err(needs()) } else { Ok(input.span()) }
}

/// Parses a value.
pub(crate) fn value<T: Parse>(input: ParseStream<'_>, key: &str, kind: &str, usage: &str) -> Result<T> {
    let at = input.span();
    input.parse().map_err(|_| takes(at, key, kind, usage))
}

/// Parses a text: a string literal, or any other expression for a string.
pub(crate) fn text(input: ParseStream<'_>, key: &str, usage: &str) -> Result<Expr> {
    let at = input.span();
    match value(input, key, "a string", usage)? {
        Expr::Lit(ExprLit { lit, .. }) if !matches!(lit, Lit::Str(_)) => Err(takes(at, key, "a string", usage)),
        text => Ok(text),
    }
}

/// Parses a path, written as a path or as a string.
pub(crate) fn path(input: ParseStream<'_>, key: &str, usage: &str) -> Result<Path> {
    let at = input.span();
    let path = if input.peek(LitStr) {
        input.parse::<LitStr>()?.parse_with(Path::parse_mod_style)
    } else {
        Path::parse_mod_style(input)
    };
    path.map_err(|_| takes(at, key, "a path", usage))
}

pub(crate) fn takes(at: Span, key: &str, kind: &str, usage: &str) -> Error {
    Error::new(at, format!("`{key}` takes {kind}: write `{usage}`"))
}

fn unknown<K>(ident: &Ident, table: &Table<K>) -> Error {
    let all = spellings(table);
    let message = match suggest::nearest(&ident.to_string(), table.iter().map(|&(_, spelling, _)| spelling)) {
        Some(meant) => format!("unknown key `{ident}`: did you mean `{meant}`? The keys are {all}"),
        None => format!("unknown key `{ident}`: the keys are {all}"),
    };
    Error::new(ident.span(), message)
}

fn spellings<K>(table: &Table<K>) -> String {
    let all: Vec<_> = table.iter().map(|(_, spelling, _)| format!("`{spelling}`")).collect();
    all.join(", ")
}

/// Skips to the next comma, or to the end, after an error.
fn skip_entry(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) && input.parse::<TokenTree>().is_ok() {}
}
