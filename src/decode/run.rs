//! Reads the inputs and prints an object for each line of hex, or with `--raw` for each frame or
//! segment.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write, stdin};

use serde_json::Value;

use super::arguments::{DecodeArgs, Framing};
use super::group::Group;
use super::hex::{HexLine, HexLines};
use super::input_error::InputError;
use super::stream::{Stream, StreamItem};
use super::tree;
use crate::cli::Failure;

/// Decodes the inputs and prints them to `out`.
///
/// # Errors
/// Stops with an error if a file cannot be read or the output cannot be written. If input cannot be
/// decoded, prints an object with the error, continues as far as possible, and returns an error at the
/// end.
pub fn run(arguments: &DecodeArgs, out: impl Write) -> Result<(), Failure> {
    let out = BufWriter::new(out);
    let mut printer = Printer { arguments, out, printed: 0, failed: 0, first_failure: None };
    let standard_input = ["-".to_owned()];
    let files = match arguments.files.as_slice() {
        [] => &standard_input[..],
        files => files,
    };
    for file in files {
        printer.print_file(file)?;
    }
    printer.out.flush().map_err(Failure::Io)?;
    printer.outcome()
}

/// Prints objects, and counts those whose input could not be decoded.
#[derive(Debug)]
struct Printer<'a, W: Write> {
    arguments: &'a DecodeArgs,
    out: BufWriter<W>,
    printed: u64,
    failed: u64,
    /// Position of the first input that could not be decoded, or `None` if all could.
    first_failure: Option<String>,
}

impl<W: Write> Printer<'_, W> {
    fn print_file(&mut self, file: &str) -> Result<(), Failure> {
        let (name, input): (_, Box<dyn Read>) = match file {
            "-" => ("standard input", Box::new(stdin())),
            file => {
                let open = File::open(file)
                    .map_err(|error| Failure::Arguments(format!("cannot read {file}: {error}")));
                (file, Box::new(open?))
            }
        };
        match self.arguments.raw {
            true => self.print_binary(name, input),
            false => self.print_lines(name, input),
        }
    }

    /// Prints an object for each line of hex.
    fn print_lines(&mut self, name: &str, input: impl Read) -> Result<(), Failure> {
        let longest = self.arguments.max_body.saturating_add(LINE_MARGIN);
        let mut lines = HexLines::new(input, longest);
        while let Some(HexLine { number, bytes }) = lines.next_line().map_err(read_error(name))? {
            let value = match bytes {
                Ok(bytes) => decode_line(&bytes, self.arguments),
                Err(error) => error.to_json(),
            };
            self.print(&value, || format!("line {number} of {name}"))?;
            // A read that blocks may follow. Flush, so that the user sees the decoded lines at once.
            if lines.is_drained() {
                self.out.flush().map_err(Failure::Io)?;
            }
        }
        Ok(())
    }

    /// Prints an object for each frame or segment of binary input.
    fn print_binary(&mut self, name: &str, mut input: impl Read) -> Result<(), Failure> {
        let mut stream = Stream::new(self.arguments);
        let mut buffer = vec![0; 1 << 16];
        let mut number = 0_u64;
        loop {
            let received = match input.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                received => received.map_err(read_error(name))?,
            };
            stream.extend(buffer.get(..received).unwrap_or_default());
            let at_end = received == 0;
            while let Some(item) =
                stream.next_item().or_else(|| if at_end { stream.finish() } else { None })
            {
                number = number.saturating_add(1);
                let value = item_json(item, self.arguments);
                self.print(&value, || format!("object {number} of {name}"))?;
            }
            if at_end || stream.has_failed() {
                return Ok(());
            }
            self.out.flush().map_err(Failure::Io)?;
        }
    }

    /// Prints an object. `position` names the place of the object's input, for the final error.
    fn print(&mut self, value: &Value, position: impl FnOnce() -> String) -> Result<(), Failure> {
        if value.get("ok") != Some(&Value::Bool(true)) {
            self.failed = self.failed.saturating_add(1);
            self.first_failure.get_or_insert_with(position);
        }
        let is_first = self.printed == 0;
        self.printed = self.printed.saturating_add(1);
        self.print_json_or_tree(value, is_first).map_err(Failure::Io)
    }

    fn print_json_or_tree(&mut self, value: &Value, is_first: bool) -> io::Result<()> {
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
        let Self { printed, failed, .. } = self;
        match &self.first_failure {
            None => Ok(()),
            Some(first) => Err(Failure::Text(format!(
                "{failed} of {printed} objects could not be decoded; the first is {first}"
            ))),
        }
    }
}

/// Number of bytes by which a line may be longer than `--max-body`.
const LINE_MARGIN: usize = 1 << 20;

/// Maximum number of frames on a line. The limit bounds the memory that is used for a line: its object
/// may be far larger than its frames.
const MAX_LINE_FRAMES: usize = 1 << 14;

/// Decodes a line into one object.
fn decode_line(bytes: &[u8], arguments: &DecodeArgs) -> Value {
    let mut stream = Stream::new(arguments);
    stream.extend(bytes);
    let mut items =
        std::iter::from_fn(|| stream.next_item().or_else(|| stream.finish())).peekable();
    let mut group = Group::default();
    while let Some(item) = items.next() {
        let is_alone = group.len() == 0 && items.peek().is_none();
        if is_alone && arguments.segments == Framing::Bare {
            return item_json(item, arguments);
        }
        group.add(item);
        if group.len() > MAX_LINE_FRAMES {
            let problem =
                format!("more than {MAX_LINE_FRAMES} frames on one line; --raw has no such limit");
            group.add(StreamItem::Failed(InputError::hex(&problem, 0)));
            break;
        }
    }
    group.into_json(arguments)
}

/// Returns the object that is printed for an item.
fn item_json(item: StreamItem, arguments: &DecodeArgs) -> Value {
    match item {
        StreamItem::Frame(Ok(decoded)) => decoded.value,
        StreamItem::Frame(Err(error)) | StreamItem::Failed(error) => error.to_json(),
        StreamItem::Segment(_) => {
            let mut group = Group::default();
            group.add(item);
            group.into_json(arguments)
        }
    }
}

fn read_error(name: &str) -> impl Fn(io::Error) -> Failure {
    move |error| Failure::Text(format!("cannot read {name}: {error}"))
}
