#!/usr/bin/env python3
"""Unloads and loads a table with cqlwire, cqlsh's COPY and dsbulk, on one server, one after the other.

Prints a table with the rows a second, the CPU time and the memory of each program. README.md has the commands.
"""

import argparse
import os
import random
import shlex
import subprocess
import sys
import tempfile
import time
import uuid

KEYSPACE = ("CREATE KEYSPACE IF NOT EXISTS bulk WITH replication = "
            "{'class': 'SimpleStrategy', 'replication_factor': 1}")
TABLE = ("CREATE TABLE IF NOT EXISTS bulk.t "
         "(id uuid PRIMARY KEY, age int, at timestamp, name text, score double)")
COLUMNS = "id,age,at,name,score"


def write_rows(path, rows):
    """Writes the rows that all programs load."""
    randoms = random.Random(7)
    with open(path, "w", encoding="utf-8") as file:
        file.write(COLUMNS + "\n")
        for row in range(rows):
            key = uuid.UUID(int=randoms.getrandbits(128))
            at = f"2024-01-01 00:00:{row % 60:02d}.000+0000"
            file.write(f'{key},{row % 97},{at},"user, {row}",{randoms.random()}\n')


def memory(pid):
    """Returns the largest memory that a process has had, in MB, or 0 if it has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            lines = [line for line in status if line.startswith("VmHWM:")]
        return int(lines[0].split()[1]) / 1000 if lines else 0
    except OSError:
        return 0


def measure(command):
    """Runs a command. Returns its seconds and CPU seconds, those of its children included, and its memory in MB."""
    start = time.monotonic()
    # The memory of `wait4` would include that of this process before it became the program.
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        largest = 0
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid != 0:
                break
            largest = max(largest, memory(process.pid))
            time.sleep(0.05)
        if status != 0:
            output.seek(0)
            sys.exit(f"{shlex.join(command)} failed:\n{output.read()}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, largest


def sorted_keys(path):
    """Returns the keys of a CSV file, sorted."""
    with open(path, encoding="utf-8") as file:
        next(file)
        return sorted(line.split(",", 1)[0] for line in file)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cqlwire", default="target/release/cqlwire")
    parser.add_argument("--cqlsh", help="path of cqlsh; it is left out without this argument")
    parser.add_argument("--dsbulk", help="command of dsbulk; it is left out without this argument")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default="9042")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", default="target/bulk")
    arguments = parser.parse_args()
    host, port, folder = arguments.host, arguments.port, os.path.abspath(arguments.folder)
    os.makedirs(folder, exist_ok=True)
    source = os.path.join(folder, "rows.csv")
    write_rows(source, arguments.rows)
    keys = sorted_keys(source)
    connect = ["--host", host, "--port", port]

    def shell(statement):
        subprocess.run([arguments.cqlwire, "shell", *connect, "--timeout", "60", "-e", statement], check=True)

    shell(KEYSPACE)
    shell(TABLE)
    cqlwire = {
        "load": lambda file: [arguments.cqlwire, "load", "bulk.t", *connect, "--from", file],
        "unload": lambda file: [arguments.cqlwire, "unload", "bulk.t", *connect, "--to", file],
    }
    stream = {
        "unload": lambda file: [arguments.cqlwire, "unload", *connect, "--to", file, "--query",
                                f"SELECT {COLUMNS} FROM bulk.t"],
    }
    cqlsh = {
        way: lambda file, way=way: [arguments.cqlsh, host, port, "-e",
                                    f"COPY bulk.t ({COLUMNS}) {way} '{file}' WITH HEADER = true"]
        for way in ["FROM", "TO"]
    }
    cqlsh = {"load": cqlsh["FROM"], "unload": cqlsh["TO"]}
    dsbulk_options = ["-h", host, "-port", port, "-k", "bulk", "-t", "t", "-header", "true",
                      "--connector.csv.maxConcurrentFiles", "1", "-logDir", folder]
    dsbulk = {
        "load": lambda file: [*shlex.split(arguments.dsbulk), "load", "-url", file, *dsbulk_options],
        "unload": lambda file: [*shlex.split(arguments.dsbulk), "unload", "-url", file, *dsbulk_options],
    }
    programs = [("cqlwire", cqlwire), ("cqlwire, one stream", stream)]
    if arguments.dsbulk:
        programs.append(("dsbulk", dsbulk))
    if arguments.cqlsh:
        programs.append(("cqlsh COPY", cqlsh))
    print("| program | | rows/s | s | CPU s | CPU us/row | MB |\n|---|---|---|---|---|---|---|", flush=True)

    def report(name, way, measured):
        seconds, cpu, memory = measured
        rows = arguments.rows
        print(f"| {name} | {way} | {rows / seconds:,.0f} | {seconds:.1f} | {cpu:.2f} | "
              f"{1e6 * cpu / rows:.2f} | {memory:.0f} |", flush=True)

    for name, commands in programs:
        if "load" in commands:
            shell("TRUNCATE bulk.t")
            report(name, "load", measure(commands["load"](source)))
    # The server compiles the code that reads rows while it runs for the first time.
    measure([*cqlwire["unload"](os.path.join(folder, "warm-up.csv")), "--overwrite"])
    for name, commands in programs:
        target = os.path.join(folder, name.split(",")[0].replace(" ", "-") + "-out.csv")
        subprocess.run(["rm", "-rf", target], check=True)
        report(name, "unload", measure(commands["unload"](target)))
        written = target if os.path.isfile(target) else os.path.join(target, "output-000001.csv")
        if sorted_keys(written) != keys:
            sys.exit(f"{name}: the rows differ from those that were loaded")


if __name__ == "__main__":
    main()
