//! The reader of the protocol's notations (v4 §3).

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use uuid::Uuid;

use super::{BytesMap, Consistency, DecodeError, DecodeErrorKind, RawValue, Version};

type Result<T> = std::result::Result<T, DecodeError>;

/// Reads the protocol's notations from a body, from front to back.
///
/// The argument `field` is the name of the field in error texts. Strings and bytes are borrowed
/// from the input. A count is compared with the remaining bytes before memory is allocated for it.
///
/// # Errors
/// All methods that return a `Result` return an error if the input ends within the field.
///
/// ```
/// use cqlwire::wire::Reader;
///
/// let mut reader = Reader::new(&[0, 2, b'h', b'i', 0xff]);
/// assert_eq!(reader.string("greeting")?, "hi");
/// assert_eq!(reader.byte("flag")?, 0xff);
/// assert!(reader.is_empty());
/// # Ok::<(), cqlwire::wire::DecodeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
    shared: Option<&'a Bytes>,
}

impl<'a> Reader<'a> {
    /// Creates a reader of borrowed bytes. Its [`share`](Self::share) copies the bytes.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, length: bytes.len(), shared: None }
    }

    /// Creates a reader of shared bytes. Its [`share`](Self::share) does not copy the bytes.
    pub fn from_shared(bytes: &'a Bytes) -> Self {
        Self { rest: bytes, length: bytes.len(), shared: Some(bytes) }
    }

    /// Returns the remaining bytes without reading them.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Returns true if no bytes remain.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Returns the number of bytes read so far.
    #[inline]
    pub const fn offset(&self) -> usize {
        self.length.saturating_sub(self.rest.len())
    }

    /// Creates an error for `field` at the current offset.
    #[cold]
    pub const fn error(&self, kind: DecodeErrorKind, field: &'static str) -> DecodeError {
        DecodeError::new(kind, field, self.offset())
    }

    /// Reads `length` bytes.
    #[inline]
    pub fn take(&mut self, length: usize, field: &'static str) -> Result<&'a [u8]> {
        match self.rest.split_at_checked(length) {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(head)
            }
            None => Err(self.truncated(length, field)),
        }
    }

    /// Reads all remaining bytes.
    #[inline]
    pub fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Returns `part` as [`Bytes`] that outlive the reader. `part` is a slice that this reader
    /// returned.
    ///
    /// # Panics
    /// Panics if the reader was created with [`from_shared`](Self::from_shared) and `part` is not a
    /// slice of the shared bytes.
    pub fn share(&self, part: &'a [u8]) -> Bytes {
        match self.shared {
            Some(bytes) => bytes.slice_ref(part),
            None => Bytes::copy_from_slice(part),
        }
    }

    /// Reads `N` bytes.
    #[inline]
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N]> {
        match self.rest.split_first_chunk::<N>() {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(*head)
            }
            None => Err(self.truncated(N, field)),
        }
    }

    /// Reads a `[byte]`.
    #[inline]
    pub fn byte(&mut self, field: &'static str) -> Result<u8> {
        Ok(u8::from_be_bytes(self.array(field)?))
    }

    /// Reads a `[short]`.
    #[inline]
    pub fn short(&mut self, field: &'static str) -> Result<u16> {
        Ok(u16::from_be_bytes(self.array(field)?))
    }

    /// Reads an `[int]`.
    #[inline]
    pub fn int(&mut self, field: &'static str) -> Result<i32> {
        Ok(i32::from_be_bytes(self.array(field)?))
    }

    /// Reads a `[long]`.
    #[inline]
    pub fn long(&mut self, field: &'static str) -> Result<i64> {
        Ok(i64::from_be_bytes(self.array(field)?))
    }

    /// Reads a `[uuid]`.
    #[inline]
    pub fn uuid(&mut self, field: &'static str) -> Result<Uuid> {
        Ok(Uuid::from_bytes(self.array(field)?))
    }

    /// Reads an `[int]` that is a length or count.
    ///
    /// # Errors
    /// Returns an error if the number is negative.
    #[inline]
    pub fn length(&mut self, field: &'static str) -> Result<usize> {
        let start = self.clone();
        let length = self.int(field)?;
        usize::try_from(length).map_err(|_| start.error(DecodeErrorKind::Negative(length), field))
    }

    /// Reads an `[int]` count of elements that take at least `smallest` bytes each.
    ///
    /// # Errors
    /// Returns an error if the count is negative or if the remaining bytes cannot hold the elements.
    pub fn count(&mut self, smallest: usize, field: &'static str) -> Result<usize> {
        let start = self.clone();
        let count = self.length(field)?;
        start.check_count(count, self.rest.len(), smallest, field)?;
        Ok(count)
    }

    /// Reads a `[short]` count of elements that take at least `smallest` bytes each.
    ///
    /// # Errors
    /// Returns an error if the remaining bytes cannot hold the elements.
    pub fn short_count(&mut self, smallest: usize, field: &'static str) -> Result<usize> {
        let start = self.clone();
        let count = usize::from(self.short(field)?);
        start.check_count(count, self.rest.len(), smallest, field)?;
        Ok(count)
    }

    /// Reads a `[string]`.
    #[inline]
    pub fn string(&mut self, field: &'static str) -> Result<&'a str> {
        let length = self.short(field)?;
        self.utf8(usize::from(length), field)
    }

    /// Reads a `[long string]`.
    #[inline]
    pub fn long_string(&mut self, field: &'static str) -> Result<&'a str> {
        let length = self.length(field)?;
        self.utf8(length, field)
    }

    /// Reads `count` elements with `read_element`.
    ///
    /// The initial capacity of the vector is `count`, but at most the number of remaining bytes.
    ///
    /// # Errors
    /// Returns the first error of `read_element`.
    pub fn elements<T>(
        &mut self,
        count: usize,
        mut read_element: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut elements = Vec::with_capacity(count.min(self.rest.len()));
        for _ in 0..count {
            elements.push(read_element(self)?);
        }
        Ok(elements)
    }

    /// Reads a `[string list]`.
    pub fn string_list<S: From<&'a str>>(&mut self, field: &'static str) -> Result<Vec<S>> {
        let count = self.short_count(2, field)?;
        self.elements(count, |reader| reader.string(field).map(S::from))
    }

    /// Reads `[bytes]`. Returns `None` for `null`, which is any negative length.
    #[inline]
    pub fn bytes(&mut self, field: &'static str) -> Result<Option<&'a [u8]>> {
        match usize::try_from(self.int(field)?) {
            Ok(length) => self.take(length, field).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Reads `[short bytes]`.
    #[inline]
    pub fn short_bytes(&mut self, field: &'static str) -> Result<&'a [u8]> {
        let length = self.short(field)?;
        self.take(usize::from(length), field)
    }

    /// Reads a `[value]`. In v3, which has no `unset`, every negative length is `null`.
    ///
    /// # Errors
    /// Returns an error if the length is below -2 in v4 or v5.
    #[inline]
    pub fn value(&mut self, version: Version, field: &'static str) -> Result<RawValue<'a>> {
        let start = self.clone();
        match self.int(field)? {
            -1 => Ok(RawValue::Null),
            length if length < 0 && version == Version::V3 => Ok(RawValue::Null),
            -2 => Ok(RawValue::Unset),
            length => match usize::try_from(length) {
                Ok(length) => self.take(length, field).map(RawValue::Bytes),
                Err(_) => Err(start.error(DecodeErrorKind::Negative(length), field)),
            },
        }
    }

    /// Reads a `[consistency]`.
    #[inline]
    pub fn consistency(&mut self, field: &'static str) -> Result<Consistency> {
        self.short(field).map(Consistency::from)
    }

    /// Reads an `[inetaddr]`: an IP address without a port.
    ///
    /// # Errors
    /// Returns an error if the address length is neither 4 nor 16.
    pub fn inet_address(&mut self, field: &'static str) -> Result<IpAddr> {
        let start = self.clone();
        match self.byte(field)? {
            4 => Ok(self.array::<4>(field)?.into()),
            16 => Ok(self.array::<16>(field)?.into()),
            size => Err(start.error(DecodeErrorKind::InvalidCode(size.into()), field)),
        }
    }

    /// Reads an `[inet]`: an IP address and a port.
    ///
    /// # Errors
    /// Returns an error if the address length is neither 4 nor 16, or the port is above 65,535.
    pub fn inet(&mut self, field: &'static str) -> Result<SocketAddr> {
        let address = self.inet_address(field)?;
        let start = self.clone();
        let port = self.int(field)?;
        match u16::try_from(port) {
            Ok(port) => Ok(SocketAddr::new(address, port)),
            Err(_) => Err(start.error(DecodeErrorKind::InvalidCode(port.into()), field)),
        }
    }

    /// Reads a `[string map]`. Order and duplicate keys are preserved.
    pub fn string_map<S: From<&'a str>>(&mut self, field: &'static str) -> Result<Vec<(S, S)>> {
        let count = self.short_count(4, field)?;
        self.elements(count, |reader| {
            Ok((reader.string(field)?.into(), reader.string(field)?.into()))
        })
    }

    /// Reads a `[string multimap]`. Order and duplicate keys are preserved.
    pub fn string_multimap<S: From<&'a str>>(
        &mut self,
        field: &'static str,
    ) -> Result<Vec<(S, Vec<S>)>> {
        let count = self.short_count(4, field)?;
        self.elements(count, |reader| {
            Ok((reader.string(field)?.into(), reader.string_list(field)?))
        })
    }

    /// Reads a `[bytes map]`. Order, duplicate keys and `null` values are preserved.
    pub fn bytes_map(&mut self, field: &'static str) -> Result<BytesMap> {
        let count = self.short_count(6, field)?;
        self.elements(count, |reader| {
            let key = reader.string(field)?.to_owned();
            Ok((key, reader.bytes(field)?.map(|bytes| reader.share(bytes))))
        })
    }

    #[inline]
    fn utf8(&mut self, length: usize, field: &'static str) -> Result<&'a str> {
        let start = self.clone();
        std::str::from_utf8(self.take(length, field)?)
            .map_err(|_| start.error(DecodeErrorKind::InvalidUtf8, field))
    }

    #[inline]
    fn check_count(
        &self,
        count: usize,
        left: usize,
        smallest: usize,
        field: &'static str,
    ) -> Result<()> {
        let limit = left.checked_div(smallest).unwrap_or(usize::MAX);
        if count > limit {
            return Err(self.error(DecodeErrorKind::CountTooLarge { count, limit }, field));
        }
        Ok(())
    }

    #[cold]
    fn truncated(&self, needed: usize, field: &'static str) -> DecodeError {
        self.error(DecodeErrorKind::Truncated { needed, left: self.rest.len() }, field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_distinguishes_null_unset_and_empty() {
        for (bytes, expected) in [
            (&[0xff, 0xff, 0xff, 0xff][..], RawValue::Null),
            (&[0xff, 0xff, 0xff, 0xfe], RawValue::Unset),
            (&[0, 0, 0, 0], RawValue::Bytes(&[])),
            (&[0, 0, 0, 1, 7], RawValue::Bytes(&[7])),
        ] {
            assert_eq!(Reader::new(bytes).value(Version::V4, "value"), Ok(expected));
        }
        let minus_three = [0xff, 0xff, 0xff, 0xfd];
        let error = Reader::new(&minus_three).value(Version::V4, "value").unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::Negative(-3));
        assert_eq!(Reader::new(&minus_three).value(Version::V3, "value"), Ok(RawValue::Null));
    }

    #[test]
    fn a_count_is_bounded_by_the_remaining_bytes() {
        let largest_count = [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        let error = Reader::new(&largest_count).count(4, "rows_count").unwrap_err();
        assert_eq!(
            error,
            DecodeError::new(
                DecodeErrorKind::CountTooLarge { count: 0x7fff_ffff, limit: 1 },
                "rows_count",
                0
            )
        );
        let error = Reader::new(&[0xff; 6]).string_list::<&str>("event_types").unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::CountTooLarge { count: 0xffff, limit: 2 });
    }

    #[test]
    fn an_inet_takes_four_or_sixteen_bytes_and_a_port() {
        let v4 = [4, 127, 0, 0, 1, 0, 0, 0x23, 0x52];
        assert_eq!(Reader::new(&v4).inet("address").unwrap(), "127.0.0.1:9042".parse().unwrap());
        let mut v6 = vec![16];
        v6.extend([0; 15]);
        v6.extend([1, 0, 0, 0x23, 0x52]);
        assert_eq!(Reader::new(&v6).inet("address").unwrap(), "[::1]:9042".parse().unwrap());
        for bad in [&[5, 1, 2, 3, 4, 5, 0, 0, 0, 1][..], &[4, 1, 2, 3, 4, 0, 1, 0, 0]] {
            let error = Reader::new(bad).inet("address").unwrap_err();
            assert!(matches!(error.kind(), DecodeErrorKind::InvalidCode(_)), "{error}");
        }
    }

    #[test]
    fn errors_name_the_field_and_its_offset() {
        let mut reader = Reader::new(&[0, 1, 0xff]);
        let error = reader.string("keyspace").unwrap_err();
        assert_eq!(error.to_string(), "keyspace at byte 2: not valid UTF-8");
        let mut reader = Reader::new(&[0, 0, 0, 9]);
        assert_eq!(
            reader.bytes("paging_state").unwrap_err().to_string(),
            "paging_state at byte 4: 9 bytes needed, 0 left"
        );
    }

    #[test]
    fn share_does_not_copy_from_a_shared_body() {
        let body = Bytes::from_static(&[0, 2, 7, 8]);
        let mut reader = Reader::from_shared(&body);
        let part = reader.short_bytes("id").unwrap();
        assert_eq!(reader.share(part).as_ptr(), body[2..].as_ptr());
    }

    #[test]
    fn a_negative_length_is_null_for_bytes_and_an_error_for_strings() {
        for length in [-1, -2, i32::MIN] {
            let bytes = i32::to_be_bytes(length);
            assert_eq!(Reader::new(&bytes).bytes("token"), Ok(None));
            let error = Reader::new(&bytes).long_string("query").unwrap_err();
            assert_eq!(error, DecodeError::new(DecodeErrorKind::Negative(length), "query", 0));
        }
        assert_eq!(Reader::new(&[0; 4]).bytes("token"), Ok(Some(&[][..])));
        assert_eq!(Reader::new(&[0; 4]).long_string("query"), Ok(""));
    }

    #[test]
    fn leaves_the_bytes_after_a_field_unread() {
        let mut reader = Reader::new(&[0, 1, b'a', 0, 0, 0, 1, 7, 9]);
        assert_eq!(reader.string("name"), Ok("a"));
        assert_eq!(reader.bytes("value"), Ok(Some(&[7][..])));
        assert_eq!(reader.rest(), [9]);
    }
}
