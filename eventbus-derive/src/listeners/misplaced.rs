//! Errors for `#[on]` and `#[listeners]` in the wrong place. The annotated item stays in the output.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Error, ImplItem, Item, TraitItem};

use super::block::take_on;

/// The expansion of `#[on]` outside of a `#[listeners]` block. Inside of one it is removed before it expands.
pub(crate) fn on(item: &TokenStream) -> TokenStream {
    let message = "`#[on]` marks the listeners of a module: put `#[listeners]` above the `impl` block, and `#[on]` above \
                   methods in it";
    let error = Error::new(Span::call_site(), message).to_compile_error();
    quote!(#error #item)
}

/// The expansion of `#[listeners]` on anything but an inherent `impl` block.
pub(super) fn listeners(mut item: Item) -> TokenStream {
    let error = match &item {
        Item::Impl(block) => {
            let path = block.trait_.as_ref().map(|(path, _)| path).to_token_stream();
            let message = "a trait's methods are called by those who use the trait: put `#[listeners]` above an `impl` block \
                           of the type itself";
            Error::new_spanned(path, message)
        }
        Item::Struct(_) | Item::Enum(_) | Item::Union(_) => Error::new(
            Span::call_site(),
            "`#[listeners]` belongs above the `impl` block with the methods that listen, not above the type",
        ),
        _ => Error::new(Span::call_site(), "`#[listeners]` belongs above an `impl` block"),
    };
    // Each `#[on]` that stays would report an error of its own.
    match &mut item {
        Item::Impl(block) => {
            for item in &mut block.items {
                if let ImplItem::Fn(method) = item {
                    take_on(&mut method.attrs);
                }
            }
        }
        Item::Trait(item) => {
            for item in &mut item.items {
                if let TraitItem::Fn(method) = item {
                    take_on(&mut method.attrs);
                }
            }
        }
        _ => {}
    }
    let error = error.to_compile_error();
    quote!(#error #item)
}
