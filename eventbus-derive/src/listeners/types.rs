//! Questions about a type that its tokens alone can answer.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{GenericArgument, PathArguments, PathSegment, Type};

/// Removes parentheses, and the invisible groups that `macro_rules!` puts around the types it inserts.
pub(super) fn bare(mut of: &Type) -> &Type {
    loop {
        match of {
            Type::Group(group) => of = &group.elem,
            Type::Paren(paren) => of = &paren.elem,
            _ => return of,
        }
    }
}

/// The last segment of a path: `Arc<E>` for `std::sync::Arc<E>`.
pub(super) fn last_segment(of: &Type) -> Option<&PathSegment> {
    match bare(of) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

pub(super) fn is_named(of: &Type, name: &str) -> bool {
    last_segment(of).is_some_and(|segment| segment.ident == name)
}

/// The `E` in `Arc<E>`.
pub(super) fn in_arc(of: &Type) -> Option<&Type> {
    let segment = last_segment(of).filter(|segment| segment.ident == "Arc")?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    }
}

/// The first lifetime that is not `'static`, as text, with its span.
pub(super) fn borrow(tokens: impl ToTokens) -> Option<(String, Span)> {
    find_borrow(tokens.to_token_stream())
}

fn find_borrow(tokens: TokenStream) -> Option<(String, Span)> {
    let mut tokens = tokens.into_iter();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '\'' => match tokens.next() {
                Some(TokenTree::Ident(name)) if name != "static" => {
                    return Some((format!("'{name}"), lifetime_span(punct.span(), &name)));
                }
                _ => {}
            },
            TokenTree::Group(group) => {
                if let Some(found) = find_borrow(group.stream()) {
                    return Some(found);
                }
            }
            _ => {}
        }
    }
    None
}

fn lifetime_span(apostrophe: Span, name: &Ident) -> Span {
    apostrophe.join(name.span()).unwrap_or_else(|| name.span())
}
