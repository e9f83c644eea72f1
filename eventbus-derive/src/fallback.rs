//! The expansion for a type with errors: the errors, and a placeholder impl of `Event`. Without the impl, each use of the type
//! would add "is not an `Event`" to the error that matters.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Error;

use crate::ast::Input;

pub(crate) fn event(input: &Input<'_>, error: &Error) -> TokenStream {
    let krate = input.krate();
    let trait_path = input.trait_path();
    let ident = &input.source.ident;
    let generics = input.impl_generics();
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let error = error.to_compile_error();
    quote! {
        #error

        #[automatically_derived]
        #[allow(deprecated, unused_qualifications)]
        impl #impl_generics #trait_path for #ident #ty_generics #where_clause {
            const NAME: #krate::EventName = #krate::EventName::new("invalid");
        }
    }
}
