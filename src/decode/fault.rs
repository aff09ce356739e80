//! What cannot be decoded.

use serde_json::{Value, json};

use crate::wire::{DecodeError, DecodeErrorKind};

/// Why an input, or a part of it, cannot be decoded.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    error: String,
    offset: u64,
    field: &'static str,
    is_recoverable: bool,
}

impl Fault {
    /// An error in a frame whose end is known, if the error does not deny that.
    ///
    /// The offset of `error` counts from a place that stands `before` bytes into the input.
    pub(super) fn in_frame(error: DecodeError, before: u64) -> Self {
        let offset = before.saturating_add(length(error.offset()));
        let moved = usize::try_from(offset).unwrap_or(usize::MAX);
        let hint = match error.kind() {
            DecodeErrorKind::FrameTooLong { .. } | DecodeErrorKind::DecompressedTooLong { .. } => {
                "; --max-body allows more"
            }
            _ => "",
        };
        Self {
            error: format!("{}{hint}", DecodeError::new(error.kind(), error.field(), moved)),
            offset,
            field: error.field(),
            is_recoverable: error.is_recoverable(),
        }
    }

    /// An error after which nobody knows where the next frame begins.
    pub(super) fn fatal(error: DecodeError, before: u64) -> Self {
        Self { is_recoverable: false, ..Self::in_frame(error, before) }
    }

    /// An input that ends inside `field`, which begins `before` bytes into it.
    pub(super) fn truncated(field: &'static str, needed: usize, left: usize, before: u64) -> Self {
        let kind = DecodeErrorKind::Truncated { needed, left };
        Self::fatal(DecodeError::new(kind, field, 0), before)
    }

    /// A line that is no hex from its byte `offset` on.
    pub(super) fn hex(what: &str, offset: usize) -> Self {
        Self {
            error: format!("hex at byte {offset}: {what}"),
            offset: length(offset),
            field: "hex",
            is_recoverable: false,
        }
    }

    /// The same, of the envelope of this index.
    pub(super) fn of_envelope(&self, index: usize) -> Self {
        Self { error: format!("envelope {index}: {}", self.error), ..self.clone() }
    }

    /// The object that says so.
    pub(super) fn value(&self) -> Value {
        json!({
            "ok": false,
            "error": self.error,
            "offset": self.offset,
            "field": self.field,
            "recoverable": self.is_recoverable,
        })
    }
}

/// A length in memory as one in a stream.
pub(super) fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
