//! Tokens as source text: `Vec<u8>`, where `TokenStream::to_string` gives `Vec < u8 >`.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;

pub(crate) fn to_source(tokens: impl ToTokens) -> String {
    let mut printer = Printer { out: String::new(), before: TokenKind::Open };
    printer.stream(tokens.to_token_stream());
    printer.out
}

/// The kind of the previous token. Together with the next token it decides whether a space is printed between them.
#[derive(Clone, Copy, PartialEq)]
enum TokenKind {
    /// The start, an opening bracket, or punctuation that no space follows, such as `&`.
    Open,
    /// An identifier or a literal.
    Word,
    /// A word with a space between it and an opening bracket: a lifetime, `mut`, `dyn`.
    Keyword,
    /// A closing bracket.
    Close,
    /// The `>` that closes generics.
    Angle,
    /// Punctuation that a space follows, such as `,`.
    Spaced,
}

struct Printer {
    out: String,
    before: TokenKind,
}

impl Printer {
    fn stream(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Group(group) => self.group(group.delimiter(), group.stream()),
                TokenTree::Ident(ident) => self.word(&ident.to_string()),
                TokenTree::Literal(literal) => self.word(&literal.to_string()),
                TokenTree::Punct(punct) => {
                    let mut text = punct.as_char().to_string();
                    let mut spacing = punct.spacing();
                    // `::`, `->`, `..=` are several puncts but one token. `'a` is a punct and an identifier.
                    while spacing == Spacing::Joint && !matches!(text.as_str(), "<" | ">" | "&" | "*") {
                        match tokens.next_if(|next| matches!(next, TokenTree::Punct(_) | TokenTree::Ident(_))) {
                            Some(TokenTree::Punct(next)) => {
                                text.push(next.as_char());
                                spacing = next.spacing();
                            }
                            Some(next) => {
                                text.push_str(&next.to_string());
                                break;
                            }
                            None => break,
                        }
                    }
                    if text.starts_with('\'') { self.word(&text) } else { self.mark(&text) }
                }
            }
        }
    }

    fn group(&mut self, delimiter: Delimiter, stream: TokenStream) {
        let (open, close) = match delimiter {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::Brace if stream.is_empty() => ("{", "}"),
            Delimiter::Brace => ("{ ", " }"),
            Delimiter::None => return self.stream(stream),
        };
        let apart = match self.before {
            TokenKind::Keyword | TokenKind::Spaced => true,
            TokenKind::Word | TokenKind::Close => delimiter == Delimiter::Brace,
            TokenKind::Angle | TokenKind::Open => false,
        };
        self.put(open, apart, TokenKind::Open);
        self.stream(stream);
        self.put(close, false, TokenKind::Close);
    }

    fn word(&mut self, text: &str) {
        let kind = match text {
            "mut" | "const" | "dyn" | "impl" | "as" | "in" => TokenKind::Keyword,
            _ if text.starts_with('\'') && !text.ends_with('\'') => TokenKind::Keyword,
            _ => TokenKind::Word,
        };
        self.put(text, self.before != TokenKind::Open, kind);
    }

    fn mark(&mut self, text: &str) {
        let after_keyword = matches!(self.before, TokenKind::Keyword | TokenKind::Spaced);
        match text {
            "," | ";" | ":" => self.put(text, false, TokenKind::Spaced),
            "+" | "=" | "->" => self.put(text, true, TokenKind::Spaced),
            ">" => self.put(text, false, TokenKind::Angle),
            "<" | "::" => self.put(text, self.before == TokenKind::Spaced, TokenKind::Open),
            _ => self.put(text, after_keyword, TokenKind::Open),
        }
    }

    fn put(&mut self, text: &str, apart: bool, kind: TokenKind) {
        if apart && !self.out.is_empty() && !self.out.ends_with(' ') {
            self.out.push(' ');
        }
        self.out.push_str(text);
        self.before = kind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_print_as_they_are_written() {
        for source in [
            "String",
            "Vec<u8>",
            "HashMap<String, Vec<Option<u8>>>",
            "&'static str",
            "&'static [u8]",
            "&'static mut (A, B)",
            "*const u8",
            "[u8; 4]",
            "[u8; { N + 1 }]",
            "()",
            "(u8,)",
            "(A, (B, C))",
            "std::time::Duration",
            "::std::string::String",
            "<T as Trait>::Item",
            "<T>::Item",
            "Option<<T as Trait>::Item>",
            "Option<::std::string::String>",
            "Box<dyn Fn(&str) -> Result<(), Error> + Send + Sync + 'static>",
            "Box<dyn for<'a> Fn(&'a str) -> &'a str>",
            "fn(u8, u8) -> bool",
            "Option<fn()>",
            "Box<dyn Iterator<Item = u8> + Send>",
            "Box<dyn Iterator<Item = &'static str>>",
            "PhantomData<fn() -> T>",
            "PhantomData<*const T>",
            "Matrix<-1, 'x', true>",
            "Box<dyn ?Sized>",
            "r#type",
            "(u64, String)",
            "{ id: u64, email: Option<String> }",
            "{}",
        ] {
            let tokens: TokenStream = source.parse().unwrap();
            assert_eq!(to_source(tokens), source);
        }
    }
}
