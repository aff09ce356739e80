//! The comparison of whole drivers at scale: with many tasks and connections, with large batches, and
//! with large schemas.
//!
//! A section is a table, in a file of its own. The client has a runtime of two worker threads. The server runs
//! in a process of its own, or is a real node, so that the CPU time of this process is that of the client. The
//! drivers take turns, so that load from other processes affects all of them.

mod batches;
mod cache;
mod cluster;
mod collections;
mod connections;
mod instructions;
mod nodes;
mod ours;
mod sample;
mod schema;
mod schema_server;
mod scylla;
mod server;
mod values;

use std::net::SocketAddr;

use server::Server;

pub use instructions::run;
pub use schema::run as read_schema;
pub use server::serve;

/// A table: its name, and the function that prints the rows whose names contain a filter.
type Section = (&'static str, fn(&str, &Servers) -> Result<(), String>);

const SECTIONS: &[Section] = &[
    ("connections", connections::table),
    ("batches", batches::table),
    ("cache", cache::table),
    ("collections", collections::table),
    ("cluster", cluster::table),
    ("values", values::table),
    ("schema", schema::table),
    ("instructions", instructions::table),
];

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
    match SECTIONS.iter().find(|(name, _)| *name == filter) {
        Some((_, table)) => table("", &servers),
        None => SECTIONS.iter().try_for_each(|(_, table)| table(filter, &servers)),
    }
}

/// Prints the head of a table, unless no row's name contains `filter`. Returns true if there are rows.
fn head(
    title: &str,
    columns: &[&str],
    filter: &str,
    mut names: impl Iterator<Item = String>,
) -> bool {
    let has_rows = names.any(|name| name.contains(filter));
    if has_rows {
        println!("\n{title}\n\n| {} |\n|{}", columns.join(" | "), "---|".repeat(columns.len()));
    }
    has_rows
}
