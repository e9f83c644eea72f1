//! The procedural macros [`#[derive(Event)]`](macro@Event) and [`#[listeners]`](macro@listeners). Depend on `eventbus`, which
//! re-exports them.
//!
//! Each file is a step of the derive: `ast` holds the parsed type, with the help of `attr` and `docs`; `valid` checks the rules;
//! `expand` generates the impl. If a rule is broken, `fallback` generates a placeholder impl, so that uses of the type cause no
//! further errors. The folder `listeners` has the same steps for the attribute.

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
use syn::{
    DeriveInput, Error, Path, Result, Token,
    parse::{Parse, ParseStream},
    parse_macro_input,
};

use crate::{ast::Input, errors::Errors};

/// Implements `Event` for a struct or an enum.
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
/// The type needs neither `Clone` nor `Debug` nor serde. Doc comments of the type and of its fields or variants become part of
/// the event's description.
///
/// # The name
///
/// Without `name = ".."`, the name is made of the words of the type's name. The last word is the action, the words before it are
/// the entity:
///
/// | type | name |
/// |---|---|
/// | `UserCreated` | `user.created` |
/// | `OrderItemAdded` | `order_item.added` |
/// | `HTTPRequestReceived` | `http_request.received` |
/// | `Http2StreamOpened` | `http2_stream.opened` |
/// | `Startup` | `startup` |
///
/// A word starts at a capital that follows a small letter or a digit, and at the last of several capitals if a small letter
/// follows. Digits belong to the word before them. Renaming the type renames the event, so give an event that leaves the process
/// a `name`.
///
/// # Attributes
///
/// Write the keys in one or several `#[event(..)]` above the type.
///
/// | key | says |
/// |---|---|
/// | `name = "user.login_attempt"` | the event's name: lowercase words joined by dots |
/// | `version = 2` | the version of the event's content, from 1; the name carries none |
/// | `shares_name` | several instances of a generic event may be used on one bus, see below |
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
/// instances have the same name, and on one bus a name and version belong to one type. `shares_name` lifts that rule for the
/// instances of the type.
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
/// A lifetime parameter is an error: an event may be shared with listeners that outlive the emit. Own the data.
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
/// A framework that has `pub use eventbus;` can offer the derive to users who do not depend on `eventbus` themselves. The path in
/// `crate = ..` has to contain `Event`, `EventName` and `Field`.
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
///
/// With a macro crate of its own, a framework's users need no such attribute: see [`derive_event!`].
#[proc_macro_derive(Event, attributes(event))]
pub fn event(input: TokenStream) -> TokenStream {
    derive(&parse_macro_input!(input as DeriveInput), None)
}

/// Expands to what [`#[derive(Event)]`](macro@Event) generates, for a framework with a derive of its own.
///
/// The input is `crate = path;`, the path of the re-exported `eventbus`, and then the type. With `quote`, the framework's macro
/// crate contains:
///
/// ```
/// # use proc_macro2::TokenStream; // a macro crate takes its `TokenStream` from `proc_macro`
/// # use quote::quote;
/// // #[proc_macro_derive(Event, attributes(event))]
/// pub fn event(item: TokenStream) -> TokenStream {
///     quote!(::chassis::eventbus::derive_event! { crate = ::chassis::eventbus; #item }).into()
/// }
///
/// // #[proc_macro_attribute]
/// pub fn listeners(args: TokenStream, item: TokenStream) -> TokenStream {
///     quote!(#[::chassis::eventbus::listeners(crate = ::chassis::eventbus, #args)] #item).into()
/// }
/// ```
///
/// The framework's users write `#[derive(chassis::Event)]`, with any keys of `#[event(..)]`, and have no dependency on
/// `eventbus`. Errors point at the user's tokens. A `crate` key of the user takes precedence over the framework's.
///
/// The trait and the derive have the same name. The framework therefore re-exports the trait by a glob (`pub use words::*` of a
/// module with `pub use eventbus::Event`), which its own derive shadows. The example `framework` shows all of it.
///
/// ```
/// mod chassis {
///     pub use eventbus;
/// }
///
/// struct PluginLoaded;
/// // The expansion of `#[derive(chassis::Event)]`. It generates the impl and not the type.
/// chassis::eventbus::derive_event! {
///     crate = chassis::eventbus;
///     struct PluginLoaded;
/// }
///
/// assert_eq!(<PluginLoaded as eventbus::Event>::NAME, "plugin.loaded");
/// ```
#[proc_macro]
pub fn derive_event(input: TokenStream) -> TokenStream {
    let Handed { krate, source } = parse_macro_input!(input as Handed);
    derive(&source, Some(krate))
}

/// The input of `derive_event!`.
struct Handed {
    krate: Path,
    source: DeriveInput,
}

impl Parse for Handed {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let krate = Self::place(input).map_err(|error| {
            let message = "`derive_event!` takes where `eventbus` is, and then the type: begin with \
                           `crate = my_framework::eventbus;`";
            Error::new(error.span(), message)
        })?;
        Ok(Self { krate, source: input.parse()? })
    }
}

impl Handed {
    /// Parses `crate = path;`.
    fn place(input: ParseStream<'_>) -> Result<Path> {
        input.parse::<Token![crate]>()?;
        input.parse::<Token![=]>()?;
        let path = keys::path(input, "crate", "crate = my_framework::eventbus")?;
        input.parse::<Token![;]>()?;
        Ok(path)
    }
}

/// Generates the impl. `krate` is the path of `eventbus`, unless the type's attribute gives one.
fn derive(source: &DeriveInput, krate: Option<Path>) -> TokenStream {
    let mut errors = Errors::default();
    let mut input = Input::read(source, &mut errors);
    input.attrs.krate = input.attrs.krate.or(krate);
    let name = valid::check(&input, &mut errors);
    match errors.finish() {
        Ok(()) => expand::event(&input, &name).into(),
        Err(error) => fallback::event(&input, &error).into(),
    }
}

/// Implements `Module` for a service: its methods with `#[on]` become listeners.
///
/// `Bus::register` registers all of them at once and returns one subscription for the module.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use eventbus::{Bus, Event, listeners};
///
/// #[derive(Event)]
/// struct UserCreated { email: String }
/// #[derive(Event)]
/// struct OrderDone { id: u64 }
///
/// #[derive(Default)]
/// struct Notifications { sent: Mutex<Vec<String>> }
///
/// #[listeners]
/// impl Notifications {
///     #[on]
///     fn welcome(&self, e: &UserCreated) -> Result<(), std::fmt::Error> {
///         self.send(format!("welcome, {}", e.email));
///         Ok(())
///     }
///
///     #[on(priority = 10)]
///     async fn receipt(&self, e: Arc<OrderDone>) {
///         self.send(format!("receipt for order {}", e.id));
///     }
///
///     fn send(&self, text: String) { // not a listener
///         self.sent.lock().unwrap().push(text);
///     }
/// }
///
/// let bus = Bus::new();
/// let notifications = Arc::new(Notifications::default());
/// let module = bus.register(notifications.clone())?;
///
/// bus.emit(UserCreated { email: "ada@example.org".into() }).blocking();
/// bus.emit(OrderDone { id: 7 }).blocking();
/// assert_eq!(*notifications.sent.lock().unwrap(), ["welcome, ada@example.org", "receipt for order 7"]);
///
/// module.off();
/// assert!(bus.listeners().is_empty());
/// # Ok::<(), eventbus::WiringError>(())
/// ```
///
/// The block stays as it is. The macro adds an impl of `Module`, as you could write it by hand: for each method a
/// `scope.listener::<E>()` with the options, with the service as its state, and with `on`, `on_async` or `on_blocking`. A type has
/// one such block.
///
/// # Methods
///
/// | | synchronous | with `blocking` | `async fn` |
/// |---|---|---|---|
/// | runs | on the emitting thread | on a thread that may block | inside the emitting task |
/// | the service | `&self`, `self: Arc<Self>` | the same | the same |
/// | the event | `&E` | `&E` | `Arc<E>`, `&E` |
/// | then, perhaps, the context | `&Context` | `&Context` | `Context`, `&Context` |
/// | returns | `()`, `Result<(), impl Into<BoxError>>` | the same | the same |
///
/// The type of the argument decides which event the method listens to. An `async fn` may borrow: its future owns the service, the
/// event and the context. Methods cannot be generic, but the block can: `impl<R: Repo> Service<R>` is a module for each `R` for
/// which `Service<R>` is `Send + Sync + 'static`. A method with `#[cfg(..)]` is registered if it is compiled;
/// `#[cfg_attr(.., on)]` is not supported.
///
/// # Keys of `#[on(..)]`
///
/// | key | says |
/// |---|---|
/// | `named = "invoice"` | the listener's name, else `Service::method` |
/// | `priority = 10` | larger ones run first |
/// | `once` | runs once and is then removed |
/// | `blocking` | runs on a thread that may block |
/// | `timeout = "2s"` | stops it after that time; for an `async fn`, or with `blocking` |
/// | `spawned` | runs in a task of its own; for an `async fn` |
/// | `pattern = "order.*"` | listens by name; such a method takes `&AnyEvent<'_>`, or, as an `async fn`, `AnyEvent<'static>` |
///
/// A time is a whole number with `ms`, `s`, `m` or `h`, or an expression of type `Duration`. Each value may be an expression that
/// uses `self` or `Self`: `timeout = self.patience`, `priority = Self::EARLY + 1`. It is evaluated when the module is registered.
///
/// ```
/// # use std::time::Duration;
/// # use eventbus::{Context, Event, listeners};
/// # #[derive(Event)] struct OrderDone { id: u64 }
/// # struct Invoices { patience: Duration }
/// # impl Invoices { async fn mail(&self, id: u64) -> std::io::Result<()> { Ok(()) } }
/// #[listeners(named = "invoices")]
/// impl Invoices {
///     #[on(named = "mail", timeout = self.patience, spawned)]
///     async fn send(&self, e: &OrderDone, cx: &Context) -> std::io::Result<()> {
///         println!("order {} in emission {}", e.id, cx.emission());
///         self.mail(e.id).await
///     }
///
///     #[on(blocking, once)]
///     fn print(&self, e: &OrderDone) {
///         println!("the first order was {}", e.id);
///     }
/// }
/// ```
///
/// # Keys of `#[listeners(..)]`
///
/// | key | says |
/// |---|---|
/// | `named = "billing"` | the module's name, else the type's; may be an expression with `self`, too |
/// | `crate = my_framework::eventbus` | where `eventbus` is found if it is re-exported, as a path or a string |
///
/// The path in `crate = ..` has to contain `Module`, `Scope` and `WiringError`. `#[on]` needs no import: `#[listeners]` removes
/// it.
#[proc_macro_attribute]
pub fn listeners(args: TokenStream, item: TokenStream) -> TokenStream {
    listeners::listeners(args.into(), &item.into()).into()
}

/// Marks a method as a listener in a block with [`#[listeners]`](macro@listeners), which removes the mark.
///
/// It needs no import. If it is imported, using it outside of such a block is an error that names the fix:
///
/// ```compile_fail
/// use eventbus::{Event, on};
/// # #[derive(Event)] struct UserCreated;
/// # struct Notifications;
///
/// impl Notifications {
///     #[on] // put `#[listeners]` above the `impl` block
///     fn welcome(&self, e: &UserCreated) {}
/// }
/// ```
#[proc_macro_attribute]
pub fn on(_: TokenStream, item: TokenStream) -> TokenStream {
    listeners::on(&item.into()).into()
}
