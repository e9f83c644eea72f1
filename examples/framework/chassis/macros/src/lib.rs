//! The macros of `chassis`. Each hands its input to the macro of `eventbus`, with the place where `chassis` keeps what that
//! writes: so users need neither a dependency on `eventbus` nor an attribute that says where it is.

#![forbid(unsafe_code)]

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;

/// Makes a struct or an enum an event. Keys such as its name stand in `#[event(..)]`.
#[proc_macro_derive(Event, attributes(event))]
pub fn event(item: TokenStream) -> TokenStream {
    let item = Tokens::from(item);
    quote!(::chassis::__eventbus::derive_event! { crate = ::chassis::__eventbus; #item }).into()
}

/// Makes a service a module: its methods with `#[on]` listen.
#[proc_macro_attribute]
pub fn listeners(args: TokenStream, item: TokenStream) -> TokenStream {
    let (args, item) = (Tokens::from(args), Tokens::from(item));
    quote!(#[::chassis::__eventbus::listeners(crate = ::chassis::__eventbus, #args)] #item).into()
}
