//! A table and its columns.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::Index;
use super::create_statement::fast_path;
use super::ddl::{self, Qualified, list, names, separated};
use super::fields::Fields;
use super::user_types::{UserTypes, as_cql, is_empty};
use crate::types::{ColumnSpec, CqlType, Identifier, Value};

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
    /// that are null are left out.
    pub options: BTreeMap<String, Value>,
    /// The storage flags, as the server names them: `compound`, `dense`, `counter`, `super`.
    pub flags: BTreeSet<String>,
    /// True if the table was created `WITH COMPACT STORAGE`.
    pub is_compact: bool,
    /// True if the table is virtual: the server computes its rows, and no statement creates it.
    pub is_virtual: bool,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Column {
    /// The name of the column.
    pub name: String,
    /// The type of the column.
    pub cql_type: CqlType,
    /// The type as the server writes it. Unlike `cql_type`, it shows which parts are frozen.
    pub type_text: String,
    /// The kind of the column: part of the key, static or regular.
    pub kind: ColumnKind,
    /// Position within the partition key or the clustering key, from zero. `None` for other columns.
    pub position: Option<usize>,
    /// The order of a clustering column. `None` for other columns.
    pub order: Option<ClusteringOrder>,
    /// The function call after `MASKED WITH` (Cassandra 5.0 and later), if any.
    pub mask: Option<String>,
    /// The conditions after `CHECK` that each written value must satisfy (Cassandra 6.0 and later),
    /// such as `v < 100 AND v > 0` or `LENGTH() < 8`. The server answers a write that violates them
    /// with [`ErrorCode::Invalid`](crate::message::ErrorCode::Invalid).
    pub check: Option<String>,
}

/// The kind of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ColumnKind {
    /// A column of the partition key, which determines the nodes that store a row.
    PartitionKey,
    /// A clustering column, which orders the rows of a partition.
    Clustering,
    /// A column with one value for all rows of a partition.
    Static,
    /// Any other column.
    Regular,
}

/// The order of a clustering column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the variants are the keywords")]
pub enum ClusteringOrder {
    Asc,
    Desc,
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

    /// Reads a table or a view whose name is in the field `name_field`. Returns `None` if that
    /// field is missing.
    pub(super) fn read(
        keyspace: &str,
        name_field: &str,
        fields: Fields<'_>,
        mut columns: Vec<Column>,
        is_virtual: bool,
    ) -> Option<Self> {
        let name = fields.text(name_field)?.to_owned();
        let flags: BTreeSet<_> = fields.texts("flags").into_iter().map(str::to_owned).collect();
        let has = |flag: &str| flags.contains(flag);
        let has_flags = fields.0.get("flags").is_some_and(|flags| *flags != Value::Null);
        let is_compact = has_flags && (has("dense") || has("super") || !has("compound"));
        if is_compact {
            columns = without_internal(columns, has("dense") || has("super"));
        }
        columns.sort_by(|a, b| (a.kind, a.position, &a.name).cmp(&(b.kind, b.position, &b.name)));
        let of_kind = |kind| columns.iter().filter(move |column| column.kind == kind);
        let partition_key = of_kind(ColumnKind::PartitionKey);
        let partition_key = partition_key.map(|column| column.name.clone()).collect();
        let clustering = of_kind(ColumnKind::Clustering);
        let clustering = clustering
            .map(|column| (column.name.clone(), column.order.unwrap_or(ClusteringOrder::Asc)))
            .collect();
        let mut options = fields.all_except(&NON_OPTIONS);
        if let Some(stored) = options.get_mut("fast_path") {
            *stored = fast_path(stored);
        }
        Some(Self {
            keyspace: keyspace.to_owned(),
            name,
            id: fields.uuid("id"),
            columns,
            partition_key,
            clustering,
            indexes: BTreeMap::new(),
            options,
            flags,
            is_compact,
            is_virtual,
        })
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

/// The fields of a table or view row that are not options.
const NON_OPTIONS: [&str; 9] = [
    "keyspace_name",
    "table_name",
    "view_name",
    "id",
    "flags",
    "base_table_id",
    "base_table_name",
    "include_all_columns",
    "where_clause",
];

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

impl Column {
    /// Formats the column as in `CREATE TABLE`.
    fn definition(&self) -> String {
        let is_static = if self.kind == ColumnKind::Static { " static" } else { "" };
        let mask = self.mask.as_ref().map(|mask| format!(" MASKED WITH {mask}"));
        let check = self.check.as_ref().map(|check| format!(" CHECK {check}"));
        let name = Identifier(&self.name);
        let (mask, check) = (mask.unwrap_or_default(), check.unwrap_or_default());
        format!("{name} {}{is_static}{mask}{check}", self.type_text)
    }

    pub(super) fn read(
        fields: Fields<'_>,
        location: &str,
        types: &mut UserTypes<'_>,
    ) -> Option<Self> {
        let name = fields.text("column_name")?.to_owned();
        let text = fields.text("type")?;
        let kind = match fields.text("kind") {
            Some("partition_key") => ColumnKind::PartitionKey,
            Some("clustering") => ColumnKind::Clustering,
            Some("static") => ColumnKind::Static,
            Some("regular") => ColumnKind::Regular,
            other => {
                let other = other.unwrap_or("null");
                types.warnings.push(format!("{location}.{name}: unknown column kind `{other}`"));
                ColumnKind::Regular
            }
        };
        let order = match fields.text("clustering_order") {
            Some("desc" | "DESC") => ClusteringOrder::Desc,
            _ => ClusteringOrder::Asc,
        };
        Some(Self {
            cql_type: types.cql_type(text, format_args!("{location}.{name}")),
            type_text: as_cql(text).to_owned(),
            name,
            kind,
            position: fields.int("position").and_then(|position| position.try_into().ok()),
            order: (kind == ColumnKind::Clustering).then_some(order),
            mask: None,
            check: None,
        })
    }
}

/// Formats the call of the function that masks a column, as `MASKED WITH` expects it: without the
/// first argument, which is the column itself. Returns `None` if the row has no function name.
pub(super) fn mask(fields: Fields<'_>) -> Option<String> {
    let name = Identifier(fields.text("function_name")?);
    let keyspace = fields.text("function_keyspace");
    let keyspace = keyspace.map(|keyspace| format!("{}.", Identifier(keyspace)));
    let values = fields.texts("function_argument_values");
    let nulls = fields.flags("function_argument_nulls");
    let types = fields.texts("function_argument_types");
    let types = types.into_iter().map(Some).chain(std::iter::repeat(None));
    let nulls = nulls.into_iter().chain(std::iter::repeat(false));
    let arguments = values.into_iter().zip(nulls).zip(types).map(|((value, is_null), cql_type)| {
        // The server stores arguments without quotes, and blobs without the prefix `0x`.
        match cql_type {
            _ if is_null => "null".to_owned(),
            Some("blob") => format!("0x{value}"),
            Some("ascii" | "text" | "varchar" | "date" | "time" | "timestamp" | "inet") => {
                ddl::string(value)
            }
            _ => value.to_owned(),
        }
    });
    Some(format!("{}{name}({})", keyspace.unwrap_or_default(), list(arguments)))
}
