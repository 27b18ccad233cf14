"""Reading a .jsonl of many rows: fast for rows that are beyond doubt, careful with all others.

Rows are read in blocks.  A block is beyond doubt when each of its lines is exactly one flat JSON object that has every
key, each with a value of exactly the type that its shape asks for.  With any other block the careful way goes through
every line, decides, and finds the words for what is wrong.
"""

import gc
import io
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from itertools import repeat
from operator import itemgetter
from types import UnionType
from typing import Any, Generic, Literal, NoReturn, TypeVar, get_args, get_origin, get_type_hints

from reports.shapes import Request

R = TypeVar("R", bound=Request)
BLOCK = 1 << 18
Careful = Callable[[int, bytes], R | None]  # line number, line -> row, or None when it is no row


def no_number(name: str) -> NoReturn:
    """Refuse a constant that JSON does not have."""
    raise ValueError(f"{name} is not JSON")


DECODER = json.JSONDecoder(parse_constant=no_number)  # NaN and Infinity are no numbers to judge with


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the garbage collector from walking through millions of rows again and again: they hold no cycles."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def read(file: io.BufferedIOBase, kind: type[R], careful: Careful[R]) -> tuple[tuple[R, ...], bool]:
    """Read all rows, and tell whether the last line was cut off: a whole file ends with a newline."""
    rows: list[R] = []
    shape, number, torn = _Shape(kind), 1, False
    while block := file.read(BLOCK):
        block += file.readline()
        whole, newline, rest = block.rpartition(b"\n")
        torn = bool(rest)
        if newline:
            number = _block(whole + newline, number, shape, careful, rows)
    return tuple(rows), torn


class _Shape(Generic[R]):
    """What makes rows of a kind such that are beyond doubt, and how to make them without asking again."""

    def __init__(self, kind: type[R]) -> None:
        hints = get_type_hints(kind)
        names = [one.name for one in fields(kind)]
        self._kind = kind
        self._values = itemgetter(*names)
        self._hints = [(_types(hints[name]), frozenset(get_args(hints[name])), hints[name]) for name in names]
        self._puts = [getattr(kind, name).__set__ for name in names]

    def rows(self, found: list[Any]) -> list[R] | None:
        """Make rows of JSON objects, all of them or none: None when one of them is in any doubt."""
        try:
            columns = list(zip(*map(self._values, found), strict=True))
        except (KeyError, TypeError):
            return None
        for at, (types, among, hint) in enumerate(self._hints):
            column = columns[at]
            if not types.issuperset(map(type, column)):
                return None
            if get_origin(hint) is Literal and not among.issuperset(column):
                return None
            if str in types:
                shared: dict[Any, Any] = {}  # one text of many equal ones is enough
                columns[at] = tuple(map(shared.setdefault, column, column))
        return self._made(columns)

    def _made(self, columns: Sequence[Sequence[Any]]) -> list[R]:
        """Fill the slots column by column: a frozen dataclass's own way takes four times as long."""
        rows = list(map(object.__new__, repeat(self._kind, len(columns[0]))))
        for put, column in zip(self._puts, columns, strict=True):
            deque(map(put, rows, column), maxlen=0)
        return rows


def _types(hint: Any) -> frozenset[type]:
    if get_origin(hint) is UnionType:
        return frozenset(kind for one in get_args(hint) for kind in _types(one))
    return frozenset([str if get_origin(hint) is Literal else hint])


def _block(block: bytes, number: int, shape: _Shape[R], careful: Careful[R], rows: list[R]) -> int:
    """Read a block of whole lines that begins with line `number`; returns the number of the line behind it."""
    made = shape.rows(found) if (found := _objects(block)) else None
    if made is not None:
        rows += made
        return number + len(made)
    *lines, _ = block.split(b"\n")
    for at, line in enumerate(lines, number):
        row = careful(at, line) if line.strip() else None
        if row is not None:
            rows.append(row)
    return number + len(lines)


def _objects(block: bytes) -> list[Any] | None:
    """Parse lines in one go where each is certainly one flat object: one brace at its begin, one at its end.

    No JSON text holds a bare line break, so a brace at the end of a line closes the object that the line began with.
    """
    lines = block.count(b"\n")
    braces = (block.count(b"{"), block.count(b"}"), block.count(b"\n{") + block.startswith(b"{"), block.count(b"}\n"))
    if set(braces) != {lines}:
        return None
    try:
        found: list[Any] = DECODER.decode(f"[{block[:-1].decode().replace(chr(10), ',')}]")
    except (ValueError, RecursionError):
        return None
    return found
