//! Tables, and the evaluation of SELECT on them.
//!
//! Three parts are independent of each other: the [schema](TableSchema) of a table, the
//! [source](Database) of its rows, and the [plan](SelectPlan) that a SELECT is compiled to. The
//! system tables are one source; they compute their rows.

mod error;
mod expression;
mod function;
mod json;
mod literal;
mod order;
mod plan;
mod restriction;
mod schema;
mod source;
mod variables;

#[cfg(test)]
mod tests;

pub(super) use error::{invalid, syntax_error};
pub(super) use plan::SelectPlan;
pub(super) use schema::{Column, ColumnKind, TableSchema};
pub(super) use source::{Database, Row};
