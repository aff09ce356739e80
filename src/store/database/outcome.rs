//! The result of a statement.

use bytes::Bytes;

use crate::message::SchemaChange;
use crate::store::select::SelectResult;
use crate::types::{ColumnSpec, Value};

/// The result of a statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    Void,
    Rows {
        columns: Vec<ColumnSpec>,
        /// The values in the order of `columns`.
        rows: Vec<Vec<Value>>,
        /// The paging state of the next page, or `None` if this page is the last one.
        paging_state: Option<Bytes>,
        warnings: Vec<String>,
    },
    /// The statement was USE.
    SetKeyspace(String),
    SchemaChange(SchemaChange),
}

impl Outcome {
    pub(super) fn selected(columns: Vec<ColumnSpec>, result: SelectResult) -> Self {
        let SelectResult { rows, paging_state, warnings } = result;
        Self::Rows { columns, rows, paging_state, warnings }
    }

    /// Returns the result of a statement that writes. Only a conditional statement has rows.
    pub(super) fn written(result: Option<(Vec<ColumnSpec>, Vec<Vec<Value>>)>) -> Self {
        match result {
            None => Self::Void,
            Some((columns, rows)) => {
                Self::Rows { columns, rows, paging_state: None, warnings: Vec::new() }
            }
        }
    }
}
