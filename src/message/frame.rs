//! Messages together with the other fields of their frames (v4 §2.2, §4).

use std::borrow::Cow;

use bytes::Bytes;
use uuid::Uuid;

use super::frame_flags::{
    REQUEST_FLAGS, RESPONSE_FLAGS, check_encoded_flags, check_header, defined_flags, require_v4,
};
use super::{KnownColumns, Message, Request, Response, ResultMessage};
use crate::wire::{
    BytesMap, Context, DecodeError, EncodeError, FrameEncoder, FrameFlags, Header, Opcode,
    RawFrame, Reader, Stream,
};

/// A request and the other fields of its frame.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestFrame<'a> {
    /// The stream id, which the response repeats.
    pub stream: Stream,
    /// True if the server should trace the request.
    pub tracing: bool,
    /// Data for a custom query handler of the server (v4 and later). Empty for none.
    pub custom_payload: BytesMap,
    /// The request.
    pub request: Request<'a>,
    /// Unknown flags, and flags that no other field represents.
    pub other_flags: FrameFlags,
    /// Bytes after the end of the message. Receivers may ignore them.
    pub trailing: Cow<'a, [u8]>,
}

impl<'a> RequestFrame<'a> {
    /// Creates a request without tracing and without a custom payload.
    #[inline]
    pub fn new(stream: Stream, request: impl Into<Request<'a>>) -> Self {
        Self {
            stream,
            tracing: false,
            custom_payload: BytesMap::new(),
            request: request.into(),
            other_flags: FrameFlags::NONE,
            trailing: Cow::Borrowed(&[]),
        }
    }

    /// Appends `request`, without tracing and without a custom payload, to `out`.
    ///
    /// The bytes are those of [`encode`](Self::encode). This function takes about half the time,
    /// because it does not convert the message to a [`Request`].
    ///
    /// ```
    /// use cqlwire::message::{Options, RequestFrame};
    /// use cqlwire::wire::{FrameEncoder, Stream, Version};
    ///
    /// let (mut encoder, mut out) = (FrameEncoder::new(Version::V4), Vec::new());
    /// RequestFrame::encode_bare(Stream(1), &Options, &mut encoder, &mut out)?;
    /// assert_eq!(out, [4, 0, 0, 1, 5, 0, 0, 0, 0]);
    /// # Ok::<(), cqlwire::wire::EncodeError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the message cannot be encoded in the version of `encoder`. `out` is then
    /// unchanged.
    #[inline]
    pub fn encode_bare<M: Message<'a> + Into<Request<'a>>>(
        stream: Stream,
        request: &M,
        encoder: &mut FrameEncoder,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let context = *encoder.context();
        let header = bare_header(stream, M::OPCODE, &context);
        encoder.encode(header, out, |writer| request.encode(writer, &context))
    }

    /// Appends the frame of a request like [`encode_bare`](Self::encode_bare).
    ///
    /// A second function, because the compiler inlines each of them only while it has one caller for a
    /// message: `encode_bare` is for callers that know which fields are set.
    #[cfg(feature = "driver")]
    #[inline]
    pub(crate) fn encode_message<M: Message<'a>>(
        request: &M,
        encoder: &mut FrameEncoder,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let context = *encoder.context();
        let header = bare_header(Stream::default(), M::OPCODE, &context);
        encoder.encode(header, out, |writer| request.encode(writer, &context))
    }

    /// Decodes a request, and decompresses its body if necessary.
    ///
    /// If the body is not compressed, the result borrows from `frame`. If the body is compressed, the
    /// result owns its data. To borrow from a decompressed body, call [`RawFrame::decompress`] first.
    ///
    /// # Errors
    /// Returns an error if:
    /// - the frame is a response, or its version differs from the version of `context`
    /// - the protocol forbids one of the frame's flags
    /// - the body is compressed, but `context` has no compression
    /// - the decompressed body does not have the length that the frame declares
    /// - a field is malformed
    pub fn decode(frame: &'a RawFrame, context: &Context) -> Result<Self, DecodeError> {
        check_header(&frame.header, false, context)?;
        if !frame.header.is_compressed() {
            return Self::decode_body(&frame.header, &frame.body, context);
        }
        let body = frame.plain_body(context)?;
        RequestFrame::decode_body(&frame.header, &body, context).map(RequestFrame::into_owned)
    }

    /// Returns the same request with a `'static` lifetime, by copying the data that it borrows.
    pub fn into_owned(self) -> RequestFrame<'static> {
        RequestFrame {
            stream: self.stream,
            tracing: self.tracing,
            custom_payload: self.custom_payload,
            request: self.request.into_owned(),
            other_flags: self.other_flags,
            trailing: Cow::Owned(self.trailing.into_owned()),
        }
    }

    fn decode_body(
        header: &Header,
        body: &'a Bytes,
        context: &Context,
    ) -> Result<Self, DecodeError> {
        let flags = defined_flags(header.flags, header.version);
        let mut reader = Reader::from_shared(body);
        let custom_payload = decode_custom_payload(&mut reader, flags)?;
        // Encoding sets this flag only for a list that is not empty. The flag of an empty list is
        // therefore kept in `other_flags`.
        let empty = FrameFlags::NONE
            .with(flags.only(FrameFlags::CUSTOM_PAYLOAD), custom_payload.is_empty());
        let request = Request::decode(header.opcode, &mut reader, context)?;
        Ok(Self {
            stream: header.stream,
            tracing: flags.contains(FrameFlags::TRACING),
            custom_payload,
            request,
            other_flags: header.flags.without(flags.only(REQUEST_FLAGS)).with(empty, true),
            trailing: Cow::Borrowed(reader.take_rest()),
        })
    }

    /// Appends the frame to `out`.
    ///
    /// # Errors
    /// Returns an error if the message cannot be encoded in the version of `encoder`. `out` is then
    /// unchanged.
    #[inline]
    pub fn encode(&self, encoder: &mut FrameEncoder, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let context = *encoder.context();
        require_v4(!self.custom_payload.is_empty(), "custom_payload", &context)?;
        let flags = self
            .other_flags
            .with(FrameFlags::TRACING, self.tracing)
            .with(FrameFlags::CUSTOM_PAYLOAD, !self.custom_payload.is_empty());
        let has = |flag| defined_flags(flags, context.version).contains(flag);
        let header = Header {
            version: context.version,
            is_response: false,
            flags,
            stream: self.stream,
            opcode: self.request.opcode(),
        };
        check_encoded_flags(&header)?;
        encoder.encode(header, out, |writer| {
            if has(FrameFlags::CUSTOM_PAYLOAD) {
                writer.bytes_map(&self.custom_payload, "custom_payload")?;
            }
            self.request.encode(writer, &context)?;
            writer.raw(&self.trailing);
            Ok(())
        })
    }
}

/// Returns the header of a request without a custom payload and tracing.
#[inline]
const fn bare_header(stream: Stream, opcode: Opcode, context: &Context) -> Header {
    let (version, flags) = (context.version, FrameFlags::NONE);
    Header { version, is_response: false, flags, stream, opcode }
}

/// A response and the other fields of its frame.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseFrame {
    /// The stream id of the request, or [`Stream::EVENT`].
    pub stream: Stream,
    /// The id of the trace, or `None` if the request did not ask for tracing.
    pub tracing_id: Option<Uuid>,
    /// Warnings from the server (v4 and later).
    pub warnings: Vec<String>,
    /// Data from a custom query handler of the server (v4 and later). Empty for none.
    pub custom_payload: BytesMap,
    /// The response.
    pub response: Response,
    /// Unknown flags, and flags that no other field represents.
    pub other_flags: FrameFlags,
    /// Bytes after the end of the message. Receivers may ignore them.
    pub trailing: Bytes,
}

impl ResponseFrame {
    /// Creates a response without a tracing id, warnings or a custom payload.
    pub fn new(stream: Stream, response: impl Into<Response>) -> Self {
        Self {
            stream,
            tracing_id: None,
            warnings: Vec::new(),
            custom_payload: BytesMap::new(),
            response: response.into(),
            other_flags: FrameFlags::NONE,
            trailing: Bytes::new(),
        }
    }

    /// Decodes a response, and decompresses its body if necessary.
    ///
    /// # Errors
    /// Returns an error if:
    /// - the frame is a request, or its version differs from the version of `context`
    /// - the protocol forbids one of the frame's flags
    /// - the body is compressed, but `context` has no compression
    /// - the decompressed body does not have the length that the frame declares
    /// - a field is malformed
    pub fn decode(frame: &RawFrame, context: &Context) -> Result<Self, DecodeError> {
        Self::decode_frame(frame, context, None, |frame| frame)
    }

    /// Decodes a response to the statement that `known_columns` belongs to.
    ///
    /// The result equals that of [`decode`](Self::decode). Decoding is faster if the response
    /// describes the same columns as an earlier response.
    ///
    /// # Errors
    /// Returns the errors of [`decode`](Self::decode).
    pub fn decode_with_known_columns(
        frame: &RawFrame,
        context: &Context,
        known_columns: &KnownColumns,
    ) -> Result<Self, DecodeError> {
        Self::decode_frame(frame, context, Some(known_columns), |frame| frame)
    }

    /// Decodes a response like [`decode`](Self::decode), or like
    /// [`decode_with_known_columns`](Self::decode_with_known_columns), to a box.
    #[cfg(feature = "driver")]
    pub(crate) fn decode_boxed(
        frame: &RawFrame,
        context: &Context,
        known_columns: Option<&KnownColumns>,
    ) -> Result<Box<Self>, DecodeError> {
        Self::decode_frame(frame, context, known_columns, Box::new)
    }

    /// Decodes a response, and applies `wrap` to it. Applying `Box::new` here saves a move of the response.
    fn decode_frame<T>(
        frame: &RawFrame,
        context: &Context,
        known_columns: Option<&KnownColumns>,
        wrap: impl FnOnce(Self) -> T,
    ) -> Result<T, DecodeError> {
        let header = &frame.header;
        check_header(header, true, context)?;
        let flags = defined_flags(header.flags, header.version);
        let body = frame.plain_body(context)?;
        let mut reader = Reader::from_shared(&body);
        let tracing_id = match flags.contains(FrameFlags::TRACING) {
            true => Some(reader.uuid("tracing_id")?),
            false => None,
        };
        let warnings = match flags.contains(FrameFlags::WARNING) {
            true => reader.string_list("warnings")?,
            false => Vec::new(),
        };
        let custom_payload = decode_custom_payload(&mut reader, flags)?;
        // Encoding sets this flag only for a list that is not empty. The flag of an empty list is
        // therefore kept in `other_flags`.
        let empty = FrameFlags::NONE
            .with(flags.only(FrameFlags::WARNING), warnings.is_empty())
            .with(flags.only(FrameFlags::CUSTOM_PAYLOAD), custom_payload.is_empty());
        let response = match header.opcode {
            Opcode::Result => {
                ResultMessage::decode_with_known_columns(&mut reader, context, known_columns)?
                    .into()
            }
            opcode => Response::decode(opcode, &mut reader, context)?,
        };
        let trailing = reader.take_rest();
        Ok(wrap(Self {
            stream: header.stream,
            tracing_id,
            warnings,
            custom_payload,
            response,
            other_flags: header.flags.without(flags.only(RESPONSE_FLAGS)).with(empty, true),
            trailing: reader.share(trailing),
        }))
    }

    /// Appends the frame to `out`.
    ///
    /// # Errors
    /// Returns an error if the message cannot be encoded in the version of `encoder`. `out` is then
    /// unchanged.
    pub fn encode(&self, encoder: &mut FrameEncoder, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let context = *encoder.context();
        require_v4(!self.warnings.is_empty(), "warnings", &context)?;
        require_v4(!self.custom_payload.is_empty(), "custom_payload", &context)?;
        let flags = self
            .other_flags
            .with(FrameFlags::TRACING, self.tracing_id.is_some())
            .with(FrameFlags::WARNING, !self.warnings.is_empty())
            .with(FrameFlags::CUSTOM_PAYLOAD, !self.custom_payload.is_empty());
        let has = |flag| defined_flags(flags, context.version).contains(flag);
        let header = Header {
            version: context.version,
            is_response: true,
            flags,
            stream: self.stream,
            opcode: self.response.opcode(),
        };
        check_encoded_flags(&header)?;
        encoder.encode(header, out, |writer| {
            if let Some(id) = self.tracing_id {
                writer.uuid(id);
            }
            if has(FrameFlags::WARNING) {
                writer.string_list(&self.warnings, "warnings")?;
            }
            if has(FrameFlags::CUSTOM_PAYLOAD) {
                writer.bytes_map(&self.custom_payload, "custom_payload")?;
            }
            self.response.encode(writer, &context)?;
            writer.raw(&self.trailing);
            Ok(())
        })
    }
}

fn decode_custom_payload(
    reader: &mut Reader<'_>,
    flags: FrameFlags,
) -> Result<BytesMap, DecodeError> {
    match flags.contains(FrameFlags::CUSTOM_PAYLOAD) {
        true => reader.bytes_map("custom_payload"),
        false => Ok(BytesMap::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{
        AuthResponse, BatchMessage, BatchStatement, BatchStatements, BatchText, Execute, Options,
        Parameters, Prepare, Query, Ready, Register, Startup,
    };
    use crate::types::{Values, ValuesBuffer};
    use crate::wire::{
        Compression, Consistency, DecodeErrorKind, EncodeErrorKind, FrameDecoder, RawValue, Version,
    };

    #[test]
    fn refuses_warnings_and_payloads_in_v3() {
        let payload = || vec![("k".to_owned(), None)];
        let request =
            RequestFrame { custom_payload: payload(), ..RequestFrame::new(Stream(0), Options) };
        let ready = || ResponseFrame::new(Stream(0), Ready);
        let with_warnings = ResponseFrame { warnings: vec!["slow".into()], ..ready() };
        let with_payload = ResponseFrame { custom_payload: payload(), ..ready() };
        for version in Version::ALL {
            let mut encoder = FrameEncoder::new(version);
            let mut out = Vec::new();
            for (encoded, field) in [
                (request.encode(&mut encoder, &mut out), "custom_payload"),
                (with_warnings.encode(&mut encoder, &mut out), "warnings"),
                (with_payload.encode(&mut encoder, &mut out), "custom_payload"),
            ] {
                let kind = EncodeErrorKind::NotInVersion(Version::V3);
                let refused = Err(EncodeError::new(kind, field));
                assert_eq!(encoded, if version == Version::V3 { refused } else { Ok(()) });
            }
        }
    }

    #[test]
    fn encode_bare_gives_the_bytes_of_encode() {
        let parameters = |page_size| Parameters { page_size, ..Consistency::Quorum.into() };
        for context in Version::ALL.map(Context::from) {
            for parameters in [parameters(None), parameters(Some(7))] {
                let query = Query { text: "SELECT".into(), parameters };
                let (mut bare, mut framed) = (Vec::new(), Vec::new());
                let mut encoder = FrameEncoder::new(context);
                RequestFrame::encode_bare(Stream(9), &query, &mut encoder, &mut bare).unwrap();
                RequestFrame::new(Stream(9), query).encode(&mut encoder, &mut framed).unwrap();
                assert_eq!(bare, framed);
            }
        }
    }

    #[test]
    fn a_compressed_request_decodes_as_its_plain_form() {
        let text = "SELECT ".repeat(30);
        let mut values = ValuesBuffer::new();
        values.push(Some("k"), RawValue::Bytes(&[7; 99])).unwrap();
        let values = values.into_values();
        let id = || Cow::Borrowed(&[9; 99][..]);
        let parameters = || Parameters { values: values.clone(), ..Consistency::One.into() };
        let mut statements = BatchStatements::new();
        for text in [BatchText::Text(text.as_str().into()), BatchText::Prepared(id())] {
            statements.push(&BatchStatement { text, values: Values::NONE }).unwrap();
        }
        let requests: [Request<'_>; 7] = [
            Query { text: text.as_str().into(), parameters: parameters() }.into(),
            Prepare::new(text.as_str()).into(),
            Execute { id: id(), result_metadata_id: None, parameters: parameters() }.into(),
            Register { event_types: vec![text.as_str().into()] }.into(),
            BatchMessage::new(statements, Consistency::One).into(),
            AuthResponse { token: Some(id()) }.into(),
            Request::Unknown(Opcode::Unknown(0x77), id()),
        ];
        for version in [Version::V3, Version::V4] {
            let lz4 = Context { compression: Some(Compression::Lz4), ..version.into() };
            for request in &requests {
                let sent = RequestFrame::new(Stream(7), request.clone());
                let mut bytes = Vec::new();
                sent.encode(&mut FrameEncoder::new(lz4), &mut bytes).unwrap();
                let frame = only_frame(&bytes);
                assert!(frame.header.is_compressed());
                assert_eq!(RequestFrame::decode(&frame, &lz4).as_ref(), Ok(&sent));
                let error = RequestFrame::decode(&frame, &version.into()).unwrap_err();
                assert_eq!(error.kind(), DecodeErrorKind::NotNegotiated);
            }
        }
    }

    #[test]
    fn a_compressed_startup_is_refused_in_both_directions() {
        for version in Version::ALL {
            let context = Context { compression: Some(Compression::Lz4), ..version.into() };
            let startup = RequestFrame {
                other_flags: FrameFlags::COMPRESSED,
                ..RequestFrame::new(Stream(0), Startup::new())
            };
            let encoded = startup.encode(&mut FrameEncoder::new(context), &mut Vec::new());
            let frame = only_frame(&[version.number(), 1, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 2, 0]);
            let decoded = RequestFrame::decode(&frame, &context).map(|_| ());
            let plain = frame.plain_body(&context).map(|_| ());
            if version == Version::V5 {
                assert_eq!(encoded, Ok(()), "the flag has no meaning in v5");
                assert_eq!(plain, Ok(()));
                continue;
            }
            let text = format!("the flag `compressed` is not allowed on STARTUP in {version}");
            assert_eq!(encoded.unwrap_err().to_string(), format!("flags: {text}"));
            assert_eq!(decoded.unwrap_err().to_string(), format!("flags at byte 1: {text}"));
            assert_eq!(plain.unwrap_err().to_string(), format!("flags at byte 1: {text}"));
        }
    }

    #[test]
    fn the_warning_flag_is_refused_in_v3_in_both_directions() {
        let flags = || FrameFlags::WARNING;
        let request =
            RequestFrame { other_flags: flags(), ..RequestFrame::new(Stream(0), Options) };
        let response =
            ResponseFrame { other_flags: flags(), ..ResponseFrame::new(Stream(0), Ready) };
        let mut encoder = FrameEncoder::new(Version::V3);
        let mut out = Vec::new();
        let request = request.encode(&mut encoder, &mut out).unwrap_err().to_string();
        assert_eq!(request, "flags: the flag `warning` is not allowed on OPTIONS in v3");
        let response = response.encode(&mut encoder, &mut out).unwrap_err().to_string();
        assert_eq!(response, "flags: the flag `warning` is not allowed on READY in v3");
        assert!(out.is_empty());
        let context = Version::V3.into();
        let request = only_frame(&[0x03, 8, 0, 0, 5, 0, 0, 0, 0]);
        let request = RequestFrame::decode(&request, &context).unwrap_err().to_string();
        assert_eq!(request, "flags at byte 1: the flag `warning` is not allowed on OPTIONS in v3");
        let response = only_frame(&[0x83, 8, 0, 0, 2, 0, 0, 0, 0]);
        let response = ResponseFrame::decode(&response, &context).unwrap_err().to_string();
        assert_eq!(response, "flags at byte 1: the flag `warning` is not allowed on READY in v3");
    }

    fn only_frame(bytes: &[u8]) -> RawFrame {
        let mut decoder = FrameDecoder::new(Version::V4);
        decoder.extend(bytes);
        decoder.next_frame().unwrap().unwrap()
    }

    #[test]
    fn preserves_flags_of_empty_and_null_fields() {
        let frames: [(bool, &[u8]); 6] = [
            (true, &[0x84, 8, 0, 1, 2, 0, 0, 0, 2, 0, 0]),
            (true, &[0x84, 4, 0, 1, 2, 0, 0, 0, 2, 0, 0]),
            (false, &[0x04, 4, 0, 1, 5, 0, 0, 0, 2, 0, 0]),
            (
                false,
                &[0x04, 0, 0, 1, 7, 0, 0, 0, 12, 0, 0, 0, 1, b'q', 0, 1, 8, 255, 255, 255, 255],
            ),
            // Rows with a `null` paging state; then rows with two columns that each name the same
            // table.
            (
                true,
                &[
                    0x84, 0, 0, 1, 8, 0, 0, 0, 20, 0, 0, 0, 2, 0, 0, 0, 6, 0, 0, 0, 0, 255, 255,
                    255, 255, 0, 0, 0, 0,
                ],
            ),
            (
                true,
                &[
                    0x84, 0, 0, 1, 8, 0, 0, 0, 38, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, b'k',
                    0, 1, b't', 0, 1, b'a', 0, 9, 0, 1, b'k', 0, 1, b't', 0, 1, b'b', 0, 9, 0, 0,
                    0, 0,
                ],
            ),
        ];
        for (is_response, bytes) in frames {
            let context = Context::from(Version::V4);
            let frame = only_frame(bytes);
            let (mut encoder, mut out) = (FrameEncoder::new(context), Vec::new());
            match is_response {
                true => {
                    ResponseFrame::decode(&frame, &context).unwrap().encode(&mut encoder, &mut out)
                }
                false => {
                    RequestFrame::decode(&frame, &context).unwrap().encode(&mut encoder, &mut out)
                }
            }
            .unwrap();
            assert_eq!(out, bytes);
        }
    }

    #[test]
    fn a_failed_encode_bare_leaves_the_buffer_unchanged() {
        let keyspace = Some("k8s_test".into());
        let parameters = Parameters { keyspace, ..Consistency::One.into() };
        let query = Query { text: "SELECT".into(), parameters };
        let (mut encoder, mut out) = (FrameEncoder::new(Version::V4), b"before".to_vec());
        RequestFrame::encode_bare(Stream(9), &query, &mut encoder, &mut out).unwrap_err();
        assert_eq!(out, b"before");
    }
}
