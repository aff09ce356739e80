//! The reader of a plan: which pages are requested, when, and with how many rows.

use std::collections::HashMap;
use std::future::ready;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::Instant;

use super::page_sizes::{PageSizes, Reservation};
use super::plan::{PlannedSplit, Position, ScanPlan};
use super::progress::ScanProgress;
use super::queue::{LastPage, Queue, Task};
use super::rate::Rate;
use super::transient::{self, MAX_FAILURES};
use crate::cluster::{ClusterState, Distance, TokenRange};
use crate::session::{Error, PreparedStatement, QueryResult, Session};
use crate::types::ColumnSpec;

/// Reads the splits of a plan, many at the same time, and returns their pages in any order.
pub(super) struct Reader {
    session: Session,
    statement: PreparedStatement,
    plan: ScanPlan,
    queues: Vec<Queue>,
    /// Index of the queue whose page is requested first.
    first_queue: usize,
    running: FuturesUnordered<BoxFuture<'static, Event>>,
    sizes: PageSizes,
    rate: Option<Rate>,
    /// Completes when the rate limit allows the next page.
    timer: Option<BoxFuture<'static, ()>>,
    /// Maximum width of a split that is started. It is halved when the widest splits time out.
    max_width: u128,
    progress: ScanProgress,
    start: Instant,
    columns: Arc<[ColumnSpec]>,
}

/// The limits of a reader.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Number of requests in flight for each node.
    pub(super) per_node: usize,
    /// Number of bytes of the pages in memory.
    pub(super) memory: usize,
    /// Maximum number of rows in a page.
    pub(super) page_size: i32,
    pub(super) rows_per_second: Option<f64>,
}

/// A page that has been read. It takes the place of a request in flight until [`Reader::release`].
#[derive(Debug)]
pub(super) struct ReadPage {
    range: Option<TokenRange>,
    task: Task,
    reservation: Reservation,
    row_size: f64,
    next: Option<bytes::Bytes>,
    rows: u64,
    bytes: u64,
}

impl ReadPage {
    /// Returns the tokens of the page's split.
    pub(super) const fn range(&self) -> Option<TokenRange> {
        self.range
    }

    /// Returns true if both pages are of the same split.
    pub(super) const fn is_of_split(&self, other: &Self) -> bool {
        self.task.split == other.task.split
    }
}

enum Event {
    /// The response to a request.
    Response(Task, Reservation, Result<QueryResult, Error>),
    /// The delay before a retry has passed.
    Retry(Task),
}

/// Number of times that a split is halved without counting the timeout as a failure: down to 1/4096 of its width.
const MAX_HALVINGS: u32 = 12;

/// Maximum number of splits, those that result from timeouts included.
const MAX_CUT_SPLITS: usize = 1 << 20;

impl Reader {
    pub(super) fn new(
        session: Session,
        statement: PreparedStatement,
        plan: ScanPlan,
        limits: Limits,
    ) -> Self {
        let Limits { per_node, memory, mut page_size, rows_per_second } = limits;
        let start = Instant::now();
        if let Some(rows) = rows_per_second {
            #[expect(clippy::cast_possible_truncation, reason = "the conversion saturates")]
            let rows = rows as i32;
            page_size = page_size.min(rows);
        }
        let (queues, progress) = queues(&plan, &session.cluster(), per_node);
        let in_flight = queues.iter().map(Queue::limit).fold(0, usize::saturating_add);
        Self {
            sizes: PageSizes::new(page_size, memory, in_flight),
            queues,
            first_queue: 0,
            running: FuturesUnordered::new(),
            rate: rows_per_second.map(|rows| Rate::new(rows, start)),
            timer: None,
            max_width: plan.splits.iter().filter_map(width).max().unwrap_or(1),
            progress,
            start,
            session,
            columns: statement.result_columns().unwrap_or_default(),
            statement,
            plan,
        }
    }

    pub(super) const fn plan(&self) -> &ScanPlan {
        &self.plan
    }

    pub(super) fn into_plan(self) -> ScanPlan {
        self.plan
    }

    pub(super) const fn progress(&self) -> ScanProgress {
        self.progress
    }

    /// Returns the columns of the rows.
    pub(super) fn columns(&self) -> &[ColumnSpec] {
        &self.columns
    }

    /// Returns the next page, or `None` if none is in flight or waits for its request. The caller passes the
    /// [`ReadPage`] to [`release`](Self::release) and [`complete`](Self::complete).
    ///
    /// # Errors
    /// Returns the error of a request that no retry can repair. The page is then missing from those that the reader
    /// returns.
    pub(super) fn poll_page(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<(ReadPage, QueryResult)>, Error>> {
        loop {
            self.request_pages(context);
            match self.running.poll_next_unpin(context) {
                Poll::Ready(Some(Event::Response(task, reservation, Ok(result)))) => {
                    return Poll::Ready(Ok(Some((
                        self.arrived(task, reservation, &result),
                        result,
                    ))));
                }
                Poll::Ready(Some(Event::Response(task, reservation, Err(error)))) => {
                    self.retry(task, reservation, error)?;
                }
                Poll::Ready(Some(Event::Retry(task))) => {
                    if let Some(queue) = self.queues.get_mut(task.queue) {
                        queue.retry(task);
                    }
                }
                Poll::Ready(None) if self.timer.is_none() => return Poll::Ready(Ok(None)),
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Frees the memory and the request slot of a page, and requests the page after it.
    pub(super) fn release(&mut self, page: &ReadPage, context: &mut Context<'_>) {
        let Task { split, queue, request, .. } = page.task;
        self.sizes.release(page.reservation);
        let next = page.next.clone().map(|next| {
            let last_page = Some(Box::new(LastPage { next, row_size: page.row_size }));
            Task { split, queue, last_page, ..Task::default() }
        });
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.end(request, next);
        }
        self.request_pages(context);
    }

    /// Counts the page among those that have been processed: a copy of the plan does not read it again.
    pub(super) fn complete(&mut self, page: &ReadPage) {
        let Some(split) = self.plan.splits.get_mut(page.task.split) else { return };
        // A table without tokens is read from one node, and a later scan may choose another one.
        if split.range.is_some() || page.next.is_none() {
            split.rows += page.rows;
            split.position = page.next.clone().map_or(Position::End, Position::Page);
        }
        if split.is_complete() {
            self.progress.complete_split(split.range);
        }
        self.progress.rows += page.rows;
        self.progress.bytes += page.bytes;
        self.progress.elapsed = self.start.elapsed();
    }

    fn arrived(
        &mut self,
        task: Task,
        mut reservation: Reservation,
        result: &QueryResult,
    ) -> ReadPage {
        let (rows, bytes) = (result.row_count(), result.byte_count());
        let mean = self.sizes.arrived(&mut reservation, rows, bytes);
        let row_size = mean.unwrap_or_else(|| task.row_size());
        self.refund(reservation, rows);
        if self.columns.is_empty() {
            self.columns = result.columns().into();
        }
        let next = result.paging_state().cloned();
        let (rows, bytes) = (rows as u64, bytes as u64);
        let range = self.plan.splits.get(task.split).and_then(PlannedSplit::range);
        ReadPage { range, task, reservation, row_size, next, rows, bytes }
    }

    /// Counts off the rows that were requested but did not arrive. The next page may then be requested earlier.
    fn refund(&mut self, reservation: Reservation, rows: usize) {
        if let Some(rate) = &mut self.rate {
            rate.refund(reservation.rows, rows);
            self.timer = None;
        }
    }

    /// Requests as many pages as the limits allow, the same number from each node.
    fn request_pages(&mut self, context: &mut Context<'_>) {
        if let Some(timer) = &mut self.timer {
            if timer.poll_unpin(context).is_pending() {
                return;
            }
            self.timer = None;
        }
        let queues = self.queues.len();
        let mut idle = 0;
        while idle < queues {
            match self.request_page(self.first_queue, context) {
                RequestOutcome::Yes => idle = 0,
                RequestOutcome::QueueIsIdle => idle += 1,
                RequestOutcome::LimitIsReached => return,
            }
            self.first_queue = (self.first_queue + 1) % queues;
        }
    }

    fn request_page(&mut self, queue: usize, context: &mut Context<'_>) -> RequestOutcome {
        let Some(waiting) = self.queues.get_mut(queue) else { return RequestOutcome::QueueIsIdle };
        let Some(task) = waiting.peek() else { return RequestOutcome::QueueIsIdle };
        if let Some(delay) = self.rate.as_ref().and_then(|rate| rate.delay(Instant::now())) {
            let session = self.session.clone();
            let mut timer = async move { session.wait(delay).await }.boxed();
            if timer.poll_unpin(context).is_pending() {
                self.timer = Some(timer);
                return RequestOutcome::LimitIsReached;
            }
        }
        let Some(reservation) = self.sizes.reserve(task.row_size()) else {
            return RequestOutcome::LimitIsReached;
        };
        if let Some(rate) = &mut self.rate {
            rate.spend(reservation.rows, Instant::now());
        }
        let Some(task) = waiting.start() else { return RequestOutcome::QueueIsIdle };
        self.cut(&task, self.max_width);
        let mut request = self.request(task, reservation);
        // Polled once, so that the request is sent although the caller processes another page first.
        self.running.push(match request.poll_unpin(context) {
            Poll::Ready(event) => ready(event).boxed(),
            Poll::Pending => request,
        });
        RequestOutcome::Yes
    }

    fn request(&self, task: Task, reservation: Reservation) -> BoxFuture<'static, Event> {
        let session = self.session.clone();
        let range = self.plan.splits.get(task.split).and_then(PlannedSplit::range);
        let values = range.map_or_else(Vec::new, |range| vec![range.start(), range.end()]);
        let state = task.last_page.as_ref().map(|page| page.next.clone());
        let statement = self.statement.clone().page_size(reservation.rows).paging_state(state);
        Box::pin(async move {
            let result = session.execute(statement, values).await;
            Event::Response(task, reservation, result)
        })
    }

    /// Cuts a split of which nothing has been read into parts of at most this width. The first one takes its place, the
    /// others wait. Returns true if the split has been cut.
    fn cut(&mut self, task: &Task, max_width: u128) -> bool {
        let Some(whole) = self.plan.splits.get(task.split).cloned() else { return false };
        let Some(range) = whole.range.filter(|range| range.width() > max_width) else {
            return false;
        };
        let parts = usize::try_from(range.width().div_ceil(max_width)).unwrap_or(MAX_CUT_SPLITS);
        let Some(queue) = self.queues.get_mut(task.queue) else { return false };
        if task.last_page.is_some() || parts > MAX_CUT_SPLITS.saturating_sub(self.plan.splits.len())
        {
            return false;
        }
        let mut parts = range.split(parts);
        if let (Some(split), Some(first)) = (self.plan.splits.get_mut(task.split), parts.next()) {
            *split = whole.with_range(first);
        }
        for part in parts {
            let split = self.plan.splits.len();
            self.plan.splits.push(whole.with_range(part));
            self.progress.splits += 1;
            let halvings = task.halvings;
            queue.push_front(Task { split, queue: task.queue, halvings, ..Task::default() });
        }
        true
    }

    /// Requests a page again whose request has failed: after a delay, with half of the rows or tokens after a timeout,
    /// and with half of the requests in flight if the node is overloaded.
    ///
    /// # Errors
    /// Returns `error` if a retry cannot succeed, or if the request has failed too often.
    fn retry(
        &mut self,
        mut task: Task,
        reservation: Reservation,
        error: Error,
    ) -> Result<(), Error> {
        self.sizes.release(reservation);
        self.refund(reservation, 0);
        task.failures += 1;
        let delay = transient::delay(task.failures);
        let split = self.plan.splits.get(task.split);
        if task.failures == MAX_FAILURES || !transient::is_transient_read(&error) {
            return Err(match split.and_then(PlannedSplit::range) {
                Some(range) => error.with_note(format!("while reading the tokens {range}")),
                None => error,
            });
        }
        if transient::may_read_less(&error) {
            match split.and_then(width).filter(|_| task.last_page.is_none()) {
                Some(width) => {
                    let half = width.div_ceil(2);
                    if width > self.max_width / 2 {
                        self.max_width = half.min(self.max_width);
                    }
                    if self.cut(&task, half) && task.halvings < MAX_HALVINGS {
                        task.failures = 0;
                        task.halvings += 1;
                    }
                }
                None => self.sizes.shrink(reservation),
            }
        }
        if transient::shows_overload(&error)
            && let Some(queue) = self.queues.get_mut(task.queue)
        {
            queue.slow_down(task.request);
        }
        let session = self.session.clone();
        self.running.push(Box::pin(async move {
            session.wait(delay).await;
            Event::Retry(task)
        }));
        Ok(())
    }
}

/// The outcome of [`Reader::request_page`].
enum RequestOutcome {
    Yes,
    /// The queue has no split whose page may be requested.
    QueueIsIdle,
    /// No queue may request a page.
    LimitIsReached,
}

fn width(split: &PlannedSplit) -> Option<u128> {
    split.range.map(TokenRange::width)
}

/// Returns the splits that are not complete in queues, one for each node, and the progress so far. Splits that have
/// been started come first.
fn queues(plan: &ScanPlan, state: &ClusterState, per_node: usize) -> (Vec<Queue>, ScanProgress) {
    let nodes = state.nodes().iter().filter(|node| node.distance() == Distance::Local);
    let local_nodes: Vec<SocketAddr> = nodes.map(|node| node.address()).collect();
    let mut queues = Vec::new();
    let mut by_node: HashMap<Option<SocketAddr>, usize> = HashMap::new();
    let mut progress = ScanProgress::default();
    for (index, split) in plan.splits.iter().enumerate() {
        if split.is_complete() {
            progress.splits += 1;
            progress.completed += 1;
            continue;
        }
        progress.start_split(split.range);
        let local = split.replicas.iter().find(|address| local_nodes.contains(address));
        let node = local.or_else(|| split.replicas.first()).copied();
        let queue = *by_node.entry(node).or_insert_with(|| {
            queues.push(Queue::new(match (node, split.range) {
                (_, None) => 1,
                (Some(_), _) => per_node,
                // Any node may be the coordinator.
                (None, _) => per_node.saturating_mul(local_nodes.len().max(1)),
            }));
            queues.len() - 1
        });
        let Some(waiting) = queues.get_mut(queue) else { continue };
        let task = Task { split: index, queue, ..Task::default() };
        match split.paging_state() {
            None => waiting.push_back(task),
            Some(next) => {
                let last_page = LastPage { next: next.clone(), row_size: 0.0 };
                waiting.push_front(Task { last_page: Some(Box::new(last_page)), ..task });
            }
        }
    }
    (queues, progress)
}
