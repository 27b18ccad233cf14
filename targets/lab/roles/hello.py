"""The first message of a PostgreSQL client; a server that accepts connections answers it with an "R"."""

import struct


def _startup(*more: bytes) -> bytes:
    words = b"".join(word + b"\0" for word in (b"user", b"postgres", b"database", b"postgres", *more))
    body = struct.pack("!i", 3 << 16) + words + b"\0"  # protocol 3.0
    return struct.pack("!i", len(body) + 4) + body


STARTUP = _startup()
OF_A_PEER = _startup(b"replication", b"database")
