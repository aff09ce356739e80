//! The file or the standard output that the rows are written to.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Stdout, Write, stdout};
use std::path::{Path, PathBuf};

use super::checkpoint::{Checkpoint, remove_checkpoint};
use super::target::{self, Place, Target};
use crate::cli::Failure;

/// The file or standard output.
pub(super) enum Sink {
    File(File),
    Device(File),
    Stdout(Stdout),
}

impl Sink {
    /// Writes the data to the disk, and returns the length of the file; 0 for standard output.
    pub(super) fn sync(&mut self) -> io::Result<u64> {
        match self {
            Self::File(file) => {
                file.sync_data()?;
                file.stream_position()
            }
            Self::Device(device) => device.flush().map(|()| 0),
            Self::Stdout(stdout) => stdout.flush().map(|()| 0),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) | Self::Device(file) => file.write(bytes),
            Self::Stdout(stdout) => stdout.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) | Self::Device(file) => file.flush(),
            Self::Stdout(stdout) => stdout.flush(),
        }
    }
}

/// Makes the new name of a file survive a loss of power.
pub(super) fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
    // Not all systems can open a folder.
    File::open(folder).map_or(Ok(()), |folder| folder.sync_all())
}

/// Opens the file that has the rows of a run that has not ended, and locks it against other processes. `resumed` is the
/// checkpoint of the run that is continued, which was read before the lock was taken.
///
/// # Errors
/// Returns an error of the file system, or if another process writes the file, or has written it since the checkpoint was
/// read.
pub(super) fn open(target: &Target, resumed: Option<&Checkpoint>) -> io::Result<Sink> {
    let file = match &target.place {
        Place::Stdout => return Ok(Sink::Stdout(stdout())),
        Place::Device(device) => {
            return OpenOptions::new().write(true).open(device).map(Sink::Device);
        }
        Place::File(file) => file,
    };
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let length = resumed.map_or(0, |resumed| resumed.written.bytes);
    let options = OpenOptions::new().write(true).create(length == 0).truncate(false).to_owned();
    let mut part = options.open(target::part(file))?;
    match part.try_lock() {
        Err(TryLockError::WouldBlock) => {
            return Err(io::Error::other("another process writes it"));
        }
        // Some file systems have no locks.
        Ok(()) | Err(TryLockError::Error(_)) => {}
    }
    if !target::part(file).exists() {
        return Err(io::Error::other("another process has just completed it"));
    }
    // A later checkpoint would stay on the disk, and describe rows that this run replaces.
    if resumed.is_some() && read_now(file)?.as_ref() != resumed {
        let text = "another process has continued the run meanwhile: try again with --resume";
        return Err(io::Error::other(text));
    }
    if part.metadata()?.len() < length {
        let text = "it is shorter than its checkpoint says; start again with --overwrite";
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    if resumed.is_none() {
        remove_checkpoint(file)?;
    }
    part.set_len(length)?;
    part.seek(SeekFrom::End(0))?;
    Ok(Sink::File(part))
}

fn read_now(file: &Path) -> io::Result<Option<Checkpoint>> {
    Checkpoint::read(&target::checkpoint(file)).map_err(io::Error::other)
}

/// Returns the failure of a write, which says where the program was writing and what to do.
pub(super) fn write_error(target: &Target, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe && matches!(target.place, Place::Stdout) {
        return Failure::Io(io::ErrorKind::BrokenPipe.into());
    }
    let name = target.name();
    let hint = match (error.kind(), target.file()) {
        (io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded, Some(_)) => {
            " (free some space; --resume continues from the last checkpoint, if there is one)"
        }
        _ => "",
    };
    Failure::Text(format!("cannot write {name}: {error}{hint}"))
}

#[cfg(test)]
mod tests {
    use super::super::checkpoint::OutputLength;
    use super::*;
    use crate::bulk::{FileCompression, FileFormat, Format};

    const PLAN: &str = r#"{
        "version": 1, "keyspace": "ks", "table": "t", "partition_key": ["id"], "selection": ["\"id\""],
        "filter": null, "statement": "", "partitioner": "Murmur3Partitioner", "splits": []
    }"#;

    fn checkpoint(bytes: u64) -> Checkpoint {
        let written = OutputLength { rows: bytes, bytes };
        let plan = serde_json::from_str(PLAN).unwrap();
        Checkpoint { run: "ks.t".to_owned(), written, footer: None, plan }
    }

    /// Another process continues the run after this one has read the checkpoint, and is killed.
    #[test]
    fn a_run_that_another_process_has_continued_is_not_continued_from_its_old_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t.csv");
        let target = Target {
            place: Place::File(file.clone()),
            format: FileFormat::Text(Format::Csv),
            compression: FileCompression::None,
        };
        std::fs::write(target::part(&file), "0123456789").unwrap();
        let (earlier, later) = (checkpoint(4), checkpoint(8));
        later.write(&target::checkpoint(&file)).unwrap();
        let error = open(&target, Some(&earlier)).err().unwrap();
        assert!(error.to_string().contains("try again with --resume"), "{error}");
        assert_eq!(std::fs::read(target::part(&file)).unwrap(), b"0123456789");
        open(&target, Some(&later)).unwrap();
        assert_eq!(std::fs::read(target::part(&file)).unwrap(), b"01234567");
        remove_checkpoint(&file).unwrap();
        assert!(open(&target, Some(&later)).is_err(), "a run that was started again");
    }
}
