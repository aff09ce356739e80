//! A CQL database in memory.
//!
//! | part | contents |
//! |---|---|
//! | [`catalog`] | the keyspaces, types and tables, and the statements that define them |
//! | [`data`] | the rows of a table: cells with their times, and deletions |
//! | [`key`] | the keys of partitions and rows, in the order of Cassandra |
//! | [`source`] | the trait [`Database`], through which a SELECT reads tables and computed system tables |
//! | [`term`] | terms, compiled for the type of their receiver |
//! | [`function`] | the scalar functions of CQL |
//! | [`json`] | values and rows as JSON |
//! | [`select`] | SELECT, compiled to a [`SelectPlan`] |
//! | [`mutation`] | INSERT, UPDATE, DELETE and BATCH, compiled to plans |
//! | [`database`] | the [`Store`], which prepares and executes statements with the other parts |

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
pub(crate) use clock::UUID_EPOCH;
pub(crate) use database::{BatchEntry, Execution, Outcome, Prepared, Store, System};
pub(crate) use error::{invalid, syntax_error};
pub(crate) use schema::{Column, ColumnKind, SecondaryIndex, TableSchema};
pub(crate) use select::PageRequest;
pub(crate) use source::{Database, Row, Scan, select_rows};
