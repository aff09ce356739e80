import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.servererrors.AlreadyExistsException;
import com.datastax.oss.driver.api.core.servererrors.BootstrappingException;
import com.datastax.oss.driver.api.core.servererrors.CASWriteUnknownException;
import com.datastax.oss.driver.api.core.servererrors.CDCWriteFailureException;
import com.datastax.oss.driver.api.core.servererrors.FunctionFailureException;
import com.datastax.oss.driver.api.core.servererrors.InvalidConfigurationInQueryException;
import com.datastax.oss.driver.api.core.servererrors.InvalidQueryException;
import com.datastax.oss.driver.api.core.servererrors.OverloadedException;
import com.datastax.oss.driver.api.core.servererrors.ProtocolError;
import com.datastax.oss.driver.api.core.servererrors.ReadFailureException;
import com.datastax.oss.driver.api.core.servererrors.ReadTimeoutException;
import com.datastax.oss.driver.api.core.servererrors.ServerError;
import com.datastax.oss.driver.api.core.servererrors.SyntaxError;
import com.datastax.oss.driver.api.core.servererrors.TruncateException;
import com.datastax.oss.driver.api.core.servererrors.UnauthorizedException;
import com.datastax.oss.driver.api.core.servererrors.UnavailableException;
import com.datastax.oss.driver.api.core.servererrors.WriteFailureException;
import com.datastax.oss.driver.api.core.servererrors.WriteTimeoutException;
import java.util.Map;
import java.util.TreeMap;

/** The step {@code errors}. */
final class Errors {
  static String errors(CqlSession session) {
    Map<Integer, Class<?>> expected = new TreeMap<>();
    expected.put(0x0000, ServerError.class);
    expected.put(0x000A, ProtocolError.class);
    // The driver expects AUTHENTICATION_ERROR only while it connects.
    expected.put(0x0100, ProtocolError.class);
    expected.put(0x1000, UnavailableException.class);
    expected.put(0x1001, OverloadedException.class);
    expected.put(0x1002, BootstrappingException.class);
    expected.put(0x1003, TruncateException.class);
    expected.put(0x1100, WriteTimeoutException.class);
    expected.put(0x1200, ReadTimeoutException.class);
    expected.put(0x1300, ReadFailureException.class);
    expected.put(0x1400, FunctionFailureException.class);
    expected.put(0x1500, WriteFailureException.class);
    expected.put(0x1600, CDCWriteFailureException.class);
    expected.put(0x1700, CASWriteUnknownException.class);
    expected.put(0x2000, SyntaxError.class);
    expected.put(0x2100, UnauthorizedException.class);
    expected.put(0x2200, InvalidQueryException.class);
    expected.put(0x2300, InvalidConfigurationInQueryException.class);
    expected.put(0x2400, AlreadyExistsException.class);
    int version = Client.protocolVersion(session).getCode();
    if (version < 4) {
      expected.put(0x1300, ReadTimeoutException.class);
      expected.put(0x1400, InvalidQueryException.class);
      expected.put(0x1500, WriteTimeoutException.class);
      expected.put(0x1600, InvalidQueryException.class);
    }
    if (version < 5) {
      expected.put(0x1700, WriteTimeoutException.class);
    }
    expected.forEach((code, type) -> Client.expect("error " + code, errorOf(session, code), type));
    var forgotten = session.prepare("SELECT v FROM faults.forgotten");
    var row = session.execute(forgotten.bind()).one();
    Client.expect("value", row.getString("v"), "prepared again");
    return null;
  }

  private static Class<?> errorOf(CqlSession session, int code) {
    try {
      session.execute("SELECT v FROM faults.errors WHERE code = " + code);
      return null;
    } catch (RuntimeException error) {
      return Client.errorOfNode(error).getClass();
    }
  }
}
