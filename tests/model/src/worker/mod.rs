//! Workers, which send requests one at a time and know their right answers.

mod appends;
mod counter;
mod register;
mod rows;

pub(crate) use appends::Appends;
pub(crate) use counter::Counter;
pub(crate) use register::Register;
pub(crate) use rows::{Rows, payload};

use cqlwire::session::Session;

use crate::{outcome::Kind, tables::Tables, tally::Tally};

/// A sender of requests that writes only rows of its own, with its expectations of the tables.
pub struct Worker {
    pub(crate) rows: Rows,
    pub(crate) counter: Counter,
    pub(crate) register: Register,
    pub(crate) appends: Appends,
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
            tally: Tally::default(),
        }
    }

    /// Sends one request, and checks its answer. [`Kind::Read`] sends nothing before the first row was
    /// acknowledged.
    ///
    /// The future can be dropped at any await point. The outcome of the request is then uncertain, and
    /// the worker can send the next request.
    pub async fn request(&mut self, kind: Kind, session: &Session, tables: &Tables) {
        let Self { rows, counter, register, appends, tally } = self;
        match kind {
            Kind::Insert | Kind::UnmarkedInsert => rows.insert(kind, session, tables, tally).await,
            Kind::Read => rows.read(session, tables, tally).await,
            Kind::Increment => counter.increment(session, tables, tally).await,
            Kind::Swap => register.swap(session, tables, tally).await,
            Kind::Append => appends.append(session, tables, tally).await,
        }
    }

    /// Returns the counts of the requests so far, with the violations that their answers showed.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }
}
