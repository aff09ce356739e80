//! A RESULT of kind Rows (v4 §4.2.5.2).

use bytes::Bytes;

use super::{KnownColumns, RowsMetadata};
use crate::types::{FromRow, RowIter, TypeError};
use crate::wire::{Context, DecodeError, DecodeErrorKind, EncodeError, Reader, Writer};

/// A page of rows: what the columns are, and the cells as they came.
///
/// No cell is looked at before it is asked for; [`rows`](Self::rows) reads them into Rust types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// What the columns are.
    pub metadata: RowsMetadata,
    /// How many rows there are.
    pub count: usize,
    /// The cells, `[bytes]` after `[bytes]`, and whatever stands behind them.
    pub content: Bytes,
}

/// Rows without columns take no bytes, so the bytes that are left do not bound their number.
const MAX_ROWS_WITHOUT_COLUMNS: usize = 65_535;

impl Rows {
    /// The rows as `T`s.
    ///
    /// # Errors
    /// Columns that do not fit `T`. Columns that are not described have none: take them from the
    /// prepared statement, and use [`RowIter`].
    pub fn rows<'r, T: FromRow<'r>>(&'r self) -> Result<RowIter<'r, T>, TypeError> {
        let columns = self.metadata.columns.as_deref().unwrap_or_default();
        RowIter::new(&self.content, columns, self.count)
    }

    pub(super) fn decode(
        reader: &mut Reader<'_>,
        context: &Context,
        known: Option<&KnownColumns>,
    ) -> Result<Self, DecodeError> {
        let metadata = match known {
            Some(known) => RowsMetadata::decode_knowing(reader, context, known)?,
            None => RowsMetadata::decode(reader, context)?,
        };
        let before = reader.clone();
        let count = reader.length("rows_count")?;
        let content = reader.take_rest();
        // Every cell takes at least the four bytes of its length.
        let row = metadata.columns_count.saturating_mul(4);
        let limit = content.len().checked_div(row).unwrap_or(MAX_ROWS_WITHOUT_COLUMNS);
        if count > limit {
            let kind = DecodeErrorKind::CountTooLarge { count, limit };
            return Err(before.error(kind, "rows_count"));
        }
        Ok(Self { metadata, count, content: reader.share(content) })
    }

    pub(super) fn encode(
        &self,
        writer: &mut Writer<'_>,
        context: &Context,
    ) -> Result<(), EncodeError> {
        self.metadata.encode(writer, context)?;
        writer.length(self.count, "rows_count")?;
        writer.raw(&self.content);
        Ok(())
    }
}
