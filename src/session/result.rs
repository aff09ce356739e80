//! What a statement gave.

use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::{Error, ErrorKind};
use crate::cluster::Node;
use crate::message::{self, Response, ResponseFrame, Rows, RowsMetadata, SchemaChange};
use crate::types::{ColumnSpec, FromRow, RowIter};
use crate::wire::BytesMap;

/// The answer to a statement: rows, if it gives any, and what the server says beside them.
#[derive(Debug, Clone)]
pub struct QueryResult {
    /// As it was decoded: an answer is moved often on its way, and most of it is looked at once.
    frame: Box<ResponseFrame>,
    node: Arc<Node>,
    schema_agreed: bool,
}

impl QueryResult {
    /// What `node` has answered; `known` is what rows are that are not described.
    pub(super) fn new(
        mut frame: Box<ResponseFrame>,
        known: Option<Arc<[ColumnSpec]>>,
        node: Arc<Node>,
    ) -> Result<Self, Error> {
        match &mut frame.response {
            Response::Result(message::ResultMessage::Rows(rows)) => {
                let RowsMetadata { columns, columns_count, paging_state, .. } = &mut rows.metadata;
                let fits = |known: &Arc<[ColumnSpec]>| known.len() == *columns_count;
                *columns = columns.take().or_else(|| known.filter(fits));
                // It may be kept, without the memory of the page.
                *paging_state = paging_state.take().map(|state| Bytes::copy_from_slice(&state));
            }
            Response::Result(_) => {}
            response => {
                let text = format!("{} is no answer to a statement", response.opcode());
                return Err(Error::new(ErrorKind::Read, text));
            }
        }
        Ok(Self { frame, node, schema_agreed: true })
    }

    pub(super) fn with_schema_agreed(self, schema_agreed: bool) -> Self {
        Self { schema_agreed, ..self }
    }

    const fn page(&self) -> Option<&Rows> {
        match &self.frame.response {
            Response::Result(message::ResultMessage::Rows(rows)) => Some(rows),
            _ => None,
        }
    }

    /// Whether the statement gave rows, if only none of them: whether it was a SELECT.
    pub const fn has_rows(&self) -> bool {
        self.page().is_some()
    }

    /// How many rows this page has.
    pub fn row_count(&self) -> usize {
        self.page().map_or(0, |rows| rows.count)
    }

    /// The columns of the rows.
    pub fn columns(&self) -> &[ColumnSpec] {
        self.page().and_then(|rows| rows.metadata.columns.as_deref()).unwrap_or_default()
    }

    /// The rows of this page as `T`s.
    ///
    /// # Errors
    /// Columns that do not fit `T`: which, why, and what would. A statement that has no rows, such
    /// as an INSERT without a condition: see [`has_rows`](Self::has_rows).
    pub fn rows<'r, T: FromRow<'r>>(&'r self) -> Result<RowIter<'r, T>, Error> {
        match self.page() {
            Some(rows) => Ok(rows.rows()?),
            None => Err(Error::new(ErrorKind::Read, "the statement gave no rows")),
        }
    }

    /// The first row as a `T`, if there is a row.
    ///
    /// # Errors
    /// As [`rows`](Self::rows); a row that cannot be read.
    pub fn first<'r, T: FromRow<'r>>(&'r self) -> Result<Option<T>, Error> {
        Ok(self.rows()?.next().transpose()?)
    }

    /// The first row as a `T`.
    ///
    /// # Errors
    /// As [`first`](Self::first); no row.
    pub fn one<'r, T: FromRow<'r>>(&'r self) -> Result<T, Error> {
        self.first()?.ok_or_else(|| Error::new(ErrorKind::Read, "there is no row"))
    }

    /// Whether a conditional statement (`IF ...`) was applied.
    ///
    /// # Errors
    /// The statement was not a conditional one.
    pub fn applied(&self) -> Result<bool, Error> {
        let not_conditional = || Error::new(ErrorKind::Read, "the statement has no condition");
        match self.columns().first() {
            Some(column) if &*column.name == "[applied]" => {}
            _ => return Err(not_conditional()),
        }
        let mut rows = self.rows::<Vec<crate::types::Value>>()?;
        match rows.next().transpose()?.and_then(|row| row.into_iter().next()) {
            Some(crate::types::Value::Boolean(applied)) => Ok(applied),
            _ => Err(not_conditional()),
        }
    }

    /// Where the next page begins; `None` on the last one.
    pub fn paging_state(&self) -> Option<&Bytes> {
        self.page().and_then(|rows| rows.metadata.paging_state.as_ref())
    }

    /// How the statement changed the schema, if it did.
    pub fn schema_change(&self) -> Option<&SchemaChange> {
        match &self.frame.response {
            Response::Result(message::ResultMessage::SchemaChange(change)) => Some(change),
            _ => None,
        }
    }

    /// Whether all nodes that are connected have come to agree on the schema, if the statement
    /// [changed](Self::schema_change) it. What needs the change may fail at a node that has not
    /// heard of it.
    pub const fn schema_agreed(&self) -> bool {
        self.schema_agreed
    }

    /// The node that has answered.
    pub const fn coordinator(&self) -> &Arc<Node> {
        &self.node
    }

    /// What the server warns of.
    pub fn warnings(&self) -> &[String] {
        &self.frame.warnings
    }

    /// The id of the trace, if one was asked for.
    pub const fn tracing_id(&self) -> Option<Uuid> {
        self.frame.tracing_id
    }

    /// What the server's own query handler says.
    pub fn custom_payload(&self) -> &BytesMap {
        &self.frame.custom_payload
    }
}
