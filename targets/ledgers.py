"""How a system's file describes a ledger: numbered writes, and where they are read back."""

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from targets import durations, numbers

ACKED = (200, 201, 204)
REFUSED = (400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 429)  # the server looked at it and did not do it
SECRET = ("authorization", "proxy-authorization", "cookie")
_PLACE = re.compile(r"\{([^{}]*)\}")


def _seconds(value: object) -> object:
    return durations.seconds(value) if isinstance(value, str) else value


Seconds = Annotated[float, BeforeValidator(_seconds)]
Interval = Annotated[Seconds, Field(ge=0.001, le=60)]


class Strict(BaseModel):
    """No unknown keys, nothing to change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def secret_from_environment(headers: dict[str, str]) -> dict[str, str]:
    """Refuse a secret that is written down: a system's file is shared, and what a client does is recorded."""
    for name, value in headers.items():
        if name.lower() in SECRET and "{env:" not in value:
            raise ValueError(f"{name} is a secret: keep it in the environment, and write {{env:NAME}} for it here")
    return headers


class Write(Strict):
    """How number {n} of {ledger} is written, and which statuses settle what became of it; all others settle nothing."""

    method: Literal["POST", "PUT", "PATCH"] = "POST"
    path: str
    body: str | None = None
    acked: tuple[int, ...] = ACKED
    refused: tuple[int, ...] = REFUSED

    @model_validator(mode="after")
    def _numbered(self) -> Self:
        for needed in ("{n}", "{ledger}"):
            if needed not in self.path + (self.body or ""):
                raise ValueError(f"neither path nor body has {needed}: put it where the write says which one it is")
        if both := set(self.acked) & set(self.refused):
            raise ValueError(f"status {min(both)} is both acked and refused; leave it in one")
        return self

    _path = field_validator("path")(lambda path: _checked(path, "n", "ledger"))


class Read(Strict):
    """How the numbers of {ledger} are listed: at once, following the link at `next`, or by {page}."""

    path: str
    numbers: str
    next: str | None = None
    first_page: int = 1

    @model_validator(mode="after")
    def _listed(self) -> Self:
        if "{ledger}" not in self.path:
            raise ValueError("path has no {ledger}: without it other runs' numbers would be taken for this one's")
        if self.next and "{page}" in self.path:
            raise ValueError("next and {page} are two ways of paging; leave one")
        return self

    _path = field_validator("path")(lambda path: _checked(path, "ledger", "page"))

    @field_validator("numbers", "next")
    @classmethod
    def _way(cls, way: str | None) -> str | None:
        if way is not None:
            numbers.steps(way)
        return way


def _checked(path: str, *known: str) -> str:
    if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
        raise ValueError("a path begins with / and is plain ASCII without spaces (write %XX for the rest)")
    if strange := next((name for name in _PLACE.findall(path) if name not in known), None):
        raise ValueError(f"{{{strange}}} means nothing there; known are {', '.join(f'{{{one}}}' for one in known)}")
    return path


class Ledger(Strict):
    """Where numbered writes go, and are read back. `write`, `read` and `headers` are for the kind `resource`."""

    kind: Literal["orders", "postgres", "queue", "redis", "s3", "resource"]
    at: str  # the component whose endpoint takes them
    every: Interval | None = None  # from one write to the next
    write: Write | None = None
    read: Read | None = None
    headers: dict[str, str] = {}

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.kind == "resource" and not (self.write and self.read):
            raise ValueError("a resource needs `write` and `read`: how a number is written, and how all are listed")
        if self.kind != "resource" and (self.write or self.read or self.headers):
            raise ValueError(f"write, read and headers are for kind = 'resource', not {self.kind!r}; leave them out")
        return self

    _headers = field_validator("headers")(secret_from_environment)
