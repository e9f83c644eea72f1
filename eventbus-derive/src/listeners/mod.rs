//! The engine of [`#[listeners]`](macro@crate::listeners), a pipeline as the derive is: `args` and `options` read the
//! attributes, `block` and `method` model the `impl` block, `valid` and `signature` apply the rules; `expand` writes the
//! `Module`. If a rule is broken, the block is kept, and the type stays a module in the eyes of the compiler.

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
        // Code that is being typed: its own mistake is the one to report.
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
