//! The text of CQL: tokens, kinds of statements, bind markers, the part of a statement that may be
//! shown, and the grammar.
//!
//! The driver does not parse statements; it reads their tokens. The grammar is for servers.

#![allow(clippy::arithmetic_side_effects, reason = "offsets within a text")]

#[cfg(feature = "driver")]
mod classify;
#[cfg(feature = "testing")]
#[allow(dead_code, reason = "the parser of these statements is not written")]
mod definition;
#[cfg(feature = "testing")]
#[allow(dead_code, reason = "the parser of these statements is not written")]
mod describe;
#[cfg(feature = "testing")]
mod format;
#[cfg(feature = "testing")]
#[allow(dead_code, reason = "the parser of these statements is not written")]
mod mutation;
#[cfg(feature = "testing")]
mod parse;
#[cfg(feature = "driver")]
mod redact;
#[cfg(feature = "testing")]
#[allow(dead_code, reason = "the parser of these statements is not written")]
mod select;
#[cfg(feature = "testing")]
#[allow(dead_code, reason = "the parser of these statements is not written")]
mod statement;
#[cfg(feature = "testing")]
#[allow(dead_code, reason = "the parser of these statements is not written")]
mod term;
mod token;

#[cfg(feature = "driver")]
pub(crate) use classify::{first_keyword, has_bind_marker, is_read_only, switches_keyspace};
#[cfg(feature = "testing")]
#[allow(unused_imports, reason = "the parser of these statements is not written")]
pub(crate) use definition::{
    AlterKeyspace, AlterTable, AlterType, ClusteringOrder, ColumnDefinition, CreateIndex,
    CreateKeyspace, CreateTable, CreateType, DropElement, IndexPart, IndexTarget, Mask,
    OptionValue, Options, PrimaryKey, TableChange, TypeChange,
};
#[cfg(feature = "testing")]
#[allow(unused_imports, reason = "the parser of these statements is not written")]
pub(crate) use describe::{Describe, DescribeSubject, ElementKind};
#[cfg(feature = "testing")]
#[allow(unused_imports, reason = "the parser of these statements is not written")]
pub(crate) use mutation::{
    Assignment, Attribute, Batch, Delete, IfCondition, Insert, InsertValues, JsonValue, Mutation,
    Operation, Target, TargetCondition, Update, Using,
};
#[cfg(feature = "testing")]
pub(crate) use parse::{parse_select, selected_table};
#[cfg(feature = "driver")]
pub(crate) use redact::{may_set_password, redact};
#[cfg(feature = "testing")]
#[allow(unused_imports, reason = "the parser of these statements is not written")]
pub(crate) use select::{
    Comparison, Condition, Direction, InValues, MetadataFunction, Operand, Ordering, Relation,
    Select, SelectedColumn, Selection, Selector, TableName,
};
#[cfg(feature = "testing")]
#[allow(unused_imports, reason = "the parser of these statements is not written")]
pub(crate) use statement::Statement;
#[cfg(feature = "testing")]
#[allow(unused_imports, reason = "the parser of these statements is not written")]
pub(crate) use term::{BindMarker, FunctionName, Literal, Operator, Term, TypeName};
#[cfg(feature = "cli")]
pub(crate) use token::{Token, next_token};
#[cfg(feature = "driver")]
pub(crate) use token::{TokenKind, tokens};
