//! Rows that wait to be written, in batches.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use super::insert::Insert;
use super::replica_set::ReplicaSet;
use crate::cluster::Token;
use crate::message::BatchKind;
use crate::session::{EncodedRow, RowsRequest};

/// A row of a load.
#[derive(Debug)]
pub(super) struct LoadRow<T> {
    pub(super) row: T,
    pub(super) number: u64,
}

/// Where a row is stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowPlace {
    pub(super) token: Token,
    /// `None` if no local node is known to be a replica.
    pub(super) replicas: Option<ReplicaSet>,
}

/// Rows that one request writes.
#[derive(Debug)]
pub(super) struct RowBatch<T> {
    pub(super) rows: Vec<LoadRow<T>>,
    pub(super) request: RowsRequest,
    /// Size of the encoded values.
    pub(super) bytes: usize,
    /// Number of consecutive failures.
    pub(super) failures: u32,
}

/// A batch to which rows of the same replicas may be added.
#[derive(Debug)]
struct WaitingBatch<T> {
    batch: RowBatch<T>,
    /// Size of the rows as the server counts it.
    server_bytes: usize,
    /// The tokens of the partitions. Partitions with the same token count as one.
    tokens: Vec<Token>,
    replicas: Option<ReplicaSet>,
}

/// The maximum size of a batch. A single row may be larger.
#[derive(Debug, Clone, Copy)]
pub(super) struct BatchLimits {
    pub(super) rows: usize,
    /// Number of partitions.
    pub(super) partitions: usize,
    /// Size of the values, if the batch has one partition.
    pub(super) bytes: usize,
    /// Size as the server counts it, if the batch has several partitions.
    pub(super) server_bytes: usize,
}

/// Number of rows for which a batch makes room with its second row. Most batches become full, and most full ones have ten
/// partitions.
const ROOM: usize = 10;

/// Batches that wait to be written, in the order of their first rows.
#[derive(Debug)]
pub(super) struct RowBatches<T> {
    batches: VecDeque<WaitingBatch<T>>,
    /// Number of batches that have been taken from the front.
    taken: u64,
    /// For each token in a batch, the number of the last such batch, counted from 0 over all batches ever added.
    last_of_token: HashMap<Token, u64, RandomState>,
    /// For each set of replicas, the number of its last batch.
    last_of_replicas: HashMap<ReplicaSet, u64, RandomState>,
}

impl<T> RowBatch<T> {
    /// Divides the batch into two halves, which are sent again as often as the batch could have been, but at least once.
    ///
    /// # Errors
    /// Returns the batch if it has one row, or cannot be divided.
    pub(super) fn divide(mut self, kind: BatchKind) -> Result<[Self; 2], Self> {
        let middle = self.rows.len() / 2;
        let Some([first, second]) = self.request.divide(middle, kind) else { return Err(self) };
        let rows = self.rows.split_off(middle);
        let (bytes, rest) = (first.size(), self.bytes.saturating_sub(first.size()));
        let failures = self.failures;
        let half = |rows, request, bytes| Self { rows, request, bytes, failures };
        Ok([half(self.rows, first, bytes), half(rows, second, rest)])
    }
}

impl<T> WaitingBatch<T> {
    /// Returns a batch of one row, whose size as the server counts it is `server_bytes`.
    fn new(
        row: LoadRow<T>,
        (encoded, server_bytes): (EncodedRow, usize),
        place: Option<RowPlace>,
        insert: &Insert,
    ) -> Self {
        let bytes = encoded.size();
        let request = RowsRequest::new(insert.statement(), encoded);
        Self {
            batch: RowBatch { rows: vec![row], request, bytes, failures: 0 },
            server_bytes,
            tokens: place.iter().map(|place| place.token).collect(),
            replicas: place.and_then(|place| place.replicas),
        }
    }

    /// Adds a row of the same replicas, whose size as the server counts it is `server_bytes`.
    ///
    /// # Errors
    /// Returns the row if the batch is full.
    fn push(
        &mut self,
        row: LoadRow<T>,
        (encoded, server_bytes): (&EncodedRow, usize),
        token: Token,
        (insert, limits): (&Insert, BatchLimits),
    ) -> Result<(), LoadRow<T>> {
        let is_new = !self.tokens.contains(&token);
        let partitions = self.tokens.len() + usize::from(is_new);
        let bytes = self.batch.bytes.saturating_add(encoded.size());
        let server_bytes = self.server_bytes.saturating_add(server_bytes);
        // The rest of a large batch is left to its own partition, which may fill it beyond the limit for several.
        let is_reserved = self.tokens.len() == 1 && self.server_bytes > limits.server_bytes / 2;
        let has_room = self.batch.rows.len() < limits.rows
            && match partitions {
                1 => bytes <= limits.bytes,
                _ if is_new && is_reserved => false,
                _ => partitions <= limits.partitions && server_bytes <= limits.server_bytes,
            };
        if !has_room || !self.batch.request.push(encoded, insert.batch_kind()) {
            return Err(row);
        }
        if self.batch.rows.len() == 1 {
            let room = limits.rows.min(ROOM) - 1;
            self.batch.rows.reserve_exact(room);
            self.tokens.reserve_exact(room);
        }
        self.batch.rows.push(row);
        (self.batch.bytes, self.server_bytes) = (bytes, server_bytes);
        if is_new {
            self.tokens.push(token);
        }
        Ok(())
    }
}

impl<T> RowBatches<T> {
    pub(super) fn new() -> Self {
        Self {
            batches: VecDeque::new(),
            taken: 0,
            last_of_token: HashMap::default(),
            last_of_replicas: HashMap::default(),
        }
    }

    /// Adds a row to the last batch of its partition. If that is full, or there is none, adds it to the last batch of
    /// its replicas, or to a new one. Returns the encoded row if the batch has a copy of it, so that its memory can be reused.
    ///
    /// The place is `None` if the driver does not know the partitioner. Such a row has a batch of its own.
    pub(super) fn push(
        &mut self,
        (mut row, encoded): (LoadRow<T>, EncodedRow),
        place: Option<RowPlace>,
        insert: &Insert,
        limits: BatchLimits,
    ) -> Option<EncodedRow> {
        let server_bytes = Insert::server_size(&encoded);
        if let Some(RowPlace { token, replicas }) = place {
            let of_token = self.last_of_token.get(&token).copied();
            let of_replicas = replicas.and_then(|set| self.last_of_replicas.get(&set).copied());
            let of_replicas = of_replicas.filter(|number| Some(*number) != of_token);
            for number in [of_token, of_replicas].into_iter().flatten() {
                let Some(batch) = self.waiting(number) else { continue };
                match batch.push(row, (&encoded, server_bytes), token, (insert, limits)) {
                    Ok(()) => {
                        self.last_of_token.insert(token, number);
                        return Some(encoded);
                    }
                    Err(rejected) => row = rejected,
                }
            }
            let number = self.taken + self.batches.len() as u64;
            self.last_of_token.insert(token, number);
            // A row that is too large for other partitions leaves the batch before it to the next rows.
            if let Some(replicas) = replicas
                && server_bytes <= limits.server_bytes / 2
            {
                self.last_of_replicas.insert(replicas, number);
            }
        }
        self.batches.push_back(WaitingBatch::new(row, (encoded, server_bytes), place, insert));
        None
    }

    /// Takes the first batch.
    pub(super) fn pop(&mut self) -> Option<RowBatch<T>> {
        let WaitingBatch { batch, tokens, replicas, .. } = self.batches.pop_front()?;
        for token in &tokens {
            if self.last_of_token.get(token) == Some(&self.taken) {
                self.last_of_token.remove(token);
            }
        }
        if let Some(replicas) = &replicas
            && self.last_of_replicas.get(replicas) == Some(&self.taken)
        {
            self.last_of_replicas.remove(replicas);
        }
        self.taken += 1;
        Some(batch)
    }

    /// Returns the batch with this number, if it still waits.
    fn waiting(&mut self, number: u64) -> Option<&mut WaitingBatch<T>> {
        let index = usize::try_from(number.checked_sub(self.taken)?).ok()?;
        self.batches.get_mut(index)
    }
}
