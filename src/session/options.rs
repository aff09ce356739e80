//! How statements are to be run.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::cql::is_read_only;
use super::{RetryPolicy, SpeculativeExecution};
use crate::cluster::LoadBalancing;
use crate::wire::{BytesMap, Consistency};

/// How a statement is to be run; `None` is what its profile says, and then the session.
#[derive(Debug, Clone, Default)]
pub(super) struct Options {
    pub(super) consistency: Option<Consistency>,
    pub(super) serial_consistency: Option<Consistency>,
    pub(super) page_size: Option<i32>,
    pub(super) timeout: Option<Option<Duration>>,
    pub(super) attempt_timeout: Option<Duration>,
    pub(super) timestamp: Option<i64>,
    pub(super) idempotent: Option<bool>,
    pub(super) tracing: Option<bool>,
    pub(super) extra: Option<Arc<ExtraOptions>>,
    /// What fills in for what these do not say.
    pub(super) profile: Option<ExecutionProfile>,
}

/// What few statements say.
#[derive(Clone, Default)]
pub(super) struct ExtraOptions {
    pub(super) keyspace: Option<Arc<str>>,
    pub(super) now_in_seconds: Option<i32>,
    pub(super) custom_payload: Option<BytesMap>,
    pub(super) routing_key: Option<Bytes>,
    pub(super) retry: Option<Arc<dyn RetryPolicy>>,
    pub(super) speculative: Option<Option<SpeculativeExecution>>,
    pub(super) balancing: Option<Arc<dyn LoadBalancing>>,
}

/// The routing key and the payload are values, and are not shown.
impl fmt::Debug for ExtraOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtraOptions")
            .field("keyspace", &self.keyspace)
            .field("now_in_seconds", &self.now_in_seconds)
            .field("retry", &self.retry)
            .field("speculative", &self.speculative)
            .field("balancing", &self.balancing)
            .finish_non_exhaustive()
    }
}

/// How statements of one kind are to be run: given to as many of them as are of that kind.
///
/// What a statement says itself goes before its profile, and the profile before the session.
///
/// ```
/// use std::time::Duration;
///
/// use cqlwire::session::{ExecutionProfile, Statement};
/// use cqlwire::wire::Consistency;
///
/// let reports = ExecutionProfile::new()
///     .consistency(Consistency::One)
///     .timeout(Duration::from_secs(60))
///     .idempotent(true);
/// let select = Statement::new("SELECT * FROM sales").profile(&reports).page_size(10_000);
/// ```
#[derive(Debug, Clone, Default)]
pub struct ExecutionProfile {
    options: Arc<Options>,
}

impl ExecutionProfile {
    /// A profile that says nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(Arc::make_mut(&mut self.options));
        self
    }
}

impl Options {
    /// Says nothing.
    pub(super) const NONE: Self = Self {
        consistency: None,
        serial_consistency: None,
        page_size: None,
        timeout: None,
        attempt_timeout: None,
        timestamp: None,
        idempotent: None,
        tracing: None,
        extra: None,
        profile: None,
    };

    pub(super) fn extra_mut(&mut self) -> &mut ExtraOptions {
        Arc::make_mut(self.extra.get_or_insert_default())
    }
}

/// What is done where nobody has said anything.
const DEFAULT_CONSISTENCY: Consistency = Consistency::LocalOne;
const DEFAULT_PAGE_SIZE: i32 = 5_000;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The options of a statement, and who is asked where they say nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct EffectiveOptions<'o> {
    own: &'o Options,
    session: &'o Options,
}

impl<'o> EffectiveOptions<'o> {
    pub(super) const fn new(own: &'o Options, session: &'o Options) -> Self {
        Self { own, session }
    }

    /// The options of the statement, for longer.
    pub(super) fn own(self) -> Options {
        self.own.clone()
    }

    /// The first answer of the statement, its profile and the session.
    #[inline]
    fn first<T>(self, of: impl Fn(&'o Options) -> Option<T>) -> Option<T> {
        let with_profile = |options: &'o Options, of: &dyn Fn(&'o Options) -> Option<T>| {
            of(options).or_else(|| of(&options.profile.as_ref()?.options))
        };
        with_profile(self.own, &of).or_else(|| with_profile(self.session, &of))
    }

    #[inline]
    fn extra<T>(self, of: impl Fn(&'o ExtraOptions) -> Option<T>) -> Option<T> {
        self.first(|options| options.extra.as_deref().and_then(&of))
    }

    pub(super) fn consistency(self) -> Consistency {
        self.first(|options| options.consistency).unwrap_or(DEFAULT_CONSISTENCY)
    }

    pub(super) fn serial_consistency(self) -> Option<Consistency> {
        self.first(|options| options.serial_consistency)
    }

    pub(super) fn page_size(self) -> Option<i32> {
        Some(self.first(|options| options.page_size).unwrap_or(DEFAULT_PAGE_SIZE))
            .filter(|rows| *rows > 0)
    }

    /// By when a request must be answered that begins now.
    pub(super) fn deadline(self, begin: Instant) -> Option<Instant> {
        let timeout = self.first(|options| options.timeout).unwrap_or(Some(DEFAULT_TIMEOUT))?;
        begin.checked_add(timeout)
    }

    /// By when an attempt must be answered that begins now.
    pub(super) fn attempt_deadline(self, begin: Instant) -> Option<Instant> {
        let timeout = self.first(|options| options.attempt_timeout)?;
        begin.checked_add(timeout)
    }

    pub(super) fn timestamp(self) -> Option<i64> {
        self.first(|options| options.timestamp)
    }

    /// Whether `statement` may be run twice.
    pub(super) fn idempotent(self, statement: &str) -> bool {
        self.first(|options| options.idempotent).unwrap_or_else(|| is_read_only(statement))
    }

    pub(super) fn tracing(self) -> bool {
        self.first(|options| options.tracing).unwrap_or(false)
    }

    pub(super) fn keyspace(self) -> Option<&'o str> {
        self.extra(|extra| extra.keyspace.as_deref())
    }

    pub(super) fn now_in_seconds(self) -> Option<i32> {
        self.extra(|extra| extra.now_in_seconds)
    }

    pub(super) fn custom_payload(self) -> Option<&'o BytesMap> {
        self.extra(|extra| extra.custom_payload.as_ref())
    }

    pub(super) fn routing_key(self) -> Option<&'o Bytes> {
        self.extra(|extra| extra.routing_key.as_ref())
    }

    pub(super) fn retry(self) -> Option<&'o dyn RetryPolicy> {
        self.extra(|extra| extra.retry.as_deref())
    }

    pub(super) fn speculative(self) -> Option<SpeculativeExecution> {
        self.extra(|extra| extra.speculative).flatten()
    }

    pub(super) fn balancing(self) -> Option<&'o dyn LoadBalancing> {
        self.extra(|extra| extra.balancing.as_deref())
    }
}

/// The setters of everything that has options: each gives a changed one.
macro_rules! options {
    ($name:ty, $self:ident, $($receiver:tt)+) => {
        impl $name {
            /// How many replicas must answer.
            #[must_use]
            pub fn consistency($($receiver)+, consistency: Consistency) -> Self {
                $self.with(|options| options.consistency = Some(consistency))
            }

            /// The consistency of the serial phase of a conditional statement.
            #[must_use]
            pub fn serial_consistency($($receiver)+, consistency: Consistency) -> Self {
                $self.with(|options| options.serial_consistency = Some(consistency))
            }

            /// How many rows a page has, more or less. Zero or less: all of them.
            #[must_use]
            pub fn page_size($($receiver)+, rows: i32) -> Self {
                $self.with(|options| options.page_size = Some(rows))
            }

            /// How long to wait for an answer, preparing the statement and attempts to make the
            /// request again included; for ever if `None`.
            #[must_use]
            pub fn timeout($($receiver)+, timeout: impl Into<Option<Duration>>) -> Self {
                $self.with(|options| options.timeout = Some(timeout.into()))
            }

            /// How long to wait for one node, before the [retry policy](Self::retry_policy) is
            /// asked whether to try another. Default: as long as the whole request may take.
            #[must_use]
            pub fn attempt_timeout($($receiver)+, timeout: Duration) -> Self {
                $self.with(|options| options.attempt_timeout = Some(timeout))
            }

            /// When the statement was made, in microseconds since 1970. Default: now, by the
            /// session's clock.
            #[must_use]
            pub fn timestamp($($receiver)+, micros: i64) -> Self {
                $self.with(|options| options.timestamp = Some(micros))
            }

            /// Whether running the statement twice does the same as running it once, so that it
            /// may be run again when nobody knows whether it was. Default: whether it is a SELECT.
            #[must_use]
            pub fn idempotent($($receiver)+, idempotent: bool) -> Self {
                $self.with(|options| options.idempotent = Some(idempotent))
            }

            /// Whether the server shall trace the statement: see
            /// [`Session::trace`](crate::session::Session::trace). Default: no.
            #[must_use]
            pub fn tracing($($receiver)+, tracing: bool) -> Self {
                $self.with(|options| options.tracing = Some(tracing))
            }

            /// The keyspace of the statement, in place of the session's (v5 §4.1.4).
            #[must_use]
            pub fn keyspace($($receiver)+, keyspace: impl Into<Arc<str>>) -> Self {
                $self.with(|options| options.extra_mut().keyspace = Some(keyspace.into()))
            }

            /// What the server is to take for the present, in seconds since 1970, for the TTLs of
            /// the statement (v5 §4.1.4).
            #[must_use]
            pub fn now_in_seconds($($receiver)+, seconds: i32) -> Self {
                $self.with(|options| options.extra_mut().now_in_seconds = Some(seconds))
            }

            /// Data for the server's own query handler (v4 and later).
            #[must_use]
            pub fn custom_payload($($receiver)+, payload: BytesMap) -> Self {
                $self.with(|options| options.extra_mut().custom_payload = Some(payload))
            }

            /// The partition key, serialized, for statements whose values do not tell it.
            #[must_use]
            pub fn routing_key($($receiver)+, key: impl Into<Bytes>) -> Self {
                $self.with(|options| options.extra_mut().routing_key = Some(key.into()))
            }

            /// Who decides whether a request is made again.
            #[must_use]
            pub fn retry_policy($($receiver)+, policy: impl RetryPolicy + 'static) -> Self {
                $self.with(|options| options.extra_mut().retry = Some(Arc::new(policy)))
            }

            /// When another node is asked while the first has not answered yet; never if `None`.
            /// Only of statements that are [idempotent](Self::idempotent).
            #[must_use]
            pub fn speculative_execution(
                $($receiver)+,
                speculative: impl Into<Option<SpeculativeExecution>>,
            ) -> Self {
                $self.with(|options| options.extra_mut().speculative = Some(speculative.into()))
            }

            /// Who chooses the node. Which nodes have connections is what the session's says.
            #[must_use]
            pub fn load_balancing($($receiver)+, balancing: impl LoadBalancing + 'static) -> Self {
                $self.with(|options| options.extra_mut().balancing = Some(Arc::new(balancing)))
            }

            /// What fills in for what is not said here.
            #[must_use]
            pub fn profile($($receiver)+, profile: &ExecutionProfile) -> Self {
                $self.with(|options| options.profile = Some(profile.clone()))
            }
        }
    };
}
pub(super) use options;

options!(ExecutionProfile, self, self);
