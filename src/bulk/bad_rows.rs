//! The files of rows that could not be loaded.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::file_error::FileError;
use super::input_buffer::InputPlace;

/// The rows of one input that could not be loaded: `NAME.bad` has the records in the format of the input, so that it
/// can be corrected and loaded, and `NAME.err` has a line with the place and the reason of each.
///
/// The files are created with the first row.
#[derive(Debug)]
pub struct BadRows {
    /// The input's name, which begins each line of `NAME.err`.
    input: String,
    bad: PathBuf,
    err: PathBuf,
    /// The header of the input, if it has one.
    header: Vec<u8>,
    /// True if a place has the number of the row in place of its line.
    has_numbered_rows: bool,
    files: Option<[File; 2]>,
    /// The record without its closing quote at the end of the input. It is written after the records that fail later,
    /// because a reader takes everything after it as part of it.
    last: Option<Vec<u8>>,
    count: u64,
}

/// A record that could not be loaded.
#[derive(Debug, Clone, Copy)]
pub struct BadRow<'r> {
    /// The place of the record in its input.
    pub place: InputPlace,
    /// The bytes of the record without a line break, or `None` if they are incomplete.
    pub record: Option<&'r [u8]>,
    /// True if the record lacks the end of a field in quotes.
    pub is_open: bool,
    /// The reason in one line.
    pub reason: &'r str,
}

/// The sizes of the two files, for a load that is resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BadRowSizes {
    /// Size of `NAME.bad` in bytes.
    pub bad: u64,
    /// Size of `NAME.err` in bytes.
    pub err: u64,
}

impl BadRows {
    /// Returns the files in `folder` for an input. A load that is resumed truncates its files to the sizes `kept`, and
    /// removes those of size zero. A new load has no `kept`: it never changes the files of an earlier load.
    ///
    /// # Errors
    /// Returns an error if a new load finds files that are not empty. A load that is resumed fails if its files are
    /// shorter than `kept`, or cannot be changed.
    pub fn new(
        folder: &Path,
        name: &str,
        input: &str,
        kept: Option<BadRowSizes>,
    ) -> Result<Self, FileError> {
        let [bad, err] = ["bad", "err"].map(|suffix| folder.join(format!("{name}.{suffix}")));
        let sizes = kept.map(|BadRowSizes { bad, err }| [bad, err]);
        for (index, path) in [&bad, &err].into_iter().enumerate() {
            let result = match sizes.and_then(|sizes| sizes.get(index).copied()) {
                Some(size) => truncate(path, size),
                None => check_empty(path),
            };
            result.map_err(|error| FileError::new("write", path.display(), error))?;
        }
        let input = input.to_owned();
        Ok(Self {
            input,
            bad,
            err,
            header: Vec::new(),
            has_numbered_rows: false,
            files: None,
            last: None,
            count: 0,
        })
    }

    /// Sets the first record of `NAME.bad`.
    pub fn set_header(&mut self, header: &[u8]) {
        self.header = header.to_vec();
    }

    /// Sets that the places of rows are their numbers, because the input has no lines.
    pub fn set_numbered_rows(&mut self) {
        self.has_numbered_rows = true;
    }

    /// Writes a row.
    ///
    /// # Errors
    /// Returns an error if a file cannot be written.
    pub fn write(&mut self, row: BadRow<'_>) -> Result<(), FileError> {
        let BadRow { place, record, is_open, reason } = row;
        let InputPlace { line, offset } = place;
        let reason = reason.replace(['\r', '\n'], " ");
        let record = record.map(|record| [record, b"\n"].concat());
        let note = if record.is_some() { "" } else { " (the record is not in the .bad file)" };
        let place = match self.has_numbered_rows {
            true => format!(" row {line}"),
            false => format!("{line}: byte {offset}"),
        };
        let line = format!("{}:{place}: {reason}{note}\n", self.input);
        match (record, is_open) {
            (Some(record), true) => self.last = Some(record),
            (Some(record), false) => self.append(0, &record)?,
            (None, _) => {}
        }
        self.count += 1;
        self.append(1, line.as_bytes())
    }

    /// Writes all rows to the disk, and returns the sizes of the files. No row of the input may be in flight, so that
    /// none fails after the record without its closing quote.
    ///
    /// # Errors
    /// Returns an error if a file cannot be written.
    pub fn flush(&mut self) -> Result<BadRowSizes, FileError> {
        if let Some(record) = self.last.take() {
            self.append(0, &record)?;
        }
        for (file, path) in self.files.iter().flatten().zip([&self.bad, &self.err]) {
            file.sync_data().map_err(|error| FileError::new("write", path.display(), error))?;
        }
        let size = |path| fs::metadata(path).map_or(0, |file| file.len());
        Ok(BadRowSizes { bad: size(&self.bad), err: size(&self.err) })
    }

    /// Returns the number of rows written.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Returns the path of `NAME.err`.
    pub fn reasons(&self) -> &Path {
        &self.err
    }

    fn append(&mut self, index: usize, bytes: &[u8]) -> Result<(), FileError> {
        let path = if index == 0 { &self.bad } else { &self.err };
        let failed = |error| FileError::new("write", path.display(), error);
        let files = match &mut self.files {
            Some(files) => files,
            None => {
                let folder = self.bad.parent().unwrap_or(Path::new(""));
                fs::create_dir_all(folder)
                    .map_err(|error| FileError::new("create", folder.display(), error))?;
                let bad = open(&self.bad, &self.header);
                let bad =
                    bad.map_err(|error| FileError::new("write", self.bad.display(), error))?;
                let err = open(&self.err, b"");
                let err =
                    err.map_err(|error| FileError::new("write", self.err.display(), error))?;
                self.files.insert([bad, err])
            }
        };
        files.get_mut(index).map_or(Ok(()), |file| file.write_all(bytes)).map_err(failed)
    }
}

fn truncate(path: &Path, size: u64) -> io::Result<()> {
    if size == 0 {
        return match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        };
    }
    let file = OpenOptions::new().write(true).open(path)?;
    // `set_len` would fill up a shorter file with zeros.
    match file.metadata()?.len() {
        length if length < size => Err(io::Error::other(format!(
            "it has {length} bytes, but the checkpoint has {size}: the rows that are missing cannot be resumed"
        ))),
        _ => file.set_len(size),
    }
}

fn check_empty(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(file) if file.len() > 0 => Err(io::Error::other(
            "it has rows of an earlier load: move or remove it, or choose another folder with --errors",
        )),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Opens a file for appending. A new one begins with `start`.
fn open(path: &Path, start: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    if file.seek(SeekFrom::End(0))? == 0 && !start.is_empty() {
        file.write_all(start)?;
        file.write_all(b"\n")?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<'r>(line: u64, record: &'r str, reason: &'r str) -> BadRow<'r> {
        let place = InputPlace { line, offset: line * 10 };
        BadRow { place, record: Some(record.as_bytes()), is_open: record.contains('"'), reason }
    }

    #[test]
    fn a_record_without_closing_quote_is_written_by_a_flush() {
        let folder = tempfile::tempdir().unwrap();
        let mut rows = BadRows::new(folder.path(), "a.csv", "a.csv", None).unwrap();
        rows.write(row(1, "y,\"b", "open")).unwrap();
        let sizes = rows.flush().unwrap();
        assert_eq!(fs::read(folder.path().join("a.csv.bad")).unwrap(), b"y,\"b\n");
        assert_eq!(sizes.bad, 5);
    }

    #[test]
    fn rows_are_written_with_their_places_and_reasons() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("errors");
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let new = |kept| {
            let mut rows = BadRows::new(&folder, "a.csv", "dir/a.csv", kept).unwrap();
            rows.set_header(b"id,name");
            rows
        };
        let mut rows = new(None);
        assert!(!folder.join("a.csv.bad").exists());
        rows.write(row(2, "x,a", "no\nnumber")).unwrap();
        let kept = rows.flush().unwrap();
        rows.write(row(3, "y,\"b", "open")).unwrap();
        rows.write(row(1, "z,c", "late")).unwrap();
        rows.write(BadRow { record: None, ..row(9, "", "long") }).unwrap();
        rows.flush().unwrap();
        assert_eq!(rows.count(), 4);
        assert_eq!(read("a.csv.bad"), "id,name\nx,a\nz,c\ny,\"b\n");
        let expected = "dir/a.csv:2: byte 20: no number\ndir/a.csv:3: byte 30: open\n\
             dir/a.csv:1: byte 10: late\ndir/a.csv:9: byte 90: long (the record is not in the .bad file)\n";
        assert_eq!(read("a.csv.err"), expected);
        assert!(BadRows::new(&folder, "a.csv", "dir/a.csv", None).is_err());
        let mut rows = new(Some(kept));
        rows.write(row(5, "w,d", "again")).unwrap();
        assert_eq!(read("a.csv.bad"), "id,name\nx,a\nw,d\n");
        assert_eq!(
            read("a.csv.err"),
            "dir/a.csv:2: byte 20: no number\ndir/a.csv:5: byte 50: again\n"
        );
        // A file that was shortened is not filled up with zeros.
        fs::write(folder.join("a.csv.bad"), "id").unwrap();
        assert!(BadRows::new(&folder, "a.csv", "dir/a.csv", Some(kept)).is_err());
        assert_eq!(read("a.csv.bad"), "id");
        new(Some(BadRowSizes::default()));
        assert!(!folder.join("a.csv.bad").exists());
    }
}
