//! Checkpoints: what a run that was interrupted has done.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::target::with_extension;
use crate::table::ScanPlan;

/// What a run has done: the rows that `plan` has read have been written.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    /// The arguments that decide what the file contains.
    pub(super) run: String,
    pub(super) written: Written,
    pub(super) plan: ScanPlan,
}

/// What has been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Written {
    /// Number of rows in the file.
    pub(super) rows: u64,
    /// Length of the file in bytes.
    pub(super) bytes: u64,
}

impl Checkpoint {
    /// Reads a checkpoint. Returns `None` if the file does not exist.
    ///
    /// # Errors
    /// Returns the reason, which names the file.
    pub(super) fn read(file: &Path) -> Result<Option<Self>, String> {
        read_json(file)
    }

    /// Replaces the checkpoint in the file. Whenever the process ends, the file has the old checkpoint or the new one.
    ///
    /// # Errors
    /// Returns an error of the file system.
    pub(super) fn write(&self, file: &Path) -> io::Result<()> {
        write_json(file, self)
    }
}

/// Reads a file of JSON. Returns `None` if it does not exist.
///
/// # Errors
/// Returns the reason, which names the file.
pub(super) fn read_json<T: for<'de> Deserialize<'de>>(file: &Path) -> Result<Option<T>, String> {
    let name = file.display();
    match std::fs::read(file) {
        Ok(json) => match serde_json::from_slice(&json) {
            Ok(content) => Ok(Some(content)),
            Err(error) => Err(format!("cannot read {name}: {error}")),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot read {name}: {error}")),
    }
}

/// Replaces the contents of a file by JSON, all at once.
///
/// # Errors
/// Returns an error of the file system.
pub(super) fn write_json<T: Serialize>(file: &Path, content: &T) -> io::Result<()> {
    let temporary = with_extension(file, "new");
    let mut out = BufWriter::new(File::create(&temporary)?);
    serde_json::to_writer(&mut out, content)?;
    out.flush()?;
    out.get_ref().sync_data()?;
    std::fs::rename(temporary, file)
}
