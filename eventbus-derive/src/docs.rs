//! Doc comments of the input, turned into an expression of type `&'static str`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, Lit, Meta};

/// A doc comment as a list of pieces, one for each `#[doc = ..]`, which is what a `///` line becomes.
#[derive(Default)]
pub(crate) struct Docs(Vec<Piece>);

enum Piece {
    Text(String),
    /// A macro call such as `include_str!("user.md")`, whose text only the compiler knows.
    Macro(TokenStream),
}

impl Docs {
    pub(crate) fn read(attrs: &[Attribute]) -> Self {
        let values = attrs.iter().filter_map(|attr| match &attr.meta {
            Meta::NameValue(meta) if meta.path.is_ident("doc") => Some(&meta.value),
            _ => None, // `#[doc(hidden)]` and the like
        });
        let pieces = values.filter_map(|value| match ungroup(value) {
            Expr::Lit(lit) => match &lit.lit {
                Lit::Str(text) => Some(Piece::Text(plain(&text.value()))),
                _ => None,
            },
            Expr::Macro(call) => Some(Piece::Macro(call.to_token_stream())),
            _ => None,
        });
        Self(pieces.collect())
    }
}

/// Generates an expression of type `&'static str`.
impl ToTokens for Docs {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let mut parts = Vec::new(); // pairs of known text and a macro call
        let mut known = String::new();
        for (index, piece) in self.0.iter().enumerate() {
            if index > 0 {
                known.push('\n');
            }
            match piece {
                Piece::Text(text) => known.push_str(text),
                Piece::Macro(call) => {
                    let before = std::mem::take(&mut known);
                    parts.push(quote!(#before, #call));
                }
            }
        }
        tokens.extend(if parts.is_empty() { quote!(#known) } else { quote!(::core::concat!(#(#parts,)* #known)) });
    }
}

/// Removes the invisible groups that `macro_rules!` puts around the expressions it inserts.
fn ungroup(mut expr: &Expr) -> &Expr {
    while let Expr::Group(group) = expr {
        expr = &group.expr;
    }
    expr
}

/// Removes layout: the space after `///`, and the column of stars in a `/** .. */` block.
fn plain(text: &str) -> String {
    let mut lines: Vec<&str> = text.split('\n').collect();
    if lines.len() > 1 {
        lines.pop_if(|line| line.trim().is_empty());
        if lines[0].trim().is_empty() {
            lines.remove(0);
        }
        let starred = |line: &&str| line.trim_start().starts_with('*');
        let framed =
            lines.iter().skip(usize::from(!lines.first().is_some_and(starred))).all(starred) && lines.len() > 1;
        if framed {
            for line in lines.iter_mut().filter(|line| starred(line)) {
                *line = &line.trim_start()[1..];
            }
        }
    }
    let lines: Vec<&str> = lines.into_iter().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn one_leading_space_is_layout() {
        assert_eq!(plain(" A user."), "A user.");
        assert_eq!(plain("   indented"), "  indented");
        assert_eq!(plain("tight"), "tight");
        assert_eq!(plain(""), "");
    }

    #[test]
    fn the_frame_of_a_block_comment_is_layout() {
        assert_eq!(plain(" short "), "short");
        assert_eq!(plain("\n * One.\n *\n * Two.\n "), "One.\n\nTwo.");
        assert_eq!(plain(" One.\n * Two.\n "), "One.\nTwo.");
        assert_eq!(plain("\n One.\n Two.\n"), "One.\nTwo.");
    }

    #[test]
    fn a_list_is_not_a_frame() {
        assert_eq!(plain(" Either:\n a\n * b"), "Either:\na\n* b");
    }

    #[test]
    fn text_is_joined_and_macros_are_left_to_the_compiler() {
        let input: syn::DeriveInput = parse_quote! {
            /// One.
            #[doc(hidden)]
            #[doc = "Two."]
            struct E;
        };
        assert_eq!(Docs::read(&input.attrs).to_token_stream().to_string(), r#""One.\nTwo.""#);

        let input: syn::DeriveInput = parse_quote! {
            /// One.
            #[doc = include_str!("two.md")]
            struct E;
        };
        let expected = quote!(::core::concat!("One.\n", include_str!("two.md"), ""));
        assert_eq!(Docs::read(&input.attrs).to_token_stream().to_string(), expected.to_string());
    }
}
