//! A table and its columns.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::Index;
use super::ddl::{self, Qualified, list, names, separated};
use super::fields::Fields;
use super::user_types::{UserTypes, as_cql, is_empty};
use crate::types::{ColumnSpec, CqlType, Identifier, Value};

/// A table, or what a view is as one.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Table {
    /// Its keyspace.
    pub keyspace: String,
    /// Its name.
    pub name: String,
    /// What the server knows it by. It is another one when the table is created again. Virtual
    /// tables have none.
    pub id: Option<Uuid>,
    /// Its columns: those of the partition key and of the clustering in their order, then the static
    /// and the regular ones by name. It is the order of `SELECT *`.
    ///
    /// Those that only the server sees, in tables of [compact storage](Self::is_compact), are left
    /// out.
    pub columns: Vec<Column>,
    /// The names of the columns of the partition key.
    pub partition_key: Vec<String>,
    /// The names of the clustering columns, and how they are ordered.
    pub clustering: Vec<(String, ClusteringOrder)>,
    /// Its secondary indexes, by name. Views have none.
    pub indexes: BTreeMap<String, Index>,
    /// What stands after `WITH` by name, as the server sends it: `comment`, `compaction`,
    /// `gc_grace_seconds`, and all else. Those that are null are left out.
    pub options: BTreeMap<String, Value>,
    /// What the server says of its storage: `compound`, `dense`, `counter`, `super`.
    pub flags: BTreeSet<String>,
    /// Whether it is made `WITH COMPACT STORAGE`.
    pub is_compact: bool,
    /// Whether the server makes up its rows, so that no statement creates it.
    pub is_virtual: bool,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub cql_type: CqlType,
    /// Its type as the server writes it, which tells what is frozen.
    pub type_text: String,
    /// What it is to the table.
    pub kind: ColumnKind,
    /// Where it stands among the columns of the partition key or of the clustering, from zero.
    pub position: Option<usize>,
    /// How a clustering column is ordered.
    pub order: Option<ClusteringOrder>,
    /// What masks its values (`MASKED WITH`, 5.0 and later): the call of a function.
    pub mask: Option<String>,
}

/// What a column is to its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ColumnKind {
    /// A part of the partition key: it says where a row is.
    PartitionKey,
    /// A part of the clustering: it orders the rows of a partition.
    Clustering,
    /// One value for all rows of a partition.
    Static,
    /// Any other.
    Regular,
}

/// How a clustering column is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the variants are the keywords")]
pub enum ClusteringOrder {
    Asc,
    Desc,
}

impl Table {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The statement that creates it, without its indexes. The types and functions that it names
    /// must be there. Of a virtual table, what it looks like, as a comment.
    pub fn ddl(&self) -> String {
        let definitions = self.columns.iter().map(Column::definition);
        let lines = definitions.chain([self.primary_key()]).map(|line| format!("    {line}"));
        let name = Qualified(&self.keyspace, &self.name);
        let body = format!("TABLE {name} (\n{}\n){};", separated(lines, ",\n"), self.with());
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

    /// `WITH` and what follows it.
    pub(super) fn with(&self) -> String {
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
        ddl::with(compact.into_iter().chain(orders).chain(ddl::options(&self.options)))
    }

    /// Reads a table or a view, whose name is in `name_field`.
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
            columns = seen_by_users(columns, has("dense") || has("super"));
        }
        columns.sort_by(|a, b| (a.kind, a.position, &a.name).cmp(&(b.kind, b.position, &b.name)));
        let of_kind = |kind| columns.iter().filter(move |column| column.kind == kind);
        let partition_key = of_kind(ColumnKind::PartitionKey);
        let partition_key = partition_key.map(|column| column.name.clone()).collect();
        let clustering = of_kind(ColumnKind::Clustering);
        let clustering = clustering
            .map(|column| (column.name.clone(), column.order.unwrap_or(ClusteringOrder::Asc)))
            .collect();
        Some(Self {
            keyspace: keyspace.to_owned(),
            name,
            id: fields.uuid("id"),
            columns,
            partition_key,
            clustering,
            indexes: BTreeMap::new(),
            options: fields.but(&NO_OPTIONS),
            flags,
            is_compact,
            is_virtual,
        })
    }

    /// Which variables of a statement on it are its partition key, as servers of v4 and later say
    /// when they prepare it; none, if one of its columns has no variable of its own.
    pub(crate) fn key_variables(&self, variables: &[ColumnSpec]) -> Vec<u16> {
        let place = |column: &String| {
            let is_it = |variable: &ColumnSpec| *variable.name == **column;
            let place = variables.iter().position(is_it)?;
            // A variable may have a name of the user's.
            let is_one = variables.iter().filter(|variable| is_it(variable)).count() == 1;
            u16::try_from(place).ok().filter(|_| is_one)
        };
        self.partition_key.iter().map(place).collect::<Option<_>>().unwrap_or_default()
    }
}

/// What a row of a table or a view has beside its options.
const NO_OPTIONS: [&str; 9] = [
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

/// The columns of a compact table as statements have them. Where it is not dense, the server has
/// columns of its own for the names and values, and calls those of users static. Where it is dense
/// and has only keys, a column of nothing stands for the values.
fn seen_by_users(columns: Vec<Column>, is_dense: bool) -> Vec<Column> {
    let seen = |mut column: Column| match column.kind {
        ColumnKind::PartitionKey => Some(column),
        ColumnKind::Regular if is_empty(&column.type_text) => None,
        _ if is_dense => Some(column),
        ColumnKind::Static => {
            column.kind = ColumnKind::Regular;
            Some(column)
        }
        _ => None,
    };
    columns.into_iter().filter_map(seen).collect()
}

impl Column {
    /// Its name, type and what else a statement says of it.
    fn definition(&self) -> String {
        let is_static = if self.kind == ColumnKind::Static { " static" } else { "" };
        let mask = self.mask.as_ref().map(|mask| format!(" MASKED WITH {mask}"));
        let name = Identifier(&self.name);
        format!("{name} {}{is_static}{}", self.type_text, mask.unwrap_or_default())
    }

    pub(super) fn read(fields: Fields<'_>, place: &str, types: &mut UserTypes<'_>) -> Option<Self> {
        let name = fields.text("column_name")?.to_owned();
        let text = fields.text("type")?;
        let kind = match fields.text("kind") {
            Some("partition_key") => ColumnKind::PartitionKey,
            Some("clustering") => ColumnKind::Clustering,
            Some("static") => ColumnKind::Static,
            Some("regular") => ColumnKind::Regular,
            other => {
                let other = other.unwrap_or("null");
                types.warnings.push(format!("{place}.{name}: no kind of a column is `{other}`"));
                ColumnKind::Regular
            }
        };
        let order = match fields.text("clustering_order") {
            Some("desc" | "DESC") => ClusteringOrder::Desc,
            _ => ClusteringOrder::Asc,
        };
        Some(Self {
            cql_type: types.cql_type(text, format_args!("{place}.{name}")),
            type_text: as_cql(text).to_owned(),
            name,
            kind,
            position: fields.int("position").and_then(|position| position.try_into().ok()),
            order: (kind == ColumnKind::Clustering).then_some(order),
            mask: None,
        })
    }
}

/// The call of the function that masks a column. The column itself, its first argument, is left out.
pub(super) fn mask(fields: Fields<'_>) -> Option<String> {
    let name = Identifier(fields.text("function_name")?);
    let keyspace = fields.text("function_keyspace");
    let keyspace = keyspace.map(|keyspace| format!("{}.", Identifier(keyspace)));
    let values = fields.texts("function_argument_values");
    let nulls = fields.flags("function_argument_nulls");
    let types = fields.texts("function_argument_types");
    let types = types.into_iter().map(Some).chain(std::iter::repeat(None));
    let nulls = nulls.into_iter().chain(std::iter::repeat(false));
    let arguments = values.into_iter().zip(nulls).zip(types).map(|((value, is_null), of)| {
        // The server gives the values without what makes literals of them.
        match of {
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
