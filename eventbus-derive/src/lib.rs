//! The engine of [`#[derive(Event)]`](macro@Event). Depend on `eventbus`, which re-exports it.
//!
//! The files are the pipeline: `ast` models the type, with the help of `attr` and `docs`; `valid` applies the
//! rules; `expand` writes the impl. If a rule is broken, `fallback` writes a placeholder so that the type's users
//! see no second error.

#![forbid(unsafe_code)]

mod ast;
mod attr;
mod docs;
mod errors;
mod expand;
mod fallback;
mod keys;
mod listeners;
mod name;
mod rules;
mod suggest;
mod tokens;
mod valid;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use crate::{ast::Input, errors::Errors};

/// Makes a struct or an enum an event.
///
/// ```
/// use eventbus::Event;
///
/// /// A user finished signing up.
/// #[derive(Event)]
/// struct UserCreated {
///     /// The key in the users table.
///     id: u64,
///     email: String,
/// }
///
/// assert_eq!(UserCreated::NAME, "user.created");
/// assert_eq!(UserCreated::VERSION, 1);
/// assert_eq!(UserCreated::DOCS, "A user finished signing up.");
/// assert_eq!(UserCreated::FIELDS[0].docs(), "The key in the users table.");
/// assert_eq!(UserCreated::FIELDS[1].rust_type(), "String");
/// ```
///
/// It asks for neither `Clone` nor `Debug` nor serde. Doc comments of the type, and of its fields or variants, become part of
/// its description.
///
/// # The name
///
/// Without `name = ".."` it is made of the type's words. The last one is the action, those before it are the entity:
///
/// | type | name |
/// |---|---|
/// | `UserCreated` | `user.created` |
/// | `OrderItemAdded` | `order_item.added` |
/// | `HTTPRequestReceived` | `http_request.received` |
/// | `Http2StreamOpened` | `http2_stream.opened` |
/// | `Startup` | `startup` |
///
/// A word starts at a capital that follows a small letter or a digit, and at the last capital of several before a small
/// letter. Digits belong to the word before them. Renaming the type renames the event, so an event that leaves the process is
/// better off with a `name`.
///
/// # Attributes
///
/// They stand in `#[event(..)]` above the type, in one or in several of them.
///
/// | key | says |
/// |---|---|
/// | `name = "user.login_attempt"` | the event's name: lowercase words joined by dots |
/// | `version = 2` | the version of the event's content, from 1; the name carries none |
/// | `shares_name` | the monomorphs of a generic event may share a bus, see below |
/// | `crate = my_framework::eventbus` | where `eventbus` is found if it is re-exported, as a path or a string |
///
/// ```
/// use eventbus::Event;
///
/// #[derive(Event)]
/// #[event(name = "order.completed", version = 2)]
/// struct OrderDone {
///     id: u64,
/// }
///
/// assert_eq!(OrderDone::TYPE.wire_type().to_string(), "order.completed.v2");
/// ```
///
/// # Generic events
///
/// A generic type is an event wherever it is `Send + Sync + 'static`; no bounds need to be written for that. All of its
/// monomorphs have one name, and on one bus a name and version belong to one type. `shares_name` lifts that for
/// types that say so.
///
/// ```
/// use eventbus::Event;
///
/// #[derive(Event)]
/// #[event(name = "entity.changed", shares_name)]
/// struct Changed<T> {
///     before: T,
///     after: T,
/// }
///
/// assert_eq!(Changed::<u8>::NAME, Changed::<String>::NAME);
/// ```
///
/// A lifetime parameter is refused: an event may be shared with listeners that outlive the emit. Own the data.
///
/// ```compile_fail
/// use eventbus::Event;
///
/// #[derive(Event)]
/// struct PageViewed<'a> {
///     path: &'a str, // make it a `String`
/// }
/// ```
///
/// # In a framework
///
/// A framework that has `pub use eventbus;` can hand the derive on to users who do not depend on `eventbus` themselves. What
/// `crate = ..` names has to hold `Event`, `EventName` and `Field`.
///
/// ```
/// mod my_framework {
///     pub use eventbus;
/// }
///
/// #[derive(my_framework::eventbus::Event)]
/// #[event(crate = my_framework::eventbus)]
/// struct PluginLoaded;
/// ```
#[proc_macro_derive(Event, attributes(event))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    let source = parse_macro_input!(input as DeriveInput);
    let mut errors = Errors::default();
    let input = Input::read(&source, &mut errors);
    let name = valid::check(&input, &mut errors);
    match errors.finish() {
        Ok(()) => expand::event(&input, &name).into(),
        Err(error) => fallback::event(&input, &error).into(),
    }
}

/// Makes the methods of an `impl` block listen. DOCS
#[proc_macro_attribute]
pub fn listeners(args: TokenStream, item: TokenStream) -> TokenStream {
    listeners::listeners(args.into(), &item.into()).into()
}

/// Marks a method that listens, in a block with [`#[listeners]`](macro@listeners). Needs no import.
#[proc_macro_attribute]
pub fn on(_: TokenStream, item: TokenStream) -> TokenStream {
    listeners::on(&item.into()).into()
}
