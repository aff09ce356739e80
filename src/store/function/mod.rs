//! The scalar functions of CQL: their signatures, the choice among those of one name, and their
//! evaluation.

mod blob;
mod call;
mod cast;
mod collection;
mod number;
mod resolve;
mod signature;
mod time;

pub(in crate::store) use number::Number;
pub(in crate::store) use resolve::{Argument, find, find_for, fit, result_type};
pub(in crate::store) use signature::Function;
