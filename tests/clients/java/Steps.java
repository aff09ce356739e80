import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.BatchStatement;
import com.datastax.oss.driver.api.core.cql.DefaultBatchType;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.QueryTrace;
import com.datastax.oss.driver.api.core.cql.ResultSet;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.api.core.metadata.Node;
import com.datastax.oss.driver.api.core.metadata.NodeState;
import com.datastax.oss.driver.api.core.metadata.schema.ClusteringOrder;
import com.datastax.oss.driver.api.core.metadata.schema.KeyspaceMetadata;
import com.datastax.oss.driver.api.core.metadata.schema.TableMetadata;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** The steps that are not in a class of their own. */
final class Steps {
  static String connect(CqlSession session) {
    Row row = session.execute("SELECT cql_version FROM system.local").one();
    Client.expect("cql_version", row.getString("cql_version"), "3.4.7");
    String expected = Client.version.equals("default") ? "5" : Client.version;
    Client.expect("version", "" + Client.protocolVersion(session).getCode(), expected);
    return null;
  }

  static String metadata(CqlSession session) {
    Client.expect("nodes", session.getMetadata().getNodes().size(), 1);
    Node node = session.getMetadata().getNodes().values().iterator().next();
    Client.expect("address", node.getEndPoint().resolve(), new InetSocketAddress(Client.host, Client.port));
    Client.expect("datacenter", node.getDatacenter(), "datacenter1");
    Client.expect("state", node.getState(), NodeState.UP);
    Client.expect("has tokens", session.getMetadata().getTokenMap().orElseThrow().getTokenRanges().isEmpty(), false);
    // The driver leaves out the system keyspaces by default.
    Client.expect("has a schema version", node.getSchemaVersion() != null, true);
    return null;
  }

  static String ddl(CqlSession session) {
    execute(session, "DROP KEYSPACE IF EXISTS KS");
    execute(
        session, "CREATE KEYSPACE KS WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
    execute(session, "CREATE TYPE KS.address (street text, number int)");
    execute(
        session,
        "CREATE TABLE KS.changed (id int, at timeuuid, note text STATIC, PRIMARY KEY (id, at)) "
            + "WITH CLUSTERING ORDER BY (at DESC)");
    ResultSet altered = execute(session, "ALTER TABLE KS.changed ADD more set<int>");
    Client.expect("agreement", altered.getExecutionInfo().isSchemaInAgreement(), true);
    Client.expect("agreement", session.checkSchemaAgreement(), true);
    KeyspaceMetadata keyspace = keyspace(session);
    TableMetadata table = keyspace.getTable("changed").orElseThrow();
    var columns = new TreeSet<String>();
    table.getColumns().keySet().forEach(name -> columns.add(name.asInternal()));
    Client.expect("columns", columns, new TreeSet<>(List.of("at", "id", "more", "note")));
    Client.expect("static column", table.getColumn("note").orElseThrow().isStatic(), true);
    Client.expect("order", List.copyOf(table.getClusteringColumns().values()), List.of(ClusteringOrder.DESC));
    var address = keyspace.getUserDefinedType("address").orElseThrow();
    Client.expect("fields", address.getFieldNames().toString(), "[street, number]");
    execute(session, "DROP TABLE KS.changed");
    Client.expect("dropped", keyspace(session).getTable("changed").isPresent(), false);
    return null;
  }

  static String prepared(CqlSession session) {
    execute(session, "CREATE TABLE KS.users (name text PRIMARY KEY, age int)");
    PreparedStatement insert = session.prepare(Client.in("INSERT INTO KS.users (name, age) VALUES (?, ?)"));
    for (int age = 0; age < 10; age++) {
      session.execute(insert.bind("user_" + age, age));
    }
    PreparedStatement select = session.prepare(Client.in("SELECT age FROM KS.users WHERE name = :name"));
    Client.expect("variable", select.getVariableDefinitions().get(0).getName().asInternal(), "name");
    if (Client.protocolVersion(session).getCode() > 3) {
      Client.expect("partition key", select.getPartitionKeyIndices(), List.of(0));
      Client.expect("result", select.getResultSetDefinitions().get(0).getName().asInternal(), "age");
    }
    for (int age = 0; age < 10; age++) {
      Row row = session.execute(select.boundStatementBuilder().setString("name", "user_" + age).build()).one();
      Client.expect("age", row.getInt("age"), age);
    }
    Client.expect("row", session.execute(select.bind("nobody")).one(), null);
    // A changed table changes the columns of the prepared statement, which v5 announces.
    PreparedStatement all = session.prepare(Client.in("SELECT * FROM KS.users WHERE name = 'user_3'"));
    Client.expect("columns", session.execute(all.bind()).one().getColumnDefinitions().size(), 2);
    execute(session, "ALTER TABLE KS.users ADD city text");
    if (Client.protocolVersion(session).getCode() > 4) {
      Client.expect("columns", session.execute(all.bind()).one().getColumnDefinitions().size(), 3);
    }
    return null;
  }

  static String batch(CqlSession session) {
    PreparedStatement insert = session.prepare(Client.in("INSERT INTO KS.users (name, age) VALUES (?, ?)"));
    for (var type : List.of(DefaultBatchType.LOGGED, DefaultBatchType.UNLOGGED)) {
      session.execute(
          BatchStatement.builder(type)
              .addStatement(insert.bind(type.name(), 1))
              .addStatement(SimpleStatement.newInstance(Client.in("UPDATE KS.users SET age = 2 WHERE name = 'batch'")))
              .addStatement(
                  SimpleStatement.newInstance(Client.in("DELETE FROM KS.users WHERE name = ?"), "user_9"))
              .build());
      Client.expect("age", ageOf(session, type.name()), 1);
    }
    Client.expect("age", ageOf(session, "batch"), 2);
    Client.expect("age", ageOf(session, "user_9"), null);
    return null;
  }

  static String paging(CqlSession session) {
    execute(session, "CREATE TABLE KS.numbers (part int, number int, PRIMARY KEY (part, number))");
    PreparedStatement insert = session.prepare(Client.in("INSERT INTO KS.numbers (part, number) VALUES (?, ?)"));
    for (int number = 0; number < 250; number++) {
      session.execute(insert.bind(number % 2, number));
    }
    SimpleStatement all = SimpleStatement.newInstance(Client.in("SELECT number FROM KS.numbers")).setPageSize(100);
    var numbers = new TreeSet<Integer>();
    session.execute(all).forEach(row -> numbers.add(row.getInt("number")));
    Client.expect("numbers", List.of(numbers.size(), numbers.first(), numbers.last()), List.of(250, 0, 249));
    SimpleStatement odd =
        SimpleStatement.newInstance(Client.in("SELECT number FROM KS.numbers WHERE part = 1")).setPageSize(40);
    ResultSet first = session.execute(odd);
    Client.expect("rows of the first page", first.getAvailableWithoutFetching(), 40);
    ResultSet second = session.execute(odd.setPagingState(first.getExecutionInfo().getPagingState()));
    Client.expect("first row of the second page", second.one().getInt("number"), 81);
    return null;
  }

  static String conditional(CqlSession session) {
    PreparedStatement insert =
        session.prepare(Client.in("INSERT INTO KS.users (name, age) VALUES (?, ?) IF NOT EXISTS"));
    Client.expect("applied", session.execute(insert.bind("lwt", 1)).wasApplied(), true);
    ResultSet refused = session.execute(insert.bind("lwt", 2));
    Client.expect("applied", refused.wasApplied(), false);
    Client.expect("age", refused.one().getInt("age"), 1);
    String update = "UPDATE KS.users SET age = 3 WHERE name = 'lwt' IF age = 1";
    Client.expect("applied", execute(session, update).wasApplied(), true);
    Client.expect("age", execute(session, update).one().getInt("age"), 3);
    ResultSet deleted = execute(session, "DELETE FROM KS.users WHERE name = 'lwt' IF EXISTS");
    Client.expect("applied", deleted.wasApplied(), true);
    return null;
  }

  static String counter(CqlSession session) {
    execute(session, "CREATE TABLE KS.counts (name text PRIMARY KEY, hits counter)");
    PreparedStatement add = session.prepare(Client.in("UPDATE KS.counts SET hits = hits + ? WHERE name = ?"));
    session.execute(add.bind(2L, "page"));
    session.execute(BatchStatement.newInstance(DefaultBatchType.COUNTER, add.bind(-3L, "page")));
    Row row = execute(session, "SELECT hits FROM KS.counts WHERE name = 'page'").one();
    Client.expect("hits", row.getLong("hits"), -1L);
    return null;
  }

  static String events(CqlSession session) throws InterruptedException {
    try (CqlSession other = Client.openSession()) {
      execute(other, "CREATE TABLE KS.from_another_client (id int PRIMARY KEY)");
      Client.waitUntil("the table", () -> keyspace(session).getTable("from_another_client").isPresent());
    }
    return null;
  }

  static String large(CqlSession session) {
    execute(session, "CREATE TABLE KS.large (part int, number int, bytes blob, PRIMARY KEY (part, number))");
    PreparedStatement insert =
        session.prepare(Client.in("INSERT INTO KS.large (part, number, bytes) VALUES (0, ?, ?)"));
    for (int number = 0; number < 20; number++) {
      session.execute(insert.bind(number, content(number)));
    }
    ResultSet result = execute(session, "SELECT number, bytes FROM KS.large WHERE part = 0");
    Client.expect("rows of one page", result.getAvailableWithoutFetching(), 20);
    int number = 0;
    for (Row row : result) {
      Client.expect("number", row.getInt("number"), number);
      Client.expect("equal bytes", row.getByteBuffer("bytes").equals(content(number)), true);
      number++;
    }
    return null;
  }

  private static ByteBuffer content(int number) {
    byte[] bytes = new byte[1 << 20];
    Arrays.fill(bytes, (byte) number);
    return ByteBuffer.wrap(bytes);
  }

  static String warnings(CqlSession session) {
    if (Client.protocolVersion(session).getCode() < 4) {
      return "v3 has no warnings";
    }
    List<String> warnings = session.execute("SELECT v FROM faults.warnings").getExecutionInfo().getWarnings();
    Client.expect("warnings", warnings, List.of("the first warning", "the second warning"));
    return null;
  }

  static String payload(CqlSession session) {
    if (Client.protocolVersion(session).getCode() < 4) {
      return "v3 has no payloads";
    }
    Map<String, ByteBuffer> sent =
        Map.of("key", ByteBuffer.wrap("value".getBytes()), "empty", ByteBuffer.allocate(0));
    SimpleStatement statement =
        SimpleStatement.newInstance("SELECT v FROM faults.payload").setCustomPayload(sent);
    Client.expect("payload", session.execute(statement).getExecutionInfo().getIncomingPayload(), sent);
    return null;
  }

  static String tracing(CqlSession session) {
    String query = Client.in("SELECT age FROM KS.users WHERE name = 'user_1'");
    SimpleStatement statement = SimpleStatement.newInstance(query).setTracing(true);
    QueryTrace trace = session.execute(statement).getExecutionInfo().getQueryTrace();
    Client.expect("request type", trace.getRequestType(), "Execute CQL3 query");
    Client.expect("query", trace.getParameters().get("query"), query);
    Client.expect("coordinator", trace.getCoordinatorAddress().getHostString(), Client.host);
    Client.expect("has events", trace.getEvents().isEmpty(), false);
    return null;
  }

  private static ResultSet execute(CqlSession session, String statement) {
    return session.execute(Client.in(statement));
  }

  private static KeyspaceMetadata keyspace(CqlSession session) {
    return session.getMetadata().getKeyspace(Client.keyspace).orElseThrow();
  }

  /** Returns the age of a user, or {@code null} if there is none. */
  private static Integer ageOf(CqlSession session, String name) {
    var statement = SimpleStatement.newInstance(Client.in("SELECT age FROM KS.users WHERE name = ?"), name);
    Row row = session.execute(statement).one();
    return row == null ? null : (Integer) row.getInt("age");
  }
}
