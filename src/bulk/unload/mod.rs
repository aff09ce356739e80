//! `cqlwire unload`: writes a table to a file.
//!
//! | file | purpose |
//! |---|---|
//! | `arguments` | the arguments |
//! | `run` | reads the pages and writes the summary |
//! | `target` | the file that is written, and the files of a run that has not ended |
//! | `output` | the thread that writes the rows |
//! | `text_output` | rows as text, formatted and compressed |
//! | `parquet_output` | rows as Parquet |
//! | `sink` | the file or the standard output |
//! | `checkpoint` | what a run that was interrupted has done |

mod arguments;
mod checkpoint;
mod output;
mod parquet_output;
mod run;
mod sink;
mod target;
mod text_output;

pub use arguments::UnloadArgs;
pub use run::unload;
