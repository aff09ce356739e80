//! The encoded statements of a batch.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bound::BoundStatement;
use super::error::{Error, ErrorKind};
use super::prepared::PreparedInner;
use super::statement::StatementKind;
use crate::cluster::{Partitioner, Token};
use crate::message::{BatchKind, BatchStatement, BatchStatements, BatchText};
use crate::types::{BindError, ToValues, Values};

/// The statements of a batch, encoded for the bind variables that the driver knows.
///
/// All statements and values are in one buffer, so that a statement costs no allocation.
#[derive(Debug, Clone, Default)]
pub(super) struct EncodedBatch {
    statements: BatchStatements<'static>,
    /// For each statement, its index in `distinct`.
    indices: Vec<usize>,
    /// The different statements, without values. A statement that occurs again much later in the
    /// batch may be here twice.
    distinct: Vec<BoundStatement>,
}

/// Number of statements among which a statement is looked for before it counts as a new one.
const MAX_COMPARED: usize = 8;

impl EncodedBatch {
    /// Returns the number of statements.
    pub(super) const fn len(&self) -> usize {
        self.statements.len()
    }

    /// Returns the different statements, without values.
    pub(super) fn distinct(&self) -> &[BoundStatement] {
        &self.distinct
    }

    /// Returns each encoded statement, with the description of its bind variables.
    pub(super) fn iter(&self) -> impl Iterator<Item = (BatchStatement<'_>, &BoundStatement)> {
        let distinct = self.indices.iter().filter_map(|index| self.distinct.get(*index));
        self.statements.iter().zip(distinct)
    }

    /// Appends a prepared statement, and encodes its values.
    ///
    /// # Errors
    /// Returns an error if a value is missing, or does not fit the type of its variable. The batch is
    /// then unchanged.
    #[inline]
    pub(super) fn push_typed(
        &mut self,
        prepared: &Arc<PreparedInner>,
        values: &impl ToValues,
    ) -> Result<(), BindError> {
        let replacement = prepared.replacement();
        let metadata = replacement.as_deref().unwrap_or(prepared.first());
        self.statements.push_prepared(&prepared.id, values, &metadata.variables)?;
        let is_known = |bound: &BoundStatement| {
            bound.prepared().is_some_and(|known| Arc::ptr_eq(known, prepared))
                && bound.is_described_by(replacement.as_ref())
        };
        let index = self.position(is_known).unwrap_or_else(|| {
            let kind = StatementKind::Prepared(Arc::clone(prepared));
            self.add(BoundStatement::described(kind, replacement))
        });
        self.indices.push(index);
        Ok(())
    }

    /// Appends a statement with its values.
    ///
    /// # Errors
    /// Returns an error if the statement is too long for a request.
    pub(super) fn push(&mut self, bound: &BoundStatement, values: Values<'_>) -> Result<(), Error> {
        let text = match bound.prepared() {
            None => BatchText::Text(bound.text()[..].into()),
            Some(prepared) => BatchText::Prepared(prepared.id[..].into()),
        };
        push(&mut self.statements, &BatchStatement { text, values })?;
        let index = self.position(|known| known.is_same_as(bound));
        let index = index.unwrap_or_else(|| self.add(bound.without_values()));
        self.indices.push(index);
        Ok(())
    }

    /// Returns the index of a statement among the last ones. Most batches repeat one statement.
    #[inline]
    fn position(&self, is_wanted: impl Fn(&BoundStatement) -> bool) -> Option<usize> {
        match self.distinct.last() {
            Some(last) if is_wanted(last) => Some(self.distinct.len().saturating_sub(1)),
            _ => self.position_of_earlier(is_wanted),
        }
    }

    #[cold]
    fn position_of_earlier(&self, is_wanted: impl Fn(&BoundStatement) -> bool) -> Option<usize> {
        let mut last = self.distinct.iter().enumerate().rev().take(MAX_COMPARED);
        last.find_map(|(index, bound)| is_wanted(bound).then_some(index))
    }

    /// Adds a different statement, and returns its index.
    fn add(&mut self, bound: BoundStatement) -> usize {
        self.distinct.push(bound);
        self.distinct.len().saturating_sub(1)
    }

    /// Returns true if bind variables have changed, and no longer accept the values.
    fn is_outdated(&self) -> bool {
        self.distinct.iter().any(|bound| bound.outdated_by().is_some())
    }

    /// Returns the batch, encoded for the current bind variables of its statements.
    ///
    /// # Errors
    /// Returns an error if values do not fit variables that have changed.
    pub(super) fn for_current_variables(&self) -> Result<Cow<'_, Self>, Error> {
        if !self.is_outdated() {
            return Ok(Cow::Borrowed(self));
        }
        let describe = |bound: &BoundStatement| match bound.outdated_by() {
            Some(now) => BoundStatement::described(bound.kind.clone(), Some(now)),
            None => bound.clone(),
        };
        let distinct: Vec<_> = self.distinct.iter().map(describe).collect();
        let statements = self.encode_again(&distinct)?;
        Ok(Cow::Owned(Self { statements, indices: self.indices.clone(), distinct }))
    }

    /// Returns the statements, whose values are encoded again for the descriptions of `distinct`.
    fn encode_again(&self, distinct: &[BoundStatement]) -> Result<BatchStatements<'static>, Error> {
        let mut statements = BatchStatements::new();
        for ((statement, bound), index) in self.iter().zip(&self.indices) {
            let values = match (bound.metadata(), distinct.get(*index)) {
                (Some(before), Some(now)) => now.encode_from(before, statement.values)?,
                _ => statement.values,
            };
            push(&mut statements, &BatchStatement { values, ..statement })?;
        }
        Ok(statements)
    }

    /// Returns the token of the first statement whose partition key is fully bound, or `None` if there is
    /// none.
    pub(super) fn first_token(&self, partitioner: Partitioner) -> Option<Token> {
        self.iter()
            .find_map(|(statement, bound)| bound.metadata()?.token(&statement.values, partitioner))
    }

    /// Returns true if the statements address one partition: a single statement, or prepared statements
    /// of one keyspace whose values have the same partition key. A statement may still select several
    /// partitions with `IN`.
    pub(super) fn has_one_partition(&self) -> bool {
        let mut partitions = self.iter().map(|(statement, bound)| {
            let metadata = bound.metadata()?;
            let mut scratch = Vec::new();
            let key = metadata.routing_key(&statement.values, &mut scratch)?;
            Some((metadata.keyspace()?, key.to_vec()))
        });
        match partitions.next() {
            None => true,
            Some(_) if self.len() == 1 => true,
            Some(first) => first.is_some() && partitions.all(|next| next == first),
        }
    }
}

/// Appends an encoded statement.
///
/// # Errors
/// Returns an error if the statement is too long for a request.
fn push(
    statements: &mut BatchStatements<'static>,
    statement: &BatchStatement<'_>,
) -> Result<(), Error> {
    let pushed = statements.push(statement);
    pushed.map_err(|error| Error::new(ErrorKind::Encode, error.to_string()))
}

/// A batch that is being executed.
#[derive(Debug)]
pub(super) struct BoundBatch<'b> {
    pub(super) kind: BatchKind,
    pub(super) encoded: &'b EncodedBatch,
    /// The batch as it was encoded again during the request, because bind variables have changed.
    encoded_again: Mutex<Option<EncodedBatch>>,
}

impl<'b> BoundBatch<'b> {
    pub(super) const fn new(kind: BatchKind, encoded: &'b EncodedBatch) -> Self {
        Self { kind, encoded, encoded_again: Mutex::new(None) }
    }

    /// Returns the statements with their latest values.
    pub(super) fn statements(&self) -> BatchStatements<'_> {
        match &*self.lock() {
            Some(again) => again.statements.clone(),
            None => self.encoded.statements.borrowed(),
        }
    }

    /// Makes the values valid for the current bind variables of the statements.
    ///
    /// # Errors
    /// Returns an error if the values do not fit the new variables.
    pub(super) fn follow_changes(&self) -> Result<(), Error> {
        let mut encoded_again = self.lock();
        if encoded_again.as_ref().unwrap_or(self.encoded).is_outdated() {
            *encoded_again = Some(self.encoded.for_current_variables()?.into_owned());
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Option<EncodedBatch>> {
        self.encoded_again.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
