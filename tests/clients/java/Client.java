import com.datastax.oss.driver.api.core.AllNodesFailedException;
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.ProtocolVersion;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;

/**
 * Runs the steps of README.md with the Java driver.
 *
 * <p>Arguments: host, port, keyspace, protocol version or {@code default}, compression or {@code default}.
 */
public final class Client {
  /** A step. Returns the reason if the version does not support it, and {@code null} otherwise. */
  interface Step {
    String run(CqlSession session) throws Exception;
  }

  static String host;
  static int port;
  static String keyspace;
  static String version;
  static String compression;

  public static void main(String[] arguments) {
    host = arguments[0];
    port = Integer.parseInt(arguments[1]);
    keyspace = arguments[2];
    version = arguments[3];
    compression = arguments[4];
    Map<String, Step> steps = new LinkedHashMap<>();
    steps.put("connect", Steps::connect);
    steps.put("metadata", Steps::metadata);
    steps.put("ddl", Steps::ddl);
    steps.put("types", Types::types);
    steps.put("prepared", Steps::prepared);
    steps.put("batch", Steps::batch);
    steps.put("paging", Steps::paging);
    steps.put("conditional", Steps::conditional);
    steps.put("counter", Steps::counter);
    steps.put("events", Steps::events);
    steps.put("errors", Errors::errors);
    steps.put("large", Steps::large);
    steps.put("warnings", Steps::warnings);
    steps.put("payload", Steps::payload);
    steps.put("tracing", Steps::tracing);
    try (CqlSession session = openSession()) {
      steps.forEach((name, step) -> report(session, name, step));
    }
  }

  private static void report(CqlSession session, String name, Step step) {
    try {
      String skipped = step.run(session);
      System.out.println(skipped == null ? "ok " + name : "skipped " + name + ": " + skipped);
    } catch (Exception | AssertionError failure) {
      System.out.println("failed " + name + ": " + failure.toString().replace('\n', ' '));
    }
  }

  static CqlSession openSession() {
    var config = DriverConfigLoader.programmaticBuilder();
    config.withDuration(DefaultDriverOption.REQUEST_TIMEOUT, Duration.ofMinutes(1));
    if (!version.equals("default")) {
      // Refreshes the schema at once after each statement that changes it; the default is a second later.
      config.withDuration(DefaultDriverOption.METADATA_SCHEMA_WINDOW, Duration.ZERO);
      config.withString(DefaultDriverOption.PROTOCOL_VERSION, "V" + version);
    }
    if (!compression.equals("default")) {
      config.withString(DefaultDriverOption.PROTOCOL_COMPRESSION, compression);
    }
    return CqlSession.builder()
        .addContactPoint(new InetSocketAddress(host, port))
        .withLocalDatacenter("datacenter1")
        .withConfigLoader(config.build())
        .build();
  }

  static ProtocolVersion protocolVersion(CqlSession session) {
    return session.getContext().getProtocolVersion();
  }

  /** Replaces {@code KS} by the keyspace. */
  static String in(String statement) {
    return statement.replace("KS", keyspace);
  }

  static void expect(String what, Object actual, Object expected) {
    if (!Objects.equals(actual, expected)) {
      throw new AssertionError(what + ": expected " + expected + ", got " + actual);
    }
  }

  static void waitUntil(String what, BooleanSupplier condition) throws InterruptedException {
    long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError(what + " did not happen within 30 seconds");
      }
      Thread.sleep(10);
    }
  }

  /** Returns the error of the node if the driver has tried all nodes, and {@code error} otherwise. */
  static Throwable errorOfNode(Throwable error) {
    if (error instanceof AllNodesFailedException failed) {
      var errors = failed.getAllErrors().values().iterator();
      if (errors.hasNext()) {
        return errors.next().get(0);
      }
    }
    return error;
  }
}
