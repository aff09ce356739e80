//! The file or the standard output that the rows are written to.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Stdout, Write, stdout};
use std::path::{Path, PathBuf};

use super::checkpoint::{OutputLength, remove_checkpoint};
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

/// Opens the file that has the rows of a run that has not ended, and locks it against other processes.
pub(super) fn open(target: &Target, resumed: Option<OutputLength>) -> io::Result<Sink> {
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
    let length = resumed.map_or(0, |resumed| resumed.bytes);
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
