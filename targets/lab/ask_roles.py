"""Which part a server plays now, asked of the server itself, all nodes of a component at once."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from targets.lab.layout import Doors, at

ANSWER_S = 2


def ask_roles(component: str, nodes: Iterable[str], doors: Doors) -> dict[str, str]:
    """Map node names to roles; "" for a node that does not answer, and for components without roles."""
    wanted = list(nodes)
    asks: dict[str, Callable[[str], str]] = {"postgres": _postgres, "redis": _redis}
    ask = asks.get(component)
    if ask is None:
        return dict.fromkeys(wanted, "")
    with ThreadPoolExecutor(len(wanted)) as pool:  # one that hangs must not hold up the others
        return dict(zip(wanted, pool.map(lambda name: ask(at(doors[name])), wanted), strict=True))


def _postgres(door: str) -> str:
    import psycopg  # noqa: PLC0415  the watchdog, which never asks for roles, must do without it

    host, _, port = door.rpartition(":")
    where: dict[str, Any] = {"host": host, "port": port, "user": "postgres", "dbname": "postgres"}
    try:
        with psycopg.connect(**where, connect_timeout=ANSWER_S, autocommit=True) as connection:
            row = connection.execute("select pg_is_in_recovery()").fetchone()
    except psycopg.Error:
        return ""
    return "standby" if row and row[0] else "primary"


def _redis(door: str) -> str:
    from redis.exceptions import RedisError  # noqa: PLC0415  as above

    from targets.lab.ready import client  # noqa: PLC0415

    try:
        with client(door) as server:
            answer: Any = server.execute_command("ROLE")
    except RedisError:
        return ""
    return {"master": "master", "slave": "replica"}.get(str(answer[0]), "")
