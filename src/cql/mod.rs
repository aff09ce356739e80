//! The text of CQL: tokens, kinds of statements, bind markers, the part of a statement that may be
//! shown, and the grammar.
//!
//! The driver does not parse statements; it reads their tokens. The grammar is for servers.

#![allow(clippy::arithmetic_side_effects, reason = "offsets within a text")]

#[cfg(feature = "driver")]
mod classify;
#[cfg(feature = "testing")]
mod definition;
#[cfg(feature = "testing")]
mod describe;
#[cfg(feature = "testing")]
mod format;
#[cfg(feature = "testing")]
mod index;
#[cfg(feature = "testing")]
mod mutation;
#[cfg(feature = "testing")]
mod parse;
#[cfg(feature = "driver")]
mod redact;
#[cfg(feature = "testing")]
mod select;
#[cfg(feature = "testing")]
mod statement;
#[cfg(feature = "testing")]
mod term;
mod token;
#[cfg(feature = "testing")]
mod user_type;

#[cfg(feature = "driver")]
pub(crate) use classify::{
    first_keyword, has_bind_marker, is_read_only, is_transaction, switches_keyspace,
};
#[cfg(feature = "testing")]
pub(crate) use definition::{
    AlterKeyspace, AlterTable, ColumnDefinition, CreateKeyspace, CreateTable, DropElement,
    OptionValue, Options, PrimaryKey, TableChange,
};
#[cfg(feature = "testing")]
pub(crate) use describe::{Describe, DescribeSubject, ElementKind};
#[cfg(feature = "testing")]
pub(crate) use index::{CreateIndex, IndexPart, IndexTarget};
#[cfg(feature = "testing")]
pub(crate) use mutation::{
    Assignment, Attribute, Batch, Delete, IfCondition, Insert, InsertValues, JsonValue, Mutation,
    Operation, Target, TargetCondition, Update, Using,
};
#[cfg(all(test, feature = "testing"))]
pub(crate) use parse::parse_select;
#[cfg(feature = "testing")]
pub(crate) use parse::{parse_statement, selected_table};
#[cfg(feature = "driver")]
pub(crate) use redact::{may_set_password, redact};
#[cfg(feature = "testing")]
pub(crate) use select::{
    Comparison, Condition, Direction, InValues, MetadataFunction, Operand, Ordering, Relation,
    Select, SelectedColumn, Selection, Selector, TableName,
};
#[cfg(feature = "testing")]
pub(crate) use statement::Statement;
#[cfg(feature = "testing")]
pub(crate) use term::{BindMarker, FunctionName, Literal, Term, TypeName};
#[cfg(feature = "cli")]
pub(crate) use token::next_token;
pub(crate) use token::{Token, TokenKind, tokens};
#[cfg(feature = "testing")]
pub(crate) use user_type::{AlterType, CreateType, TypeChange};
