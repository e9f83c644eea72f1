//! The engine of [`#[derive(Event)]`](macro@Event) and of [`#[listeners]`](macro@listeners). Depend on `eventbus`, which
//! re-exports them.
//!
//! The files are the pipeline: `ast` models the type, with the help of `attr` and `docs`; `valid` applies the
//! rules; `expand` writes the impl. If a rule is broken, `fallback` writes a placeholder so that the type's users
//! see no second error. `listeners` is a pipeline of its own.

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
///
/// A framework with a macro crate of its own spares its users the attribute: see [`derive_event!`].
#[proc_macro_derive(Event, attributes(event))]
pub fn event(input: TokenStream) -> TokenStream {
    derive(&parse_macro_input!(input as DeriveInput), None)
}

/// What [`#[derive(Event)]`](macro@Event) writes, for a framework that has a derive of its own.
///
/// It takes `crate = path;`, where what the derive needs is found, and then the type. A framework's derive is then this, in its
/// macro crate, with `quote`:
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
/// Its users write `#[derive(chassis::Event)]`, with the keys of `#[event(..)]` if they like, and have no dependency on
/// `eventbus`. Mistakes are reported at their tokens, as ever. A `crate` that a user gives counts before the framework's.
///
/// The trait and the derive have one name, so the framework re-exports the trait by a glob (`pub use words::*` of a module with
/// `pub use eventbus::Event`), which gives way to its own derive. The example `framework` has all of it.
///
/// ```
/// mod chassis {
///     pub use eventbus;
/// }
///
/// struct PluginLoaded;
/// // What `#[derive(chassis::Event)]` becomes; it adds the impl, and not the type.
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

/// A type that another derive hands on.
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
    /// Reads `crate = path;`.
    fn place(input: ParseStream<'_>) -> Result<Path> {
        input.parse::<Token![crate]>()?;
        input.parse::<Token![=]>()?;
        let path = keys::path(input, "crate", "crate = my_framework::eventbus")?;
        input.parse::<Token![;]>()?;
        Ok(path)
    }
}

/// Writes the impl; `krate` is where what it needs is found, unless the type says so itself.
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

/// Makes a service a module: its methods with `#[on]` listen.
///
/// `Bus::register` registers all of them at once, and gives one subscription for the module.
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
///     fn send(&self, text: String) { // listens to nothing
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
/// The block stays as it is. What is added is an impl of `Module`, as it could be written by hand: for each method a
/// `scope.listener::<E>()` with the options, the service as its state, and a verb. A type has one such block.
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
/// The event's type says what is listened to. An `async fn` may borrow: its future owns the service, the event and the context
/// for it. Methods cannot be generic, but the block can: `impl<R: Repo> Service<R>` is a module for each `R` for which
/// `Service<R>` is `Send + Sync + 'static`. A method with `#[cfg(..)]` listens where it exists; `#[cfg_attr(.., on)]` is not
/// understood.
///
/// # Keys of `#[on(..)]`
///
/// | key | says |
/// |---|---|
/// | `named = "invoice"` | the listener's name, else `Service::method` |
/// | `priority = 10` | larger ones run first |
/// | `once` | runs once, then is gone |
/// | `blocking` | runs where it may block |
/// | `timeout = "2s"` | stops it after that time; for an `async fn`, or with `blocking` |
/// | `spawned` | runs in a task of its own; for an `async fn` |
/// | `pattern = "order.*"` | listens by name; such a method takes `&AnyEvent<'_>`, or, as an `async fn`, `AnyEvent<'static>` |
///
/// A time is a whole number with `ms`, `s`, `m` or `h`, or an expression of type `Duration`. Each value may be an expression, and
/// may be the instance's: `timeout = self.patience`, `priority = Self::EARLY + 1`. It is evaluated when the module is registered.
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
/// | `named = "billing"` | the module's name, else that of the type; it may be an expression with `self`, too |
/// | `crate = my_framework::eventbus` | where `eventbus` is found if it is re-exported, as a path or a string |
///
/// What `crate = ..` names has to hold `Module`, `Scope` and `WiringError`. `#[on]` needs no import: `#[listeners]` takes it away.
#[proc_macro_attribute]
pub fn listeners(args: TokenStream, item: TokenStream) -> TokenStream {
    listeners::listeners(args.into(), &item.into()).into()
}

/// Marks a method that listens, in a block with [`#[listeners]`](macro@listeners), which takes it away.
///
/// It needs no import. Imported, it says what is missing where it stands outside of such a block:
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
