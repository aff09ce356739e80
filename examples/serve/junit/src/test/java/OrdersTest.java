import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.servererrors.WriteTimeoutException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.net.InetSocketAddress;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Tests with JUnit and the Java driver: mvn test. */
class OrdersTest {
    static final String INSERT = "INSERT INTO orders (id, item) VALUES (?, ?)";

    static Process server;
    static Writer input;
    static BufferedReader output;
    static CqlSession session;

    @BeforeAll
    static void start() throws IOException {
        // The server ends when its standard input closes, so that none is left over.
        server = new ProcessBuilder("cqlwire", "serve", "--listen", "127.0.0.1:0",
                        "--schema", "../shop.cql", "--exit-with-stdin")
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        input = server.outputWriter();
        output = server.inputReader();
        String[] address = output.readLine().split(" ")[1].split(":");
        session = CqlSession.builder()
                .addContactPoint(new InetSocketAddress(address[0], Integer.parseInt(address[1])))
                .withLocalDatacenter("datacenter1")
                .withKeyspace("shop")
                .build();
    }

    @AfterEach
    void reset() throws IOException {
        control("{\"clear_faults\": true}");
        session.execute("TRUNCATE orders");
    }

    @AfterAll
    static void stop() throws Exception {
        session.close();
        input.close();
        server.waitFor();
    }

    /** Sends a command to the server, and returns the line of its answer. */
    static String control(String command) throws IOException {
        input.write(command + "\n");
        input.flush();
        String answer = output.readLine();
        assertTrue(answer.startsWith("{\"ok\":"), answer);
        return answer;
    }

    @Test
    void findsAnOrder() {
        session.execute(session.prepare(INSERT).bind(1, "tea"));
        String item = session.execute("SELECT item FROM orders WHERE id = 1").one().getString("item");
        assertEquals("tea", item);
    }

    @Test
    void reportsATimeout() throws IOException {
        control("{\"on\": \"INSERT INTO %orders %\", \"error\": \"write_timeout\", \"times\": 1}");
        var insert = session.prepare(INSERT).bind(2, "salt");
        assertThrows(WriteTimeoutException.class, () -> session.execute(insert));
        session.execute(insert);
        String received = control("{\"received\": \"INSERT INTO %orders %\"}");
        assertTrue(received.contains("\"values\":{\"id\":2,\"item\":\"salt\"}"), received);
    }
}
