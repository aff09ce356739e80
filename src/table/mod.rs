//! Whole tables: every row, read from all nodes at once, and rows written to all nodes at once.
//!
//! | files | subject |
//! |---|---|
//! | `scan` | [`Scan`]: the options of a scan, and how it starts |
//! | `source` | the name of a table, and the statement that reads it |
//! | `rows` | [`ScanRows`]: the splits that are read at the same time, and their rows |
//! | `load` | [`Load`]: the options of a load, and how it starts |
//! | `insert` | the statement that writes a row, and its values |
//! | `sink` | [`LoadSink`]: the requests in flight, and their results |
//! | `node_queue`, `in_flight_limit` | the rows of one node, and how many requests it may have in flight |
//! | `row_batches` | the rows that wait, in batches of one partition |
//! | `row_rate` | the number of rows a second |
//! | `transient` | failures after which a request is sent again, and when |

#![allow(clippy::arithmetic_side_effects, reason = "counters of the client itself")]

mod in_flight_limit;
mod insert;
mod load;
mod node_queue;
mod row_batches;
mod row_rate;
mod rows;
mod scan;
mod sink;
mod source;
mod transient;

pub use load::Load;
pub use rows::{ScanProgress, ScanRows};
pub use scan::Scan;
pub use sink::{FailedRow, LoadProgress, LoadSink, LoadSummary};
