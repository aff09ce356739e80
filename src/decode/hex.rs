//! Parses lines of hex.

use std::io::{self, BufRead, BufReader, Read};

use super::input_error::InputError;

/// Reads lines of hex from an input. Skips lines without bytes: blank lines and comments.
///
/// The reader parses characters as they arrive, and keeps at most `limit` bytes of a line.
#[derive(Debug)]
pub(super) struct HexLines<R> {
    input: BufReader<R>,
    limit: usize,
    number: u64,
}

/// A line that is not blank and not a comment.
#[derive(Debug)]
pub(super) struct HexLine {
    /// Number of the line in the input; the first line is 1.
    pub(super) number: u64,
    /// The bytes, or the error of a line that is not valid hex.
    pub(super) bytes: Result<Vec<u8>, InputError>,
}

impl<R: Read> HexLines<R> {
    pub(super) fn new(input: R, limit: usize) -> Self {
        Self { input: BufReader::with_capacity(1 << 16, input), limit, number: 0 }
    }

    /// Returns true if the buffer is empty. The next line must then be read from the input, which may
    /// block.
    pub(super) fn is_drained(&self) -> bool {
        self.input.buffer().is_empty()
    }

    /// Reads the next line that is not blank and not a comment. Returns `None` at the end of the
    /// input.
    pub(super) fn next_line(&mut self) -> io::Result<Option<HexLine>> {
        while let Some(parser) = self.read_line()? {
            self.number = self.number.saturating_add(1);
            if let Some(bytes) = parser.finish() {
                return Ok(Some(HexLine { number: self.number, bytes }));
            }
        }
        Ok(None)
    }

    fn read_line(&mut self) -> io::Result<Option<HexParser>> {
        let mut parser = HexParser { limit: self.limit, ..HexParser::default() };
        let mut is_empty = true;
        loop {
            let buffer = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                buffer => buffer?,
            };
            if buffer.is_empty() {
                return Ok((!is_empty).then_some(parser));
            }
            is_empty = false;
            let end = buffer.iter().position(|&byte| byte == b'\n');
            let line = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
            line.iter().for_each(|&character| parser.push(character));
            let consumed = line.len().saturating_add(usize::from(end.is_some()));
            self.input.consume(consumed);
            if end.is_some() {
                return Ok(Some(parser));
            }
        }
    }
}

/// Parses the characters of a line into bytes.
#[derive(Debug, Default)]
struct HexParser {
    limit: usize,
    bytes: Vec<u8>,
    /// The first digit of a byte whose second digit has not been read; `None` between bytes.
    high_digit: Option<u8>,
    error: Option<InputError>,
    is_comment: bool,
}

impl HexParser {
    fn push(&mut self, character: u8) {
        if self.is_comment || self.error.is_some() {
            return;
        }
        let digit = char::from(character).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (character, digit, self.high_digit) {
            (_, Some(low), Some(high)) if self.bytes.len() < self.limit => {
                self.bytes.push(high << 4 | low);
                self.high_digit = None;
            }
            (_, Some(_), Some(_)) => self.refuse(&format!(
                "the line is longer than {} bytes; raise --max-body, or use --raw for binary files",
                self.limit
            )),
            (_, Some(high), None) => self.high_digit = Some(high),
            // The digit before this `x` belongs to a `0x`, not to a byte.
            (b'x' | b'X', None, Some(0)) => self.high_digit = None,
            (b'#', None, _) => self.is_comment = true,
            (b':', None, _) => {}
            _ if character.is_ascii_whitespace() => {}
            _ => {
                let shown = character.escape_ascii();
                self.refuse(&match character.is_ascii_graphic() {
                    true => format!("`{shown}` is not a hex digit; comments start with #"),
                    false => format!("`{shown}` is not a hex digit; use --raw for binary files"),
                });
            }
        }
    }

    #[cold]
    fn refuse(&mut self, problem: &str) {
        self.error = Some(InputError::hex(problem, self.bytes.len()));
    }

    /// Returns the bytes or the error of the line, or `None` if the line contains no bytes.
    fn finish(self) -> Option<Result<Vec<u8>, InputError>> {
        let odd = || {
            InputError::hex("odd number of digits: the last byte is incomplete", self.bytes.len())
        };
        match self.error.or_else(|| self.high_digit.map(|_| odd())) {
            Some(error) => Some(Err(error)),
            None => (!self.bytes.is_empty()).then_some(Ok(self.bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the number and the bytes, or the error, of every line.
    fn lines(text: &str) -> Vec<(u64, Result<Vec<u8>, String>)> {
        let mut lines = HexLines::new(text.as_bytes(), 4);
        let mut all = Vec::new();
        while let Some(HexLine { number, bytes }) = lines.next_line().unwrap() {
            all.push((number, bytes.map_err(|error| error.to_json()["error"].to_string())));
        }
        all
    }

    #[test]
    fn parses_several_notations() {
        for text in
            ["04000a0F", "04 00 0a 0F\r\n", "0x04000A0f", "0X04 0x00\t0x0a0f", "04:00:0a:0f"]
        {
            assert_eq!(lines(text), [(1, Ok(vec![4, 0, 10, 15]))], "{text}");
        }
    }

    #[test]
    fn skips_lines_without_bytes_but_counts_them() {
        let read = lines("# a comment, zz\n\n  \n04 # four\n0x\n05");
        assert_eq!(read, [(4, Ok(vec![4])), (6, Ok(vec![5]))]);
        assert_eq!(lines(""), []);
    }

    #[test]
    fn names_the_character_that_is_not_hex() {
        let error = |text| lines(text)[0].1.clone().unwrap_err();
        assert!(error("04 0").contains("hex at byte 1: odd number of digits"));
        assert!(error("04 0g").contains("hex at byte 1: `g` is not a hex digit"));
        assert!(
            error("04 \u{7}").contains(r"`\\x07` is not a hex digit; use --raw for binary files")
        );
        assert!(error("04 1x05").contains("`x` is not a hex digit"));
        assert!(error("\u{e9}").contains("\\\\xc3"));
        assert!(error("0102030405").contains("longer than 4 bytes"));
        // An error does not affect the next line.
        assert_eq!(lines("zz\n04")[1], (2, Ok(vec![4])));
    }
}
