import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.BoundStatementBuilder;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.api.core.data.CqlDuration;
import com.datastax.oss.driver.api.core.data.CqlVector;
import com.datastax.oss.driver.api.core.data.UdtValue;
import com.datastax.oss.driver.api.core.type.DataTypes;
import com.datastax.oss.driver.api.core.type.UserDefinedType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;

/** The step {@code types}. */
final class Types {
  private record Sample(String type, Object value, String literal) {}

  private static List<Sample> samples(UserDefinedType address) throws Exception {
    List<Sample> samples = new ArrayList<>();
    samples.add(new Sample("ascii", "ascii", "'ascii'"));
    samples.add(new Sample("bigint", Long.MIN_VALUE, "-9223372036854775808"));
    samples.add(new Sample("blob", ByteBuffer.wrap(new byte[] {0, -1}), "0x00ff"));
    samples.add(new Sample("boolean", true, "true"));
    samples.add(new Sample("date", LocalDate.of(2024, 2, 29), "'2024-02-29'"));
    samples.add(new Sample("decimal", new BigDecimal("-123.4500"), "-123.4500"));
    samples.add(new Sample("double", 1e300, "1e300"));
    samples.add(new Sample("duration", CqlDuration.newInstance(1, 2, 3), "1mo2d3ns"));
    samples.add(new Sample("float", 0.5f, "0.5"));
    samples.add(new Sample("inet", InetAddress.getByName("2001:db8::1"), "'2001:db8::1'"));
    samples.add(new Sample("int", Integer.MIN_VALUE, "-2147483648"));
    samples.add(new Sample("smallint", Short.MIN_VALUE, "-32768"));
    samples.add(new Sample("text", "grüße, 世界", "'grüße, 世界'"));
    samples.add(new Sample("time", LocalTime.MAX, "'23:59:59.999999999'"));
    samples.add(
        new Sample("timestamp", Instant.parse("2024-02-29T12:34:56.789Z"), "'2024-02-29T12:34:56.789Z'"));
    for (String uuid : List.of("8e14e760-7fa8-11eb-bc66-000000000001", "f79326be-2d7b-11e4-8e1a-2a8bd4a1b4a1")) {
      samples.add(new Sample(uuid.startsWith("8") ? "timeuuid" : "uuid", UUID.fromString(uuid), uuid));
    }
    samples.add(new Sample("tinyint", Byte.MIN_VALUE, "-128"));
    samples.add(new Sample("varchar", "varchar", "'varchar'"));
    samples.add(
        new Sample("varint", BigInteger.TWO.pow(80).negate(), "-1208925819614629174706176"));
    samples.add(new Sample("list<int>", List.of(3, 1, 2), "[3, 1, 2]"));
    samples.add(new Sample("set<text>", Set.of("a", "b"), "{'a', 'b'}"));
    samples.add(new Sample("map<text, int>", Map.of("a", 1, "b", 2), "{'a': 1, 'b': 2}"));
    samples.add(
        new Sample(
            "tuple<int, text>", DataTypes.tupleOf(DataTypes.INT, DataTypes.TEXT).newValue(1, "one"), "(1, 'one')"));
    samples.add(
        new Sample("frozen<list<frozen<map<text, int>>>>", List.of(Map.of("a", 1), Map.of()), "[{'a': 1}, {}]"));
    samples.add(
        new Sample(
            "frozen<address>", address.newValue("Main Street", 7), "{street: 'Main Street', number: 7}"));
    samples.add(new Sample("vector<float, 3>", CqlVector.newInstance(1f, 2.5f, -3f), "[1.0, 2.5, -3.0]"));
    if (Client.version.equals("3")) {
      // Servers describe types that v3 does not have as custom types, for which the driver has no codecs.
      samples.removeIf(sample -> List.of("date", "smallint", "time", "tinyint").contains(sample.type()));
    }
    return samples;
  }

  static String types(CqlSession session) throws Exception {
    UserDefinedType address =
        session.getMetadata().getKeyspace(Client.keyspace).orElseThrow().getUserDefinedType("address").orElseThrow();
    List<Sample> samples = samples(address);
    List<String> columns = new ArrayList<>();
    for (int number = 0; number < samples.size(); number++) {
      columns.add("c" + number);
    }
    String names = String.join(", ", columns);
    String definitions =
        columns.stream()
            .map(column -> column + " " + samples.get(columns.indexOf(column)).type())
            .collect(Collectors.joining(", "));
    session.execute(Client.in("CREATE TABLE KS.every_type (id int PRIMARY KEY, " + definitions + ")"));
    String insert = Client.in("INSERT INTO KS.every_type (id, " + names + ") VALUES (");
    var prepared = session.prepare(insert + "?" + ", ?".repeat(samples.size()) + ")");
    BoundStatementBuilder bound = prepared.boundStatementBuilder();
    bound.setInt(0, 1);
    for (int number = 0; number < samples.size(); number++) {
      set(bound, number + 1, samples.get(number).value());
    }
    session.execute(bound.build());
    String literals = samples.stream().map(Sample::literal).collect(Collectors.joining(", "));
    session.execute(insert + "2, " + literals + ")");
    BoundStatementBuilder nulls = prepared.boundStatementBuilder();
    nulls.setInt(0, 3);
    for (int number = 1; number <= samples.size(); number++) {
      nulls.setToNull(number);
    }
    session.execute(nulls.build());
    String select = Client.in("SELECT " + names + " FROM KS.every_type WHERE id = ");
    var preparedSelect = session.prepare(select + "?");
    for (int key = 1; key <= 3; key++) {
      Row preparedRow = session.execute(preparedSelect.bind(key)).one();
      Row simpleRow = session.execute(SimpleStatement.newInstance(select + key)).one();
      for (int number = 0; number < samples.size(); number++) {
        Sample sample = samples.get(number);
        Object expected = key == 3 ? null : sample.value();
        for (Row row : List.of(preparedRow, simpleRow)) {
          Object actual = row.isNull(number) ? null : row.getObject(number);
          Client.expect(sample.type(), format(actual), format(expected));
        }
      }
    }
    return null;
  }

  private static <T> void set(BoundStatementBuilder bound, int number, T value) {
    bound.set(number, value, bound.codecRegistry().codecFor(bound.getType(number), value));
  }

  /** User-defined types of different sessions differ, although their values print the same. */
  private static Object format(Object value) {
    return value instanceof UdtValue udt ? udt.getFormattedContents() : value;
  }
}
