//! The state that both directions of a connection need.

use std::collections::BTreeSet;

use bytes::Bytes;
use cqlwire::message::{Request, RequestFrame};
use cqlwire::wire::{Compression, Context, Header, Opcode, RawFrame, Stream, Version};

use crate::OtherStream;

/// The state of the protocol between the client and the server, as far as the link has forwarded it.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) version: Version,
    pub(crate) compression: Option<Compression>,
    /// True after the client received the response that ends the handshake.
    pub(crate) is_open: bool,
    /// The streams on which the client waits for a response.
    in_use: BTreeSet<i16>,
    /// The highest stream that the client has used.
    highest: i16,
}

impl Conversation {
    pub(crate) const fn new() -> Self {
        Self {
            version: Version::V4,
            compression: None,
            is_open: false,
            in_use: BTreeSet::new(),
            highest: 0,
        }
    }

    /// Records a request from the client. Returns true if segments follow.
    pub(crate) fn record_request(&mut self, frame: &[u8]) -> bool {
        let Ok(Some((header, _))) = Header::decode(frame) else { return false };
        self.version = header.version;
        self.in_use.insert(header.stream.0);
        self.highest = self.highest.max(header.stream.0);
        if header.opcode != Opcode::Startup {
            return false;
        }
        let body = Bytes::copy_from_slice(&frame[Header::LENGTH..]);
        let raw = RawFrame { header, body };
        if let Ok(frame) = RequestFrame::decode(&raw, &Context::from(header.version))
            && let Request::Startup(startup) = frame.request
        {
            self.compression = startup.requested_compression(header.version);
        }
        header.version == Version::V5
    }

    /// Records a response from the server. Returns true if segments follow.
    pub(crate) fn record_response(&mut self, frame: &[u8]) -> bool {
        let Ok(Some((header, _))) = Header::decode(frame) else { return false };
        let answers_startup = matches!(header.opcode, Opcode::Ready | Opcode::Authenticate);
        answers_startup && header.version == Version::V5
    }

    /// Records that the client receives a response.
    pub(crate) fn record_delivery(&mut self, frame: &[u8]) {
        if let Ok(Some((header, _))) = Header::decode(frame) {
            self.in_use.remove(&header.stream.0);
            self.is_open |= matches!(header.opcode, Opcode::Ready | Opcode::AuthSuccess);
        }
    }

    /// Returns a stream of this kind, other than that of `frame`. Returns `None` if there is none.
    pub(crate) fn other_stream(&self, other: OtherStream, frame: Option<&[u8]>) -> Option<Stream> {
        let own = frame.and_then(|frame| Header::decode(frame).ok().flatten());
        let own = own.map(|(header, _)| header.stream.0);
        match other {
            OtherStream::Free => (self.highest < i16::MAX).then_some(Stream(i16::MAX)),
            OtherStream::InUse => {
                let mut in_use = self.in_use.iter().copied();
                in_use.find(|&id| id > 0 && Some(id) != own).map(Stream)
            }
            OtherStream::Zero => Some(Stream(0)),
            OtherStream::Event => Some(Stream::EVENT),
        }
    }
}
