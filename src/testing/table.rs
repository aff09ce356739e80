//! The columns and rows of a reply.

use std::sync::Arc;

use bytes::Bytes;

use crate::message::{Rows, RowsMetadata};
use crate::types::{
    BindError, ColumnSpec, CqlType, NamedValue, NativeType, ToValues, ValuesBuffer,
};

/// The keyspace of every column that is not made from a [`ColumnSpec`]. The table is [`TABLE`].
pub(super) const KEYSPACE: &str = "test";
pub(super) const TABLE: &str = "test";

/// A column or a bind variable of a [`Reply`](super::Reply).
///
/// Made from a name alone (type `text`), from a name and a type, or from a [`ColumnSpec`]. Without
/// a [`ColumnSpec`], the column belongs to the table `test.test`.
#[derive(Debug, Clone)]
pub struct ReplyColumn(ColumnSpec);

impl From<&str> for ReplyColumn {
    fn from(name: &str) -> Self {
        Self::from((name, NativeType::Text))
    }
}

impl<T: Into<CqlType>> From<(&str, T)> for ReplyColumn {
    fn from((name, cql_type): (&str, T)) -> Self {
        Self(ColumnSpec::new(KEYSPACE, TABLE, name, cql_type))
    }
}

impl From<ColumnSpec> for ReplyColumn {
    fn from(column: ColumnSpec) -> Self {
        Self(column)
    }
}

impl From<ReplyColumn> for ColumnSpec {
    fn from(column: ReplyColumn) -> Self {
        column.0
    }
}

/// Converts columns, given as names, as names with types or as [`ColumnSpec`]s, to [`ColumnSpec`]s.
pub(super) fn column_specs(
    columns: impl IntoIterator<Item = impl Into<ReplyColumn>>,
) -> Vec<ColumnSpec> {
    columns.into_iter().map(|column| column.into().0).collect()
}

/// The encoded rows of a reply, which the server sends page by page.
#[derive(Debug)]
pub(super) struct Table {
    columns: Arc<[ColumnSpec]>,
    rows: Vec<Bytes>,
    /// The page that the rows form; `None` if the server splits the rows into pages.
    page: Option<StorePage>,
}

/// A page that the store has cut.
#[derive(Debug)]
struct StorePage {
    next: Option<Bytes>,
    /// True if clients must not keep the columns, because the statement is conditional.
    has_varying_columns: bool,
}

impl Table {
    /// Creates a table of `columns` and encodes `rows` for it.
    ///
    /// # Panics
    /// Panics if a row does not fit the columns.
    #[expect(clippy::panic, reason = "fails the test that builds the reply")]
    pub(super) fn new(
        columns: Vec<ColumnSpec>,
        rows: impl IntoIterator<Item = impl ToValues>,
    ) -> Self {
        match Self::encode(columns, rows) {
            Ok(table) => table,
            Err(error) => panic!("cannot encode a row of the reply: {error}"),
        }
    }

    /// Creates a table of `columns` and encodes `rows` for it.
    ///
    /// # Errors
    /// Returns an error if a row does not fit the columns.
    pub(super) fn encode(
        columns: Vec<ColumnSpec>,
        rows: impl IntoIterator<Item = impl ToValues>,
    ) -> Result<Self, BindError> {
        let mut buffer = ValuesBuffer::new();
        let mut encode_row = |row| {
            let values = buffer.bind(&row, &columns)?;
            Ok(values.iter().flat_map(encode_cell).collect())
        };
        let rows = rows.into_iter().map(&mut encode_row).collect::<Result<_, BindError>>()?;
        Ok(Self { columns: columns.into(), rows, page: None })
    }

    /// Makes the rows the page of a result. `next` is the paging state of the next page.
    pub(super) fn into_page(mut self, next: Option<Bytes>, has_varying_columns: bool) -> Self {
        self.page = Some(StorePage { next, has_varying_columns });
        self
    }

    /// Returns true if clients must not keep the columns.
    pub(super) fn has_varying_columns(&self) -> bool {
        self.page.as_ref().is_some_and(|page| page.has_varying_columns)
    }

    /// Returns the columns of the rows.
    pub(super) const fn columns(&self) -> &Arc<[ColumnSpec]> {
        &self.columns
    }

    /// Returns the page of up to `size` rows that starts at `paging_state`. Without a paging state,
    /// starts at the first row. Without a positive size, returns all remaining rows.
    pub(super) fn page(&self, paging_state: Option<&[u8]>, size: Option<i32>) -> Rows {
        if let Some(page) = &self.page {
            return self.slice(0, self.rows.len(), page.next.clone());
        }
        let first = paging_state.and_then(|state| <[u8; 8]>::try_from(state).ok());
        let first = first.map_or(0, u64::from_be_bytes);
        let first = usize::try_from(first).unwrap_or(usize::MAX).min(self.rows.len());
        let size = size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0);
        let end = size.map_or(self.rows.len(), |size| first.saturating_add(size));
        let end = end.min(self.rows.len());
        let next = (end < self.rows.len()).then(|| (end as u64).to_be_bytes());
        self.slice(first, end, next.map(|next| Bytes::copy_from_slice(&next)))
    }

    fn slice(&self, first: usize, end: usize, paging_state: Option<Bytes>) -> Rows {
        let metadata =
            RowsMetadata { paging_state, ..RowsMetadata::new(Arc::clone(&self.columns)) };
        let content = self.rows.get(first..end).unwrap_or_default().concat().into();
        Rows { metadata, count: end.saturating_sub(first), content }
    }
}

/// Encodes a value as a cell of a row. An unset value becomes null.
pub(super) fn encode_cell(value: NamedValue<'_>) -> Vec<u8> {
    let Some(bytes) = value.value.bytes() else { return (-1_i32).to_be_bytes().to_vec() };
    // No value is longer than `i32::MAX` bytes, because the protocol encodes its length as an `i32`.
    let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
    [&length.to_be_bytes(), bytes].concat()
}
