//! The rules for `#[listeners]` blocks and their methods. All rules are checked, so that one compilation reports all errors.

use syn::{GenericParam, ReturnType, Safety, Type, WherePredicate};

use super::{
    block::Block,
    method::{Listened, Method},
    types,
};
use crate::errors::Errors;

pub(super) fn check(block: &Block, errors: &mut Errors) {
    the_type_has_a_name(block, errors);
    the_module_does_not_borrow(block, errors);
    for method in &block.methods {
        no_qualifiers(method, errors);
        one_type_of_event(method, errors);
        options_fit(method, errors);
        pattern_and_any_event_go_together(method, errors);
        async_is_said(method, errors);
    }
}

/// Whether the module has a lifetime. Then it cannot be `'static`, and even a placeholder impl would not compile.
pub(super) fn borrows(block: &Block) -> bool {
    types::borrow(&block.source.self_ty).is_some() || block.source.generics.lifetimes().next().is_some()
}

fn the_type_has_a_name(block: &Block, errors: &mut Errors) {
    if block.type_name().is_none() {
        errors.on(&block.source.self_ty, "`#[listeners]` belongs above the `impl` block of a struct or an enum");
    }
}

fn the_module_does_not_borrow(block: &Block, errors: &mut Errors) {
    let found = match block.source.generics.lifetimes().next() {
        Some(param) => Some((param.lifetime.to_string(), param.lifetime.span())),
        None => types::borrow(&block.source.self_ty),
    };
    if let Some((lifetime, at)) = found {
        let message = format!(
            "a module cannot borrow, as `{lifetime}` says: the bus holds it as long as it listens; let it own its data, or \
             share it in an `Arc`"
        );
        errors.at(at, message);
    }
}

fn no_qualifiers(method: &Method, errors: &mut Errors) {
    let signature = &method.source.sig;
    if let Safety::Unsafe(token) = &signature.safety {
        errors.on(token, "the bus calls listeners from safe code: remove `unsafe`");
    }
    if let Some(abi) = &signature.abi {
        errors.on(abi, "the bus calls listeners as Rust functions: remove `extern`");
    }
    if let Some(token) = &signature.constness {
        errors.on(token, "a listener runs when its event happens, never in a constant: remove `const`");
    }
    if let Some(variadic) = &signature.variadic {
        errors.on(variadic, "too many arguments: a listener takes the event, and then perhaps the context");
    }
}

fn one_type_of_event(method: &Method, errors: &mut Errors) {
    let generics = &method.source.sig.generics;
    for param in &generics.params {
        let message =
            "a method listens to one type of event: make the `impl` block generic, or write a method for each type";
        match param {
            GenericParam::Type(param) => errors.on(&param.ident, message),
            GenericParam::Const(param) => errors.on(&param.ident, message),
            GenericParam::Lifetime(_) => {}
        }
    }
    // Bounds on lifetimes, such as `where 'a: 'b`, are allowed: they do not restrict the module.
    let bounds = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    for bound in bounds.filter(|bound| matches!(bound, WherePredicate::Type(_))) {
        errors.on(bound, "a method listens wherever its module does: move this bound to the `impl` block");
    }
}

fn options_fit(method: &Method, errors: &mut Errors) {
    let options = &method.options;
    let name = method.ident();
    if method.is_async() {
        if let Some(flag) = &options.blocking {
            let message = format!(
                "`{name}` is an `async fn`, which is awaited and must not block: remove `blocking`, or the `async`"
            );
            errors.on(flag, message);
        }
        return;
    }
    if let Some(flag) = &options.spawned {
        let instead = if options.blocking.is_some() {
            "a blocking listener has a thread of its own anyway: remove `spawned`".to_owned()
        } else {
            format!("only what is awaited can be spawned: make `{name}` an `async fn`, or write `blocking` instead")
        };
        errors.on(flag, instead);
    }
    if let Some((key, _)) = options.timeout.as_ref().filter(|_| options.blocking.is_none()) {
        let message = format!(
            "what runs on the emitting thread cannot be stopped: make `{name}` an `async fn`, or add `blocking`"
        );
        errors.on(key, message);
    }
}

fn pattern_and_any_event_go_together(method: &Method, errors: &mut Errors) {
    let Some(takes) = &method.takes else { return };
    match (&method.options.pattern, &takes.event.0) {
        (Some((key, _)), Listened::To(of)) => {
            let of = crate::tokens::to_source(of);
            let any = if method.is_async() { "AnyEvent<'static>" } else { "&AnyEvent<'_>" };
            let message =
                format!("what listens by pattern takes `{any}`: take that, or remove `pattern` to listen to `{of}`");
            errors.on(key, message);
        }
        (None, Listened::Any(of)) => {
            errors.on(of, "`AnyEvent` does not say which events: add the names, as in `#[on(pattern = \"order.*\")]`");
        }
        _ => {}
    }
}

fn async_is_said(method: &Method, errors: &mut Errors) {
    let ReturnType::Type(_, output) = &method.source.sig.output else { return };
    if let Type::ImplTrait(_) = types::bare(output) {
        let message = "a listener returns `()` or a `Result<(), E>`; for a future, write `async fn`";
        errors.on(output, message);
    }
}
