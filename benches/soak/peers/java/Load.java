import com.datastax.oss.driver.api.core.AllNodesFailedException;
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.DefaultConsistencyLevel;
import com.datastax.oss.driver.api.core.cql.AsyncResultSet;
import com.datastax.oss.driver.api.core.cql.BatchStatement;
import com.datastax.oss.driver.api.core.cql.BatchStatementBuilder;
import com.datastax.oss.driver.api.core.cql.DefaultBatchType;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.cql.Statement;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executors;
import java.util.concurrent.Phaser;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * The load of {@code src/lib.rs} through the Java driver with its default settings, at LOCAL_QUORUM.
 *
 * <p>Arguments: contact points, keyspace, number of tasks, requests per second.
 */
public final class Load {
  private static final int BATCH_ROWS = 5;

  private static CqlSession session;
  private static PreparedStatement insert;
  private static PreparedStatement read;
  private static PreparedStatement increment;
  private static PreparedStatement swap;
  private static PreparedStatement insertWide;
  private static volatile boolean stopped;

  private static final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
  private static final Phaser tasks = new Phaser(1);
  private static final Results results = new Results();

  public static void main(String[] arguments) throws Exception {
    String keyspace = arguments[1];
    int count = Integer.parseInt(arguments[2]);
    double rate = Double.parseDouble(arguments[3]);
    var builder = CqlSession.builder().withLocalDatacenter("datacenter1").withKeyspace(keyspace);
    for (String address : arguments[0].split(",")) {
      int colon = address.lastIndexOf(':');
      int port = Integer.parseInt(address.substring(colon + 1));
      builder.addContactPoint(new InetSocketAddress(address.substring(0, colon), port));
    }
    session = builder.build();
    insert = session.prepare("INSERT INTO rows (k, payload) VALUES (?, ?)");
    read = session.prepare("SELECT k, payload FROM rows WHERE k = ?");
    increment = session.prepare("UPDATE counters SET n = n + 1 WHERE k = ?");
    swap = session.prepare("UPDATE registers SET v = ? WHERE k = ? IF v = ?");
    insertWide = session.prepare("INSERT INTO wide (p, c, payload) VALUES (?, ?, ?)");
    System.out.println("ready");
    System.out.flush();
    long period = (long) (1e9 * count / rate);
    for (int task = 0; task < count; task++) {
      tasks.register();
      new Task(task, period).step();
    }
    while (System.in.read() >= 0) {}
    stopped = true;
    tasks.arriveAndAwaitAdvance();
    System.out.println(results.json());
    session.close();
    timer.shutdownNow();
  }

  private static String payload(long key) {
    return String.format("row %d %016x", key, key * 0x9e3779b97f4a7c15L);
  }

  /** One task: it has one request in flight. */
  private static final class Task {
    private final int task;
    private final long period;
    private long number;
    private long inserted = -1;
    private long register;
    private long next = System.nanoTime();

    Task(int task, long period) {
      this.task = task;
      this.period = period;
    }

    /** Sends the next request, and calls itself when the request has ended and its time has come. */
    void step() {
      if (stopped) {
        tasks.arriveAndDeregister();
        return;
      }
      long key = (long) task << 32 | number;
      int kind = task % 4;
      int turn = (int) (number % 3);
      Statement<?> statement;
      boolean idempotent = true;
      long insertedKey = -1;
      long readKey = -1;
      long newValue = -1;
      if (kind < 2 && (turn == 0 || inserted < 0)) {
        statement = insert.bind(key, payload(key)).setIdempotent(true);
        insertedKey = key;
      } else if (kind < 2) {
        statement = read.bind(inserted).setIdempotent(true);
        readKey = inserted;
      } else if (kind == 3) {
        statement = batch(key * BATCH_ROWS);
      } else if (turn == 0) {
        statement = increment.bind(task);
        idempotent = false;
      } else if (turn == 1) {
        statement = swap.bind(number, task, register);
        newValue = number;
        idempotent = false;
      } else {
        statement = insert.bind(key, payload(key));
        idempotent = false;
      }
      number++;
      long inserted = insertedKey;
      long expected = readKey;
      long value = newValue;
      boolean isIdempotent = idempotent;
      long begin = System.nanoTime();
      send(statement)
          .whenComplete(
              (result, error) -> {
                String failure = error == null ? null : text(error);
                if (error == null && expected >= 0) {
                  Row row = result.one();
                  if (row == null
                      || row.getLong(0) != expected
                      || !payload(expected).equals(row.getString(1))) {
                    failure = "wrong row";
                  }
                }
                if (failure == null && inserted >= 0) {
                  this.inserted = inserted;
                }
                if (failure == null && value >= 0) {
                  register = value;
                }
                long now = System.nanoTime();
                results.record(isIdempotent, now - begin, failure);
                next = Math.max(next + period, now);
                timer.schedule(this::step, next - now, TimeUnit.NANOSECONDS);
              });
    }
  }

  private static CompletionStage<AsyncResultSet> send(Statement<?> statement) {
    return session.executeAsync(
        statement.setConsistencyLevel(DefaultConsistencyLevel.LOCAL_QUORUM));
  }

  private static BatchStatement batch(long first) {
    BatchStatementBuilder batch = BatchStatement.builder(DefaultBatchType.UNLOGGED);
    for (long p = first; p < first + BATCH_ROWS; p++) {
      batch.addStatement(insertWide.bind(p, 0, payload(p)));
    }
    return batch.build().setIdempotent(true);
  }

  private static String text(Throwable error) {
    Throwable cause = error.getCause() == null ? error : error.getCause();
    String text = cause.getClass().getSimpleName();
    if (cause instanceof AllNodesFailedException failed && !failed.getAllErrors().isEmpty()) {
      var errors = failed.getAllErrors().values().iterator().next();
      text += ": " + errors.get(0).getClass().getSimpleName();
    }
    return text;
  }

  /** The results of all tasks. */
  private static final class Results {
    private long succeeded;
    private long failedIdempotent;
    private long failedOther;
    private final Map<String, Long> failures = new TreeMap<>();

    /** Numbers of idempotent requests by latency: each bucket is 1 % wider than the one before. */
    private final long[] latencies = new long[2048];

    private double max;

    synchronized void record(boolean idempotent, long nanos, String failure) {
      double millis = nanos / 1e6;
      if (idempotent) {
        latencies[Math.max(0, (int) (Math.log(millis / 0.001) / Math.log(1.01)))]++;
        max = Math.max(max, millis);
      }
      if (failure == null) {
        succeeded++;
        return;
      }
      failures.merge(failure, 1L, Long::sum);
      if (idempotent) {
        failedIdempotent++;
      } else {
        failedOther++;
      }
    }

    synchronized double quantile(double quantile) {
      long total = 0;
      for (long count : latencies) {
        total += count;
      }
      long left = (long) Math.ceil(total * quantile);
      for (int bucket = 0; bucket < latencies.length; bucket++) {
        left -= latencies[bucket];
        if (left <= 0) {
          return 0.001 * Math.pow(1.01, bucket + 1);
        }
      }
      return max;
    }

    synchronized String json() {
      var text = new StringBuilder();
      failures.forEach(
          (failure, count) -> {
            text.append(text.length() == 0 ? "" : ",");
            text.append('"').append(failure).append("\":").append(count);
          });
      return String.format(
          "{\"succeeded\":%d,\"failed_idempotent\":%d,\"failed_other\":%d,"
              + "\"p50\":%f,\"p99\":%f,\"max\":%f,\"failures\":{%s}}",
          succeeded, failedIdempotent, failedOther, quantile(0.5), quantile(0.99), max, text);
    }
  }
}
