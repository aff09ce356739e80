"""Returns tokens and replicas as the Python driver computes them. See replicas.rs."""

import sys

from cassandra.cluster import Cluster
from lines import answer_lines


def main(host, port):
    cluster = Cluster([host], port=int(port), protocol_version=5, monitor_reporting_enabled=False)
    session = cluster.connect()
    # A node writes each statement that it prepares to its disk, which takes seconds on a busy machine.
    session.default_timeout = 120

    def replicas(request):
        prepared = session.prepare(request["statement"])
        metadata = cluster.metadata

        def of(values):
            key = prepared.bind(values).routing_key
            token = metadata.token_map.token_class.from_key(key)
            hosts = metadata.get_replicas(request["keyspace"], key)
            return [str(token.value), sorted(host.address for host in hosts)]

        return [of(values) for values in request["keys"]]

    try:
        answer_lines({"replicas": replicas})
    finally:
        cluster.shutdown()


main(*sys.argv[1:])
