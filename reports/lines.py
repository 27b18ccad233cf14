"""Reading a .jsonl of many rows: fast for rows that are beyond doubt, careful with all others.

A row is beyond doubt when its line is exactly one JSON object that has every key, each with a value of exactly the type
that its shape asks for.  Whatever else a line holds, the careful way decides, and finds the words for it.
"""

import gc
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from itertools import product
from operator import itemgetter
from types import UnionType
from typing import Any, Generic, Literal, NoReturn, TypeVar, get_args, get_origin, get_type_hints

from reports.shapes import Request

R = TypeVar("R", bound=Request)
BLOCK = 1 << 20
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
    """What makes a row of a kind one that is beyond doubt, and how to make it without asking again."""

    def __init__(self, kind: type[R]) -> None:
        hints = get_type_hints(kind)
        kept = [hints[one.name] for one in fields(kind)]
        self.kind = kind
        self.values = itemgetter(*(one.name for one in fields(kind)))
        self.types = frozenset(product(*(_types(hint) for hint in kept)))
        self.literals = [(at, frozenset(get_args(hint))) for at, hint in enumerate(kept) if get_origin(hint) is Literal]
        self.texts = [at for at, hint in enumerate(kept) if str in _types(hint)]
        self._puts = [getattr(kind, one.name).__set__ for one in fields(kind)]

    def make(self, values: list[Any]) -> R:
        """Make the row through its slots: a frozen dataclass's own way takes three times as long."""
        row = object.__new__(self.kind)
        for put, value in zip(self._puts, values, strict=True):
            put(row, value)
        return row


def _types(hint: Any) -> tuple[type, ...]:
    if get_origin(hint) is UnionType:
        return tuple(kind for one in get_args(hint) for kind in _types(one))
    return (str,) if get_origin(hint) is Literal else (hint,)


def _block(block: bytes, number: int, shape: _Shape[R], careful: Careful[R], rows: list[R]) -> int:
    """Read a block of whole lines that begins with line `number`; returns the number of the line behind it."""
    try:
        text = block.decode()
    except UnicodeDecodeError:
        return _carefully(block, number, careful, rows)
    decode, find = DECODER.raw_decode, text.find
    shared: dict[str | None, str | None] = {}  # one text of many equal ones is enough
    at, size = 0, len(text)
    while at < size:
        end = find("\n", at)
        try:
            row, stop = decode(text, at)
            values = list(shape.values(row))
            sure = stop == end and tuple(map(type, values)) in shape.types
        except (ValueError, KeyError, TypeError, RecursionError):
            sure = False
        if sure and all(values[place] in among for place, among in shape.literals):
            for place in shape.texts:
                values[place] = shared.setdefault(values[place], values[place])
            rows.append(shape.make(values))
        else:
            _carefully(text[at : end + 1].encode(), number, careful, rows)
        at, number = end + 1, number + 1
    return number


def _carefully(block: bytes, number: int, careful: Careful[R], rows: list[R]) -> int:
    for line in block.split(b"\n")[:-1]:
        row = careful(number, line) if line.strip() else None
        if row is not None:
            rows.append(row)
        number += 1
    return number
