//! Proptest strategies for messages, types and values that are valid in a protocol version.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use cqlwire::message::{
    AuthChallenge, AuthResponse, AuthSuccess, Authenticate, BatchKind, BatchMessage,
    BatchStatement, BatchStatements, BatchText, ErrorCode, ErrorDetails, Event, EventType, Execute,
    FailureReason, Failures, MetadataFlags, Options, Parameters, Prepare, PreparedResult, Query,
    QueryFlags, Ready, Register, Request, RequestFrame, Response, ResponseFrame, ResultMessage,
    Rows, RowsMetadata, SchemaChange, SchemaTarget, ServerError, Startup, Supported, Variables,
    WriteType,
};
use cqlwire::types::{
    ColumnSpec, CqlType, Date, Decimal, Duration, NativeType, TableSpec, Time, Timestamp, UdtType,
    Value, Values, ValuesBuffer, Varint,
};
use cqlwire::wire::{
    BytesMap, Consistency, Context, FrameFlags, Opcode, RawValue, Stream, Version,
};
use proptest::collection::vec;
use proptest::option::of as maybe;
use proptest::prelude::*;
use uuid::Uuid;

fn text() -> impl Strategy<Value = String> + Clone {
    "\\PC{0,12}"
}

fn bytes() -> impl Strategy<Value = Bytes> + Clone {
    vec(any::<u8>(), 0..24).prop_map(Bytes::from)
}

fn consistency() -> impl Strategy<Value = Consistency> + Clone {
    (0_u16..16).prop_map(Consistency::from)
}

fn address() -> impl Strategy<Value = SocketAddr> {
    (any::<IpAddr>(), any::<u16>()).prop_map(|(ip, port)| SocketAddr::new(ip, port))
}

fn payload(version: Version) -> impl Strategy<Value = BytesMap> {
    let most = if version == Version::V3 { 1 } else { 3 };
    vec((text(), maybe(bytes())), 0..most)
}

/// Generates contexts of every version, with and without negotiated extensions.
pub(crate) fn context() -> impl Strategy<Value = Context> {
    (prop::sample::select(Version::ALL.to_vec()), any::<[bool; 2]>()).prop_map(
        |(version, [metadata_id, duration])| {
            let mut context = Context::from(version);
            context.extensions.metadata_id = metadata_id && version == Version::V4;
            context.extensions.duration = duration;
            context.extensions.rate_limit_error = metadata_id.then_some(0xf000);
            context
        },
    )
}

pub(crate) fn request_frame(context: Context) -> impl Strategy<Value = RequestFrame<'static>> {
    (any::<i16>(), any::<bool>(), payload(context.version), request(context), bytes()).prop_map(
        |(stream, tracing, custom_payload, request, trailing)| RequestFrame {
            tracing,
            custom_payload,
            // The content of an unknown request is the whole body.
            trailing: match request {
                Request::Unknown(..) => vec![].into(),
                _ => trailing.to_vec().into(),
            },
            ..RequestFrame::new(Stream(stream), request)
        },
    )
}

fn request(context: Context) -> impl Strategy<Value = Request<'static>> {
    let is_v5 = context.version == Version::V5;
    let id = || bytes().prop_map(|id| id.to_vec().into());
    let result_metadata_id = match context.has_metadata_ids() {
        true => bytes().prop_map(|id| Some(id.to_vec().into())).boxed(),
        false => Just(None).boxed(),
    };
    let prepare = (text(), maybe(text()), any::<i32>()).prop_map(move |(text, keyspace, flags)| {
        let (keyspace, other_flags) = match is_v5 {
            true => (keyspace.map(Into::into), flags & !1),
            false => (None, 0),
        };
        Prepare { text: text.into(), keyspace, other_flags }
    });
    let options = vec((text(), text()), 0..4);
    prop_oneof![
        Just(Options.into()),
        options.prop_map(|options| {
            let options = options.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
            Startup { options }.into()
        }),
        maybe(bytes()).prop_map(|token| {
            AuthResponse { token: token.map(|token| token.to_vec().into()) }.into()
        }),
        vec(text(), 0..4).prop_map(|types| {
            Register { event_types: types.into_iter().map(Into::into).collect() }.into()
        }),
        prepare.prop_map(Into::into),
        (text(), parameters(context)).prop_map(|(text, parameters)| Query {
            text: text.into(),
            parameters
        }
        .into()),
        (id(), result_metadata_id, parameters(context)).prop_map(
            |(id, result_metadata_id, parameters)| {
                Execute { id, result_metadata_id, parameters }.into()
            }
        ),
        batch(context).prop_map(Into::into),
        bytes().prop_map(|body| Request::Unknown(Opcode::Unknown(0x7f), body.to_vec().into())),
    ]
}

fn values(version: Version, may_be_named: bool) -> impl Strategy<Value = Values<'static>> {
    let unset = if version == Version::V3 { 0 } else { 1 };
    let value = prop_oneof![
        4 => bytes().prop_map(Some),
        1 => Just(None),
    ];
    let value = (value, 0..=unset, text());
    (any::<bool>(), vec(value, 0..5)).prop_map(move |(named, values)| {
        let mut buffer = ValuesBuffer::new();
        for (bytes, unset, name) in &values {
            let name = (named && may_be_named).then_some(name.as_str());
            let value = match bytes {
                Some(bytes) => RawValue::Bytes(bytes),
                None if *unset == 1 => RawValue::Unset,
                None => RawValue::Null,
            };
            buffer.push(name, value).unwrap();
        }
        buffer.into_values()
    })
}

fn parameters(context: Context) -> impl Strategy<Value = Parameters<'static>> {
    let version = context.version;
    (
        (consistency(), values(version, true), any::<bool>(), maybe(any::<i32>())),
        (maybe(bytes()), maybe(consistency()), maybe(any::<i64>())),
        (maybe(text()), maybe(any::<i32>()), any::<bool>()),
    )
        .prop_map(move |(first, second, (keyspace, now, flag))| {
            let (consistency, values, skip_metadata, page_size) = first;
            let (paging_state, serial_consistency, timestamp) = second;
            let is_v5 = version == Version::V5;
            // A flag that is undefined in this version. In v5, 0x80 marks the keyspace.
            let unknown = if is_v5 { 0x4000_0000 } else { 0x80 };
            Parameters {
                consistency,
                values,
                skip_metadata,
                page_size,
                paging_state: paging_state.map(|state| state.to_vec().into()),
                serial_consistency,
                timestamp,
                keyspace: keyspace.filter(|_| is_v5).map(Into::into),
                now_in_seconds: now.filter(|_| is_v5),
                other_flags: QueryFlags::from_bits(if flag { unknown } else { 0 }),
            }
        })
}

fn batch(context: Context) -> impl Strategy<Value = BatchMessage<'static>> {
    let text = prop_oneof![
        text().prop_map(|text| BatchText::Text(text.into())),
        bytes().prop_map(|id| BatchText::Prepared(id.to_vec().into())),
    ];
    let statement = (text, values(context.version, false))
        .prop_map(|(text, values)| BatchStatement { text, values });
    let statements = vec(statement, 0..4).prop_map(|list| {
        let mut statements = BatchStatements::new();
        for statement in &list {
            statements.push(statement).unwrap();
        }
        statements
    });
    (0_u8..5, statements, parameters(context)).prop_map(|(kind, statements, of)| BatchMessage {
        kind: BatchKind::from(kind),
        serial_consistency: of.serial_consistency,
        timestamp: of.timestamp,
        keyspace: of.keyspace,
        now_in_seconds: of.now_in_seconds,
        ..BatchMessage::new(statements, of.consistency)
    })
}

pub(crate) fn response_frame(context: Context) -> impl Strategy<Value = ResponseFrame> {
    let warnings = if context.version == Version::V3 { 1 } else { 3 };
    (
        (any::<i16>(), maybe(any::<u128>()), vec(text(), 0..warnings)),
        (payload(context.version), response(context), bytes(), any::<bool>()),
    )
        .prop_map(
            |((stream, tracing, warnings), (custom_payload, response, trailing, flag))| {
                ResponseFrame {
                    tracing_id: tracing.map(Uuid::from_u128),
                    warnings,
                    custom_payload,
                    trailing: if extends_to_end(&response) { Bytes::new() } else { trailing },
                    other_flags: FrameFlags::from_bits(if flag { 0x40 } else { 0 }),
                    ..ResponseFrame::new(Stream(stream), response)
                }
            },
        )
}

/// Returns true if the message extends to the end of the body.
fn extends_to_end(response: &Response) -> bool {
    match response {
        Response::Unknown(..)
        | Response::Result(ResultMessage::Rows(_) | ResultMessage::Unknown(..))
        | Response::Event(Event::Unknown { .. }) => true,
        Response::Result(ResultMessage::SchemaChange(change))
        | Response::Event(Event::Schema(change)) => {
            matches!(change.target, SchemaTarget::Unknown { .. })
        }
        Response::Error(error) => matches!(error.details, ErrorDetails::Unknown(_)),
        _ => false,
    }
}

fn response(context: Context) -> impl Strategy<Value = Response> {
    // Boxed, because the largest strategies would overflow the stack of a test.
    prop_oneof![
        3 => server_error(context).prop_map(Into::into).boxed(),
        1 => Just(Ready.into()),
        1 => text().prop_map(|authenticator| Authenticate { authenticator }.into()),
        1 => vec((text(), vec(text(), 0..3)), 0..3)
            .prop_map(|options| Supported { options }.into()),
        6 => result(context).prop_map(Into::into).boxed(),
        2 => event().prop_map(Into::into).boxed(),
        1 => maybe(bytes()).prop_map(|token| AuthChallenge { token }.into()),
        1 => maybe(bytes()).prop_map(|token| AuthSuccess { token }.into()),
        1 => bytes().prop_map(|body| Response::Unknown(Opcode::Unknown(0x7f), body)),
    ]
}

fn server_error(context: Context) -> impl Strategy<Value = ServerError> {
    let numbers = || (consistency(), any::<i32>(), any::<i32>());
    let write_type = || {
        prop_oneof![
            prop::sample::select(WriteType::KNOWN.to_vec()),
            Just(WriteType::Unknown("NEW".into())),
        ]
    };
    let is_v5 = context.version == Version::V5;
    let failures = move || match is_v5 {
        true => vec((any::<IpAddr>(), any::<u16>().prop_map(FailureReason::from)), 0..3)
            .prop_map(Failures::Reasons)
            .boxed(),
        false => any::<i32>().prop_map(Failures::Count).boxed(),
    };
    let names = || (text(), text(), vec(text(), 0..3));
    let plain = prop::sample::select(
        ErrorCode::KNOWN.iter().copied().filter(|code| has_no_fields(*code)).collect::<Vec<_>>(),
    );
    let details = prop_oneof![
        plain.prop_map(|code| (code, ErrorDetails::None)),
        numbers().prop_map(|(consistency, required, alive)| {
            (ErrorCode::Unavailable, ErrorDetails::Unavailable { consistency, required, alive })
        }),
        (numbers(), write_type(), any::<u16>()).prop_map(move |(of, write_type, contentions)| {
            let (consistency, received, block_for) = of;
            let contentions = (is_v5 && write_type == WriteType::Cas).then_some(contentions);
            let details = ErrorDetails::WriteTimeout {
                consistency,
                received,
                block_for,
                write_type,
                contentions,
            };
            (ErrorCode::WriteTimeout, details)
        }),
        (numbers(), any::<bool>()).prop_map(
            |((consistency, received, block_for), data_present)| {
                let details =
                    ErrorDetails::ReadTimeout { consistency, received, block_for, data_present };
                (ErrorCode::ReadTimeout, details)
            }
        ),
        (numbers(), failures(), any::<bool>()).prop_map(|(of, failures, data_present)| {
            let (consistency, received, block_for) = of;
            let details = ErrorDetails::ReadFailure {
                consistency,
                received,
                block_for,
                failures,
                data_present,
            };
            (ErrorCode::ReadFailure, details)
        }),
        (numbers(), failures(), write_type()).prop_map(|(of, failures, write_type)| {
            let (consistency, received, block_for) = of;
            let details = ErrorDetails::WriteFailure {
                consistency,
                received,
                block_for,
                failures,
                write_type,
            };
            (ErrorCode::WriteFailure, details)
        }),
        names().prop_map(|(keyspace, function, arguments)| {
            let details = ErrorDetails::FunctionFailure { keyspace, function, arguments };
            (ErrorCode::FunctionFailure, details)
        }),
        numbers().prop_map(|(consistency, received, block_for)| {
            let details = ErrorDetails::CasWriteUnknown { consistency, received, block_for };
            (ErrorCode::CasWriteUnknown, details)
        }),
        (text(), text()).prop_map(|(keyspace, table)| {
            (ErrorCode::AlreadyExists, ErrorDetails::AlreadyExists { keyspace, table })
        }),
        bytes().prop_map(|id| (ErrorCode::Unprepared, ErrorDetails::Unprepared { id })),
        bytes().prop_map(|rest| (ErrorCode::Unknown(0x7777), ErrorDetails::Unknown(rest))),
        (any::<u8>(), any::<bool>(), bytes()).prop_map(move |(operation, rejected, rest)| {
            let details = match context.extensions.rate_limit_error {
                Some(_) => ErrorDetails::RateLimit { operation, rejected_by_coordinator: rejected },
                None => ErrorDetails::Unknown(rest),
            };
            (ErrorCode::Unknown(0xf000), details)
        }),
    ];
    (details, text()).prop_map(|((code, details), message)| ServerError { code, message, details })
}

/// Returns true if errors of this code have no additional fields.
fn has_no_fields(code: ErrorCode) -> bool {
    !matches!(
        code,
        ErrorCode::Unavailable
            | ErrorCode::WriteTimeout
            | ErrorCode::ReadTimeout
            | ErrorCode::ReadFailure
            | ErrorCode::WriteFailure
            | ErrorCode::FunctionFailure
            | ErrorCode::CasWriteUnknown
            | ErrorCode::AlreadyExists
            | ErrorCode::Unprepared
    )
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        ("[A-Z_]{1,12}", address()).prop_map(|(change, address)| Event::Topology {
            change: change.as_str().into(),
            address
        }),
        (prop::sample::select(vec!["UP", "DOWN", "SLOW"]), address())
            .prop_map(|(change, address)| Event::Status { change: change.into(), address }),
        schema_change().prop_map(Event::Schema),
        Just(Event::GracefulDisconnect),
        bytes().prop_map(|rest| Event::Unknown { event_type: "TRACE_COMPLETE".into(), rest }),
    ]
    .prop_filter("a name that is known is not unknown", |event| {
        !matches!(event, Event::Unknown { event_type, .. }
            if EventType::KNOWN.iter().any(|known| known.as_str() == event_type))
    })
}

fn schema_change() -> impl Strategy<Value = SchemaChange> {
    let kind = prop::sample::select(vec!["CREATED", "UPDATED", "DROPPED", "RENAMED"]);
    let target = prop_oneof![
        text().prop_map(|keyspace| SchemaTarget::Keyspace { keyspace }),
        (text(), text()).prop_map(|(keyspace, table)| SchemaTarget::Table { keyspace, table }),
        (text(), text()).prop_map(|(keyspace, name)| SchemaTarget::Type { keyspace, name }),
        (text(), text(), vec(text(), 0..3)).prop_map(|(keyspace, name, arguments)| {
            SchemaTarget::Function { keyspace, name, arguments }
        }),
        (text(), text(), vec(text(), 0..3)).prop_map(|(keyspace, name, arguments)| {
            SchemaTarget::Aggregate { keyspace, name, arguments }
        }),
        bytes().prop_map(|rest| SchemaTarget::Unknown { target: "ROLE".into(), rest }),
    ];
    (kind, target).prop_map(|(kind, target)| SchemaChange { kind: kind.into(), target })
}

fn result(context: Context) -> impl Strategy<Value = ResultMessage> {
    prop_oneof![
        1 => Just(ResultMessage::Void),
        4 => rows(context).prop_map(ResultMessage::Rows),
        1 => text().prop_map(ResultMessage::SetKeyspace),
        4 => prepared(context).prop_map(ResultMessage::Prepared),
        1 => schema_change().prop_map(ResultMessage::SchemaChange),
        1 => bytes().prop_map(|rest| ResultMessage::Unknown(99, rest)),
    ]
}

fn rows(context: Context) -> impl Strategy<Value = Rows> {
    (rows_metadata(context), vec(maybe(bytes()), 0..12)).prop_map(|(metadata, cells)| {
        let count = cells.len().checked_div(metadata.columns_count).unwrap_or(3);
        let cells = cells.iter().take(count * metadata.columns_count);
        let content: Vec<u8> = cells
            .flat_map(|cell| match cell {
                Some(cell) => [&(cell.len() as u32).to_be_bytes()[..], cell].concat(),
                None => vec![0xff; 4],
            })
            .collect();
        Rows { metadata, count, content: content.into() }
    })
}

fn rows_metadata(context: Context) -> impl Strategy<Value = RowsMetadata> {
    (columns(), maybe(bytes()), maybe(bytes()), any::<[bool; 2]>()).prop_map(
        move |(columns, paging_state, id, [no_metadata, flag])| {
            let columns_count = columns.len();
            let columns = (!no_metadata).then_some(columns);
            let has_id = columns.is_some() && context.has_metadata_ids();
            RowsMetadata {
                columns_count,
                columns,
                paging_state,
                new_metadata_id: id.filter(|_| has_id),
                other_flags: MetadataFlags::from_bits(if flag { 0x8000_0000 } else { 0 }),
            }
        },
    )
}

fn prepared(context: Context) -> impl Strategy<Value = PreparedResult> {
    let key = if context.version == Version::V3 { 1 } else { 4 };
    (bytes(), bytes(), columns(), vec(any::<u16>(), 0..key), rows_metadata(context)).prop_map(
        move |(id, metadata_id, columns, partition_key, result)| PreparedResult {
            id,
            result_metadata_id: context.has_metadata_ids().then_some(metadata_id),
            variables: Variables { columns, partition_key, other_flags: MetadataFlags::NONE },
            result,
        },
    )
}

/// Generates columns of one table or of several.
fn columns() -> impl Strategy<Value = Arc<[ColumnSpec]>> {
    let table =
        || (text(), text()).prop_map(|(keyspace, table)| Arc::new(TableSpec { keyspace, table }));
    let column = (table(), text(), cql_type());
    (any::<bool>(), table(), vec(column, 0..4)).prop_map(|(global, shared, columns)| {
        let columns = columns.into_iter().map(|(own, name, cql_type)| {
            let table = if global { Arc::clone(&shared) } else { own };
            ColumnSpec { table, name: name.into(), cql_type }
        });
        columns.collect()
    })
}

/// Generates types nested a few levels deep.
pub(crate) fn cql_type() -> impl Strategy<Value = CqlType> {
    let leaf = prop_oneof![
        8 => prop::sample::select(NativeType::KNOWN.to_vec()).prop_map(CqlType::from),
        1 => Just(CqlType::Custom("com.example.Point".into())),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        prop_oneof![
            boxed().prop_map(CqlType::List),
            boxed().prop_map(CqlType::Set),
            (inner.clone(), inner.clone()).prop_map(|pair| CqlType::Map(Box::new(pair))),
            vec(inner.clone(), 1..4).prop_map(CqlType::Tuple),
            ("[a-z]{1,4}", "[a-z]{1,4}", vec(("[a-zA-Z ]{1,4}", inner.clone()), 1..3)).prop_map(
                |(keyspace, name, mut fields)| {
                    // Field names are unique. There are at most two fields.
                    fields.dedup_by(|(name, _), (other, _)| name == other);
                    CqlType::Udt(Arc::new(UdtType { keyspace, name, fields }))
                }
            ),
            (inner.clone(), 1_usize..4).prop_map(|(element, n)| CqlType::vector(element, n)),
        ]
    })
}

/// Generates a value of a type. The value is not null, but elements of tuples and collections may be.
pub(crate) fn value(cql_type: &CqlType) -> BoxedStrategy<Value> {
    let or_null =
        |cql_type: &CqlType| prop_oneof![5 => value(cql_type), 1 => Just(Value::Null)].boxed();
    match cql_type {
        CqlType::Native(native) => native_value(*native),
        CqlType::List(element) => vec(or_null(element), 0..4).prop_map(Value::List).boxed(),
        CqlType::Set(element) => {
            let elements = vec(or_null(element), 0..4);
            elements.prop_map(|elements| Value::Set(unique(elements, |of| of))).boxed()
        }
        CqlType::Map(pair) => {
            let entries = vec((value(&pair.0), or_null(&pair.1)), 0..4);
            entries.prop_map(|entries| Value::Map(unique(entries, |(key, _)| key))).boxed()
        }
        CqlType::Tuple(types) => fields(types.iter(), &or_null).prop_map(Value::Tuple).boxed(),
        CqlType::Udt(udt) => {
            let of = Arc::clone(udt);
            fields(udt.fields.iter().map(|(_, field)| field), &or_null)
                .prop_map(move |fields| Value::Udt { udt: Arc::clone(&of), fields })
                .boxed()
        }
        CqlType::Vector(vector) => {
            vec(value(&vector.element), vector.dimensions).prop_map(Value::Vector).boxed()
        }
        _ => bytes().prop_map(Value::Custom).boxed(),
    }
}

/// Removes duplicates, because the elements of sets and the keys of maps are unique.
fn unique<T>(parts: Vec<T>, key: fn(&T) -> &Value) -> Vec<T> {
    let mut seen = HashSet::new();
    parts.into_iter().filter(|part| seen.insert(key(part).clone())).collect()
}

fn fields<'t>(
    types: impl Iterator<Item = &'t CqlType>,
    field: &dyn Fn(&CqlType) -> BoxedStrategy<Value>,
) -> BoxedStrategy<Vec<Value>> {
    types.map(field).collect::<Vec<_>>().boxed()
}

fn native_value(native: NativeType) -> BoxedStrategy<Value> {
    let same_sign = |months: i32, days: i32, nanoseconds: i64| match months < 0 {
        true => (months, -(days.max(0)), -(nanoseconds.max(0))),
        false => (months, days.max(0), nanoseconds.max(0)),
    };
    match native {
        NativeType::Ascii => "[ -~]{0,12}".prop_map(Value::Ascii).boxed(),
        NativeType::BigInt => any::<i64>().prop_map(Value::BigInt).boxed(),
        NativeType::Blob => bytes().prop_map(Value::Blob).boxed(),
        NativeType::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
        NativeType::Counter => any::<i64>().prop_map(Value::Counter).boxed(),
        NativeType::Decimal => (any::<i32>(), any::<i128>())
            .prop_map(|(scale, n)| Value::Decimal(Decimal { scale, unscaled: Varint::from(n) }))
            .boxed(),
        NativeType::Double => (prop::num::f64::NORMAL
            | prop::num::f64::SUBNORMAL
            | prop::num::f64::ZERO
            | prop::num::f64::INFINITE)
            .prop_map(Value::Double)
            .boxed(),
        NativeType::Float => (prop::num::f32::NORMAL
            | prop::num::f32::SUBNORMAL
            | prop::num::f32::ZERO
            | prop::num::f32::INFINITE)
            .prop_map(Value::Float)
            .boxed(),
        NativeType::Int => any::<i32>().prop_map(Value::Int).boxed(),
        NativeType::Timestamp => any::<i64>().prop_map(|n| Value::Timestamp(Timestamp(n))).boxed(),
        NativeType::Uuid => any::<u128>().prop_map(|n| Value::Uuid(Uuid::from_u128(n))).boxed(),
        NativeType::Text => text().prop_map(Value::Text).boxed(),
        NativeType::Varint => any::<i128>().prop_map(|n| Value::Varint(Varint::from(n))).boxed(),
        NativeType::TimeUuid => {
            any::<u128>().prop_map(|n| Value::TimeUuid(Uuid::from_u128(n))).boxed()
        }
        NativeType::Inet => any::<IpAddr>().prop_map(Value::Inet).boxed(),
        NativeType::Date => any::<i32>().prop_map(|n| Value::Date(Date(n))).boxed(),
        NativeType::Time => (0..=Time::MAX.0).prop_map(|n| Value::Time(Time(n))).boxed(),
        NativeType::SmallInt => any::<i16>().prop_map(Value::SmallInt).boxed(),
        NativeType::TinyInt => any::<i8>().prop_map(Value::TinyInt).boxed(),
        NativeType::Duration => any::<(i32, i32, i64)>()
            .prop_map(move |(months, days, nanoseconds)| {
                let (months, days, nanoseconds) = same_sign(months, days, nanoseconds);
                Value::Duration(Duration { months, days, nanoseconds })
            })
            .boxed(),
        _ => bytes().prop_map(Value::Custom).boxed(),
    }
}
