import com.datastax.oss.protocol.internal.Compressor;
import com.datastax.oss.protocol.internal.Frame;
import com.datastax.oss.protocol.internal.FrameCodec;
import com.datastax.oss.protocol.internal.Message;
import com.datastax.oss.protocol.internal.Segment;
import com.datastax.oss.protocol.internal.SegmentCodec;
import com.datastax.oss.protocol.internal.request.AuthResponse;
import com.datastax.oss.protocol.internal.request.Batch;
import com.datastax.oss.protocol.internal.request.Execute;
import com.datastax.oss.protocol.internal.request.Prepare;
import com.datastax.oss.protocol.internal.request.Query;
import com.datastax.oss.protocol.internal.request.Register;
import com.datastax.oss.protocol.internal.request.Startup;
import com.datastax.oss.protocol.internal.request.query.QueryOptions;
import com.datastax.oss.protocol.internal.response.AuthChallenge;
import com.datastax.oss.protocol.internal.response.AuthSuccess;
import com.datastax.oss.protocol.internal.response.Authenticate;
import com.datastax.oss.protocol.internal.response.Error;
import com.datastax.oss.protocol.internal.response.Supported;
import com.datastax.oss.protocol.internal.response.error.AlreadyExists;
import com.datastax.oss.protocol.internal.response.error.CASWriteUnknown;
import com.datastax.oss.protocol.internal.response.error.FunctionFailure;
import com.datastax.oss.protocol.internal.response.error.ReadFailure;
import com.datastax.oss.protocol.internal.response.error.ReadTimeout;
import com.datastax.oss.protocol.internal.response.error.Unavailable;
import com.datastax.oss.protocol.internal.response.error.Unprepared;
import com.datastax.oss.protocol.internal.response.error.WriteFailure;
import com.datastax.oss.protocol.internal.response.error.WriteTimeout;
import com.datastax.oss.protocol.internal.response.event.SchemaChangeEvent;
import com.datastax.oss.protocol.internal.response.event.StatusChangeEvent;
import com.datastax.oss.protocol.internal.response.event.TopologyChangeEvent;
import com.datastax.oss.protocol.internal.response.result.ColumnSpec;
import com.datastax.oss.protocol.internal.response.result.Prepared;
import com.datastax.oss.protocol.internal.response.result.RawType;
import com.datastax.oss.protocol.internal.response.result.Rows;
import com.datastax.oss.protocol.internal.response.result.RowsMetadata;
import com.datastax.oss.protocol.internal.response.result.SchemaChange;
import com.datastax.oss.protocol.internal.response.result.SetKeyspace;
import com.datastax.oss.protocol.internal.response.result.Void;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Encodes and decodes with the library native-protocol. Each line of input is a request of words, and
 * its answer is a line of JSON. See mod.rs.
 *
 * <p>{@code frame none|lz4 HEX} returns the fields of the frame, and the frame reencoded. {@code
 * segments none|lz4 (true|false HEX)...} encodes each payload into a segment, self-contained or not.
 * {@code payloads none|lz4 HEX} returns the payloads of the segments.
 */
public class Peer {
  private static final Buffer.Codec PRIMITIVES = new Buffer.Codec();

  public static void main(String[] args) throws Exception {
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      Map<String, Object> answer = new LinkedHashMap<>();
      try {
        answer.put("ok", answer(line.split(" ")));
      } catch (Throwable error) {
        StackTraceElement[] trace = error.getStackTrace();
        answer.put("error", error + (trace.length > 0 ? " at " + trace[0] : ""));
      }
      out.println(Json.of(answer));
    }
  }

  private static Object answer(String[] words) throws Exception {
    Compressor<Buffer> compressor =
        words[1].equals("lz4") ? new Lz4() : Compressor.<Buffer>none();
    switch (words[0]) {
      case "frame":
        return frame(compressor, Buffer.ofHex(words[2]));
      case "segments":
        return segments(compressor, words);
      default:
        return payloads(compressor, Buffer.ofHex(words[2]));
    }
  }

  private static Object frame(Compressor<Buffer> compressor, Buffer bytes) {
    FrameCodec<Buffer> client = FrameCodec.defaultClient(PRIMITIVES, compressor);
    FrameCodec<Buffer> server = FrameCodec.defaultServer(PRIMITIVES, compressor);
    boolean isResponse = bytes.peek() < 0;
    Frame frame = (isResponse ? client : server).decode(bytes);
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("fields", fields(frame, isResponse));
    answer.put("bytes", (isResponse ? server : client).encode(frame).toHex());
    return answer;
  }

  private static Object segments(Compressor<Buffer> compressor, String[] words) {
    SegmentCodec<Buffer> codec = new SegmentCodec<>(PRIMITIVES, compressor);
    StringBuilder all = new StringBuilder();
    for (int i = 2; i < words.length; i += 2) {
      List<Object> pieces = new ArrayList<>();
      codec.encode(new Segment<>(Buffer.ofHex(words[i + 1]), words[i].equals("true")), pieces);
      for (Object piece : pieces) {
        all.append(((Buffer) piece).toHex());
      }
    }
    return all.toString();
  }

  private static Object payloads(Compressor<Buffer> compressor, Buffer bytes) throws Exception {
    SegmentCodec<Buffer> codec = new SegmentCodec<>(PRIMITIVES, compressor);
    List<Object> payloads = new ArrayList<>();
    while (PRIMITIVES.sizeOf(bytes) > 0) {
      SegmentCodec.Header header = codec.decodeHeader(bytes);
      Segment<Buffer> segment = codec.decode(header, bytes);
      payloads.add(List.of(segment.isSelfContained, segment.payload.toHex()));
    }
    return payloads;
  }

  private static Object fields(Frame frame, boolean isResponse) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("stream", frame.streamId);
    if (isResponse) {
      fields.put("tracing_id", frame.tracingId == null ? null : frame.tracingId.toString());
      fields.put("warnings", frame.warnings);
    } else {
      fields.put("tracing", frame.tracing);
    }
    fields.put("custom_payload", hexOf(frame.customPayload));
    fields.put("message", message(frame.message, frame.protocolVersion));
    return fields;
  }

  private static Object message(Message message, int version) {
    if (message instanceof Startup) {
      return object("options", ((Startup) message).options);
    } else if (message instanceof Query) {
      Query query = (Query) message;
      return object("text", query.query, "parameters", parameters(query.options));
    } else if (message instanceof Prepare) {
      Prepare prepare = (Prepare) message;
      return object("text", prepare.cqlQuery, "keyspace", prepare.keyspace);
    } else if (message instanceof Execute) {
      Execute execute = (Execute) message;
      return object(
          "id", hex(execute.queryId),
          "result_metadata_id", hex(execute.resultMetadataId),
          "parameters", parameters(execute.options));
    } else if (message instanceof Register) {
      return object("event_types", ((Register) message).eventTypes);
    } else if (message instanceof Batch) {
      return batch((Batch) message);
    } else if (message instanceof AuthResponse) {
      return object("token", hex(((AuthResponse) message).token));
    } else if (message instanceof Error) {
      Error error = (Error) message;
      Object details = details(error, version);
      return object("code", error.code, "message", error.message, "details", details);
    } else if (message instanceof Authenticate) {
      return object("authenticator", ((Authenticate) message).authenticator);
    } else if (message instanceof Supported) {
      return object("options", ((Supported) message).options);
    } else if (message instanceof AuthChallenge) {
      return object("token", hex(((AuthChallenge) message).token));
    } else if (message instanceof AuthSuccess) {
      return object("token", hex(((AuthSuccess) message).token));
    } else if (message instanceof TopologyChangeEvent) {
      TopologyChangeEvent event = (TopologyChangeEvent) message;
      return object(
          "type", event.type, "change", event.changeType, "address", address(event.address));
    } else if (message instanceof StatusChangeEvent) {
      StatusChangeEvent event = (StatusChangeEvent) message;
      return object(
          "type", event.type, "change", event.changeType, "address", address(event.address));
    } else if (message instanceof SchemaChangeEvent) {
      SchemaChangeEvent of = (SchemaChangeEvent) message;
      Object change = schemaChange(of.changeType, of.target, of.keyspace, of.object, of.arguments);
      return object("type", of.type, "change", change);
    } else if (message instanceof Void) {
      return object("kind", "void");
    } else if (message instanceof Rows) {
      return rows((Rows) message);
    } else if (message instanceof SetKeyspace) {
      return object("kind", "set_keyspace", "keyspace", ((SetKeyspace) message).keyspace);
    } else if (message instanceof Prepared) {
      return prepared((Prepared) message);
    } else if (message instanceof SchemaChange) {
      SchemaChange of = (SchemaChange) message;
      Object change = schemaChange(of.changeType, of.target, of.keyspace, of.object, of.arguments);
      return object("kind", "schema_change", "change", change);
    }
    return object();
  }

  private static Object parameters(QueryOptions of) {
    Object values = of.namedValues.isEmpty() ? hexOf(of.positionalValues) : hexOf(of.namedValues);
    return object(
        "consistency", of.consistency,
        "values", values,
        "skip_metadata", of.skipMetadata,
        "page_size", isSet(of.flags, 0x04) ? of.pageSize : null,
        "paging_state", hex(of.pagingState),
        "serial_consistency", isSet(of.flags, 0x10) ? of.serialConsistency : null,
        "timestamp", isSet(of.flags, 0x20) ? of.defaultTimestamp : null,
        "keyspace", of.keyspace,
        "now_in_seconds", isSet(of.flags, 0x100) ? of.nowInSeconds : null);
  }

  private static Object batch(Batch of) {
    List<Object> statements = new ArrayList<>();
    for (int i = 0; i < of.queriesOrIds.size(); i++) {
      Object queryOrId = of.queriesOrIds.get(i);
      Object values = hexOf(of.values.get(i));
      statements.add(
          queryOrId instanceof String
              ? object("text", queryOrId, "values", values)
              : object("id", hex((byte[]) queryOrId), "values", values));
    }
    return object(
        "kind", (int) of.type,
        "statements", statements,
        "consistency", of.consistency,
        "serial_consistency", isSet(of.flags, 0x10) ? of.serialConsistency : null,
        "timestamp", isSet(of.flags, 0x20) ? of.defaultTimestamp : null,
        "keyspace", of.keyspace,
        "now_in_seconds", isSet(of.flags, 0x100) ? of.nowInSeconds : null);
  }

  private static boolean isSet(int flags, int flag) {
    return (flags & flag) != 0;
  }

  private static Object details(Error error, int version) {
    if (error instanceof Unavailable) {
      Unavailable of = (Unavailable) error;
      return object(
          "consistency", of.consistencyLevel, "required", of.required, "alive", of.alive);
    } else if (error instanceof WriteTimeout) {
      WriteTimeout of = (WriteTimeout) error;
      return object(
          "consistency", of.consistencyLevel, "received", of.received, "block_for", of.blockFor,
          "write_type", of.writeType, "contentions", null);
    } else if (error instanceof ReadTimeout) {
      ReadTimeout of = (ReadTimeout) error;
      return object(
          "consistency", of.consistencyLevel, "received", of.received, "block_for", of.blockFor,
          "data_present", of.dataPresent);
    } else if (error instanceof ReadFailure) {
      ReadFailure of = (ReadFailure) error;
      return object(
          "consistency", of.consistencyLevel, "received", of.received, "block_for", of.blockFor,
          "failures", failures(of.numFailures, of.reasonMap, version),
          "data_present", of.dataPresent);
    } else if (error instanceof WriteFailure) {
      WriteFailure of = (WriteFailure) error;
      return object(
          "consistency", of.consistencyLevel, "received", of.received, "block_for", of.blockFor,
          "failures", failures(of.numFailures, of.reasonMap, version),
          "write_type", of.writeType);
    } else if (error instanceof FunctionFailure) {
      FunctionFailure of = (FunctionFailure) error;
      return object(
          "keyspace", of.keyspace, "function", of.function, "arguments", of.argTypes);
    } else if (error instanceof CASWriteUnknown) {
      CASWriteUnknown of = (CASWriteUnknown) error;
      return object(
          "consistency", of.consistencyLevel, "received", of.received, "block_for", of.blockFor);
    } else if (error instanceof AlreadyExists) {
      AlreadyExists of = (AlreadyExists) error;
      return object("keyspace", of.keyspace, "table", of.table);
    } else if (error instanceof Unprepared) {
      return object("id", hex(((Unprepared) error).id));
    }
    return object();
  }

  private static Object failures(int count, Map<InetAddress, Integer> reasons, int version) {
    if (version < 5) {
      return count;
    }
    Map<String, Object> codes = new LinkedHashMap<>();
    reasons.forEach((address, code) -> codes.put(hex(address.getAddress()), code));
    return codes;
  }

  private static Object schemaChange(
      String change, String target, String keyspace, String object, List<String> arguments) {
    return object(
        "change", change, "target", target, "keyspace", keyspace, "object", object,
        "arguments", arguments);
  }

  private static Object rows(Rows rows) {
    List<Object> cells = new ArrayList<>();
    for (List<ByteBuffer> row : rows.getData()) {
      cells.add(hexOf(row));
    }
    return object("kind", "rows", "metadata", metadata(rows.getMetadata()), "rows", cells);
  }

  private static Object prepared(Prepared prepared) {
    List<Object> partitionKey = new ArrayList<>();
    if (prepared.variablesMetadata.pkIndices != null) {
      for (int index : prepared.variablesMetadata.pkIndices) {
        partitionKey.add(index);
      }
    }
    return object(
        "kind", "prepared",
        "id", hex(prepared.preparedQueryId),
        "result_metadata_id", hex(prepared.resultMetadataId),
        "variables", columns(prepared.variablesMetadata.columnSpecs),
        "partition_key", partitionKey,
        "result", metadata(prepared.resultMetadata));
  }

  private static Object metadata(RowsMetadata of) {
    return object(
        "columns_count", of.columnCount,
        "columns", isSet(of.flags, 0x04) ? null : columns(of.columnSpecs),
        "paging_state", hex(of.pagingState),
        "new_metadata_id", hex(of.newResultMetadataId));
  }

  private static List<Object> columns(List<ColumnSpec> specs) {
    List<Object> columns = new ArrayList<>();
    for (ColumnSpec of : specs) {
      columns.add(List.of(of.ksName, of.tableName, of.name, type(of.type)));
    }
    return columns;
  }

  private static final Map<Integer, String> NATIVE_TYPES =
      Map.ofEntries(
          Map.entry(0x01, "ascii"), Map.entry(0x02, "bigint"), Map.entry(0x03, "blob"),
          Map.entry(0x04, "boolean"), Map.entry(0x05, "counter"), Map.entry(0x06, "decimal"),
          Map.entry(0x07, "double"), Map.entry(0x08, "float"), Map.entry(0x09, "int"),
          Map.entry(0x0b, "timestamp"), Map.entry(0x0c, "uuid"), Map.entry(0x0d, "text"),
          Map.entry(0x0e, "varint"), Map.entry(0x0f, "timeuuid"), Map.entry(0x10, "inet"),
          Map.entry(0x11, "date"), Map.entry(0x12, "time"), Map.entry(0x13, "smallint"),
          Map.entry(0x14, "tinyint"), Map.entry(0x15, "duration"));

  private static Object type(RawType type) {
    if (type instanceof RawType.RawCustom) {
      return List.of("custom", ((RawType.RawCustom) type).className);
    } else if (type instanceof RawType.RawList) {
      return List.of("list", type(((RawType.RawList) type).elementType));
    } else if (type instanceof RawType.RawSet) {
      return List.of("set", type(((RawType.RawSet) type).elementType));
    } else if (type instanceof RawType.RawMap) {
      RawType.RawMap map = (RawType.RawMap) type;
      return List.of("map", type(map.keyType), type(map.valueType));
    } else if (type instanceof RawType.RawTuple) {
      List<Object> types = new ArrayList<>();
      ((RawType.RawTuple) type).fieldTypes.forEach(field -> types.add(type(field)));
      return List.of("tuple", types);
    } else if (type instanceof RawType.RawUdt) {
      RawType.RawUdt udt = (RawType.RawUdt) type;
      List<Object> fields = new ArrayList<>();
      udt.fields.forEach((name, field) -> fields.add(List.of(name, type(field))));
      return List.of("udt", udt.keyspace, udt.typeName, fields);
    }
    return NATIVE_TYPES.get(type.id);
  }

  private static Object address(InetSocketAddress of) {
    return List.of(hex(of.getAddress().getAddress()), of.getPort());
  }

  private static Map<String, Object> object(Object... namesAndValues) {
    Map<String, Object> object = new LinkedHashMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      object.put((String) namesAndValues[i], namesAndValues[i + 1]);
    }
    return object;
  }

  private static List<Object> hexOf(Collection<ByteBuffer> values) {
    List<Object> all = new ArrayList<>();
    values.forEach(value -> all.add(hex(value)));
    return all;
  }

  private static Map<String, Object> hexOf(Map<String, ByteBuffer> values) {
    Map<String, Object> all = new LinkedHashMap<>();
    values.forEach((key, value) -> all.put(key, hex(value)));
    return all;
  }

  private static String hex(byte[] bytes) {
    return bytes == null ? null : Buffer.of(bytes).toHex();
  }

  private static String hex(ByteBuffer bytes) {
    if (bytes == null) {
      return null;
    }
    byte[] array = new byte[bytes.remaining()];
    bytes.duplicate().get(array);
    return hex(array);
  }
}
