//! Checkpoints: the progress of a run.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::target::{checkpoint, with_extension};
use crate::table::ScanPlan;

/// The progress of a run. Every row that `plan` counts as read is in the file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    /// The arguments that decide what the file contains.
    pub(super) run: String,
    pub(super) written: OutputLength,
    /// The footer of a Parquet file that has the rows so far, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) footer: Option<String>,
    pub(super) plan: ScanPlan,
}

/// The length of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct OutputLength {
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

/// Replaces the contents of a file by JSON, all at once. No other process may write it meanwhile.
///
/// # Errors
/// Returns an error of the file system.
pub(super) fn write_json<T: Serialize>(file: &Path, content: &T) -> io::Result<()> {
    let temporary = with_extension(file, "new");
    write_to(File::create(&temporary)?, content)?;
    std::fs::rename(temporary, file)
}

/// Creates a file of JSON, all at once. Returns false if another process has created it.
///
/// # Errors
/// Returns an error of the file system.
pub(super) fn create_json<T: Serialize>(file: &Path, content: &T) -> io::Result<bool> {
    // Other processes may create the same file, also in containers, where all have the same id.
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let name = format!("{}-{}.new", std::process::id(), time.as_nanos());
    let temporary = with_extension(file, &name);
    write_to(File::create_new(&temporary)?, content)?;
    let created = std::fs::hard_link(&temporary, file);
    std::fs::remove_file(temporary)?;
    match created {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        // The file system has no hard links. A process that reads the file now may find a part of it.
        Err(_) => match File::create_new(file) {
            Ok(file) => write_to(file, content).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        },
    }
}

/// Removes the checkpoint of a file, if there is one, and a checkpoint that a process was writing when it was killed.
///
/// # Errors
/// Returns an error of the file system.
pub(super) fn remove_checkpoint(file: &Path) -> io::Result<()> {
    let checkpoint = checkpoint(file);
    for file in [with_extension(&checkpoint, "new"), checkpoint] {
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn write_to<T: Serialize>(file: File, content: &T) -> io::Result<()> {
    let mut out = BufWriter::new(file);
    serde_json::to_writer(&mut out, content)?;
    out.flush()?;
    out.get_ref().sync_data()
}
