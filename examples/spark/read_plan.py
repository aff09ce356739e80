#!/usr/bin/env python3
"""Reads a table on Spark's workers, by a plan that cqlwire has made.

    cqlwire unload k8s_test.users --host db1 --plan plan.json --dry-run
    spark-submit read_plan.py plan.json        # or, without Spark: python3 read_plan.py plan.json --local

The plan has a statement and the splits of the token ring. Each worker reads whole splits from one of their replicas. Together
they read every row once. Needs the package `cassandra-driver` on the workers.
"""

import json
import sys

from cassandra.cluster import Cluster


def rows_of(plan, splits):
    """Returns the rows of some splits, page by page."""
    if not splits:
        return
    hosts = {replica.rsplit(":", 1)[0].strip("[]") for split in splits for replica in split["replicas"]}
    port = int(splits[0]["replicas"][0].rsplit(":", 1)[1])
    cluster = Cluster(sorted(hosts), port=port)
    try:
        session = cluster.connect()
        # The driver sends a statement to the replicas of its partition key. That of a range of tokens is not known to it,
        # so that any node is the coordinator.
        select = session.prepare(plan["statement"])
        for split in splits:
            for row in session.execute(select, (int(split["start"]), int(split["end"]))):
                yield tuple(row)
    finally:
        cluster.shutdown()


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        plan = json.load(file)
    splits = [split for split in plan["splits"] if split["state"] != "complete"]
    if any(split["state"] == "reading" or not split["replicas"] for split in splits):
        sys.exit("the plan was read in part, or has no replicas: make a new plan")
    if "--local" in sys.argv:
        count = sum(1 for _ in rows_of(plan, splits))
    else:
        from pyspark import SparkContext

        context = SparkContext(appName="read_plan")
        count = context.parallelize(splits, max(1, len(splits))).mapPartitions(
            lambda part: rows_of(plan, list(part))
        ).count()
    print(f"{count} rows")


if __name__ == "__main__":
    main()
