//! `cqlwire unload`: writes a table to a file.
//!
//! | file | purpose |
//! |---|---|
//! | `arguments` | the arguments |
//! | `run` | reads the pages and writes the summary |
//! | `target` | the file that is written, and the files of a run that has not ended |
//! | `output` | the thread that formats, compresses and writes the rows |
//! | `checkpoint` | what a run that was interrupted has done |

mod arguments;
mod checkpoint;
mod output;
mod run;
mod target;

pub use arguments::UnloadArgs;
pub use run::unload;
