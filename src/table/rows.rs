//! The rows of a scan: the splits that are read at the same time.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::transient::{self, MAX_FAILURES};
use crate::cluster::TokenRange;
use crate::session::{Error, PreparedStatement, QueryResult, RowStream, Session};
use crate::types::{FromRow, RowError};

/// The rows of a [`Scan`](super::Scan), in no particular order.
///
/// There are two ways to read the rows, as with [`RowStream`]:
/// - [`try_next`](Self::try_next) returns one row after another, for rows that own their values.
/// - [`next_page`](Self::next_page) returns one page after another, for rows that borrow from their
///   page.
///
/// With the feature `futures-03`, it is also a `futures::Stream` of rows that own their values. Dropping it
/// cancels the requests for the next pages.
///
/// Pages that arrive are kept until they are returned, one for each split that is being read. Memory therefore has as
/// many pages as [`Scan::in_flight_per_node`](super::Scan::in_flight_per_node) allows, and the current one.
#[must_use = "a scan sends no request before its first row or page is awaited"]
pub struct ScanRows<T> {
    state: State,
    rows: VecDeque<Result<T, Error>>,
    progress: ScanProgress,
}

/// The progress of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ScanProgress {
    /// Number of splits. 0 before the first row or page has been awaited.
    pub splits: usize,
    /// Number of splits whose last page has been returned.
    pub completed: usize,
    /// Number of rows of the pages that have been returned. `try_next` may not have returned all of them yet.
    pub rows: u64,
}

enum State {
    /// The splits are not known yet. The future starts when it is first polled.
    Start(BoxFuture<'static, Result<Splits, Error>>),
    Running(Splits),
    End,
}

/// The splits of a scan that have not been read yet.
pub(super) struct Splits {
    session: Session,
    statement: PreparedStatement,
    queues: Vec<Queue>,
    running: FuturesUnordered<BoxFuture<'static, (Split, Page)>>,
}

/// The splits of which one node is the first replica.
pub(super) struct Queue {
    /// The splits that wait to be read. `None` is the whole table, which is read without tokens.
    waiting: VecDeque<Option<TokenRange>>,
    /// Number of splits that are being read, and their maximum.
    running: usize,
    limit: usize,
}

/// The next page of a split, or `None` after its last one.
type Page = Result<Option<QueryResult>, Error>;

/// A split that is being read.
struct Split {
    /// Index of the split's queue.
    queue: usize,
    range: Option<TokenRange>,
    pages: RowStream<'static, ()>,
    /// Number of consecutive requests that have failed.
    failures: u32,
}

impl<T> ScanRows<T> {
    pub(super) fn new(start: BoxFuture<'static, Result<Splits, Error>>) -> Self {
        Self {
            state: State::Start(start),
            rows: VecDeque::new(),
            progress: ScanProgress::default(),
        }
    }

    /// Returns the progress of the scan.
    pub const fn progress(&self) -> ScanProgress {
        self.progress
    }

    /// Returns the next page, or `None` after the last one. Rows that borrow from the page are read
    /// with its [`rows`](QueryResult::rows).
    ///
    /// Rows that [`try_next`](Self::try_next) has decoded but not yet returned are not part of this
    /// page: the next calls of `try_next` return them. The future is cancel safe.
    ///
    /// ```no_run
    /// # async fn example(session: cqlwire::Session) -> Result<(), cqlwire::Error> {
    /// let mut pages = session.scan("k8s_test.users").columns(["username"]).rows::<(&str,)>();
    /// while let Some(page) = pages.next_page().await? {
    ///     for row in page.rows::<(&str,)>()? {
    ///         println!("{}", row?.0);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns an error if the name of the table is invalid, and the errors of [`Session::execute`]. A request
    /// that fails because of its node or of too much load is sent again up to four times, in the course of 8.5
    /// seconds. The scan ends after an error: the next call returns `None`.
    pub async fn next_page(&mut self) -> Result<Option<QueryResult>, Error> {
        poll_fn(|context| self.poll_page(context)).await
    }

    fn poll_page(&mut self, context: &mut Context<'_>) -> Poll<Page> {
        let page = ready!(self.poll_running(context));
        if !matches!(page, Ok(Some(_))) {
            self.state = State::End;
        }
        Poll::Ready(page)
    }

    fn poll_running(&mut self, context: &mut Context<'_>) -> Poll<Page> {
        if let State::Start(start) = &mut self.state {
            let splits = ready!(start.as_mut().poll(context))?;
            self.progress.splits = splits.queues.iter().map(|queue| queue.waiting.len()).sum();
            self.state = State::Running(splits);
        }
        let State::Running(splits) = &mut self.state else { return Poll::Ready(Ok(None)) };
        loop {
            splits.start_waiting();
            let Some((split, page)) = ready!(splits.running.poll_next_unpin(context)) else {
                return Poll::Ready(Ok(None));
            };
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    splits.retry(&split, error)?;
                    continue;
                }
            };
            match page.as_ref().and_then(QueryResult::paging_state) {
                Some(_) => splits.fetch_next_page(Split { failures: 0, ..split }, None),
                None => {
                    splits.end(&split);
                    self.progress.completed += 1;
                }
            }
            if let Some(page) = page.filter(|page| page.row_count() > 0) {
                self.progress.rows += page.row_count() as u64;
                return Poll::Ready(Ok(Some(page)));
            }
        }
    }
}

// If the rows borrow from their page, the compiler's error shows the name of this type parameter.
impl<OwnedRow: for<'r> FromRow<'r>> ScanRows<OwnedRow> {
    /// Returns the next row, or `None` after the last one.
    ///
    /// The method exists only for rows that own their values, such as `(String, i32)`. Rows that
    /// borrow from their page, such as `(&str, i32)`, are read with
    /// [`next_page`](Self::next_page). The future is cancel safe.
    ///
    /// # Errors
    /// Returns the errors of [`next_page`](Self::next_page), and an error if the columns do not match the row
    /// type or a row cannot be decoded. The scan ends after an error: the next call returns `None`.
    pub async fn try_next(&mut self) -> Result<Option<OwnedRow>, Error> {
        poll_fn(|context| self.poll_row(context)).await
    }

    fn poll_row(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<OwnedRow>, Error>> {
        loop {
            if let Some(row) = self.rows.pop_front() {
                return Poll::Ready(row.map(Some).inspect_err(|_| self.end()));
            }
            let Some(page) = ready!(self.poll_page(context))? else { return Poll::Ready(Ok(None)) };
            let rows = page.rows::<OwnedRow>().inspect_err(|_| self.end())?;
            let name_statement = |error: RowError| page.name_statement(error.into());
            self.rows = rows.map(|row| row.map_err(name_statement)).collect();
        }
    }

    fn end(&mut self) {
        self.rows.clear();
        self.state = State::End;
    }
}

#[cfg(feature = "futures-03")]
impl<T: for<'r> FromRow<'r>> futures_core::Stream for ScanRows<T> {
    type Item = Result<T, Error>;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_row(context).map(Result::transpose)
    }
}

/// No field is structurally pinned.
impl<T> Unpin for ScanRows<T> {}

impl<T> fmt::Debug for ScanRows<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanRows").field("progress", &self.progress).finish_non_exhaustive()
    }
}

impl Queue {
    pub(super) fn new(splits: VecDeque<TokenRange>, limit: usize) -> Self {
        Self { waiting: splits.into_iter().map(Some).collect(), running: 0, limit }
    }

    /// Returns a queue whose only split is the whole table, read without tokens.
    pub(super) fn whole_table() -> Self {
        Self { waiting: [None].into(), running: 0, limit: 1 }
    }
}

impl Splits {
    pub(super) fn new(session: Session, statement: PreparedStatement, queues: Vec<Queue>) -> Self {
        Self { session, statement, queues, running: FuturesUnordered::new() }
    }

    /// Starts splits up to the limits of their queues.
    fn start_waiting(&mut self) {
        for index in 0..self.queues.len() {
            while let Some(queue) = self.queues.get_mut(index)
                && queue.running < queue.limit
                && let Some(range) = queue.waiting.pop_front()
            {
                queue.running += 1;
                let pages = self.pages(range, None);
                self.fetch_next_page(Split { queue: index, range, pages, failures: 0 }, None);
            }
        }
    }

    /// Returns the pages of a range from a paging state on, or all of them.
    fn pages(&self, range: Option<TokenRange>, state: Option<Bytes>) -> RowStream<'static, ()> {
        let values = range.map_or_else(Vec::new, |range| vec![range.start(), range.end()]);
        self.session.stream(self.statement.clone().paging_state(state), values)
    }

    /// Reads the next page of a split, after a delay if there is one.
    fn fetch_next_page(&self, mut split: Split, delay: Option<Duration>) {
        let session = self.session.clone();
        self.running.push(Box::pin(async move {
            if let Some(delay) = delay {
                session.wait(delay).await;
            }
            let page = split.pages.next_page().await;
            (split, page)
        }));
    }

    fn end(&mut self, split: &Split) {
        if let Some(queue) = self.queues.get_mut(split.queue) {
            queue.running -= 1;
        }
    }

    /// Reads the page of a split again whose request has failed.
    ///
    /// # Errors
    /// Returns `error` if a retry cannot succeed, or if the request has failed too often.
    fn retry(&self, split: &Split, error: Error) -> Result<(), Error> {
        let failures = split.failures + 1;
        if failures == MAX_FAILURES || !transient::is_transient_read(&error) {
            return Err(error);
        }
        let delay = transient::delay(failures);
        let pages = self.pages(split.range, split.pages.paging_state().cloned());
        let Split { queue, range, .. } = *split;
        self.fetch_next_page(Split { queue, range, pages, failures }, Some(delay));
        Ok(())
    }
}
