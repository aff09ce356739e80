//! Every row of a statement, page after page.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::request::Bound;
use super::{Error, ErrorKind, Inner, QueryResult, Statement};
use crate::types::{FromRow, RowError, ToValues};

/// The rows of all pages of a statement: see [`Session::stream`](super::Session::stream).
///
/// Dropping it stops the fetching.
pub struct RowStream<'v, T> {
    inner: Arc<Inner>,
    next: Next<'v>,
    rows: VecDeque<Result<T, RowError>>,
}

/// Where the next page comes from.
enum Next<'v> {
    /// Nothing has been asked for yet.
    First(Statement, Box<dyn ToValues + Send + Sync + 'v>),
    /// It is being fetched.
    Page(Arc<Bound>, Fetch),
    /// There is none.
    End,
}

/// A page that is on its way.
struct Fetch(JoinHandle<Result<QueryResult, Error>>);

impl Drop for Fetch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<'v, T> RowStream<'v, T> {
    pub(super) fn new(
        inner: Arc<Inner>,
        statement: Statement,
        values: Box<dyn ToValues + Send + Sync + 'v>,
    ) -> Self {
        let next = Next::First(statement, values);
        Self { inner, next, rows: VecDeque::new() }
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
        let page = self.fetched().await;
        let next = match (&page, &self.next) {
            (Ok(Some(page)), Next::Page(bound, _)) => page.paging_state().map(|state| {
                let bound = Arc::clone(bound);
                Next::Page(Arc::clone(&bound), self.fetch(bound, Some(state.clone())))
            }),
            _ => None,
        };
        self.next = next.unwrap_or(Next::End);
        page
    }

    /// The page that is on its way. Nothing is lost when this is dropped before it has come.
    async fn fetched(&mut self) -> Result<Option<QueryResult>, Error> {
        if let Next::First(statement, values) = &self.next {
            let mut bound = Bound::from(statement.clone());
            self.inner.bind(&mut bound, &**values).await?;
            let (bound, first) = (Arc::new(bound), statement.paging_state.clone());
            self.next = Next::Page(Arc::clone(&bound), self.fetch(bound, first));
        }
        let Next::Page(_, fetch) = &mut self.next else { return Ok(None) };
        match (&mut fetch.0).await {
            Ok(page) => page.map(Some),
            Err(stopped) => Err(Error::new(ErrorKind::Connection, stopped.to_string())),
        }
    }

    /// Fetches a page while the one before it is read.
    fn fetch(&self, bound: Arc<Bound>, state: Option<Bytes>) -> Fetch {
        let inner = Arc::clone(&self.inner);
        Fetch(tokio::spawn(async move { inner.execute(&bound, state.as_ref()).await }))
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
        loop {
            if let Some(row) = self.rows.pop_front() {
                return row.map(Some).map_err(|error| self.end(error.into()));
            }
            let Some(page) = self.next_page().await? else { return Ok(None) };
            self.rows = page.rows::<T>().map_err(|error| self.end(error))?.collect();
        }
    }

    /// After a row that could not be read there are no others.
    fn end(&mut self, error: Error) -> Error {
        self.rows.clear();
        self.next = Next::End;
        error
    }
}

impl<T> fmt::Debug for RowStream<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowStream").field("rows_read_ahead", &self.rows.len()).finish()
    }
}
