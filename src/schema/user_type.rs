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

    /// Returns true if the fields have the names and the texts of those of `other`.
    pub(super) fn has_text_of(&self, other: &Self) -> bool {
        let (fields, others) = (self.udt.fields.iter(), other.udt.fields.iter());
        self.field_texts == other.field_texts
            && fields.map(|(name, _)| name).eq(others.map(|(name, _)| name))
    }

    /// Returns the statement that creates the type. The types that it names must exist.
    pub fn ddl(&self) -> String {
        let UdtType { keyspace, name, fields } = &*self.udt;
        let fields = fields.iter().zip(&self.field_texts);
        let fields = fields.map(|((name, _), text)| format!("    {} {text}", Identifier(name)));
        format!("CREATE TYPE {} (\n{}\n);", Qualified(keyspace, name), separated(fields, ",\n"))
    }
}
