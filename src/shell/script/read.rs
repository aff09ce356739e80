//! Reads scripts from files, in the encodings that editors write.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Reads a script from a file.
///
/// # Errors
/// Returns the error of opening or reading the file, or an error of the kind
/// [`InvalidData`](io::ErrorKind::InvalidData) if the file is not text.
pub(crate) fn read_script(file: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(file)?.read_to_end(&mut bytes)?;
    decode(&bytes).map(Cow::into_owned)
}

/// Decodes the bytes of a script: UTF-16 if they begin with its byte order mark, and UTF-8 otherwise.
///
/// # Errors
/// Returns an error of the kind [`InvalidData`](io::ErrorKind::InvalidData), which names the line, if the
/// bytes are not text in that encoding.
pub(in crate::shell) fn decode(bytes: &[u8]) -> io::Result<Cow<'_, str>> {
    let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
    let read_unit = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => {
            return std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
                let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
                invalid(format!("line {line} is not UTF-8 text; save the file as UTF-8"))
            });
        }
    };
    let units = bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(read_unit);
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.map(Cow::Owned).map_err(|_| invalid("the file is not UTF-16 text".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_editors_write() {
        let text = "\u{feff}SELECT '\u{e9}';";
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        for bytes in [text.as_bytes(), &little, &big] {
            assert_eq!(decode(bytes).unwrap(), text);
        }
    }

    #[test]
    fn names_the_line_that_is_not_text() {
        let error = decode(b"SELECT 1;\n-- caf\xe9\n").unwrap_err().to_string();
        assert!(error.starts_with("line 2 is not UTF-8 text"), "{error}");
    }
}
