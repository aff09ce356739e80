//! The encoded values of a request.

use std::borrow::Cow;
use std::fmt;

use crate::wire::{DecodeError, EncodeError, EncodeErrorKind, RawValue, Reader, Version, Writer};

/// Values as QUERY, EXECUTE and BATCH carry them: encoded, by position or by name (v4 §4.1.4).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Values<'a> {
    count: u16,
    named: bool,
    /// The `[value]`s, each after its `[string]` name if they are named.
    bytes: Cow<'a, [u8]>,
}

/// One of the [`Values`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedValue<'a> {
    /// The variable's name, where values go by name.
    pub name: Option<&'a str>,
    /// The value.
    pub value: RawValue<'a>,
}

impl<'a> Values<'a> {
    /// No values.
    pub const NONE: Self = Self { count: 0, named: false, bytes: Cow::Borrowed(&[]) };

    /// Returns values of which `bytes` holds `count`, each after its name if they are `named`.
    #[inline]
    pub(super) const fn new(count: u16, named: bool, bytes: Cow<'a, [u8]>) -> Self {
        Self { count, named, bytes }
    }

    /// How many values there are.
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether they go by name.
    pub const fn is_named(&self) -> bool {
        self.named
    }

    /// The values, in order.
    pub fn iter(&self) -> impl Iterator<Item = NamedValue<'_>> {
        let mut reader = Reader::new(&self.bytes);
        // The bytes were read once when they were decoded, or written by us.
        (0..self.count).map_while(move |_| read(&mut reader, self.named, Version::V4).ok())
    }

    /// The same values, borrowed.
    pub fn borrowed(&self) -> Values<'_> {
        Values { bytes: Cow::Borrowed(&self.bytes), ..*self }
    }

    /// Returns the same values with their bytes copied, so that they borrow from nothing.
    pub fn into_owned(self) -> Values<'static> {
        let bytes = Cow::Owned(self.bytes.into_owned());
        Values { count: self.count, named: self.named, bytes }
    }

    /// Reads the count and then the values, checking that they are whole.
    ///
    /// # Errors
    /// Input that ends early, and a length that is neither of a value, nor null, nor not set.
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
        let values = Self { count: u16::try_from(count).unwrap_or(u16::MAX), named, bytes };
        Ok(if version == Version::V3 { values.with_plain_nulls() } else { values })
    }

    /// In v3 every negative length is null: from here on, it is written as -1.
    fn with_plain_nulls(self) -> Self {
        let mut reader = Reader::new(&self.bytes);
        let mut plain = Vec::new();
        let mut writer = Writer::new(&mut plain);
        for _ in 0..self.count {
            let Ok(NamedValue { name, value }) = read(&mut reader, self.named, Version::V3) else {
                return self;
            };
            if write(&mut writer, name, value).is_err() {
                return self;
            }
        }
        if plain == *self.bytes { self } else { Self { bytes: plain.into(), ..self } }
    }

    /// Writes the count and then the values.
    ///
    /// # Errors
    /// A value that is not set, in v3, which has none.
    #[inline]
    pub fn encode(&self, writer: &mut Writer<'_>, version: Version) -> Result<(), EncodeError> {
        if version == Version::V3 && self.has_unset() {
            return Err(EncodeError::new(
                EncodeErrorKind::NotInVersion(version),
                "a value that is not set",
            ));
        }
        writer.short(self.count);
        writer.raw(&self.bytes);
        Ok(())
    }

    #[inline(never)]
    fn has_unset(&self) -> bool {
        self.iter().any(|named| named.value == RawValue::Unset)
    }
}

impl fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

fn read<'a>(
    reader: &mut Reader<'a>,
    named: bool,
    version: Version,
) -> Result<NamedValue<'a>, DecodeError> {
    let name = if named { Some(reader.string("value_name")?) } else { None };
    Ok(NamedValue { name, value: reader.value(version, "value")? })
}

/// Writes one value, after its name if it has one.
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
    fn not_set_is_refused_in_v3_and_odd_nulls_become_plain() {
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
