//! A RESULT of kind Rows (v4 §4.2.5.2).

use bytes::Bytes;

use super::{KnownColumns, RowsMetadata};
use crate::types::{FromRow, RowIter, TypeError};
use crate::wire::{Context, DecodeError, DecodeErrorKind, EncodeError, Reader, Writer};

/// A page of rows: the metadata and the undecoded cells.
///
/// [`rows`](Self::rows) decodes the cells into Rust types, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// The metadata of the columns.
    pub metadata: RowsMetadata,
    /// The number of rows.
    pub count: usize,
    /// The cells, each as `[bytes]`, and any bytes after them.
    pub content: Bytes,
}

/// Maximum number of rows in a result without columns. Such rows take no bytes, so the length of the
/// body does not bound their number.
const MAX_ROWS_WITHOUT_COLUMNS: usize = 65_535;

impl Rows {
    /// Returns an iterator that decodes each row into a `T`.
    ///
    /// If the metadata has no columns because the request set `skip_metadata`, take the columns from
    /// the prepared statement and use [`RowIter`].
    ///
    /// # Errors
    /// Returns an error if the columns do not match `T`.
    pub fn rows<'r, T: FromRow<'r>>(&'r self) -> Result<RowIter<'r, T>, TypeError> {
        let columns = self.metadata.columns.as_deref().unwrap_or_default();
        RowIter::new(&self.content, columns, self.count)
    }

    pub(super) fn decode(
        reader: &mut Reader<'_>,
        context: &Context,
        known_columns: Option<&KnownColumns>,
    ) -> Result<Self, DecodeError> {
        let metadata = match known_columns {
            Some(known_columns) => {
                RowsMetadata::decode_with_known_columns(reader, context, known_columns)?
            }
            None => RowsMetadata::decode(reader, context)?,
        };
        let before_count = reader.clone();
        let count = reader.length("rows_count")?;
        let content = reader.take_rest();
        // Each cell takes at least the four bytes of its length.
        let row = metadata.columns_count.saturating_mul(4);
        let limit = content.len().checked_div(row).unwrap_or(MAX_ROWS_WITHOUT_COLUMNS);
        if count > limit {
            let kind = DecodeErrorKind::CountTooLarge { count, limit };
            return Err(before_count.error(kind, "rows_count"));
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
