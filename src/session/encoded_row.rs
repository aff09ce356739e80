//! Rows whose values are encoded before the request that writes them is known.

use std::sync::Arc;

use super::Session;
use super::batch::Batch;
use super::bound::BoundStatement;
use super::error::Error;
use super::metadata::{EncodedValues, StatementMetadata};
use super::options::{EffectiveOptions, Options};
use super::request::ExecuteRequest;
use super::statement::{PreparedStatement, StatementKind};
use crate::cluster::{Partitioner, Token};
use crate::message::BatchKind;
use crate::types::{ColumnSpec, ToValues, ValuesBuffer};
use crate::wire::RawValue;

/// The values of one execution of a prepared statement, encoded.
#[derive(Debug)]
pub(crate) struct EncodedRow(BoundStatement);

/// The request that writes some rows: an EXECUTE for one row, a batch for several.
///
/// If the bind variables of the statement change, the values are converted.
#[derive(Debug)]
pub(crate) struct RowsRequest(Rows);

#[derive(Debug)]
enum Rows {
    One(Box<ExecuteRequest>),
    Many(Batch<'static>),
}

impl EncodedRow {
    /// Encodes the values of a row for the bind variables that the driver knows, into the memory of `buffer`.
    ///
    /// # Errors
    /// Returns an error if the values do not fit the variables. If the
    /// [types may be outdated](Error::may_be_outdated_types), [`Session::encode_row`] asks a server.
    pub(crate) fn new(
        statement: &PreparedStatement,
        values: &impl ToValues,
        mut buffer: ValuesBuffer,
    ) -> Result<Self, Error> {
        let prepared = &statement.prepared;
        let replacement = prepared.replacement();
        let metadata = replacement.as_deref().unwrap_or(prepared.first());
        let replaced = buffer.replace(values, &metadata.variables);
        replaced.map_err(|error| Error::from(error).with_statement(&prepared.text))?;
        let mut bound = BoundStatement::from(StatementKind::Prepared(Arc::clone(prepared)));
        bound.encoded = EncodedValues { values: buffer, replacement };
        Ok(Self(bound))
    }

    /// Returns the memory of the encoded values.
    pub(crate) fn into_buffer(self) -> ValuesBuffer {
        self.0.encoded.values
    }

    /// Returns the size of the encoded values in bytes.
    pub(crate) fn size(&self) -> usize {
        self.0.values().size()
    }

    /// Returns the bind variables for which the values were encoded.
    pub(crate) fn variables(&self) -> &[ColumnSpec] {
        self.0.metadata().map_or(&[], |metadata| &metadata.variables)
    }

    /// Returns the first of these bind variables whose value is null or unset, or `None` if there is none.
    pub(crate) fn null_among(&self, variables: &[usize]) -> Option<usize> {
        let values = self.0.values();
        let end = variables.iter().max().map_or(0, |last| last.saturating_add(1));
        let mut values = values.iter().take(end).enumerate();
        let null = values.find(|(index, bound)| {
            !matches!(bound.value, RawValue::Bytes(_)) && variables.contains(index)
        });
        null.map(|(index, _)| index)
    }

    /// Returns the token of the row's partition, or `None` if the partition key is not fully bound.
    pub(crate) fn token(&self, partitioner: Partitioner) -> Option<Token> {
        self.0.metadata()?.token(&self.0.values(), partitioner)
    }
}

impl Session {
    /// Encodes the values of a row. If they do not fit the bind variables that the driver knows, asks a server
    /// for the current ones first, as [`execute`](Self::execute) does.
    pub(crate) async fn encode_row(
        &self,
        statement: &PreparedStatement,
        values: &(impl ToValues + Sync),
    ) -> Result<EncodedRow, Error> {
        let options = EffectiveOptions::new(&statement.options, &self.executor.defaults);
        let (mut prepared, mut deadline) = (Arc::clone(&statement.prepared), None);
        let encode =
            self.executor.encode_prepared(&mut prepared, false, values, options, &mut deadline);
        let encoded = encode.await?;
        let mut bound = BoundStatement::from(StatementKind::Prepared(prepared));
        bound.encoded = encoded;
        Ok(EncodedRow(bound))
    }

    /// Executes the request that writes some rows.
    pub(crate) async fn write_rows(&self, request: &RowsRequest) -> Result<(), Error> {
        match &request.0 {
            Rows::Many(batch) => self.executor.batch(batch).await?,
            Rows::One(request) => {
                let bound = &request.bound;
                let encode_again = |now: &StatementMetadata| match bound.metadata() {
                    Some(before) => now.encode_from(before, &bound.values()),
                    None => Ok(ValuesBuffer::new()),
                };
                self.executor.execute(request, None, None, Some(&encode_again)).await?
            }
        };
        Ok(())
    }
}

impl RowsRequest {
    /// Returns the request for one row, with the options of `statement`.
    pub(crate) fn new(statement: &PreparedStatement, EncodedRow(bound): EncodedRow) -> Self {
        let options = statement.options.clone();
        Self(Rows::One(Box::new(ExecuteRequest { bound, options, paging_state: None })))
    }

    /// Adds a copy of a row. The request becomes a batch of this kind. Returns false, and adds nothing, if a batch cannot
    /// have the row.
    pub(crate) fn push(&mut self, EncodedRow(row): &EncodedRow, kind: BatchKind) -> bool {
        if let Rows::One(first) = &self.0 {
            let options: Options = first.options.clone();
            let mut batch = Batch::of_rows(kind, options);
            if batch.push_values(&first.bound, first.bound.values()).is_err() {
                return false;
            }
            self.0 = Rows::Many(batch);
        }
        match &mut self.0 {
            Rows::Many(batch) => batch.push_values(row, row.values()).is_ok(),
            Rows::One(_) => false,
        }
    }

    /// Returns a request for the first `count` rows, and one for the rest. Returns `None` if one of them would have
    /// no row.
    pub(crate) fn divide(&self, count: usize, kind: BatchKind) -> Option<[Self; 2]> {
        let Rows::Many(batch) = &self.0 else { return None };
        let mut parts = [(); 2].map(|()| Batch::of_rows(kind, batch.options().clone()));
        let [first, second] = &mut parts;
        for (index, (statement, bound)) in batch.encoded_statements().enumerate() {
            let part = if index < count { &mut *first } else { &mut *second };
            part.push_values(bound, statement.values).ok()?;
        }
        let has_rows = parts.iter().all(|part| part.encoded_statements().next().is_some());
        has_rows.then(|| parts.map(|part| Self(Rows::Many(part))))
    }

    /// Returns the size of the encoded values in bytes.
    pub(crate) fn size(&self) -> usize {
        match &self.0 {
            Rows::One(request) => request.bound.values().size(),
            Rows::Many(batch) => {
                batch.encoded_statements().map(|(statement, _)| statement.values.size()).sum()
            }
        }
    }
}
