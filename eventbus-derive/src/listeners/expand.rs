//! Writes the impl of `Module`: what a user could write by hand. Only absolute paths: the user may shadow `Result`, or have
//! no prelude at all.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Error, Generics, Ident, ReturnType, parse_quote, parse_quote_spanned, spanned::Spanned};

use super::{
    args::Args,
    block::Block,
    method::{Form, Listened, Method, Takes, cfgs},
    valid,
};

pub(super) fn module(args: &Args, block: &Block) -> TokenStream {
    let listeners = block.methods.iter().filter_map(|method| {
        let takes = method.takes.as_ref()?;
        Some(listener(block, method, takes))
    });
    implement(args, block, &quote!(#(#listeners)*))
}

/// What is written for a block with mistakes: the mistakes, and a module without listeners. Without it each use of the type
/// would add "is not a `Module`" to the mistake that matters.
pub(super) fn placeholder(args: &Args, block: &Block, error: &Error) -> TokenStream {
    let error = error.to_compile_error();
    let module = if valid::borrows(block) || block.type_name().is_none() {
        None
    } else {
        Some(implement(args, block, &quote!()))
    };
    quote!(#error #module)
}

fn implement(args: &Args, block: &Block, listeners: &TokenStream) -> TokenStream {
    let krate = args.krate();
    let self_ty = &block.source.self_ty;
    let cfgs = cfgs(&block.source.attrs);
    let generics = generics(block);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let name = match &args.named {
        Some(name) => name.to_token_stream(),
        None => block.type_name().map(|name| name.to_string()).to_token_stream(),
    };
    let scope = scope();
    quote! {
        #(#cfgs)*
        #[automatically_derived]
        #[allow(deprecated, unused_qualifications)] // of the methods, and of what `crate = ..` says
        impl #impl_generics #krate::Module for #self_ty #where_clause {
            fn name(&self) -> &::core::primitive::str {
                #name
            }

            fn register(
                self: ::std::sync::Arc<Self>,
                #scope: &#krate::Scope,
            ) -> ::core::result::Result<(), #krate::WiringError> {
                let _ = #scope; // all methods may be configured out
                #listeners
                ::core::result::Result::Ok(())
            }
        }
    }
}

/// The generics of the impl. A type with parameters is a module where it meets `Module`'s own demands as a whole: bounds on
/// its parameters would ask too much of some. Only `'static` cannot be seen from the outside. A type without parameters has
/// the clause, too: the fault is then reported there, and not again at each listener.
fn generics(block: &Block) -> Generics {
    let mut generics = block.source.generics.clone();
    // The type's own place: the fault is the type's, and not that of a macro.
    let span = block.source.self_ty.span();
    let params: Vec<_> = generics.type_params().map(|param| param.ident.clone()).collect();
    let clause = generics.make_where_clause();
    clause.predicates.push(parse_quote_spanned!(span=> Self: ::core::marker::Send + ::core::marker::Sync + 'static));
    clause.predicates.extend(params.iter().map(|param| -> syn::WherePredicate { parse_quote!(#param: 'static) }));
    generics
}

/// The registration of a method: `scope.listener::<E>().named(..).with(self).on(..);`.
fn listener(block: &Block, method: &Method, takes: &Takes) -> TokenStream {
    let Takes { service: _, event: (listened, _), context } = takes;
    let options = &method.options;
    let cfgs = method.cfgs();
    let scope = scope();
    // A call has the place of its name: so a listener's place is its method's, and not that of the attribute.
    let place = method.ident().span();
    // What the compiler has to say of the rest is said there, too, but as of code that a macro wrote.
    let at = Span::call_site().located_at(place);
    let start = match (listened, &options.pattern) {
        (Listened::Any(_), Some((_, pattern))) => quote_spanned!(place=> #scope.listener_name(#pattern)?),
        (Listened::To(event) | Listened::Any(event), _) => quote_spanned!(place=> #scope.listener::<#event>()),
    };
    let name = match &options.named {
        Some(name) => name.to_token_stream(),
        None => match block.type_name() {
            Some(type_name) => format!("{type_name}::{}", method.ident()).to_token_stream(),
            None => method.ident().to_string().to_token_stream(),
        },
    };
    let priority = options.priority.iter().map(|priority| quote_spanned!(at=> .priority(#priority)));
    let once = options.once.then(|| quote_spanned!(at=> .once()));
    let timeout = options.timeout.iter().map(|(_, timeout)| quote_spanned!(at=> .timeout(#timeout)));
    let spawned = options.spawned.iter().map(|_| quote_spanned!(at=> .spawned()));
    let with_context = context.iter().map(|_| quote_spanned!(at=> .with_context()));
    let verb = verb(method, takes);
    quote_spanned! {at=>
        #(#cfgs)*
        #start
            .named(#name) #(#priority)* #once #(#timeout)* #(#spawned)*
            .with(::core::clone::Clone::clone(&self)) #(#with_context)*
            #verb;
    }
}

/// The verb with its closure: `.on(|service, event| Self::method(&service, event))`.
fn verb(method: &Method, takes: &Takes) -> TokenStream {
    let Takes { service: service_form, event: (listened, event_form), context } = takes;
    let ident = method.ident();
    let at = |span: Span| Span::mixed_site().located_at(span);
    let returns = match &method.source.sig.output {
        ReturnType::Type(_, output) => Span::call_site().located_at(output.span()),
        ReturnType::Default => Span::call_site().located_at(ident.span()),
    };
    let (Listened::To(event_type) | Listened::Any(event_type)) = listened;

    let service = Ident::new("service", Span::mixed_site());
    let event = Ident::new("event", at(event_type.span()));
    let context = context.as_ref().map(|(of, form)| (Ident::new("context", at(of.span())), *form));
    let params = {
        let context = context.iter().map(|(context, _)| context);
        quote_spanned!(returns=> |#service, #event #(, #context)*|)
    };

    let service = lend(&service, *service_form);
    if method.is_async() {
        let event = lend(&event, *event_form);
        let context = context.iter().map(|(context, form)| lend(context, *form));
        // The future owns what it lends to the method.
        quote_spanned!(returns=> .on_async(#params async move { Self::#ident(#service, #event #(, #context)*).await }))
    } else {
        let context = context.iter().map(|(context, _)| context);
        let verb = Ident::new(if method.options.blocking.is_some() { "on_blocking" } else { "on" }, returns);
        quote_spanned!(returns=> .#verb(#params Self::#ident(#service, #event #(, #context)*)))
    }
}

/// Passes on what a closure owns.
fn lend(ident: &Ident, form: Form) -> TokenStream {
    match form {
        Form::Borrowed => {
            let span = ident.span();
            quote_spanned!(span=> &#ident)
        }
        Form::Owned => ident.to_token_stream(),
    }
}

fn scope() -> Ident {
    Ident::new("scope", Span::mixed_site())
}
