//! Compressed bodies (v4 §5).

use std::fmt;
use std::str::FromStr;

use super::{DecodeErrorKind, Version};

/// A compression of frame bodies, asked for in STARTUP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// LZ4 blocks, each after its length as a big-endian `[int]`.
    Lz4,
    /// Snappy blocks, which begin with their length. Not in v5.
    #[cfg(feature = "snappy")]
    Snappy,
}

/// The most that LZ4 can make of one byte: a match length grows by 255 a byte.
const LZ4_MAX_RATIO: usize = 255;

/// The most that Snappy can make of one byte: a copy of 64 takes three, or two nearby.
#[cfg(feature = "snappy")]
const SNAPPY_MAX_RATIO: usize = 32;

impl Compression {
    /// Every compression known here.
    pub const ALL: &[Self] = &[
        Self::Lz4,
        #[cfg(feature = "snappy")]
        Self::Snappy,
    ];

    /// The name in STARTUP and SUPPORTED: `lz4` or `snappy`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lz4 => "lz4",
            #[cfg(feature = "snappy")]
            Self::Snappy => "snappy",
        }
    }

    /// Whether connections of this version may use it: v5 has LZ4 only (v5 §4.1.1).
    pub const fn is_in(self, version: Version) -> bool {
        match (self, version) {
            (Self::Lz4, _) => true,
            #[cfg(feature = "snappy")]
            (Self::Snappy, version) => !matches!(version, Version::V5),
        }
    }

    /// Writes `body`, compressed, at the end of `out`.
    pub fn compress(self, body: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start.saturating_add(self.bound(body.len())), 0);
        let written = self.compress_to(body, out.get_mut(start..).unwrap_or_default());
        out.truncate(start.saturating_add(written));
    }

    /// Compresses `body` into `room`, which only grows, and gives the part that holds the result.
    /// Room that is used again need not be set to zero again: keep it as long as there are bodies.
    pub fn compress_into<'r>(self, body: &[u8], room: &'r mut Vec<u8>) -> &'r [u8] {
        let written = self.compress_to(body, at_least(room, self.bound(body.len())));
        room.get(..written).unwrap_or_default()
    }

    /// The body that `compressed` holds.
    ///
    /// # Errors
    /// When it claims more than `limit` bytes, or does not decompress to exactly what it claims.
    /// Nothing is allocated for a claim that the input is too short to make true.
    pub fn decompress(self, compressed: &[u8], limit: usize) -> Result<Vec<u8>, DecodeErrorKind> {
        let mut body = Vec::new();
        self.decompress_into(compressed, limit, &mut body)?;
        Ok(body)
    }

    /// The same in place of what `body` held, whose room is used again.
    ///
    /// # Errors
    /// As [`decompress`](Self::decompress). What `body` holds is then of no use.
    pub fn decompress_into(
        self,
        compressed: &[u8],
        limit: usize,
        body: &mut Vec<u8>,
    ) -> Result<(), DecodeErrorKind> {
        match self {
            Self::Lz4 => {
                let invalid = DecodeErrorKind::InvalidCompression;
                let (claim, block) = compressed.split_first_chunk().ok_or(invalid)?;
                let claim = u32::from_be_bytes(*claim);
                match usize::try_from(claim) {
                    Ok(length) if length <= limit => lz4_decompress(block, length, body),
                    _ => Err(DecodeErrorKind::DecompressedTooLong { length: claim.into(), limit }),
                }
            }
            #[cfg(feature = "snappy")]
            Self::Snappy => snappy_decompress(compressed, limit, body),
        }
    }

    /// The most bytes that a body of `length` takes compressed.
    fn bound(self, length: usize) -> usize {
        match self {
            Self::Lz4 => lz4_flex::block::get_maximum_output_size(length).saturating_add(4),
            #[cfg(feature = "snappy")]
            Self::Snappy => snap::raw::max_compress_len(length),
        }
    }

    /// Compresses into room for the most bytes that it can take, and says how many it took.
    fn compress_to(self, body: &[u8], room: &mut [u8]) -> usize {
        match self {
            Self::Lz4 => {
                let Some((length, block)) = room.split_first_chunk_mut() else { return 0 };
                *length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
                // There is always enough room.
                let written = lz4_flex::block::compress_into(body, block).unwrap_or_default();
                written.saturating_add(length.len())
            }
            #[cfg(feature = "snappy")]
            Self::Snappy => snap::raw::Encoder::new().compress(body, room).unwrap_or_default(),
        }
    }
}

/// The LZ4 block that holds `body`, in `room`, which only grows.
pub(super) fn lz4_compress<'r>(body: &[u8], room: &'r mut Vec<u8>) -> &'r [u8] {
    let bound = lz4_flex::block::get_maximum_output_size(body.len());
    let written = lz4_flex::block::compress_into(body, at_least(room, bound)).unwrap_or_default();
    room.get(..written).unwrap_or_default()
}

/// Puts the `length` bytes that an LZ4 block holds into `body`.
pub(super) fn lz4_decompress(
    block: &[u8],
    length: usize,
    body: &mut Vec<u8>,
) -> Result<(), DecodeErrorKind> {
    decompress_exactly(block, length, LZ4_MAX_RATIO, body, |block, body| {
        lz4_flex::block::decompress_into(block, body).ok()
    })
}

#[cfg(feature = "snappy")]
fn snappy_decompress(
    compressed: &[u8],
    limit: usize,
    body: &mut Vec<u8>,
) -> Result<(), DecodeErrorKind> {
    let claim = snap::raw::decompress_len(compressed);
    let length = claim.map_err(|_| DecodeErrorKind::InvalidCompression)?;
    if length > limit {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        return Err(DecodeErrorKind::DecompressedTooLong { length, limit });
    }
    decompress_exactly(compressed, length, SNAPPY_MAX_RATIO, body, |block, body| {
        snap::raw::Decoder::new().decompress(block, body).ok()
    })
}

/// `room`, which is made longer if it has less than `length` bytes.
fn at_least(room: &mut Vec<u8>, length: usize) -> &mut [u8] {
    if room.len() < length {
        room.resize(length, 0);
    }
    room
}

/// Puts the `length` bytes that `decompress` makes of a block into `body`: so many, and not one
/// less.
fn decompress_exactly(
    block: &[u8],
    length: usize,
    max_ratio: usize,
    body: &mut Vec<u8>,
    decompress: impl FnOnce(&[u8], &mut [u8]) -> Option<usize>,
) -> Result<(), DecodeErrorKind> {
    let invalid = DecodeErrorKind::InvalidCompression;
    if length > block.len().saturating_mul(max_ratio) {
        return Err(invalid);
    }
    if body.capacity() < length {
        // What the body holds need not be copied, and the allocator may have zeroes at hand.
        *body = vec![0; length];
    } else {
        body.resize(length, 0);
    }
    match decompress(block, body) {
        Some(written) if written == length => Ok(()),
        _ => Err(invalid),
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
        let known = |known: &&Self| known.name().eq_ignore_ascii_case(text);
        Self::ALL.iter().find(known).copied().ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|known| known.name()).collect();
            format!("the compressions are {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_body_is_a_length_of_zero_and_one_zero_byte() {
        let mut bytes = Vec::new();
        Compression::Lz4.compress(b"", &mut bytes);
        assert_eq!(bytes, [0, 0, 0, 0, 0]);
        assert_eq!(Compression::Lz4.decompress(&bytes, 0), Ok(Vec::new()));
    }

    /// The bytes of `body` after a claim of `length`, in the form of each compression.
    fn claiming(compression: Compression, length: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        compression.compress(body, &mut bytes);
        match compression {
            Compression::Lz4 => bytes[..4].copy_from_slice(&length.to_be_bytes()),
            #[cfg(feature = "snappy")]
            Compression::Snappy => {
                let claim = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap();
                bytes.drain(..=claim);
                let digit = |shift: u32| (length >> shift) as u8 & 0x7f | 0x80;
                let claim = [digit(0), digit(7), digit(14), digit(21), (length >> 28) as u8];
                bytes.splice(..0, claim);
            }
        }
        bytes
    }

    #[test]
    fn a_body_that_lies_about_its_length_is_refused() {
        let body = b"the same words, the same words, the same words".repeat(20);
        for &compression in Compression::ALL {
            let length = u32::try_from(body.len()).unwrap();
            let honest = claiming(compression, length, &body);
            assert_eq!(compression.decompress(&honest, body.len()).as_deref(), Ok(&body[..]));
            for wrong in [length - 1, length + 1, 0, 60_000] {
                assert_eq!(
                    compression.decompress(&claiming(compression, wrong, &body), 1 << 20),
                    Err(DecodeErrorKind::InvalidCompression),
                    "{compression} {wrong}"
                );
            }
            assert_eq!(
                compression.decompress(&claiming(compression, u32::MAX, &body), 1 << 20),
                Err(DecodeErrorKind::DecompressedTooLong { length: 0xffff_ffff, limit: 1 << 20 })
            );
        }
    }

    #[test]
    fn room_that_was_used_before_changes_nothing() {
        let bodies = [&b"the same words, the same words, the same words"[..], b"", b"another"];
        for &compression in Compression::ALL {
            let (mut room, mut decompressed) = (Vec::new(), Vec::new());
            for body in bodies {
                let mut fresh = Vec::new();
                compression.compress(body, &mut fresh);
                assert_eq!(compression.compress_into(body, &mut room), fresh);
                compression.decompress_into(&fresh, 99, &mut decompressed).unwrap();
                assert_eq!(decompressed, body);
            }
        }
    }

    #[test]
    fn every_prefix_of_a_compressed_body_is_refused() {
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
