//! A CQL database in memory.
//!
//! Four parts are independent of each other: the [keys](key) of partitions and rows, the
//! [schema](TableSchema) of a table, the [source](Database) of its rows, and the [plan](SelectPlan)
//! that a SELECT is compiled to. The system tables are one source; they compute their rows.

mod catalog;
mod cell;
mod clock;
mod data;
mod database;
mod error;
mod fit;
mod function;
mod json;
mod key;
mod mutation;
mod order;
mod schema;
mod select;
mod source;
mod term;
mod type_text;
mod variables;

pub(crate) use catalog::{Catalog, DroppedColumn, Keyspace, Table, TableOptions, UserType};
pub(crate) use database::{BatchEntry, Execution, Outcome, Prepared, Store, System};
pub(crate) use error::{invalid, syntax_error};
pub(crate) use schema::{Column, ColumnKind, SecondaryIndex, TableSchema};
pub(crate) use select::PageRequest;
pub(crate) use source::{Database, Row, Scan, select_rows};
