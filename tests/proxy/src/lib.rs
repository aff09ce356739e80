//! Runs of the driver through a proxy with faults.
//!
//! A seed decides the faults of each connection of one session ([`Plans`]). The session runs the load of
//! `cqlwire_model` through a [`Proxy`] while the faults are on. Then the faults stop, and the session must
//! recover; every answer and every effect is checked ([`SeedRun`]). Many seeds run at the same time
//! ([`run_seeds`]), before `MockServer` or a real node ([`Server`]).

mod panics;
mod plans;
mod proxy;
mod report;
mod runs;
mod seed_run;
mod server;
mod settings;
mod shrink;

pub use plans::Plans;
pub use proxy::Proxy;
pub use report::{Failure, Summary};
pub use runs::run_seeds;
pub use seed_run::{SeedResult, SeedRun};
pub use server::Server;
pub use settings::Settings;
pub use shrink::shrink;
