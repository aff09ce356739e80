//! Reads the server's system tables over one connection.

use std::fmt;
use std::time::Duration;

use crate::connection::{Connection, RequestError};
use crate::message::{
    self, ErrorCode, Parameters, Query, RequestFrame, Response, ResponseFrame, ResultMessage,
    ServerError,
};
use crate::types::Record;
use crate::wire::{Consistency, Stream};

/// Why a system table could not be read.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The request failed without a valid response.
    Request(Box<RequestError>),
    /// The server returned an error that may be temporary.
    Server(Box<ServerError>),
    /// The server has no such table, or the user may not read it.
    Missing,
    /// The read took too long, or the server returned too many pages.
    Timeout,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => error.fmt(f),
            Self::Server(error) => error.fmt(f),
            Self::Missing => f.write_str("the server has no such system table"),
            Self::Timeout => f.write_str("reading the system tables timed out"),
        }
    }
}

/// Page size, in rows.
const PAGE_SIZE: i32 = 1_000;
/// Maximum number of pages of one read, because a faulty server could return pages without end.
const MAX_PAGES: usize = 1_000;

/// Returns the rows of all pages of a statement. Rows that cannot be decoded are left out.
///
/// # Errors
/// Returns an error if a page cannot be read within `page_timeout`, or if there are too many pages.
pub(super) async fn rows(
    connection: &Connection,
    page_timeout: Duration,
    statement: &str,
) -> Result<Vec<Record>, ReadError> {
    let mut records = Vec::new();
    let mut paging_state = None;
    for _ in 0..MAX_PAGES {
        let page = page(connection, page_timeout, statement, paging_state.as_deref()).await?;
        records.extend(page.rows::<Record>().into_iter().flatten().flatten());
        paging_state = page.metadata.paging_state;
        if paging_state.is_none() {
            return Ok(records);
        }
    }
    Err(ReadError::Timeout)
}

/// Turns [`ReadError::Missing`] into `None`.
pub(super) fn none_if_missing<T>(read: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
    match read {
        Ok(rows) => Ok(Some(rows)),
        Err(ReadError::Missing) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn page(
    connection: &Connection,
    timeout: Duration,
    statement: &str,
    paging_state: Option<&[u8]>,
) -> Result<message::Rows, ReadError> {
    let parameters = Parameters {
        page_size: Some(PAGE_SIZE),
        paging_state: paging_state.map(Into::into),
        ..Consistency::One.into()
    };
    let frame = RequestFrame::new(Stream::default(), Query { text: statement.into(), parameters });
    match connection.request(&frame, Some(timeout)).await {
        Ok(ResponseFrame { response: Response::Result(ResultMessage::Rows(rows)), .. }) => Ok(rows),
        Ok(ResponseFrame { response: Response::Error(error), .. }) if !is_missing(error.code) => {
            Err(ReadError::Server(Box::new(error)))
        }
        Ok(_) => Err(ReadError::Missing),
        Err(error) => Err(ReadError::Request(Box::new(error))),
    }
}

/// Returns true if the error means that the table is missing or forbidden, so the server would
/// return it again.
const fn is_missing(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Invalid | ErrorCode::Syntax | ErrorCode::Unauthorized | ErrorCode::Config
    )
}
