//! The parser of a method's arguments: the service, the event, and optionally the context.

use syn::{FnArg, PatType, Receiver, ReceiverKind, Signature, Type, TypeReference};

use super::{
    method::{Form, Listened, Takes},
    types,
};
use crate::{errors::Errors, tokens};

pub(super) fn read(signature: &Signature, errors: &mut Errors) -> Option<Takes> {
    let service = read_service(signature, errors);
    let others: Vec<_> = signature
        .inputs
        .iter()
        .filter_map(|input| match input {
            FnArg::Typed(argument) => Some(argument),
            FnArg::Receiver(_) => None,
        })
        .collect();
    for extra in others.iter().skip(2) {
        errors.on(extra, "too many arguments: a listener takes the event, and then perhaps the context");
    }
    let event = read_event(signature, &others, errors);
    let swapped = others.first().is_some_and(|event| types::is_named(referent(&event.ty), "Context"));
    let context =
        others.get(1).filter(|_| !swapped).map(|context| read_context(context, signature.asyncness.is_some(), errors));
    Some(Takes { service: service?, event: event?, context: context.map_or(Some(None), |read| read.map(Some))? })
}

fn read_service(signature: &Signature, errors: &mut Errors) -> Option<Form> {
    let Some(receiver) = signature.receiver() else {
        errors.on(
            &signature.ident,
            format!("a listener belongs to its module: give `{}` the argument `&self`", signature.ident),
        );
        return None;
    };
    let form = form_of_service(receiver);
    if form.is_none() {
        let shared = "the listeners of a module share it";
        let message = match &receiver.kind {
            ReceiverKind::Reference(_, _, Some(_)) => {
                format!("{shared}: write `&self`, and put what changes into a `Mutex` or an atomic")
            }
            ReceiverKind::Value => format!("{shared}, and may run many times: write `&self`"),
            _ => format!("{shared}: write `&self`, or `self: Arc<Self>`"),
        };
        errors.on(receiver, message);
    }
    form
}

fn form_of_service(receiver: &Receiver) -> Option<Form> {
    match &receiver.kind {
        ReceiverKind::Reference(_, lifetime, None) if lifetime.as_ref().is_none_or(|name| name.ident != "static") => {
            Some(Form::Borrowed)
        }
        ReceiverKind::Typed(_, of) if types::in_arc(of).is_some_and(|inner| types::is_named(inner, "Self")) => {
            Some(Form::Owned)
        }
        _ => None,
    }
}

/// The event: the first argument after the service.
fn read_event(signature: &Signature, others: &[&PatType], errors: &mut Errors) -> Option<(Listened, Form)> {
    let name = &signature.ident;
    let Some(event) = others.first() else {
        errors.on(name, format!("`{name}` takes no event, so nobody knows what it listens to: write `&MyEvent`"));
        return None;
    };
    if types::is_named(referent(&event.ty), "Context") {
        let message = match others.get(1) {
            None => "`Context` is no event: the event comes first, and then the context",
            Some(_) => "the event comes first, and then the context: swap them",
        };
        errors.on(&event.ty, message);
        return None;
    }
    let is_async = signature.asyncness.is_some();
    let (of, form) = match types::bare(&event.ty) {
        Type::Reference(reference) => (read_borrowed(reference, errors)?, Form::Borrowed),
        of if types::is_named(of, "AnyEvent") => (of, Form::Owned),
        of => {
            let Some(inner) = types::in_arc(of) else {
                let of = tokens::to_source(of);
                let or = if is_async { format!(" or `Arc<{of}>`") } else { String::new() };
                errors.on(&event.ty, format!("an event is shared by its listeners: write `&{of}`{or}"));
                return None;
            };
            (inner, Form::Owned)
        }
    };
    if matches!(types::bare(of), Type::ImplTrait(_)) {
        errors.on(of, "a method listens to one type of event: name it");
        return None;
    }
    if types::is_named(of, "AnyEvent") {
        if form == Form::Owned && !is_async {
            errors.on(&event.ty, "a synchronous listener borrows the event: write `&AnyEvent<'_>`");
        }
        return Some((Listened::Any(of.clone()), form));
    }
    if let Some((lifetime, at)) = types::borrow(of) {
        errors.at(at, format!("an event cannot borrow: it owns its data, and its type has no lifetime `{lifetime}`"));
        return None;
    }
    if form == Form::Owned && !is_async {
        let of = tokens::to_source(of);
        errors.on(
            &event.ty,
            format!("a synchronous listener borrows the event: write `&{of}`, or make it an `async fn`"),
        );
    }
    Some((Listened::To(of.clone()), form))
}

fn read_borrowed<'a>(reference: &'a TypeReference, errors: &mut Errors) -> Option<&'a Type> {
    let of = tokens::to_source(&reference.elem);
    if reference.mutability.is_some() {
        errors.on(reference, format!("an event is shared by its listeners: write `&{of}`"));
        return None;
    }
    if reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static") {
        errors.on(reference, format!("an event is lent for the time of the call: write `&{of}`"));
        return None;
    }
    Some(&reference.elem)
}

fn read_context(context: &PatType, is_async: bool, errors: &mut Errors) -> Option<(Type, Form)> {
    let form = match types::bare(&context.ty) {
        of if !types::is_named(referent(of), "Context") => None,
        Type::Reference(reference) if reference.mutability.is_some() => None,
        Type::Reference(_) => Some(Form::Borrowed),
        _ if is_async => Some(Form::Owned),
        _ => None,
    };
    if form.is_none() {
        let right = if is_async { "`Context` or `&Context`" } else { "`&Context`" };
        let message = format!("after the event a listener may take its context, as {right}, and nothing else");
        errors.on(&context.ty, message);
    }
    form.map(|form| ((*context.ty).clone(), form))
}

/// The type behind a reference, or the type itself if it is none.
fn referent(of: &Type) -> &Type {
    match types::bare(of) {
        Type::Reference(reference) => types::bare(&reference.elem),
        of => of,
    }
}
