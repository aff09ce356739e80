"""Runs the steps of README.md with the Python driver.

Arguments: host, port, keyspace, protocol version or `default`, compression or `default`.
"""

import collections
import datetime
import decimal
import sys
import time
import uuid

from cassandra import (AlreadyExists, FunctionFailure, InvalidRequest, ReadFailure, ReadTimeout, Unauthorized,
                       Unavailable, WriteFailure, WriteTimeout)
from cassandra.cluster import Cluster, NoHostAvailable
from cassandra.protocol import (BadCredentials, CDCWriteException, ConfigurationException, ErrorMessage,
                                IsBootstrappingErrorMessage, OverloadedErrorMessage, ProtocolException, ServerError,
                                SyntaxException, TruncateError)
from cassandra.query import BatchStatement, BatchType, SimpleStatement
from cassandra.util import Date, Duration, Time

HOST, PORT, KEYSPACE, VERSION, COMPRESSION = sys.argv[1], int(sys.argv[2]), *sys.argv[3:6]

Address = collections.namedtuple("Address", "street number")

# A value of each CQL type.
TYPES = {
    "ascii": "ascii",
    "bigint": -(2**63),
    "blob": b"\x00\xff",
    "boolean": True,
    "date": Date(datetime.date(2024, 2, 29)),
    "decimal": decimal.Decimal("-123.4500"),
    "double": 1e300,
    "duration": Duration(1, 2, 3),
    "float": 0.5,
    "inet": "2001:db8::1",
    "int": -(2**31),
    "smallint": -32768,
    "text": "grüße, 世界",
    "time": Time(86_399_999_999_999),
    "timestamp": datetime.datetime(2024, 2, 29, 12, 34, 56, 789_000),
    "timeuuid": uuid.UUID("8e14e760-7fa8-11eb-bc66-000000000001"),
    "tinyint": -128,
    "uuid": uuid.UUID("f79326be-2d7b-11e4-8e1a-2a8bd4a1b4a1"),
    "varchar": "varchar",
    "varint": -(2**80),
    "list<int>": [3, 1, 2],
    "set<text>": {"a", "b"},
    "map<text, int>": {"a": 1, "b": 2},
    "tuple<int, text>": (1, "one"),
    "frozen<list<frozen<map<text, int>>>>": [{"a": 1}, {}],
    "frozen<address>": Address("Main Street", 7),
    "vector<float, 3>": [1.0, 2.5, -3.0],
}

# The literals of the same values, in the same order.
LITERALS = """'ascii', -9223372036854775808, 0x00ff, true, '2024-02-29', -123.4500, 1e300, 1mo2d3ns, 0.5,
    '2001:db8::1', -2147483648, -32768, 'grüße, 世界', '23:59:59.999999999', '2024-02-29T12:34:56.789Z',
    8e14e760-7fa8-11eb-bc66-000000000001, -128, f79326be-2d7b-11e4-8e1a-2a8bd4a1b4a1, 'varchar',
    -1208925819614629174706176, [3, 1, 2], {'a', 'b'}, {'a': 1, 'b': 2}, (1, 'one'), [{'a': 1}, {}],
    {street: 'Main Street', number: 7}, [1.0, 2.5, -3.0]"""

COLUMNS = ", ".join(f"c{number}" for number in range(len(TYPES)))

# The exceptions for the error codes. The driver has no exception of its own for 0x1700, CAS_WRITE_UNKNOWN.
ERRORS = {
    0x0000: ServerError,
    0x0100: BadCredentials,
    0x1000: Unavailable,
    0x1001: OverloadedErrorMessage,
    0x1002: IsBootstrappingErrorMessage,
    0x1003: TruncateError,
    0x1100: WriteTimeout,
    0x1200: ReadTimeout,
    0x1300: ReadFailure,
    0x1400: FunctionFailure,
    0x1500: WriteFailure,
    0x1600: CDCWriteException,
    0x1700: ErrorMessage,
    0x2000: SyntaxException,
    0x2100: Unauthorized,
    0x2200: InvalidRequest,
    0x2300: ConfigurationException,
    0x2400: AlreadyExists,
    # The driver closes the connection after this error, which is therefore the last one.
    0x000A: ProtocolException,
}


def open_cluster():
    options = {}
    if VERSION != "default":
        options["protocol_version"] = int(VERSION)
    if COMPRESSION != "default":
        options["compression"] = COMPRESSION if COMPRESSION != "none" else False
    return Cluster([HOST], port=PORT, **options)


def expect(actual, expected):
    if actual != expected:
        raise AssertionError(f"expected {expected!r}, got {actual!r}")


def wait_until(condition, what):
    deadline = time.monotonic() + 30
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within 30 seconds")
        time.sleep(0.01)


def connect(cluster, session):
    expect(session.execute("SELECT cql_version FROM system.local").one().cql_version, "3.4.7")
    if VERSION != "default":
        expect(cluster.protocol_version, int(VERSION))


def metadata(cluster, session):
    expect(len(cluster.metadata.all_hosts()), 1)
    expect(cluster.metadata.get_host(HOST, PORT).datacenter, "datacenter1")
    expect(cluster.metadata.partitioner, "org.apache.cassandra.dht.Murmur3Partitioner")
    local = cluster.metadata.keyspaces["system"].tables["local"]
    expect([column.name for column in local.primary_key], ["key"])
    if not cluster.metadata.token_map.ring:
        raise AssertionError("the token ring is empty")


def ddl(cluster, session):
    session.execute(f"DROP KEYSPACE IF EXISTS {KEYSPACE}")
    session.execute(f"CREATE KEYSPACE {KEYSPACE} WITH replication = "
                    "{'class': 'SimpleStrategy', 'replication_factor': 1}")
    session.set_keyspace(KEYSPACE)
    session.execute("CREATE TYPE address (street text, number int)")
    session.execute("CREATE TABLE changed (id int, at timeuuid, note text STATIC, PRIMARY KEY (id, at)) "
                    "WITH CLUSTERING ORDER BY (at DESC)")
    session.execute("ALTER TABLE changed ADD more set<int>")
    expect(session.cluster.control_connection.wait_for_schema_agreement(), True)
    keyspace = cluster.metadata.keyspaces[KEYSPACE]
    table = keyspace.tables["changed"]
    expect(list(table.columns), ["id", "at", "more", "note"])
    expect(table.columns["note"].is_static, True)
    expect(keyspace.user_types["address"].field_types, ["text", "int"])
    if "CLUSTERING ORDER BY (at DESC)" not in table.export_as_string():
        raise AssertionError(table.export_as_string())
    session.execute("DROP TABLE changed")
    expect("changed" in keyspace.tables, False)


def types(cluster, session):
    cluster.register_user_type(KEYSPACE, "address", Address)
    columns = ", ".join(f"c{number} {cql_type}" for number, cql_type in enumerate(TYPES))
    session.execute(f"CREATE TABLE every_type (id int PRIMARY KEY, {columns})")
    values = list(TYPES.values())
    markers = ", ".join("?" * len(values))
    insert = session.prepare(f"INSERT INTO every_type (id, {COLUMNS}) VALUES (?, {markers})")
    session.execute(insert, [1, *values])
    session.execute(f"INSERT INTO every_type (id, {COLUMNS}) VALUES (2, {LITERALS})")
    session.execute(insert, [3] + [None] * len(values))
    select = session.prepare(f"SELECT {COLUMNS} FROM every_type WHERE id = ?")
    for key in (1, 2):
        prepared = session.execute(select, [key]).one()
        simple = session.execute(f"SELECT {COLUMNS} FROM every_type WHERE id = {key}").one()
        for row in (prepared, simple):
            for cql_type, expected, actual in zip(TYPES, values, row):
                if actual != expected:
                    raise AssertionError(f"{cql_type}: expected {expected!r}, got {actual!r}")
    expect(set(session.execute(select, [3]).one()), {None})


def prepared(cluster, session):
    session.execute("CREATE TABLE users (name text PRIMARY KEY, age int)")
    insert = session.prepare("INSERT INTO users (name, age) VALUES (?, ?)")
    for age in range(10):
        session.execute(insert, (f"user_{age}", age))
    select = session.prepare("SELECT age FROM users WHERE name = ?")
    expect([spec.name for spec in select.column_metadata], ["name"])
    expect(select.routing_key_indexes, [0])
    expect([session.execute(select, (f"user_{age}",)).one().age for age in range(10)], list(range(10)))
    expect(session.execute(select, ("nobody",)).one(), None)
    named = SimpleStatement("SELECT age FROM users WHERE name = %(name)s")
    expect(session.execute(named, {"name": "user_3"}).one().age, 3)


def batch(cluster, session):
    insert = session.prepare("INSERT INTO users (name, age) VALUES (?, ?)")
    for kind in (BatchType.LOGGED, BatchType.UNLOGGED):
        statements = BatchStatement(kind)
        statements.add(insert, (f"batch_{kind}", 1))
        statements.add(SimpleStatement("UPDATE users SET age = 2 WHERE name = 'batch'"))
        statements.add(SimpleStatement("DELETE FROM users WHERE name = 'user_9'"))
        session.execute(statements)
        expect(session.execute("SELECT age FROM users WHERE name = %s", (f"batch_{kind}",)).one().age, 1)
    expect(session.execute("SELECT age FROM users WHERE name = 'batch'").one().age, 2)
    expect(session.execute("SELECT age FROM users WHERE name = 'user_9'").one(), None)


def paging(cluster, session):
    session.execute("CREATE TABLE numbers (part int, number int, PRIMARY KEY (part, number))")
    insert = session.prepare("INSERT INTO numbers (part, number) VALUES (?, ?)")
    for number in range(250):
        session.execute(insert, (number % 2, number))
    every = SimpleStatement("SELECT number FROM numbers", fetch_size=100)
    expect(sorted(row.number for row in session.execute(every)), list(range(250)))
    one = SimpleStatement("SELECT number FROM numbers WHERE part = 1", fetch_size=40)
    first = session.execute(one)
    rest = session.execute(one, paging_state=first.paging_state)
    expect([row.number for row in first.current_rows], list(range(1, 80, 2)))
    expect([row.number for row in rest], list(range(81, 250, 2)))


def conditional(cluster, session):
    insert = session.prepare("INSERT INTO users (name, age) VALUES (?, ?) IF NOT EXISTS")
    expect(session.execute(insert, ("lwt", 1)).was_applied, True)
    refused = session.execute(insert, ("lwt", 2))
    expect(refused.was_applied, False)
    expect(refused.one().age, 1)
    expect(session.execute("UPDATE users SET age = 3 WHERE name = 'lwt' IF age = 1").was_applied, True)
    expect(session.execute("UPDATE users SET age = 4 WHERE name = 'lwt' IF age = 1").one(), (False, 3))
    expect(session.execute("DELETE FROM users WHERE name = 'lwt' IF EXISTS").was_applied, True)


def counter(cluster, session):
    session.execute("CREATE TABLE counts (name text PRIMARY KEY, hits counter)")
    add = session.prepare("UPDATE counts SET hits = hits + ? WHERE name = ?")
    session.execute(add, (2, "page"))
    statements = BatchStatement(BatchType.COUNTER)
    statements.add(add, (-3, "page"))
    session.execute(statements)
    expect(session.execute("SELECT hits FROM counts WHERE name = 'page'").one().hits, -1)


def errors(cluster, session):
    expected = dict(ERRORS)
    if cluster.protocol_version < 4:
        expected |= {0x1300: ReadTimeout, 0x1400: InvalidRequest, 0x1500: WriteTimeout, 0x1600: InvalidRequest}
    if cluster.protocol_version < 5:
        expected |= {0x1700: WriteTimeout}
    for code, error in expected.items():
        try:
            session.execute(f"SELECT v FROM faults.errors WHERE code = {code}")
        except Exception as raised:
            if isinstance(raised, NoHostAvailable):
                # The driver has tried the statement on all nodes, which is one.
                raised = next(iter(raised.errors.values()), raised)
            if not isinstance(raised, error):
                raise AssertionError(f"0x{code:04x}: expected {error.__name__}, got {raised!r}")
        else:
            raise AssertionError(f"0x{code:04x}: expected {error.__name__}, got a result")
    wait_until(lambda: is_connected(session), "the connection")
    forgotten = session.prepare("SELECT v FROM faults.forgotten")
    expect(session.execute(forgotten).one().v, "prepared again")


def is_connected(session):
    try:
        return session.execute("SELECT key FROM system.local").one().key == "local"
    except NoHostAvailable:
        return False


def events(cluster, session):
    with open_cluster() as other:
        other.connect(KEYSPACE).execute("CREATE TABLE from_another_client (id int PRIMARY KEY)")
        keyspace = cluster.metadata.keyspaces[KEYSPACE]
        wait_until(lambda: "from_another_client" in keyspace.tables, "the table")


def large(cluster, session):
    session.execute("CREATE TABLE large (part int, number int, bytes blob, PRIMARY KEY (part, number))")
    insert = session.prepare("INSERT INTO large (part, number, bytes) VALUES (0, ?, ?)")
    for number in range(20):
        session.execute(insert, (number, bytes([number]) * 2**20))
    rows = session.execute("SELECT number, bytes FROM large WHERE part = 0")
    expect(rows.has_more_pages, False)
    for number, row in enumerate(rows.current_rows):
        expect(row.number, number)
        expect(row.bytes == bytes([number]) * 2**20, True)
    expect(number, 19)


def warnings(cluster, session):
    if cluster.protocol_version < 4:
        return "v3 has no warnings"
    future = session.execute_async("SELECT v FROM faults.warnings")
    expect(future.result().one().v, "warned")
    expect(future.warnings, ["the first warning", "the second warning"])


def payload(cluster, session):
    if cluster.protocol_version < 4:
        return "v3 has no payloads"
    sent = {"key": b"value", "empty": b""}
    future = session.execute_async("SELECT v FROM faults.payload", custom_payload=sent)
    expect(future.result().one().v, "echoed")
    expect(future.custom_payload, sent)


def tracing(cluster, session):
    trace = session.execute("SELECT age FROM users WHERE name = 'user_1'", trace=True).get_query_trace()
    expect(trace.request_type, "Execute CQL3 query")
    expect(trace.parameters["query"], "SELECT age FROM users WHERE name = 'user_1'")
    expect(str(trace.coordinator), HOST)
    if not trace.events:
        raise AssertionError("the trace has no events")


STEPS = [metadata, ddl, types, prepared, batch, paging, conditional, counter, events, errors, large, warnings, payload,
         tracing]


def report(step, run):
    try:
        skipped = run()
    except Exception as error:
        print(f"failed {step}: {type(error).__name__}: {error}".replace("\n", " "))
    else:
        print(f"skipped {step}: {skipped}" if skipped else f"ok {step}")


def main():
    with open_cluster() as cluster:
        session = cluster.connect()
        session.default_timeout = 60
        for step in [connect, *STEPS]:
            report(step.__name__, lambda: step(cluster, session))


main()
