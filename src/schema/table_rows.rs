//! The rows of a table or a view, as they are kept until the table is built from them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::column_rows::ColumnRows;
use super::options_row::OptionsRow;
use super::stored_row::StoredRow;
use crate::types::{CqlType, Record, Value};

/// The rows of a table or a view.
#[derive(Debug)]
pub struct TableRows {
    pub(super) id: Option<Uuid>,
    pub(super) is_virtual: bool,
    pub(super) options: Arc<OptionsRow>,
    /// The comment, if it is not among the options.
    pub(super) comment: Option<Box<str>>,
    pub(super) parts: TableParts,
}

/// The rows of what belongs to a table or a view.
#[derive(Debug, Default)]
pub(super) struct TableParts {
    pub(super) columns: ColumnRows,
    /// Boxed because few tables have them.
    other: Option<Box<OtherParts>>,
}

/// The rows of what few tables have.
#[derive(Debug, Default)]
pub(super) struct OtherParts {
    pub(super) indexes: Vec<StoredRow>,
    pub(super) masks: Vec<StoredRow>,
    /// The constraints of columns, by the names of the columns.
    pub(super) constraints: BTreeMap<String, String>,
    /// Options that only DESCRIBE prints.
    pub(super) options: Option<Arc<BTreeMap<String, Value>>>,
}

impl TableRows {
    /// Creates the rows of a table or a view without parts.
    pub(super) fn new(id: Option<Uuid>, is_virtual: bool, options: Arc<OptionsRow>) -> Self {
        Self { id, is_virtual, options, comment: None, parts: TableParts::default() }
    }
}

impl TableParts {
    pub(super) fn other(&self) -> Option<&OtherParts> {
        self.other.as_deref()
    }

    pub(super) fn other_mut(&mut self) -> &mut OtherParts {
        self.other.get_or_insert_default()
    }

    /// Returns the rows of indexes.
    pub(super) fn indexes(&self) -> impl Iterator<Item = Cow<'_, Record>> {
        self.other().into_iter().flat_map(|other| &other.indexes).filter_map(StoredRow::record)
    }

    /// Returns the rows of the masks of columns.
    pub(super) fn masks(&self) -> impl Iterator<Item = Cow<'_, Record>> {
        self.other().into_iter().flat_map(|other| &other.masks).filter_map(StoredRow::record)
    }
}

/// The name and the column types of a keyspace, which its tables and views share.
#[derive(Debug, Default)]
pub struct KeyspaceContext {
    /// The name of the keyspace.
    pub(super) name: String,
    /// The types of the columns, by the index that the [`ColumnRows`] have.
    pub(super) types: Box<[ColumnType]>,
}

/// The type of columns.
#[derive(Debug, Clone)]
pub(super) struct ColumnType {
    pub(super) cql_type: CqlType,
    /// The type as the server writes it.
    pub(super) text: Arc<str>,
}
