//! Terms, compiled for the type of their receiver: a column, the argument of a function, or an element
//! of a collection.

mod assignment;
mod compile;
mod compiled;
mod constant;
mod type_hint;

#[cfg(test)]
mod tests;

pub(in crate::store) use assignment::{TermArgument, infer};
pub(in crate::store) use compile::compile;
pub(in crate::store) use compiled::CompiledTerm;
pub(in crate::store) use type_hint::resolve;
