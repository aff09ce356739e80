//! Batches of statements.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::bound::BoundStatement;
use super::call::{RequestContext, routing_token};
use super::error::Error;
use super::executor::Executor;
use super::metadata::StatementMetadata;
use super::options::{EffectiveOptions, ExecutionProfile, Options, option_setters};
use super::result::QueryResult;
use super::retry::RetryPolicy;
use super::shown::describe_batch;
use super::speculative::SpeculativeExecution;
use super::statement::{Statement, StatementKind};
use crate::cluster::LoadBalancing;
use crate::cql::redact;
use crate::message::{self, BatchKind, BatchStatement, BatchText};
use crate::types::ToValues;
use crate::wire::{BytesMap, Consistency, Context};

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
pub struct Batch<'v> {
    kind: BatchKind,
    statements: Vec<(Statement, Box<dyn ToValues + Send + Sync + 'v>)>,
    options: Options,
}

impl<'v> Batch<'v> {
    /// Creates a logged batch: once the server has accepted it, all of its statements are applied
    /// eventually. Until then, other requests may see only some of them applied.
    pub const fn logged() -> Self {
        Self::new(BatchKind::Logged)
    }

    /// Creates an unlogged batch: if it fails, some of its statements may have been applied and
    /// others not, unless all address one partition. An unlogged batch costs the cluster less than
    /// a logged one.
    pub const fn unlogged() -> Self {
        Self::new(BatchKind::Unlogged)
    }

    /// Creates a counter batch, for updates of counter columns. Such a batch must not contain other
    /// statements.
    pub const fn counter() -> Self {
        Self::new(BatchKind::Counter)
    }

    const fn new(kind: BatchKind) -> Self {
        Self { kind, statements: Vec::new(), options: Options::NONE }
    }

    /// Adds a statement with its values. `()` means no values.
    #[must_use]
    pub fn statement(
        mut self,
        statement: impl Into<Statement>,
        values: impl ToValues + Send + Sync + 'v,
    ) -> Self {
        self.statements.push((statement.into(), Box::new(values)));
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }
}

option_setters!(Batch<'_>);

impl Executor {
    pub(super) async fn batch(self: &Arc<Self>, batch: &Batch<'_>) -> Result<QueryResult, Error> {
        let options = EffectiveOptions::new(&batch.options, &self.defaults);
        let mut bound = Vec::with_capacity(batch.statements.len());
        let state = self.cluster.state();
        let mut first_token = routing_token(None, options, &state);
        let mut deadline = None;
        for (statement, values) in &batch.statements {
            let mut statement = BoundStatement::from(statement.kind.clone());
            self.bind_statement(&mut statement, &**values, options, &mut deadline).await?;
            // The first token routes the batch. If the batch addresses several partitions, a
            // replica of any one of them will do.
            first_token = first_token.or_else(|| routing_token(Some(&statement), options, &state));
            bound.push(statement);
        }
        let message = |_: &Context, consistency, timestamp| {
            let statements = bound.iter().map(|statement| BatchStatement {
                text: match statement.prepared() {
                    None => BatchText::Text(statement.text()[..].into()),
                    Some(prepared) => BatchText::Prepared(prepared.id[..].into()),
                },
                values: statement.values().borrowed(),
            });
            let batch = message::BatchMessage {
                kind: batch.kind,
                serial_consistency: options.serial_consistency(),
                timestamp,
                keyspace: options.keyspace().map(Cow::Borrowed),
                now_in_seconds: options.now_in_seconds(),
                ..message::BatchMessage::new(statements.collect(), consistency)
            };
            (batch.into(), None)
        };
        let metadata = bound.iter().filter_map(BoundStatement::metadata);
        let keyspace = metadata.filter_map(|metadata| metadata.keyspace()).next();
        let keyspace = keyspace.or(options.keyspace());
        // A token without a keyspace comes from the routing key option. Only then is the session's
        // keyspace looked up, because the look-up acquires a lock.
        let current = match (keyspace, first_token) {
            (None, Some(_)) => self.cluster.keyspace(),
            _ => None,
        };
        let description = describe_batch(batch.statements.len());
        let encode_again = |index: usize, metadata: &StatementMetadata| {
            // The index is always that of a statement of the batch.
            batch
                .statements
                .get(index)
                .map_or_else(|| metadata.encode(&()), |(_, values)| metadata.encode(&**values))
        };
        let request = RequestContext {
            statement: &description,
            options,
            statements: &bound,
            encode_again: Some(&encode_again),
            keyspace: keyspace.or(current.as_deref()),
            token: first_token,
            state: &state,
            read_only: false,
            preparing: false,
            batch: Some(batch.kind),
            deadline,
        };
        let result = self.send_for_result(&request, &message).await?;
        Ok(result.with_statement(StatementKind::Unprepared(description)))
    }
}

/// Shows the texts without [secrets](crate::session#secrets), and no values.
impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = self.statements.iter().map(|(statement, _)| redact(statement.text()));
        f.debug_struct("Batch")
            .field("kind", &self.kind)
            .field("statements", &texts.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
