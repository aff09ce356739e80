"""Runs the steps of README.md with cqlsh, once for each step.

Arguments: host, port, keyspace, protocol version or `default`, compression or `default`. cqlsh leaves the compression
to the Python driver.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

HOST, PORT, KEYSPACE, VERSION, _ = sys.argv[1:6]

CQLSH = pathlib.Path(sys.executable).with_name("cqlsh")

# A literal of each CQL type, and the text that cqlsh prints for it.
TYPES = {
    "ascii": ("'ascii'", "ascii"),
    "bigint": ("-9223372036854775808", "-9223372036854775808"),
    "blob": ("0x00ff", "0x00ff"),
    "boolean": ("true", "True"),
    "date": ("'2024-02-29'", "2024-02-29"),
    "decimal": ("-123.4500", "-123.4500"),
    "double": ("1e300", "1e+300"),
    "duration": ("1mo2d3ns", "1mo2d3ns"),
    "float": ("0.5", "0.5"),
    "inet": ("'2001:db8::1'", "2001:db8::1"),
    "int": ("-2147483648", "-2147483648"),
    "smallint": ("-32768", "-32768"),
    "text": ("'grüße, 世界'", "grüße, 世界"),
    "time": ("'23:59:59.999999999'", "23:59:59.999999999"),
    "timestamp": ("'2024-02-29T12:34:56.789Z'", "2024-02-29 12:34:56.789000+0000"),
    "timeuuid": ("8e14e760-7fa8-11eb-bc66-000000000001", "8e14e760-7fa8-11eb-bc66-000000000001"),
    "tinyint": ("-128", "-128"),
    "uuid": ("f79326be-2d7b-11e4-8e1a-2a8bd4a1b4a1", "f79326be-2d7b-11e4-8e1a-2a8bd4a1b4a1"),
    "varchar": ("'varchar'", "varchar"),
    "varint": ("-1208925819614629174706176", "-1208925819614629174706176"),
    "list<int>": ("[3, 1, 2]", "[3, 1, 2]"),
    "set<text>": ("{'b', 'a'}", "{'a', 'b'}"),
    "map<text, int>": ("{'b': 2, 'a': 1}", "{'a': 1, 'b': 2}"),
    "tuple<int, text>": ("(1, 'one')", "(1, 'one')"),
    "frozen<list<frozen<map<text, int>>>>": ("[{'a': 1}, {}]", "[{'a': 1}, {}]"),
    "frozen<address>": ("{street: 'Main Street', number: 7}", "{street: 'Main Street', number: 7}"),
    "vector<float, 3>": ("[1.0, 2.5, -3.0]", "[1, 2.5, -3]"),
}

# cqlsh closes its connection after 0x000a, which is therefore the last one.
CODES = [0x0000, 0x0100, 0x1000, 0x1001, 0x1002, 0x1003, 0x1100, 0x1200, 0x1300, 0x1400, 0x1500, 0x1600, 0x1700, 0x2000,
         0x2100, 0x2200, 0x2300, 0x2400, 0x000A]


def run(script):
    """Runs a script, in which KS stands for the keyspace. Returns the standard output and the standard error."""
    with tempfile.TemporaryDirectory() as home:
        file = pathlib.Path(home, "script.cql")
        file.write_text(script.replace("KS", KEYSPACE) + ";\n")
        version = [] if VERSION == "default" else ["--protocol-version", VERSION]
        command = [CQLSH, *version, "--no-color", "--request-timeout", "60", "-f", file, HOST, PORT]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"HOME": home})
    return done.stdout, done.stderr


def check(script, *expected):
    """Runs a script that must not fail, and whose output must have these texts, in this order."""
    output, errors = run(script)
    if errors:
        raise AssertionError(errors)
    position = 0
    for text in expected:
        found = output.find(text, position)
        if found < 0:
            raise AssertionError(f"expected {text!r} in {output[position:]!r}")
        position = found + len(text)


def connect():
    number = "" if VERSION == "default" else VERSION
    check("SHOW VERSION", "Cassandra 5.0.6 | CQL spec 3.4.7 | Native protocol v" + number)


def metadata():
    check("DESCRIBE CLUSTER", "Cluster: ", "Partitioner: Murmur3Partitioner")
    check("DESCRIBE TABLE system.local", "CREATE TABLE system.local", "key text PRIMARY KEY")


def ddl():
    check("DROP KEYSPACE IF EXISTS KS")
    check("""
        CREATE KEYSPACE KS WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1};
        USE KS;
        CREATE TYPE address (street text, number int);
        CREATE TABLE changed (id int, at timeuuid, note text STATIC, PRIMARY KEY (id, at))
            WITH CLUSTERING ORDER BY (at DESC);
        ALTER TABLE changed ADD more set<int>;
        DESCRIBE TABLE changed;
        DESCRIBE TYPE address;
        DROP TABLE changed;
        DESCRIBE TABLES""", "CREATE TABLE", "note text static", "more set<int>", "CLUSTERING ORDER BY (at DESC)",
          "CREATE TYPE", "street text")


def types():
    columns = ", ".join(f"c{number}" for number in range(len(TYPES)))
    definitions = ", ".join(f"c{number} {cql_type}" for number, cql_type in enumerate(TYPES))
    literals = ", ".join(literal for literal, _ in TYPES.values())
    printed = [f" c{number} | {text}\n" for number, (_, text) in enumerate(TYPES.values())]
    output, errors = run(f"""
        USE KS;
        CREATE TABLE every_type (id int PRIMARY KEY, {definitions});
        INSERT INTO every_type (id, {columns}) VALUES (1, {literals});
        INSERT INTO every_type (id) VALUES (2);
        EXPAND ON;
        SELECT * FROM every_type WHERE id = 1;
        SELECT c0 FROM every_type WHERE id = 2""")
    if errors:
        raise AssertionError(errors)
    output = re.sub(" +", " ", output)
    for line in [*printed, " c0 | null\n"]:
        if line not in output:
            raise AssertionError(f"expected {line!r} in {output!r}")


def prepared():
    with tempfile.TemporaryDirectory() as folder:
        rows = pathlib.Path(folder, "rows.csv")
        rows.write_text("".join(f"user_{age},{age}\n" for age in range(10)))
        check(f"""
            CREATE TABLE KS.users (name text PRIMARY KEY, age int);
            COPY KS.users (name, age) FROM '{rows}' WITH NUMPROCESSES = 1;
            SELECT age FROM KS.users WHERE name = 'user_7'""", "10 rows imported from 1 files", "   7\n", "(1 rows)")
        check(f"COPY KS.users (name, age) TO '{rows}' WITH NUMPROCESSES = 1", "10 rows exported to 1 files")
        expected = {f"user_{age},{age}" for age in range(10)}
        if set(rows.read_text().split()) != expected:
            raise AssertionError(rows.read_text())


def batch():
    for kind in ("", "UNLOGGED"):
        check(f"""
            BEGIN {kind} BATCH
                INSERT INTO KS.users (name, age) VALUES ('batch', 1);
                UPDATE KS.users SET age = 2 WHERE name = 'other';
                DELETE FROM KS.users WHERE name = 'user_9';
            APPLY BATCH;
            SELECT name, age FROM KS.users WHERE name IN ('batch', 'other', 'user_9')""", "batch |   1", "(2 rows)")


def paging():
    inserts = "".join(f"INSERT INTO KS.numbers (part, number) VALUES (1, {number});\n" for number in range(250))
    check(f"""
        CREATE TABLE KS.numbers (part int, number int, PRIMARY KEY (part, number));
        {inserts}
        PAGING 100;
        SELECT number FROM KS.numbers""", "Page size: 100", "\n      0\n", "\n    249\n", "(250 rows)")


def conditional():
    check("""
        INSERT INTO KS.users (name, age) VALUES ('lwt', 1) IF NOT EXISTS;
        INSERT INTO KS.users (name, age) VALUES ('lwt', 2) IF NOT EXISTS;
        UPDATE KS.users SET age = 3 WHERE name = 'lwt' IF age = 1;
        UPDATE KS.users SET age = 4 WHERE name = 'lwt' IF age = 1;
        DELETE FROM KS.users WHERE name = 'lwt' IF EXISTS""",
          "True", "False |  lwt |   1", "True", "False |   3", "True")


def counter():
    check("""
        CREATE TABLE KS.counts (name text PRIMARY KEY, hits counter);
        UPDATE KS.counts SET hits = hits + 2 WHERE name = 'page';
        BEGIN COUNTER BATCH UPDATE KS.counts SET hits = hits - 3 WHERE name = 'page'; APPLY BATCH;
        SELECT hits FROM KS.counts WHERE name = 'page'""", "   -1\n")


def create_faults(table, columns):
    """Returns the statements that create a table in the keyspace `faults`. cqlsh reads only tables that exist."""
    return f"""
        CREATE KEYSPACE IF NOT EXISTS faults WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}};
        CREATE TABLE IF NOT EXISTS faults.{table} ({columns})"""


def errors():
    check(create_faults("errors", "code int PRIMARY KEY, v text"))
    _, printed = run(";\n".join(f"SELECT v FROM faults.errors WHERE code = {code}" for code in CODES))
    # The message names the code that the server was asked for. The driver replaces the message of 0x2400.
    printed = printed.replace("Table 'test.test' already exists", "the error 0x2400")
    actual = [int(code, 16) for code in re.findall("the error 0x([0-9a-f]{4})", printed)]
    if actual != CODES:
        raise AssertionError(f"expected {CODES}, got {actual}: {printed}")


def events():
    return "cqlsh shows no events"


def large():
    rows = "".join(f"INSERT INTO KS.large (number, text) VALUES ({number}, '{'x' * 2**20}');\n" for number in range(20))
    check(f"CREATE TABLE KS.large (number int PRIMARY KEY, text text);\n{rows}SELECT text FROM KS.large",
          *["x" * 2**20] * 20, "(20 rows)")


def warnings():
    if VERSION == "3":
        return "v3 has no warnings"
    check(create_faults("warnings", "v text PRIMARY KEY"))
    check("SELECT v FROM faults.warnings", "warned", "Warnings :", "the first warning", "the second warning")


def payload():
    return "cqlsh neither sends nor shows payloads"


def tracing():
    check("TRACING ON; SELECT age FROM KS.users WHERE name = 'user_1'",
          "(1 rows)", "Tracing session: ", "Execute CQL3 query", "Request complete")


def report(step):
    try:
        skipped = step()
    except Exception as error:
        print(f"failed {step.__name__}: {type(error).__name__}: {str(error)[:1000]}".replace("\n", " "))
    else:
        print(f"skipped {step.__name__}: {skipped}" if skipped else f"ok {step.__name__}")


for step in (connect, metadata, ddl, types, prepared, batch, paging, conditional, counter, events, errors, large, warnings,
             payload, tracing):
    report(step)
