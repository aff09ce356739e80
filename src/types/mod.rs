//! CQL types and values, and how they become Rust values and back.
//!
//! | file | what it knows |
//! |---|---|
//! | [`CqlType`], [`ColumnSpec`] | the types as a result's metadata names them |
//! | `class_name` | the Java class names that custom types and vectors come as |
//! | [`Value`] | any CQL value, for tools; it prints as a CQL literal |
//! | [`FromCql`], [`ToCql`] | one Rust type to and from one CQL type |
//! | [`FromRow`], [`ToValues`] | a row of a result, the values of a statement |
//! | [`Date`], [`Time`], [`Timestamp`], [`Duration`], [`Varint`], [`Decimal`] | exact types where std has none |
//!
//! Invariants: a type is checked once per result or statement, then cells are read without asking
//! again; borrowed types read without allocating; no value nests deeper than its type, and no type
//! deeper than [`MAX_TYPE_DEPTH`]; null, not set and empty stay three different things.

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

mod class_name;
mod column;
mod cql_type;
mod error;
mod from_cql;
mod literal;
mod number;
mod row;
mod scalar;
mod temporal;
mod to_cql;
mod value;
mod values;
mod vint;

pub use column::{ColumnSpec, TableSpec};
pub use cql_type::{CqlType, MAX_TYPE_DEPTH, NativeType, UdtType, VectorType};
pub use error::{BindError, BindErrorKind, RowError, TypeError, TypeMismatch, ValueError};
pub use from_cql::{Cell, FromCql};
pub use number::{Decimal, Varint};
pub use row::{FromRow, Row, RowIter};
pub use temporal::{Date, Duration, Time, Timestamp};
pub use to_cql::ToCql;
pub use value::Value;
pub use values::{Binder, NamedValue, ToValues, Values, ValuesBuffer};
