//! The parsed form of a method with `#[on]`.

use syn::{Attribute, Ident, ImplItemFn, Type};

use super::{options::ListenerOptions, signature};
use crate::errors::Errors;

/// A method with `#[on]`.
pub(super) struct Method {
    /// The method as written, without its `#[on]`.
    pub(super) source: ImplItemFn,
    pub(super) options: ListenerOptions,
    /// Its arguments; `None` if they are invalid, which has been reported.
    pub(super) takes: Option<Takes>,
}

/// The arguments of a method, each with the form in which it is passed.
pub(super) struct Takes {
    pub(super) service: Form,
    pub(super) event: (Listened, Form),
    /// With the type as written, so that errors can point at it.
    pub(super) context: Option<(Type, Form)>,
}

/// The events that a method listens to.
pub(super) enum Listened {
    /// Events of one type.
    To(Type),
    /// Events of any type whose name matches the pattern.
    Any(Type),
}

/// How an argument is passed.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Form {
    /// `&self`, `&E`, `&Context`.
    Borrowed,
    /// `self: Arc<Self>`, `Arc<E>`, `Context`.
    Owned,
}

impl Method {
    pub(super) fn read(source: ImplItemFn, options: ListenerOptions, errors: &mut Errors) -> Self {
        let takes = signature::read(&source.sig, errors);
        Self { source, options, takes }
    }

    pub(super) fn ident(&self) -> &Ident {
        &self.source.sig.ident
    }

    pub(super) fn is_async(&self) -> bool {
        self.source.sig.asyncness.is_some()
    }

    /// Its `#[cfg(..)]` attributes.
    pub(super) fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        cfgs(&self.source.attrs)
    }
}

pub(super) fn cfgs(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
}
