"""What DESCRIBE should print, for the tests of `cqlwire shell`.

    shell_describe.py driver HOST PORT KEYSPACE

prints what cqlsh 5 printed on servers that do not execute DESCRIBE. It was made from the metadata of the
Python driver. The output is JSON: a list of commands and their outputs. The commands need KEYSPACE in use.

    shell_describe.py cqlsh HOST PORT FILE

runs a script with cqlsh, and exits as cqlsh does.
"""
import io
import json
import os
import subprocess
import sys
from cmd import Cmd


def in_columns(names):
    out = io.StringIO()
    Cmd(stdout=out).columnize(list(names))
    return "\n" + out.getvalue() + "\n"


def exported(*elements):
    return "\n" + "\n\n".join(element.export_as_string() for element in elements) + "\n\n"


def outputs(metadata, keyspace):
    from cassandra.metadata import protect_name as name, protect_names as names

    ks = metadata.keyspaces[keyspace]
    qualified = lambda element: f"{name(keyspace)}.{name(element)}"
    yield "DESCRIBE KEYSPACE", exported(ks)
    yield f"DESCRIBE KEYSPACE {name(keyspace)};", exported(ks)
    yield f"DESC {name(keyspace)}", exported(ks)
    yield "DESCRIBE KEYSPACE system_auth", exported(metadata.keyspaces["system_auth"])
    yield "DESCRIBE system", exported(metadata.keyspaces["system"])
    yield "DESCRIBE system_schema;", exported(metadata.keyspaces["system_schema"])
    yield "DESCRIBE TABLES", in_columns(names(ks.tables))
    yield "DESCRIBE COLUMNFAMILIES;", in_columns(names(ks.tables))
    yield "DESCRIBE TYPES", in_columns(names(ks.user_types))
    yield "desc functions;", in_columns(ks.functions)
    yield "DESCRIBE AGGREGATES", in_columns(ks.aggregates)
    for table in ks.tables.values():
        yield f"DESCRIBE TABLE {name(table.name)};", exported(table)
        yield f"DESC COLUMNFAMILY {qualified(table.name)}", exported(table)
        yield f"DESCRIBE {name(table.name)};", exported(table)
        yield f"DESCRIBE {qualified(table.name)};", exported(table)
    for user_type in ks.user_types.values():
        # cqlsh 5 printed no empty line after a type.
        yield f"DESCRIBE TYPE {name(user_type.name)};", exported(user_type)[:-1]
        yield f"DESCRIBE TYPE {qualified(user_type.name)}", exported(user_type)[:-1]
    for index in ks.indexes.values():
        yield f"DESCRIBE INDEX {name(index.name)};", exported(index)
        yield f"DESCRIBE {qualified(index.name)};", exported(index)
    for view in ks.views.values():
        yield f"DESCRIBE MATERIALIZED VIEW {name(view.name)};", exported(view)
        yield f"DESCRIBE {name(view.name)};", exported(view)
    for kind, elements in ("FUNCTION", ks.functions), ("AGGREGATE", ks.aggregates):
        for element in sorted({element.name for element in elements.values()}):
            same_name = [other for other in elements.values() if other.name == element]
            yield f"DESCRIBE {kind} {name(element)};", exported(*same_name)
            yield f"DESCRIBE {kind} {qualified(element)}", exported(*same_name)


def main():
    mode, host, port, last = sys.argv[1:]
    if mode == "cqlsh":
        cqlsh = os.path.join(os.path.dirname(sys.executable), "cqlsh")
        sys.exit(subprocess.run([cqlsh, host, port, "-f", last], stdin=subprocess.DEVNULL).returncode)
    from cassandra.cluster import Cluster

    cluster = Cluster([host], port=int(port))
    cluster.connect()
    print(json.dumps(list(outputs(cluster.metadata, last))))
    cluster.shutdown()


main()
