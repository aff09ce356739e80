"""Tests with pytest and the Python driver: pip install pytest cassandra-driver && pytest"""

import json
import subprocess

import pytest
from cassandra import WriteTimeout
from cassandra.cluster import Cluster

SCHEMA = "../shop.cql"


class Server:
    """A running `cqlwire serve`. It ends when its standard input closes, so that none is left over."""

    def __init__(self):
        command = ["cqlwire", "serve", "--listen", "127.0.0.1:0", "--schema", SCHEMA, "--exit-with-stdin"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        _ready, address = self.process.stdout.readline().split()
        self.host, port = address.split(":")
        self.port = int(port)

    def control(self, **command):
        print(json.dumps(command), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        assert "error" not in answer, answer
        return answer["ok"]


@pytest.fixture(scope="session")
def server():
    server = Server()
    with server.process:  # closes the standard input, and waits
        yield server


@pytest.fixture
def session(server):
    with Cluster([server.host], port=server.port) as cluster:
        session = cluster.connect("shop")
        yield session
        server.control(clear_faults=True)
        session.execute("TRUNCATE orders")


def test_finds_an_order(session):
    session.execute("INSERT INTO orders (id, item) VALUES (%s, %s)", (1, "tea"))
    assert session.execute("SELECT item FROM orders WHERE id = 1").one().item == "tea"


def test_reports_a_timeout(server, session):
    server.control(on="INSERT INTO %orders %", error="write_timeout", times=1)
    insert = session.prepare("INSERT INTO orders (id, item) VALUES (?, ?)")
    with pytest.raises(WriteTimeout):
        session.execute(insert, (2, "salt"))
    session.execute(insert, (2, "salt"))
    inserts = server.control(received="INSERT INTO %orders %")
    assert inserts[-1]["values"] == {"id": 2, "item": "salt"}
