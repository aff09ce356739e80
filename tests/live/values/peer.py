"""The Python driver as a client of one node, in one protocol version. See python.rs."""

import socket
import sys

from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import WhiteListRoundRobinPolicy
from cassandra.query import tuple_factory
from lines import answer_lines
from json_values import from_json, to_json


class Client:
    def __init__(self, host, port, version):
        self.arguments = {
            "contact_points": [host],
            "port": int(port),
            "protocol_version": int(version),
            "compression": False,
            # The driver sends in pieces, so without NODELAY the last piece waits for an acknowledgement.
            "sockopts": [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            "schema_metadata_enabled": False,
            "token_metadata_enabled": False,
            "monitor_reporting_enabled": False,
        }
        self.connect()

    def connect(self):
        profile = ExecutionProfile(
            load_balancing_policy=WhiteListRoundRobinPolicy(self.arguments["contact_points"]),
            request_timeout=60,
            row_factory=tuple_factory,
        )
        profiles = {EXEC_PROFILE_DEFAULT: profile}
        self.cluster = Cluster(execution_profiles=profiles, **self.arguments)
        self.session = self.cluster.connect()

    def write(self, request):
        text, values = request["statement"], [from_json(*value) for value in request["values"]]
        self.ask(self.session.execute, self.ask(self.session.prepare, text), values)

    def read(self, request):
        row = self.ask(self.session.execute, request["statement"]).one()
        return [to_json(of, value) for of, value in zip(request["types"], row, strict=True)]

    def ask(self, method, *arguments):
        try:
            return method(*arguments)
        except Exception:
            # The driver closes its only connection after a response that it cannot read.
            self.cluster.shutdown()
            self.connect()
            raise


def main(*arguments):
    client = Client(*arguments)
    try:
        answer_lines({"read": client.read, "write": client.write})
    finally:
        client.cluster.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
