//! A keyspace, and the statements that create it and all that is in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ddl::{self, virtual_comment};
use super::user_types::in_order;
use super::{Aggregate, Function, Table, UserType, View};
use crate::types::Identifier;

/// A keyspace, and what is in it by name.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Keyspace {
    /// Its name.
    pub name: String,
    /// How its rows are replicated: the `class` of the strategy, and its options.
    pub replication: BTreeMap<String, String>,
    /// Whether writes go into the commit log.
    pub durable_writes: bool,
    /// Whether the server makes up what is in it, so that no statement creates it (4.0 and later).
    pub is_virtual: bool,
    /// The tables.
    pub tables: BTreeMap<String, Arc<Table>>,
    /// The materialized views.
    pub views: BTreeMap<String, Arc<View>>,
    /// The user-defined types.
    pub types: BTreeMap<String, UserType>,
    /// The functions, by their [signature](Function::signature).
    pub functions: BTreeMap<String, Arc<Function>>,
    /// The aggregates, by their [signature](Aggregate::signature).
    pub aggregates: BTreeMap<String, Arc<Aggregate>>,
    pub(super) oddities: Vec<String>,
}

impl Keyspace {
    /// The statement that creates it, without what is in it. Of a virtual keyspace, a comment.
    pub fn ddl(&self) -> String {
        let name = format!("KEYSPACE {}", Identifier(&self.name));
        match self.is_virtual {
            true => virtual_comment(&format!("{name};")),
            false => format!(
                "CREATE {name} WITH replication = {}\n    AND durable_writes = {};",
                ddl::map(&self.replication),
                self.durable_writes
            ),
        }
    }

    /// The statements that create it and all that is in it, in an order in which they work. A virtual
    /// keyspace has none.
    pub fn statements(&self) -> Vec<String> {
        if self.is_virtual { Vec::new() } else { self.ddls().collect() }
    }

    /// The same as one text, to be read or kept; a virtual keyspace as comments.
    pub fn script(&self) -> String {
        ddl::separated(self.ddls(), "\n\n")
    }

    /// What could not be read as it should be: see [`Schema::oddities`](super::Schema::oddities).
    pub fn oddities(&self) -> &[String] {
        &self.oddities
    }

    fn ddls(&self) -> impl Iterator<Item = String> {
        let types = self.types.iter();
        let types = in_order(types.map(|(name, of)| (name.as_str(), of.field_texts.as_slice())));
        let types = types.into_iter().filter_map(|name| self.types.get(name)).map(UserType::ddl);
        let tables = self.tables.values();
        let indexes = tables.clone().flat_map(|table| table.indexes.values());
        // Functions come before tables, since they may mask columns.
        [self.ddl()]
            .into_iter()
            .chain(types)
            .chain(self.functions.values().map(|function| function.ddl()))
            .chain(self.aggregates.values().map(|aggregate| aggregate.ddl()))
            .chain(tables.map(|table| table.ddl()))
            .chain(indexes.map(super::Index::ddl))
            .chain(self.views.values().map(|view| view.ddl()))
    }
}
