//! The sink of a load, which takes its rows and writes them.

use std::collections::HashMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use foldhash::fast::RandomState;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::insert::Insert;
use super::node_queue::NodeQueue;
use super::replica_set::ReplicaSet;
use super::row_batches::{BatchLimits, LoadRow, RowBatch, RowPlace};
use super::row_rate::RowRate;
use super::transient::{self, MAX_FAILURES};
use crate::cluster::{Distance, Node};
use crate::session::{EncodedRow, Error, ErrorKind, Session};
use crate::types::{ToValues, ValuesBuffer};

/// Writes the rows of a [`Load`](super::Load): see [`Session::load`].
///
/// Each row is sent to a replica of its partition. A request that fails because of its node or of too much load is
/// sent again up to four times, in the course of 8.5 seconds, unless it updates counters and may have been applied.
/// A batch that the server refuses as invalid or cannot write is divided, so that only the rows that cause the error
/// fail.
///
/// The sink has no task of its own: requests make progress while [`send`](Self::send), [`flush`](Self::flush) or
/// [`finish`](Self::finish) is awaited, on any executor. Dropping the sink cancels the requests in flight, whose rows
/// may have been written, and drops the rows that wait.
#[must_use = "rows may not be written before `finish` or `flush` is awaited"]
pub struct LoadSink<T> {
    session: Session,
    insert: Arc<Insert>,
    keyspace: String,
    options: SinkOptions,
    /// Number of the next row.
    number: u64,
    queues: Vec<NodeQueue<T>>,
    /// The index of each node's queue. The key `None` stands for rows whose replicas are unknown.
    index: HashMap<Option<SocketAddr>, usize, RandomState>,
    /// Memory for the values of the next row.
    buffer: ValuesBuffer,
    running: FuturesUnordered<BoxFuture<'static, Ended<T>>>,
    /// Number of rows that wait or are in flight, and their size in memory.
    rows: usize,
    bytes: usize,
    failures: Vec<FailedRow<T>>,
    progress: LoadProgress,
    /// The error after which no more rows are taken.
    fatal_error: Option<Error>,
}

/// A row that could not be written.
#[derive(Clone)]
#[non_exhaustive]
pub struct FailedRow<T> {
    /// The row.
    pub row: T,
    /// The number of the row: 0 for the first one, unless [`Load::first_number`](super::Load::first_number) is set.
    pub number: u64,
    /// The reason. [`Error::may_have_been_applied`] says whether the row may have been written.
    pub error: Error,
}

/// The progress of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LoadProgress {
    /// Number of rows that the sink has taken.
    pub rows: u64,
    /// Number of rows that a node has acknowledged.
    pub acknowledged: u64,
    /// Number of rows that have failed, including those that have been taken from the sink.
    pub failed: u64,
    /// Size of the encoded values of the rows that a node has acknowledged.
    pub bytes: u64,
}

/// The result of a load.
#[non_exhaustive]
#[must_use = "rows that failed are part of the summary"]
pub struct LoadSummary<T> {
    /// Number of rows that a node has acknowledged.
    pub acknowledged: u64,
    /// Number of rows that have failed, including those that were taken from the sink.
    pub failed: u64,
    /// Size of the encoded values of the rows that a node has acknowledged.
    pub bytes: u64,
    /// The failed rows that were not taken from the sink.
    pub failures: Vec<FailedRow<T>>,
}

/// The options of a sink.
#[derive(Debug)]
pub(super) struct SinkOptions {
    pub(super) per_node: usize,
    /// Number of nodes in the local datacenter.
    pub(super) nodes: usize,
    pub(super) batch: BatchLimits,
    pub(super) memory: usize,
    pub(super) rate: Option<RowRate>,
    pub(super) timestamp: i64,
    pub(super) first_number: u64,
    pub(super) max_failures: u64,
}

/// A request that has ended, or a batch that has waited for its retry.
struct Ended<T> {
    batch: RowBatch<T>,
    /// Index of the node's queue.
    queue: usize,
    /// Number of the request in its queue.
    number: u64,
    /// `None` if the batch has waited.
    result: Option<Result<(), Error>>,
}

impl<T: ToValues + Send + Sync + 'static> LoadSink<T> {
    /// Memory of a row besides its encoded values: the row, and its parts of the batch and the request.
    const ROW_OVERHEAD: usize = size_of::<T>() + 200;

    pub(super) fn new(
        session: Session,
        insert: Insert,
        keyspace: String,
        options: SinkOptions,
    ) -> Self {
        Self {
            session,
            insert: Arc::new(insert),
            keyspace,
            number: options.first_number,
            options,
            queues: Vec::new(),
            index: HashMap::default(),
            buffer: ValuesBuffer::new(),
            running: FuturesUnordered::new(),
            rows: 0,
            bytes: 0,
            failures: Vec::new(),
            progress: LoadProgress::default(),
            fatal_error: None,
        }
    }

    /// Takes a row. Waits first while too many rows wait or are in flight.
    ///
    /// The row may not have been written when the method returns: [`flush`](Self::flush) waits for that. A row that
    /// cannot be encoded, or that the server refuses, is one of the [failures](Self::take_failures).
    ///
    /// The future is cancel safe: if it is dropped before it is ready, the row was not taken.
    ///
    /// # Errors
    /// Returns an error if the load cannot go on: the session was closed, or more rows have failed than
    /// [`Load::max_failures`](super::Load::max_failures) allows. Rows that were taken before are still written by
    /// [`finish`](Self::finish). Later rows are failures.
    pub async fn send(&mut self, row: T) -> Result<(), Error> {
        poll_fn(|context| self.poll_ready(context)).await;
        let timestamp = i64::try_from(self.number).unwrap_or(i64::MAX);
        let timestamp = self.options.timestamp.saturating_add(timestamp);
        let encoded = match &self.fatal_error {
            Some(error) => Err(error.clone()),
            None => {
                let buffer = std::mem::take(&mut self.buffer);
                match self.insert.encode(&row, timestamp, buffer) {
                    Err(error) if error.may_be_outdated_types() => {
                        self.encode_for_server(&row, timestamp).await
                    }
                    encoded => encoded,
                }
            }
        };
        // From here on, the row is taken: the future does not wait again.
        let row = LoadRow { row, number: self.number };
        self.number += 1;
        self.progress.rows += 1;
        if let Some(rate) = &mut self.options.rate {
            rate.count_row();
        }
        match encoded {
            Ok(encoded) => self.push(row, encoded),
            Err(error) => self.fail(row, error),
        }
        poll_fn(|context| {
            self.poll_running(context);
            Poll::Ready(())
        })
        .await;
        self.fatal_error.clone().map_or(Ok(()), Err)
    }

    /// Encodes a row whose values do not fit the bind variables that the driver knows. The requests in flight make progress
    /// during the PREPARE.
    async fn encode_for_server(&mut self, row: &T, timestamp: i64) -> Result<EncodedRow, Error> {
        let (session, insert) = (self.session.clone(), Arc::clone(&self.insert));
        let mut encode = Box::pin(insert.encode_for_server(&session, row, timestamp));
        poll_fn(|context| {
            let encoded = encode.as_mut().poll(context);
            if encoded.is_pending() {
                self.poll_running(context);
            }
            encoded
        })
        .await
    }

    /// Waits until each row that was taken has been acknowledged or has failed.
    pub async fn flush(&mut self) {
        poll_fn(|context| {
            self.poll_running(context);
            if self.running.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Waits until each row has been acknowledged or has failed, and returns the summary.
    pub async fn finish(mut self) -> LoadSummary<T> {
        self.flush().await;
        let LoadProgress { acknowledged, failed, bytes, .. } = self.progress;
        LoadSummary { acknowledged, failed, bytes, failures: self.failures }
    }

    /// Waits until the sink may take a row, or has ended.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.has_room() {
            self.poll_running(context);
        }
        if self.fatal_error.is_some() {
            return Poll::Ready(());
        }
        if !self.has_room() {
            return Poll::Pending;
        }
        let Some(rate) = &mut self.options.rate else { return Poll::Ready(()) };
        if rate.poll_ready(&self.session, context).is_ready() {
            return Poll::Ready(());
        }
        self.poll_running(context);
        Poll::Pending
    }

    fn has_room(&self) -> bool {
        let SinkOptions { per_node, nodes, batch, memory, .. } = &self.options;
        let rows = per_node.saturating_mul(*nodes).saturating_mul(batch.rows);
        self.rows == 0 || (self.rows < rows && self.bytes < *memory)
    }

    /// Adds a row to the queue of its node, and sends it if few enough requests are in flight.
    fn push(&mut self, row: LoadRow<T>, encoded: EncodedRow) {
        self.rows += 1;
        self.bytes += encoded.size() + Self::ROW_OVERHEAD;
        let state = self.session.cluster();
        let token = Insert::token(&encoded, state.partitioner());
        let replicas = token.map(|token| state.replicas(&self.keyspace, token));
        let place = token
            .map(|token| RowPlace { token, replicas: replicas.clone().and_then(ReplicaSet::new) });
        let node = replicas.and_then(|mut replicas| {
            let first = replicas.clone().next();
            replicas.find(|node| node.distance() == Distance::Local).or(first)
        });
        let queue = self.queue_of(node);
        if let Some(NodeQueue { waiting, .. }) = self.queues.get_mut(queue) {
            let copied = waiting.push((row, encoded), place, &self.insert, self.options.batch);
            self.buffer = copied.map(EncodedRow::into_buffer).unwrap_or_default();
        }
        self.start_waiting(queue);
    }

    /// Returns the index of a node's queue, which is added if there is none.
    fn queue_of(&mut self, node: Option<&Arc<Node>>) -> usize {
        let SinkOptions { per_node, nodes, .. } = self.options;
        let queues = &mut self.queues;
        *self.index.entry(node.map(|node| node.address())).or_insert_with(|| {
            let limit = if node.is_some() { per_node } else { per_node.saturating_mul(nodes) };
            queues.push(NodeQueue::new(node.cloned(), limit));
            queues.len() - 1
        })
    }

    /// Sends rows that wait, as many as the limit of their queue allows.
    fn start_waiting(&mut self, index: usize) {
        let Some(queue) = self.queues.get_mut(index) else { return };
        while let Some((batch, number)) = queue.start_next() {
            let session = self.session.clone();
            self.running.push(Box::pin(async move {
                let result = session.write_rows(&batch.request).await;
                Ended { batch, queue: index, number, result: Some(result) }
            }));
        }
    }

    /// Lets the requests in flight make progress, and sends rows that wait in place of those that have ended.
    fn poll_running(&mut self, context: &mut Context<'_>) {
        while let Poll::Ready(Some(ended)) = self.running.poll_next_unpin(context) {
            let queue = ended.queue;
            self.handle_end(ended);
            self.start_waiting(queue);
        }
    }

    fn handle_end(&mut self, Ended { mut batch, queue: index, number, result }: Ended<T>) {
        let error = result.as_ref().and_then(|result| result.as_ref().err());
        let is_retried = error.is_some_and(|error| self.may_retry(&batch, error));
        let shows_overload = error.is_some_and(transient::shows_overload);
        let Some(queue) = self.queues.get_mut(index) else { return };
        if let Some(result) = &result {
            queue.record(number, result.is_ok(), shows_overload);
        }
        if is_retried {
            batch.failures += 1;
            return self.wait(batch, index, number);
        }
        queue.end();
        match result {
            Some(Ok(())) => {
                self.progress.acknowledged += batch.rows.len() as u64;
                self.progress.bytes += batch.bytes as u64;
                self.release(&batch);
            }
            Some(Err(error)) => self.divide_or_fail(batch, index, &error),
            // The batch has waited for its retry.
            None => queue.push_failed(batch),
        }
    }

    /// Returns true if a batch that failed is to be sent again.
    fn may_retry(&self, batch: &RowBatch<T>, error: &Error) -> bool {
        batch.failures + 1 < MAX_FAILURES
            && transient::is_transient_write(error)
            && self.is_safe_after(error)
    }

    /// Lets a batch wait for its retry. It counts as in flight, so that its node gets fewer requests.
    fn wait(&self, batch: RowBatch<T>, queue: usize, number: u64) {
        let (session, delay) = (self.session.clone(), transient::delay(batch.failures));
        self.running.push(Box::pin(async move {
            session.wait(delay).await;
            Ended { batch, queue, number, result: None }
        }));
    }

    /// Returns true if rows may be written again after an error.
    fn is_safe_after(&self, error: &Error) -> bool {
        self.insert.is_idempotent() || !error.may_have_been_applied()
    }

    /// Handles a batch that is not retried. If one of its rows may have caused the error, sends both halves of the
    /// batch.
    fn divide_or_fail(&mut self, mut batch: RowBatch<T>, queue: usize, error: &Error) {
        if error.kind() == ErrorKind::Closed {
            self.fatal_error.get_or_insert_with(|| error.clone());
        } else if self.is_safe_after(error)
            && transient::may_be_caused_by_one_row(error)
            && let Some(queue) = self.queues.get_mut(queue)
        {
            match batch.divide(self.insert.batch_kind()) {
                Ok(halves) => {
                    halves.into_iter().for_each(|half| queue.push_failed(half));
                    return;
                }
                Err(whole) => batch = whole,
            }
        }
        self.release(&batch);
        for row in batch.rows {
            self.fail(row, error.clone());
        }
    }

    /// Adds a row to the failures.
    fn fail(&mut self, LoadRow { row, number }: LoadRow<T>, error: Error) {
        self.progress.failed += 1;
        if self.progress.failed > self.options.max_failures {
            self.fatal_error.get_or_insert_with(|| error.clone());
        }
        self.failures.push(FailedRow { row, number, error });
    }

    /// Counts the rows of a batch as neither waiting nor in flight.
    fn release(&mut self, batch: &RowBatch<T>) {
        self.rows -= batch.rows.len();
        self.bytes -= batch.bytes + batch.rows.len() * Self::ROW_OVERHEAD;
    }
}

impl<T> LoadSink<T> {
    /// Returns the progress of the load.
    pub const fn progress(&self) -> LoadProgress {
        self.progress
    }

    /// Returns the rows that have failed since the last call.
    pub fn take_failures(&mut self) -> Vec<FailedRow<T>> {
        std::mem::take(&mut self.failures)
    }
}

/// No field is structurally pinned.
impl<T> Unpin for LoadSink<T> {}

/// Omits the row, because it contains values.
impl<T> fmt::Debug for FailedRow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailedRow")
            .field("number", &self.number)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// Omits the rows of the failures, because they contain values.
impl<T> fmt::Debug for LoadSummary<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadSummary")
            .field("acknowledged", &self.acknowledged)
            .field("failed", &self.failed)
            .field("bytes", &self.bytes)
            .field("failures", &self.failures)
            .finish()
    }
}

/// Omits the rows, because they contain values.
impl<T> fmt::Debug for LoadSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadSink").field("progress", &self.progress).finish_non_exhaustive()
    }
}
