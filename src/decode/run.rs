//! Going through the inputs, and what is written for each.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write, stdin};

use serde_json::Value;

use super::arguments::{DecodeArgs, Framing};
use super::fault::Fault;
use super::group::Group;
use super::hex::{Line, Lines};
use super::stream::{Piece, Stream};
use super::tree;
use crate::cli::Failure;

/// Decodes the inputs, and writes what is in them to `out`.
///
/// # Errors
/// Something that could not be decoded, after all of it has been written; a file that cannot be
/// read; output that cannot be written.
pub fn run(arguments: &DecodeArgs, out: impl Write) -> Result<(), Failure> {
    let out = BufWriter::new(out);
    let mut report = Report { arguments, out, written: 0, failed: 0, first: None };
    let standard_input = ["-".to_owned()];
    let files = match arguments.files.as_slice() {
        [] => &standard_input[..],
        files => files,
    };
    for file in files {
        report.input(file)?;
    }
    report.out.flush().map_err(Failure::Io)?;
    report.outcome()
}

/// What was written, and what was wrong with it.
#[derive(Debug)]
struct Report<'a, W: Write> {
    arguments: &'a DecodeArgs,
    out: BufWriter<W>,
    written: u64,
    failed: u64,
    /// Where the first thing is that could not be decoded.
    first: Option<String>,
}

impl<W: Write> Report<'_, W> {
    fn input(&mut self, file: &str) -> Result<(), Failure> {
        let (name, input): (_, Box<dyn Read>) = match file {
            "-" => ("standard input", Box::new(stdin())),
            file => {
                let open = File::open(file)
                    .map_err(|error| Failure::Arguments(format!("cannot read {file}: {error}")));
                (file, Box::new(open?))
            }
        };
        match self.arguments.raw {
            true => self.bytes(name, input),
            false => self.lines(name, input),
        }
    }

    /// Lines of hex, an object each.
    fn lines(&mut self, name: &str, input: impl Read) -> Result<(), Failure> {
        let longest = self.arguments.max_body.saturating_add(LEAST_LINE);
        let mut lines = Lines::new(input, longest);
        while let Some(Line { number, bytes }) = lines.next_line().map_err(of(name))? {
            let value = match bytes {
                Ok(bytes) => line(&bytes, self.arguments),
                Err(fault) => fault.value(),
            };
            self.write(&value, || format!("line {number} of {name}"))?;
            // Somebody may be looking while more is still to come.
            if lines.is_drained() {
                self.out.flush().map_err(Failure::Io)?;
            }
        }
        Ok(())
    }

    /// Bytes; an object for each frame or segment.
    fn bytes(&mut self, name: &str, mut input: impl Read) -> Result<(), Failure> {
        let mut stream = Stream::new(self.arguments);
        let mut room = vec![0; 1 << 16];
        let mut number = 0_u64;
        loop {
            let received = match input.read(&mut room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                received => received.map_err(of(name))?,
            };
            stream.extend(room.get(..received).unwrap_or_default());
            let at_end = received == 0;
            while let Some(piece) =
                stream.next_piece().or_else(|| if at_end { stream.end() } else { None })
            {
                number = number.saturating_add(1);
                let value = single(piece, self.arguments);
                self.write(&value, || format!("object {number} of {name}"))?;
            }
            if at_end || stream.is_broken() {
                return Ok(());
            }
            self.out.flush().map_err(Failure::Io)?;
        }
    }

    fn write(&mut self, value: &Value, place: impl FnOnce() -> String) -> Result<(), Failure> {
        if value.get("ok") != Some(&Value::Bool(true)) {
            self.failed = self.failed.saturating_add(1);
            self.first.get_or_insert_with(place);
        }
        let is_first = self.written == 0;
        self.written = self.written.saturating_add(1);
        self.show(value, is_first).map_err(Failure::Io)
    }

    fn show(&mut self, value: &Value, is_first: bool) -> io::Result<()> {
        if self.arguments.json {
            serde_json::to_writer(&mut self.out, value)?;
            return writeln!(self.out);
        }
        if !is_first {
            writeln!(self.out)?;
        }
        tree::write(&mut self.out, value)
    }

    fn outcome(&self) -> Result<(), Failure> {
        let Self { written, failed, .. } = self;
        match &self.first {
            None => Ok(()),
            Some(first) => Err(Failure::Text(format!(
                "{failed} of {written} could not be decoded, {first} is the first"
            ))),
        }
    }
}

/// A line may always hold so many bytes.
const LEAST_LINE: usize = 1 << 20;

/// An object is held as a whole, and takes far more room than the few bytes that a frame may have.
const MOST_FRAMES: usize = 1 << 14;

/// The one object of a line.
fn line(bytes: &[u8], arguments: &DecodeArgs) -> Value {
    let mut stream = Stream::new(arguments);
    stream.extend(bytes);
    let mut pieces = std::iter::from_fn(|| stream.next_piece().or_else(|| stream.end())).peekable();
    let mut group = Group::default();
    while let Some(piece) = pieces.next() {
        let is_alone = group.len() == 0 && pieces.peek().is_none();
        if is_alone && arguments.segments == Framing::Bare {
            return single(piece, arguments);
        }
        group.add(piece);
        if group.len() > MOST_FRAMES {
            let what = format!("more than {MOST_FRAMES} frames on a line; --raw takes any number");
            group.add(Piece::Broken(Fault::hex(&what, 0)));
            break;
        }
    }
    group.value(arguments)
}

/// The object of something that stands alone.
fn single(piece: Piece, arguments: &DecodeArgs) -> Value {
    match piece {
        Piece::Frame(Ok(decoded)) => decoded.value,
        Piece::Frame(Err(fault)) | Piece::Broken(fault) => fault.value(),
        Piece::Segment(_) => {
            let mut group = Group::default();
            group.add(piece);
            group.value(arguments)
        }
    }
}

fn of(name: &str) -> impl Fn(io::Error) -> Failure {
    move |error| Failure::Text(format!("{name}: {error}"))
}
