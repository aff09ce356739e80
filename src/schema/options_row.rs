//! The options of tables, which most tables of a cluster share.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use super::create_statement::fast_path;
use super::fields::Fields;
use super::stored_row::StoredRow;
use crate::types::{Record, Value};

/// The fields of a row of a table or view, except those that differ between all tables.
#[derive(Debug)]
pub(super) struct OptionsRow {
    row: StoredRow,
    built: OnceLock<TableOptions>,
}

/// The options of a table, and its flags.
#[derive(Debug, Default)]
pub(super) struct TableOptions {
    pub(super) options: Arc<BTreeMap<String, Value>>,
    pub(super) flags: BTreeSet<String>,
    /// False if the server does not report flags.
    pub(super) has_flags: bool,
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

impl OptionsRow {
    pub(super) const fn new(row: StoredRow) -> Self {
        Self { row, built: OnceLock::new() }
    }

    /// Returns the values of the row.
    pub(super) fn record(&self) -> Option<Cow<'_, Record>> {
        self.row.record()
    }

    /// Returns the options. The first call builds them.
    pub(super) fn options(&self) -> &TableOptions {
        self.built.get_or_init(|| self.record().as_deref().map(build).unwrap_or_default())
    }
}

fn build(row: &Record) -> TableOptions {
    let fields = Fields(row);
    let mut options = fields.all_except(&NON_OPTIONS);
    if let Some(stored) = options.get_mut("fast_path") {
        *stored = fast_path(stored);
    }
    TableOptions {
        options: Arc::new(options),
        flags: fields.texts("flags").into_iter().map(str::to_owned).collect(),
        has_flags: row.get("flags").is_some_and(|flags| *flags != Value::Null),
    }
}
