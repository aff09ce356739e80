//! Whole tables: every row, read from all nodes at once, and rows written to all nodes at once.
//!
//! | files | subject |
//! |---|---|
//! | `scan` | [`Scan`]: the options of a scan, and how it starts |
//! | `table_name`, `columns` | the name of a table, and its columns |
//! | `source` | what a scan reads of a table, and the statement that reads it |
//! | `plan` | [`ScanPlan`]: the splits of a scan, and how far each has been read |
//! | `plan_form` | the plan as serde's data (`serde-1`) |
//! | `sizes` | the estimated sizes of a table's parts |
//! | `rows` | [`ScanRows`]: the pages and rows of a scan, and its checkpoints |
//! | `reader` | which pages are requested, when, and with how many rows |
//! | `queue`, `page_sizes`, `rate` | the limits of a scan: requests in flight, memory, rows a second |
//! | `progress` | [`ScanProgress`] |
//! | `one_node` | a load balancing for tables that differ by node |
//! | `load` | [`Load`]: the options of a load, and how it starts |
//! | `insert` | the statement that writes a row, and its values |
//! | `sink` | [`LoadSink`]: the requests in flight, and their results |
//! | `node_queue`, `in_flight_limit` | the rows of one node, and how many requests it may have in flight |
//! | `replica_set` | which nodes have the replicas of a row |
//! | `row_batches` | the rows that wait, in batches of the same replicas |
//! | `row_rate` | the limit of a load: rows a second |
//! | `transient` | failures after which a request is sent again, and when |

#![allow(clippy::arithmetic_side_effects, reason = "counters of the client itself")]

#[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "the programs select all columns"))]
mod columns;
mod in_flight_limit;
mod insert;
mod load;
mod node_queue;
mod one_node;
mod page_sizes;
mod plan;
#[cfg(feature = "serde-1")]
mod plan_form;
mod progress;
mod queue;
mod rate;
mod reader;
mod replica_set;
mod row_batches;
mod row_rate;
mod rows;
mod scan;
mod sink;
mod sizes;
mod source;
mod table_name;
mod transient;

pub use load::Load;
pub use plan::{PlannedSplit, ScanPlan};
pub use progress::ScanProgress;
pub use rows::{ScanPage, ScanRows};
pub use scan::{Scan, ScanSource};
pub use sink::{FailedRow, LoadProgress, LoadSink, LoadSummary};
#[cfg(feature = "cli")]
pub(crate) use {columns::TableColumns, table_name::TableName};
