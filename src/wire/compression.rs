//! Compressed bodies (v4 §5).

use std::fmt;
use std::str::FromStr;

use super::DecodeErrorKind;

/// A compression of frame bodies, asked for in STARTUP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// LZ4 blocks, each after its length as a big-endian `[int]`.
    Lz4,
}

/// The most that LZ4 can make of one byte: a match length grows by 255 a byte.
const LZ4_MAX_RATIO: usize = 255;

impl Compression {
    /// Every compression known here.
    pub const ALL: [Self; 1] = [Self::Lz4];

    /// The name in STARTUP and SUPPORTED: `lz4`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lz4 => "lz4",
        }
    }

    /// Writes `body`, compressed, at the end of `out`: its length, and then the block.
    pub fn compress(self, body: &[u8], out: &mut Vec<u8>) {
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        self.compress_block(body, out);
    }

    /// The body that `compressed` holds.
    ///
    /// # Errors
    /// When it claims more than `limit` bytes, or does not decompress to exactly what it claims.
    /// Nothing is allocated for a claim that the input is too short to make true.
    pub fn decompress(self, compressed: &[u8], limit: usize) -> Result<Vec<u8>, DecodeErrorKind> {
        let invalid = DecodeErrorKind::InvalidCompression;
        let (claim, block) = compressed.split_first_chunk().ok_or(invalid)?;
        let claim = u32::from_be_bytes(*claim);
        match usize::try_from(claim) {
            Ok(length) if length <= limit => self.decompress_block(block, length),
            _ => Err(DecodeErrorKind::DecompressedTooLong { length: claim.into(), limit }),
        }
    }

    /// Writes `body` at the end of `out` as one block, without its length.
    pub(super) fn compress_block(self, body: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Lz4 => {
                let start = out.len();
                let bound = lz4_flex::block::get_maximum_output_size(body.len());
                out.resize(start.saturating_add(bound), 0);
                let room = out.get_mut(start..).unwrap_or_default();
                // The room is the maximum, so there is always enough of it.
                let written = lz4_flex::block::compress_into(body, room).unwrap_or_default();
                out.truncate(start.saturating_add(written));
            }
        }
    }

    /// The `length` bytes that a block holds.
    pub(super) fn decompress_block(
        self,
        block: &[u8],
        length: usize,
    ) -> Result<Vec<u8>, DecodeErrorKind> {
        let invalid = DecodeErrorKind::InvalidCompression;
        match self {
            Self::Lz4 => {
                if length > block.len().saturating_mul(LZ4_MAX_RATIO) {
                    return Err(invalid);
                }
                let mut body = vec![0; length];
                match lz4_flex::block::decompress_into(block, &mut body) {
                    Ok(written) if written == length => Ok(body),
                    _ => Err(invalid),
                }
            }
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Compression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|known| known.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("the compressions are {}", Self::ALL.map(Self::name).join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compressed(body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Compression::Lz4.compress(body, &mut out);
        out
    }

    #[test]
    fn an_empty_body_is_a_length_of_zero_and_one_zero_byte() {
        assert_eq!(compressed(b""), [0, 0, 0, 0, 0]);
        assert_eq!(Compression::Lz4.decompress(&[0, 0, 0, 0, 0], 0), Ok(Vec::new()));
    }

    #[test]
    fn a_body_that_lies_about_its_length_is_refused() {
        let body = b"the same words, the same words, the same words".repeat(20);
        let mut bytes = compressed(&body);
        assert_eq!(Compression::Lz4.decompress(&bytes, body.len()).as_deref(), Ok(&body[..]));
        for wrong in [body.len() - 1, body.len() + 1, 0, 60_000] {
            bytes[..4].copy_from_slice(&u32::try_from(wrong).unwrap().to_be_bytes());
            assert_eq!(
                Compression::Lz4.decompress(&bytes, 1 << 20),
                Err(DecodeErrorKind::InvalidCompression),
                "{wrong}"
            );
        }
        bytes[..4].copy_from_slice(&[0xff; 4]);
        assert_eq!(
            Compression::Lz4.decompress(&bytes, 1 << 20),
            Err(DecodeErrorKind::DecompressedTooLong { length: 0xffff_ffff, limit: 1 << 20 })
        );
    }

    #[test]
    fn every_prefix_of_a_compressed_body_is_refused() {
        let bytes = compressed(&b"abcabcabcabcabcabcabcabc-".repeat(9));
        for end in 0..bytes.len() {
            assert!(Compression::Lz4.decompress(&bytes[..end], 1 << 20).is_err(), "{end}");
        }
    }
}
