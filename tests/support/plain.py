"""Values of the Python driver as JSON that every language has, and back. See plain.rs."""

import datetime
import decimal
import ipaddress
import json
import struct
import sys
import uuid

from cassandra import util

# By default Python does not turn longer numbers into text.
sys.set_int_max_str_digits(0)

EPOCH = datetime.datetime(1970, 1, 1)
MILLISECOND = datetime.timedelta(milliseconds=1)


def plain(of, read):
    """What the driver has read, of a type as `cql_type` in plain.rs describes it."""
    if read is None:
        return None
    kind, *rest = [of] if isinstance(of, str) else of
    if kind in ("list", "vector"):
        return [plain(rest[0], one) for one in read]
    if kind == "set":
        return sorted({compact(plain(rest[0], one)) for one in read})
    if kind == "map":
        # Not .items(), which looks each key up by the bytes that it would write for it: in these a
        # set may have another order.
        entries = [[plain(rest[0], key), plain(rest[1], one)] for key, one in read._items]
        return sorted(entries, key=compact)
    if kind in ("tuple", "udt"):
        types = rest[0] if kind == "tuple" else [sub for _, sub in rest[2]]
        return [plain(sub, one) for sub, one in zip(types, read)]
    return TO_PLAIN.get(kind, str)(read)


def of_plain(of, text):
    """What the driver is to write."""
    if text is None:
        return None
    kind, *rest = [of] if isinstance(of, str) else of
    if kind in ("list", "vector"):
        return [of_plain(rest[0], one) for one in text]
    if kind == "set":
        return [of_plain(rest[0], json.loads(one)) for one in text]
    if kind == "map":
        return util.OrderedMap(
            [(of_plain(rest[0], key), of_plain(rest[1], one)) for key, one in text]
        )
    if kind in ("tuple", "udt"):
        types = rest[0] if kind == "tuple" else [sub for _, sub in rest[2]]
        return tuple(of_plain(sub, one) for sub, one in zip(types, text))
    return OF_PLAIN.get(kind, int)(text)


def compact(of):
    return json.dumps(of, ensure_ascii=False, separators=(",", ":"))


def ip(text):
    return ipaddress.ip_address(text).packed.hex()


def plain_decimal(read):
    sign, digits, exponent = read.as_tuple()
    unscaled = int("".join(map(str, digits)))
    return [str(-unscaled if sign else unscaled), str(-exponent)]


def of_plain_decimal(text):
    unscaled, scale = map(int, text)
    digits = tuple(map(int, str(abs(unscaled))))
    return decimal.Decimal((int(unscaled < 0), digits, -scale))


def of_plain_timestamp(text):
    """A datetime, or beyond its years the milliseconds, which the driver takes, too."""
    try:
        return EPOCH + int(text) * MILLISECOND
    except OverflowError:
        return int(text)


TO_PLAIN = {
    "blob": bytes.hex,
    "boolean": bool,
    "custom": bytes.hex,
    "date": lambda read: str(read.days_from_epoch),
    "decimal": plain_decimal,
    "double": lambda read: struct.pack(">d", read).hex(),
    "duration": lambda read: [str(read.months), str(read.days), str(read.nanoseconds)],
    "float": lambda read: struct.pack(">f", read).hex(),
    "inet": ip,
    "time": lambda read: str(read.nanosecond_time),
    "timestamp": lambda read: str((read - EPOCH) // MILLISECOND),
}

# The others are integers.
OF_PLAIN = {
    "ascii": str,
    "blob": bytes.fromhex,
    "boolean": bool,
    "custom": bytes.fromhex,
    "date": lambda text: util.Date(int(text)),
    "decimal": of_plain_decimal,
    "double": lambda text: struct.unpack(">d", bytes.fromhex(text))[0],
    "duration": lambda text: util.Duration(*map(int, text)),
    "float": lambda text: struct.unpack(">f", bytes.fromhex(text))[0],
    "inet": lambda text: str(ipaddress.ip_address(bytes.fromhex(text))),
    "text": str,
    "time": lambda text: util.Time(int(text)),
    "timestamp": of_plain_timestamp,
    "timeuuid": uuid.UUID,
    "uuid": uuid.UUID,
}
