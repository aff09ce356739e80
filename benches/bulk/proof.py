#!/usr/bin/env python3
"""Proves that a table of three nodes is unloaded as it was loaded, while programs and nodes are killed.

Half of the rows are in one partition, each other row has one of its own. `cqlwire load` is killed ten times, then
`cqlwire unload` ten times and two nodes once each. Four processes then unload a shard each. All three files have
the same sorted hash. memory.csv has the memory of the programs over time. README.md has the command.
"""

import argparse
import csv
import json
import os
import signal
import subprocess
import sys
import time

KEYSPACE = "CREATE KEYSPACE IF NOT EXISTS proof WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}"
TABLE = "CREATE TABLE IF NOT EXISTS proof.t (k bigint, c bigint, v text, PRIMARY KEY (k, c))"
SHARDS = 4
LIMIT = 64  # MiB of resident memory of each program


class Cluster:
    """Three nodes, which the harness runs."""

    def __init__(self, program):
        self.process = subprocess.Popen([program, "--nodes", "3", "--tokens", "16", "--jvm=-XX:TieredStopAtLevel=4"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.host = self.process.stdout.readline().strip().split("=")[1].split(",")[0]

    def run(self, command):
        """Runs a command of the harness, which lists the nodes afterwards, and waits until it has ended."""
        self.process.stdin.write(command + "\nnodes\n")
        self.process.stdin.flush()
        # A command that fails prints nothing here, and its reason to stderr.
        lines = [self.process.stdout.readline() for _ in range(3)]
        state = "stopped" if command.startswith("kill") else "running"
        if state not in lines[int(command.split()[1]) - 1]:
            sys.exit(f"`{command}` failed: {lines}")
        for _ in range(3):
            self.process.stdout.readline()

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def write_rows(path, rows):
    with open(path, "w", encoding="utf-8") as file:
        file.write("k,c,v\n")
        for row in range(rows):
            file.write(f'{0 if row % 2 == 0 else row},{row},"row, {row}"\n')


def sorted_hash(*paths):
    """Returns a hash of the sorted lines of files, without their headers, and the number of lines."""
    # One tail a file: of several, some versions print the names.
    tails = "; ".join(f"tail -n +2 '{path}'" for path in paths)
    command = f"({tails}) | LC_ALL=C sort -S 1G | tee >(wc -l >&2) | sha256sum"
    done = subprocess.run(["bash", "-c", command], check=True, capture_output=True, text=True)
    return done.stdout.split()[0], int(done.stderr)


class Program:
    """A program that is killed and started again, and whose memory is sampled."""

    def __init__(self, name, command, progress, samples):
        self.name, self.command, self.progress, self.samples = name, command, progress, samples
        self.process, self.kills = None, 0

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.kills += 1

    def sample(self):
        """Records the memory. Returns false if the program has ended."""
        if self.process.poll() is not None:
            return False
        try:
            with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
                resident = [line for line in status if line.startswith("VmRSS:")]
            if resident:
                self.samples.append((self.name, self.kills, self.progress(), int(resident[0].split()[1]) / 1024))
        except OSError:
            pass
        return True

    def wait_for(self, amount):
        """Waits until this progress has been made."""
        while self.progress() < amount:
            if not self.sample():
                self.check()
                sys.exit(f"{self.name} ended before it was killed {self.kills + 1} times: use more --rows")
            time.sleep(0.1)

    def check(self):
        if self.process.returncode != 0:
            sys.exit(f"{self.name} failed: {self.process.stderr.read()}")

    def kill_between(self, first, last, times):
        """Kills the program a number of times between two amounts of progress, and starts it again each time."""
        self.start()
        for kill in range(times):
            self.wait_for(first + (last - first) * (kill + 1) / (times + 1))
            self.kill()
            self.start()


def finish(*programs):
    while any([program.sample() for program in programs]):
        time.sleep(0.1)
    for program in programs:
        program.check()


def rows_of(checkpoint):
    def progress():
        try:
            with open(checkpoint, encoding="utf-8") as file:
                return json.load(file)["read"]
        except (OSError, ValueError):
            return 0
    return progress


def bytes_of(*paths):
    def progress():
        return sum(os.path.getsize(path) for path in paths if os.path.exists(path))
    return progress


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cqlwire", default="target/release/cqlwire")
    parser.add_argument("--cassandra", default="target/debug/cassandra")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--folder", default="target/proof")
    arguments = parser.parse_args()
    os.makedirs(arguments.folder, exist_ok=True)
    path = lambda name: os.path.join(os.path.abspath(arguments.folder), name)
    source, checkpoint = path("rows.csv"), path("load.json")
    if os.path.exists(checkpoint):
        sys.exit(f"{arguments.folder} has the files of another run: remove it, or choose another --folder")
    write_rows(source, arguments.rows)
    size = os.path.getsize(source)
    expected = sorted_hash(source)
    print(f"{expected[1]:,} rows, sorted hash {expected[0][:16]}", flush=True)

    cluster = Cluster(arguments.cassandra)
    connect = ["--host", cluster.host, "--consistency", "LOCAL_QUORUM", "--timeout", "30"]
    for statement in [KEYSPACE, TABLE]:
        subprocess.run([arguments.cqlwire, "shell", "--host", cluster.host, "--timeout", "60", "-e", statement], check=True)
    samples, start = [], time.monotonic()

    def report(what):
        nonlocal start
        print(f"{what}: {time.monotonic() - start:.0f} s", flush=True)
        start = time.monotonic()

    def check(what, *files):
        found = sorted_hash(*files)
        print(f"{what}: {found[1]:,} rows, sorted hash {found[0][:16]}", flush=True)
        if found != expected:
            sys.exit(f"{what}: the rows differ from those that were loaded")

    # The kills are in the first half, so that the last process shows the memory of half a table.
    load = Program("load", [arguments.cqlwire, "load", "proof.t", *connect, "--from", source, "--checkpoint", checkpoint,
                            "--checkpoint-every", "1", "--resume", "--errors", path("errors")],
                   rows_of(checkpoint), samples)
    load.kill_between(0, arguments.rows // 2, arguments.kills)
    finish(load)
    report(f"load, killed {load.kills} times")

    out = path("out.csv")
    part = out + ".part"
    unload = Program("unload", [arguments.cqlwire, "unload", "proof.t", *connect, "--to", out, "--checkpoint-every", "1",
                                "--resume"], bytes_of(out, part), samples)
    unload.kill_between(0, size // 2, arguments.kills)
    for node, begin, end in [(2, 0.55, 0.65), (3, 0.75, 0.85)]:
        unload.wait_for(begin * size)
        cluster.run(f"kill {node}")
        unload.wait_for(end * size)
        cluster.run(f"start {node}")
    finish(unload)
    report(f"unload, killed {unload.kills} times, and two nodes once each")
    check("unload", out)

    shards = []
    for shard in range(SHARDS):
        name = f"out-{shard}-of-{SHARDS}.csv"
        command = [arguments.cqlwire, "unload", "proof.t", *connect, "--to", path("out.csv"), "--overwrite",
                   "--shard", f"{shard}/{SHARDS}"]
        shards.append((path(name), Program(f"shard {shard}", command, bytes_of(path(name), path(name) + ".part"), samples)))
        shards[-1][1].start()
    finish(*(program for _, program in shards))
    report(f"unload by {SHARDS} processes")
    check(f"unload by {SHARDS} processes", *(name for name, _ in shards))
    cluster.stop()

    with open(path("memory.csv"), "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["program", "kills", "progress", "MiB"])
        writer.writerows((name, kills, progress, f"{memory:.1f}") for name, kills, progress, memory in samples)
    for name in dict.fromkeys(sample[0] for sample in samples):
        most = max(sample[3] for sample in samples if sample[0] == name)
        print(f"{name}: at most {most:.1f} MiB resident", flush=True)
        if most > LIMIT:
            sys.exit(f"{name} takes more than {LIMIT} MiB")


if __name__ == "__main__":
    main()
