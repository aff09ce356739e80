//! The compared frames: the golden vectors, and frames generated from a fixed seed.

use std::collections::HashSet;

use bytes::Bytes;
use cqlwire::message::MetadataFlags;
use cqlwire::message::{
    AuthSuccess, BatchKind, ErrorCode, ErrorDetails, Event, EventType, Failures, Parameters,
    QueryFlags, Request, RequestFrame, Response, ResponseFrame, ResultMessage, RowsMetadata,
    SchemaChange, SchemaChangeKind, SchemaTarget, StatusChange, TopologyChange, WriteType,
};
use cqlwire::types::{CqlType, NativeType, Values, ValuesBuffer};
use cqlwire::wire::{
    BytesMap, Compression, Consistency, Context, FrameDecoder, FrameEncoder, FrameFlags, Opcode,
    RawFrame, Version,
};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::Value;

use crate::{fields, golden, strategies};

/// Number of generated requests, and of generated responses, per version.
const GENERATED: usize = 1_200;

/// A frame encoded by cqlwire, and its fields.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) context: Context,
    pub(crate) opcode: Opcode,
    pub(crate) is_response: bool,
    pub(crate) bytes: Vec<u8>,
    pub(crate) fields: Value,
}

impl Case {
    /// Returns the fields of the message, without those of its frame.
    pub(crate) fn message(&self) -> &Value {
        &self.fields["message"]
    }

    /// Returns the parameters of a statement. For PREPARE and BATCH these are the message's own fields.
    pub(crate) fn parameters(&self) -> &Value {
        let message = self.message();
        message.get("parameters").unwrap_or(message)
    }

    pub(crate) fn version(&self) -> Version {
        self.context.version
    }

    /// Decodes a frame that a peer wrote for this case. Returns its fields and its reencoded bytes.
    pub(crate) fn read(&self, bytes: &[u8]) -> Result<(Value, Vec<u8>), String> {
        let (raw, fields, again) = read(bytes, &self.context)?;
        if raw.header.opcode != self.opcode || raw.header.is_response != self.is_response {
            return Err(format!("the frame has another opcode or direction: {:?}", raw.header));
        }
        Ok((fields, again))
    }
}

pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for vector in golden::all() {
        let name = vector.path.file_stem().unwrap_or_default().to_string_lossy();
        cases.extend(of_vector(&name, &vector));
    }
    let mut runner = TestRunner::deterministic();
    for version in Version::ALL {
        let plain = Context::from(version);
        let lz4 = Context { compression: Some(Compression::Lz4), ..plain };
        for n in 0..GENERATED {
            // A quarter of the bodies are compressed. v5 compresses segments instead.
            let context = if version < Version::V5 && n % 4 == 0 { lz4 } else { plain };
            let request = strategies::request_frame(context).new_tree(&mut runner).unwrap();
            cases.extend(of_request(format!("{version} request {n}"), context, request.current()));
            let response = strategies::response_frame(context).new_tree(&mut runner).unwrap();
            let response = response.current();
            cases.extend(of_response(format!("{version} response {n}"), context, response));
        }
    }
    cases
}

/// Returns the case of a vector, or `None` if the vector uses extensions or undefined values.
fn of_vector(name: &str, vector: &golden::Vector) -> Option<Case> {
    let (context, raw) = (vector.context, vector.frame());
    if context != (Context { compression: context.compression, ..context.version.into() }) {
        return None;
    }
    if raw.header.is_response {
        let frame = ResponseFrame::decode(&raw, &context).unwrap();
        let case = of_response(name.to_owned(), context, frame.clone())?;
        let raw = whole_frame(&case.bytes).unwrap();
        (ResponseFrame::decode(&raw, &context).unwrap() == frame).then_some(case)
    } else {
        let frame = RequestFrame::decode(&raw, &context).unwrap();
        let case = of_request(name.to_owned(), context, frame.clone())?;
        let raw = whole_frame(&case.bytes).unwrap();
        (RequestFrame::decode(&raw, &context).unwrap() == frame).then_some(case)
    }
}

fn of_request(name: String, mut context: Context, mut frame: RequestFrame<'_>) -> Option<Case> {
    if matches!(frame.request, Request::Startup(_)) {
        // STARTUP requests the compression, and the protocol forbids compressing it.
        context.compression = None;
    }
    frame.other_flags = FrameFlags::NONE;
    frame.trailing = Vec::new().into();
    remove_duplicate_keys(&mut frame.custom_payload);
    conform_request(&mut frame.request, &context)?;
    let mut bytes = Vec::new();
    frame.encode(&mut FrameEncoder::new(context), &mut bytes).expect("the frame should encode");
    Some(case(name, context, bytes))
}

fn of_response(name: String, context: Context, mut frame: ResponseFrame) -> Option<Case> {
    frame.other_flags = FrameFlags::NONE;
    frame.trailing = Bytes::new();
    remove_duplicate_keys(&mut frame.custom_payload);
    conform_response(&mut frame.response, context.version)?;
    let mut bytes = Vec::new();
    frame.encode(&mut FrameEncoder::new(context), &mut bytes).expect("the frame should encode");
    Some(case(name, context, bytes))
}

fn case(name: String, context: Context, bytes: Vec<u8>) -> Case {
    let (raw, fields, _) = read(&bytes, &context).expect("cqlwire should decode its own frame");
    let header = raw.header;
    let (opcode, is_response) = (header.opcode, header.is_response);
    Case { name, context, opcode, is_response, bytes, fields }
}

/// Decodes a frame. Returns the raw frame, its fields, and its reencoded bytes.
fn read(bytes: &[u8], context: &Context) -> Result<(RawFrame, Value, Vec<u8>), String> {
    let raw = whole_frame(bytes)?;
    let mut encoder = FrameEncoder::new(*context);
    let mut again = Vec::new();
    let fields = if raw.header.is_response {
        let frame = ResponseFrame::decode(&raw, context).map_err(|error| error.to_string())?;
        frame.encode(&mut encoder, &mut again).map_err(|error| error.to_string())?;
        fields::response(&frame)
    } else {
        let frame = RequestFrame::decode(&raw, context).map_err(|error| error.to_string())?;
        frame.encode(&mut encoder, &mut again).map_err(|error| error.to_string())?;
        fields::request(&frame)
    };
    Ok((raw, fields, again))
}

pub(crate) fn whole_frame(bytes: &[u8]) -> Result<RawFrame, String> {
    let version = Version::from_first_byte(bytes.first().copied().unwrap_or_default());
    let (version, _) = version.map_err(|error| error.to_string())?;
    let mut decoder = FrameDecoder::new(version);
    decoder.extend(bytes);
    match decoder.next_frame() {
        Ok(Some(frame)) if decoder.is_empty() => Ok(frame),
        Ok(_) => Err("the bytes are not exactly one frame".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Changes a generated request so that it uses only defined codes and flags. Returns `None` if this is
/// not possible.
fn conform_request(request: &mut Request<'_>, context: &Context) -> Option<()> {
    match request {
        Request::Startup(startup) => {
            startup.options.retain(|(key, _)| key != "CQL_VERSION");
            startup.options.push(("CQL_VERSION".into(), "3.0.0".into()));
            let mut seen = HashSet::new();
            startup.options.retain(|(key, _)| seen.insert(key.clone()));
        }
        Request::Prepare(prepare) => prepare.other_flags = 0,
        Request::Query(query) => conform_parameters(&mut query.parameters, context),
        Request::Execute(execute) => conform_parameters(&mut execute.parameters, context),
        Request::Batch(batch) => {
            batch.kind = BatchKind::from(batch.kind.code() % 3);
            batch.consistency = regular(batch.consistency);
            batch.serial_consistency = batch.serial_consistency.map(serial);
            batch.other_flags = QueryFlags::NONE;
        }
        Request::Register(register) => {
            for name in &mut register.event_types {
                // The other codecs do not know GRACEFUL_DISCONNECT.
                let mut known = EventType::KNOWN
                    .iter()
                    .filter(|known| **known != EventType::GracefulDisconnect)
                    .cycle();
                let known = known.nth(name.len());
                *name = known.map_or("", EventType::as_str).into();
            }
        }
        Request::Unknown(..) => return None,
        _ => {}
    }
    Some(())
}

fn conform_parameters(parameters: &mut Parameters<'_>, context: &Context) {
    parameters.consistency = regular(parameters.consistency);
    parameters.serial_consistency = parameters.serial_consistency.map(serial);
    parameters.other_flags = QueryFlags::NONE;
    if parameters.values.is_named() {
        let mut buffer = ValuesBuffer::new();
        let mut seen = HashSet::new();
        for value in parameters.values.iter().filter(|value| seen.insert(value.name)) {
            buffer.push(value.name, value.value).expect("the values fit before");
        }
        parameters.values = buffer.into_values();
    }
    if parameters.values.is_empty() {
        parameters.values = Values::NONE;
    }
    debug_assert!(
        parameters
            .values
            .encode(&mut cqlwire::wire::Writer::new(&mut Vec::new()), context.version)
            .is_ok()
    );
}

const fn regular(consistency: Consistency) -> Consistency {
    match consistency {
        Consistency::Unknown(_) => Consistency::Quorum,
        known => known,
    }
}

fn serial(consistency: Consistency) -> Consistency {
    match consistency.code() % 2 {
        0 => Consistency::Serial,
        _ => Consistency::LocalSerial,
    }
}

/// Changes a generated response so that it uses only defined codes and flags. Returns `None` if this
/// is not possible.
fn conform_response(response: &mut Response, version: Version) -> Option<()> {
    match response {
        Response::Unknown(..) => return None,
        // Makes half of the tokens ASCII, because the Python driver reads only UTF-8.
        Response::AuthSuccess(AuthSuccess { token: Some(token) }) if token.len() % 2 == 0 => {
            *token = token.iter().map(|byte| byte & 0x7f).collect();
        }
        Response::Error(error) => {
            let since = match error.code {
                ErrorCode::Unknown(_) => return None,
                ErrorCode::ReadFailure | ErrorCode::WriteFailure | ErrorCode::FunctionFailure => {
                    Version::V4
                }
                ErrorCode::CdcWriteFailure | ErrorCode::CasWriteUnknown => Version::V5,
                _ => Version::V3,
            };
            if version < since {
                return None;
            }
            conform_details(&mut error.details, version)?;
        }
        Response::Supported(supported) => {
            supported.options.retain(|(key, _)| key != "CQL_VERSION");
            supported.options.push(("CQL_VERSION".into(), vec!["3.4.7".into()]));
            let mut seen = HashSet::new();
            supported.options.retain(|(key, _)| seen.insert(key.clone()));
        }
        Response::Event(Event::Topology { change, address }) => {
            *change = match address.port() % 2 {
                0 => TopologyChange::NewNode,
                _ => TopologyChange::RemovedNode,
            };
        }
        Response::Event(Event::Status { change: StatusChange::Unknown(_), .. }) => return None,
        Response::Event(Event::GracefulDisconnect | Event::Unknown { .. }) => return None,
        Response::Event(Event::Schema(change))
        | Response::Result(ResultMessage::SchemaChange(change)) => {
            check_schema_change(change, version)?;
        }
        Response::Result(ResultMessage::Unknown(..)) => return None,
        Response::Result(ResultMessage::Rows(rows)) => conform_metadata(&mut rows.metadata)?,
        Response::Result(ResultMessage::Prepared(prepared)) => {
            prepared.variables.other_flags = MetadataFlags::NONE;
            for column in prepared.variables.columns.iter() {
                check_type(&column.cql_type)?;
            }
            conform_metadata(&mut prepared.result)?;
        }
        _ => {}
    }
    Some(())
}

fn conform_details(details: &mut ErrorDetails, version: Version) -> Option<()> {
    match details {
        ErrorDetails::Unavailable { consistency, .. }
        | ErrorDetails::WriteTimeout { consistency, .. }
        | ErrorDetails::ReadTimeout { consistency, .. }
        | ErrorDetails::ReadFailure { consistency, .. }
        | ErrorDetails::WriteFailure { consistency, .. }
        | ErrorDetails::CasWriteUnknown { consistency, .. } => *consistency = regular(*consistency),
        _ => {}
    }
    if let ErrorDetails::ReadFailure { failures: Failures::Reasons(reasons), .. }
    | ErrorDetails::WriteFailure { failures: Failures::Reasons(reasons), .. } = details
    {
        let mut seen = HashSet::new();
        reasons.retain(|(address, _)| seen.insert(*address));
    }
    match details {
        ErrorDetails::WriteTimeout { write_type, .. }
        | ErrorDetails::WriteFailure { write_type, .. } => match write_type {
            WriteType::Unknown(_) => None,
            WriteType::View | WriteType::Cdc if version < Version::V4 => None,
            _ => Some(()),
        },
        _ => Some(()),
    }
}

fn check_schema_change(change: &mut SchemaChange, version: Version) -> Option<()> {
    if let SchemaChangeKind::Unknown(_) = change.kind {
        return None;
    }
    match change.target {
        SchemaTarget::Unknown { .. } => None,
        SchemaTarget::Function { .. } | SchemaTarget::Aggregate { .. } if version < Version::V4 => {
            None
        }
        _ => Some(()),
    }
}

fn conform_metadata(metadata: &mut RowsMetadata) -> Option<()> {
    metadata.other_flags = MetadataFlags::NONE;
    let columns = metadata.columns.iter().flat_map(|columns| columns.iter());
    columns.map(|column| check_type(&column.cql_type)).collect()
}

/// Checks that all ids in a type are defined, and that the field names are unique.
fn check_type(of: &CqlType) -> Option<()> {
    match of {
        CqlType::List(element) | CqlType::Set(element) => check_type(element),
        CqlType::Map(pair) => check_type(&pair.0).and(check_type(&pair.1)),
        CqlType::Tuple(types) => types.iter().map(check_type).collect(),
        CqlType::Vector(vector) => check_type(&vector.element),
        CqlType::Native(NativeType::Unknown(_)) => None,
        CqlType::Udt(udt) => {
            let mut seen = HashSet::new();
            let mut fields = udt.fields.iter();
            fields.try_for_each(|(name, field)| {
                check_type(field)?;
                seen.insert(name).then_some(())
            })
        }
        _ => Some(()),
    }
}

/// Removes duplicate keys, because the maps of the peers cannot have them.
fn remove_duplicate_keys(payload: &mut BytesMap) {
    let mut seen = HashSet::new();
    payload.retain(|(key, _)| seen.insert(key.clone()));
}
