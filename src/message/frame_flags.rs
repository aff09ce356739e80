//! Rules for the header flags of requests and responses in each version (v4 §2.2).

use crate::wire::{
    Context, DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, FrameFlags, Header,
    Version,
};

/// The flags of a request that `other_flags` omits, because encoding sets them again.
pub(super) const REQUEST_FLAGS: FrameFlags =
    FrameFlags::COMPRESSED.with(FrameFlags::TRACING, true).with(FrameFlags::CUSTOM_PAYLOAD, true);

/// The flags of a response that `other_flags` omits, because encoding sets them again.
pub(super) const RESPONSE_FLAGS: FrameFlags = REQUEST_FLAGS.with(FrameFlags::WARNING, true);

/// The flags that do not exist in v3.
const SINCE_V4: FrameFlags = FrameFlags::CUSTOM_PAYLOAD.with(FrameFlags::WARNING, true);

/// Checks the direction, the version and the flags of a header.
pub(super) fn check_header(
    header: &Header,
    is_response: bool,
    context: &Context,
) -> Result<(), DecodeError> {
    if header.is_response != is_response {
        return Err(DecodeError::new(DecodeErrorKind::WrongDirection, "version", 0));
    }
    if header.version != context.version {
        let (found, expected) = (header.version, context.version);
        let kind = DecodeErrorKind::VersionMismatch { found, expected };
        return Err(DecodeError::new(kind, "version", 0));
    }
    header.check_flags()
}

/// Returns an error if the header has a flag that no receiver accepts.
#[inline]
pub(super) fn check_encoded_flags(header: &Header) -> Result<(), EncodeError> {
    match header.forbidden_flag() {
        FrameFlags::NONE => Ok(()),
        flag => {
            let (opcode, version) = (header.opcode, header.version);
            let kind = EncodeErrorKind::ForbiddenFlag { flag, opcode, version };
            Err(EncodeError::new(kind, "flags"))
        }
    }
}

/// Returns `flags` without those that have no meaning in `version`.
pub(super) const fn defined_flags(flags: FrameFlags, version: Version) -> FrameFlags {
    match version {
        Version::V3 => flags.without(SINCE_V4),
        Version::V4 => flags,
        Version::V5 => flags.without(FrameFlags::COMPRESSED),
    }
}

/// Returns an error if a field that requires v4 is set in v3.
#[inline]
pub(super) const fn require_v4(
    is_set: bool,
    field: &'static str,
    context: &Context,
) -> Result<(), EncodeError> {
    if is_set && matches!(context.version, Version::V3) {
        return Err(EncodeError::new(EncodeErrorKind::NotInVersion(context.version), field));
    }
    Ok(())
}
