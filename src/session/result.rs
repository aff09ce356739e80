//! The result of a statement.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::effect::Writes;
use super::error::{Error, ErrorKind};
use super::statement::StatementKind;
use crate::cluster::Node;
use crate::message::{Response, ResponseFrame, ResultMessage, Rows, RowsMetadata, SchemaChange};
use crate::types::{ColumnSpec, FromRow, RowIter, Value};
use crate::wire::{BytesMap, Counted};

/// The result of a statement: a page of rows if the statement returns rows, and the other contents
/// of the response, such as warnings.
#[derive(Clone)]
pub struct QueryResult {
    /// Boxed, because a result is moved often on its way to the caller.
    frame: Box<ResponseFrame>,
    node: Arc<Node>,
    /// The statement, to be named in errors that occur when the result is read. `None` if these
    /// errors name no statement.
    statement: Option<StatementKind>,
    schema_agreed: bool,
}

impl QueryResult {
    /// Returns the result in a response of `node`. If the response does not describe its columns,
    /// `known_columns` are used.
    ///
    /// # Errors
    /// Returns an error if the response is not a RESULT.
    pub(super) fn new(
        mut frame: Box<ResponseFrame>,
        known_columns: Option<Arc<[ColumnSpec]>>,
        node: Arc<Node>,
    ) -> Result<Self, Error> {
        match &mut frame.response {
            Response::Result(ResultMessage::Rows(rows)) => {
                let RowsMetadata { columns, columns_count, paging_state, .. } = &mut rows.metadata;
                let fits = |known: &Arc<[ColumnSpec]>| known.len() == *columns_count;
                *columns = columns.take().or_else(|| known_columns.filter(fits));
                // Copied, so that a caller who keeps the paging state does not keep the whole page
                // in memory.
                *paging_state = paging_state.take().map(|state| Bytes::copy_from_slice(&state));
            }
            Response::Result(_) => {}
            response => {
                let text = format!("{} is not a response to a statement", response.opcode());
                return Err(Error::protocol(&text).after_execution().with_node(node.address()));
            }
        }
        Ok(Self { frame, node, statement: None, schema_agreed: true })
    }

    pub(super) fn with_statement(self, statement: StatementKind) -> Self {
        Self { statement: Some(statement), ..self }
    }

    pub(super) fn with_schema_agreed(self, schema_agreed: bool) -> Self {
        Self { schema_agreed, ..self }
    }

    const fn page(&self) -> Option<&Rows> {
        match &self.frame.response {
            Response::Result(ResultMessage::Rows(rows)) => Some(rows),
            _ => None,
        }
    }

    /// Returns true if the statement returns rows, as a SELECT does, even if the page is empty.
    pub const fn has_rows(&self) -> bool {
        self.page().is_some()
    }

    /// Returns the number of rows in this page; 0 if the statement returns no rows.
    pub fn row_count(&self) -> usize {
        self.page().map_or(0, |rows| rows.count)
    }

    /// Returns the length of the rows of this page in bytes, without the description of the columns; 0 if the
    /// statement returns no rows.
    pub(crate) fn byte_count(&self) -> usize {
        self.page().map_or(0, |rows| rows.content.len())
    }

    /// Returns the columns of the rows; an empty slice if the statement returns no rows.
    pub fn columns(&self) -> &[ColumnSpec] {
        self.page().and_then(|rows| rows.metadata.columns.as_deref()).unwrap_or_default()
    }

    /// Returns an iterator over the rows of this page, as `T`s.
    ///
    /// # Errors
    /// Returns an error if the columns do not fit `T` ([`ErrorKind::Read`]), or if the statement
    /// returns no rows, such as an INSERT without a condition ([`ErrorKind::ResultKind`]; see
    /// [`has_rows`](Self::has_rows)).
    pub fn rows<'r, T: FromRow<'r>>(&'r self) -> Result<RowIter<'r, T>, Error> {
        match self.page() {
            Some(rows) => rows.rows().map_err(|error| self.name_statement(error.into())),
            None => {
                let text = "the statement returns no rows";
                Err(self.name_statement(Error::new(ErrorKind::ResultKind, text)))
            }
        }
    }

    /// Returns the first row as a `T`, or `None` if the statement found no rows.
    ///
    /// # Errors
    /// Returns an error if [`rows`](Self::rows) does, if the row cannot be decoded
    /// ([`ErrorKind::Read`]), or if this page is empty but not the last one
    /// ([`ErrorKind::RowCount`]). Servers may return an empty page, for example when they filter;
    /// [`Session::stream`](super::Session::stream) reads the rows of all pages.
    pub fn first<'r, T: FromRow<'r>>(&'r self) -> Result<Option<T>, Error> {
        let first = self.rows()?.next().transpose();
        match first.map_err(|error| self.name_statement(error.into()))? {
            None if self.paging_state().is_some() => Err(self.row_count_error("")),
            first => Ok(first),
        }
    }

    /// Returns the only row as a `T`.
    ///
    /// # Errors
    /// Returns an error if [`rows`](Self::rows) does, if the row cannot be decoded
    /// ([`ErrorKind::Read`]), or if there is not exactly one row ([`ErrorKind::RowCount`]): the page
    /// has none or several, or more pages follow. [`first`](Self::first) ignores further rows.
    pub fn one<'r, T: FromRow<'r>>(&'r self) -> Result<T, Error> {
        let mut rows = self.rows()?;
        match rows.next() {
            Some(row) if self.row_count() == 1 && self.paging_state().is_none() => {
                row.map_err(|error| self.name_statement(error.into()))
            }
            _ => Err(self.row_count_error("exactly one row is required, but ")),
        }
    }

    /// Returns true if a conditional statement (`IF ...`) was applied.
    ///
    /// # Errors
    /// Returns an error if the statement was not conditional ([`ErrorKind::ResultKind`]).
    pub fn applied(&self) -> Result<bool, Error> {
        let not_conditional = || {
            let text = "the statement is not conditional: it has no IF";
            self.name_statement(Error::new(ErrorKind::ResultKind, text))
        };
        match self.columns().first() {
            Some(column) if &*column.name == "[applied]" => {}
            _ => return Err(not_conditional()),
        }
        let row = self.first::<Vec<Value>>()?;
        match row.and_then(|row| row.into_iter().next()) {
            Some(Value::Boolean(applied)) => Ok(applied),
            _ => Err(not_conditional()),
        }
    }

    /// Returns the state with which the next page is requested, or `None` if this is the last page:
    /// see [`Statement::paging_state`](super::Statement::paging_state).
    pub fn paging_state(&self) -> Option<&Bytes> {
        self.page().and_then(|rows| rows.metadata.paging_state.as_ref())
    }

    /// Returns the schema change that the statement made, or `None` if it did not change the
    /// schema.
    pub fn schema_change(&self) -> Option<&SchemaChange> {
        match &self.frame.response {
            Response::Result(ResultMessage::SchemaChange(change)) => Some(change),
            _ => None,
        }
    }

    /// Returns false if the statement made a [schema change](Self::schema_change) and the nodes did
    /// not reach [schema agreement](super::SessionBuilder::schema_agreement) in time. Statements
    /// that depend on the change may then fail on some nodes.
    pub const fn schema_agreed(&self) -> bool {
        self.schema_agreed
    }

    /// Returns the coordinator: the node that responded.
    pub const fn coordinator(&self) -> &Arc<Node> {
        &self.node
    }

    /// Returns the warnings of the server; empty if it sent none.
    pub fn warnings(&self) -> &[String] {
        &self.frame.warnings
    }

    /// Returns the id of the trace, for [`Session::trace`](super::Session::trace), or `None` if the
    /// statement was not [traced](super::Statement::tracing).
    pub const fn tracing_id(&self) -> Option<Uuid> {
        self.frame.tracing_id
    }

    /// Returns the custom payload that the server's query handler sent; empty if it sent none.
    pub fn custom_payload(&self) -> &BytesMap {
        &self.frame.custom_payload
    }

    /// Returns the error of a result with the wrong number of rows. Its text begins with
    /// `requirement`.
    #[cold]
    fn row_count_error(&self, requirement: &str) -> Error {
        let rows = match self.row_count() {
            0 => "no rows".to_owned(),
            count => Counted(count, "row").to_string(),
        };
        let text = match self.paging_state() {
            Some(_) => format!(
                "{requirement}this page has {rows} and more pages follow; read them with \
                 `Session::stream`"
            ),
            None => format!("{requirement}there are {rows}"),
        };
        self.name_statement(Error::new(ErrorKind::RowCount, text))
    }

    /// Adds the statement to an error that occurred when its result was read.
    #[cold]
    pub(crate) fn name_statement(&self, error: Error) -> Error {
        match &self.statement {
            Some(StatementKind::Unprepared(text)) => error.with_statement(text),
            Some(StatementKind::Prepared(prepared)) => error.with_statement(&prepared.text),
            // Only requests of the driver itself, which read, have no statement.
            None => error.with_writes(Writes::Nothing, false),
        }
    }
}

#[cfg(feature = "arrow-60")]
impl crate::arrow::AsRows for QueryResult {
    fn as_rows(&self) -> Option<&Rows> {
        self.page()
    }
}

/// Shows the number of rows and of warnings in place of their contents, and no paging state, which
/// contains values too.
impl fmt::Debug for QueryResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut output = f.debug_struct("QueryResult");
        if let Some(page) = self.page() {
            output.field("rows", &page.count);
            output.field("has_more_pages", &page.metadata.paging_state.is_some());
        }
        if let Some(change) = self.schema_change() {
            output.field("schema_change", change);
        }
        output.field("warnings", &self.warnings().len());
        output.field("coordinator", &self.node.address());
        output.finish_non_exhaustive()
    }
}
