//! Builds a schema from the rows of the schema tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::create_statement::{self, CreateStatement, fast_path};
use super::fields::Fields;
use super::table::mask;
use super::user_types::UserTypes;
use super::{Aggregate, Column, Function, Index, Keyspace, Schema, SchemaPart, Table, View};
use crate::message::Rows;
use crate::types::{Record, Value};

/// Builds a [`Schema`] from the rows of every [`SchemaPart`], added in any order.
#[derive(Debug, Default)]
pub struct SchemaReader {
    keyspaces: BTreeMap<String, Parts>,
    warnings: Vec<String>,
}

/// The rows of one keyspace by part, in the order in which they were added.
type Parts = BTreeMap<SchemaPart, Vec<Record>>;

impl Schema {
    /// Creates a reader, which builds a schema from the rows of the schema tables.
    pub fn reader() -> SchemaReader {
        SchemaReader::default()
    }
}

impl SchemaReader {
    /// Adds a page of rows. A row that cannot be decoded adds a warning.
    pub fn page(&mut self, part: SchemaPart, rows: &Rows) {
        // `rows` does not fail here, because a `Record` can be read from any columns.
        for row in rows.rows::<Record>().into_iter().flatten() {
            match row {
                Ok(row) => self.row(part, row),
                Err(error) => self.warnings.push(format!("{part:?}: {error}")),
            }
        }
    }

    /// Adds a row. Unknown columns are ignored, and most columns may be missing. A row without the
    /// column `keyspace_name` adds a warning.
    pub fn row(&mut self, part: SchemaPart, row: Record) {
        let keyspace = Fields(&row).text("keyspace_name");
        let keyspace = match part {
            // DESCRIBE prints names as statements contain them.
            SchemaPart::CreateStatements => keyspace.and_then(create_statement::name),
            _ => keyspace.map(str::to_owned),
        };
        match keyspace {
            Some(keyspace) => {
                let parts = self.keyspaces.entry(keyspace).or_default();
                parts.entry(part).or_default().push(row);
            }
            None => self.warnings.push(format!("{part:?}: row without a keyspace: {row}")),
        }
    }

    /// Returns the schema. A keyspace without a row of its own is left out: it was dropped while the
    /// parts were read.
    pub fn finish(self) -> Schema {
        let keyspaces = self.keyspaces.into_iter();
        let keyspaces = keyspaces.filter_map(|(name, parts)| {
            let keyspace = KeyspaceReader::new(&name, &parts).keyspace()?;
            Some((name, Arc::new(keyspace)))
        });
        Schema { keyspaces: keyspaces.collect(), warnings: self.warnings }
    }
}

/// Reads one keyspace.
struct KeyspaceReader<'r> {
    name: &'r str,
    parts: &'r Parts,
    types: UserTypes<'r>,
}

impl<'r> KeyspaceReader<'r> {
    fn new(name: &'r str, parts: &'r Parts) -> Self {
        let types = parts.get(&SchemaPart::Types).map(Vec::as_slice).unwrap_or_default();
        Self { name, parts, types: UserTypes::read(name, types) }
    }

    fn keyspace(mut self) -> Option<Keyspace> {
        let real = self.rows(SchemaPart::Keyspaces).next();
        let is_virtual = real.is_none();
        let row = real.or_else(|| self.rows(SchemaPart::VirtualKeyspaces).next())?;
        let (tables, views) = self.tables_and_views();
        let functions = self.all(SchemaPart::Functions, Function::read);
        let functions = functions.into_iter().map(|f| (f.signature(), Arc::new(f))).collect();
        let aggregates = self.all(SchemaPart::Aggregates, Aggregate::read);
        let aggregates = aggregates.into_iter().map(|a| (a.signature(), Arc::new(a))).collect();
        let (types, warnings) = self.types.finish();
        Some(Keyspace {
            name: self.name.to_owned(),
            replication: row.map("replication"),
            durable_writes: row.flag("durable_writes").unwrap_or(true),
            fast_path: row.0.get("fast_path").map(fast_path).filter(|value| *value != Value::Null),
            is_virtual,
            tables,
            views,
            types,
            functions,
            aggregates,
            warnings,
        })
    }

    fn tables_and_views(&mut self) -> (BTreeMap<String, Arc<Table>>, BTreeMap<String, Arc<View>>) {
        let mut statements: BTreeMap<_, _> =
            self.rows(SchemaPart::CreateStatements).filter_map(CreateStatement::read).collect();
        let mut columns = self.columns(&mut statements);
        let mut columns_of = |row: Fields<'_>, name: &str| {
            row.text(name).and_then(|table| columns.remove(table)).unwrap_or_default()
        };
        let mut tables = BTreeMap::new();
        for part in [SchemaPart::Tables, SchemaPart::VirtualTables] {
            for table in self.all(part, |keyspace, row, _| {
                let columns = columns_of(row, "table_name");
                Table::read(keyspace, "table_name", row, columns, part.is_virtual())
            }) {
                tables.insert(table.name.clone(), table);
            }
        }
        for (name, statement) in statements {
            if let Some(table) = tables.get_mut(&name) {
                table.options.extend(statement.options);
            }
        }
        for index in self.all(SchemaPart::Indexes, |keyspace, row, _| Index::read(keyspace, row)) {
            if let Some(table) = tables.get_mut(&index.table) {
                table.indexes.insert(index.name.clone(), index);
            }
        }
        let views = self.all(SchemaPart::Views, |keyspace, row, _| {
            let columns = columns_of(row, "view_name");
            let table = Table::read(keyspace, "view_name", row, columns, false)?;
            let base_table = row.text("base_table_name")?.to_owned();
            let all = row.flag("include_all_columns").unwrap_or_default();
            let where_clause = row.text("where_clause").unwrap_or_default().to_owned();
            Some(View::new(base_table, all, where_clause, table))
        });
        let tables = tables.into_iter().map(|(name, table)| (name, Arc::new(table))).collect();
        let views = views.into_iter().map(|view| (view.table.name.clone(), Arc::new(view)));
        (tables, views.collect())
    }

    /// Reads the columns of every table and view. Returns them by the name of the table or view.
    fn columns(
        &mut self,
        statements: &mut BTreeMap<String, CreateStatement>,
    ) -> BTreeMap<String, Vec<Column>> {
        let mut masks: BTreeMap<_, _> = self
            .rows(SchemaPart::ColumnMasks)
            .filter_map(|row| {
                Some(((row.text("table_name")?, row.text("column_name")?), mask(row)?))
            })
            .collect();
        let mut columns: BTreeMap<String, Vec<Column>> = BTreeMap::new();
        for part in [SchemaPart::Columns, SchemaPart::VirtualColumns] {
            for (table, column) in self.all(part, |keyspace, row, types| {
                let table = row.text("table_name")?;
                let mut column = Column::read(row, &format!("{keyspace}.{table}"), types)?;
                column.mask = masks.remove(&(table, row.text("column_name")?));
                let statement = statements.get_mut(table);
                column.check = statement.and_then(|of| of.constraints.remove(&column.name));
                Some((table, column))
            }) {
                columns.entry(table.to_owned()).or_default().push(column);
            }
        }
        columns
    }

    fn rows(&self, part: SchemaPart) -> impl Iterator<Item = Fields<'r>> + use<'r> {
        self.parts.get(&part).into_iter().flatten().map(Fields)
    }

    /// Reads every row of a part with `read`. A row for which `read` returns `None` lacks a
    /// required field, and adds a warning.
    fn all<T>(
        &mut self,
        part: SchemaPart,
        mut read: impl FnMut(&str, Fields<'r>, &mut UserTypes<'r>) -> Option<T>,
    ) -> Vec<T> {
        let mut all = Vec::new();
        for row in self.rows(part) {
            match read(self.name, row, &mut self.types) {
                Some(item) => all.push(item),
                None => {
                    let warning =
                        format!("{}: {part:?}: row without a required field: {}", self.name, row.0);
                    self.types.warnings.push(warning);
                }
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::ColumnKind;
    use super::super::rows::{Cell, read, text, texts};
    use super::*;
    use crate::message::RowsMetadata;
    use crate::types::{ColumnSpec, CqlType, NativeType};

    fn column(name: &str, more: Vec<Cell>) -> (SchemaPart, Vec<Cell>) {
        let cells =
            [text("keyspace_name", "ks"), text("table_name", "t"), text("column_name", name)];
        (SchemaPart::Columns, cells.into_iter().chain(more).collect())
    }

    #[test]
    fn invalid_rows_add_warnings_and_the_rest_is_read() {
        let name = || text("keyspace_name", "ks");
        let schema = read([
            (SchemaPart::Keyspaces, vec![name(), text("of_the_future", "x")]),
            (SchemaPart::Tables, vec![name(), text("table_name", "t")]),
            (SchemaPart::Tables, vec![name()]),
            (SchemaPart::Tables, vec![text("table_name", "nowhere")]),
            column("a", vec![text("type", "bag<int>"), text("kind", "regular")]),
            column("b", vec![text("type", "int"), text("kind", "odd")]),
            column("c", vec![text("kind", "regular")]),
            (SchemaPart::Functions, vec![name(), texts("argument_types", &["int"])]),
            // The row of a keyspace that was dropped in the meantime.
            (SchemaPart::Tables, vec![text("keyspace_name", "gone"), text("table_name", "t")]),
        ]);
        assert_eq!(schema.keyspaces.keys().collect::<Vec<_>>(), ["ks"]);
        let table = schema.table("ks", "t").unwrap();
        let [a, b] = &table.columns[..] else { panic!("{:?}", table.columns) };
        assert_eq!(a.cql_type, CqlType::Custom("bag<int>".into()));
        assert_eq!((b.kind, &b.cql_type), (ColumnKind::Regular, &NativeType::Int.into()));
        assert!(!table.is_compact, "the row has no flags");
        let warnings: Vec<_> = schema.warnings().collect();
        let starts = [
            "Tables: row without a keyspace: {table_name: 'nowhere'}",
            "ks.t.a: cannot parse type `bag<int>`: at byte 0: expected list, ",
            "ks.t.b: unknown column kind `odd`",
            "ks: Columns: row without a required field: {keyspace_name: 'ks', ",
            "ks: Tables: row without a required field: {keyspace_name: 'ks'}",
            "ks: Functions: row without a required field: ",
        ];
        assert_eq!(warnings.len(), starts.len(), "{warnings:#?}");
        for (warning, start) in warnings.iter().zip(starts) {
            assert!(warning.starts_with(start), "{warning}");
        }
    }

    #[test]
    fn a_page_is_read_up_to_the_first_invalid_row() {
        let columns =
            [ColumnSpec::new("system_schema", "keyspaces", "keyspace_name", NativeType::Text)];
        let page = |content: &'static [u8], count| Rows {
            metadata: RowsMetadata::new(columns.to_vec()),
            count,
            content: Bytes::from_static(content),
        };
        let mut reader = Schema::reader();
        reader.page(SchemaPart::Keyspaces, &page(b"\0\0\0\x01a\0\0\0\x01b", 2));
        // The second row is truncated.
        reader.page(SchemaPart::Keyspaces, &page(b"\0\0\0\x01c\0\0", 2));
        let schema = reader.finish();
        assert_eq!(schema.keyspaces.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(schema.warnings().count(), 1);
    }
}
