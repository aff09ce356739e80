//! The files that rows are written to.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use flate2::write::GzEncoder;
use tokio::sync::{mpsc, oneshot};

use super::file_error::FileError;
use super::format::FileCompression;

/// A file that rows are written to, or standard output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputTarget {
    /// Standard output.
    Stdout,
    /// A file. If it exists, it is replaced.
    File(PathBuf),
    /// A file that exists. Its first bytes are kept, and the others are replaced.
    Continued {
        /// The path of the file.
        path: PathBuf,
        /// Number of bytes that are kept: the result of [`OutputFile::sync`].
        length: u64,
    },
}

/// An output whose bytes are compressed and written by a thread of its own.
#[derive(Debug)]
pub struct OutputFile {
    target: OutputTarget,
    commands: mpsc::Sender<Command>,
    written: Arc<AtomicU64>,
    /// The error of the thread.
    failed: Option<oneshot::Receiver<io::Error>>,
}

enum Command {
    Write(Vec<u8>),
    Sync(oneshot::Sender<u64>),
}

/// Number of chunks that wait for the thread.
const QUEUE: usize = 4;

impl OutputFile {
    /// Opens the file and starts the thread.
    ///
    /// # Errors
    /// Returns an error if the file cannot be opened.
    pub fn open(target: OutputTarget, compression: FileCompression) -> Result<Self, FileError> {
        let output = target.open().map_err(|error| FileError::new("write", &target, error))?;
        let start = match target {
            OutputTarget::Continued { length, .. } => length,
            _ => 0,
        };
        let written = Arc::new(AtomicU64::new(start));
        let output = CountingWriter { output, written: Arc::clone(&written) };
        let encoder = Encoder { output: Some(Stream::Plain(output)), compression };
        let (commands, received) = mpsc::channel(QUEUE);
        let (fail, failed) = oneshot::channel();
        thread::Builder::new()
            .name("output".to_owned())
            .spawn(move || {
                if let Err(error) = run(encoder, received) {
                    // The receiver waits as long as the file is open.
                    drop(fail.send(error));
                }
            })
            .map_err(|error| FileError::new("write", &target, error))?;
        Ok(Self { target, commands, written, failed: Some(failed) })
    }

    /// Passes bytes to the thread. Waits while other bytes are queued.
    ///
    /// # Errors
    /// Returns the error of the thread, which stops after it.
    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<(), FileError> {
        match self.commands.send(Command::Write(bytes)).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.failure().await),
        }
    }

    /// Waits until all bytes have been passed to the system, and returns the size of the file. A file that is
    /// [continued](OutputTarget::Continued) from this size on remains valid, because the compressed stream ends here and
    /// another one begins.
    ///
    /// # Errors
    /// Returns the error of the thread, which stops after it.
    pub async fn sync(&mut self) -> Result<u64, FileError> {
        let (done, size) = oneshot::channel();
        let sent = self.commands.send(Command::Sync(done)).await;
        match (sent, size.await) {
            (Ok(()), Ok(size)) => Ok(size),
            _ => Err(self.failure().await),
        }
    }

    /// Ends the file like [`sync`](Self::sync). A file that is dropped without it may lack its end.
    ///
    /// # Errors
    /// Returns the error of the thread.
    pub async fn finish(mut self) -> Result<u64, FileError> {
        self.sync().await
    }

    /// Returns the number of bytes that have been written, after compression.
    pub fn bytes_written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    async fn failure(&mut self) -> FileError {
        let error = match self.failed.take() {
            Some(failed) => failed.await.ok(),
            None => None,
        };
        let error = error.unwrap_or_else(|| io::Error::other("an earlier write failed"));
        FileError::new("write", &self.target, error)
    }
}

impl OutputTarget {
    fn open(&self) -> io::Result<Box<dyn Write + Send>> {
        let mut options = OpenOptions::new();
        options.write(true);
        match self {
            Self::Stdout => Ok(Box::new(io::stdout())),
            Self::File(path) => Ok(Box::new(options.create(true).truncate(true).open(path)?)),
            Self::Continued { path, length } => {
                let mut file = options.open(path)?;
                if file.metadata()?.len() < *length {
                    let text = format!(
                        "it has less than {length} bytes, so it is not the file that was begun"
                    );
                    return Err(io::Error::other(text));
                }
                file.set_len(*length)?;
                io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
                Ok(Box::new(file))
            }
        }
    }
}

impl fmt::Display for OutputTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("standard output"),
            Self::File(path) | Self::Continued { path, .. } => path.display().fmt(f),
        }
    }
}

/// The body of the thread.
fn run(mut encoder: Encoder, mut commands: mpsc::Receiver<Command>) -> io::Result<()> {
    while let Some(command) = commands.blocking_recv() {
        match command {
            Command::Write(bytes) => encoder.write(&bytes)?,
            Command::Sync(done) => {
                let size = encoder.end()?;
                // Without a receiver, the caller has stopped waiting.
                let _ = done.send(size);
            }
        }
    }
    Ok(())
}

/// An output with its compression. Each stream of compressed data begins with the first bytes after the last one.
struct Encoder {
    /// `None` only while the stream changes, and after an error.
    output: Option<Stream>,
    compression: FileCompression,
}

type Output = CountingWriter<Box<dyn Write + Send>>;

enum Stream {
    Plain(Output),
    Gzip(GzEncoder<Output>),
    Zstd(zstd::Encoder<'static, Output>),
}

impl Encoder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = match (self.output.take().ok_or_else(stopped)?, self.compression) {
            (Stream::Plain(output), FileCompression::Gzip) => {
                Stream::Gzip(GzEncoder::new(output, flate2::Compression::default()))
            }
            (Stream::Plain(output), FileCompression::Zstd) => {
                Stream::Zstd(zstd::Encoder::new(output, zstd::DEFAULT_COMPRESSION_LEVEL)?)
            }
            (stream, _) => stream,
        };
        match self.output.insert(stream) {
            Stream::Plain(output) => output.write_all(bytes),
            Stream::Gzip(output) => output.write_all(bytes),
            Stream::Zstd(output) => output.write_all(bytes),
        }
    }

    /// Ends the stream of compressed data, and returns the size of the file.
    fn end(&mut self) -> io::Result<u64> {
        let mut output = match self.output.take().ok_or_else(stopped)? {
            Stream::Plain(output) => output,
            Stream::Gzip(output) => output.finish()?,
            Stream::Zstd(output) => output.finish()?,
        };
        output.flush()?;
        let size = output.written.load(Ordering::Relaxed);
        self.output = Some(Stream::Plain(output));
        Ok(size)
    }
}

fn stopped() -> io::Error {
    io::Error::other("an earlier write failed")
}

/// An output that counts the bytes written.
struct CountingWriter<W> {
    output: W,
    written: Arc<AtomicU64>,
}

impl<W: Write> Write for CountingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.output.write(bytes)?;
        self.written.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::bulk::InputSource;

    const COMPRESSIONS: [FileCompression; 3] =
        [FileCompression::None, FileCompression::Gzip, FileCompression::Zstd];

    fn read(path: &std::path::Path) -> Vec<u8> {
        let mut bytes = Vec::new();
        InputSource::File(path.into())
            .open(&Arc::default())
            .unwrap()
            .read_to_end(&mut bytes)
            .unwrap();
        bytes
    }

    #[tokio::test]
    async fn a_file_survives_compression_and_can_be_continued() {
        let folder = tempfile::tempdir().unwrap();
        for compression in COMPRESSIONS {
            let path = folder.path().join(format!("rows.{compression}"));
            let mut file = OutputFile::open(OutputTarget::File(path.clone()), compression).unwrap();
            file.write(b"first ".to_vec()).await.unwrap();
            let length = file.sync().await.unwrap();
            file.write(b"lost".to_vec()).await.unwrap();
            drop(file);
            let target = OutputTarget::Continued { path: path.clone(), length };
            let mut file = OutputFile::open(target, compression).unwrap();
            file.write(b"second".to_vec()).await.unwrap();
            let size = file.finish().await.unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().len(), size);
            assert_eq!(read(&path), b"first second", "{compression}");
        }
    }

    #[tokio::test]
    async fn errors_name_the_file_and_the_next_step() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none").join("rows.csv");
        let error = OutputFile::open(OutputTarget::File(path.clone()), FileCompression::None);
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot write {}: ", path.display())), "{error}");
        assert!(error.ends_with("(check the path)"), "{error}");
        let full = OutputTarget::File("/dev/full".into());
        if let Ok(mut file) = OutputFile::open(full, FileCompression::None) {
            file.write(b"row".to_vec()).await.unwrap();
            let error = file.sync().await.unwrap_err().to_string();
            assert!(error.contains("free space on the disk"), "{error}");
            assert!(file.write(b"row".to_vec()).await.is_err());
        }
    }

    #[test]
    fn a_file_that_is_cut_off_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv.gz");
        let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&[b'x'; 1_000]).unwrap();
        let gzip = gzip.finish().unwrap();
        let zstd = zstd::encode_all(&[b'x'; 1_000][..], 0).unwrap();
        for bytes in [gzip, zstd] {
            std::fs::write(&path, &bytes[..bytes.len() - 2]).unwrap();
            let mut input = InputSource::File(path.clone()).open(&Arc::default()).unwrap();
            let error = input.read_to_end(&mut Vec::new()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(read(&path).len(), 1_000);
        }
    }

    #[test]
    fn a_folder_stands_for_its_files_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.csv", "a.csv.zst", "c.jsonl", ".d.csv", "e.txt", "a.csv.bad"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let path = folder.path().to_str().unwrap();
        let sources = InputSource::list([path, "-"]).unwrap();
        let names: Vec<String> = sources.iter().map(ToString::to_string).collect();
        let expected = ["a.csv.zst", "b.csv", "c.jsonl"].map(|name| format!("{path}/{name}"));
        assert_eq!(names[..3], expected);
        assert_eq!(names[3], "standard input");
        std::fs::create_dir(folder.path().join("empty")).unwrap();
        assert!(InputSource::list([format!("{path}/empty").as_str()]).is_err());
        assert!(InputSource::list([format!("{path}/none").as_str()]).is_err());
    }
}
