//! What needs no server.

mod corpus;
mod floors;
mod properties;
#[path = "../support/strategies.rs"]
mod strategies;
