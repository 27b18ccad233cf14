"""What the client is told to do: a JSON file, checked key by key."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from targets.target import BadInput

T = TypeVar("T")

TYPES: dict[Any, tuple[tuple[type, ...], str]] = {  # a key's declared type: what it accepts, what it is called
    str: ((str,), "text"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    str | None: ((str, type(None)), "text or null"),
}


@dataclass(frozen=True, kw_only=True)
class StreamSpec:
    """A request that is repeated; the last three are for the kind `http`."""

    name: str
    kind: str
    url: str
    method: str = "GET"
    body: str | None = None
    expect: int = 200


@dataclass(frozen=True, kw_only=True)
class LedgerSpec:
    """Numbered writes; `id` keeps one drill's numbers apart from another's."""

    name: str
    kind: str
    url: str
    id: str


@dataclass(frozen=True, kw_only=True)
class ClientSpec:
    """Everything one client does; times in seconds."""

    folder: str
    interval_s: float = 0.02
    timeout_s: float = 1.0
    window_s: float = 0.5
    streams: tuple[StreamSpec, ...] = ()
    ledgers: tuple[LedgerSpec, ...] = field(default=())


def load(path: Path) -> ClientSpec:
    """Read and check a SPEC file. BadInput names the file, the key, the value and the cure."""
    try:
        raw = json.loads(path.read_text())
    except OSError as error:
        raise BadInput(f"SPEC {path}: {error.strerror}; give the path of a JSON file") from None
    except ValueError as error:
        raise BadInput(f"SPEC {path}: not JSON ({error})") from None
    try:
        return parse(raw)
    except BadInput as error:
        raise BadInput(f"SPEC {path}: {error}") from None


def parse(raw: object) -> ClientSpec:
    """Check a SPEC that is already in memory. BadInput as for `load`."""
    made = _make(ClientSpec, _parts(raw), "the SPEC")
    for key in ("interval_s", "timeout_s", "window_s"):
        if getattr(made, key) <= 0:
            raise BadInput(f"{key} is {getattr(made, key)}; give seconds above 0")
    names = [one.name for one in made.streams] + [one.name for one in made.ledgers]
    if not names or len(set(names)) < len(names):
        raise BadInput(f"streams and ledgers are called {names}; give at least one, each a name of its own")
    if not Path(made.folder).is_dir():
        raise BadInput(f"folder {made.folder!r} is not a folder; make it first")
    return made


def _parts(raw: object) -> object:
    if not isinstance(raw, dict):
        return raw
    kinds = {"streams": StreamSpec, "ledgers": LedgerSpec}
    return {
        key: tuple(_make(kinds[key], one, f"{key}[{n}]") for n, one in enumerate(value))
        if key in kinds and isinstance(value, list | tuple)
        else value
        for key, value in raw.items()
    }


def _make(kind: type[T], raw: object, where: str) -> T:
    if not isinstance(raw, Mapping):
        raise BadInput(f"{where} is {raw!r}; give an object")
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(raw) - set(fields)):
        raise BadInput(f"{where} has the unknown key {unknown[0]!r}; known are {', '.join(fields)}")
    for name, known in fields.items():
        _check(name, known, raw, where)
    return kind(**raw)


def _check(name: str, known: "dataclasses.Field[Any]", raw: Mapping[str, Any], where: str) -> None:
    if name not in raw:
        if known.default is dataclasses.MISSING:
            raise BadInput(f"{where} lacks the key {name!r}")
        return
    value = raw[name]
    accepted, called = TYPES.get(known.type, ((tuple,), "a list of objects"))
    if not isinstance(value, accepted) or isinstance(value, bool):
        raise BadInput(f"{where}: {name} is {value!r}, which is not {called}")
