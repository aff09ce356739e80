//! The pages and rows of a scan.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::ops::Deref;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::plan::{PlannedSplit, ScanPlan};
use super::progress::ScanProgress;
use super::reader::{ReadPage, Reader};
use crate::cluster::TokenRange;
use crate::session::{Error, QueryResult};
use crate::types::{ColumnSpec, FromRow, RowError};

/// The rows of a [`Scan`](super::Scan), in no particular order.
///
/// There are three ways to read the rows:
/// - [`try_next`](Self::try_next) returns one row after another, for rows that own their values.
/// - [`next_page`](Self::next_page) returns one page after another, for rows that borrow from their
///   page.
/// - [`for_each_page`](Self::for_each_page) runs a future for each page, several at the same time.
///
/// With the feature `futures-03`, it is also a `futures::Stream` of rows that own their values. Dropping it
/// cancels the requests for the next pages.
///
/// Pages that arrive are kept until they are returned, within the bound of [`Scan::memory`](super::Scan::memory).
#[must_use = "a scan sends no request before its first row or page is awaited"]
pub struct ScanRows<T> {
    state: State,
    rows: VecDeque<Result<T, Error>>,
    /// The page to which `rows` belong.
    current: Option<ReadPage>,
    /// Later pages of its split, which have been returned. They count as read only after it.
    later: Vec<ReadPage>,
    /// The tokens of the split whose page was returned last.
    range: Option<TokenRange>,
}

enum State {
    /// The splits are not known yet. The future starts when it is first polled.
    Start(BoxFuture<'static, Result<Reader, Error>>),
    Running(Box<Reader>),
    /// The scan has failed. `None` if it has failed to start.
    End(Option<Box<Ended>>),
}

/// The final state of a scan.
struct Ended {
    plan: ScanPlan,
    progress: ScanProgress,
    columns: Vec<ColumnSpec>,
}

impl<T> ScanRows<T> {
    pub(super) fn new(start: BoxFuture<'static, Result<Reader, Error>>) -> Self {
        Self {
            state: State::Start(start),
            rows: VecDeque::new(),
            current: None,
            later: Vec::new(),
            range: None,
        }
    }

    /// Returns the progress of the scan.
    pub fn progress(&self) -> ScanProgress {
        match &self.state {
            State::Running(reader) => reader.progress(),
            State::End(Some(end)) => end.progress,
            State::Start(_) | State::End(None) => ScanProgress::default(),
        }
    }

    /// Returns the columns of the rows; an empty slice before the first page has been awaited, and if the scan has failed
    /// to start.
    pub fn columns(&self) -> &[ColumnSpec] {
        match &self.state {
            State::Running(reader) => reader.columns(),
            State::End(Some(end)) => &end.columns,
            State::Start(_) | State::End(None) => &[],
        }
    }

    /// Returns the tokens of the split to which the page belongs that [`next_page`](Self::next_page) has returned
    /// last. The pages of a split are returned in order, and the rows of a partition are in one split. Returns `None`
    /// if no page has been returned, or if the table is read without tokens.
    pub const fn page_range(&self) -> Option<TokenRange> {
        self.range
    }

    /// Returns the plan with the progress so far. A [scan](crate::session::Session::scan) of this plan reads the rows
    /// that have not been returned. Returns `None` before the first row or page has been awaited, and if the scan could
    /// not start.
    ///
    /// A page counts as read once [`next_page`](Self::next_page) has returned it,
    /// [`try_next`](Self::try_next) has returned its last row, or the future of
    /// [`for_each_page`](Self::for_each_page) has returned `Ok`. After an error or a crash, the resumed scan
    /// repeats the other pages from their beginning, so that no row is lost.
    pub fn checkpoint(&self) -> Option<ScanPlan> {
        let mut plan = match &self.state {
            State::Running(reader) => reader.plan().clone(),
            State::End(end) => end.as_ref()?.plan.clone(),
            State::Start(_) => return None,
        };
        plan.splits.sort_by_key(PlannedSplit::range);
        Some(plan)
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
    /// Returns an error if the name of the table is invalid, and the errors of
    /// [`Session::execute`](crate::session::Session::execute). A request
    /// that fails because of its node or of too much load is sent again up to four times, in the course of 8.5
    /// seconds. The scan ends after an error: the next call returns `None`, and
    /// [`checkpoint`](Self::checkpoint) the plan of what is left.
    pub async fn next_page(&mut self) -> Result<Option<QueryResult>, Error> {
        poll_fn(|context| {
            let page = ready!(self.poll_page(context))?;
            Poll::Ready(Ok(page.map(|(read, page)| {
                self.range = read.range();
                self.complete(read);
                page
            })))
        })
        .await
    }

    /// Runs the future that `process` returns for each page, and returns after the last one. Pages of different splits
    /// are processed at the same time, those of a split one after the other. A page counts against
    /// [`Scan::memory`](super::Scan::memory) and [`Scan::in_flight_per_node`](super::Scan::in_flight_per_node) until
    /// it has been processed.
    ///
    /// ```no_run
    /// # async fn example(session: cqlwire::Session) -> Result<(), cqlwire::Error> {
    /// let mut pages = session.scan("k8s_test.users").columns(["username"]).rows::<()>();
    /// let insert = "INSERT INTO k8s_test.names (name) VALUES (?)";
    /// let copy = async |page: cqlwire::table::ScanPage| {
    ///     for row in page.rows::<(&str,)>()? {
    ///         session.execute(insert, row?).await?;
    ///     }
    ///     Ok::<_, cqlwire::Error>(())
    /// };
    /// pages.for_each_page(copy).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`next_page`](Self::next_page), and the first error of a future. The scan ends after an
    /// error, and if this future is dropped: the other futures are dropped, and their pages do not count as read.
    pub async fn for_each_page<E, F>(
        &mut self,
        mut process: impl FnMut(ScanPage) -> F,
    ) -> Result<(), E>
    where
        E: From<Error>,
        F: Future<Output = Result<(), E>>,
    {
        poll_fn(|context| self.poll_start(context)).await?;
        // A checkpoint repeats the page whose rows `try_next` has not returned, and the later ones of its split.
        let current = self.current.as_ref();
        let is_held = |read: &ReadPage| current.is_some_and(|page| page.is_of_split(read));
        let mut running = Running::new(&mut self.state);
        let mut futures = FuturesUnordered::new();
        poll_fn(|context| {
            loop {
                let Some(reader) = running.reader() else { return Poll::Ready(Ok(())) };
                while let Poll::Ready(Some((read, result))) = futures.poll_next_unpin(context) {
                    result?;
                    if !is_held(&read) {
                        reader.complete(&read);
                    }
                    reader.release(&read, context);
                }
                match reader.poll_page(context)? {
                    Poll::Ready(Some((read, page))) => {
                        let future = process(ScanPage { page, progress: reader.progress() });
                        futures.push(async move { (read, future.await) });
                    }
                    Poll::Ready(None) if futures.is_empty() => return Poll::Ready(Ok(())),
                    Poll::Ready(None) | Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }

    /// Starts the scan if it has not started.
    fn poll_start(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if let State::Start(start) = &mut self.state {
            let reader = ready!(start.as_mut().poll(context)).inspect_err(|_| self.end())?;
            self.state = State::Running(Box::new(reader));
        }
        Poll::Ready(Ok(()))
    }

    /// Returns the next page that has rows, and requests the page after it.
    fn poll_page(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<(ReadPage, QueryResult)>, Error>> {
        ready!(self.poll_start(context))?;
        loop {
            let State::Running(reader) = &mut self.state else { return Poll::Ready(Ok(None)) };
            let page = match ready!(reader.poll_page(context)) {
                Ok(Some(page)) => page,
                Ok(None) => return Poll::Ready(Ok(None)),
                Err(error) => {
                    self.end();
                    return Poll::Ready(Err(error));
                }
            };
            reader.release(&page.0, context);
            if page.1.row_count() > 0 {
                return Poll::Ready(Ok(Some(page)));
            }
            let (empty, _) = page;
            self.complete(empty);
        }
    }

    /// Counts a page as read, or holds it until `current` has been read, if that is an earlier page of its split.
    fn complete(&mut self, page: ReadPage) {
        if self.current.as_ref().is_some_and(|current| current.is_of_split(&page)) {
            self.later.push(page);
        } else if let State::Running(reader) = &mut self.state {
            reader.complete(&page);
        }
    }

    /// Counts `current` as read, and the pages that wait for it.
    fn complete_current(&mut self) {
        if let State::Running(reader) = &mut self.state {
            let pages = self.current.take().into_iter().chain(self.later.drain(..));
            pages.for_each(|page| reader.complete(&page));
        }
    }

    /// Ends the scan after an error.
    fn end(&mut self) {
        self.rows.clear();
        self.current = None;
        self.later.clear();
        Running::new(&mut self.state);
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
                let row = row.inspect_err(|_| self.end())?;
                if self.rows.is_empty() {
                    self.complete_current();
                }
                return Poll::Ready(Ok(Some(row)));
            }
            let Some((read, page)) = ready!(self.poll_page(context))? else {
                return Poll::Ready(Ok(None));
            };
            let rows = page.rows::<OwnedRow>().inspect_err(|_| self.end())?;
            let name_statement = |error: RowError| page.name_statement(error.into());
            self.rows = rows.map(|row| row.map_err(name_statement)).collect();
            self.current = Some(read);
        }
    }
}

/// Ends the scan when it is dropped, and keeps its plan.
struct Running<'s>(&'s mut State);

impl<'s> Running<'s> {
    const fn new(state: &'s mut State) -> Self {
        Self(state)
    }

    /// Returns the reader, or `None` if the scan has ended.
    const fn reader(&mut self) -> Option<&mut Reader> {
        match self.0 {
            State::Running(reader) => Some(reader),
            State::Start(_) | State::End(_) => None,
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let end = match mem::replace(self.0, State::End(None)) {
            State::Running(reader) => {
                let (progress, columns) = (reader.progress(), reader.columns().to_vec());
                Some(Box::new(Ended { plan: reader.into_plan(), progress, columns }))
            }
            State::End(end) => end,
            State::Start(_) => None,
        };
        *self.0 = State::End(end);
    }
}

/// A page that [`ScanRows::for_each_page`] passes to its closure. It dereferences to the [`QueryResult`].
#[derive(Debug)]
pub struct ScanPage {
    page: QueryResult,
    progress: ScanProgress,
}

impl ScanPage {
    /// Returns the progress of the scan when the page arrived.
    pub const fn progress(&self) -> ScanProgress {
        self.progress
    }
}

#[cfg(feature = "arrow-60")]
impl crate::arrow::AsRows for ScanPage {
    fn as_rows(&self) -> Option<&crate::message::Rows> {
        self.page.as_rows()
    }
}

impl Deref for ScanPage {
    type Target = QueryResult;

    fn deref(&self) -> &QueryResult {
        &self.page
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
        f.debug_struct("ScanRows").field("progress", &self.progress()).finish_non_exhaustive()
    }
}
