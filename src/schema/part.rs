//! The statements that read a schema.

use crate::types::Value;

/// A table of `system_schema` or `system_virtual_schema`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the variants are the names of the tables")]
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
}

impl SchemaPart {
    /// Every part. The parts can be read in any order, or concurrently.
    pub const ALL: [Self; 12] = [
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
        let mut select = format!("SELECT * FROM {}", self.table());
        if let Some(keyspace) = keyspace {
            let keyspace = Value::Text(keyspace.to_owned());
            select.push_str(&format!(" WHERE keyspace_name = {keyspace}"));
        }
        select
    }

    /// Returns true if some servers lack this table and answer the statement with an error: virtual
    /// tables exist since Cassandra 4.0, column masks since 5.0.
    pub const fn is_optional(self) -> bool {
        self.is_virtual() || matches!(self, Self::ColumnMasks)
    }

    pub(super) const fn is_virtual(self) -> bool {
        matches!(self, Self::VirtualKeyspaces | Self::VirtualTables | Self::VirtualColumns)
    }

    /// Returns the name of the table, with its keyspace.
    pub(crate) const fn table(self) -> &'static str {
        match self {
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keyspace_is_an_escaped_literal() {
        let select = SchemaPart::VirtualColumns.select(Some("it's"));
        let expected = "SELECT * FROM system_virtual_schema.columns WHERE keyspace_name = 'it''s'";
        assert_eq!(select, expected);
        assert_eq!(SchemaPart::Keyspaces.select(None), "SELECT * FROM system_schema.keyspaces");
    }
}
