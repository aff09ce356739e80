//! The output of the shell: standard output, the file of CAPTURE, and standard error.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};

use super::python::{os_error, repr};

/// The writers that the shell prints to.
pub(super) struct Output {
    console: Box<dyn Write>,
    capture: Option<Capture>,
}

/// The file of CAPTURE.
struct Capture {
    name: String,
    file: NamedWriter<BufWriter<File>>,
}

/// A writer whose errors name the target of the output.
struct NamedWriter<W> {
    name: String,
    inner: W,
}

impl<W: Write> Write for NamedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes).map_err(|error| unwritable(&self.name, &error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush().map_err(|error| unwritable(&self.name, &error))
    }
}

fn unwritable(name: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write to {name}: {error}"))
}

/// Prints a line to standard error.
///
/// # Errors
/// Returns the error of writing, which names standard error.
pub(super) fn print_error(line: impl fmt::Display) -> io::Result<()> {
    writeln!(io::stderr(), "{line}").map_err(|error| unwritable("standard error", &error))
}

impl Output {
    /// Creates an output that prints to `console`, which is standard output.
    pub(super) fn new(console: impl Write + 'static) -> Self {
        let name = "standard output".to_owned();
        Self { console: Box::new(NamedWriter { name, inner: console }), capture: None }
    }

    /// Prints a line that is not captured: the answer of a shell command.
    ///
    /// # Errors
    /// Returns the error of writing.
    pub(super) fn print(&mut self, line: impl fmt::Display) -> io::Result<()> {
        writeln!(self.console, "{line}")
    }

    /// Prints a text that is not captured, without adding a line end.
    ///
    /// # Errors
    /// Returns the error of writing.
    pub(super) fn write(&mut self, text: &str) -> io::Result<()> {
        self.console.write_all(text.as_bytes())
    }

    /// Returns the writer of the results of statements: the file of CAPTURE, or else the console.
    pub(super) fn results(&mut self) -> &mut dyn Write {
        match &mut self.capture {
            Some(capture) => &mut capture.file,
            None => &mut *self.console,
        }
    }

    /// Returns the name of the file of CAPTURE, or `None` if results are not captured.
    pub(super) fn capture_name(&self) -> Option<&str> {
        self.capture.as_ref().map(|capture| capture.name.as_str())
    }

    /// Appends the results that follow to a file, which is created if it does not exist.
    ///
    /// # Errors
    /// Returns an error, in cqlsh's words, if the file cannot be opened.
    pub(super) fn begin_capture(&mut self, name: String) -> Result<(), String> {
        let opened = OpenOptions::new().append(true).create(true).open(&name);
        let file = opened.map_err(|error| {
            format!("Could not open {} for append: {}", repr(&name), os_error(&error, &name))
        })?;
        let inner = BufWriter::new(file);
        let file = NamedWriter { name: format!("the file of CAPTURE, {}", repr(&name)), inner };
        self.capture = Some(Capture { name, file });
        Ok(())
    }

    /// Ends the capture and closes its file.
    ///
    /// # Errors
    /// Returns the error of writing the file.
    pub(super) fn end_capture(&mut self) -> io::Result<()> {
        match self.capture.take() {
            Some(mut capture) => capture.file.flush(),
            None => Ok(()),
        }
    }

    /// Prints a line to standard error, after the output before it.
    ///
    /// # Errors
    /// Returns the error of writing.
    pub(super) fn print_error(&mut self, line: impl fmt::Display) -> io::Result<()> {
        self.flush()?;
        print_error(line)
    }

    /// Flushes the console and the file of CAPTURE.
    ///
    /// # Errors
    /// Returns the error of writing.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if let Some(capture) = &mut self.capture {
            capture.file.flush()?;
        }
        self.console.flush()
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("capture", &self.capture_name()).finish_non_exhaustive()
    }
}
