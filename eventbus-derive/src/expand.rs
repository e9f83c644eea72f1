//! The generated impl of `Event`. All paths are absolute: the user may shadow `Option` or `str`, or have no prelude.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::LitStr;

use crate::ast::Input;

pub(crate) fn event(input: &Input<'_>, name: &LitStr) -> TokenStream {
    let krate = input.krate();
    let trait_path = input.trait_path();
    let ident = &input.source.ident;
    let generics = input.impl_generics();
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let version = input.attrs.version.unwrap_or(1);
    let docs = &input.docs;
    let fields = input.parts.iter().map(|part| {
        let (name, rust_type, docs) = (&part.name, &part.rust_type, &part.docs);
        quote!(#krate::event::Field::new(#name, #rust_type, #docs))
    });
    let shares_name = input.attrs.shares_name.is_some();
    let number = input.source.generics.params.is_empty().then(|| {
        quote! {
            #[inline]
            fn __number() -> ::core::option::Option<&'static ::core::sync::atomic::AtomicU32> {
                static NUMBER: ::core::sync::atomic::AtomicU32 = ::core::sync::atomic::AtomicU32::new(0);
                ::core::option::Option::Some(&NUMBER)
            }
        }
    });
    // Of a type with parameters it depends on them whether it has a `Debug`.
    let debug = (cfg!(feature = "testing") && input.source.generics.params.is_empty()).then(|| {
        quote! {
            fn __debug() -> ::core::option::Option<#krate::event::DebugFn> {
                #[allow(unused_imports)]
                use #krate::event::NoDebug as _;
                #krate::event::DebugOf::<Self>::DEBUG
            }
        }
    });
    let codec = input.attrs.serde.as_ref().map(|flag| {
        let codec = quote_spanned!(flag.span()=> #krate::codec::EventCodec::of::<Self>());
        quote! {
            fn __codec() -> ::core::option::Option<&'static #krate::codec::EventCodec> {
                ::core::option::Option::Some(const { &#codec })
            }
        }
    });
    let schema = input.attrs.schema.as_ref().map(|flag| {
        let schema = quote_spanned!(flag.span()=> #krate::event::Schema::of::<Self>());
        quote! {
            fn __schema() -> ::core::option::Option<#krate::event::Schema> {
                ::core::option::Option::Some(#schema)
            }
        }
    });
    quote! {
        // Runs the core's own check of the name under `cargo check`, which evaluates this constant but no unused associated
        // constant.
        #[allow(unused_qualifications)]
        const _: #krate::EventName = #krate::EventName::new(#name);

        #[automatically_derived]
        #[allow(deprecated, unused_qualifications)] // a deprecated type, a long path in `crate = ..`
        impl #impl_generics #trait_path for #ident #ty_generics #where_clause {
            const NAME: #krate::EventName = #krate::EventName::new(#name);
            const VERSION: ::core::primitive::u32 = #version;
            const DOCS: &'static ::core::primitive::str = #docs;
            const FIELDS: &'static [#krate::event::Field] = &[#(#fields),*];
            const SHARES_NAME: ::core::primitive::bool = #shares_name;
            #number
            #debug
            #codec
            #schema
        }
    }
}
