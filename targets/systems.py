"""What is protected: a system's TOML file, read strictly.

An unknown key, a wrong unit or a missing objective is one BadInput that names file, key, value and cure.
"""

import tomllib
from datetime import time
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from targets.ledgers import Interval, Ledger, Read, Seconds, Strict, Write, secret_from_environment
from targets.target import BadInput

FOLDER = Path(__file__).parent / "systems"
Severity = Literal["p0", "p1", "p2", "p3"]


class Watch(Strict):
    """What a caller of the component does, again and again."""

    kind: Literal["http", "postgresql", "login", "redis", "s3", "tcp"]
    at: str  # the component whose endpoint is called
    user: str = ""  # as whom, when not as the endpoint's URL says
    every: Interval | None = None  # from one request to the next
    method: str = "GET"
    path: str = "/"
    body: str | None = None
    expect: int = 200
    headers: dict[str, str] = Field(default_factory=dict)

    _headers = field_validator("headers")(secret_from_environment)


class Component(Strict):
    """A part of the system, with its objectives."""

    kind: Literal["http", "postgresql", "redis", "sentinel", "s3", "queue"]
    severity: Severity
    rto: Seconds
    rpo: Seconds
    watch: Watch | None = None
    ledger: Ledger | None = None
    select: str = ""  # with --target kubernetes:CONTEXT, its pods: "app=web,tier=front"
    namespace: str = "default"  # and where they are
    role_label: str = ""  # the pods' label that tells their role
    url: str = ""  # at which callers reach it
    inside: str = ""  # at which pods do, for a client among them


class Hours(Strict):
    """When drills are allowed, in UTC."""

    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = (
        "mon", "tue", "wed", "thu", "fri", "sat", "sun",
    )  # fmt: skip
    start: time = time.min
    end: time = time.max


class Safety(Strict):
    """What the door permits."""

    components: tuple[str, ...] | None = None
    max_victims: int | None = None
    max_percent: float | None = Field(default=None, ge=0, le=100)  # of a component's nodes
    max_hosts: int | None = Field(default=None, ge=0)  # of a cluster
    namespaces: tuple[str, ...] | None = None  # of a cluster
    window: Hours = Hours()
    approvals: dict[Severity, int] = Field(default_factory=dict)


class Promise(Strict):
    """What the system promises in one drill, where that is not what the drill says."""

    rto: Seconds | None = None
    rpo: Seconds | None = None


class System(Strict):
    """A system and all that is known of it."""

    name: str
    extends: str = ""  # another system's name, all of which holds here that is not said anew
    compose: Path | None = None  # of one's own, for --target containers; beside the system's file, if not absolute
    components: dict[str, Component]
    drills: dict[str, Promise] = Field(default_factory=dict)  # by the drill's name: "primary-killed"
    safety: Safety = Safety()

    def component(self, name: str) -> Component:
        """Find a component. BadInput names those there are."""
        if name not in self.components:
            raise BadInput(f"system {self.name!r} has no component {name!r}; it has {', '.join(self.components)}")
        return self.components[name]


def load(named: str) -> System:
    """Read a system by the name of a file in targets/systems/, or by a path. BadInput for whatever is wrong in it."""
    path = _path(named)
    data = _whole(named, ())
    try:
        system = System.model_validate(data)
    except ValidationError as error:
        raise BadInput(f"{path}: " + "; ".join(_sentence(e) for e in error.errors())) from error
    _check_references(path, system)
    return system.model_copy(update={"compose": path.parent.resolve() / system.compose}) if system.compose else system


def _path(named: str) -> Path:
    return FOLDER / f"{named}.toml" if "/" not in named and not named.endswith(".toml") else Path(named)


def _whole(named: str, through: tuple[str, ...]) -> dict[str, Any]:
    """Read a system's file, and under it the one that it extends."""
    path = _path(named)
    if named in through:
        raise BadInput(f"{path}: extends = {named!r}: it extends itself, by {' and '.join(through)}")
    data = _read(named, path)
    if not (base := data.get("extends")):
        return data
    more = _whole(str(base), (*through, named))
    return {**more, **data, "components": {**more.get("components", {}), **data.get("components", {})}}


def _read(named: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise BadInput(
            f"--system {named}: cannot read {path} ({error.strerror}); name a TOML file, or {', '.join(names())}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: not TOML: {error}") from error


def names() -> tuple[str, ...]:
    """List the systems that are described in targets/systems/."""
    return tuple(sorted(p.stem for p in FOLDER.glob("*.toml")))


def _sentence(error: ErrorDetails) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{key} = {error['input']!r}: no such key; did you mean another of {', '.join(_known(error))}?"
    if error["type"] == "missing":
        return f"{key}: is missing; add it"
    told = error["msg"].removeprefix("Value error, ")
    if isinstance(error["input"], dict):  # the table as a whole; it may hold what is nobody's business
        return f"{key}: {told}"
    return f"{key} = {error['input']!r}: {told}"


INSIDE = {
    "drills": Promise,
    "safety": Safety,
    "window": Hours,
    "watch": Watch,
    "ledger": Ledger,
    "write": Write,
    "read": Read,
}


def _known(error: ErrorDetails) -> list[str]:
    model: Any = System
    for part in error["loc"][:-1]:
        if part == "components":
            model = Component
        elif isinstance(model, type) and issubclass(model, BaseModel) and part in model.model_fields:
            model = INSIDE.get(str(part), model)
    return list(model.model_fields)


def _check_references(path: Path, system: System) -> None:
    for name, component in system.components.items():
        for key in ("watch", "ledger"):
            used = getattr(component, key)
            if used and used.at not in system.components:
                raise BadInput(
                    f"{path}: components.{name}.{key}.at = {used.at!r}: no such component; "
                    f"there are {', '.join(system.components)}"
                )
    for barred in set(system.safety.components or ()) - set(system.components):
        raise BadInput(f"{path}: safety.components names {barred!r}; there are {', '.join(system.components)}")
