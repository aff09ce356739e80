//! `cqlwire load`: writes the rows of files to a table.
//!
//! | file | purpose |
//! |---|---|
//! | `arguments` | the command line arguments |
//! | `run` | connects, and passes the rows to a [`LoadSink`](crate::table::LoadSink) |
//! | `input_options` | the options of reading inputs |
//! | `input_plan` | the inputs, which have the same columns |
//! | `input_row` | the rows, with their encoded values |
//! | `planned_input` | the format of an input, its header, and the columns of its fields |
//! | `input_thread` | the thread that reads and parses the inputs |
//! | `error_files` | the rows that could not be loaded, for all inputs |
//! | `checkpoint` | the checkpoint file |

mod arguments;
mod checkpoint;
mod error_files;
mod input_options;
mod input_plan;
mod input_row;
mod input_thread;
mod planned_input;
mod run;

pub use arguments::LoadArgs;
pub use run::run;
