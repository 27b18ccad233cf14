"""What kind of failure it was, from what the client noted of it: one word for a person and for a count."""

import errno
import re

from probes.sampler import NOT_SENT

KINDS = (  # the first that fits; an HTTP answer is quoted in its error, so it comes before everything it may say
    ("lagged", re.escape(NOT_SENT)),  # the client's own failure, not the service's
    ("error status", r"^HTTP \d{3}"),
    ("timeout", r"^no (answer|connection) within|timeout expired|timed out"),
    ("refused", rf"\[Errno {errno.ECONNREFUSED}\]|[Cc]onnection refused"),
    ("reset", rf"\[Errno ({errno.ECONNRESET}|{errno.EPIPE})\]|reset by peer|Connection lost"),
    ("unreachable", rf"\[Errno ({errno.EHOSTUNREACH}|{errno.ENETUNREACH})\]|No route to host"),
    ("unknown host", r"\[Errno -\d+\]|could not translate host name|failed to resolve host"),
    ("torn answer", r"broke off|closed the connection|^not (HTTP|RESP)|IncompleteReadError|EOF"),
    ("tls", r"\[SSL|certificate"),
)
_COMPILED = tuple((kind, re.compile(pattern)) for kind, pattern in KINDS)


def kind(error: str | None) -> str:
    """Name the kind of a failure; "error" for a server's own no, and for whatever has no name here."""
    return next((name for name, pattern in _COMPILED if pattern.search(error or "")), "error")
