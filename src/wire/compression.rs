//! Compression of frame bodies (v4 §5) and of segment payloads (v5 §2.2).

use std::fmt;
use std::str::FromStr;

use bytes::BytesMut;

use super::{DecodeErrorKind, Version};

/// A compression algorithm, which the client requests in STARTUP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// LZ4. In v3 and v4, a compressed body is the uncompressed length as a big-endian `[int]`,
    /// followed by one LZ4 block.
    Lz4,
    /// Snappy, for v3 and v4. A compressed body is one raw Snappy block, which begins with the
    /// uncompressed length.
    #[cfg(feature = "snappy")]
    Snappy,
}

/// The highest ratio of output to input in LZ4: each extra byte adds at most 255 to a match length.
const LZ4_MAX_RATIO: usize = 255;

/// The highest ratio of output to input in Snappy: a copy of 64 bytes takes at least two bytes.
#[cfg(feature = "snappy")]
const SNAPPY_MAX_RATIO: usize = 32;

impl Compression {
    /// All compression algorithms in this build.
    pub const ALL: &[Self] = &[
        Self::Lz4,
        #[cfg(feature = "snappy")]
        Self::Snappy,
    ];

    /// Returns the name used in STARTUP and SUPPORTED: `lz4` or `snappy`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lz4 => "lz4",
            #[cfg(feature = "snappy")]
            Self::Snappy => "snappy",
        }
    }

    /// Returns true if connections of `version` may use this algorithm. v5 has LZ4 only (v5 §4.1.1).
    pub const fn is_supported_in(self, version: Version) -> bool {
        match (self, version) {
            (Self::Lz4, _) => true,
            #[cfg(feature = "snappy")]
            (Self::Snappy, version) => !matches!(version, Version::V5),
        }
    }

    /// Compresses `body` and appends the result to `out`.
    pub fn compress(self, body: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        let length = start.saturating_add(self.max_compressed(body.len()));
        if out.capacity() < length {
            // The allocator may return pages that are zero already.
            let mut zeroed = vec![0; length];
            zeroed.get_mut(..start).into_iter().for_each(|copy| copy.copy_from_slice(out));
            *out = zeroed;
        } else {
            out.resize(length, 0);
        }
        let written = self.compress_to(body, out.get_mut(start..).unwrap_or_default());
        out.truncate(start.saturating_add(written));
    }

    /// Compresses `body` into `scratch` and returns the part of `scratch` that holds the result.
    ///
    /// `scratch` grows as needed and never shrinks. Pass the same buffer for each body: then the
    /// buffer is allocated and zeroed only once.
    pub fn compress_into<'r>(self, body: &[u8], scratch: &'r mut Vec<u8>) -> &'r [u8] {
        let written = self.compress_to(body, grow_to(scratch, self.max_compressed(body.len())));
        scratch.get(..written).unwrap_or_default()
    }

    /// Decompresses `compressed` and returns the body.
    ///
    /// The input states its uncompressed length. If the input is too short to decompress to that
    /// length, it is rejected before memory is allocated.
    ///
    /// # Errors
    /// Returns an error if the stated length is above `limit`, or if the input does not decompress
    /// to exactly the stated length.
    pub fn decompress(self, compressed: &[u8], limit: usize) -> Result<Vec<u8>, DecodeErrorKind> {
        let mut body = Vec::new();
        self.decompress_into(compressed, limit, &mut body)?;
        Ok(body)
    }

    /// Decompresses `compressed` into `body`, replacing its content and reusing its allocation.
    ///
    /// # Errors
    /// Returns the errors of [`decompress`](Self::decompress). The content of `body` is then
    /// unspecified.
    pub fn decompress_into(
        self,
        compressed: &[u8],
        limit: usize,
        body: &mut Vec<u8>,
    ) -> Result<(), DecodeErrorKind> {
        match self {
            Self::Lz4 => {
                let invalid = DecodeErrorKind::InvalidCompression;
                let (claimed, block) = compressed.split_first_chunk().ok_or(invalid)?;
                let claimed = u32::from_be_bytes(*claimed);
                match usize::try_from(claimed) {
                    Ok(length) if length <= limit => lz4_decompress(block, length, body),
                    _ => {
                        Err(DecodeErrorKind::DecompressedTooLong { length: claimed.into(), limit })
                    }
                }
            }
            #[cfg(feature = "snappy")]
            Self::Snappy => snappy_decompress(compressed, limit, body),
        }
    }

    /// Returns the largest size that a body of `length` bytes can have after compression, in bytes.
    fn max_compressed(self, length: usize) -> usize {
        match self {
            Self::Lz4 => lz4_flex::block::get_maximum_output_size(length).saturating_add(4),
            #[cfg(feature = "snappy")]
            Self::Snappy => snap::raw::max_compress_len(length),
        }
    }

    /// Compresses `body` into `out` and returns the compressed length.
    ///
    /// `out` must have at least the length that `max_compressed` returns for the body.
    fn compress_to(self, body: &[u8], out: &mut [u8]) -> usize {
        match self {
            Self::Lz4 => {
                let Some((length, block)) = out.split_first_chunk_mut() else { return 0 };
                *length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
                // Cannot fail: `block` has room for the largest compressed size.
                let written = lz4_flex::block::compress_into(body, block).unwrap_or_default();
                written.saturating_add(length.len())
            }
            #[cfg(feature = "snappy")]
            Self::Snappy => snap::raw::Encoder::new().compress(body, out).unwrap_or_default(),
        }
    }
}

/// Compresses `body` into `scratch` as one LZ4 block without a length, and returns the block.
pub(super) fn lz4_compress<'r>(body: &[u8], scratch: &'r mut Vec<u8>) -> &'r [u8] {
    let out = grow_to(scratch, lz4_flex::block::get_maximum_output_size(body.len()));
    let written = lz4_flex::block::compress_into(body, out).unwrap_or_default();
    scratch.get(..written).unwrap_or_default()
}

/// Decompresses an LZ4 block of exactly `length` uncompressed bytes into `body`.
pub(super) fn lz4_decompress(
    block: &[u8],
    length: usize,
    body: &mut Vec<u8>,
) -> Result<(), DecodeErrorKind> {
    check_length(block, length, LZ4_MAX_RATIO)?;
    lz4_decompress_to(block, resize(body, length))
}

/// Decompresses an LZ4 block of exactly `length` uncompressed bytes, and appends them to `out`.
pub(super) fn lz4_decompress_onto(
    block: &[u8],
    length: usize,
    out: &mut BytesMut,
) -> Result<(), DecodeErrorKind> {
    check_length(block, length, LZ4_MAX_RATIO)?;
    let start = out.len();
    out.resize(start.saturating_add(length), 0);
    lz4_decompress_to(block, out.get_mut(start..).unwrap_or_default())
}

/// Decompresses an LZ4 block, which must fill `out`.
///
/// Only this function calls the one of the crate. The compiler then inlines it, which saves 7 % of its
/// instructions.
#[inline(never)]
fn lz4_decompress_to(block: &[u8], out: &mut [u8]) -> Result<(), DecodeErrorKind> {
    match lz4_flex::block::decompress_into(block, out) {
        Ok(written) if written == out.len() => Ok(()),
        _ => Err(DecodeErrorKind::InvalidCompression),
    }
}

#[cfg(feature = "snappy")]
fn snappy_decompress(
    compressed: &[u8],
    limit: usize,
    body: &mut Vec<u8>,
) -> Result<(), DecodeErrorKind> {
    let claimed = snap::raw::decompress_len(compressed);
    let length = claimed.map_err(|_| DecodeErrorKind::InvalidCompression)?;
    if length > limit {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        return Err(DecodeErrorKind::DecompressedTooLong { length, limit });
    }
    check_length(compressed, length, SNAPPY_MAX_RATIO)?;
    let body = resize(body, length);
    match snap::raw::Decoder::new().decompress(compressed, body) {
        Ok(written) if written == length => Ok(()),
        _ => Err(DecodeErrorKind::InvalidCompression),
    }
}

/// Grows `buffer` to at least `length` bytes and returns all of it.
fn grow_to(buffer: &mut Vec<u8>, length: usize) -> &mut [u8] {
    if buffer.len() < length {
        buffer.resize(length, 0);
    }
    buffer
}

/// Checks that a block can have `length` uncompressed bytes, before memory is allocated for them: at most
/// `max_ratio` times its own length.
fn check_length(block: &[u8], length: usize, max_ratio: usize) -> Result<(), DecodeErrorKind> {
    match length > block.len().saturating_mul(max_ratio) {
        true => Err(DecodeErrorKind::InvalidCompression),
        false => Ok(()),
    }
}

/// Changes the length of `body`, whose content does not matter, and returns all of it.
fn resize(body: &mut Vec<u8>, length: usize) -> &mut [u8] {
    if body.capacity() < length {
        // A new buffer avoids copying the old content, and the allocator may return pages that are
        // zero already.
        *body = vec![0; length];
    } else {
        body.resize(length, 0);
    }
    body
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Compression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let has_name = |compression: &&Self| compression.name().eq_ignore_ascii_case(text);
        Self::ALL.iter().find(has_name).copied().ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|compression| compression.name()).collect();
            format!("unknown compression `{text}`, expected one of {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compresses_an_empty_body_to_a_zero_length_and_one_zero_byte() {
        let mut bytes = Vec::new();
        Compression::Lz4.compress(b"", &mut bytes);
        assert_eq!(bytes, [0, 0, 0, 0, 0]);
        assert_eq!(Compression::Lz4.decompress(&bytes, 0), Ok(Vec::new()));
    }

    /// Returns `body` compressed, with its uncompressed length replaced by `length`.
    fn compress_with_length(compression: Compression, length: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        compression.compress(body, &mut bytes);
        match compression {
            Compression::Lz4 => bytes[..4].copy_from_slice(&length.to_be_bytes()),
            #[cfg(feature = "snappy")]
            Compression::Snappy => {
                let last = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap();
                bytes.drain(..=last);
                let digit = |shift: u32| (length >> shift) as u8 & 0x7f | 0x80;
                let varint = [digit(0), digit(7), digit(14), digit(21), (length >> 28) as u8];
                bytes.splice(..0, varint);
            }
        }
        bytes
    }

    #[test]
    fn refuses_a_body_with_a_wrong_uncompressed_length() {
        let body = b"the same words, the same words, the same words".repeat(20);
        for &compression in Compression::ALL {
            let length = u32::try_from(body.len()).unwrap();
            let right = compress_with_length(compression, length, &body);
            assert_eq!(compression.decompress(&right, body.len()).as_deref(), Ok(&body[..]));
            for wrong in [length - 1, length + 1, 0, 60_000] {
                assert_eq!(
                    compression
                        .decompress(&compress_with_length(compression, wrong, &body), 1 << 20),
                    Err(DecodeErrorKind::InvalidCompression),
                    "{compression} {wrong}"
                );
            }
            assert_eq!(
                compression
                    .decompress(&compress_with_length(compression, u32::MAX, &body), 1 << 20),
                Err(DecodeErrorKind::DecompressedTooLong { length: 0xffff_ffff, limit: 1 << 20 })
            );
        }
    }

    #[test]
    fn reused_buffers_give_the_same_results_as_new_ones() {
        let bodies = [&b"the same words, the same words, the same words"[..], b"", b"another"];
        for &compression in Compression::ALL {
            let (mut scratch, mut decompressed) = (Vec::new(), Vec::new());
            for body in bodies {
                let mut fresh = Vec::new();
                compression.compress(body, &mut fresh);
                assert_eq!(compression.compress_into(body, &mut scratch), fresh);
                compression.decompress_into(&fresh, 99, &mut decompressed).unwrap();
                assert_eq!(decompressed, body);
            }
        }
    }

    #[test]
    fn refuses_every_proper_prefix_of_a_compressed_body() {
        let body = b"abcabcabcabcabcabcabcabc-".repeat(9);
        for &compression in Compression::ALL {
            let mut bytes = Vec::new();
            compression.compress(&body, &mut bytes);
            for end in 0..bytes.len() {
                assert!(compression.decompress(&bytes[..end], 1 << 20).is_err(), "{end}");
            }
        }
    }
}
