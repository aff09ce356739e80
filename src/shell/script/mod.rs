//! Scripts: reading them from files, and splitting them into units.

mod block;
mod read;
mod split;
mod variables;

pub(super) use read::decode;
pub(crate) use read::read_script;
pub(super) use split::{Unit, UnitKind, split};
pub(super) use variables::{VariableError, Variables, replace_variables};
