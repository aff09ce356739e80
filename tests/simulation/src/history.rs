//! The record of one simulation, with which two runs of a seed are compared.

use std::{
    hash::Hasher,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

/// The record of all bytes that nodes have sent and received, as a hash. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct History(Arc<Mutex<Record>>);

#[derive(Debug)]
struct Record {
    begin: Instant,
    hasher: std::hash::DefaultHasher,
    events: u64,
    bytes: u64,
    is_printed: bool,
}

/// The record of one connection.
#[derive(Debug)]
pub(crate) struct ConnectionHistory {
    history: History,
    connection: u16,
}

impl Default for History {
    fn default() -> Self {
        let (begin, hasher) = (Instant::now(), std::hash::DefaultHasher::new());
        Self(Arc::new(Mutex::new(Record { begin, hasher, events: 0, bytes: 0, is_printed: false })))
    }
}

impl History {
    /// Prints each event from now on.
    pub(crate) fn print(&self) {
        self.record().is_printed = true;
    }

    /// Returns a hash of all events: their times, connections and bytes.
    pub(crate) fn hash(&self) -> u64 {
        self.record().hasher.finish()
    }

    /// Returns the number of reads and writes of the nodes.
    pub(crate) fn events(&self) -> u64 {
        self.record().events
    }

    /// Returns the record of the connection with this number.
    pub(crate) fn connection(&self, connection: u16) -> ConnectionHistory {
        ConnectionHistory { history: self.clone(), connection }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionHistory {
    pub(crate) fn record_received(&self, bytes: &[u8]) {
        self.add("received", bytes);
    }

    pub(crate) fn record_sent(&self, bytes: &[u8]) {
        self.add("sent", bytes);
    }

    fn add(&self, direction: &str, bytes: &[u8]) {
        let mut record = self.history.record();
        let time = record.begin.elapsed();
        record.hasher.write_u128(time.as_micros());
        record.hasher.write_u16(self.connection);
        record.hasher.write(direction.as_bytes());
        record.hasher.write(bytes);
        record.events += 1;
        record.bytes += bytes.len() as u64;
        if record.is_printed {
            let number = self.connection;
            eprintln!(
                "{time:>10.3?} connection {number}: server {direction} {} bytes",
                bytes.len()
            );
        }
    }
}
