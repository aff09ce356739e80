//! A secondary index.

use std::collections::BTreeMap;

use super::ddl::{self, Qualified, string};
use super::fields::Fields;
use crate::types::Identifier;

/// A secondary index of a table.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Index {
    /// The keyspace of the index and of its table.
    pub keyspace: String,
    /// The table.
    pub table: String,
    /// Its name, of which a keyspace has one.
    pub name: String,
    /// What the server calls its kind: `COMPOSITES`, `KEYS` or `CUSTOM`.
    pub kind: String,
    /// What it indexes, as the statement has it: a column, quoted if it must be, or `keys(c)`,
    /// `values(c)`, `entries(c)`, `full(c)`.
    pub target: String,
    /// The class of a custom index, or what stands for one, such as `sai`.
    pub class: Option<String>,
    /// The other options.
    pub options: BTreeMap<String, String>,
}

impl Index {
    pub(super) fn read(keyspace: &str, fields: Fields<'_>) -> Option<Self> {
        let mut options = fields.map("options");
        Some(Self {
            keyspace: keyspace.to_owned(),
            table: fields.text("table_name")?.to_owned(),
            name: fields.text("index_name")?.to_owned(),
            kind: fields.text("kind").unwrap_or_default().to_owned(),
            target: options.remove("target").unwrap_or_default(),
            class: options.remove("class_name"),
            options,
        })
    }

    /// The statement that creates it.
    pub fn ddl(&self) -> String {
        let Self { keyspace, table, name, target, .. } = self;
        let on = format!("{} ON {} ({target})", Identifier(name), Qualified(keyspace, table));
        match &self.class {
            None => format!("CREATE INDEX {on};"),
            Some(class) => {
                let options = match self.options.is_empty() {
                    true => String::new(),
                    false => format!(" WITH OPTIONS = {}", ddl::map(&self.options)),
                };
                format!("CREATE CUSTOM INDEX {on} USING {}{options};", string(class))
            }
        }
    }
}
