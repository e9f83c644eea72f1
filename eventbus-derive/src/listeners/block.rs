//! The parsed form of an `impl` block with `#[listeners]`.

use proc_macro2::Span;
use syn::{Attribute, Ident, ImplItem, ImplItemFn, ItemImpl, ext::IdentExt};

use super::{
    method::Method,
    options::{self, ListenerOptions},
    types,
};
use crate::errors::Errors;

pub(super) struct Block {
    /// The block as written, without the `#[on]` attributes.
    pub(super) source: ItemImpl,
    pub(super) methods: Vec<Method>,
}

impl Block {
    /// Never fails: reports what it cannot parse to `errors` and leaves it out.
    pub(super) fn read(mut source: ItemImpl, errors: &mut Errors) -> Self {
        let mut methods = Vec::new();
        let mut misplaced = Vec::new();
        for item in &mut source.items {
            match item {
                ImplItem::Fn(method) => methods.extend(read_method(method, errors)),
                ImplItem::Const(item) => misplaced.extend(take_on(&mut item.attrs)),
                ImplItem::Type(item) => misplaced.extend(take_on(&mut item.attrs)),
                ImplItem::Macro(item) => misplaced.extend(take_on(&mut item.attrs)),
                _ => {}
            }
        }
        for attr in &misplaced {
            errors.on(attr, "only a method can listen: remove `#[on]`");
        }
        if methods.is_empty() && misplaced.is_empty() {
            let message =
                "no method of this block has `#[on]`: put it above those that listen, or remove `#[listeners]`";
            errors.at(Span::call_site(), message);
        }
        Self { source, methods }
    }

    /// The name of the type, without its parameters and without `r#`.
    pub(super) fn type_name(&self) -> Option<Ident> {
        types::last_segment(&self.source.self_ty).map(|segment| segment.ident.unraw())
    }
}

fn read_method(method: &mut ImplItemFn, errors: &mut Errors) -> Option<Method> {
    let mut ours = take_on(&mut method.attrs).into_iter();
    let attr = ours.next()?;
    for another in ours {
        errors.on(another, "`#[on]` is given twice; put all keys into one");
    }
    let options = ListenerOptions::read(&attr, errors);
    Some(Method::read(method.clone(), options, errors))
}

/// Removes the `#[on]` attributes and returns them.
pub(super) fn take_on(attrs: &mut Vec<Attribute>) -> Vec<Attribute> {
    attrs.extract_if(.., |attr| options::is_on(attr)).collect()
}
