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
    /// The name of the table.
    pub table: String,
    /// The name of the index, which is unique within the keyspace.
    pub name: String,
    /// The kind, as the server names it: `COMPOSITES`, `KEYS` or `CUSTOM`.
    pub kind: String,
    /// The indexed expression, as in `CREATE INDEX`: a column, quoted if necessary, or `keys(c)`,
    /// `values(c)`, `entries(c)` or `full(c)`.
    pub target: String,
    /// The class of a custom index, or an alias of a class such as `sai`. `None` for other indexes.
    pub class: Option<String>,
    /// The options other than the target and the class.
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

    /// Returns the statement that creates the index. The table must exist.
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
