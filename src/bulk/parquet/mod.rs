//! Files in the format Apache Parquet.
//!
//! | file | purpose |
//! |---|---|
//! | `batches` | reads record batches of Arrow, in bounded memory |
//! | `metadata` | reads the footer of a file |
//! | `schema_depth` | checks the depth of the schema in a footer |
//! | `cell` | the cells of an Arrow array, in few forms |
//! | `value` | converts cells to CQL values |
//! | `json` | rows as JSON lines, for the error files |
//! | `reader` | reads the rows of a table |
//! | `writer` | writes the pages of a scan or of a statement |
//! | `text_durations` | durations as text, which Parquet cannot hold otherwise |
//! | `caught` | returns the panics of the crate parquet as errors |

mod batches;
mod caught;
mod cell;
mod json;
mod metadata;
mod reader;
mod schema_depth;
mod text_durations;
mod value;
mod writer;

pub use json::JsonRows;
pub use reader::{InvalidRow, ParquetFile, ParquetReader, ParquetRow, ParquetRows};
pub use writer::ParquetWriter;

use crate::cli::Failure;

/// Checks that the program can read and write Parquet.
///
/// # Errors
/// Returns no error, because the feature `parquet` is enabled.
#[expect(clippy::unnecessary_wraps, reason = "builds without the feature return an error")]
pub(super) fn check_parquet_is_built() -> Result<(), Failure> {
    Ok(())
}
