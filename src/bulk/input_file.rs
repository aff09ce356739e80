//! The files that rows are read from.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use super::file_error::FileError;
use super::format::{FileCompression, FileFormat, Format};

/// A file that rows are read from, or standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputSource {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

/// The bytes of an input without its compression.
pub struct InputFile {
    reader: Box<dyn Read + Send>,
}

/// Size of the buffer for compressed data, in bytes.
const BUFFER: usize = 128 << 10;

impl InputSource {
    /// Returns the inputs that a list of paths stands for: files, `-` for standard input, and folders. A folder stands
    /// for the files in it whose name indicates a [`FileFormat`], ordered by name.
    ///
    /// # Errors
    /// Returns an error if a path does not exist, or if a folder has no such file.
    pub fn list<'a>(paths: impl IntoIterator<Item = &'a str>) -> Result<Vec<Self>, FileError> {
        let mut sources = Vec::new();
        for path in paths {
            if path == "-" {
                sources.push(Self::Stdin);
                continue;
            }
            let failed = |error| FileError::new("read", path, error);
            match fs::metadata(path).map_err(failed)?.is_dir() {
                false => sources.push(Self::File(path.into())),
                true => sources.extend(files_of(Path::new(path)).map_err(failed)?),
            }
        }
        Ok(sources)
    }

    /// Returns the format that the name of the file indicates, or `None` if it indicates none.
    pub fn format(&self) -> Option<FileFormat> {
        match self {
            Self::Stdin => None,
            Self::File(path) => FileFormat::of_file(path),
        }
    }

    /// Returns the path of the file, or `None` for standard input.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Stdin => None,
            Self::File(path) => Some(path),
        }
    }

    /// Returns the size of the file in bytes, with its compression. Returns `None` for standard input and pipes.
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::Stdin => None,
            Self::File(path) => {
                fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|file| file.len())
            }
        }
    }

    /// Returns true if the input is a regular file, which can be opened more than once. Pipes lose what was read.
    pub fn is_regular(&self) -> bool {
        self.size().is_some()
    }

    /// Opens the input. The compression is detected by the first bytes. `read` counts the bytes of the file that have
    /// been read, with its compression.
    ///
    /// # Errors
    /// Returns an error if the file cannot be opened or read.
    pub fn open(&self, read: &Arc<AtomicU64>) -> Result<InputFile, FileError> {
        let failed = |error| FileError::new("read", self, error);
        match self {
            Self::Stdin => InputFile::new(io::stdin(), read),
            Self::File(path) => File::open(path).and_then(|file| InputFile::new(file, read)),
        }
        .map_err(failed)
    }
}

fn files_of(folder: &Path) -> io::Result<Vec<InputSource>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        // A link to a file that does not exist is an error.
        if !is_hidden && FileFormat::of_file(&path).is_some() && !fs::metadata(&path)?.is_dir() {
            files.push(path);
        }
    }
    files.sort_unstable();
    match files.is_empty() {
        false => Ok(files.into_iter().map(InputSource::File).collect()),
        true => {
            let text = "the folder has no file named *.csv, *.jsonl, *.json or *.parquet";
            Err(io::Error::other(text))
        }
    }
}

impl fmt::Display for InputSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl InputFile {
    /// Returns the input of compressed or plain bytes.
    ///
    /// # Errors
    /// Returns an error if the first bytes cannot be read.
    fn new(input: impl Read + Send + 'static, read: &Arc<AtomicU64>) -> io::Result<Self> {
        let mut input = CountedInput { input, read: Arc::clone(read) };
        let mut start = Vec::new();
        input.by_ref().take(FileCompression::MAGIC as u64).read_to_end(&mut start)?;
        let compression = FileCompression::of_start(&start);
        let input = io::Cursor::new(start).chain(input);
        let reader: Box<dyn Read + Send> = match compression {
            FileCompression::None => Box::new(input),
            FileCompression::Gzip => {
                let input = BufReader::with_capacity(BUFFER, input);
                Box::new(MultiGzDecoder::new(input))
            }
            FileCompression::Zstd => Box::new(zstd::Decoder::new(input)?),
        };
        Ok(Self { reader })
    }
}

impl InputFile {
    /// Returns the format that the first characters show: Parquet begins with `PAR1`, JSON lines with `{`. They are read again
    /// afterwards.
    ///
    /// # Errors
    /// Returns the errors of the input.
    pub fn detect_format(&mut self) -> io::Result<FileFormat> {
        let mut start = Vec::new();
        self.reader.by_ref().take(PARQUET.len() as u64).read_to_end(&mut start)?;
        let is_blank = |byte: &u8| byte.is_ascii_whitespace() || b"\xef\xbb\xbf".contains(byte);
        while start.iter().all(is_blank) && start.len() < MAX_BLANKS {
            if self.reader.by_ref().take(1).read_to_end(&mut start)? == 0 {
                break;
            }
        }
        let is_parquet = start == PARQUET;
        let is_json = start.iter().find(|byte| !is_blank(byte)) == Some(&b'{');
        let rest = std::mem::replace(&mut self.reader, Box::new(io::empty()));
        self.reader = Box::new(io::Cursor::new(start).chain(rest));
        Ok(match (is_parquet, is_json) {
            (true, _) => FileFormat::Parquet,
            (_, true) => FileFormat::Text(Format::JsonLines),
            _ => FileFormat::Text(Format::Csv),
        })
    }
}

/// The first bytes of a Parquet file.
const PARQUET: &[u8] = b"PAR1";

/// Maximum number of blanks before the first character.
const MAX_BLANKS: usize = 4 << 10;

impl Read for InputFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

impl fmt::Debug for InputFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InputFile").finish_non_exhaustive()
    }
}

/// An input that counts the bytes read.
struct CountedInput<R> {
    input: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for CountedInput<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
