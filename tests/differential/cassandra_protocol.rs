//! The crate `cassandra-protocol`, the codec of cdrs-tokio.

use std::panic::catch_unwind;

use ::cassandra_protocol::compression::Compression;
use ::cassandra_protocol::frame::frame_decoder::{
    FrameDecoder, Lz4FrameDecoder, UncompressedFrameDecoder,
};
use ::cassandra_protocol::frame::frame_encoder::{
    FrameEncoder, Lz4FrameEncoder, UncompressedFrameEncoder,
};
use ::cassandra_protocol::frame::message_request::RequestBody;
use ::cassandra_protocol::frame::message_response::ResponseBody;
use ::cassandra_protocol::frame::{Direction, Envelope, Serialize, Version as ProtocolVersion};

use cqlwire::message::ErrorCode;
use cqlwire::wire::{Compression as Wire, Version};
use serde_json::Value;

use crate::cases::Case;
use crate::peer::{Answer, Peer, Skip};
use crate::segments::{Payload, Payloads, Segments};

/// A codec that decodes and encodes requests and responses.
pub(crate) struct CassandraProtocol;

impl Peer for CassandraProtocol {
    fn answer(&self, case: &Case) -> Result<Answer, String> {
        let bytes =
            catch_unwind(|| read_and_write(case)).map_err(|_| "the peer panics".to_owned())?;
        Ok(Answer { fields: None, bytes: Some(bytes?) })
    }
}

fn read_and_write(case: &Case) -> Result<Vec<u8>, String> {
    let compression = match case.context.compression {
        None => Compression::None,
        Some(_) => Compression::Lz4,
    };
    let parsed = Envelope::from_buffer(&case.bytes, compression);
    let envelope = parsed.map_err(|error| error.to_string())?.envelope;
    let version = envelope.version;
    let body = match envelope.direction {
        Direction::Request => {
            let body = RequestBody::try_from(&envelope.body, envelope.opcode, version);
            body.map_err(|error| error.to_string())?.serialize_to_vec(version)
        }
        Direction::Response => {
            let body = envelope.response_body().map_err(|error| error.to_string())?;
            write_response(&body, version)
        }
    };
    Envelope { body, ..envelope }.encode_with(compression).map_err(|error| error.to_string())
}

fn write_response(body: &ResponseBody, version: ProtocolVersion) -> Vec<u8> {
    match body {
        ResponseBody::Error(body) => body.serialize_to_vec(version),
        ResponseBody::Authenticate(body) => body.serialize_to_vec(version),
        ResponseBody::Supported(body) => body.serialize_to_vec(version),
        ResponseBody::Result(body) => body.serialize_to_vec(version),
        ResponseBody::Event(body) => body.serialize_to_vec(version),
        ResponseBody::AuthChallenge(body) => body.serialize_to_vec(version),
        ResponseBody::AuthSuccess(body) => body.serialize_to_vec(version),
        _ => Vec::new(),
    }
}

impl Segments for CassandraProtocol {
    fn read(&self, compression: Option<Wire>, bytes: &[u8]) -> Result<Payloads, String> {
        let mut data = bytes.to_vec();
        let envelopes = match compression {
            None => UncompressedFrameDecoder::default().consume(&mut data, Compression::None),
            Some(_) => Lz4FrameDecoder::default().consume(&mut data, Compression::None),
        };
        let envelopes = envelopes.map_err(|error| error.to_string())?;
        let mut frames = Vec::new();
        for envelope in envelopes {
            let frame = envelope.encode_with(Compression::None);
            frames.extend(frame.map_err(|error| error.to_string())?);
        }
        Ok(Payloads::Frames(frames))
    }

    fn write(&self, compression: Option<Wire>, of: &[Payload]) -> Result<Vec<u8>, String> {
        let mut all = Vec::new();
        for payload in of {
            let mut encoder: Box<dyn FrameEncoder> = match compression {
                None => Box::new(UncompressedFrameEncoder::default()),
                Some(_) => Box::new(Lz4FrameEncoder::default()),
            };
            if payload.self_contained {
                encoder.add_envelope(payload.bytes.clone());
                all.extend_from_slice(encoder.finalize_self_contained());
            } else {
                let (length, segment) = encoder.finalize_non_self_contained(&payload.bytes);
                assert_eq!(length, payload.bytes.len());
                all.extend_from_slice(segment);
            }
        }
        Ok(all)
    }
}

/// The known differences of the crate.
pub(crate) const SKIPS: &[Skip] = &[
    Skip {
        name: "custom_payload",
        reason: "it reads the payload as the start of the message",
        applies: |case| case.fields["custom_payload"].as_object().is_some_and(|of| !of.is_empty()),
    },
    Skip {
        name: "skip_metadata",
        reason: "it drops the flag",
        applies: |case| case.parameters()["skip_metadata"] == true,
    },
    Skip {
        name: "contentions",
        reason: "it reads the contentions of a WRITE_TIMEOUT of CAS in every version",
        applies: |case| {
            let write_type = &case.message()["details"]["write_type"];
            let is_timeout = case.message()["code"] == ErrorCode::WriteTimeout.code();
            is_timeout && write_type == "CAS" && case.version() < Version::V5
        },
    },
    Skip {
        name: "errors_of_v5",
        reason: "it knows neither CDC_WRITE_FAILURE nor CAS_WRITE_UNKNOWN",
        applies: |case| {
            let unknown = [ErrorCode::CdcWriteFailure, ErrorCode::CasWriteUnknown];
            unknown.iter().any(|code| case.message()["code"] == code.code())
        },
    },
    Skip {
        name: "reasons_of_failures",
        reason: "it expects a port after each address",
        applies: |case| {
            let reasons = case.message()["details"]["failures"].as_object();
            reasons.is_some_and(|reasons| !reasons.is_empty())
        },
    },
    Skip {
        name: "v3_prepared",
        reason: "it writes the indexes of the partition key, which v3 does not have",
        applies: |case| case.version() == Version::V3 && case.message()["kind"] == "prepared",
    },
    Skip {
        name: "no_columns",
        reason: "it panics when it encodes a description of no columns",
        applies: |case| {
            let is_empty = |columns: &Value| columns.as_array().is_some_and(Vec::is_empty);
            let message = case.message();
            is_empty(&message["variables"])
                || is_empty(&message["metadata"]["columns"])
                || is_empty(&message["result"]["columns"])
        },
    },
];
