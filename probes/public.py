"""What may be shown and kept of what the client is told: URLs without their passwords, text without control codes."""

import re
from typing import Any

HIDDEN = "***"
_LOGIN = re.compile(r"(://[^/@:\s]*):[^/@\s]*@")
_OPTION = re.compile(r"(password=)[^&\s'\"]+", re.IGNORECASE)


def public(value: Any) -> Any:
    """Copy JSON-like data with the passwords in its URLs hidden."""
    if isinstance(value, dict):
        return {key: public(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [public(one) for one in value]
    return _OPTION.sub(rf"\g<1>{HIDDEN}", _LOGIN.sub(rf"\g<1>:{HIDDEN}@", value)) if isinstance(value, str) else value


def harmless(text: str) -> str:
    """Make other people's text fit for a terminal: one line, nothing that is not printed."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
