//! Errors of reading and writing CQL values.

mod bind;
mod row;
mod type_mismatch;
mod value;

pub use bind::{BindError, BindErrorKind};
pub use row::{ColumnMismatch, NameMismatch, NameMismatchKind, RowError, TypeError};
pub use type_mismatch::TypeMismatch;
pub use value::ValueError;
