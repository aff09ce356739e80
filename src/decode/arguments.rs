//! What the user of `cqlwire decode` asks for.

use std::str::FromStr;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::wire::{Compression, Context, Extensions, Version};

/// Which frames are to be decoded, and how.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLE)]
pub struct DecodeArgs {
    /// Files to read; `-` or none is standard input
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<String>,

    /// The input is the bytes themselves, frame after frame, not lines of hex
    #[arg(long)]
    pub(super) raw: bool,

    /// Write one JSON object for each line, or with --raw for each frame or segment
    #[arg(long)]
    pub(super) json: bool,

    /// Also show what our encoder writes for each message
    #[arg(long)]
    pub(super) reencode: bool,

    /// What STARTUP has agreed on for bodies with the compressed flag (v3, v4)
    #[arg(long, default_value = NONE, value_parser = bodies())]
    compression: Bodies,

    /// What the frames stand in; v5 has them in segments from the answer to STARTUP on
    #[arg(long, default_value = NONE, value_parser = framings())]
    pub(super) segments: Framing,

    /// An extension that was negotiated: metadata_id, duration, or rate_limit_error=CODE
    #[arg(long = "extension", value_name = "NAME")]
    extensions: Vec<Extension>,

    /// The longest body to accept, in bytes, as sent and as decompressed; a hostile one takes 250
    /// times as much memory
    #[arg(long, default_value_t = MAX_BODY, value_name = "BYTES")]
    pub(super) max_body: usize,
}

/// What is shown of a body takes far more room than the body: not the longest that there may be.
const MAX_BODY: usize = 16 << 20;

const NONE: &str = "none";
const PLAIN: &str = "plain";

const EXAMPLE: &str = "\
A line of hex is one frame or, with --segments, one or more whole segments. White space, `:` and
`0x` may stand between bytes; blank lines, and what follows a `#`, are skipped. A line with more
than one frame gives one object, with all of them under `envelopes`.

Example:
  echo '04 00 0001 07 00000013 0000000c 53454c454354206e6f772829 0001 00' | cqlwire decode

The exit code is 0 when everything was decoded, 1 when something was not, 2 for wrong arguments.";

/// The compression of bodies.
#[derive(Debug, Clone, Copy)]
struct Bodies(Option<Compression>);

/// What frames stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// Frames stand one after the other.
    Bare,
    /// Frames stand in segments of this compression.
    Segments(Option<Compression>),
}

/// An extension of the protocol, as an argument.
#[derive(Debug, Clone, Copy)]
enum Extension {
    MetadataId,
    Duration,
    RateLimitError(i32),
}

impl DecodeArgs {
    /// What the two ends of the connection have agreed on.
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

/// What `--compression` may be.
fn bodies() -> impl TypedValueParser<Value = Bodies> {
    one_of([NONE], |_| true).map(|name| Bodies(name.parse().ok()))
}

/// What `--segments` may be.
fn framings() -> impl TypedValueParser<Value = Framing> {
    let is_in_v5 = |compression: &Compression| compression.is_in(Version::V5);
    one_of([NONE, PLAIN], is_in_v5).map(|name| match name.as_str() {
        NONE => Framing::Bare,
        name => Framing::Segments(name.parse().ok()),
    })
}

/// One of `names`, or of the compressions that fit.
fn one_of<const N: usize>(
    names: [&'static str; N],
    fits: fn(&Compression) -> bool,
) -> PossibleValuesParser {
    let compressions = Compression::ALL.iter().copied().filter(fits).map(Compression::name);
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
            .map_err(|error| format!("{code}: {error}")),
            _ => Err("the extensions are metadata_id, duration and rate_limit_error=CODE".into()),
        }
    }
}
