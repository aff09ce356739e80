//! Messages that the server did not send.

use std::net::SocketAddr;

use bytes::Bytes;
use cqlwire::message::{
    ErrorCode, Event, Ready, Response, ResponseFrame, ResultMessage, SchemaChange,
    SchemaChangeKind, SchemaTarget, ServerError, StatusChange, TopologyChange,
};
use cqlwire::wire::{FrameEncoder, Stream, Version};

use crate::{FloodEvent, Inserted};

/// Returns the frame of an event. Different numbers give different addresses.
pub(crate) fn event(version: Version, event: FloodEvent, number: u32) -> Bytes {
    let [_, _, high, low] = number.to_be_bytes();
    // Addresses for documentation (RFC 2544), which no node has.
    let address = SocketAddr::from(([198, 18, high, low], 9042));
    let event = match event {
        FloodEvent::Up => Event::Status { change: StatusChange::Up, address },
        FloodEvent::Down => Event::Status { change: StatusChange::Down, address },
        FloodEvent::NewNode => Event::Topology { change: TopologyChange::NewNode, address },
        FloodEvent::RemovedNode => Event::Topology { change: TopologyChange::RemovedNode, address },
        FloodEvent::Keyspace => {
            let target = SchemaTarget::Keyspace { keyspace: "no_such_keyspace".to_owned() };
            Event::Schema(SchemaChange { kind: SchemaChangeKind::Updated, target })
        }
        FloodEvent::Unknown => {
            Event::Unknown { event_type: "UNKNOWN_EVENT".to_owned(), rest: Bytes::new() }
        }
    };
    encode(version, Stream::EVENT, event)
}

/// Returns the frame of a response.
pub(crate) fn inserted(version: Version, stream: Stream, message: Inserted) -> Bytes {
    let text = "inserted by the fault";
    match message {
        Inserted::Ready => encode(version, stream, Ready),
        Inserted::Void => encode(version, stream, ResultMessage::Void),
        Inserted::ServerError => encode(version, stream, ServerError::new(ErrorCode::Server, text)),
        Inserted::Overloaded => {
            encode(version, stream, ServerError::new(ErrorCode::Overloaded, text))
        }
    }
}

fn encode(version: Version, stream: Stream, response: impl Into<Response>) -> Bytes {
    let mut frame = Vec::new();
    let mut encoder = FrameEncoder::new(version);
    ResponseFrame::new(stream, response)
        .encode(&mut encoder, &mut frame)
        .expect("short messages can be encoded");
    frame.into()
}
