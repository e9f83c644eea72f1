//! The model of a method with `#[on]`.

use syn::{Attribute, Ident, ImplItemFn, Type};

use super::{options::Options, signature};
use crate::errors::Errors;

/// A method that listens.
pub(super) struct Method {
    /// The method as it is written, without its `#[on]`.
    pub(super) source: ImplItemFn,
    pub(super) options: Options,
    /// What it takes; `None` if it cannot be called.
    pub(super) takes: Option<Takes>,
}

/// What a method takes, each in the form in which it takes it.
pub(super) struct Takes {
    pub(super) service: Form,
    pub(super) event: (Listened, Form),
    /// The context's type, for messages about it.
    pub(super) context: Option<(Type, Form)>,
}

/// What is listened to.
pub(super) enum Listened {
    /// A type of event.
    To(Type),
    /// Any event whose name fits.
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
    pub(super) fn read(source: ImplItemFn, options: Options, errors: &mut Errors) -> Self {
        let takes = signature::read(&source.sig, errors);
        Self { source, options, takes }
    }

    pub(super) fn ident(&self) -> &Ident {
        &self.source.sig.ident
    }

    pub(super) fn is_async(&self) -> bool {
        self.source.sig.asyncness.is_some()
    }

    /// The conditions under which it exists.
    pub(super) fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        cfgs(&self.source.attrs)
    }
}

pub(super) fn cfgs(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("cfg"))
}
