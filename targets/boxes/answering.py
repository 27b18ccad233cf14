"""What a service of a compose project answers: its role, and whether it serves."""

import socket
from contextlib import suppress

import psycopg

from targets.boxes.services import Service

ANSWER_S = 1.0


def role(service: Service) -> str:
    """Ask a PostgreSQL server whether it takes writes; "" for one that does not answer, and for any other service."""
    if not service.endpoint.startswith("postgresql:") or service.incarnation is None or service.paused:
        return ""
    with suppress(psycopg.Error), psycopg.connect(service.endpoint, connect_timeout=2) as asked:
        (standby,) = asked.execute("select pg_is_in_recovery()").fetchone() or (None,)
        return "standby" if standby else "primary"
    return ""


def serves(service: Service) -> bool:
    """Tell whether a container is healthy, or takes connections, or has done its part."""
    if service.incarnation is None or service.health not in ("", "healthy"):
        return service.done
    if not service.published:
        return True
    with suppress(OSError), socket.create_connection(service.published, timeout=ANSWER_S):
        return True
    return False
