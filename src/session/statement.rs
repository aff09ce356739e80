//! Statements, and how they are to be run.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Error;
use crate::message::KnownColumns;
use crate::types::{ColumnSpec, ToValues, Values, ValuesBuffer};
use crate::wire::Consistency;

/// A statement: text, or a prepared statement, and how it is to be run.
///
/// What is not said here is as the session's builder said it.
///
/// ```
/// use cqlwire::session::Statement;
/// use cqlwire::wire::Consistency;
///
/// let select = Statement::new("SELECT * FROM users").consistency(Consistency::Quorum).page_size(100);
/// ```
#[derive(Debug, Clone)]
pub struct Statement {
    pub(super) text: Text,
    pub(super) options: StatementOptions,
}

/// What a statement says.
#[derive(Debug, Clone)]
pub(super) enum Text {
    Plain(Arc<str>),
    Prepared(Arc<PreparedStatement>),
}

/// A statement that the server has parsed.
///
/// It belongs to the session, not to a connection: where a server does not know it any more, it is
/// prepared again.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub(super) prepared: Arc<PreparedStatement>,
    pub(super) options: StatementOptions,
}

#[derive(Debug)]
pub(super) struct PreparedStatement {
    pub(super) text: Arc<str>,
    pub(super) id: Bytes,
    pub(super) result_metadata_id: Option<Bytes>,
    pub(super) variables: Arc<[ColumnSpec]>,
    /// The columns of its rows.
    pub(super) columns: KnownColumns,
}

impl PreparedStatement {
    /// Encodes the values of its variables.
    pub(super) fn encode(
        &self,
        values: &(impl ToValues + ?Sized),
    ) -> Result<Values<'static>, Error> {
        let mut buffer = ValuesBuffer::new();
        match buffer.bind(values, &self.variables) {
            Ok(_) => Ok(buffer.into_values()),
            Err(error) => Err(Error::from(error).with_statement(&self.text)),
        }
    }
}

/// How a statement is to be run. `None` is what the session says.
#[derive(Debug, Clone)]
pub struct StatementOptions {
    pub(super) consistency: Option<Consistency>,
    pub(super) serial_consistency: Option<Consistency>,
    pub(super) page_size: Option<i32>,
    pub(super) timeout: Option<Duration>,
    pub(super) timestamp: Option<i64>,
    pub(super) idempotent: bool,
    pub(super) tracing: bool,
}

impl StatementOptions {
    /// Says nothing.
    pub(super) const NONE: Self = Self {
        consistency: None,
        serial_consistency: None,
        page_size: None,
        timeout: None,
        timestamp: None,
        idempotent: false,
        tracing: false,
    };

    /// These options, and those of `defaults` where these say nothing.
    pub(super) fn or(&self, defaults: &Self) -> Self {
        Self {
            consistency: self.consistency.or(defaults.consistency),
            serial_consistency: self.serial_consistency.or(defaults.serial_consistency),
            page_size: self.page_size.or(defaults.page_size),
            timeout: self.timeout.or(defaults.timeout),
            timestamp: self.timestamp.or(defaults.timestamp),
            idempotent: self.idempotent || defaults.idempotent,
            tracing: self.tracing || defaults.tracing,
        }
    }
}

/// The setters of everything that has [`StatementOptions`]: each gives a changed copy.
macro_rules! options {
    ($name:ty) => {
        impl $name {
            /// How many replicas must answer.
            #[must_use]
            pub fn consistency(&self, consistency: Consistency) -> Self {
                self.with(|options| options.consistency = Some(consistency))
            }

            /// The consistency of the serial phase of a conditional statement.
            #[must_use]
            pub fn serial_consistency(&self, consistency: Consistency) -> Self {
                self.with(|options| options.serial_consistency = Some(consistency))
            }

            /// How many rows a page has, more or less. Zero or less: all of them.
            #[must_use]
            pub fn page_size(&self, rows: i32) -> Self {
                self.with(|options| options.page_size = Some(rows))
            }

            /// How long to wait for an answer, attempts to make the request again included.
            #[must_use]
            pub fn timeout(&self, timeout: Duration) -> Self {
                self.with(|options| options.timeout = Some(timeout))
            }

            /// When the statement was made, in microseconds since 1970.
            #[must_use]
            pub fn timestamp(&self, micros: i64) -> Self {
                self.with(|options| options.timestamp = Some(micros))
            }

            /// Whether running the statement twice does the same as running it once, so that it
            /// may be run again when nobody knows whether it was.
            #[must_use]
            pub fn idempotent(&self, idempotent: bool) -> Self {
                self.with(|options| options.idempotent = idempotent)
            }

            /// Whether the server shall trace the statement.
            #[must_use]
            pub fn tracing(&self, tracing: bool) -> Self {
                self.with(|options| options.tracing = tracing)
            }

            fn with(&self, change: impl FnOnce(&mut StatementOptions)) -> Self {
                let mut changed = self.clone();
                change(&mut changed.options);
                changed
            }
        }
    };
}
options!(Statement);
options!(Prepared);

impl Statement {
    /// The statement of this text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self { text: Text::Plain(text.into()), options: StatementOptions::NONE }
    }

    /// The text of the statement.
    pub fn text(&self) -> &str {
        match &self.text {
            Text::Plain(text) => text,
            Text::Prepared(prepared) => &prepared.text,
        }
    }
}

impl Prepared {
    /// The text of the statement.
    pub fn text(&self) -> &str {
        &self.prepared.text
    }

    /// The variables that values are bound to.
    pub fn variables(&self) -> &[ColumnSpec] {
        &self.prepared.variables
    }
}

impl From<&str> for Statement {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Statement {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&Statement> for Statement {
    fn from(statement: &Statement) -> Self {
        statement.clone()
    }
}

impl From<Prepared> for Statement {
    fn from(prepared: Prepared) -> Self {
        Self { text: Text::Prepared(prepared.prepared), options: prepared.options }
    }
}

impl From<&Prepared> for Statement {
    fn from(prepared: &Prepared) -> Self {
        prepared.clone().into()
    }
}
