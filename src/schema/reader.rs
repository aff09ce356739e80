//! Builds a schema from the rows of the schema tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::create_statement::{self, CreateStatement};
use super::fields::Fields;
use super::keyspace_rows::{ColumnFields, KeyspaceRows, MissingField, missing_field};
use super::known_options::KnownOptions;
use super::options_row::OptionsRow;
use super::page::{IntColumn, Page, TextColumn};
use super::stored_row::StoredRow;
use super::table_rows::TableRows;
use super::warnings::Warnings;
use super::{Keyspace, Schema, SchemaPart};
use crate::message::Rows;
use crate::types::Record;

/// Builds a [`Schema`] from the rows of every [`SchemaPart`], added in any order.
#[derive(Debug, Default)]
pub struct SchemaReader {
    keyspaces: Keyspaces,
    /// The keyspaces that have been built.
    built: BTreeMap<String, Arc<Keyspace>>,
    options: Vec<KnownOptions>,
    warnings: Warnings,
}

impl Schema {
    /// Creates a reader, which builds a schema from the rows of the schema tables.
    pub fn reader() -> SchemaReader {
        SchemaReader::default()
    }
}

impl SchemaReader {
    /// Adds a page of rows. A row that cannot be decoded adds a warning.
    pub fn page(&mut self, part: SchemaPart, rows: &Rows) {
        if let Some(mut page) = self.open_page(part, rows) {
            self.add_rows(&mut page, usize::MAX);
        }
    }

    /// Adds a row. Unknown columns are ignored, and most columns may be missing. A row without the
    /// column `keyspace_name` adds a warning.
    pub fn row(&mut self, part: SchemaPart, row: Record) {
        let fields = Fields(&row);
        let keyspace = fields.text("keyspace_name");
        let keyspace = match part {
            // DESCRIBE prints names as statements contain them.
            SchemaPart::CreateStatements => keyspace.and_then(create_statement::name),
            _ => keyspace.map(str::to_owned),
        };
        let Some(keyspace) = keyspace else {
            self.warnings.push(format!("{part:?}: row without a keyspace: {row}"));
            return;
        };
        let keyspace = self.keyspaces.get_mut(&keyspace);
        let added = match part {
            SchemaPart::Tables | SchemaPart::VirtualTables | SchemaPart::Views => {
                let name = fields.text(name_column(part)).map(str::to_owned);
                let options = OptionsRow::new(StoredRow::Record(row.clone()));
                let rows = TableRows::new(fields.uuid("id"), part.is_virtual(), Arc::new(options));
                keyspace.add_table(part, name.as_deref(), rows)
            }
            SchemaPart::Columns | SchemaPart::VirtualColumns => {
                keyspace.add_column(ColumnFields::of(fields), &mut self.warnings)
            }
            SchemaPart::Indexes | SchemaPart::ColumnMasks => {
                keyspace.add_part(part, StoredRow::Record(row.clone()))
            }
            SchemaPart::CreateStatements => {
                if let Some((table, statement)) = CreateStatement::read(fields) {
                    keyspace.add_statement(&table, statement);
                }
                Ok(())
            }
            SchemaPart::Keyspaces
            | SchemaPart::VirtualKeyspaces
            | SchemaPart::Types
            | SchemaPart::Functions
            | SchemaPart::Aggregates => return keyspace.add(part, row),
        };
        if let Err(MissingField) = added {
            let keyspace = &keyspace.name;
            self.warnings.push_of(keyspace, missing_field(keyspace, part, &row));
        }
    }

    /// Returns the schema. A keyspace without a row of its own is left out: it was dropped while the
    /// parts were read.
    pub fn finish(mut self) -> Schema {
        while self.build_next() {}
        Schema { keyspaces: self.built, warnings: self.warnings.other }
    }

    /// Returns the rows of a page, of which none has been added. Returns `None` if there are no rows, or if they
    /// have no columns.
    pub(crate) fn open_page<'p>(
        &mut self,
        part: SchemaPart,
        rows: &'p Rows,
    ) -> Option<PageRows<'p>> {
        let page = Page::new(rows)?;
        let content = match part {
            SchemaPart::Columns | SchemaPart::VirtualColumns => {
                Content::Columns(ColumnCells::new(&page))
            }
            SchemaPart::Tables | SchemaPart::VirtualTables | SchemaPart::Views => {
                let name = name_column(part);
                let known = self.options.iter().position(|known| known.are_of(&page));
                let known = known.unwrap_or_else(|| {
                    self.options.push(KnownOptions::new(&page, name));
                    self.options.len().saturating_sub(1)
                });
                Content::Tables { name: page.text_column(name), known }
            }
            SchemaPart::Indexes | SchemaPart::ColumnMasks => Content::Parts,
            _ => Content::Records,
        };
        Some(PageRows { part, keyspace: page.text_column("keyspace_name"), page, content })
    }

    /// Adds the next rows of a page, up to `count`. Returns false at the end of the page.
    pub(crate) fn add_rows(&mut self, rows: &mut PageRows<'_>, count: usize) -> bool {
        (0..count).all(|_| {
            let added = match rows.page.next() {
                Ok(true) => self.add_row(rows),
                Ok(false) => return false,
                Err(error) => Err(error.to_string()),
            };
            if let Err(error) = added {
                self.warnings.push(format!("{:?}: {error}", rows.part));
            }
            true
        })
    }

    /// Adds the current row of a page.
    ///
    /// # Errors
    /// Returns a text if a cell cannot be decoded.
    fn add_row(&mut self, rows: &PageRows<'_>) -> Result<(), String> {
        let PageRows { part, page, keyspace, content } = rows;
        let part = *part;
        let (Some(keyspace), false) = (page.text(*keyspace), matches!(content, Content::Records))
        else {
            self.row(part, page.record()?);
            return Ok(());
        };
        let added = match content {
            Content::Columns(cells) => {
                let keyspace = self.keyspaces.get_mut(keyspace);
                keyspace.add_column(cells.fields(page), &mut self.warnings)
            }
            Content::Tables { name, known } => {
                let Some(known) = self.options.get_mut(*known) else { return Ok(()) };
                let rows = known.rows(page, part.is_virtual())?;
                self.keyspaces.get_mut(keyspace).add_table(part, page.text(*name), rows)
            }
            Content::Parts | Content::Records => {
                let row = StoredRow::new(page.columns, page.row().to_vec().into())?;
                self.keyspaces.get_mut(keyspace).add_part(part, row)
            }
        };
        if let Err(MissingField) = added {
            let warning = missing_field(keyspace, part, &page.record()?);
            self.warnings.push_of(keyspace, warning);
        }
        Ok(())
    }

    /// Returns the number of keyspaces of which rows have been added.
    pub(crate) const fn keyspace_count(&self) -> usize {
        self.keyspaces.count
    }

    /// Builds the next keyspace. Returns false if there is none. [`finish`](Self::finish) builds all that
    /// are left.
    pub(crate) fn build_next(&mut self) -> bool {
        let Some(rows) = self.keyspaces.pop_first() else { return false };
        if let Some(keyspace) = rows.finish(&mut self.warnings) {
            self.built.insert(keyspace.name.clone(), Arc::new(keyspace));
        }
        true
    }
}

/// The rows of all keyspaces.
#[derive(Debug, Default)]
struct Keyspaces {
    /// The keyspace to which the last row was added.
    open: Option<KeyspaceRows>,
    /// All other keyspaces, by name.
    closed: BTreeMap<String, KeyspaceRows>,
    count: usize,
}

impl Keyspaces {
    /// Returns the rows of a keyspace.
    fn get_mut(&mut self, name: &str) -> &mut KeyspaceRows {
        if self.open.as_ref().is_none_or(|open| open.name != name) {
            self.close();
            self.open = self.closed.remove(name);
        }
        self.open.get_or_insert_with(|| {
            self.count = self.count.saturating_add(1);
            KeyspaceRows::new(name)
        })
    }

    /// Removes and returns the first keyspace by name.
    fn pop_first(&mut self) -> Option<KeyspaceRows> {
        self.close();
        self.closed.pop_first().map(|(_, rows)| rows)
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.closed.insert(open.name.clone(), open);
        }
    }
}

/// Returns the column that contains the name of a table or a view.
const fn name_column(part: SchemaPart) -> &'static str {
    match part {
        SchemaPart::Views => "view_name",
        _ => "table_name",
    }
}

/// The rows of a page, and the position up to which they have been added.
#[derive(Debug)]
pub(crate) struct PageRows<'p> {
    part: SchemaPart,
    page: Page<'p>,
    keyspace: TextColumn,
    content: Content,
}

/// The form in which the rows of a page are kept.
#[derive(Debug)]
enum Content {
    Columns(ColumnCells),
    /// `known` is the index of the options that have been read with the same columns.
    Tables {
        name: TextColumn,
        known: usize,
    },
    /// Rows that are kept as cells.
    Parts,
    Records,
}

/// The indices of the cells that describe a column.
#[derive(Debug)]
struct ColumnCells {
    table: TextColumn,
    name: TextColumn,
    type_text: TextColumn,
    kind: TextColumn,
    position: IntColumn,
    order: TextColumn,
}

impl ColumnCells {
    fn new(page: &Page<'_>) -> Self {
        Self {
            table: page.text_column("table_name"),
            name: page.text_column("column_name"),
            type_text: page.text_column("type"),
            kind: page.text_column("kind"),
            position: page.int_column("position"),
            order: page.text_column("clustering_order"),
        }
    }

    /// Returns the fields of the current row.
    fn fields<'p>(&self, page: &Page<'p>) -> ColumnFields<'p> {
        ColumnFields {
            table: page.text(self.table),
            name: page.text(self.name),
            type_text: page.text(self.type_text),
            kind: page.text(self.kind),
            position: page.int(self.position),
            order: page.text(self.order),
        }
    }
}

#[cfg(test)]
mod tests;
