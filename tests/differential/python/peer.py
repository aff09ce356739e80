"""Encodes and decodes with the Python driver's codec, one JSON request per line. See mod.rs."""

import io
import struct

import cassandra
from cassandra import cqltypes, protocol
from cassandra.connection import locally_supported_compressions
from cassandra.segment import SegmentCodec
from lines import answer_lines
from json_values import ip, to_json

LZ4 = locally_supported_compressions["lz4"]


def compression(request):
    return LZ4 if request["compression"] == "lz4" else (None, None)


def unhex(text):
    return None if text is None else bytes.fromhex(text)


def to_hex(data):
    return None if data is None else data.hex()


# Encoding requests from fields.


def encode(request):
    fields = request["fields"]
    message = MESSAGES[request["opcode"]](fields["message"])
    message.tracing = fields["tracing"]
    message.custom_payload = {key: unhex(value) for key, value in fields["custom_payload"].items()}
    return protocol.ProtocolHandler.encode_message(
        message, fields["stream"], request["version"], compression(request)[0], False
    ).hex()


def startup(fields):
    options = dict(fields["options"])
    return protocol.StartupMessage(options.pop("CQL_VERSION"), options)


def value(of):
    return protocol._UNSET_VALUE if of == {"unset": True} else unhex(of)


def values(of):
    return [value(one) for one in of]


def with_parameters(message, of):
    message.query_params = values(of["values"]) or None
    message.serial_consistency_level = of["serial_consistency"]
    message.fetch_size = of["page_size"]
    message.paging_state = unhex(of["paging_state"])
    message.timestamp = of["timestamp"]
    message.skip_meta = of["skip_metadata"]
    message.keyspace = of["keyspace"]
    return message


def query(fields):
    of = fields["parameters"]
    return with_parameters(protocol.QueryMessage(fields["text"], of["consistency"]), of)


def execute(fields):
    of = fields["parameters"]
    message = protocol.ExecuteMessage(
        unhex(fields["id"]), None, of["consistency"],
        result_metadata_id=unhex(fields["result_metadata_id"]),
    )
    return with_parameters(message, of)


class BatchKind:
    def __init__(self, value):
        self.value = value


def batch(fields):
    statements = [
        ("id" in one, unhex(one["id"]) if "id" in one else one["text"], values(one["values"]))
        for one in fields["statements"]
    ]
    return protocol.BatchMessage(
        BatchKind(fields["kind"]), statements, fields["consistency"],
        fields["serial_consistency"], fields["timestamp"], fields["keyspace"],
    )


MESSAGES = {
    0x01: startup,
    0x05: lambda fields: protocol.OptionsMessage(),
    0x07: query,
    0x09: lambda fields: protocol.PrepareMessage(fields["text"], fields["keyspace"]),
    0x0A: execute,
    0x0B: lambda fields: protocol.RegisterMessage(fields["event_types"]),
    0x0D: batch,
    0x0F: lambda fields: protocol.AuthResponseMessage(unhex(fields["token"])),
}


# Decoding responses to fields.


class RawResult(protocol.ResultMessage):
    """A result whose cells stay bytes, because generated cells need not fit their types."""

    result_metadata_id = None

    def recv_results_metadata(self, f, user_type_map):
        start = f.tell()
        _, self.columns_count = struct.unpack(">ii", f.read(8))
        f.seek(start)
        # The driver uses one attribute for the metadata id of Prepared and for the new metadata id.
        of_prepared, self.result_metadata_id = self.result_metadata_id, None
        super().recv_results_metadata(f, user_type_map)
        self.new_metadata_id, self.result_metadata_id = self.result_metadata_id, of_prepared

    def recv_results_rows(self, f, protocol_version, user_type_map, *rest):
        self.recv_results_metadata(f, user_type_map)
        count = protocol.read_int(f)
        self.cells = [self.recv_row(f, self.columns_count) for _ in range(count)]


class Handler(protocol._ProtocolHandler):
    message_types_by_opcode = {
        **protocol._ProtocolHandler.message_types_by_opcode, RawResult.opcode: RawResult,
    }


def decode(request):
    frame = unhex(request["bytes"])
    version, flags, stream, opcode, length = struct.unpack(">BBhBi", frame[:9])
    assert version == request["version"] | 0x80 and length == len(frame) - 9
    message = Handler.decode_message(
        request["version"], {}, stream, flags, opcode, frame[9:], compression(request)[1], None
    )
    payload = message.custom_payload or {}
    return {
        "stream": message.stream_id,
        "tracing_id": None if message.trace_id is None else str(message.trace_id),
        "warnings": message.warnings or [],
        "custom_payload": {key: to_hex(of) for key, of in payload.items()},
        "message": response(message),
    }


def response(message):
    if isinstance(message, protocol.ErrorMessage):
        return {"code": message.code, "message": message.message, "details": details(message)}
    if isinstance(message, protocol.AuthenticateMessage):
        return {"authenticator": message.authenticator}
    if isinstance(message, protocol.SupportedMessage):
        return {"options": {**message.options, "CQL_VERSION": message.cql_versions}}
    if isinstance(message, protocol.AuthChallengeMessage):
        return {"token": to_hex(message.challenge)}
    if isinstance(message, protocol.AuthSuccessMessage):
        return {"token": to_hex(message.token.encode())}
    if isinstance(message, protocol.EventMessage):
        return event(message)
    if isinstance(message, protocol.ResultMessage):
        return result(message)
    return {}


def details(message):
    """Renames the driver's fields to those of the specification."""
    info = message.info
    if info is None:
        return {}
    if isinstance(info, bytes):
        return {"id": info.hex()}
    of = {
        NAMES.get(key, key): value
        for key, value in info.items() if key not in ("failures", "error_code_map")
    }
    if "failures" in info:
        codes = info["error_code_map"]
        by_address = {ip(address): code for address, code in (codes or {}).items()}
        of["failures"] = info["failures"] if codes is None else by_address
    if "write_type" in of:
        of["write_type"] = cassandra.WriteType.value_to_name[of["write_type"]]
    if message.code == 0x1100:
        of["contentions"] = None
    return of


NAMES = {
    "alive_replicas": "alive",
    "arg_types": "arguments",
    "data_retrieved": "data_present",
    "received_responses": "received",
    "required_replicas": "required",
    "required_responses": "block_for",
}


def event(message):
    args = message.event_args
    if message.event_type == "SCHEMA_CHANGE":
        return {"type": message.event_type, "change": schema_change(args)}
    host, port = args["address"]
    address = [ip(host), port]
    return {"type": message.event_type, "change": args["change_type"], "address": address}


def schema_change(args):
    target = args["target_type"]
    thing = args.get(target.lower()) if target != "KEYSPACE" else None
    arguments = None
    if target in ("FUNCTION", "AGGREGATE"):
        thing, arguments = thing.name, thing.argument_types
    return {
        "change": args["change_type"], "target": target, "keyspace": args["keyspace"],
        "object": thing, "arguments": arguments,
    }


def result(message):
    if message.kind == protocol.RESULT_KIND_VOID:
        return {"kind": "void"}
    if message.kind == protocol.RESULT_KIND_ROWS:
        rows = [[to_hex(cell) for cell in row] for row in message.cells]
        return {"kind": "rows", "metadata": metadata(message), "rows": rows}
    if message.kind == protocol.RESULT_KIND_SET_KEYSPACE:
        return {"kind": "set_keyspace", "keyspace": message.new_keyspace}
    if message.kind == protocol.RESULT_KIND_SCHEMA_CHANGE:
        return {"kind": "schema_change", "change": schema_change(message.schema_change_event)}
    return {
        "kind": "prepared",
        "id": to_hex(message.query_id),
        "result_metadata_id": to_hex(message.result_metadata_id),
        "variables": columns(message.bind_metadata),
        "partition_key": message.pk_indexes or [],
        "result": metadata(message),
    }


def metadata(message):
    described = message.column_metadata
    return {
        "columns_count": message.columns_count,
        "columns": None if described is None else columns(described),
        "paging_state": to_hex(message.paging_state),
        "new_metadata_id": to_hex(message.new_metadata_id),
    }


def columns(described):
    return [[*column[:3], cql_type(column[3])] for column in described]


def cql_type(of):
    if issubclass(of, cqltypes.UserType):
        fields = [[name, cql_type(sub)] for name, sub in zip(of.fieldnames, of.subtypes)]
        return ["udt", of.keyspace, of.typename, fields]
    if issubclass(of, cqltypes.TupleType):
        return ["tuple", [cql_type(sub) for sub in of.subtypes]]
    if issubclass(of, (cqltypes.ListType, cqltypes.SetType, cqltypes.MapType)):
        return [of.typename, *(cql_type(sub) for sub in of.subtypes)]
    if issubclass(of, cqltypes.VectorType):
        return ["vector", cql_type(of.subtype), of.vector_size]
    if issubclass(of, cqltypes._UnrecognizedType):
        return ["custom", of.cassname]
    return "text" if of.typename == "varchar" else of.typename


# Segments.


def codec(request):
    return SegmentCodec(*compression(request))


def segments(request):
    out = io.BytesIO()
    for is_self_contained, payload in request["payloads"]:
        codec(request)._encode_segment(out, unhex(payload), is_self_contained)
    return out.getvalue().hex()


def payloads(request):
    data = unhex(request["bytes"])
    source, found = io.BytesIO(data), []
    while source.tell() < len(data):
        segment = codec(request).decode(source, codec(request).decode_header(source))
        found.append([segment.is_self_contained, segment.payload.hex()])
    return found


# Values.

NATIVE_TYPES = {
    cql_type(of): of for of in protocol.ResultMessage.type_codes.values()
    if isinstance(of, type) and not issubclass(of, cqltypes._ParameterizedType)
}


def read_type(of):
    if isinstance(of, str):
        return NATIVE_TYPES[of]
    kind, *rest = of
    if kind == "custom":
        return cqltypes.lookup_casstype(rest[0])
    if kind == "vector":
        return cqltypes.VectorType.apply_parameters([read_type(rest[0]), rest[1]], None)
    if kind == "udt":
        keyspace, name, fields = rest
        names = tuple(field for field, _ in fields)
        types = tuple(read_type(sub) for _, sub in fields)
        return cqltypes.UserType.make_udt_class(keyspace, name, names, types)
    subtypes = rest[0] if kind == "tuple" else rest
    parameterized = {
        "list": cqltypes.ListType, "set": cqltypes.SetType, "map": cqltypes.MapType,
        "tuple": cqltypes.TupleType,
    }
    return parameterized[kind].apply_parameters([read_type(sub) for sub in subtypes])


def answer_value(request):
    of, data = read_type(request["type"]), unhex(request["bytes"])
    read = of.from_binary(data, 5)
    return [to_json(request["type"], read), of.to_binary(read, 5).hex()]


DO = {
    "decode": decode, "encode": encode, "payloads": payloads, "segments": segments,
    "value": answer_value,
}


if __name__ == "__main__":
    answer_lines(DO)
