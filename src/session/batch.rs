//! Batches of statements.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::bound::BoundStatement;
use super::call::{AttemptEncoder, RequestContext, routing_token};
use super::encoded_batch::{BoundBatch, EncodedBatch};
use super::error::Error;
use super::executor::Executor;
use super::options::{EffectiveOptions, ExecutionProfile, Options, option_setters};
use super::result::QueryResult;
use super::retry::RetryPolicy;
use super::shown::describe_batch;
use super::speculative::SpeculativeExecution;
use super::statement::{Statement, StatementKind};
use crate::cluster::LoadBalancing;
use crate::cql::redact;
use crate::message::{self, BatchKind, BatchStatement};
use crate::types::{ToValues, Values};
use crate::wire::{BytesMap, Consistency};

/// Statements that are executed in one request: see [`Session::batch`](super::Session::batch).
///
/// Only INSERT, UPDATE and DELETE are allowed. The options of the batch apply; those of its statements
/// are ignored. A batch is fast if its statements address one partition. A large batch over many
/// partitions is slower than the statements one by one.
///
/// ```no_run
/// use cqlwire::session::Batch;
///
/// # async fn example(session: cqlwire::session::Session) -> Result<(), cqlwire::session::Error> {
/// let insert = "INSERT INTO users (username, password) VALUES (?, ?)";
/// let batch = Batch::logged()
///     .statement(insert, ("ada", "secret"))
///     .statement("DELETE FROM users WHERE username = 'bob'", ());
/// session.batch(&batch).await?;
/// # Ok(())
/// # }
/// ```
pub struct Batch<'v>(Box<BatchContent<'v>>);

/// The content of a [`Batch`]. It is boxed because the setters move a batch in and out for each statement.
struct BatchContent<'v> {
    kind: BatchKind,
    /// The prepared statements, whose values are encoded when they are added.
    encoded: EncodedBatch,
    /// The other statements.
    unencoded: Vec<UnencodedStatement<'v>>,
    options: Options,
}

/// A statement whose values are encoded when the batch is executed: the statement has to be prepared, or
/// the values do not fit the bind variables that the driver knows, which may be outdated.
struct UnencodedStatement<'v> {
    /// The index of the statement in the batch.
    index: usize,
    kind: StatementKind,
    values: Box<dyn ToValues + Send + Sync + 'v>,
}

impl<'v> Batch<'v> {
    /// Creates a logged batch: once the server has accepted it, all of its statements are applied
    /// eventually. Until then, other requests may see only some of them applied.
    pub fn logged() -> Self {
        Self::new(BatchKind::Logged)
    }

    /// Creates an unlogged batch: if it fails, some of its statements may have been applied and
    /// others not, unless all address one partition. An unlogged batch costs the cluster less than
    /// a logged one.
    pub fn unlogged() -> Self {
        Self::new(BatchKind::Unlogged)
    }

    /// Creates a counter batch, for updates of counter columns. Such a batch must not contain other
    /// statements.
    pub fn counter() -> Self {
        Self::new(BatchKind::Counter)
    }

    fn new(kind: BatchKind) -> Self {
        let encoded = EncodedBatch::default();
        let content = BatchContent { kind, encoded, unencoded: Vec::new(), options: Options::NONE };
        Self(Box::new(content))
    }

    /// Adds a statement with its values. `()` means no values.
    ///
    /// The values of a [`PreparedStatement`](super::PreparedStatement) are encoded when they are
    /// added, into one buffer for the whole batch. Values that do not fit are an error of
    /// [`Session::batch`](super::Session::batch).
    #[must_use]
    pub fn statement(
        mut self,
        statement: impl Into<Statement>,
        values: impl ToValues + Send + Sync + 'v,
    ) -> Self {
        let Statement { kind, .. } = statement.into();
        let is_encoded = match &kind {
            StatementKind::Prepared(prepared) => {
                self.0.encoded.push_typed(prepared, &values).is_ok()
            }
            StatementKind::Unprepared(_) => false,
        };
        if !is_encoded {
            let (index, values) = (self.len(), Box::new(values));
            self.0.unencoded.push(UnencodedStatement { index, kind, values });
        }
        self
    }

    /// Creates a batch for rows that are encoded already.
    pub(super) fn of_rows(kind: BatchKind, options: Options) -> Self {
        let mut batch = Self::new(kind);
        batch.0.options = options;
        batch
    }

    /// Adds a prepared statement with its values, which were encoded for its description.
    ///
    /// # Errors
    /// Returns an error if the statement does not fit the batch.
    pub(super) fn push_values(
        &mut self,
        bound: &BoundStatement,
        values: Values<'_>,
    ) -> Result<(), Error> {
        self.0.encoded.push(bound, values)
    }

    /// Returns the encoded statements, each with the description of its bind variables.
    pub(super) fn encoded_statements(
        &self,
    ) -> impl Iterator<Item = (BatchStatement<'_>, &BoundStatement)> {
        self.0.encoded.iter()
    }

    /// Returns the options of the batch.
    pub(super) const fn options(&self) -> &Options {
        &self.0.options
    }

    /// Returns the number of statements.
    fn len(&self) -> usize {
        self.0.encoded.len().saturating_add(self.0.unencoded.len())
    }

    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.0.options);
        self
    }
}

option_setters!(Batch<'_>);

impl Executor {
    pub(super) async fn batch(self: &Arc<Self>, batch: &Batch<'_>) -> Result<QueryResult, Error> {
        let options = EffectiveOptions::new(&batch.0.options, &self.defaults);
        let state = self.cluster.state();
        let mut deadline = None;
        let encoded = self.encode_batch(batch, options, &mut deadline).await?;
        let statements = encoded.distinct().to_vec();
        let bound = BoundBatch::new(batch.0.kind, &encoded);
        // The first token routes the batch. If the batch addresses several partitions, a replica of any
        // one of them will do.
        let token = routing_token(None, options, &state)
            .or_else(|| encoded.first_token(state.partitioner()?));
        let message = |attempt: AttemptEncoder<'_>| {
            let message = message::BatchMessage {
                kind: batch.0.kind,
                serial_consistency: options.serial_consistency(),
                timestamp: attempt.timestamp,
                keyspace: options.keyspace().map(Cow::Borrowed),
                now_in_seconds: options.now_in_seconds(),
                ..message::BatchMessage::new(bound.statements(), attempt.consistency)
            };
            attempt.encode(message)?;
            Ok(None)
        };
        let metadata = statements.iter().filter_map(BoundStatement::metadata);
        let keyspace = metadata.filter_map(|metadata| metadata.keyspace()).next();
        let keyspace = keyspace.or(options.keyspace());
        // A token without a keyspace comes from the routing key option. Only then is the session's
        // keyspace looked up, because the look-up acquires a lock.
        let current = match (keyspace, token) {
            (None, Some(_)) => self.cluster.keyspace(),
            _ => None,
        };
        let description = describe_batch(batch.len());
        let request = RequestContext {
            statement: &description,
            options,
            consistency: options.consistency(&description),
            statements: &statements,
            encode_again: None,
            keyspace: keyspace.or(current.as_deref()),
            token,
            state: &state,
            read_only: false,
            preparing: false,
            batch: Some(&bound),
            deadline,
        };
        let result = self.send_for_result(&request, &message).await?;
        Ok(result.with_statement(StatementKind::Unprepared(description)))
    }

    /// Encodes the statements of a batch that are not encoded yet, or whose bind variables have changed.
    async fn encode_batch<'b>(
        self: &Arc<Self>,
        batch: &'b Batch<'_>,
        options: EffectiveOptions<'_>,
        deadline: &mut Option<Instant>,
    ) -> Result<Cow<'b, EncodedBatch>, Error> {
        let encoded = batch.0.encoded.for_current_variables()?;
        if batch.0.unencoded.is_empty() {
            return Ok(encoded);
        }
        let mut all = EncodedBatch::default();
        let mut rest = encoded.iter();
        for UnencodedStatement { index, kind, values } in &batch.0.unencoded {
            for (statement, bound) in rest.by_ref().take(index.saturating_sub(all.len())) {
                all.push(bound, statement.values)?;
            }
            let mut bound = BoundStatement::from(kind.clone());
            self.bind_statement(&mut bound, &**values, options, deadline).await?;
            all.push(&bound, bound.values())?;
        }
        for (statement, bound) in rest {
            all.push(bound, statement.values)?;
        }
        Ok(Cow::Owned(all))
    }
}

/// Shows the texts without [secrets](crate::session#secrets), and no values.
impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut texts: Vec<_> =
            self.0.encoded.iter().map(|(_, bound)| redact(bound.text())).collect();
        for UnencodedStatement { index, kind, .. } in &self.0.unencoded {
            texts.insert(*index, redact(kind.text()));
        }
        f.debug_struct("Batch")
            .field("kind", &self.0.kind)
            .field("statements", &texts)
            .finish_non_exhaustive()
    }
}
