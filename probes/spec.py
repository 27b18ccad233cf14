"""What the client is told to do: JSON, checked key by key."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from targets.target import BadInput

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class StreamSpec:
    """A request that is repeated, every `interval_s` if it has one of its own; the last four are for `http`."""

    name: str
    kind: str
    url: str
    interval_s: float | None = None
    method: str = "GET"
    body: str | None = None
    expect: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class WriteSpec:
    """How a `resource` takes number n: {n} and {ledger} are filled in; the statuses that settle what became of it."""

    method: str
    path: str
    body: str | None = None
    acked: tuple[int, ...]
    refused: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class ReadSpec:
    """How a `resource` lists its numbers: by following `next`, or counting {page} up from `first_page`, or at once."""

    path: str
    numbers: str
    next: str | None = None
    first_page: int = 1


@dataclass(frozen=True, kw_only=True)
class LedgerSpec:
    """Numbered writes, as streams are; `id` keeps one drill's apart from another's. The last three: `resource`."""

    name: str
    kind: str
    url: str
    id: str
    interval_s: float | None = None
    write: WriteSpec | None = None
    read: ReadSpec | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ClientSpec:
    """Everything one client does; times in seconds."""

    folder: str  # "": what is recorded is told on stdout
    interval_s: float = 0.02
    timeout_s: float = 1.0
    window_s: float = 0.5
    read_s: float = 10.0  # what the final read gets, retries included; ten timeouts if that is more
    streams: tuple[StreamSpec, ...] = ()
    ledgers: tuple[LedgerSpec, ...] = ()


TYPES: dict[Any, tuple[tuple[type, ...], str]] = {  # a key's declared type: what it accepts, what it is called
    str: ((str,), "text"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    float | None: ((int, float, type(None)), "a number or null"),
    str | None: ((str, type(None)), "text or null"),
    tuple[int, ...]: ((list, tuple), "a list of statuses"),
    Mapping[str, str]: ((Mapping,), "an object of texts"),
    WriteSpec | None: ((WriteSpec, type(None)), "an object or null"),
    ReadSpec | None: ((ReadSpec, type(None)), "an object or null"),
    tuple[StreamSpec, ...]: ((tuple,), "a list of objects"),
    tuple[LedgerSpec, ...]: ((tuple,), "a list of objects"),
}
INSIDE: dict[Any, type] = {  # a key's declared type: what the objects in it become
    WriteSpec | None: WriteSpec,
    ReadSpec | None: ReadSpec,
    tuple[StreamSpec, ...]: StreamSpec,
    tuple[LedgerSpec, ...]: LedgerSpec,
}


def load(path: Path) -> ClientSpec:
    """Read and check a SPEC file. BadInput names the file, the key, the value and the cure."""
    try:
        return read(path.read_text(), f"SPEC {path}")
    except OSError as error:
        raise BadInput(f"SPEC {path}: {error.strerror}; give the path of a JSON file") from None


def read(text: str, called: str = "SPEC") -> ClientSpec:
    """Check a SPEC. BadInput as for `load`."""
    try:
        return parse(json.loads(text))
    except ValueError as error:
        raise BadInput(f"{called}: not JSON ({error})") from None
    except BadInput as error:
        raise BadInput(f"{called}: {error}") from None


def parse(raw: object) -> ClientSpec:
    """Check a SPEC that is already in memory. BadInput as for `load`."""
    made = _make(ClientSpec, raw, "the SPEC")
    for key in ("interval_s", "timeout_s", "window_s", "read_s"):
        if getattr(made, key) <= 0:
            raise BadInput(f"{key} is {getattr(made, key)}; give seconds above 0")
    every: tuple[StreamSpec | LedgerSpec, ...] = (*made.streams, *made.ledgers)
    if slow := next((one for one in every if one.interval_s is not None and one.interval_s <= 0), None):
        raise BadInput(f"{slow.name}: interval_s is {slow.interval_s}; give seconds above 0")
    names = [one.name for one in every]
    if not names or len(set(names)) < len(names):
        raise BadInput(f"streams and ledgers are called {names}; give at least one, each a name of its own")
    if made.folder and not Path(made.folder).is_dir():
        raise BadInput(f"folder {made.folder!r} is not a folder; make it first")
    return made


def _make(kind: type[T], raw: object, where: str) -> T:
    if not isinstance(raw, Mapping):
        raise BadInput(f"{where} is {raw!r}; give an object")
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(raw) - set(fields)):
        raise BadInput(f"{where} has the unknown key {unknown[0]!r}; known are {', '.join(fields)}")
    inner = "" if where == "the SPEC" else f"{where}."
    made = {name: _inside(fields[name].type, value, inner + name) for name, value in raw.items()}
    for name, known in fields.items():
        _check(name, known, made, where)
    return kind(**made)


def _inside(declared: Any, value: Any, where: str) -> Any:
    kind = INSIDE.get(declared)
    if kind and isinstance(value, list | tuple):
        return tuple(_make(kind, one, f"{where}[{n}]") for n, one in enumerate(value))
    return _make(kind, value, where) if kind and isinstance(value, Mapping) else value


def _check(name: str, known: "dataclasses.Field[Any]", made: Mapping[str, Any], where: str) -> None:
    if name not in made:
        if known.default is known.default_factory is dataclasses.MISSING:
            raise BadInput(f"{where} lacks the key {name!r}")
        return
    value = made[name]
    accepted, called = TYPES[known.type]
    fits = isinstance(value, accepted) and not isinstance(value, bool)
    if fits and known.type == Mapping[str, str]:
        fits = all(isinstance(one, str) for pair in value.items() for one in pair)
    if fits and known.type == tuple[int, ...]:
        fits = all(isinstance(one, int) for one in value)
    if not fits:
        raise BadInput(f"{where}: {name} is {value!r}, which is not {called}")
