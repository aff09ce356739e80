//! The rows of a scan: the splits that are read at the same time.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::cluster::{Token, TokenRange};
use crate::message::ErrorCode;
use crate::session::{Error, ErrorKind, PreparedStatement, QueryResult, RowStream, Session};
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
/// Pages that arrive are kept until they are read: at most two for each split that is being read.
pub struct ScanRows<T> {
    state: State,
    rows: VecDeque<Result<T, Error>>,
    progress: ScanProgress,
}

/// How far a scan has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ScanProgress {
    /// Number of splits. 0 before the first row or page has been awaited.
    pub splits: usize,
    /// Number of splits whose rows have all been returned or are in the current page.
    pub completed: usize,
    /// Number of rows in the pages that have arrived.
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
    /// The ranges that wait to be read; `None` is the whole table, read without tokens.
    waiting: VecDeque<Option<TokenRange>>,
    /// Splits whose request has failed, which are read after the others.
    failed: VecDeque<Split>,
    running: FuturesUnordered<BoxFuture<'static, (Split, Page)>>,
    /// Maximum number of splits that are read at the same time.
    limit: usize,
}

/// The next page of a split, or `None` after its last one.
type Page = Result<Option<QueryResult>, Error>;

/// A split that is being read.
struct Split {
    /// Start and end of the range; empty for the whole table.
    values: Vec<Token>,
    pages: RowStream<'static, ()>,
    /// Number of requests in a row that have failed.
    failures: u32,
}

/// Number of requests for a page of a split after which the scan fails. Each of them has been retried on other
/// nodes, as the retry policy allows; the failed split is read again when it is its turn.
const MAX_FAILURES: u32 = 4;

impl<T> ScanRows<T> {
    pub(super) fn new(start: BoxFuture<'static, Result<Splits, Error>>) -> Self {
        Self {
            state: State::Start(start),
            rows: VecDeque::new(),
            progress: ScanProgress::default(),
        }
    }

    /// Returns how far the scan has come.
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
    /// that fails because of its node or of too much load is sent again later, up to three times. The scan
    /// ends after an error: the next call returns `None`.
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
            self.progress.splits = splits.waiting.len();
            self.state = State::Running(splits);
        }
        let State::Running(splits) = &mut self.state else { return Poll::Ready(Ok(None)) };
        loop {
            splits.start_waiting();
            let Some((split, page)) = ready!(splits.running.poll_next_unpin(context)) else {
                return Poll::Ready(Ok(None));
            };
            match page {
                Ok(Some(page)) => {
                    splits.run(Split { failures: 0, ..split });
                    self.progress.rows += page.row_count() as u64;
                    if page.row_count() > 0 {
                        return Poll::Ready(Ok(Some(page)));
                    }
                }
                Ok(None) => self.progress.completed += 1,
                Err(error) => splits.fail(split, error)?,
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

impl Splits {
    pub(super) fn new(
        session: Session,
        statement: PreparedStatement,
        waiting: VecDeque<Option<TokenRange>>,
        limit: usize,
    ) -> Self {
        let (failed, running) = (VecDeque::new(), FuturesUnordered::new());
        Self { session, statement, waiting, failed, running, limit }
    }

    /// Starts splits up to the limit. Those that have failed come last.
    fn start_waiting(&mut self) {
        while self.running.len() < self.limit {
            let split = match self.waiting.pop_front() {
                Some(range) => {
                    let values = range.map(|range| vec![range.start(), range.end()]);
                    let values = values.unwrap_or_default();
                    let pages = self.session.stream(&self.statement, values.clone());
                    Split { values, pages, failures: 0 }
                }
                None => match self.failed.pop_front() {
                    Some(split) => split,
                    None => return,
                },
            };
            self.run(split);
        }
    }

    /// Reads the next page of a split.
    fn run(&self, mut split: Split) {
        self.running.push(Box::pin(async move {
            let page = split.pages.next_page().await;
            (split, page)
        }));
    }

    /// Reads a split again from the page whose request has failed, after the other splits.
    ///
    /// # Errors
    /// Returns `error` if it would be the same again, or if the request has failed too often.
    fn fail(&mut self, split: Split, error: Error) -> Result<(), Error> {
        let Split { values, pages, failures } = split;
        let failures = failures + 1;
        if failures == MAX_FAILURES || !may_pass(&error) {
            return Err(error);
        }
        let statement = self.statement.clone().paging_state(pages.paging_state().cloned());
        let pages = self.session.stream(statement, values.clone());
        self.failed.push_back(Split { values, pages, failures });
        Ok(())
    }
}

/// Returns true if the same request may succeed later.
fn may_pass(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Timeout | ErrorKind::Connection | ErrorKind::Unreachable => true,
        ErrorKind::Server(code) => matches!(
            code,
            ErrorCode::Unavailable
                | ErrorCode::Overloaded
                | ErrorCode::ReadTimeout
                | ErrorCode::ReadFailure
        ),
        _ => false,
    }
}
