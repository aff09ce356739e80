//! What a statement gave.

use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::{Error, ErrorKind};
use crate::cluster::Node;
use crate::message::{self, Response, ResponseFrame, Rows, SchemaChange};
use crate::types::{ColumnSpec, FromRow, RowIter};
use crate::wire::BytesMap;

/// The answer to a statement: rows, if it gives any, and what the server says beside them.
#[derive(Debug, Clone)]
pub struct QueryResult {
    rows: Option<Rows>,
    node: Arc<Node>,
    beside: Option<Box<Beside>>,
}

/// What few answers have.
#[derive(Debug, Clone)]
struct Beside {
    schema_change: Option<SchemaChange>,
    schema_agreed: bool,
    warnings: Vec<String>,
    tracing_id: Option<Uuid>,
    custom_payload: BytesMap,
}

const NO_PAYLOAD: &BytesMap = &BytesMap::new();

impl QueryResult {
    /// What `node` has answered; `known` is what rows are that are not described.
    pub(super) fn new(
        frame: Box<ResponseFrame>,
        known: Option<Arc<[ColumnSpec]>>,
        node: Arc<Node>,
    ) -> Result<Self, Error> {
        let ResponseFrame { response, warnings, tracing_id, custom_payload, .. } = *frame;
        let Response::Result(result) = response else {
            let text = format!("{} is no answer to a statement", response.opcode());
            return Err(Error::new(ErrorKind::Read, text));
        };
        let (rows, schema_change) = match result {
            message::QueryResult::Rows(mut rows) => {
                let count = rows.metadata.columns_count;
                let known = known.filter(|columns| columns.len() == count);
                rows.metadata.columns = rows.metadata.columns.or(known);
                (Some(rows), None)
            }
            message::QueryResult::SchemaChange(change) => (None, Some(change)),
            _ => (None, None),
        };
        let has_more = schema_change.is_some()
            || !warnings.is_empty()
            || tracing_id.is_some()
            || !custom_payload.is_empty();
        let schema_agreed = true;
        let beside =
            || Beside { schema_change, schema_agreed, warnings, tracing_id, custom_payload };
        Ok(Self { rows, node, beside: has_more.then(|| Box::new(beside())) })
    }

    pub(super) fn with_schema_agreed(mut self, schema_agreed: bool) -> Self {
        if let Some(beside) = &mut self.beside {
            beside.schema_agreed = schema_agreed;
        }
        self
    }

    /// Whether the statement gave rows, if only none of them: whether it was a SELECT.
    pub const fn has_rows(&self) -> bool {
        self.rows.is_some()
    }

    /// How many rows this page has.
    pub fn row_count(&self) -> usize {
        self.rows.as_ref().map_or(0, |rows| rows.count)
    }

    /// The columns of the rows.
    pub fn columns(&self) -> &[ColumnSpec] {
        self.rows.as_ref().and_then(|rows| rows.metadata.columns.as_deref()).unwrap_or_default()
    }

    /// The rows of this page as `T`s. A statement that gives no rows gives none here.
    ///
    /// # Errors
    /// Columns that do not fit `T`: which, why, and what would.
    pub fn rows<'r, T: FromRow<'r>>(&'r self) -> Result<RowIter<'r, T>, Error> {
        match &self.rows {
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
        self.rows.as_ref().and_then(|rows| rows.metadata.paging_state.as_ref())
    }

    /// How the statement changed the schema, if it did.
    pub fn schema_change(&self) -> Option<&SchemaChange> {
        self.beside.as_ref()?.schema_change.as_ref()
    }

    /// Whether all nodes that are connected have come to agree on the schema, if the statement
    /// [changed](Self::schema_change) it. What needs the change may fail at a node that has not
    /// heard of it.
    pub fn schema_agreed(&self) -> bool {
        self.beside.as_ref().is_none_or(|beside| beside.schema_agreed)
    }

    /// The node that has answered.
    pub const fn coordinator(&self) -> &Arc<Node> {
        &self.node
    }

    /// What the server warns of.
    pub fn warnings(&self) -> &[String] {
        self.beside.as_ref().map_or(&[], |beside| &beside.warnings)
    }

    /// The id of the trace, if one was asked for.
    pub fn tracing_id(&self) -> Option<Uuid> {
        self.beside.as_ref()?.tracing_id
    }

    /// What the server's own query handler says.
    pub fn custom_payload(&self) -> &BytesMap {
        self.beside.as_ref().map_or(NO_PAYLOAD, |beside| &beside.custom_payload)
    }
}
