//! Rows that wait to be written, in batches of one partition.

use std::collections::{HashMap, VecDeque};

use crate::cluster::Token;
use crate::message::BatchKind;
use crate::session::{EncodedRow, PreparedStatement, RowsRequest};

/// A row of a load.
#[derive(Debug)]
pub(super) struct LoadRow<T> {
    pub(super) row: T,
    pub(super) number: u64,
}

/// Rows of one partition, which one request writes.
#[derive(Debug)]
pub(super) struct RowBatch<T> {
    pub(super) rows: Vec<LoadRow<T>>,
    pub(super) request: RowsRequest,
    /// Size of the encoded values.
    pub(super) bytes: usize,
    /// Number of consecutive failures.
    pub(super) failures: u32,
    token: Option<Token>,
}

/// The maximum size of a batch. A single row may be larger.
#[derive(Debug, Clone, Copy)]
pub(super) struct BatchLimits {
    pub(super) rows: usize,
    pub(super) bytes: usize,
}

/// Batches that wait to be written, in the order of their first rows.
#[derive(Debug)]
pub(super) struct RowBatches<T> {
    batches: VecDeque<RowBatch<T>>,
    /// Number of batches that have been taken from the front.
    taken: u64,
    /// For each token of a batch, the number of its last one, counted from 0 over all batches ever added.
    last: HashMap<Token, u64>,
}

impl<T> RowBatch<T> {
    pub(super) fn new(
        row: LoadRow<T>,
        encoded: EncodedRow,
        token: Option<Token>,
        statement: &PreparedStatement,
    ) -> Self {
        let bytes = encoded.size();
        let request = RowsRequest::new(statement, encoded);
        Self { rows: vec![row], request, bytes, failures: 0, token }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// Returns the row if it is in another partition, or if the batch is full.
    fn push(
        &mut self,
        row: LoadRow<T>,
        encoded: EncodedRow,
        kind: BatchKind,
        limits: BatchLimits,
    ) -> Result<(), (LoadRow<T>, EncodedRow)> {
        let size = encoded.size();
        if self.rows.len() >= limits.rows || self.bytes.saturating_add(size) > limits.bytes {
            return Err((row, encoded));
        }
        match self.request.push(encoded, kind) {
            Ok(()) => {
                self.rows.push(row);
                self.bytes += size;
                Ok(())
            }
            Err(encoded) => Err((row, encoded)),
        }
    }
}

impl<T> RowBatch<T> {
    /// Divides the batch into two halves.
    ///
    /// # Errors
    /// Returns the batch if it has one row, or cannot be divided.
    pub(super) fn divide(mut self, kind: BatchKind) -> Result<[Self; 2], Self> {
        let middle = self.rows.len() / 2;
        let Some([first, second]) = self.request.divide(middle, kind) else { return Err(self) };
        let rows = self.rows.split_off(middle);
        let (bytes, rest) = (first.size(), self.bytes.saturating_sub(first.size()));
        let half = |rows, request, bytes| Self { rows, request, bytes, failures: 0, token: None };
        Ok([half(self.rows, first, bytes), half(rows, second, rest)])
    }
}

impl<T> RowBatches<T> {
    pub(super) fn new() -> Self {
        Self { batches: VecDeque::new(), taken: 0, last: HashMap::new() }
    }

    /// Adds a row to the last batch of its partition. If that is full, or there is none, adds a batch.
    pub(super) fn push(
        &mut self,
        (mut row, mut encoded): (LoadRow<T>, EncodedRow),
        token: Option<Token>,
        (statement, kind): (&PreparedStatement, BatchKind),
        limits: BatchLimits,
    ) {
        if let Some(number) = token.and_then(|token| self.last.get(&token))
            && let Some(index) = number.checked_sub(self.taken)
            && let Some(batch) = usize::try_from(index).ok().and_then(|i| self.batches.get_mut(i))
        {
            match batch.push(row, encoded, kind, limits) {
                Ok(()) => return,
                Err(rejected) => (row, encoded) = rejected,
            }
        }
        if let Some(token) = token {
            self.last.insert(token, self.taken + self.batches.len() as u64);
        }
        self.batches.push_back(RowBatch::new(row, encoded, token, statement));
    }

    /// Takes the first batch.
    pub(super) fn pop(&mut self) -> Option<RowBatch<T>> {
        let batch = self.batches.pop_front()?;
        if let Some(token) = batch.token
            && self.last.get(&token) == Some(&self.taken)
        {
            self.last.remove(&token);
        }
        self.taken += 1;
        Some(batch)
    }
}
