//! The options of the tables of a page: a cluster has many tables, and few different options.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::options_row::OptionsRow;
use super::page::Page;
use super::stored_row::StoredRow;
use super::table_rows::TableRows;
use crate::types::{ColumnSpec, CqlType, NativeType};
use crate::wire::Writer;

/// The options that have been read with the same columns. Equal options are kept once.
#[derive(Debug)]
pub(super) struct KnownOptions {
    /// The columns of the pages.
    page_columns: Arc<[ColumnSpec]>,
    /// The use of each cell.
    uses: Box<[Use]>,
    /// The columns of the options.
    columns: Arc<[ColumnSpec]>,
    known: HashMap<Bytes, Arc<OptionsRow>>,
    /// The options that were read last, which the next table most likely has, too.
    last: Option<(Bytes, Arc<OptionsRow>)>,
    /// The cells of the options of the current row.
    cells: Vec<u8>,
}

/// The use of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Use {
    /// The keyspace, or the name of the table or view.
    Name,
    Id,
    Comment,
    Option,
}

impl KnownOptions {
    /// Creates the options of pages with the columns of `page`. `name` is the column with the names of
    /// tables or views.
    pub(super) fn new(page: &Page<'_>, name: &str) -> Self {
        let of = |column: &ColumnSpec| match (&*column.name, &column.cql_type) {
            ("keyspace_name", _) => Use::Name,
            (column, _) if column == name => Use::Name,
            ("id", CqlType::Native(NativeType::Uuid)) => Use::Id,
            ("comment", CqlType::Native(NativeType::Text)) => Use::Comment,
            _ => Use::Option,
        };
        let uses: Box<[_]> = page.columns.iter().map(of).collect();
        let is_kept = |used: Use| matches!(used, Use::Comment | Use::Option);
        let kept = page.columns.iter().zip(&uses).filter(|(_, used)| is_kept(**used));
        Self {
            page_columns: Arc::clone(page.columns),
            columns: kept.map(|(column, _)| column.clone()).collect(),
            uses,
            known: HashMap::new(),
            last: None,
            cells: Vec::new(),
        }
    }

    /// Returns true if these are options of pages with the columns of `page`.
    pub(super) fn are_of(&self, page: &Page<'_>) -> bool {
        self.page_columns == *page.columns
    }

    /// Returns the current row of a page, without parts.
    ///
    /// # Errors
    /// Returns a text if the cells cannot be decoded.
    pub(super) fn rows(&mut self, page: &Page<'_>, is_virtual: bool) -> Result<TableRows, String> {
        let (mut id, mut comment) = (None, None);
        self.cells.clear();
        let mut options = Writer::new(&mut self.cells);
        for (used, (_, cell)) in self.uses.iter().zip(page.cells()) {
            let cell = match used {
                Use::Name => continue,
                Use::Id => {
                    id = cell.and_then(|cell| Uuid::from_slice(cell).ok());
                    continue;
                }
                Use::Comment => {
                    let text = cell.and_then(|cell| std::str::from_utf8(cell).ok());
                    comment = text.filter(|text| !text.is_empty());
                    // Tables with different comments share the other options.
                    if comment.is_some() { Some(&[][..]) } else { cell }
                }
                Use::Option => cell,
            };
            options.bytes(cell, "cell").map_err(|error| error.to_string())?;
        }
        let mut rows = TableRows::new(id, is_virtual, self.known()?);
        rows.comment = comment.map(Into::into);
        Ok(rows)
    }

    /// Returns the options of `cells`.
    ///
    /// # Errors
    /// Returns a text if the cells cannot be decoded.
    fn known(&mut self) -> Result<Arc<OptionsRow>, String> {
        if let Some((_, options)) = self.last.as_ref().filter(|(last, _)| *last == self.cells) {
            return Ok(Arc::clone(options));
        }
        let (cells, options) = match self.known.get_key_value(&*self.cells) {
            Some((cells, options)) => (cells.clone(), Arc::clone(options)),
            None => {
                let cells = Bytes::copy_from_slice(&self.cells);
                let row = StoredRow::new(&self.columns, cells.clone())?;
                let options = Arc::new(OptionsRow::new(row));
                self.known.insert(cells.clone(), Arc::clone(&options));
                (cells, options)
            }
        };
        self.last = Some((cells, Arc::clone(&options)));
        Ok(options)
    }
}
