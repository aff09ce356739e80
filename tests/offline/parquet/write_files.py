"""Writes the Parquet files of other programs that the tests read, with pyarrow, pandas and DuckDB.

    pip install pyarrow==26.0.1 pandas==3.1.1 duckdb==2.0.1 && python write_files.py
"""

import datetime as dt
import decimal
import uuid

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

D = decimal.Decimal
UTC = dt.timezone.utc

# Each array has two values and a null.
moment = dt.datetime(2024, 2, 29, 12, 30, 15, 123000, tzinfo=UTC)
columns = {
    "id": pa.array([1, 2, 3], pa.uint8()),
    "small": pa.array([-128, 127, None], pa.int64()),
    "big": pa.array([2**63 - 1, 0, None], pa.uint64()),
    "whole": pa.array([7.0, -1.0, None], pa.float64()),
    "var": pa.array([D("12345678901234567890123456789012345678"), D(-1), None], pa.decimal128(38, 0)),
    "price": pa.array([D("1.10"), D("-99999999.99"), None], pa.decimal128(10, 2)),
    "wide": pa.array([D("9" * 70 + ".123456"), D("-0.000001"), None], pa.decimal256(76, 6)),
    "half": pa.array([np.float16(1.5), np.float16(-2.0), None], pa.float16()),
    "single": pa.array([0.1, float("-inf"), None], pa.float64()),
    "flag": pa.array([True, False, None]),
    "word": pa.array(["a", "b", None]).dictionary_encode(),
    "large": pa.array(["it's", "", None], pa.large_string()),
    "view": pa.array(["view", "x" * 40, None], pa.string_view()),
    "data": pa.array([b"\x00\xff", b"", None], pa.large_binary()),
    "key": pa.array([uuid.UUID(int=1).bytes, uuid.UUID(int=2**128 - 1).bytes, None], pa.binary(16)),
    "uuid": pa.ExtensionArray.from_storage(
        pa.uuid(), pa.array([uuid.UUID(int=1).bytes, uuid.UUID(int=2).bytes, None], pa.binary(16))
    ),
    "address": pa.array(["127.0.0.1", "::1", None]),
    "day": pa.array([dt.date(2024, 2, 29), dt.date(1, 1, 1), None], pa.date32()),
    "day64": pa.array([dt.date(2024, 2, 29), dt.date(1969, 12, 31), None], pa.date64()),
    "hour": pa.array([dt.time(23, 59, 59, 999999), dt.time(0), None], pa.time64("us")),
    "second": pa.array([dt.time(1, 2, 3), dt.time(0), None], pa.time32("s")),
    "micros": pa.array([moment, dt.datetime(1, 1, 1, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
    "zoned": pa.array([moment, moment, None], pa.timestamp("ns", "Europe/Paris")),
    "plain": pa.array([dt.datetime(1960, 1, 1), dt.datetime(9999, 12, 31), None], pa.timestamp("ms")),
    "elapsed": pa.array([dt.timedelta(hours=1), dt.timedelta(microseconds=-1), None], pa.duration("us")),
    "list": pa.array([[1, None], [], None], pa.large_list(pa.int32())),
    "vector": pa.array([[1.0, 2.0], [3.0, 4.0], None], pa.list_(pa.float32(), 2)),
    "map": pa.array([[("a", 1), ("b", None)], [], None], pa.map_(pa.string(), pa.int64())),
    "udt": pa.array([{"Street": "x", "no": 5}, {"Street": None, "no": None}, None],
                    pa.struct([("Street", pa.string()), ("no", pa.int64())])),
    "pairs": pa.array([[{"k": 1, "v": "x"}], [], None],
                      pa.list_(pa.struct([("k", pa.int16()), ("v", pa.string())]))),
}
table = pa.table(columns)
pq.write_table(table, "pyarrow.parquet", compression="snappy")

# As older versions of Spark: timestamps of 96 bits, the first form of pages, GZIP.
spark = pa.table({
    "id": pa.array([1, 2], pa.int32()),
    "at": pa.array([dt.datetime(2024, 2, 29, 12, 30, 15, 123000), dt.datetime(9999, 12, 31)], pa.timestamp("us")),
    "name": pa.array([b"bytes", b"text"], pa.binary()),
})
pq.write_table(spark, "int96.parquet", use_deprecated_int96_timestamps=True, version="1.0",
               compression="gzip", store_schema=False)

frame = pd.DataFrame({
    "id": [1, 2, 3, 4],
    "n": [1.0, None, 3.5, 4.0],
    "name": ["a", None, "c", "d"],
    "at": pd.to_datetime(["2024-02-29 12:30:15.123", None, "1960-01-01", "2024-01-01 00:00:00.0001"], format="ISO8601"),
    "day": pd.to_datetime(["2024-02-29", None, "1960-01-01", "2024-01-01 12:00"], format="ISO8601"),
    "kind": pd.Categorical(["x", "y", None, "x"]),
})
frame.to_parquet("pandas.parquet", compression="lz4", index=False)

duckdb.sql("""
    COPY (
        SELECT 1::TINYINT AS id, INTERVAL '14 months 3 days 1 second' AS span, uuid() IS NOT NULL AS flag,
               '00000000-0000-0001-0000-000000000002'::UUID AS key, 1.5::DECIMAL(18, 3) AS price,
               TIMESTAMP '2024-02-29 12:30:15.123' AS at, [1, 2] AS list, MAP {'a': 1} AS map,
               {'street': 'x', 'no': 5} AS udt, 'text' AS name, DATE '2024-02-29' AS day, TIME '01:02:03' AS hour
    ) TO 'duckdb.parquet' (FORMAT parquet, COMPRESSION zstd)
""")
