//! The comparison of whole drivers at scale: with many tasks, connections, nodes and tables, with large batches
//! and values, at a fixed rate, and idle.
//!
//! A section is a table, in a file of its own. The client has a runtime of two worker threads. The server runs
//! in a process of its own, or is a real node, so that the CPU time of this process is that of the client. The
//! drivers take turns, so that load from other processes affects all of them. Each row has a verdict about the
//! bars of ours: the last section draws the cost curves of which the others measure the points.

mod batches;
mod cache;
mod cdrs;
mod client;
mod cluster;
mod collections;
mod connections;
mod curves;
mod idle;
mod instructions;
mod latency;
mod nodes;
mod ours;
mod plot;
mod process;
mod report;
mod sample;
mod schema;
mod schema_server;
mod scylla;
mod server;
mod stream;
mod tls;
mod values;

use std::net::SocketAddr;

use server::Server;

pub use idle::run as run_idle;
pub use schema::run as read_schema;
pub use server::serve;

/// A table: its name, and the function that prints the rows whose names contain a filter. The function returns the
/// number of bars that were missed.
type Section = (&'static str, fn(&str, &Servers) -> Result<usize, String>);

const SECTIONS: &[Section] = &[
    ("connections", connections::table),
    ("latency", latency::table),
    ("idle", idle::table),
    ("batches", batches::table),
    ("cache", cache::table),
    ("collections", collections::table),
    ("cluster", cluster::table),
    ("values", values::table),
    ("stream", stream::table),
    ("schema", schema::table),
    ("instructions", instructions::table),
    ("plot", plot::table),
];

/// Runs a row of the sections `instructions` or `connections` on a server. Returns `None` if an argument is invalid.
pub fn run(row: &str, contender: &str, address: &str, requests: &str) -> Option<()> {
    instructions::run(row, contender, address, requests)
        .or_else(|| connections::run(row, contender, address, requests))
}

/// The servers of the sections.
struct Servers {
    /// The address of a real node with the tables of the bench, if the caller named one.
    real_node: Option<SocketAddr>,
}

impl Servers {
    /// Returns the real node, or starts the stub.
    fn node(&self) -> Result<Server, String> {
        match self.real_node {
            Some(address) => Ok(Server::at(address)),
            None => Server::start("stub"),
        }
    }
}

/// Prints the tables. `filter` is the name of a section, or a part of the names of rows.
pub fn table(filter: &str, contact_point: Option<&str>) -> Result<(), String> {
    let real_node = contact_point.map(crate::driver::real_node).transpose()?;
    let servers = Servers { real_node };
    let missed = match SECTIONS.iter().find(|(name, _)| *name == filter) {
        Some((_, table)) => table("", &servers)?,
        None => {
            let mut missed = 0;
            for (_, table) in SECTIONS {
                missed += table(filter, &servers)?;
            }
            missed
        }
    };
    match missed {
        0 => Ok(()),
        _ => Err(format!("{missed} bars are missed")),
    }
}
