//! The parsed form of a type that derives `Event`: the input of `valid` and `expand`.

use proc_macro2::Span;
use quote::quote;
use syn::{Data, DeriveInput, Field, Fields, Generics, Path, Variant, ext::IdentExt, parse_quote, parse_quote_spanned};

use crate::{attr::Attrs, docs::Docs, errors::Errors, tokens};

pub(crate) struct Input<'a> {
    pub(crate) source: &'a DeriveInput,
    pub(crate) attrs: Attrs,
    pub(crate) docs: Docs,
    pub(crate) parts: Vec<Part>,
}

/// A field of a struct, or a variant of an enum.
pub(crate) struct Part {
    pub(crate) name: String,
    /// The type of a field, or the fields of a variant, as source text.
    pub(crate) rust_type: String,
    pub(crate) docs: Docs,
}

impl<'a> Input<'a> {
    /// Never fails: reports what it cannot parse to `errors` and leaves it out.
    pub(crate) fn read(source: &'a DeriveInput, errors: &mut Errors) -> Self {
        let parts = match &source.data {
            Data::Struct(data) => data.fields.iter().enumerate().map(Part::of_field).collect(),
            Data::Enum(data) => data.variants.iter().map(Part::of_variant).collect(),
            Data::Union(_) => Vec::new(),
        };
        Self { source, attrs: Attrs::read(&source.attrs, errors), docs: Docs::read(&source.attrs), parts }
    }

    /// The type's name without `r#`.
    pub(crate) fn type_name(&self) -> String {
        self.source.ident.unraw().to_string()
    }

    /// Whether the type has type or const parameters. Lifetimes do not count: they make no further types.
    pub(crate) fn is_generic(&self) -> bool {
        self.source.generics.type_params().next().is_some() || self.source.generics.const_params().next().is_some()
    }

    /// The path under which generated code finds `Event`, `EventName` and `Field`.
    pub(crate) fn krate(&self) -> Path {
        self.attrs.krate.clone().unwrap_or_else(|| parse_quote!(::eventbus))
    }

    /// The span of the derive, resolved as the user's own code.
    ///
    /// The header of the impl gets this span. With the span of the expansion, rustc takes an unmet bound of a generic event for
    /// the fault of a derive that bounds each parameter by its trait, and advises to implement `Event` by hand.
    pub(crate) fn span(&self) -> Span {
        Span::call_site().resolved_at(self.source.ident.span())
    }

    /// The path of the trait `Event`, with the span that the impl's header needs.
    pub(crate) fn trait_path(&self) -> Path {
        match &self.attrs.krate {
            Some(krate) => parse_quote_spanned!(self.span()=> #krate::Event),
            None => parse_quote_spanned!(self.span()=> ::eventbus::Event),
        }
    }

    /// The generics of the impl.
    ///
    /// For a type with parameters, the where clause bounds `Self` and not the parameters. Bounds on parameters would be too
    /// strict for some types (`Arc<Mutex<T>>` needs no `T: Sync`) and too weak for others (`T: Send` does not cover `T::Id`).
    /// A type without parameters gets no clause, so that a field that is not `Send` is an error at the type itself.
    pub(crate) fn impl_generics(&self) -> Generics {
        let mut generics = self.source.generics.clone();
        if !generics.params.is_empty() {
            let demand = parse_quote_spanned! {self.span()=>
                Self: ::core::marker::Sized + ::core::marker::Send + ::core::marker::Sync + 'static
            };
            generics.make_where_clause().predicates.push(demand);
            let krate = self.krate();
            if let Some(flag) = &self.attrs.serde {
                let demand = parse_quote_spanned!(flag.span()=> Self: #krate::codec::Serde);
                generics.make_where_clause().predicates.push(demand);
            }
            if let Some(flag) = &self.attrs.schema {
                let demand = parse_quote_spanned!(flag.span()=> Self: #krate::event::HasSchema);
                generics.make_where_clause().predicates.push(demand);
            }
        }
        generics
    }
}

impl Part {
    fn of_field((index, field): (usize, &Field)) -> Self {
        Self {
            name: field.ident.as_ref().map_or_else(|| index.to_string(), |ident| ident.unraw().to_string()),
            rust_type: tokens::to_source(&field.ty),
            docs: Docs::read(&field.attrs),
        }
    }

    fn of_variant(variant: &Variant) -> Self {
        let (names, types): (Vec<_>, Vec<_>) = variant.fields.iter().map(|field| (&field.ident, &field.ty)).unzip();
        let carries = match &variant.fields {
            Fields::Named(_) => quote!({ #(#names: #types),* }),
            Fields::Unnamed(_) => quote!((#(#types),*)),
            Fields::Unit => quote!(),
        };
        Self {
            name: variant.ident.unraw().to_string(),
            rust_type: tokens::to_source(carries),
            docs: Docs::read(&variant.attrs),
        }
    }
}
