//! A `macro_rules!` may make events, with names, versions, docs and paths that it was given.
#![forbid(unsafe_code)]
#![deny(warnings)]

pub mod framework {
    pub use eventbus;

    #[macro_export]
    macro_rules! event {
        ($docs:expr, $name:literal, $version:literal, $type:ident { $($field:ident: $of:ty),* }) => {
            #[doc = $docs]
            #[doc = concat!("Known as ", $name)]
            #[derive($crate::framework::eventbus::Event)]
            #[event(crate = $crate::framework::eventbus, name = $name, version = $version)]
            pub struct $type { $(pub $field: $of),* }
        };
    }
}

event!("An order was placed.", "order.placed", 2, OrderPlaced { id: u64, items: Vec<&'static str> });

fn main() {
    use framework::eventbus::Event;
    assert_eq!(OrderPlaced::NAME, "order.placed");
    assert_eq!(OrderPlaced::VERSION, 2);
    assert_eq!(OrderPlaced::DOCS, "An order was placed.\nKnown as order.placed");
    assert_eq!(OrderPlaced::FIELDS[1].rust_type(), "Vec<&'static str>");
}
