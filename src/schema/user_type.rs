//! A user-defined type.

use std::sync::Arc;

use super::ddl::{Qualified, separated};
use crate::types::{Identifier, UdtType};

/// A user-defined type.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct UserType {
    /// The type itself: its name, and the names and types of its fields.
    pub udt: Arc<UdtType>,
    /// The types of the fields as the server writes them. Unlike the parsed types, they show which
    /// parts are frozen.
    pub field_texts: Vec<String>,
}

impl UserType {
    pub(super) fn new(udt: Arc<UdtType>, field_texts: Vec<String>) -> Self {
        Self { udt, field_texts }
    }

    /// Returns the statement that creates the type. The types that it names must exist.
    pub fn ddl(&self) -> String {
        let UdtType { keyspace, name, fields } = &*self.udt;
        let fields = fields.iter().zip(&self.field_texts);
        let fields = fields.map(|((name, _), text)| format!("    {} {text}", Identifier(name)));
        format!("CREATE TYPE {} (\n{}\n);", Qualified(keyspace, name), separated(fields, ",\n"))
    }
}
