"""The first message of a PostgreSQL client; a server that accepts connections answers it with an "R"."""

import struct

_BODY = struct.pack("!i", 3 << 16) + b"user\0postgres\0database\0postgres\0\0"  # protocol 3.0
STARTUP = struct.pack("!i", len(_BODY) + 4) + _BODY
