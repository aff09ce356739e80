//! Input that cannot be decoded.

use serde_json::{Value, json};

use crate::wire::{DecodeError, DecodeErrorKind};

/// An error in a line, a frame or a segment that cannot be decoded.
#[derive(Debug, Clone)]
pub(super) struct InputError {
    text: String,
    /// Position of the error in bytes, from the start of the line, or with `--raw` of the input. An
    /// error in a frame inside segments counts from the start of the frame.
    offset: u64,
    field: &'static str,
    /// True if the position of the next frame is known.
    is_recoverable: bool,
}

impl InputError {
    /// Describes an error in a frame. `before` is the position in the input of the byte from which
    /// `error` counts its offset.
    pub(super) fn in_frame(error: DecodeError, before: u64) -> Self {
        let offset = before.saturating_add(stream_length(error.offset()));
        let moved = usize::try_from(offset).unwrap_or(usize::MAX);
        let hint = match error.kind() {
            DecodeErrorKind::FrameTooLong { .. } | DecodeErrorKind::DecompressedTooLong { .. } => {
                "; raise it with --max-body"
            }
            _ => "",
        };
        Self {
            text: format!("{}{hint}", DecodeError::new(error.kind(), error.field(), moved)),
            offset,
            field: error.field(),
            is_recoverable: error.is_recoverable(),
        }
    }

    /// Describes an error after which the position of the next frame is unknown.
    pub(super) fn fatal(error: DecodeError, before: u64) -> Self {
        Self { is_recoverable: false, ..Self::in_frame(error, before) }
    }

    /// Describes an input that ends inside `field`: it has `left` of the `needed` bytes. `before` is
    /// the position of the first byte of `field`.
    pub(super) fn truncated(field: &'static str, needed: usize, left: usize, before: u64) -> Self {
        let kind = DecodeErrorKind::Truncated { needed, left };
        Self::fatal(DecodeError::new(kind, field, 0), before)
    }

    /// Describes a line of hex of which only the first `offset` bytes could be parsed.
    pub(super) fn hex(problem: &str, offset: usize) -> Self {
        Self {
            text: format!("hex at byte {offset}: {problem}"),
            offset: stream_length(offset),
            field: "hex",
            is_recoverable: false,
        }
    }

    /// Returns a copy of the error. Its text starts with `index`, the index of the frame in the
    /// object that is printed.
    pub(super) fn in_envelope(&self, index: usize) -> Self {
        Self { text: format!("envelope {index}: {}", self.text), ..self.clone() }
    }

    /// Returns the object that is printed for the error.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "ok": false,
            "error": self.text,
            "offset": self.offset,
            "field": self.field,
            "recoverable": self.is_recoverable,
        })
    }
}

/// Converts a length in memory to `u64`, because a stream may be longer than `usize::MAX` bytes.
pub(super) fn stream_length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
