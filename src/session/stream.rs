//! Streaming the rows of a statement, page after page.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::time::Instant;

use super::error::{Error, ErrorKind};
use super::executor::Executor;
use super::request::ExecuteRequest;
use super::result::QueryResult;
use super::statement::Statement;
use super::task::RequestTask;
use crate::types::{FromRow, RowError, ToValues};

/// The rows of all pages of a statement: see [`Session::stream`](super::Session::stream).
///
/// There are two ways to read the rows:
/// - [`try_next`](Self::try_next) returns one row after another, for rows that own their values.
/// - [`next_page`](Self::next_page) returns one page after another, for rows that borrow from their
///   page.
///
/// With the feature `futures-03`, a `RowStream` is also a `futures::Stream` of rows that own their
/// values. Dropping the stream cancels the request for the next page.
#[must_use = "a stream sends no request before its first row or page is awaited"]
pub struct RowStream<'v, T> {
    executor: Arc<Executor>,
    next: NextPage<'v>,
    /// The values, which are encoded again if the bind variables change between two pages.
    values: StreamValues<'v>,
    /// The paging state of the current page, whose remaining rows are in `rows`. `None` if the
    /// current page is the first of the result.
    current_state: Option<Bytes>,
    /// The paging state of the next page. `None` if no page is left, or if the next page is the
    /// first of the result.
    next_state: Option<Bytes>,
    rows: VecDeque<Result<T, Error>>,
}

/// The values of a statement whose rows are streamed.
pub(super) type StreamValues<'v> = Arc<dyn ToValues + Send + Sync + 'v>;

/// Where the next page comes from.
enum NextPage<'v> {
    /// The first page is not requested yet. The future prepares the statement, binds the values,
    /// and sends the request; it starts when the stream is first polled.
    First(Pin<Box<dyn Future<Output = Result<PageFetch, Error>> + Send + 'v>>),
    /// The request for the page is in flight.
    Page(PageFetch),
    /// The stream has ended.
    End,
}

/// The request for one page, which runs in a task of its own.
struct PageFetch {
    request: Arc<ExecuteRequest>,
    deadline: Option<Instant>,
    /// True if the values were encoded again for this page.
    is_encoded_again: bool,
    page: Pin<Box<dyn Future<Output = Result<QueryResult, Error>> + Send>>,
}

impl PageFetch {
    /// Sends the request at once, so that the page arrives while the caller reads the previous page.
    fn new(
        executor: &Arc<Executor>,
        request: Arc<ExecuteRequest>,
        paging_state: Option<Bytes>,
        deadline: Option<Instant>,
    ) -> Self {
        let deadline = deadline.or_else(|| executor.deadline(&request));
        let (fetched, fetcher) = (Arc::clone(&request), Arc::clone(executor));
        let task = executor.spawn(async move {
            // The variables may have changed since the previous page.
            fetched.bound.require_valid()?;
            let result = fetcher.execute(&fetched, paging_state.as_ref(), deadline, None).await?;
            Ok(result.with_statement(fetched.bound.kind.clone()))
        });
        let (statement, executor) = (Arc::clone(request.bound.text()), Arc::clone(executor));
        // A USE is not cancelled, because all other connections must switch to its keyspace too.
        let is_use = request.bound.switches_keyspace();
        let task = if is_use { task.map(RequestTask::detached) } else { task };
        let page = async move {
            let task = task.map_err(|error: Error| error.with_statement(&statement))?;
            task.join(&executor, deadline, &statement).await
        };
        Self { request, deadline, is_encoded_again: false, page: Box::pin(page) }
    }

    async fn start_first(
        executor: Arc<Executor>,
        statement: Statement,
        values: StreamValues<'_>,
    ) -> Result<Self, Error> {
        let paging_state = statement.paging_state.clone();
        let mut request = ExecuteRequest::from(statement);
        let deadline = executor.bind(&mut request, &*values).await?;
        Ok(Self::new(&executor, Arc::new(request), paging_state, deadline))
    }

    /// Requests the page again, after `error`, if the bind variables have changed since the values
    /// were encoded. The task of a page has no access to the values, so that its request fails.
    ///
    /// # Errors
    /// Returns `error` if it has another cause, if an earlier attempt may have been applied, or if the
    /// variables have changed a second time.
    /// Returns an error if the values do not fit the new variables.
    fn encode_again(
        &self,
        executor: &Arc<Executor>,
        values: &(dyn ToValues + Send + Sync + '_),
        paging_state: Option<Bytes>,
        error: Error,
    ) -> Result<Self, Error> {
        let bound = &self.request.bound;
        if error.kind() != ErrorKind::StatementChanged
            // A new request's error would not mention that attempt.
            || error.may_have_been_applied()
            || self.is_encoded_again
            || bound.require_valid().is_ok()
        {
            return Err(error);
        }
        let bound = bound.encoded_again(values)?;
        let request = Arc::new(ExecuteRequest { bound, ..ExecuteRequest::clone(&self.request) });
        let fetch = Self::new(executor, request, paging_state, self.deadline);
        Ok(Self { is_encoded_again: true, ..fetch })
    }
}

/// No field is structurally pinned.
impl<T> Unpin for RowStream<'_, T> {}

impl<'v, T> RowStream<'v, T> {
    pub(super) fn new(
        executor: Arc<Executor>,
        statement: Statement,
        values: StreamValues<'v>,
    ) -> Self {
        let next_state = statement.paging_state.clone();
        let next = NextPage::First(Box::pin(PageFetch::start_first(
            Arc::clone(&executor),
            statement,
            Arc::clone(&values),
        )));
        Self { executor, next, values, current_state: None, next_state, rows: VecDeque::new() }
    }

    /// Returns the next page, or `None` after the last one. Rows that borrow from the page are read
    /// with its [`rows`](QueryResult::rows).
    ///
    /// Rows that [`try_next`](Self::try_next) has decoded but not yet returned are not part of this
    /// page: the next calls of `try_next` return them.
    ///
    /// ```no_run
    /// # async fn example(session: cqlwire::session::Session) -> Result<(), cqlwire::session::Error> {
    /// let mut pages = session.stream::<(&str,)>("SELECT username FROM users", ());
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
    /// Returns the errors of [`Session::execute`](super::Session::execute). The stream ends after an
    /// error: the next call returns `None`.
    pub async fn next_page(&mut self) -> Result<Option<QueryResult>, Error> {
        poll_fn(|context| self.poll_page(context)).await
    }

    /// Returns the paging state from which another stream can [resume](Statement::paging_state),
    /// later or after an error, without skipping a row.
    ///
    /// If some rows of the current page were not returned yet, this is the state of the current
    /// page: the resumed stream then repeats the rows that were returned. Otherwise this is the
    /// state of the next page. `None` means either that the resumed stream starts at the first
    /// page, or that no pages are left.
    pub fn paging_state(&self) -> Option<&Bytes> {
        if self.rows.is_empty() { self.next_state.as_ref() } else { self.current_state.as_ref() }
    }

    fn poll_page(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<QueryResult>, Error>> {
        let page = ready!(self.poll_fetched(context));
        if let Ok(page) = &page {
            self.current_state = self.next_state.take();
            self.next_state = page.as_ref().and_then(QueryResult::paging_state).cloned();
        }
        self.next = match (&page, &self.next, &self.next_state) {
            (Ok(Some(_)), NextPage::Page(PageFetch { request, .. }), Some(state)) => {
                let (request, state) = (Arc::clone(request), Some(state.clone()));
                NextPage::Page(PageFetch::new(&self.executor, request, state, None))
            }
            _ => NextPage::End,
        };
        Poll::Ready(page)
    }

    /// Polls for the page that is in flight. Yields `None` after the last page.
    fn poll_fetched(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<QueryResult>, Error>> {
        if let NextPage::First(first) = &mut self.next {
            self.next = NextPage::Page(ready!(first.as_mut().poll(context))?);
        }
        loop {
            let NextPage::Page(fetch) = &mut self.next else { return Poll::Ready(Ok(None)) };
            let error = match ready!(fetch.page.as_mut().poll(context)) {
                Ok(page) => return Poll::Ready(Ok(Some(page))),
                Err(error) => error,
            };
            let state = self.next_state.clone();
            *fetch = fetch.encode_again(&self.executor, &*self.values, state, error)?;
        }
    }
}

// If the rows borrow from their page, the compiler's error shows the name of this type parameter.
impl<OwnedRow: for<'r> FromRow<'r>> RowStream<'_, OwnedRow> {
    /// Returns the next row, or `None` after the last one.
    ///
    /// The method exists only for rows that own their values, such as `(String, i32)`. Rows that
    /// borrow from their page, such as `(&str, i32)`, are read with
    /// [`next_page`](Self::next_page).
    ///
    /// The timeout of the statement applies to each page. A page may have no rows, so that one call can
    /// take as long as several pages.
    ///
    /// The future is cancel safe: if it is dropped, the next call continues where it stopped.
    ///
    /// # Errors
    /// Returns the errors of [`Session::execute`](super::Session::execute), and an error if the
    /// columns do not match the row type or a row cannot be decoded. The stream ends after an
    /// error: the next call returns `None`.
    pub async fn try_next(&mut self) -> Result<Option<OwnedRow>, Error> {
        poll_fn(|context| self.poll_row(context)).await
    }

    fn poll_row(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<OwnedRow>, Error>> {
        loop {
            if let Some(row) = self.rows.pop_front() {
                return Poll::Ready(row.map(Some).map_err(|error| self.end(error)));
            }
            let Some(page) = ready!(self.poll_page(context))? else { return Poll::Ready(Ok(None)) };
            let rows = page.rows::<OwnedRow>().map_err(|error| self.end(error))?;
            let name_statement = |error: RowError| page.name_statement(error.into());
            self.rows = rows.map(|row| row.map_err(name_statement)).collect();
        }
    }

    /// Ends the stream after a row that cannot be decoded, and returns `error`.
    /// [`paging_state`](Self::paging_state) then returns the state of the page that contains this
    /// row.
    fn end(&mut self, error: Error) -> Error {
        self.rows.clear();
        self.next_state = self.current_state.take();
        self.next = NextPage::End;
        error
    }
}

/// The rows as a `futures::Stream`.
///
/// ```no_run
/// use futures_util::TryStreamExt;
///
/// # async fn example(session: cqlwire::session::Session) -> Result<(), cqlwire::session::Error> {
/// let session = &session;
/// let users = session.stream::<String>("SELECT username FROM users", ());
/// users
///     .try_for_each_concurrent(16, |username| async move {
///         session.execute("UPDATE users SET seen = true WHERE username = ?", (username,)).await?;
///         Ok(())
///     })
///     .await?;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "futures-03")]
impl<T: for<'r> FromRow<'r>> futures_core::Stream for RowStream<'_, T> {
    type Item = Result<T, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_row(context).map(Result::transpose)
    }
}

impl<T> fmt::Debug for RowStream<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowStream").field("rows_read_ahead", &self.rows.len()).finish()
    }
}
