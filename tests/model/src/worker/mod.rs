//! Workers, which send requests one at a time and know their right answers.

mod appends;
mod batches;
mod counter;
mod payload;
mod register;
mod rows;
mod versions;

pub(crate) use appends::Appends;
pub(crate) use batches::{Batches, RowKey, check_row};
pub(crate) use counter::Counter;
pub(crate) use payload::payload;
pub(crate) use register::Register;
pub(crate) use rows::Rows;
pub(crate) use versions::Versions;

use std::time::Duration;

use cqlwire::session::Session;
use tokio::time::timeout;

use crate::{
    outcome::{Kind, Outcome},
    tables::Tables,
    tally::Tally,
    violation::Violation,
};

/// A sender of requests that writes only rows of its own, with its expectations of the tables.
///
/// All requests of a worker use one session, or sessions whose timestamps increase from one to the
/// next: [`Kind::Overwrite`] expects that the later write wins.
pub struct Worker {
    pub(crate) rows: Rows,
    pub(crate) counter: Counter,
    pub(crate) register: Register,
    pub(crate) appends: Appends,
    pub(crate) logged: Batches,
    pub(crate) unlogged: Batches,
    pub(crate) versions: Versions,
    pub(crate) tally: Tally,
}

impl Worker {
    /// Creates a worker. The workers on the same tables have different numbers. [`Kind::Swap`] needs
    /// a register for the number: see [`Tables::create_registers`].
    pub fn new(number: u32) -> Self {
        Self {
            rows: Rows::new(number),
            counter: Counter::new(number),
            register: Register::new(number),
            appends: Appends::new(number),
            logged: Batches::new(number, Kind::LoggedBatch),
            unlogged: Batches::new(number, Kind::UnloggedBatch),
            versions: Versions::new(number),
            tally: Tally::default(),
        }
    }

    /// Sends one request, checks its answer, and returns its outcome. Returns `None` if there was nothing
    /// to send: [`Kind::Read`] needs an acknowledged row, and [`Kind::ReadPartition`] a batch.
    ///
    /// The future can be dropped at any await point: see [`limit_polls`](crate::limit_polls). The outcome
    /// of the request is then uncertain, and the worker can send the next request.
    pub async fn request(
        &mut self,
        kind: Kind,
        session: &Session,
        tables: &Tables,
    ) -> Option<Outcome> {
        let before = self.tally.counts(kind);
        self.send(kind, session, tables).await;
        self.tally.counts(kind).outcome_since(before)
    }

    async fn send(&mut self, kind: Kind, session: &Session, tables: &Tables) {
        let Self { rows, counter, register, appends, logged, unlogged, versions, tally } = self;
        match kind {
            Kind::Insert | Kind::UnmarkedInsert => rows.insert(kind, session, tables, tally).await,
            Kind::Read => rows.read(session, tables, tally).await,
            Kind::Increment => counter.increment(session, tables, tally).await,
            Kind::Swap => register.swap(session, tables, tally).await,
            Kind::Append => appends.append(session, tables, tally).await,
            Kind::LoggedBatch => logged.write(session, tables, tally).await,
            Kind::UnloggedBatch => unlogged.write(session, tables, tally).await,
            Kind::Overwrite => versions.write(session, tables, tally).await,
            Kind::ReadPartition => {
                let is_even = tally.counts(kind).begun.is_multiple_of(2);
                match unlogged.is_empty() || is_even && !logged.is_empty() {
                    true => logged.read(session, tables, tally).await,
                    false => unlogged.read(session, tables, tally).await,
                }
            }
            Kind::ReadTable => versions.read(session, tables, tally).await,
        }
    }

    /// Sends one request, as [`Self::request`] does. If it does not end within `limit`, it is cancelled
    /// and counts as [`Violation::Unended`].
    pub async fn request_within(
        &mut self,
        limit: Duration,
        kind: Kind,
        session: &Session,
        tables: &Tables,
    ) {
        if timeout(limit, self.request(kind, session, tables)).await.is_err() {
            let example = || format!("{} did not end within {limit:?}", kind.name());
            self.tally.violation(Violation::Unended, example);
        }
    }

    /// Returns the counts of the requests so far, with the violations that their answers showed.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }
}
