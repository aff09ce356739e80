//! The grammar of CQL, parsed with nom.
//!
//! Parsers read the tokens of [`token`](super::token) directly from the text, so that a long
//! statement needs no list of tokens. Every recursion counts its depth.

mod alter;
mod create;
mod describe;
mod error;
mod mutation;
mod names;
mod options;
mod relations;
mod select;
mod selectors;
mod statement;
mod terms;
mod tokens;

#[cfg(test)]
mod tests;

pub(crate) use select::selected_table;
#[cfg(test)]
pub(crate) use statement::parse_select;
pub(crate) use statement::parse_statement;
