//! Whole tables: every row, read from all nodes at once.
//!
//! | files | subject |
//! |---|---|
//! | `scan` | [`Scan`]: the options of a scan, and how it starts |
//! | `source` | the name of a table, and the statement that reads it |
//! | `rows` | [`ScanRows`]: the splits that are read at the same time, and their rows |

#![allow(clippy::arithmetic_side_effects, reason = "counters of the client itself")]

mod rows;
mod scan;
mod source;

pub use rows::{ScanProgress, ScanRows};
pub use scan::Scan;
