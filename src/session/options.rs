//! Options of requests: setters, profiles, and which setting takes effect.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::retry::RetryPolicy;
use super::speculative::SpeculativeExecution;
use crate::cluster::LoadBalancing;
use crate::cql::is_transaction;
use crate::wire::{BytesMap, Consistency};

/// The options of a statement, a batch, a profile or a session. `None` means that the option is not
/// set here; [`EffectiveOptions`] then looks it up elsewhere.
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
    /// Supplies the options that are not set here.
    pub(super) profile: Option<ExecutionProfile>,
}

/// Options that few statements set. They are kept apart so that a statement stays small.
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

/// Omits the routing key and the custom payload, because they contain values.
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

/// A set of options shared by many statements.
///
/// If a statement or batch does not set an option, its profile supplies the option. If the profile
/// does not set the option either, the session does.
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
    /// Returns a profile that sets no option.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the page size of a statement that sets no option but this profile.
    pub(super) fn page_size_in(&self, session: &Options) -> Option<i32> {
        EffectiveOptions::new(&self.options, session).page_size()
    }

    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(Arc::make_mut(&mut self.options));
        self
    }
}

impl Options {
    /// Options of which none is set.
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

/// The consistency of a statement for which none is set, unless the statement is a transaction.
const DEFAULT_CONSISTENCY: Consistency = Consistency::LocalOne;

/// The consistency of a transaction for which none is set. Accord refuses to write at LOCAL_ONE.
const DEFAULT_TRANSACTION_CONSISTENCY: Consistency = Consistency::Quorum;

/// Returns the consistency of a statement for which none is set.
const fn default_consistency(is_transaction: bool) -> Consistency {
    match is_transaction {
        true => DEFAULT_TRANSACTION_CONSISTENCY,
        false => DEFAULT_CONSISTENCY,
    }
}

const DEFAULT_PAGE_SIZE: i32 = 5_000;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The options that take effect for one request. Each is looked up in the statement, the
/// statement's profile, the session and the session's profile, in this order.
#[derive(Debug, Clone, Copy)]
pub(super) struct EffectiveOptions<'o> {
    statement: &'o Options,
    session: &'o Options,
}

impl<'o> EffectiveOptions<'o> {
    pub(super) const fn new(statement: &'o Options, session: &'o Options) -> Self {
        Self { statement, session }
    }

    /// Returns a copy of the statement's own options, for a task that outlives the statement.
    pub(super) fn to_statement_options(self) -> Options {
        self.statement.clone()
    }

    /// Returns the first value that is set; `None` if the option is set nowhere.
    #[inline]
    fn first<T>(self, get: impl Fn(&'o Options) -> Option<T>) -> Option<T> {
        let with_profiles = |mut options: &'o Options| {
            loop {
                match (get(options), &options.profile) {
                    // A profile may have a profile of its own.
                    (None, Some(profile)) => options = &profile.options,
                    (found, _) => return found,
                }
            }
        };
        with_profiles(self.statement).or_else(|| with_profiles(self.session))
    }

    #[inline]
    fn first_extra<T>(self, get: impl Fn(&'o ExtraOptions) -> Option<T>) -> Option<T> {
        self.first(|options| options.extra.as_deref().and_then(&get))
    }

    /// Returns the consistency; `statement` decides if none is set.
    pub(super) fn consistency(self, statement: &str) -> Consistency {
        self.first(|options| options.consistency)
            .unwrap_or_else(|| default_consistency(is_transaction(statement)))
    }

    /// Returns the consistency; `is_transaction` decides if none is set.
    pub(super) fn consistency_of(self, is_transaction: bool) -> Consistency {
        self.first(|options| options.consistency)
            .unwrap_or_else(|| default_consistency(is_transaction))
    }

    pub(super) fn serial_consistency(self) -> Option<Consistency> {
        self.first(|options| options.serial_consistency)
    }

    /// Returns the page size in rows; `None` if paging is off.
    pub(super) fn page_size(self) -> Option<i32> {
        Some(self.first(|options| options.page_size).unwrap_or(DEFAULT_PAGE_SIZE))
            .filter(|rows| *rows > 0)
    }

    /// Returns the deadline of a request that begins at `begin`; `None` if the request timeout is
    /// off.
    pub(super) fn deadline(self, begin: Instant) -> Option<Instant> {
        let timeout = self.first(|options| options.timeout).unwrap_or(Some(DEFAULT_TIMEOUT))?;
        begin.checked_add(timeout)
    }

    /// Returns the deadline of an attempt that begins at `begin`; `None` if no attempt timeout is
    /// set.
    pub(super) fn attempt_deadline(self, begin: Instant) -> Option<Instant> {
        let timeout = self.first(|options| options.attempt_timeout)?;
        begin.checked_add(timeout)
    }

    pub(super) fn timestamp(self) -> Option<i64> {
        self.first(|options| options.timestamp)
    }

    /// Returns true if executing the statement twice has the same effect as executing it once.
    pub(super) fn idempotent(self, read_only: bool) -> bool {
        self.first(|options| options.idempotent).unwrap_or(read_only)
    }

    pub(super) fn tracing(self) -> bool {
        self.first(|options| options.tracing).unwrap_or(false)
    }

    pub(super) fn keyspace(self) -> Option<&'o str> {
        self.first_extra(|extra| extra.keyspace.as_deref())
    }

    pub(super) fn now_in_seconds(self) -> Option<i32> {
        self.first_extra(|extra| extra.now_in_seconds)
    }

    pub(super) fn custom_payload(self) -> Option<&'o BytesMap> {
        self.first_extra(|extra| extra.custom_payload.as_ref())
    }

    pub(super) fn routing_key(self) -> Option<&'o Bytes> {
        self.first_extra(|extra| extra.routing_key.as_ref())
    }

    pub(super) fn retry(self) -> Option<&'o dyn RetryPolicy> {
        self.first_extra(|extra| extra.retry.as_deref())
    }

    pub(super) fn speculative(self) -> Option<SpeculativeExecution> {
        self.first_extra(|extra| extra.speculative).flatten()
    }

    pub(super) fn balancing(self) -> Option<&'o dyn LoadBalancing> {
        self.first_extra(|extra| extra.balancing.as_deref())
    }
}

/// Declares the setters of a type that has options and a method `with` to change them.
macro_rules! option_setters {
    ($name:ty) => {
        impl $name {
            /// Sets the consistency: how many replicas must answer. Default: LOCAL_ONE, and QUORUM for
            /// [transactions](crate::session#transactions).
            #[must_use]
            pub fn consistency(self, consistency: Consistency) -> Self {
                self.with(|options| options.consistency = Some(consistency))
            }

            /// Sets the consistency of the serial phase of a conditional statement (`IF ...`):
            /// SERIAL or LOCAL_SERIAL. Default: the server uses SERIAL.
            #[must_use]
            pub fn serial_consistency(self, consistency: Consistency) -> Self {
                self.with(|options| options.serial_consistency = Some(consistency))
            }

            /// Sets the page size, in rows; the server may return fewer. Zero or less turns paging
            /// off: the first page then has every row. Default: 5,000.
            #[must_use]
            pub fn page_size(self, rows: i32) -> Self {
                self.with(|options| options.page_size = Some(rows))
            }

            /// Sets the request timeout: the time in which the request must be answered, including
            /// preparation and retries. `None` means no timeout. With zero, the request fails at
            /// once. Default: 10 s. A statement that changed the schema also waits for
            /// [schema agreement](crate::session::SessionBuilder::schema_agreement).
            #[must_use]
            pub fn timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
                self.with(|options| options.timeout = Some(timeout.into()))
            }

            /// Sets the timeout of one attempt on one node. When it expires, the
            /// [retry policy](Self::retry_policy) decides whether to try another node. Default: the
            /// time left until the request times out.
            #[must_use]
            pub fn attempt_timeout(self, timeout: Duration) -> Self {
                self.with(|options| options.attempt_timeout = Some(timeout))
            }

            /// Sets the write timestamp, in microseconds since 1970. Default: the next value of the
            /// session's [`TimestampGenerator`](crate::session::TimestampGenerator).
            #[must_use]
            pub fn timestamp(self, micros: i64) -> Self {
                self.with(|options| options.timestamp = Some(micros))
            }

            /// Sets whether executing the statement twice has the same effect as executing it once.
            /// An idempotent statement is retried even if the failed attempt may have been applied. It
            /// is also sent to another node if its node
            /// [stops answering](crate::session#nodes-that-stop-answering).
            /// Default: true for a SELECT and for a transaction that only reads, false otherwise.
            #[must_use]
            pub fn idempotent(self, idempotent: bool) -> Self {
                self.with(|options| options.idempotent = Some(idempotent))
            }

            /// Sets whether the server traces the statement: see
            /// [`Session::trace`](crate::session::Session::trace). Default: false.
            #[must_use]
            pub fn tracing(self, tracing: bool) -> Self {
                self.with(|options| options.tracing = Some(tracing))
            }

            /// Sets the keyspace for tables that the statement names without a keyspace (v5
            /// §4.1.4). Only v5 can send this option; in lower versions the request fails. Default:
            /// the session's keyspace.
            #[must_use]
            pub fn keyspace(self, keyspace: impl Into<Arc<str>>) -> Self {
                self.with(|options| options.extra_mut().keyspace = Some(keyspace.into()))
            }

            /// Sets the time that the server uses as the present when it computes TTLs, in seconds
            /// since 1970 (v5 §4.1.4). Only v5 can send this option; in lower versions the request
            /// fails. Default: the server's clock.
            #[must_use]
            pub fn now_in_seconds(self, seconds: i32) -> Self {
                self.with(|options| options.extra_mut().now_in_seconds = Some(seconds))
            }

            /// Sets the custom payload, for servers with a custom query handler. v3 cannot send a
            /// custom payload; in v3 the request fails. Default: none.
            #[must_use]
            pub fn custom_payload(self, payload: BytesMap) -> Self {
                self.with(|options| options.extra_mut().custom_payload = Some(payload))
            }

            /// Sets the routing key: the serialized partition key, by which the driver chooses a
            /// replica. Default: computed from the bound values of a prepared statement, which are the
            /// partition key or the ends of a range of tokens.
            #[must_use]
            pub fn routing_key(self, key: impl Into<Bytes>) -> Self {
                self.with(|options| options.extra_mut().routing_key = Some(key.into()))
            }

            /// Sets the policy that decides whether a failed request is retried. Default: the
            /// session's policy.
            #[must_use]
            pub fn retry_policy(self, policy: impl RetryPolicy + 'static) -> Self {
                self.with(|options| options.extra_mut().retry = Some(Arc::new(policy)))
            }

            /// Sets when the request is also sent to another node because the first one is slow;
            /// `None` turns speculative execution off. Only [idempotent](Self::idempotent)
            /// statements are executed speculatively. Default: off.
            #[must_use]
            pub fn speculative_execution(
                self,
                speculative: impl Into<Option<SpeculativeExecution>>,
            ) -> Self {
                self.with(|options| options.extra_mut().speculative = Some(speculative.into()))
            }

            /// Sets the policy that chooses the node for each attempt. The policy chooses among the
            /// nodes to which the session's policy keeps connections. Default: the session's
            /// policy.
            #[must_use]
            pub fn load_balancing(self, balancing: impl LoadBalancing + 'static) -> Self {
                self.with(|options| options.extra_mut().balancing = Some(Arc::new(balancing)))
            }

            /// Sets the profile, which supplies the options that are not set here. Default: none.
            #[must_use]
            pub fn profile(self, profile: &ExecutionProfile) -> Self {
                self.with(|options| options.profile = Some(profile.clone()))
            }
        }
    };
}
pub(super) use option_setters;

option_setters!(ExecutionProfile);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_comes_from_the_statement_then_profiles_then_the_session() {
        let base = ExecutionProfile::new().page_size(1).tracing(true).timestamp(1);
        let profile = ExecutionProfile::new().page_size(2).timestamp(2).profile(&base);
        let statement =
            Options { timestamp: Some(3), profile: Some(profile), ..Options::default() };
        let fallback = ExecutionProfile::new().idempotent(true).consistency(Consistency::Two);
        let session = Options {
            consistency: Some(Consistency::All),
            tracing: Some(false),
            profile: Some(fallback),
            ..Options::default()
        };
        let options = EffectiveOptions::new(&statement, &session);
        assert_eq!(options.timestamp(), Some(3));
        assert_eq!(options.page_size(), Some(2));
        assert!(options.tracing());
        assert_eq!(options.consistency("SELECT 1"), Consistency::All);
        assert!(options.idempotent(false));
        assert_eq!(options.serial_consistency(), None);
    }

    #[test]
    fn the_default_consistency_of_transactions_is_one_that_accord_accepts() {
        let transaction = "BEGIN TRANSACTION UPDATE t SET v = 1 WHERE k = 1; COMMIT TRANSACTION";
        let default = EffectiveOptions::new(&Options::NONE, &Options::NONE);
        assert_eq!(default.consistency("SELECT v FROM t"), Consistency::LocalOne);
        assert_eq!(default.consistency(transaction), Consistency::Quorum);
        let session = Options { consistency: Some(Consistency::LocalOne), ..Options::NONE };
        let chosen = EffectiveOptions::new(&Options::NONE, &session);
        assert_eq!(chosen.consistency(transaction), Consistency::LocalOne);
    }
}
