//! Reads the system tables over one connection, page by page.

use std::time::Duration;

use bytes::Bytes;
use tracing::debug;

use super::system_tables::{MAX_BODY, MemoryBudget, ReadError, SystemRow, is_permanent};
use crate::connection::{Connection, RequestErrorKind};
use crate::message::{
    Parameters, Query, RequestFrame, Response, ResponseFrame, ResultMessage, Rows,
};
use crate::wire::{Consistency, Stream};

/// Page size, in rows.
const PAGE_SIZE: i32 = 1_000;
/// Maximum number of pages of one read, because a faulty server could return pages without end.
const MAX_PAGES: usize = 1_000;
/// Number of pages of one read that may have few rows.
const SHORT_PAGES: usize = 40;
/// Number of rows that all further pages have on average, at least.
const MIN_ROWS: usize = 10;

/// Number of times that one read starts over because the server refused a page after the first.
const MAX_RESTARTS: usize = 3;

/// The pages of a statement.
pub(super) struct Pages<'a> {
    connection: &'a Connection,
    /// The timeout of each page.
    timeout: Duration,
    statement: &'a str,
    paging_state: Option<Bytes>,
    /// Number of pages that have been read.
    pages: usize,
    /// Number of rows of these pages.
    rows: usize,
    /// Number of times that the read has started over.
    restarts: usize,
}

impl<'a> Pages<'a> {
    pub(super) const fn new(
        connection: &'a Connection,
        timeout: Duration,
        statement: &'a str,
    ) -> Self {
        let (paging_state, pages, rows, restarts) = (None, 0, 0, 0);
        Self { connection, timeout, statement, paging_state, pages, rows, restarts }
    }

    /// Reads the next page. Returns `None` after the last one. The caller reports the rows of each page to
    /// [`add_rows`](Self::add_rows).
    ///
    /// # Errors
    /// Returns [`ReadError::Interrupted`] if the server refuses a page after the first, and an error if
    /// the page cannot be read in time or is longer than [`MAX_BODY`], or if there are too many pages.
    pub(super) async fn next(&mut self) -> Result<Option<Rows>, ReadError> {
        let is_first = self.pages == 0;
        if !is_first && self.paging_state.is_none() {
            return Ok(None);
        }
        let expected = self.pages.saturating_sub(SHORT_PAGES).saturating_mul(MIN_ROWS);
        if self.pages == MAX_PAGES || self.rows < expected {
            return Err(ReadError::Timeout);
        }
        let state = self.paging_state.as_deref();
        let mut page = match page(self.connection, self.timeout, self.statement, state).await {
            // The server has returned the first page, so it has the table.
            Err(ReadError::Missing) if !is_first => return Err(ReadError::Interrupted),
            page => page?,
        };
        self.pages += 1;
        self.paging_state = page.metadata.paging_state.take();
        Ok(Some(page))
    }

    /// Records that the last page had so many rows.
    pub(super) const fn add_rows(&mut self, count: usize) {
        self.rows += count;
    }

    /// Returns true if `read`, a read of the pages, was interrupted and is to start over. The next page is
    /// then the first one. A read starts over up to [`MAX_RESTARTS`] times.
    pub(super) fn start_over<T>(&mut self, read: &Result<T, ReadError>) -> bool {
        if !matches!(read, Err(ReadError::Interrupted)) || self.restarts == MAX_RESTARTS {
            return false;
        }
        let Self { connection, timeout, statement, restarts, .. } = *self;
        *self = Self { restarts: restarts + 1, ..Self::new(connection, timeout, statement) };
        debug!(node = %connection.address(), statement, "read of a system table started over");
        true
    }
}

/// Returns the rows of all pages of a statement. Rows that cannot be decoded are left out. If the server
/// refuses a page after the first, starts over with the first page, up to [`MAX_RESTARTS`] times.
///
/// # Errors
/// Returns an error if a page cannot be read within `page_timeout` or is longer than [`MAX_BODY`], if
/// there are too many pages, or if the rows take more memory than `budget` has left.
pub(super) async fn rows<R: SystemRow>(
    connection: &Connection,
    page_timeout: Duration,
    budget: &MemoryBudget,
    statement: &str,
) -> Result<Vec<R>, ReadError> {
    let mut pages = Pages::new(connection, page_timeout, statement);
    loop {
        let read = all_rows(&mut pages, budget).await;
        if !pages.start_over(&read) {
            return read;
        }
    }
}

async fn all_rows<R: SystemRow>(
    pages: &mut Pages<'_>,
    budget: &MemoryBudget,
) -> Result<Vec<R>, ReadError> {
    let (mut rows, mut memory) = (Vec::new(), 0_usize);
    loop {
        let page = match pages.next().await {
            Ok(Some(page)) => page,
            Ok(None) => return Ok(rows),
            Err(error) => {
                if matches!(error, ReadError::Interrupted) {
                    budget.give_back(memory);
                }
                return Err(error);
            }
        };
        let before = rows.len();
        // Rows without columns would take memory, but no bytes of the response.
        let has_columns = page.metadata.columns_count > 0;
        let decoded = has_columns.then(|| page.rows::<R>()).into_iter().flatten();
        let mut of_page = if R::KEEPS_PAGE { page.content.len() } else { 0 };
        for row in decoded.flatten().flatten() {
            let bytes = row.memory().saturating_add(std::mem::take(&mut of_page));
            memory = memory.saturating_add(bytes);
            budget.take(bytes)?;
            rows.push(row);
        }
        pages.add_rows(rows.len() - before);
    }
}

/// Reads a page of a statement.
///
/// # Errors
/// Returns [`ReadError::Missing`] if the server would refuse the statement again, and an error if it
/// does not answer in time.
async fn page(
    connection: &Connection,
    timeout: Duration,
    statement: &str,
    paging_state: Option<&[u8]>,
) -> Result<Rows, ReadError> {
    let parameters = Parameters {
        page_size: Some(PAGE_SIZE),
        paging_state: paging_state.map(Into::into),
        ..Consistency::One.into()
    };
    let frame = RequestFrame::new(Stream::default(), Query { text: statement.into(), parameters });
    match connection.request_limited(&frame, timeout, MAX_BODY).await {
        Ok(ResponseFrame { response: Response::Result(ResultMessage::Rows(rows)), .. }) => Ok(rows),
        Ok(ResponseFrame { response: Response::Error(error), .. }) if !is_permanent(error.code) => {
            Err(ReadError::Server(Box::new(error)))
        }
        Ok(_) => Err(ReadError::Missing),
        Err(error) if error.kind == RequestErrorKind::TimedOut => Err(ReadError::Timeout),
        Err(error) => Err(ReadError::Request(error)),
    }
}
