//! A row of a schema table that is kept until an element is built from it.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use crate::types::{ColumnSpec, Record, RowIter};

/// A row that is kept until an element is built from it.
#[derive(Debug)]
pub(super) enum StoredRow {
    /// The cells as the server sent them, which take less memory than their values.
    Cells {
        columns: Arc<[ColumnSpec]>,
        cells: Bytes,
    },
    Record(Record),
}

impl StoredRow {
    /// Creates a row from the cells that a server sent.
    ///
    /// # Errors
    /// Returns a text if the cells cannot be decoded.
    pub(super) fn new(columns: &Arc<[ColumnSpec]>, cells: Bytes) -> Result<Self, String> {
        decode(columns, &cells)?;
        Ok(Self::Cells { columns: Arc::clone(columns), cells })
    }

    /// Returns the values of the row, or `None` if it cannot be decoded, which [`new`](Self::new)
    /// rules out.
    pub(super) fn record(&self) -> Option<Cow<'_, Record>> {
        match self {
            Self::Cells { columns, cells } => decode(columns, cells).ok().map(Cow::Owned),
            Self::Record(record) => Some(Cow::Borrowed(record)),
        }
    }
}

/// Decodes the cells of one row.
///
/// # Errors
/// Returns a text if they cannot be decoded.
pub(super) fn decode(columns: &[ColumnSpec], cells: &Bytes) -> Result<Record, String> {
    let rows = RowIter::<Record>::new(cells, columns, 1);
    match rows.map_err(|error| error.to_string())?.next() {
        Some(Ok(row)) => Ok(row),
        Some(Err(error)) => {
            let name = columns.get(error.column()).map(|column| &*column.name);
            Err(format!("cannot read column \"{}\": {}", name.unwrap_or_default(), error.cause()))
        }
        None => Err("the row is missing".to_owned()),
    }
}
