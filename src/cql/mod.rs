//! The text of CQL: tokens, kinds of statements, bind markers, what of a statement may be shown, and
//! the grammar of SELECT.
//!
//! The driver does not parse statements; it reads their tokens. The grammar is for servers.

#![allow(clippy::arithmetic_side_effects, reason = "offsets within a text")]

#[cfg(feature = "testing")]
mod parse;
#[cfg(feature = "driver")]
mod redact;
#[cfg(feature = "testing")]
mod select;
#[cfg(feature = "driver")]
mod statement;
#[cfg(feature = "testing")]
mod term;
mod token;

#[cfg(feature = "testing")]
pub(crate) use parse::{parse_select, selected_table};
#[cfg(feature = "driver")]
pub(crate) use redact::{may_set_password, redact};
#[cfg(feature = "testing")]
pub(crate) use select::{
    Comparison, Condition, Direction, InValues, MetadataFunction, Operand, Ordering, Relation,
    Select, SelectedColumn, Selection, Selector,
};
#[cfg(feature = "driver")]
pub(crate) use statement::{first_keyword, has_bind_marker, is_read_only, switches_keyspace};
#[cfg(feature = "testing")]
pub(crate) use term::{BindMarker, FunctionName, Literal, Term};
#[cfg(feature = "cli")]
pub(crate) use token::{Token, next_token};
#[cfg(feature = "driver")]
pub(crate) use token::{TokenKind, tokens};
