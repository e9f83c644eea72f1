//! The expansion of [`#[listeners]`](macro@crate::listeners), in the same steps as the derive.
//!
//! `args` and `options` parse the attributes, `block` and `method` hold the parsed `impl` block, `valid` and `signature` check
//! the rules, `expand` generates the impl of `Module`. If a rule is broken, the block stays, and a `Module` without listeners is
//! generated, so that uses of the type cause no further errors.

mod args;
mod block;
mod expand;
mod method;
mod misplaced;
mod options;
mod signature;
mod time;
mod types;
mod valid;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Item, parse2};

use self::{args::Args, block::Block};
use crate::errors::Errors;

pub(crate) use misplaced::on;

pub(crate) fn listeners(args: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let args = Args::read(args, &mut errors);
    let source = match parse2(item.clone()) {
        Ok(Item::Impl(source)) if source.trait_.is_none() => source,
        Ok(other) => return misplaced::listeners(other),
        // Incomplete code, as in an editor: only its syntax error is reported.
        Err(error) => {
            let error = error.to_compile_error();
            return quote!(#item #error);
        }
    };
    let block = Block::read(source, &mut errors);
    valid::check(&block, &mut errors);
    let rest = match errors.finish() {
        Ok(()) => expand::module(&args, &block),
        Err(error) => expand::placeholder(&args, &block, &error),
    };
    let source = &block.source;
    quote!(#source #rest)
}
