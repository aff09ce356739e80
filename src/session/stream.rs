//! Every row of a statement, page after page.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::request::Bound;
use super::{Error, ErrorKind, Inner, QueryResult, Statement};
use crate::types::{FromRow, ToValues};

/// The rows of all pages of a statement: see [`Session::stream`](super::Session::stream).
///
/// Dropping it stops the fetching.
pub struct RowStream<'v, T> {
    inner: Arc<Inner>,
    next: Next<'v>,
    rows: VecDeque<T>,
    row: PhantomData<fn() -> T>,
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
        Self { inner, next, rows: VecDeque::new(), row: PhantomData }
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
        let (bound, page) = match std::mem::replace(&mut self.next, Next::End) {
            Next::End => return Ok(None),
            Next::First(statement, values) => {
                let bound = Arc::new(self.inner.bind(&statement, &*values).await?);
                let page = self.inner.execute(&bound, None).await?;
                (bound, page)
            }
            Next::Page(bound, mut fetch) => match (&mut fetch.0).await {
                Ok(page) => (bound, page?),
                Err(stopped) => {
                    return Err(Error::new(ErrorKind::Connection, stopped.to_string()));
                }
            },
        };
        if let Some(state) = page.paging_state() {
            let fetch = self.fetch(Arc::clone(&bound), state.clone());
            self.next = Next::Page(bound, fetch);
        }
        Ok(Some(page))
    }

    /// Fetches a page while the one before it is read.
    fn fetch(&self, bound: Arc<Bound>, state: Bytes) -> Fetch {
        let inner = Arc::clone(&self.inner);
        Fetch(tokio::spawn(async move { inner.execute(&bound, Some(&state)).await }))
    }
}

impl<T: for<'r> FromRow<'r>> RowStream<'_, T> {
    /// The next row; `None` after the last one.
    ///
    /// # Errors
    /// A page that could not be fetched, or a row that could not be read.
    pub async fn try_next(&mut self) -> Result<Option<T>, Error> {
        loop {
            if let Some(row) = self.rows.pop_front() {
                return Ok(Some(row));
            }
            let Some(page) = self.next_page().await? else { return Ok(None) };
            self.rows = page.rows::<T>()?.collect::<Result<_, _>>()?;
        }
    }
}

impl<T> fmt::Debug for RowStream<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowStream").field("rows_read_ahead", &self.rows.len()).finish()
    }
}
