//! The cursor that writes the protocol's notations (v4 §3).

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use uuid::Uuid;

use super::{Consistency, EncodeError, EncodeErrorKind, RawValue, Version};

type Result<T = ()> = std::result::Result<T, EncodeError>;

/// Writes the protocol's notations at the end of a buffer.
///
/// What does not fit its notation (a `[string]` of more than 65,535 bytes, say) is refused, never
/// cut or wrapped. Lengths that are not known beforehand are left open and filled in afterwards:
///
/// ```
/// use cqlwire::wire::Writer;
///
/// let mut bytes = Vec::new();
/// let mut writer = Writer::new(&mut bytes);
/// let open = writer.open_length();
/// writer.string("hi", "greeting")?;
/// writer.close_length(open, "message")?;
/// assert_eq!(bytes, [0, 0, 0, 4, 0, 2, b'h', b'i']);
/// # Ok::<(), cqlwire::wire::EncodeError>(())
/// ```
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

/// An `[int]` length that is filled in when what it measures has been written.
#[derive(Debug)]
#[must_use = "a length that stays open is written as zero"]
pub struct Placeholder {
    end: usize,
}

impl<'a> Writer<'a> {
    /// Writes at the end of `out`.
    pub const fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// How many bytes the buffer holds.
    pub const fn position(&self) -> usize {
        self.out.len()
    }

    /// Bytes as they are.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Room for so many bytes, which are zero until they are written.
    pub fn room(&mut self, length: usize) -> &mut [u8] {
        let start = self.out.len();
        self.out.resize(start.saturating_add(length), 0);
        self.out.get_mut(start..).unwrap_or_default()
    }

    /// A `[byte]`.
    #[inline]
    pub fn byte(&mut self, value: u8) {
        self.out.push(value);
    }

    /// A `[short]`.
    #[inline]
    pub fn short(&mut self, value: u16) {
        self.raw(&value.to_be_bytes());
    }

    /// An `[int]`.
    #[inline]
    pub fn int(&mut self, value: i32) {
        self.raw(&value.to_be_bytes());
    }

    /// A `[long]`.
    #[inline]
    pub fn long(&mut self, value: i64) {
        self.raw(&value.to_be_bytes());
    }

    /// A `[uuid]`.
    pub fn uuid(&mut self, value: Uuid) {
        self.raw(value.as_bytes());
    }

    /// A `[consistency]`.
    #[inline]
    pub fn consistency(&mut self, value: Consistency) {
        self.short(value.code());
    }

    /// A length or count as a `[short]`.
    #[inline]
    pub fn short_length(&mut self, length: usize, field: &'static str) -> Result {
        match u16::try_from(length) {
            Ok(short) => {
                self.short(short);
                Ok(())
            }
            Err(_) => Err(too_long(length, u16::MAX.into(), field)),
        }
    }

    /// A length or count as an `[int]`.
    #[inline]
    pub fn length(&mut self, length: usize, field: &'static str) -> Result {
        self.int(int_length(length, field)?);
        Ok(())
    }

    /// A `[string]`.
    #[inline]
    pub fn string(&mut self, value: &str, field: &'static str) -> Result {
        self.short_bytes(value.as_bytes(), field)
    }

    /// A `[long string]`.
    #[inline]
    pub fn long_string(&mut self, value: &str, field: &'static str) -> Result {
        self.length(value.len(), field)?;
        self.raw(value.as_bytes());
        Ok(())
    }

    /// A `[string list]`.
    pub fn string_list<S: AsRef<str>>(&mut self, values: &[S], field: &'static str) -> Result {
        self.short_length(values.len(), field)?;
        values.iter().try_for_each(|value| self.string(value.as_ref(), field))
    }

    /// `[bytes]`, or null.
    #[inline]
    pub fn bytes(&mut self, value: Option<&[u8]>, field: &'static str) -> Result {
        match value {
            Some(bytes) => {
                self.length(bytes.len(), field)?;
                self.raw(bytes);
            }
            None => self.int(-1),
        }
        Ok(())
    }

    /// `[short bytes]`.
    #[inline]
    pub fn short_bytes(&mut self, value: &[u8], field: &'static str) -> Result {
        self.short_length(value.len(), field)?;
        self.raw(value);
        Ok(())
    }

    /// A `[value]`; v3 has no "not set".
    #[inline]
    pub fn value(&mut self, value: RawValue<'_>, version: Version, field: &'static str) -> Result {
        match value {
            RawValue::Bytes(bytes) => self.bytes(Some(bytes), field),
            RawValue::Null => self.bytes(None, field),
            RawValue::Unset if version == Version::V3 => {
                Err(EncodeError::new(EncodeErrorKind::NotInVersion(version), field))
            }
            RawValue::Unset => {
                self.int(-2);
                Ok(())
            }
        }
    }

    /// A `[value]` of a size that is known beforehand.
    #[inline]
    pub fn value_array<const N: usize>(&mut self, bytes: [u8; N]) {
        const { assert!(N <= 16, "the length is written as one byte") };
        // Length and value are written at once: room is then looked for only once.
        let mut value = [0; 20];
        let (length, rest) = value.split_at_mut(4);
        #[expect(clippy::cast_possible_truncation, reason = "asserted above, at compile time")]
        length.copy_from_slice(&[0, 0, 0, N as u8]);
        let (room, rest) = rest.split_at_mut(N);
        room.copy_from_slice(&bytes);
        let unused = rest.len();
        self.raw(value.get(..value.len().saturating_sub(unused)).unwrap_or_default());
    }

    /// An `[inetaddr]`: an address without a port.
    pub fn inet_address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => {
                self.byte(4);
                self.raw(&address.octets());
            }
            IpAddr::V6(address) => {
                self.byte(16);
                self.raw(&address.octets());
            }
        }
    }

    /// An `[inet]`: an address and a port.
    pub fn inet(&mut self, address: SocketAddr) {
        self.inet_address(address.ip());
        self.int(address.port().into());
    }

    /// A `[string map]`, in the order given.
    pub fn string_map<K: AsRef<str>, V: AsRef<str>>(
        &mut self,
        map: &[(K, V)],
        field: &'static str,
    ) -> Result {
        self.short_length(map.len(), field)?;
        map.iter().try_for_each(|(key, value)| {
            self.string(key.as_ref(), field)?;
            self.string(value.as_ref(), field)
        })
    }

    /// A `[string multimap]`, in the order given.
    pub fn string_multimap<K: AsRef<str>, V: AsRef<str>>(
        &mut self,
        map: &[(K, Vec<V>)],
        field: &'static str,
    ) -> Result {
        self.short_length(map.len(), field)?;
        map.iter().try_for_each(|(key, values)| {
            self.string(key.as_ref(), field)?;
            self.string_list(values, field)
        })
    }

    /// A `[bytes map]`, in the order given.
    pub fn bytes_map(&mut self, map: &[(String, Option<Bytes>)], field: &'static str) -> Result {
        self.short_length(map.len(), field)?;
        map.iter().try_for_each(|(key, value)| {
            self.string(key, field)?;
            self.bytes(value.as_deref(), field)
        })
    }

    /// Leaves room for an `[int]` that will hold the length of what is written next.
    #[inline]
    pub fn open_length(&mut self) -> Placeholder {
        self.int(0);
        self.opened()
    }

    /// The length that the last four bytes are the room for.
    #[inline]
    pub(super) const fn opened(&self) -> Placeholder {
        Placeholder { end: self.out.len() }
    }

    /// Fills in the length of everything written since `open`.
    #[inline]
    pub fn close_length(&mut self, open: Placeholder, field: &'static str) -> Result {
        let length = self.out.len().saturating_sub(open.end);
        self.fill(open, int_length(length, field)?);
        Ok(())
    }

    /// Fills in `value`: a count that was not known when `open` was written.
    #[inline]
    #[expect(clippy::needless_pass_by_value, reason = "a placeholder is filled once")]
    pub fn fill(&mut self, open: Placeholder, value: i32) {
        let place = self.out.get_mut(..open.end).and_then(<[u8]>::last_chunk_mut::<4>);
        if let Some(place) = place {
            *place = value.to_be_bytes();
        }
    }
}

#[inline]
fn int_length(length: usize, field: &'static str) -> Result<i32> {
    i32::try_from(length).map_err(|_| too_long(length, 0x7fff_ffff, field))
}

#[cold]
const fn too_long(length: usize, limit: usize, field: &'static str) -> EncodeError {
    EncodeError::new(EncodeErrorKind::TooLong { length, limit }, field)
}

#[cfg(test)]
mod tests {
    use super::super::Reader;
    use super::*;

    #[test]
    fn a_string_of_65536_bytes_is_refused_not_wrapped() {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out);
        writer.string(&"x".repeat(65_535), "keyspace").unwrap();
        let error = writer.string(&"x".repeat(65_536), "keyspace").unwrap_err();
        assert_eq!(error.kind(), EncodeErrorKind::TooLong { length: 65_536, limit: 65_535 });
        assert_eq!(out.len(), 2 + 65_535);
    }

    #[test]
    fn not_set_does_not_exist_in_v3() {
        let mut out = Vec::new();
        let error = Writer::new(&mut out).value(RawValue::Unset, Version::V3, "v").unwrap_err();
        assert_eq!(
            error.to_string(),
            "v: does not exist in v3, only in a later version of the protocol"
        );
        Writer::new(&mut out).value(RawValue::Unset, Version::V4, "v").unwrap();
        assert_eq!(out, [0xff, 0xff, 0xff, 0xfe]);
    }

    #[test]
    fn maps_keep_their_order_and_what_they_say_twice() {
        let names = ["b", "a", "b"];
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out);
        writer.string_map(&names.map(|name| (name, "x")), "options").unwrap();
        writer.string_multimap(&names.map(|name| (name, vec!["x", name])), "options").unwrap();
        let payload = names.map(|name| (name.to_owned(), (name == "a").then(Bytes::new)));
        writer.bytes_map(&payload, "payload").unwrap();
        let mut reader = Reader::new(&out);
        assert_eq!(reader.string_map("options").unwrap(), names.map(|name| (name, "x")));
        let multimap = reader.string_multimap("options").unwrap();
        assert_eq!(multimap, names.map(|name| (name, vec!["x", name])));
        assert_eq!(reader.bytes_map("payload").unwrap(), payload);
        assert!(reader.is_empty());
    }
}
