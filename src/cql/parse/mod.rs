//! The grammar of CQL, parsed with nom.
//!
//! Parsers read the tokens of [`token`](super::token) directly from the text, so that a long
//! statement needs no list of tokens. Every recursion counts its depth.

mod error;
mod relations;
mod selectors;
mod statement;
mod terms;
mod tokens;

#[cfg(test)]
mod tests;

pub(crate) use statement::{parse_select, selected_table};
