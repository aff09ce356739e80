//! The encoded values of a request.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use crate::wire::{DecodeError, EncodeError, EncodeErrorKind, RawValue, Reader, Version, Writer};

/// The encoded values of a QUERY, EXECUTE or BATCH, by position or by name (v4 §4.1.4).
#[derive(Clone)]
pub struct Values<'a> {
    count: u16,
    named: bool,
    /// The `[value]`s, each preceded by its `[string]` name if the values are named. Empty if they are in
    /// parts.
    bytes: Cow<'a, [u8]>,
    /// The values in parts, if long ones are shared instead of copied. Parts alternate: encoded values
    /// that end with the length of a long value, then the content of that value. The last part may be
    /// either. Borrowed, so that values in one piece need not drop parts.
    parts: &'a [Bytes],
}

/// One value of [`Values`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedValue<'a> {
    /// The name of the bind variable, or `None` if the values are bound by position.
    pub name: Option<&'a str>,
    /// The value.
    pub value: RawValue<'a>,
}

impl<'a> Values<'a> {
    /// An empty list of values.
    pub const NONE: Self = Self::new(0, false, Cow::Borrowed(&[]));

    /// Returns `count` values encoded in `bytes`, each preceded by its name if `named`.
    #[inline]
    pub(super) const fn new(count: u16, named: bool, bytes: Cow<'a, [u8]>) -> Self {
        Self { count, named, bytes, parts: &[] }
    }

    /// Returns `count` values encoded in `bytes`, or in `parts` if there are any, each preceded by its
    /// name if `named`.
    ///
    /// Parts alternate: encoded values that end with the length of a long value, then the content of that
    /// value. The last part may be either.
    #[inline(always)]
    pub(super) const fn borrowing(
        count: u16,
        named: bool,
        bytes: &'a [u8],
        parts: &'a [Bytes],
    ) -> Self {
        Self { count, named, bytes: Cow::Borrowed(bytes), parts }
    }

    /// Returns the number of values.
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// Returns the size of the encoded values in bytes.
    #[cfg(feature = "driver")]
    pub(crate) fn size(&self) -> usize {
        self.parts.iter().fold(self.bytes.len(), |size, part| size.saturating_add(part.len()))
    }

    /// Returns true if there are no values.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns true if the values are bound by name.
    pub const fn is_named(&self) -> bool {
        self.named
    }

    /// Returns the values in order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = NamedValue<'_>> {
        let mut values = self.reader();
        // The bytes have been validated by `decode` or written by `ValuesBuffer`.
        (0..self.count).map_while(move |_| values.read(self.named, Version::V4).ok())
    }

    #[inline]
    fn reader(&self) -> ValuesReader<'_> {
        ValuesReader { reader: Reader::new(&self.bytes), parts: self.parts }
    }

    /// Returns the same values, with their bytes borrowed from `self`.
    #[inline]
    pub fn borrowed(&self) -> Values<'_> {
        Values { bytes: Cow::Borrowed(&self.bytes), ..*self }
    }

    /// Returns the same values with owned bytes. Bytes that are borrowed are copied.
    pub fn into_owned(self) -> Values<'static> {
        let bytes = match self.parts {
            [] => self.bytes.into_owned(),
            parts => parts.concat(),
        };
        Values::new(self.count, self.named, Cow::Owned(bytes))
    }

    /// Decodes the number of values, then each value, preceded by its name if `named`.
    ///
    /// # Errors
    /// Returns an error if the input ends early, or if a length is less than -2. A length of -1 is
    /// null, and -2 is unset. In v3, every negative length is null.
    pub fn decode(
        reader: &mut Reader<'a>,
        named: bool,
        version: Version,
    ) -> Result<Self, DecodeError> {
        let smallest = if named { 6 } else { 4 };
        let count = reader.short_count(smallest, "values_count")?;
        let bytes = reader.rest();
        for _ in 0..count {
            read(reader, named, version)?;
        }
        let length = bytes.len().saturating_sub(reader.rest().len());
        let bytes = Cow::Borrowed(bytes.get(..length).unwrap_or_default());
        let values = Self::new(u16::try_from(count).unwrap_or(u16::MAX), named, bytes);
        Ok(if version == Version::V3 { values.with_plain_nulls() } else { values })
    }

    /// Replaces every negative length by -1. In v3 all of them are null, but in later versions only
    /// -1 is.
    fn with_plain_nulls(self) -> Self {
        let mut values = self.reader();
        let mut plain = Vec::new();
        let mut writer = Writer::new(&mut plain);
        for _ in 0..self.count {
            let Ok(NamedValue { name, value }) = values.read(self.named, Version::V3) else {
                return self;
            };
            if write(&mut writer, name, value).is_err() {
                return self;
            }
        }
        if plain == *self.bytes { self } else { Self::new(self.count, self.named, plain.into()) }
    }

    /// Encodes the number of values, then the values.
    ///
    /// # Errors
    /// Returns an error if a value is unset and `version` is v3, which has no unset values.
    #[inline]
    pub fn encode(&self, writer: &mut Writer<'_>, version: Version) -> Result<(), EncodeError> {
        if version == Version::V3 {
            self.require_set(version)?;
        }
        writer.short(self.count);
        self.encode_after_count(writer);
        Ok(())
    }

    /// Returns the number of values as it is encoded before them.
    pub(crate) const fn encoded_count(&self) -> [u8; 2] {
        self.count.to_be_bytes()
    }

    /// Encodes the values without their number. Unset values must have been refused in v3.
    #[inline(always)]
    pub(crate) fn encode_after_count(&self, writer: &mut Writer<'_>) {
        match self.parts {
            [] => writer.raw(&self.bytes),
            parts => encode_parts(parts, writer),
        }
    }

    /// Returns an error if a value is unset, because `version` has no unset values.
    #[inline(never)]
    pub(crate) fn require_set(&self, version: Version) -> Result<(), EncodeError> {
        match self.iter().any(|named| named.value == RawValue::Unset) {
            true => Err(EncodeError::new(EncodeErrorKind::NotInVersion(version), "an unset value")),
            false => Ok(()),
        }
    }
}

#[cold]
fn encode_parts(parts: &[Bytes], writer: &mut Writer<'_>) {
    parts.iter().for_each(|part| writer.shared(part));
}

impl fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Default for Values<'_> {
    fn default() -> Self {
        Self::NONE
    }
}

impl PartialEq for Values<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.named == other.named && self.count == other.count && self.iter().eq(other.iter())
    }
}

impl Eq for Values<'_> {}

/// Reads values one after the other.
struct ValuesReader<'a> {
    reader: Reader<'a>,
    /// The parts after that of `reader`.
    parts: &'a [Bytes],
}

impl<'a> ValuesReader<'a> {
    /// Decodes the next value, preceded by its name if `named`.
    #[inline(always)]
    fn read(&mut self, named: bool, version: Version) -> Result<NamedValue<'a>, DecodeError> {
        match self.parts {
            [] => read(&mut self.reader, named, version),
            _ => self.read_in_parts(named, version),
        }
    }

    #[cold]
    fn read_in_parts(
        &mut self,
        named: bool,
        version: Version,
    ) -> Result<NamedValue<'a>, DecodeError> {
        if self.reader.rest().is_empty()
            && let Some((part, later)) = self.parts.split_first()
        {
            (self.reader, self.parts) = (Reader::new(part), later);
        }
        let Some((content, later)) = self.parts.split_first() else {
            return read(&mut self.reader, named, version);
        };
        let mut ahead = self.reader.clone();
        let name = if named { Some(ahead.string("value_name")?) } else { None };
        if ahead.rest().len() > size_of::<i32>() {
            return read(&mut self.reader, named, version);
        }
        (self.reader, self.parts) = (Reader::new(&[]), later);
        Ok(NamedValue { name, value: RawValue::Bytes(content) })
    }
}

/// Decodes one value, preceded by its name if `named`.
#[inline]
fn read<'a>(
    reader: &mut Reader<'a>,
    named: bool,
    version: Version,
) -> Result<NamedValue<'a>, DecodeError> {
    let name = if named { Some(reader.string("value_name")?) } else { None };
    Ok(NamedValue { name, value: reader.value(version, "value")? })
}

/// Encodes one value, preceded by its name if it has one.
#[inline]
pub(super) fn write(
    writer: &mut Writer<'_>,
    name: Option<&str>,
    value: RawValue<'_>,
) -> Result<(), EncodeError> {
    if let Some(name) = name {
        writer.string(name, "value_name")?;
    }
    writer.value(value, Version::V4, "value")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ValuesBuffer;

    #[test]
    fn unset_is_refused_in_v3_and_every_negative_length_is_null() {
        let mut buffer = ValuesBuffer::new();
        buffer.push(Some("a"), RawValue::Unset).unwrap();
        let mut out = Vec::new();
        assert!(buffer.values().encode(&mut Writer::new(&mut out), Version::V3).is_err());
        buffer.values().encode(&mut Writer::new(&mut out), Version::V4).unwrap();
        let decoded = Values::decode(&mut Reader::new(&out), true, Version::V3).unwrap();
        let null = NamedValue { name: Some("a"), value: RawValue::Null };
        assert_eq!(decoded.iter().collect::<Vec<_>>(), [null]);
    }
}
