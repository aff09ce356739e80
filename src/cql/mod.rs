//! The text of CQL, read without parsing it: tokens, kinds of statements, bind markers, and what of
//! a statement may be shown.

#![allow(clippy::arithmetic_side_effects, reason = "offsets within a text")]

mod redact;
mod statement;
mod token;

pub(crate) use redact::{may_set_password, redact};
pub(crate) use statement::{first_keyword, has_bind_marker, is_read_only, switches_keyspace};
#[cfg(feature = "cli")]
pub(crate) use token::{Token, next_token};
pub(crate) use token::{TokenKind, tokens};
