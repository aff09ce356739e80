//! The writer of the protocol's notations (v4 §3).

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use uuid::Uuid;

use super::{
    Consistency, EncodeError, EncodeErrorKind, MIN_SHARED, RawValue, SharedBytes, Version,
};

type Result<T = ()> = std::result::Result<T, EncodeError>;

/// Appends the protocol's notations to a buffer.
///
/// A value that is too long for its notation, such as a `[string]` of more than 65,535 bytes, is an
/// error. It is never truncated. A length that is not known yet is written as a placeholder and
/// filled in later:
///
/// ```
/// use cqlwire::wire::Writer;
///
/// let mut bytes = Vec::new();
/// let mut writer = Writer::new(&mut bytes);
/// let length = writer.open_length();
/// writer.string("hi", "greeting")?;
/// writer.close_length(length, "message")?;
/// assert_eq!(bytes, [0, 0, 0, 4, 0, 2, b'h', b'i']);
/// # Ok::<(), cqlwire::wire::EncodeError>(())
/// ```
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// The place of long bytes that are not copied to `out`, or `None` to copy all bytes.
    shared: Option<&'a mut SharedBytes>,
}

/// Space that is reserved after long bytes for what follows them, in bytes.
const SPACE_AFTER_LONG: usize = 256;

/// An `[int]` length or count that is filled in after the content has been written.
#[derive(Debug)]
#[must_use = "a placeholder that is not filled in stays zero"]
pub struct Placeholder {
    end: usize,
}

impl<'a> Writer<'a> {
    /// Creates a writer that appends to `out`.
    pub const fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, shared: None }
    }

    /// Creates a writer that appends to `out`, but puts long bytes that are [shared](Self::shared) into
    /// `shared`.
    pub(crate) const fn sharing(out: &'a mut Vec<u8>, shared: &'a mut SharedBytes) -> Self {
        Self { out, shared: Some(shared) }
    }

    /// Returns the length of the buffer in bytes, shared bytes included.
    #[inline]
    pub fn position(&self) -> usize {
        let shared = self.shared.as_ref().map_or(0, |shared| shared.len());
        self.out.len().saturating_add(shared)
    }

    /// Writes bytes without a length. Long bytes are not copied if the writer can share them.
    ///
    /// No [length](Self::open_length) may be open, because it would not include the shared bytes.
    #[inline]
    pub(crate) fn shared(&mut self, bytes: &Bytes) {
        match &mut self.shared {
            Some(shared) if bytes.len() >= MIN_SHARED => {
                shared.push(self.out.len(), bytes.clone());
            }
            _ => self.raw_long(bytes),
        }
    }

    /// Writes bytes without a length, which may be long.
    #[inline]
    fn raw_long(&mut self, bytes: &[u8]) {
        if bytes.len() >= MIN_SHARED {
            self.reserve_long(bytes.len());
        }
        self.raw(bytes);
    }

    /// Reserves space for `length` bytes, and for what usually follows them, instead of twice as much.
    #[cold]
    fn reserve_long(&mut self, length: usize) {
        // Many long values grow the buffer geometrically, as `Vec` does.
        if length >= self.out.len() {
            self.out.reserve_exact(length.saturating_add(SPACE_AFTER_LONG));
        }
    }

    /// Writes bytes without a length.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Appends `length` zero bytes and returns them for the caller to overwrite.
    pub fn zeroed(&mut self, length: usize) -> &mut [u8] {
        let start = self.out.len();
        self.out.resize(start.saturating_add(length), 0);
        self.out.get_mut(start..).unwrap_or_default()
    }

    /// Writes a `[byte]`.
    #[inline]
    pub fn byte(&mut self, value: u8) {
        self.out.push(value);
    }

    /// Writes a `[short]`.
    #[inline]
    pub fn short(&mut self, value: u16) {
        self.raw(&value.to_be_bytes());
    }

    /// Writes an `[int]`.
    #[inline]
    pub fn int(&mut self, value: i32) {
        self.raw(&value.to_be_bytes());
    }

    /// Writes a `[long]`.
    #[inline]
    pub fn long(&mut self, value: i64) {
        self.raw(&value.to_be_bytes());
    }

    /// Writes a `[uuid]`.
    pub fn uuid(&mut self, value: Uuid) {
        self.raw(value.as_bytes());
    }

    /// Writes a `[consistency]`.
    #[inline]
    pub fn consistency(&mut self, value: Consistency) {
        self.short(value.code());
    }

    /// Writes a length or count as a `[short]`.
    ///
    /// # Errors
    /// Returns an error if `length` is above 65,535. Every method with a `field` argument returns
    /// such an error if the value is too long for its notation.
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

    /// Writes a length or count as an `[int]`.
    ///
    /// # Errors
    /// Returns an error if `length` is above 2,147,483,647.
    #[inline]
    pub fn length(&mut self, length: usize, field: &'static str) -> Result {
        self.int(int_length(length, field)?);
        Ok(())
    }

    /// Writes a `[string]`.
    #[inline]
    pub fn string(&mut self, value: &str, field: &'static str) -> Result {
        self.short_bytes(value.as_bytes(), field)
    }

    /// Writes a `[long string]`.
    #[inline]
    pub fn long_string(&mut self, value: &str, field: &'static str) -> Result {
        self.sized_bytes(value.as_bytes(), field)
    }

    /// Writes a `[string list]`.
    pub fn string_list<S: AsRef<str>>(&mut self, values: &[S], field: &'static str) -> Result {
        self.short_length(values.len(), field)?;
        values.iter().try_for_each(|value| self.string(value.as_ref(), field))
    }

    /// Writes `[bytes]`, where `None` is `null`.
    #[inline]
    pub fn bytes(&mut self, value: Option<&[u8]>, field: &'static str) -> Result {
        match value {
            Some(bytes) => self.sized_bytes(bytes, field),
            None => {
                self.int(-1);
                Ok(())
            }
        }
    }

    /// Writes an `[int]` length and the bytes.
    #[inline(always)]
    fn sized_bytes(&mut self, bytes: &[u8], field: &'static str) -> Result {
        // One comparison tells that the bytes are neither too long nor as long as those that are shared.
        const { assert!(MIN_SHARED == i16::MAX as usize + 1) };
        match i16::try_from(bytes.len()) {
            Ok(length) => {
                self.int(length.into());
                self.raw(bytes);
                Ok(())
            }
            Err(_) => self.long_bytes(bytes, field),
        }
    }

    #[cold]
    fn long_bytes(&mut self, bytes: &[u8], field: &'static str) -> Result {
        self.length(bytes.len(), field)?;
        self.raw_long(bytes);
        Ok(())
    }

    /// Writes `[short bytes]`.
    #[inline]
    pub fn short_bytes(&mut self, value: &[u8], field: &'static str) -> Result {
        self.short_length(value.len(), field)?;
        self.raw(value);
        Ok(())
    }

    /// Writes a `[value]`.
    ///
    /// # Errors
    /// Returns an error if the value is too long, or if it is `unset` and the version is v3.
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

    /// Writes a `[value]` of `N` bytes. `N` is at most 16.
    #[inline]
    pub fn value_array<const N: usize>(&mut self, bytes: [u8; N]) {
        const { assert!(N <= 16, "the length is written as one byte") };
        // Length and value are appended together, which needs only one capacity check.
        let mut value = [0; 20];
        let (length, rest) = value.split_at_mut(4);
        #[expect(clippy::cast_possible_truncation, reason = "asserted above, at compile time")]
        length.copy_from_slice(&[0, 0, 0, N as u8]);
        let (content, rest) = rest.split_at_mut(N);
        content.copy_from_slice(&bytes);
        let unused = rest.len();
        self.raw(value.get(..value.len().saturating_sub(unused)).unwrap_or_default());
    }

    /// Writes an `[inetaddr]`: an IP address without a port.
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

    /// Writes an `[inet]`: an IP address and a port.
    pub fn inet(&mut self, address: SocketAddr) {
        self.inet_address(address.ip());
        self.int(address.port().into());
    }

    /// Writes a `[string map]` in the given order.
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

    /// Writes a `[string multimap]` in the given order.
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

    /// Writes a `[bytes map]` in the given order.
    pub fn bytes_map(&mut self, map: &[(String, Option<Bytes>)], field: &'static str) -> Result {
        self.short_length(map.len(), field)?;
        map.iter().try_for_each(|(key, value)| {
            self.string(key, field)?;
            self.bytes(value.as_deref(), field)
        })
    }

    /// Writes a placeholder for the `[int]` length of the bytes that follow.
    #[inline]
    pub fn open_length(&mut self) -> Placeholder {
        self.int(0);
        self.last_int_placeholder()
    }

    /// Returns the last four bytes, an `[int]` that has just been written, as a placeholder.
    #[inline]
    pub(super) const fn last_int_placeholder(&self) -> Placeholder {
        Placeholder { end: self.out.len() }
    }

    /// Fills in the number of bytes written after `placeholder`.
    ///
    /// # Errors
    /// Returns an error if the number is above 2,147,483,647.
    #[inline]
    pub fn close_length(&mut self, placeholder: Placeholder, field: &'static str) -> Result {
        let length = self.out.len().saturating_sub(placeholder.end);
        self.fill_length(placeholder, length, field)
    }

    /// Fills in a length.
    ///
    /// # Errors
    /// Returns an error if the length is above 2,147,483,647.
    #[inline]
    pub(super) fn fill_length(
        &mut self,
        placeholder: Placeholder,
        length: usize,
        field: &'static str,
    ) -> Result {
        self.fill(placeholder, int_length(length, field)?);
        Ok(())
    }

    /// Fills in `placeholder` with `value`, such as a count that was unknown when the placeholder
    /// was written.
    #[inline]
    #[expect(clippy::needless_pass_by_value, reason = "a placeholder is filled in once")]
    pub fn fill(&mut self, placeholder: Placeholder, value: i32) {
        let written = self.out.get_mut(..placeholder.end);
        if let Some(int) = written.and_then(<[u8]>::last_chunk_mut::<4>) {
            *int = value.to_be_bytes();
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
    fn refuses_a_string_of_65536_bytes() {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out);
        writer.string(&"x".repeat(65_535), "keyspace").unwrap();
        let error = writer.string(&"x".repeat(65_536), "keyspace").unwrap_err();
        assert_eq!(error.kind(), EncodeErrorKind::TooLong { length: 65_536, limit: 65_535 });
        assert_eq!(out.len(), 2 + 65_535);
    }

    #[test]
    fn writes_bytes_around_the_length_from_which_they_are_shared() {
        for length in [0, 1, MIN_SHARED - 1, MIN_SHARED, 65_535, 65_536] {
            let content = vec![7; length];
            let mut out = Vec::new();
            Writer::new(&mut out).bytes(Some(&content), "v").unwrap();
            let (written, rest) = out.split_first_chunk().unwrap();
            assert_eq!((i32::from_be_bytes(*written) as usize, rest), (length, &content[..]));
            let is_exact = out.capacity() <= out.len() + SPACE_AFTER_LONG;
            assert!(is_exact || length < MIN_SHARED, "{length}: {}", out.capacity());
            let text = "x".repeat(length);
            let mut string = Vec::new();
            Writer::new(&mut string).long_string(&text, "query").unwrap();
            assert_eq!((&string[..4], &string[4..]), (&written[..], text.as_bytes()));
        }
    }

    #[test]
    fn refuses_unset_in_v3() {
        let mut out = Vec::new();
        let error = Writer::new(&mut out).value(RawValue::Unset, Version::V3, "v").unwrap_err();
        assert_eq!(error.to_string(), "v: does not exist in protocol v3");
        Writer::new(&mut out).value(RawValue::Unset, Version::V4, "v").unwrap();
        assert_eq!(out, [0xff, 0xff, 0xff, 0xfe]);
    }

    #[test]
    fn maps_keep_their_order_and_duplicate_keys() {
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
