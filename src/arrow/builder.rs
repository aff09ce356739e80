//! [`RecordBatchBuilder`], which appends pages to a record batch.

use std::fmt;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{Schema, SchemaRef};

use super::block::{Block, FEW_COLUMNS, FEW_ROWS, MAX_ROWS, Truncated};
use super::column::{Column, Failure, Limits};
use super::error::RecordBatchError;
use super::mapping::{InvalidDimensions, Mapped, map};
use crate::message::Rows;
use crate::types::{ColumnSpec, RowError, ValueError};

/// A page of rows, whatever layer it comes from: [`Rows`], and with the feature `driver` also
/// [`QueryResult`](crate::session::QueryResult) and [`ScanPage`](crate::table::ScanPage).
pub trait AsRows {
    /// Returns the rows, or `None` if the statement returns no rows.
    fn as_rows(&self) -> Option<&Rows>;
}

impl AsRows for Rows {
    fn as_rows(&self) -> Option<&Rows> {
        Some(self)
    }
}

/// Returns the Arrow schema of rows with these columns: see the [table of types](super).
///
/// # Errors
/// Returns [`RecordBatchError::Dimensions`] if a column has vectors without elements, or with more than `i32::MAX`.
pub fn schema(columns: &[ColumnSpec]) -> Result<Schema, RecordBatchError> {
    Ok(Schema::new(map_columns(columns)?.into_iter().map(|(field, _)| field).collect::<Vec<_>>()))
}

/// Returns the record batch of one page.
///
/// The result of a statement can be the first of several pages: if its `paging_state()` is `Some`, the batch lacks the
/// rows of the others. Read these with a stream or a scan, and append each page to a [`RecordBatchBuilder`].
///
/// # Errors
/// Returns [`RecordBatchError::NoColumns`] if the page does not describe its columns, and the errors of
/// [`RecordBatchBuilder`].
pub fn record_batch(page: &impl AsRows) -> Result<RecordBatch, RecordBatchError> {
    let rows = page.as_rows().ok_or(RecordBatchError::NoRows)?;
    let columns = rows.metadata.columns.as_deref().ok_or(RecordBatchError::NoColumns)?;
    let mut builder = RecordBatchBuilder::new(columns)?;
    builder.append(rows)?;
    builder.finish()
}

fn map_columns(columns: &[ColumnSpec]) -> Result<Vec<Mapped>, RecordBatchError> {
    let mapped = columns.iter().map(|ColumnSpec { name, cql_type, .. }| {
        map(name, cql_type).map_err(|InvalidDimensions(dimensions)| RecordBatchError::Dimensions {
            column: name.clone(),
            dimensions,
        })
    });
    mapped.collect()
}

/// A builder of record batches from pages of rows.
///
/// The builder appends any number of pages to a batch. After [`finish`](Self::finish), it starts the next batch.
///
/// ```
/// use arrow_array::cast::AsArray;
/// use arrow_array::types::Int32Type;
/// use bytes::Bytes;
/// use cqlwire::arrow::RecordBatchBuilder;
/// use cqlwire::message::{Rows, RowsMetadata};
/// use cqlwire::types::{ColumnSpec, NativeType};
///
/// let columns = [
///     ColumnSpec::new("ks", "users", "username", NativeType::Text),
///     ColumnSpec::new("ks", "users", "age", NativeType::Int),
/// ];
/// let page = Rows {
///     metadata: RowsMetadata::new(columns.clone()),
///     count: 1,
///     content: Bytes::from_static(b"\0\0\0\x03ada\0\0\0\x04\0\0\0\x24"),
/// };
///
/// let mut builder = RecordBatchBuilder::new(&columns)?;
/// builder.append(&page)?;
/// builder.append(&page)?;
/// let batch = builder.finish()?;
/// assert_eq!(batch.num_rows(), 2);
/// assert_eq!(batch["username"].as_string::<i32>().value(1), "ada");
/// assert_eq!(batch["age"].as_primitive::<Int32Type>().value(1), 36);
/// # Ok::<(), cqlwire::arrow::RecordBatchError>(())
/// ```
pub struct RecordBatchBuilder {
    schema: SchemaRef,
    specs: Vec<ColumnSpec>,
    columns: Vec<Box<dyn Column>>,
    len: usize,
    limits: Limits,
}

impl RecordBatchBuilder {
    /// Returns a builder of batches with these columns.
    ///
    /// # Errors
    /// Returns the errors of [`schema`].
    pub fn new(columns: &[ColumnSpec]) -> Result<Self, RecordBatchError> {
        let (fields, builders): (Vec<_>, _) = map_columns(columns)?.into_iter().unzip();
        Ok(Self {
            schema: Arc::new(Schema::new(fields)),
            specs: columns.to_vec(),
            columns: builders,
            len: 0,
            limits: Limits::new(),
        })
    }

    /// Returns the schema of the batches.
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Returns the number of rows of the batch.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns true if the batch has no rows.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the length of the batch in bytes: the sum of its buffers, without their spare capacity.
    pub fn byte_len(&self) -> usize {
        self.columns.iter().map(|column| column.byte_len()).fold(0, usize::saturating_add)
    }

    /// Returns the number of [empty values](super#empty-values) that became null, in all batches of the builder.
    pub const fn empty_values(&self) -> usize {
        self.limits.empty_values
    }

    /// Appends the rows of a page. After an error, the batch is as it was before.
    ///
    /// A page that does not describe its columns, because the request set `skip_metadata`, must have those of the
    /// builder.
    ///
    /// # Errors
    /// - [`RecordBatchError::NoRows`], if the statement returns no rows;
    /// - [`RecordBatchError::ColumnCount`] and [`RecordBatchError::Column`], if the columns differ from those of the
    ///   builder, for example because a table or a user-defined type has been altered;
    /// - [`RecordBatchError::Row`], if a cell is invalid for its type;
    /// - [`RecordBatchError::TooLarge`], if the page does not fit into the batch. Finish the batch, and append the
    ///   page to the next one;
    /// - [`RecordBatchError::NullsTooLarge`], if the elements and fields below the nulls of the page take too much
    ///   memory. Request smaller pages.
    pub fn append(&mut self, page: &impl AsRows) -> Result<(), RecordBatchError> {
        let rows = page.as_rows().ok_or(RecordBatchError::NoRows)?;
        self.check_columns(rows)?;
        let (len, limits) = (self.len, self.limits);
        let appended = self.append_rows(&rows.content, rows.count);
        if appended.is_err() {
            self.truncate(len);
            self.limits = limits;
        }
        appended
    }

    fn check_columns(&self, rows: &Rows) -> Result<(), RecordBatchError> {
        let (expected, found) = (self.specs.len(), rows.metadata.columns_count);
        if expected != found {
            return Err(RecordBatchError::ColumnCount { expected, found });
        }
        let columns = rows.metadata.columns.as_deref().unwrap_or_default();
        for (index, (expected, found)) in self.specs.iter().zip(columns).enumerate() {
            if (&expected.name, &expected.cql_type) != (&found.name, &found.cql_type) {
                let (expected, found) = (Box::new(expected.clone()), Box::new(found.clone()));
                return Err(RecordBatchError::Column { index, expected, found });
            }
        }
        Ok(())
    }

    fn append_rows(&mut self, content: &[u8], count: usize) -> Result<(), RecordBatchError> {
        self.limits.start_page(content.len());
        match self.columns.len() {
            _ if count == 0 => Ok(()),
            0 => {
                self.len = self.len.saturating_add(count);
                Ok(())
            }
            1..=FEW_COLUMNS => self.append_blocks::<MAX_ROWS>(content, count),
            _ => self.append_blocks::<FEW_ROWS>(content, count),
        }
    }

    /// Appends rows in blocks of at most `ROWS` rows.
    fn append_blocks<const ROWS: usize>(
        &mut self,
        content: &[u8],
        count: usize,
    ) -> Result<(), RecordBatchError> {
        let (start, mut rest) = (self.len, content);
        let mut block = Block::<ROWS>::new(self.columns.len());
        loop {
            let row = self.len.saturating_sub(start);
            let left = count.saturating_sub(row);
            if left == 0 {
                return Ok(());
            }
            if row > 0 && row == block.rows() {
                // The first block is the sample from which columns estimate the length of their values.
                self.reserve(left, rest);
            }
            let read = block.read(&mut rest, left);
            self.append_block(&block, row)?;
            if let Err(Truncated(column)) = read {
                let row = row.saturating_add(block.rows());
                return Err(self.row_error(row, column, ValueError::TooShort));
            }
        }
    }

    /// Reserves memory for `count` rows, or fewer if `rest` cannot contain them.
    fn reserve(&mut self, count: usize, rest: &[u8]) {
        // Each cell has at least the four bytes of its length.
        let max = rest.len().checked_div(self.columns.len().saturating_mul(4));
        let count = count.min(max.unwrap_or(0));
        // The columns together have no more bytes than `rest`.
        let mut budget = rest.len();
        self.columns.iter_mut().for_each(|column| column.reserve(count, &mut budget));
    }

    /// Appends a block that begins at `row` of its page.
    fn append_block<const ROWS: usize>(
        &mut self,
        block: &Block<'_, ROWS>,
        row: usize,
    ) -> Result<(), RecordBatchError> {
        let limits = self.limits;
        for (index, cells) in block.columns().enumerate() {
            let Some(column) = self.columns.get_mut(index) else { continue };
            if let Err(failure) = column.extend(cells, &mut self.limits) {
                self.truncate(self.len);
                self.limits = limits;
                return Err(self.first_error(block, row, (index, failure)));
            }
        }
        self.len = self.len.saturating_add(block.rows());
        Ok(())
    }

    /// Returns the error of the first row that cannot be appended. `failure` is that of a column for the whole block.
    #[cold]
    fn first_error<const ROWS: usize>(
        &mut self,
        block: &Block<'_, ROWS>,
        row: usize,
        failure: (usize, Failure),
    ) -> RecordBatchError {
        let mut first = (0, failure);
        'rows: for offset in 0..block.rows() {
            for (index, cells) in block.columns().enumerate() {
                let (Some(column), Some(cell)) = (self.columns.get_mut(index), cells.get(offset))
                else {
                    continue;
                };
                let appended = column.extend(std::slice::from_ref(cell), &mut self.limits);
                if let Err(failure) = appended {
                    first = (offset, (index, failure));
                    break 'rows;
                }
            }
        }
        match first {
            (offset, (index, Failure::Value(cause))) => {
                self.row_error(row.saturating_add(offset), index, cause)
            }
            (_, (index, Failure::TooLarge)) => {
                RecordBatchError::TooLarge { column: self.column_name(index) }
            }
            (_, (index, Failure::FillersTooLarge)) => {
                RecordBatchError::NullsTooLarge { column: self.column_name(index) }
            }
        }
    }

    fn column_name(&self, index: usize) -> Box<str> {
        self.specs.get(index).map(|column| column.name.clone()).unwrap_or_default()
    }

    fn row_error(&self, row: usize, column: usize, cause: ValueError) -> RecordBatchError {
        RowError::new(row, column, self.specs.get(column), cause).into()
    }

    fn truncate(&mut self, len: usize) {
        self.columns.iter_mut().for_each(|column| column.truncate(len));
        self.len = len;
    }

    /// Returns the batch of the rows that have been appended since the last batch.
    ///
    /// # Errors
    /// Returns [`RecordBatchError::Arrow`] if the arrow crates reject an array.
    pub fn finish(&mut self) -> Result<RecordBatch, RecordBatchError> {
        let len = std::mem::take(&mut self.len);
        // The columns all become empty, also if one of them fails.
        let arrays: Vec<_> = self.columns.iter_mut().map(|column| column.finish()).collect();
        let arrays = arrays.into_iter().collect::<Result<_, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(len));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?)
    }
}

impl fmt::Debug for RecordBatchBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordBatchBuilder")
            .field("columns", &self.specs)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int32Type;

    use super::*;
    use crate::message::RowsMetadata;
    use crate::types::{CqlType, NativeType};

    fn columns(types: &[CqlType]) -> Vec<ColumnSpec> {
        types.iter().map(|of| ColumnSpec::new("ks", "t", "c", of.clone())).collect()
    }

    fn page(columns: &[ColumnSpec], count: usize, content: &'static [u8]) -> Rows {
        Rows { metadata: RowsMetadata::new(columns), count, content: content.into() }
    }

    #[test]
    fn a_page_that_does_not_fit_is_appended_to_the_next_batch() {
        let list = CqlType::List(Box::new(NativeType::Int.into()));
        let lists: &[u8] = b"\0\0\0\x0c\0\0\0\x02\xff\xff\xff\xff\xff\xff\xff\xff";
        for (cql_type, content) in
            [(NativeType::Text.into(), b"\0\0\0\x02ab".as_slice()), (list, lists)]
        {
            let columns = columns(&[cql_type]);
            let mut builder = RecordBatchBuilder::new(&columns).unwrap();
            builder.limits.max_offset = 5;
            let page = page(&columns, 1, content);
            builder.append(&page).unwrap();
            builder.append(&page).unwrap();
            let error = builder.append(&page).unwrap_err();
            assert!(matches!(&error, RecordBatchError::TooLarge { column } if &**column == "c"));
            assert_eq!(builder.finish().unwrap().num_rows(), 2);
            builder.append(&page).unwrap();
            assert_eq!(builder.finish().unwrap().num_rows(), 1);
        }
    }

    #[test]
    fn elements_without_lengths_are_read_in_one_piece() {
        let vector = CqlType::vector(CqlType::vector(NativeType::Int.into(), 2), 1);
        let columns = columns(&[vector]);
        let cells = b"\0\0\0\x08\0\0\0\x01\0\0\0\x02\xff\xff\xff\xff\0\0\0\x08\0\0\0\x03\0\0\0\x04";
        let batch = record_batch(&page(&columns, 3, cells)).unwrap();
        let inner = batch["c"].as_fixed_size_list().values().as_fixed_size_list();
        let numbers: Vec<_> = inner.values().as_primitive::<Int32Type>().iter().collect();
        assert_eq!(numbers, [Some(1), Some(2), None, None, Some(3), Some(4)]);
        assert!(inner.is_null(1) && batch["c"].is_null(1));
    }

    #[test]
    fn nulls_of_long_vectors_take_a_bounded_amount_of_memory() {
        let vector = CqlType::vector(NativeType::Uuid.into(), 1 << 21);
        // The tuple is null, and its field is therefore absent.
        let tuple = CqlType::Tuple(vec![vector.clone()]);
        for of in [vector, tuple.clone(), CqlType::vector(tuple, 1)] {
            let columns = columns(&[of]);
            let mut builder = RecordBatchBuilder::new(&columns).unwrap();
            let error = builder.append(&page(&columns, 5, &[0xff; 20])).unwrap_err();
            assert_eq!(
                error.to_string(),
                "the elements and fields below the nulls of column \"c\" take too much memory; request \
                 smaller pages, or leave the column out"
            );
            assert_eq!((builder.len(), builder.byte_len()), (0, 0));
            builder.append(&page(&columns, 1, &[0xff; 4])).unwrap();
            assert_eq!(builder.finish().unwrap().column(0).null_count(), 1);
        }
    }

    #[test]
    fn a_page_of_null_embeddings_is_appended() {
        let columns = columns(&[CqlType::vector(NativeType::Float.into(), 1536)]);
        let page = page(&columns, 5000, &[0xff; 20_000]);
        assert_eq!(record_batch(&page).unwrap()["c"].null_count(), 5000);
    }
}
