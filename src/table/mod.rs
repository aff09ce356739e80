//! Whole tables: every row, read from all nodes at once.
//!
//! | files | subject |
//! |---|---|
//! | `scan` | [`Scan`]: the options of a scan, and how it starts |
//! | `source` | the table, and the statement that reads it |
//! | `plan` | [`ScanPlan`]: the splits of a scan, and how far each has been read |
//! | `plan_form` | the plan as serde's data (`serde-1`) |
//! | `sizes` | the estimated sizes of a table's parts |
//! | `rows` | [`ScanRows`]: the pages and rows of a scan, and its checkpoints |
//! | `reader` | which pages are requested, when, and with how many rows |
//! | `queue`, `page_sizes`, `rate` | the limits: requests in flight, memory, rows a second |
//! | `transient` | the errors after which a request is sent again |
//! | `progress` | [`ScanProgress`] |
//! | `one_node` | a load balancing for tables that differ by node |

#![allow(clippy::arithmetic_side_effects, reason = "counters of the client itself")]

mod one_node;
mod page_sizes;
mod plan;
#[cfg(feature = "serde-1")]
mod plan_form;
mod progress;
mod queue;
mod rate;
mod reader;
mod rows;
mod scan;
mod sizes;
mod source;
mod transient;

pub use plan::{PlannedSplit, ScanPlan};
pub use progress::ScanProgress;
pub use rows::{ScanPage, ScanRows};
pub use scan::{Scan, ScanSource};
#[cfg(feature = "cli")]
pub(crate) use source::TableName;
