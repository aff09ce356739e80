//! Every row of a statement, page after page.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::error::Error;
use super::executor::Executor;
use super::request::BoundStatement;
use super::result::QueryResult;
use super::statement::Statement;
use crate::types::{FromRow, RowError, ToValues};

/// The rows of all pages of a statement: see [`Session::stream`](super::Session::stream).
///
/// Dropping it stops the fetching. With the feature `futures-03` it is a `futures::Stream` of the
/// rows, too.
pub struct RowStream<'v, T> {
    inner: Arc<Executor>,
    next: NextPage<'v>,
    /// Where the page of `rows` begins, and where the one after it does.
    page: Option<Bytes>,
    after: Option<Bytes>,
    rows: VecDeque<Result<T, RowError>>,
}

/// Where the next page comes from.
enum NextPage<'v> {
    /// The first: what the statement and its values become begins with the first row that is asked
    /// for.
    First(Pin<Box<dyn Future<Output = Result<PageFetch, Error>> + Send + 'v>>),
    /// It is being fetched.
    Page(PageFetch),
    /// There is none.
    End,
}

/// A page of a statement that is on its way.
struct PageFetch {
    bound: Arc<BoundStatement>,
    fetch: JoinHandle<Result<QueryResult, Error>>,
}

impl PageFetch {
    /// Begins to fetch it, so that it comes while the one before it is read.
    fn new(
        inner: &Arc<Executor>,
        bound: Arc<BoundStatement>,
        state: Option<Bytes>,
        deadline: Option<Instant>,
    ) -> Self {
        let (inner, of) = (Arc::clone(inner), Arc::clone(&bound));
        let fetch = async move {
            let result = inner.execute(&of, state.as_ref(), deadline).await?;
            Ok(result.with_statement(of.statement.kind.clone()))
        };
        Self { bound, fetch: tokio::spawn(fetch) }
    }

    async fn start_first(
        inner: Arc<Executor>,
        statement: Statement,
        values: Box<dyn ToValues + Send + Sync + '_>,
    ) -> Result<Self, Error> {
        let state = statement.paging_state.clone();
        let mut bound = BoundStatement::from(statement);
        let deadline = inner.bind(&mut bound, &*values).await?;
        Ok(Self::new(&inner, Arc::new(bound), state, deadline))
    }
}

impl Drop for PageFetch {
    fn drop(&mut self) {
        // The connections must not disagree on their keyspace.
        if !self.bound.switches_keyspace() {
            self.fetch.abort();
        }
    }
}

/// Nothing in it is pinned in place.
impl<T> Unpin for RowStream<'_, T> {}

impl<'v, T> RowStream<'v, T> {
    pub(super) fn new(
        inner: Arc<Executor>,
        statement: Statement,
        values: Box<dyn ToValues + Send + Sync + 'v>,
    ) -> Self {
        let after = statement.paging_state.clone();
        let next = NextPage::First(Box::pin(PageFetch::start_first(
            Arc::clone(&inner),
            statement,
            values,
        )));
        Self { inner, next, page: None, after, rows: VecDeque::new() }
    }

    /// The next page, for rows that borrow from it; `None` after the last one.
    ///
    /// Rows that [`try_next`](Self::try_next) has read ahead are not given again.
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
    /// The page could not be fetched. There are no pages after that.
    pub async fn next_page(&mut self) -> Result<Option<QueryResult>, Error> {
        poll_fn(|context| self.poll_page(context)).await
    }

    /// Where to [go on](Statement::paging_state) some other time, or after an error, so that no row
    /// is left out: at the page that comes next, or at this one, as long as it has rows that were not
    /// given; its others come twice then. `None` is the beginning, or the end.
    pub fn paging_state(&self) -> Option<&Bytes> {
        if self.rows.is_empty() { self.after.as_ref() } else { self.page.as_ref() }
    }

    fn poll_page(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<QueryResult>, Error>> {
        let page = ready!(self.poll_fetched(context));
        if let Ok(page) = &page {
            self.page = self.after.take();
            self.after = page.as_ref().and_then(QueryResult::paging_state).cloned();
        }
        self.next = match (&page, &self.next, &self.after) {
            (Ok(Some(_)), NextPage::Page(PageFetch { bound, .. }), Some(after)) => {
                let (bound, after) = (Arc::clone(bound), Some(after.clone()));
                NextPage::Page(PageFetch::new(&self.inner, bound, after, None))
            }
            _ => NextPage::End,
        };
        Poll::Ready(page)
    }

    /// The page that is on its way.
    fn poll_fetched(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<QueryResult>, Error>> {
        if let NextPage::First(first) = &mut self.next {
            self.next = NextPage::Page(ready!(first.as_mut().poll(context))?);
        }
        let NextPage::Page(page) = &mut self.next else { return Poll::Ready(Ok(None)) };
        Poll::Ready(match ready!(Pin::new(&mut page.fetch).poll(context)) {
            Ok(page) => page.map(Some),
            Err(error) => Err(Error::task_ended(&error)),
        })
    }
}

impl<T: for<'r> FromRow<'r>> RowStream<'_, T> {
    /// The next row; `None` after the last one.
    ///
    /// # Errors
    /// A page that could not be fetched, or a row that could not be read. There are no rows after
    /// that.
    ///
    /// When the future is dropped before it is ready, nothing is lost: the next call goes on.
    pub async fn try_next(&mut self) -> Result<Option<T>, Error> {
        poll_fn(|context| self.poll_row(context)).await
    }

    fn poll_row(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<T>, Error>> {
        loop {
            if let Some(row) = self.rows.pop_front() {
                return Poll::Ready(row.map(Some).map_err(|error| self.end(error.into())));
            }
            let Some(page) = ready!(self.poll_page(context))? else { return Poll::Ready(Ok(None)) };
            self.rows = page.rows::<T>().map_err(|error| self.end(error))?.collect();
        }
    }

    /// After a row that could not be read there are no others.
    fn end(&mut self, error: Error) -> Error {
        self.rows.clear();
        self.after = self.page.take();
        self.next = NextPage::End;
        error
    }
}

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
