//! Several statements as one.

use std::fmt;
use std::sync::Arc;

use super::request::About;
use super::statement::Text;
use super::{Error, Inner, QueryResult, Statement, StatementOptions};
use crate::message::{self, BatchKind, BatchStatement, BatchText};
use crate::types::ToValues;
use crate::wire::Consistency;

/// Statements that are run as one: see [`Session::batch`](super::Session::batch).
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
    options: StatementOptions,
}

impl<'v> Batch<'v> {
    /// All of it or nothing, in the end.
    pub const fn logged() -> Self {
        Self::of(BatchKind::Logged)
    }

    /// Nothing more than its statements one by one, but with one request.
    pub const fn unlogged() -> Self {
        Self::of(BatchKind::Unlogged)
    }

    /// For statements that add to counters.
    pub const fn counter() -> Self {
        Self::of(BatchKind::Counter)
    }

    const fn of(kind: BatchKind) -> Self {
        Self { kind, statements: Vec::new(), options: StatementOptions::NONE }
    }

    /// Adds a statement with its values.
    #[must_use]
    pub fn statement(
        mut self,
        statement: impl Into<Statement>,
        values: impl ToValues + Send + Sync + 'v,
    ) -> Self {
        self.statements.push((statement.into(), Box::new(values)));
        self
    }

    /// How many replicas must answer. The options of the statements in it do not count.
    #[must_use]
    pub const fn consistency(mut self, consistency: Consistency) -> Self {
        self.options.consistency = Some(consistency);
        self
    }

    /// Whether running the batch twice does the same as running it once.
    #[must_use]
    pub const fn idempotent(mut self, idempotent: bool) -> Self {
        self.options.idempotent = idempotent;
        self
    }
}

impl Inner {
    pub(super) async fn batch(&self, batch: &Batch<'_>) -> Result<QueryResult, Error> {
        let options = batch.options.or(&self.defaults);
        let mut texts = Vec::with_capacity(batch.statements.len());
        let mut prepared = Vec::new();
        for (statement, values) in &batch.statements {
            let (text, values) = self.bind_text(&statement.text, &**values, &options).await?;
            if let Text::Prepared(statement) = &text {
                prepared.push(Arc::clone(statement));
            }
            texts.push((text, values));
        }
        let statements = texts.iter().map(|(text, values)| BatchStatement {
            text: match text {
                Text::Plain(text) => BatchText::Text(text[..].into()),
                Text::Prepared(prepared) => BatchText::Prepared(prepared.id[..].into()),
            },
            values: values.borrowed(),
        });
        let request = message::Batch {
            kind: batch.kind,
            serial_consistency: options.serial_consistency,
            timestamp: options.timestamp,
            ..message::Batch::new(
                statements.collect(),
                options.consistency.unwrap_or(Consistency::LocalOne),
            )
        };
        let statement = &Arc::from(format!("a batch of {} statements", batch.statements.len()));
        let about = About { statement, options: &options, prepared: &prepared, preparing: false };
        self.run(&about, &about.frame(request)).await
    }
}

impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = self.statements.iter().map(|(statement, _)| statement.text());
        f.debug_struct("Batch")
            .field("kind", &self.kind)
            .field("statements", &texts.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
