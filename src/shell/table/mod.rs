//! Rows: as tables, one column a line, or for other programs.

mod faults;
mod page;
mod printer;
mod records;

pub(super) use faults::Faults;
pub(super) use page::Page;
pub(super) use printer::{Layout, RowPrinter, print_table};
pub(super) use records::{RecordFormat, RecordPrinter};
