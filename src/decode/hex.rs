//! Bytes out of lines of hex.

use std::io::{self, BufRead, BufReader, Read};

use super::fault::Fault;

/// The lines of an input that hold something.
///
/// A line is never held as text, and no more than `limit` of its bytes are.
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: BufReader<R>,
    limit: usize,
    number: u64,
}

/// A line that holds something.
#[derive(Debug)]
pub(super) struct Line {
    /// Its number in the input; the first is 1.
    pub(super) number: u64,
    /// Its bytes.
    pub(super) bytes: Result<Vec<u8>, Fault>,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(input: R, limit: usize) -> Self {
        Self { input: BufReader::with_capacity(1 << 16, input), limit, number: 0 }
    }

    /// Whether the next line has to be waited for.
    pub(super) fn is_drained(&self) -> bool {
        self.input.buffer().is_empty()
    }

    /// The next line that holds something.
    pub(super) fn next_line(&mut self) -> io::Result<Option<Line>> {
        while let Some(digits) = self.read_line()? {
            self.number = self.number.saturating_add(1);
            if let Some(bytes) = digits.bytes() {
                return Ok(Some(Line { number: self.number, bytes }));
            }
        }
        Ok(None)
    }

    fn read_line(&mut self) -> io::Result<Option<Digits>> {
        let mut digits = Digits { limit: self.limit, ..Digits::default() };
        let mut is_empty = true;
        loop {
            let buffer = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                buffer => buffer?,
            };
            if buffer.is_empty() {
                return Ok((!is_empty).then_some(digits));
            }
            is_empty = false;
            let end = buffer.iter().position(|&byte| byte == b'\n');
            let line = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
            line.iter().for_each(|&character| digits.push(character));
            let consumed = line.len().saturating_add(usize::from(end.is_some()));
            self.input.consume(consumed);
            if end.is_some() {
                return Ok(Some(digits));
            }
        }
    }
}

/// The bytes of a line, as its characters come in.
#[derive(Debug, Default)]
struct Digits {
    limit: usize,
    bytes: Vec<u8>,
    /// The first half of a byte.
    half: Option<u8>,
    fault: Option<Fault>,
    is_comment: bool,
}

impl Digits {
    fn push(&mut self, character: u8) {
        if self.is_comment || self.fault.is_some() {
            return;
        }
        let digit = char::from(character).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (character, digit, self.half) {
            (_, Some(low), Some(high)) if self.bytes.len() < self.limit => {
                self.bytes.push(high << 4 | low);
                self.half = None;
            }
            (_, Some(_), Some(_)) => self.refuse(&format!(
                "the line goes on after {} bytes; --max-body allows more, --raw reads files",
                self.limit
            )),
            (_, Some(high), None) => self.half = Some(high),
            // The zero of `0x`.
            (b'x' | b'X', None, Some(0)) => self.half = None,
            (b'#', None, _) => self.is_comment = true,
            (b':', None, _) => {}
            _ if character.is_ascii_whitespace() => {}
            _ => {
                let shown = character.escape_ascii();
                self.refuse(&format!("`{shown}` is no hex digit; begin comments with #"));
            }
        }
    }

    #[cold]
    fn refuse(&mut self, what: &str) {
        self.fault = Some(Fault::hex(what, self.bytes.len()));
    }

    /// The bytes, if the line holds anything.
    fn bytes(self) -> Option<Result<Vec<u8>, Fault>> {
        let odd = || Fault::hex("an odd number of digits, the last byte is half", self.bytes.len());
        match self.fault.or_else(|| self.half.map(|_| odd())) {
            Some(fault) => Some(Err(fault)),
            None => (!self.bytes.is_empty()).then_some(Ok(self.bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every line: its number, and its bytes or what is wrong with them.
    fn lines(text: &str) -> Vec<(u64, Result<Vec<u8>, String>)> {
        let mut lines = Lines::new(text.as_bytes(), 4);
        let mut all = Vec::new();
        while let Some(Line { number, bytes }) = lines.next_line().unwrap() {
            all.push((number, bytes.map_err(|fault| fault.value()["error"].to_string())));
        }
        all
    }

    #[test]
    fn bytes_are_read_however_they_are_written() {
        for text in
            ["04000a0F", "04 00 0a 0F\r\n", "0x04000A0f", "0X04 0x00\t0x0a0f", "04:00:0a:0f"]
        {
            assert_eq!(lines(text), [(1, Ok(vec![4, 0, 10, 15]))], "{text}");
        }
    }

    #[test]
    fn lines_without_bytes_are_skipped_and_counted() {
        let read = lines("# a comment, zz\n\n  \n04 # four\n0x\n05");
        assert_eq!(read, [(4, Ok(vec![4])), (6, Ok(vec![5]))]);
        assert_eq!(lines(""), []);
    }

    #[test]
    fn what_is_no_hex_is_named() {
        let error = |text| lines(text)[0].1.clone().unwrap_err();
        assert!(error("04 0").contains("hex at byte 1: an odd number of digits"));
        assert!(error("04 0g").contains("hex at byte 1: `g` is no hex digit"));
        assert!(error("04 1x05").contains("`x` is no hex digit"));
        assert!(error("\u{e9}").contains("\\\\xc3"));
        assert!(error("0102030405").contains("goes on after 4 bytes"));
        // The next line is not touched by it.
        assert_eq!(lines("zz\n04")[1], (2, Ok(vec![4])));
    }
}
