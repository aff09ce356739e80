//! A table.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem::swap;
use std::sync::Arc;

use uuid::Uuid;

use super::Index;
use super::column::{ClusteringOrder, Column, ColumnKind, mask};
use super::column_rows::ColumnRow;
use super::ddl::{self, Qualified, list, names, separated};
use super::element_map::SchemaElement;
use super::fields::Fields;
use super::options_row::TableOptions;
use super::table_rows::{ColumnType, KeyspaceContext, TableRows};
use super::user_types::is_empty;
use crate::types::{ColumnSpec, Identifier, Value};

/// A table, or the name, columns and options of a materialized view.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Table {
    /// The keyspace that contains the table.
    pub keyspace: String,
    /// The name of the table or view.
    pub name: String,
    /// The unique id, which changes when the table is dropped and created again. `None` for virtual
    /// tables.
    pub id: Option<Uuid>,
    /// The columns, in the order of `SELECT *`: the partition key columns and the clustering columns by
    /// position, then the static and the regular columns by name.
    ///
    /// Internal columns of tables with [compact storage](Self::is_compact) are left out.
    pub columns: Vec<Column>,
    /// The names of the partition key columns, in key order.
    pub partition_key: Vec<String>,
    /// The names and orders of the clustering columns, in key order.
    pub clustering: Vec<(String, ClusteringOrder)>,
    /// The secondary indexes by name. Views have none.
    pub indexes: BTreeMap<String, Index>,
    /// The options after `WITH` by name, such as `comment`, `compaction` and `gc_grace_seconds`. Options
    /// that are null are left out. Tables with the same options share them.
    pub options: Arc<BTreeMap<String, Value>>,
    /// The storage flags, as the server names them: `compound`, `dense`, `counter`, `super`.
    pub flags: BTreeSet<String>,
    /// True if the table was created `WITH COMPACT STORAGE`.
    pub is_compact: bool,
    /// True if the table is virtual: the server computes its rows, and no statement creates it.
    pub is_virtual: bool,
}

impl Table {
    /// Returns the column with this name, or `None` if there is none.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Returns the statement that creates the table, without its indexes. The types and functions
    /// that it names must exist. If the table is virtual, returns a comment that describes it.
    pub fn ddl(&self) -> String {
        self.ddl_with(None, ddl::options(&self.options))
    }

    /// Returns the statement that creates the table with these options. `first` is written before the
    /// clustering order.
    pub(super) fn ddl_with(
        &self,
        first: Option<String>,
        options: impl Iterator<Item = String>,
    ) -> String {
        // A primary key of one column is written beside the column, as the server and the Python driver
        // do.
        let key = match (self.partition_key.as_slice(), self.clustering.as_slice()) {
            ([key], []) => Some(key),
            _ => None,
        };
        let is_in_line = self.columns.iter().any(|column| Some(&column.name) == key);
        let definition = |column: &Column| match Some(&column.name) == key {
            true => format!("{} PRIMARY KEY", column.definition()),
            false => column.definition(),
        };
        let primary_key = (!is_in_line).then(|| self.primary_key());
        let lines = self.columns.iter().map(definition).chain(primary_key);
        let lines = lines.map(|line| format!("    {line}"));
        let name = Qualified(&self.keyspace, &self.name);
        let body =
            format!("TABLE {name} (\n{}\n){};", separated(lines, ",\n"), self.with(first, options));
        match self.is_virtual {
            true => ddl::virtual_comment(&body),
            false => format!("CREATE {body}"),
        }
    }

    pub(super) fn primary_key(&self) -> String {
        let partition = names(&self.partition_key);
        let partition = match self.partition_key.len() {
            1 => partition,
            _ => format!("({partition})"),
        };
        let clustering = self.clustering.iter().map(|(name, _)| Identifier(name).to_string());
        format!("PRIMARY KEY ({})", list([partition].into_iter().chain(clustering)))
    }

    /// Formats the `WITH` clause: `first`, compact storage, the clustering order and the options.
    pub(super) fn with(
        &self,
        first: Option<String>,
        options: impl Iterator<Item = String>,
    ) -> String {
        let compact = self.is_compact.then(|| "COMPACT STORAGE".to_owned());
        let order = |(name, order): &(String, ClusteringOrder)| {
            let keyword = match order {
                ClusteringOrder::Asc => "ASC",
                ClusteringOrder::Desc => "DESC",
            };
            format!("{} {keyword}", Identifier(name))
        };
        let orders = list(self.clustering.iter().map(order));
        let orders = (!orders.is_empty()).then(|| format!("CLUSTERING ORDER BY ({orders})"));
        ddl::with(first.into_iter().chain(compact).chain(orders).chain(options))
    }

    /// Returns the index of the bind variable for each partition key column, as the PREPARED
    /// response contains them in v4 and later. Returns an empty list if a partition key column does
    /// not have exactly one variable.
    pub(crate) fn key_variables(&self, variables: &[ColumnSpec]) -> Vec<u16> {
        let index = |column: &String| {
            let is_of_column = |variable: &ColumnSpec| *variable.name == **column;
            let index = variables.iter().position(is_of_column)?;
            // A named bind variable may have the name of a column by accident.
            let is_unique = variables.iter().filter(|v| is_of_column(v)).count() == 1;
            u16::try_from(index).ok().filter(|_| is_unique)
        };
        self.partition_key.iter().map(index).collect::<Option<_>>().unwrap_or_default()
    }
}

impl SchemaElement for Table {
    fn build(name: &str, rows: &TableRows, context: &KeyspaceContext) -> Self {
        let TableOptions { options, flags, has_flags } = rows.options.options();
        let has = |flag: &str| flags.contains(flag);
        let is_compact = *has_flags && (has("dense") || has("super") || !has("compound"));
        let mut columns = columns(rows, context);
        if is_compact {
            columns = without_internal(columns, has("dense") || has("super"));
        }
        columns.sort_by(|a, b| (a.kind, a.position, &a.name).cmp(&(b.kind, b.position, &b.name)));
        // A read that starts over returns columns again.
        columns.dedup_by(|later, earlier| {
            let is_same = later.name == earlier.name;
            if is_same {
                swap(later, earlier);
            }
            is_same
        });
        let of_kind = |kind| columns.iter().filter(move |column| column.kind == kind);
        let partition_key = of_kind(ColumnKind::PartitionKey);
        let partition_key = partition_key.map(|column| column.name.clone()).collect();
        let clustering = of_kind(ColumnKind::Clustering);
        let clustering = clustering
            .map(|column| (column.name.clone(), column.order.unwrap_or(ClusteringOrder::Asc)))
            .collect();
        let indexes = rows.parts.indexes();
        let indexes = indexes.filter_map(|row| Index::read(&context.name, Fields(&row)));
        Self {
            keyspace: context.name.clone(),
            name: name.to_owned(),
            id: rows.id,
            columns,
            partition_key,
            clustering,
            indexes: indexes.map(|index| (index.name.clone(), index)).collect(),
            options: options_of(rows, options),
            flags: flags.clone(),
            is_compact,
            is_virtual: rows.is_virtual,
        }
    }
}

/// Returns the columns of a table, with their masks and constraints.
fn columns(rows: &TableRows, context: &KeyspaceContext) -> Vec<Column> {
    let column = |row: ColumnRow<'_>| {
        let ColumnType { cql_type, text } = context.types.get(row.type_index as usize)?;
        Some(Column {
            name: row.name.to_owned(),
            cql_type: cql_type.clone(),
            type_text: Arc::clone(text),
            kind: row.kind,
            position: row.position.try_into().ok(),
            order: (row.kind == ColumnKind::Clustering).then_some(row.order),
            mask: None,
            check: None,
        })
    };
    let mut columns: Vec<_> = rows.parts.columns.iter().filter_map(column).collect();
    columns.shrink_to_fit();
    let Some(other) = rows.parts.other() else { return columns };
    let mut masks = HashMap::new();
    for row in rows.parts.masks() {
        let row = Fields(&row);
        if let Some(column) = row.text("column_name") {
            masks.insert(column.to_owned(), mask(row));
        }
    }
    for column in &mut columns {
        column.mask = masks.get(&column.name).cloned().flatten();
        column.check = other.constraints.get(&column.name).cloned();
    }
    columns
}

/// Returns the options of a table: those of its row, which other tables may share, its comment, and those
/// that only DESCRIBE prints.
fn options_of(
    rows: &TableRows,
    shared: &Arc<BTreeMap<String, Value>>,
) -> Arc<BTreeMap<String, Value>> {
    let mut options = Arc::clone(shared);
    if let Some(comment) = &rows.comment {
        let comment = Value::Text(comment.as_ref().to_owned());
        Arc::make_mut(&mut options).insert("comment".to_owned(), comment);
    }
    if let Some(described) = rows.parts.other().and_then(|other| other.options.as_ref()) {
        let described = described.iter().map(|(name, value)| (name.clone(), value.clone()));
        Arc::make_mut(&mut options).extend(described);
    }
    options
}

/// Returns the columns of a compact table as statements see them. If the table is not dense, the
/// server adds internal clustering and value columns and marks the user's columns as static. If it is
/// dense and has only key columns, the server adds an empty value column.
fn without_internal(columns: Vec<Column>, is_dense: bool) -> Vec<Column> {
    let visible = |mut column: Column| match column.kind {
        ColumnKind::PartitionKey => Some(column),
        ColumnKind::Regular if is_empty(&column.type_text) => None,
        _ if is_dense => Some(column),
        ColumnKind::Static => {
            column.kind = ColumnKind::Regular;
            Some(column)
        }
        _ => None,
    };
    columns.into_iter().filter_map(visible).collect()
}
