//! The rows of one keyspace, from which the keyspace is built.

use std::collections::{BTreeMap, HashMap};
use std::mem::take;
use std::sync::Arc;

use super::column::{ClusteringOrder, ColumnKind};
use super::column_rows::ColumnRow;
use super::create_statement::{CreateStatement, fast_path};
use super::element_map::ElementMap;
use super::fields::Fields;
use super::stored_row::StoredRow;
use super::table_rows::{ColumnType, KeyspaceContext, TableParts, TableRows};
use super::user_types::{UserTypes, as_cql};
use super::warnings::Warnings;
use super::{Aggregate, Function, Keyspace, SchemaPart, Table, View};
use crate::types::{CqlType, Record, Value};

/// The rows of one keyspace.
#[derive(Debug)]
pub(super) struct KeyspaceRows {
    pub(super) name: String,
    keyspace: Option<Record>,
    virtual_keyspace: Option<Record>,
    types: Vec<Record>,
    functions: Vec<Record>,
    aggregates: Vec<Record>,
    tables: ElementMap<Table>,
    views: ElementMap<View>,
    /// The parts of tables and views whose own rows have not been read, by name.
    other_parts: BTreeMap<Box<str>, TableParts>,
    /// The rows of columns that were added last, which belong to one table. They have not been added to
    /// the parts of the table.
    columns: OpenColumns,
    /// The indices of the types of columns.
    type_indices: HashMap<Box<str>, u32>,
    /// The options of the last table that DESCRIBE printed.
    described_options: Option<Arc<BTreeMap<String, Value>>>,
}

/// Rows of the columns of one table, to which rows are being added.
#[derive(Debug, Default)]
struct OpenColumns {
    table: String,
    rows: Vec<u8>,
}

/// The fields of a row of columns. A field that is null, missing or of another type is `None`.
#[derive(Debug, Clone, Copy)]
pub(super) struct ColumnFields<'r> {
    pub(super) table: Option<&'r str>,
    pub(super) name: Option<&'r str>,
    pub(super) type_text: Option<&'r str>,
    pub(super) kind: Option<&'r str>,
    pub(super) position: Option<i32>,
    pub(super) order: Option<&'r str>,
}

/// A row lacks a required field.
pub(super) struct MissingField;

impl<'r> ColumnFields<'r> {
    pub(super) fn of(fields: Fields<'r>) -> Self {
        Self {
            table: fields.text("table_name"),
            name: fields.text("column_name"),
            type_text: fields.text("type"),
            kind: fields.text("kind"),
            position: fields.int("position"),
            order: fields.text("clustering_order"),
        }
    }
}

impl KeyspaceRows {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            keyspace: None,
            virtual_keyspace: None,
            types: Vec::new(),
            functions: Vec::new(),
            aggregates: Vec::new(),
            tables: ElementMap::default(),
            views: ElementMap::default(),
            other_parts: BTreeMap::new(),
            columns: OpenColumns::default(),
            type_indices: HashMap::new(),
            described_options: None,
        }
    }

    /// Adds a row of a part whose rows are kept as they are.
    pub(super) fn add(&mut self, part: SchemaPart, row: Record) {
        match part {
            SchemaPart::Keyspaces => _ = self.keyspace.get_or_insert(row),
            SchemaPart::VirtualKeyspaces => _ = self.virtual_keyspace.get_or_insert(row),
            SchemaPart::Types => self.types.push(row),
            SchemaPart::Functions => self.functions.push(row),
            SchemaPart::Aggregates => self.aggregates.push(row),
            _ => {}
        }
    }

    /// Adds the row of a table or a view.
    ///
    /// # Errors
    /// Returns an error if the row lacks a name, or the base table of a view.
    pub(super) fn add_table(
        &mut self,
        part: SchemaPart,
        name: Option<&str>,
        rows: TableRows,
    ) -> Result<(), MissingField> {
        let name = name.ok_or(MissingField)?;
        if part != SchemaPart::Views {
            add_rows(&mut self.tables, &mut self.other_parts, name, rows);
            return Ok(());
        }
        let row = rows.options.record();
        let base_table = row.as_deref().and_then(|row| Fields(row).text("base_table_name"));
        base_table.ok_or(MissingField)?;
        drop(row);
        add_rows(&mut self.views, &mut self.other_parts, name, rows);
        Ok(())
    }

    /// Adds the row of an index or of the mask of a column.
    ///
    /// # Errors
    /// Returns an error if the row of an index lacks a name.
    pub(super) fn add_part(
        &mut self,
        part: SchemaPart,
        row: StoredRow,
    ) -> Result<(), MissingField> {
        let record = row.record().ok_or(MissingField)?;
        let text = |name| Fields(&record).text(name).map(str::to_owned);
        let (table, index) = (text("table_name"), text("index_name"));
        drop(record);
        match (part, table, index) {
            (SchemaPart::Indexes, Some(table), Some(_)) => {
                self.change_parts(&table, |parts| parts.other_mut().indexes.push(row));
            }
            (SchemaPart::Indexes, _, _) => return Err(MissingField),
            (_, Some(table), _) => {
                self.change_parts(&table, |parts| parts.other_mut().masks.push(row));
            }
            (_, None, _) => {}
        }
        Ok(())
    }

    /// Adds what the statement of a table contains and the schema tables lack.
    pub(super) fn add_statement(&mut self, table: &str, statement: CreateStatement) {
        let CreateStatement { constraints, options } = statement;
        if constraints.is_empty() && options.is_empty() {
            return;
        }
        // Most tables have the same options.
        let options = match &self.described_options {
            Some(last) if **last == options => Arc::clone(last),
            _ => Arc::clone(self.described_options.insert(Arc::new(options))),
        };
        self.change_parts(table, |parts| {
            let other = parts.other_mut();
            other.constraints = constraints;
            other.options = Some(options);
        });
    }

    /// Passes the parts of a table or a view to `change`.
    pub(super) fn change_parts(&mut self, table: &str, change: impl FnOnce(&mut TableParts)) {
        if let Some(rows) = self.tables.rows_mut(table) {
            return change(&mut rows.parts);
        }
        if let Some(rows) = self.views.rows_mut(table) {
            return change(&mut rows.parts);
        }
        change(self.other_parts.entry(table.into()).or_default());
    }

    /// Adds the row of a column.
    ///
    /// # Errors
    /// Returns an error if the row lacks a required field.
    pub(super) fn add_column(
        &mut self,
        row: ColumnFields<'_>,
        warnings: &mut Warnings,
    ) -> Result<(), MissingField> {
        let ColumnFields { table, name, type_text, kind, position, order } = row;
        let (Some(table), Some(name), Some(type_text)) = (table, name, type_text) else {
            return Err(MissingField);
        };
        if self.columns.table != table {
            self.close_columns();
            table.clone_into(&mut self.columns.table);
        }
        let kind = kind.and_then(ColumnKind::named).unwrap_or_else(|| {
            let (keyspace, kind) = (&self.name, kind.unwrap_or("null"));
            let warning = format!("{keyspace}.{table}.{name}: unknown column kind `{kind}`");
            warnings.push_of(keyspace, warning);
            ColumnKind::Regular
        });
        let order = match order {
            Some("desc" | "DESC") => ClusteringOrder::Desc,
            _ => ClusteringOrder::Asc,
        };
        let type_index = self.type_index(type_text);
        let position = position.unwrap_or(-1);
        let row = ColumnRow { name, type_index, kind, position, order };
        if !row.write(&mut self.columns.rows) {
            let warning = format!("{}.{table}: column with a name that is too long", self.name);
            warnings.push_of(&self.name, warning);
        }
        Ok(())
    }

    /// Adds the rows of [`OpenColumns`] to the parts of their table.
    fn close_columns(&mut self) {
        let OpenColumns { table, mut rows } = take(&mut self.columns);
        if !rows.is_empty() {
            self.change_parts(&table, |parts| parts.columns.append(&rows));
            rows.clear();
        }
        self.columns = OpenColumns { table, rows };
    }

    /// Returns the index of a type, which it adds if it is new.
    fn type_index(&mut self, text: &str) -> u32 {
        if let Some(index) = self.type_indices.get(text) {
            return *index;
        }
        let index = u32::try_from(self.type_indices.len()).unwrap_or(u32::MAX);
        self.type_indices.insert(text.into(), index);
        index
    }

    /// Builds the keyspace. Returns `None` if it has no row of its own.
    pub(super) fn finish(mut self, warnings: &mut Warnings) -> Option<Keyspace> {
        self.close_columns();
        let is_virtual = self.keyspace.is_none();
        let row = self.keyspace.take().or_else(|| self.virtual_keyspace.take())?;
        let row = Fields(&row);
        let mut types = UserTypes::read(&self.name, &self.types);
        let column_types = self.column_types(&types, warnings);
        let functions = all(&mut types, SchemaPart::Functions, &self.functions, Function::read);
        let functions = functions.into_iter().map(|f| (f.signature(), Arc::new(f))).collect();
        let aggregates = all(&mut types, SchemaPart::Aggregates, &self.aggregates, Aggregate::read);
        let aggregates = aggregates.into_iter().map(|a| (a.signature(), Arc::new(a))).collect();
        let (types, of_types) = types.finish();
        of_types.into_iter().for_each(|warning| warnings.push_of(&self.name, warning));
        let warnings = warnings.take(&self.name);
        let context = KeyspaceContext { name: self.name.clone(), types: column_types };
        let context = Arc::new(context);
        self.tables.change_rows(|rows| rows.parts.columns.shrink_to_fit());
        self.views.change_rows(|rows| rows.parts.columns.shrink_to_fit());
        self.tables.set_context(Arc::clone(&context));
        self.views.set_context(context);
        Some(Keyspace {
            replication: row.map("replication"),
            durable_writes: row.flag("durable_writes").unwrap_or(true),
            fast_path: row.0.get("fast_path").map(fast_path).filter(|value| *value != Value::Null),
            name: self.name,
            is_virtual,
            tables: self.tables,
            views: self.views,
            types,
            functions,
            aggregates,
            warnings,
        })
    }

    /// Returns the types of the columns by index. Adds a warning for each column whose type cannot be
    /// parsed; it gets a custom type.
    fn column_types(&self, types: &UserTypes<'_>, warnings: &mut Warnings) -> Box<[ColumnType]> {
        let texts = self.type_indices.iter().map(|(text, index)| (*index, &**text));
        let mut texts: Vec<_> = texts.collect();
        texts.sort_unstable();
        let mut errors = HashMap::new();
        let mut column_type = |(index, text): (u32, &str)| {
            let cql_type = types.column_type(text).unwrap_or_else(|error| {
                errors.insert(index, format!("cannot parse type `{text}`: {error}"));
                CqlType::Custom(text.into())
            });
            ColumnType { cql_type, text: as_cql(text).into() }
        };
        let column_types = texts.into_iter().map(&mut column_type).collect();
        if !errors.is_empty() {
            for (table, rows) in self.tables.rows().chain(self.views.rows()) {
                for column in rows.parts.columns.iter() {
                    if let Some(error) = errors.get(&column.type_index) {
                        let location = format!("{}.{table}.{}", self.name, column.name);
                        warnings.push_of(&self.name, format!("{location}: {error}"));
                    }
                }
            }
        }
        column_types
    }
}

/// Adds the row of a table or a view to `map`, with the parts that have been read before.
fn add_rows<T>(
    map: &mut ElementMap<T>,
    other_parts: &mut BTreeMap<Box<str>, TableParts>,
    name: &str,
    mut rows: TableRows,
) {
    match map.rows_mut(name) {
        Some(known) => {
            rows.parts = take(&mut known.parts);
            *known = rows;
        }
        None => {
            rows.parts = other_parts.remove(name).unwrap_or_default();
            map.add(name, rows);
        }
    }
}

/// Reads the rows of a part with `read`. A row for which `read` returns `None` lacks a required field,
/// and adds a warning.
fn all<'k, T>(
    types: &mut UserTypes<'k>,
    part: SchemaPart,
    rows: &[Record],
    read: impl Fn(&str, Fields<'_>, &mut UserTypes<'k>) -> Option<T>,
) -> Vec<T> {
    let keyspace = types.keyspace();
    let mut all = Vec::new();
    for row in rows {
        match read(keyspace, Fields(row), types) {
            Some(item) => all.push(item),
            None => types.warnings.push(missing_field(keyspace, part, row)),
        }
    }
    all
}

/// Returns the warning about a row that lacks a required field.
pub(super) fn missing_field(keyspace: &str, part: SchemaPart, row: &Record) -> String {
    format!("{keyspace}: {part:?}: row without a required field: {row}")
}
