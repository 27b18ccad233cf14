"""HTTP headers as people write them down: what is secret stands in the environment, and is named as {env:NAME}."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from probes.public import HIDDEN

_NAMED = re.compile(r"\{env:([^}]*)\}")


@dataclass(frozen=True, kw_only=True)
class Headers:
    """Headers ready to be sent, and how to keep what is secret in them out of every record."""

    sent: Mapping[str, str]
    secrets: tuple[str, ...]

    def hide(self, text: str) -> str:
        """Copy a text without the secrets: a server may quote what it was sent."""
        for secret in self.secrets:
            text = text.replace(secret, HIDDEN)
        return text


def ready(written: Mapping[str, str]) -> Headers:
    """Fill in the environment. ValueError names a header and the variable that is not set."""
    found: dict[str, str] = {}
    for header, value in written.items():
        for name in _NAMED.findall(value):
            if not os.environ.get(name):
                raise ValueError(f"the header {header} needs the environment variable {name!r}, which is not set")
            found[name] = os.environ[name]
    sent = {header: _NAMED.sub(lambda match: found[match[1]], value) for header, value in written.items()}
    if bad := next((header for header, value in sent.items() if not (header + value).isprintable()), None):
        raise ValueError(f"the header {bad!r} has a line break or another control character in it")
    return Headers(sent=sent, secrets=tuple(sorted(found.values(), key=len, reverse=True)))
