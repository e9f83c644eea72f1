//! The rules for types that derive `Event`. All rules are checked, so that one compilation reports all errors.

use syn::{Data, Fields, LitStr};

use crate::{
    ast::Input,
    attr,
    errors::Errors,
    name::{self, NoName},
    rules::{self, Fault},
};

/// Checks `input` and returns the event's name. The name is meaningless if there are errors.
pub(crate) fn check(input: &Input<'_>, errors: &mut Errors) -> LitStr {
    let name = name_of(input, errors);
    shares_name_where_others_can(input, errors);
    has_the_features(input, errors);
    not_a_union(input, errors);
    no_lifetimes(input, errors);
    no_attributes_inside(input, errors);
    name
}

fn name_of(input: &Input<'_>, errors: &mut Errors) -> LitStr {
    match &input.attrs.name {
        Some(name) => {
            let text = name.value();
            if let Err(fault) = rules::check(&text) {
                errors.on(name, rules::explain(&fault, &text));
            }
            name.clone()
        }
        None if input.attrs.has_name() => LitStr::new("", input.source.ident.span()), // the parser has reported it
        None => default_name(input, errors),
    }
}

fn default_name(input: &Input<'_>, errors: &mut Errors) -> LitStr {
    let ident = &input.source.ident;
    let type_name = input.type_name();
    let name = match name::from_type(&type_name) {
        Ok(name) => name,
        Err(reason) => {
            let reason = match reason {
                NoName::NotAscii => "event names are ASCII",
                NoName::NoWords => "it has no words",
            };
            errors.on(ident, format!("`{ident}` has no default name, since {reason}: add `#[event(name = \"..\")]`"));
            String::new()
        }
    };
    match rules::check(&name) {
        Err(Fault::Version) => {
            let digits = rules::split_version(&name).map_or("", |(_, digits)| digits);
            let keys = rules::as_keys(name::without_last_word(&type_name).as_deref(), digits);
            errors.on(
                ident,
                format!("`{ident}` ends like a version, and event names carry none: add `#[event({keys})]`"),
            );
        }
        Err(Fault::TooLong) => {
            let max = rules::MAX_LEN;
            let message = format!("the default name of this type exceeds {max} bytes: add `#[event(name = \"..\")]`");
            errors.on(ident, message);
        }
        _ => {} // valid, or reported above
    }
    LitStr::new(&name, ident.span())
}

fn not_a_union(input: &Input<'_>, errors: &mut Errors) {
    if let Data::Union(data) = &input.source.data {
        let message = "a union cannot be an event: nobody could tell which of its fields happened; use an enum";
        errors.on(data.union_token, message);
    }
}

fn no_lifetimes(input: &Input<'_>, errors: &mut Errors) {
    for param in input.source.generics.lifetimes() {
        let lifetime = &param.lifetime;
        let message = format!(
            "an event cannot borrow: it may be shared with listeners that outlive the emit; own the data, for example \
             `String` instead of `&{lifetime} str`"
        );
        errors.on(lifetime, message);
    }
}

fn no_attributes_inside(input: &Input<'_>, errors: &mut Errors) {
    let of_fields = |fields: &Fields| fields.iter().flat_map(|field| field.attrs.clone()).collect::<Vec<_>>();
    let inside = match &input.source.data {
        Data::Struct(data) => of_fields(&data.fields),
        Data::Enum(data) => {
            let variants = data.variants.iter();
            variants.flat_map(|variant| [variant.attrs.clone(), of_fields(&variant.fields)].concat()).collect()
        }
        Data::Union(data) => data.fields.named.iter().flat_map(|field| field.attrs.clone()).collect(),
    };
    let keyword = match &input.source.data {
        Data::Struct(_) => "struct",
        Data::Enum(_) => "enum",
        Data::Union(_) => "union",
    };
    for attr in attr::ours(&inside) {
        let message = format!(
            "`#[event(..)]` describes the event as a whole: it belongs above `{keyword} {}`",
            input.source.ident
        );
        errors.on(attr, message);
    }
}

fn shares_name_where_others_can(input: &Input<'_>, errors: &mut Errors) {
    if let Some(flag) = input.attrs.shares_name.as_ref().filter(|_| !input.is_generic()) {
        let message = format!(
            "`shares_name` is for generic types, whose instances share one name; `{}` is a single type: remove the flag",
            input.source.ident
        );
        errors.on(flag, message);
    }
}

/// Reports flags whose Cargo feature is off. Without this check rustc would only report that a path is missing.
fn has_the_features(input: &Input<'_>, errors: &mut Errors) {
    let flags = [
        (&input.attrs.serde, "serde", cfg!(feature = "serde")),
        (&input.attrs.schema, "schema", cfg!(feature = "schema")),
    ];
    for (flag, feature, enabled) in flags {
        if let (Some(flag), false) = (flag, enabled) {
            errors
                .on(flag, format!("`{feature}` needs the feature `{feature}` of `eventbus`: enable it in Cargo.toml"));
        }
    }
}
