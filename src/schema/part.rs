//! The statements that read a schema.

use crate::types::{Identifier, Value};

/// A table of `system_schema` or `system_virtual_schema`, or the statements of DESCRIBE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "most variants are the names of tables")]
pub enum SchemaPart {
    Keyspaces,
    Types,
    Tables,
    Columns,
    ColumnMasks,
    Indexes,
    Views,
    Functions,
    Aggregates,
    VirtualKeyspaces,
    VirtualTables,
    VirtualColumns,
    /// The statements of DESCRIBE. Cassandra 6.0 keeps the constraints of columns and the options of
    /// tables for transactions in no table, and prints them there.
    CreateStatements,
}

impl SchemaPart {
    /// Every part. The parts can be read in any order, or concurrently.
    pub const ALL: [Self; 13] = [
        Self::Keyspaces,
        Self::Types,
        Self::Tables,
        Self::Columns,
        Self::ColumnMasks,
        Self::Indexes,
        Self::Views,
        Self::Functions,
        Self::Aggregates,
        Self::VirtualKeyspaces,
        Self::VirtualTables,
        Self::VirtualColumns,
        Self::CreateStatements,
    ];

    /// Returns the statement that reads this part for one keyspace, or for all keyspaces if
    /// `keyspace` is `None`.
    ///
    /// ```
    /// use cqlwire::cluster::schema::SchemaPart;
    ///
    /// let select = SchemaPart::Tables.select(Some("k8s_test"));
    /// assert_eq!(select, "SELECT * FROM system_schema.tables WHERE keyspace_name = 'k8s_test'");
    /// ```
    pub fn select(self, keyspace: Option<&str>) -> String {
        let Some(table) = self.table() else {
            return match keyspace {
                Some(keyspace) => format!("DESCRIBE KEYSPACE {}", Identifier(keyspace)),
                None => "DESCRIBE SCHEMA".to_owned(),
            };
        };
        let mut select = format!("SELECT {} FROM {table}", self.columns());
        if let Some(keyspace) = keyspace {
            let keyspace = Value::Text(keyspace.to_owned());
            select.push_str(&format!(" WHERE keyspace_name = {keyspace}"));
        }
        select
    }

    /// The parts that are read for one table.
    pub(crate) const OF_TABLES: [Self; 5] =
        [Self::Tables, Self::Columns, Self::ColumnMasks, Self::Indexes, Self::CreateStatements];

    /// The parts of a keyspace on which its tables depend, or which depend on them.
    pub(crate) const BESIDE_TABLES: [Self; 3] = [Self::Keyspaces, Self::Types, Self::Views];

    /// Returns the statement that reads this part, one of [`OF_TABLES`](Self::OF_TABLES), for one table.
    pub(crate) fn select_table(self, keyspace: &str, table: &str) -> String {
        if self == Self::CreateStatements {
            return format!("DESCRIBE TABLE {}.{}", Identifier(keyspace), Identifier(table));
        }
        let table = Value::Text(table.to_owned());
        format!("{} AND table_name = {table}", self.select(Some(keyspace)))
    }

    /// Returns true if some servers lack this table and answer the statement with an error: virtual
    /// tables and DESCRIBE exist since Cassandra 4.0, column masks since 5.0. DESCRIBE is also
    /// answered with an error if the keyspace or the table does not exist.
    pub const fn is_optional(self) -> bool {
        self.is_virtual() || matches!(self, Self::ColumnMasks | Self::CreateStatements)
    }

    /// Returns false if the other parts contain everything that a server of this version reports here.
    /// `release_version` is that of `system.local`, such as `5.0.6`.
    pub(crate) fn is_needed(self, release_version: &str) -> bool {
        let major = release_version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        self != Self::CreateStatements || major.is_some_and(|major| major >= 6)
    }

    pub(super) const fn is_virtual(self) -> bool {
        matches!(self, Self::VirtualKeyspaces | Self::VirtualTables | Self::VirtualColumns)
    }

    /// Returns the columns that are read. The columns of columns are named, because a cluster has many of
    /// these rows, and all versions have the same columns. The options of tables and views are columns,
    /// which differ between versions, and other tables have few rows.
    const fn columns(self) -> &'static str {
        match self {
            Self::Columns | Self::VirtualColumns => {
                "keyspace_name, table_name, column_name, clustering_order, kind, position, type"
            }
            _ => "*",
        }
    }

    /// Returns the name of the table, with its keyspace; `None` for DESCRIBE.
    pub(crate) const fn table(self) -> Option<&'static str> {
        Some(match self {
            Self::Keyspaces => "system_schema.keyspaces",
            Self::Types => "system_schema.types",
            Self::Tables => "system_schema.tables",
            Self::Columns => "system_schema.columns",
            Self::ColumnMasks => "system_schema.column_masks",
            Self::Indexes => "system_schema.indexes",
            Self::Views => "system_schema.views",
            Self::Functions => "system_schema.functions",
            Self::Aggregates => "system_schema.aggregates",
            Self::VirtualKeyspaces => "system_virtual_schema.keyspaces",
            Self::VirtualTables => "system_virtual_schema.tables",
            Self::VirtualColumns => "system_virtual_schema.columns",
            Self::CreateStatements => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keyspace_is_an_escaped_literal() {
        let select = SchemaPart::VirtualTables.select(Some("it's"));
        let expected = "SELECT * FROM system_virtual_schema.tables WHERE keyspace_name = 'it''s'";
        assert_eq!(select, expected);
        let select = SchemaPart::Columns.select(Some("ks"));
        let expected = "SELECT keyspace_name, table_name, column_name, clustering_order, kind, \
                        position, type FROM system_schema.columns WHERE keyspace_name = 'ks'";
        assert_eq!(select, expected);
        let select = SchemaPart::Indexes.select_table("ks", "it's");
        let expected = "SELECT * FROM system_schema.indexes WHERE keyspace_name = 'ks' AND \
                        table_name = 'it''s'";
        assert_eq!(select, expected);
        let select = SchemaPart::CreateStatements.select_table("Ks", "t");
        assert_eq!(select, "DESCRIBE TABLE \"Ks\".t");
        assert_eq!(SchemaPart::Keyspaces.select(None), "SELECT * FROM system_schema.keyspaces");
        assert_eq!(SchemaPart::CreateStatements.select(None), "DESCRIBE SCHEMA");
        let select = SchemaPart::CreateStatements.select(Some("Ks"));
        assert_eq!(select, "DESCRIBE KEYSPACE \"Ks\"");
    }

    #[test]
    fn describe_is_read_from_servers_that_keep_something_nowhere_else() {
        let is_needed = |version| SchemaPart::CreateStatements.is_needed(version);
        assert!(["6.0-alpha2", "6.0.0", "10.1.2"].into_iter().all(is_needed));
        assert!(!["3.11.3", "5.0.9", "", "x"].into_iter().any(is_needed));
        assert!(SchemaPart::Tables.is_needed("3.11.3"));
    }
}
