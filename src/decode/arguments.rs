//! The arguments of `cqlwire decode`.

use std::str::FromStr;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::cli::whole_number;
use crate::wire::{Compression, Context, Extensions, Version};

/// The arguments of `cqlwire decode`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLE)]
pub struct DecodeArgs {
    /// Files to read; `-` is standard input [default: standard input]
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<String>,

    /// Read the input as binary frames, not as lines of hex
    #[arg(long)]
    pub(super) raw: bool,

    /// Print one JSON object per line of input, or with --raw per frame or segment
    #[arg(long)]
    pub(super) json: bool,

    /// Also print the bytes that cqlwire encodes for each message
    #[arg(long)]
    pub(super) reencode: bool,

    /// Compression of bodies with the compressed flag (v3, v4), as negotiated by STARTUP
    #[arg(long, default_value = NONE, value_parser = compression_parser())]
    compression: CompressionArg,

    /// Compression of the segments around frames (v5): plain for uncompressed segments, none if frames
    /// are not in segments
    #[arg(long, default_value = NONE, value_parser = framing_parser())]
    pub(super) segments: Framing,

    /// Negotiated protocol extension: metadata_id, duration, or rate_limit_error=CODE
    #[arg(long = "extension", value_name = "NAME")]
    extensions: Vec<Extension>,

    /// Longest body to accept, in bytes, both before and after decompression; decoding a hostile body
    /// may need 250 times as much memory
    #[arg(
        long,
        default_value_t = MAX_BODY,
        value_name = "BYTES",
        value_parser = whole_number::<usize>(0..=u64::MAX),
        allow_negative_numbers = true
    )]
    pub(super) max_body: usize,
}

/// Default of `--max-body`. It is lower than the protocol's limit because the printed fields need far
/// more memory than the body.
const MAX_BODY: usize = 16 << 20;

const NONE: &str = "none";
const PLAIN: &str = "plain";

const EXAMPLE: &str = "\
A line of hex holds one or more frames or, with --segments, one or more complete segments. White
space, `:` and `0x` between bytes are ignored, as are blank lines and comments that start with `#`.
A line with several frames gives one object that lists them under `envelopes`.

Example:
  echo '04 00 0001 07 00000013 0000000c 53454c454354206e6f772829 0001 00' | cqlwire decode

The exit status is 0 if everything was decoded, 1 if not, 2 for wrong arguments.";

/// The value of `--compression`. It wraps the `Option` because clap would take a bare `Option` field
/// for an argument that may be absent.
#[derive(Debug, Clone, Copy)]
struct CompressionArg(Option<Compression>);

/// The framing of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// Frames without segments.
    Bare,
    /// Frames in segments with this compression, or in uncompressed segments for `None`.
    Segments(Option<Compression>),
}

/// A value of `--extension`.
#[derive(Debug, Clone, Copy)]
enum Extension {
    MetadataId,
    Duration,
    RateLimitError(i32),
}

impl DecodeArgs {
    /// Returns the decoding context of frames of this version: the compression, the extensions and
    /// the longest body that the arguments set.
    pub(super) fn context(&self, version: Version) -> Context {
        let mut extensions = Extensions::default();
        for extension in &self.extensions {
            match *extension {
                Extension::MetadataId => extensions.metadata_id = true,
                Extension::Duration => extensions.duration = true,
                Extension::RateLimitError(code) => extensions.rate_limit_error = Some(code),
            }
        }
        Context { version, compression: self.compression.0, extensions, max_body: self.max_body }
    }
}

/// Returns the parser of `--compression`.
fn compression_parser() -> impl TypedValueParser<Value = CompressionArg> {
    names_parser([NONE], |_| true).map(|name| CompressionArg(name.parse().ok()))
}

/// Returns the parser of `--segments`.
fn framing_parser() -> impl TypedValueParser<Value = Framing> {
    let is_in_v5 = |compression: &Compression| compression.is_supported_in(Version::V5);
    names_parser([NONE, PLAIN], is_in_v5).map(|name| match name.as_str() {
        NONE => Framing::Bare,
        name => Framing::Segments(name.parse().ok()),
    })
}

/// Returns a parser that accepts `names`, and the name of each compression for which `is_allowed`
/// returns true.
fn names_parser<const N: usize>(
    names: [&'static str; N],
    is_allowed: fn(&Compression) -> bool,
) -> PossibleValuesParser {
    let compressions = Compression::ALL.iter().copied().filter(is_allowed).map(Compression::name);
    PossibleValuesParser::new(names.into_iter().chain(compressions))
}

impl FromStr for Extension {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            None if text == "metadata_id" => Ok(Self::MetadataId),
            None if text == "duration" => Ok(Self::Duration),
            Some(("rate_limit_error", code)) => match code.strip_prefix("0x") {
                Some(hex) => i32::from_str_radix(hex, 16),
                None => code.parse(),
            }
            .map(Self::RateLimitError)
            .map_err(|_| format!("`{code}` is not an error code; use a number such as 0xf000")),
            _ => Err("the extensions are metadata_id, duration and rate_limit_error=CODE".into()),
        }
    }
}
