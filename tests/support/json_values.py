"""Converts values of the Python driver to language-neutral JSON, and back. See json_values.rs."""

import datetime
import decimal
import ipaddress
import json
import struct
import sys
import uuid

from cassandra import util

# By default, Python refuses to convert very long integers to text.
sys.set_int_max_str_digits(0)

EPOCH = datetime.datetime(1970, 1, 1)
MILLISECOND = datetime.timedelta(milliseconds=1)


def to_json(of, read):
    """Converts a value that the driver has read. `of` is its type as JSON."""
    if read is None:
        return None
    kind, *rest = [of] if isinstance(of, str) else of
    if kind in ("list", "vector"):
        return [to_json(rest[0], one) for one in read]
    if kind == "set":
        return sorted({compact(to_json(rest[0], one)) for one in read})
    if kind == "map":
        # Not .items(), because it looks up each key by its serialized bytes, in which a set may have
        # another order.
        entries = [[to_json(rest[0], key), to_json(rest[1], one)] for key, one in read._items]
        return sorted(entries, key=compact)
    if kind in ("tuple", "udt"):
        types = rest[0] if kind == "tuple" else [sub for _, sub in rest[2]]
        return [to_json(sub, one) for sub, one in zip(types, read)]
    return TO_JSON.get(kind, str)(read)


def from_json(of, text):
    """Converts JSON to a value that the driver can write."""
    if text is None:
        return None
    kind, *rest = [of] if isinstance(of, str) else of
    if kind in ("list", "vector"):
        return [from_json(rest[0], one) for one in text]
    if kind == "set":
        return [from_json(rest[0], json.loads(one)) for one in text]
    if kind == "map":
        return util.OrderedMap(
            [(from_json(rest[0], key), from_json(rest[1], one)) for key, one in text]
        )
    if kind in ("tuple", "udt"):
        types = rest[0] if kind == "tuple" else [sub for _, sub in rest[2]]
        return tuple(from_json(sub, one) for sub, one in zip(types, text))
    return FROM_JSON.get(kind, int)(text)


def compact(of):
    return json.dumps(of, ensure_ascii=False, separators=(",", ":"))


def ip(text):
    return ipaddress.ip_address(text).packed.hex()


def decimal_to_json(read):
    sign, digits, exponent = read.as_tuple()
    unscaled = int("".join(map(str, digits)))
    return [str(-unscaled if sign else unscaled), str(-exponent)]


def decimal_from_json(text):
    unscaled, scale = map(int, text)
    digits = tuple(map(int, str(abs(unscaled))))
    return decimal.Decimal((int(unscaled < 0), digits, -scale))


def timestamp_from_json(text):
    """Returns a datetime, or the milliseconds if they are outside its range. The driver takes both."""
    try:
        return EPOCH + int(text) * MILLISECOND
    except OverflowError:
        return int(text)


TO_JSON = {
    "blob": bytes.hex,
    "boolean": bool,
    "custom": bytes.hex,
    "date": lambda read: str(read.days_from_epoch),
    "decimal": decimal_to_json,
    "double": lambda read: struct.pack(">d", read).hex(),
    "duration": lambda read: [str(read.months), str(read.days), str(read.nanoseconds)],
    "float": lambda read: struct.pack(">f", read).hex(),
    "inet": ip,
    "time": lambda read: str(read.nanosecond_time),
    "timestamp": lambda read: str((read - EPOCH) // MILLISECOND),
}

# Values of all other types are integers.
FROM_JSON = {
    "ascii": str,
    "blob": bytes.fromhex,
    "boolean": bool,
    "custom": bytes.fromhex,
    "date": lambda text: util.Date(int(text)),
    "decimal": decimal_from_json,
    "double": lambda text: struct.unpack(">d", bytes.fromhex(text))[0],
    "duration": lambda text: util.Duration(*map(int, text)),
    "float": lambda text: struct.unpack(">f", bytes.fromhex(text))[0],
    "inet": lambda text: str(ipaddress.ip_address(bytes.fromhex(text))),
    "text": str,
    "time": lambda text: util.Time(int(text)),
    "timestamp": timestamp_from_json,
    "timeuuid": uuid.UUID,
    "uuid": uuid.UUID,
}
