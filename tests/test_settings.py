"""Settings and freezing, on the lab's real servers."""

import pytest
import redis

from targets.abilities import Configurable, Killable, Pausable
from targets.lab.ready import client
from targets.target import BadInput, Target, TargetError


def port(target: Target, node: str) -> int:
    (found,) = (one for one in target.nodes(node.rpartition("-")[0]) if one.name == node)
    return int(found.endpoint.rpartition(":")[2])


def test_a_setting_of_redis_is_changed_and_put_back(target: Target) -> None:
    assert isinstance(target, Configurable)
    before = target.setting("redis-b", "min-replicas-to-write")
    target.configure("redis-b", "min-replicas-to-write", "2")
    with client(port(target, "redis-b")) as server:
        assert server.execute_command("CONFIG", "GET", "min-replicas-to-write") == {"min-replicas-to-write": "2"}
    target.configure("redis-b", "min-replicas-to-write", before)
    assert target.setting("redis-b", "min-replicas-to-write") == before == "0"


@pytest.mark.parametrize("node", ["redis-a", "postgres-b", "api-1"])
def test_a_setting_that_does_not_exist_is_refused(target: Target, node: str) -> None:
    assert isinstance(target, Configurable)
    with pytest.raises(BadInput, match="no_such"):
        target.setting(node, "no_such")


def test_a_value_that_the_server_refuses_is_an_error(target: Target) -> None:
    assert isinstance(target, Configurable)
    with pytest.raises(TargetError, match="refuses"):
        target.configure("redis-a", "maxmemory", "plenty")
    with pytest.raises(BadInput, match="refuses"):
        target.configure("postgres-a", "work_mem", "plenty")
    assert target.overrides() == frozenset()


def test_a_setting_of_a_postgres_that_is_dead_is_put_back_in_its_file(target: Target) -> None:
    assert isinstance(target, Configurable)
    assert isinstance(target, Killable)
    target.configure("postgres-c", "work_mem", "8MB")
    assert target.overrides() == {"postgres-c: work_mem = '8MB'"}
    target.kill("postgres-c", target.incarnation("postgres-c") or "")
    assert target.setting("postgres-c", "work_mem") == "8MB"
    target.configure("postgres-c", "work_mem", None)
    target.start("postgres-c")
    assert target.setting("postgres-c", "work_mem") is None


def test_a_frozen_redis_answers_nobody_and_goes_on_afterwards(target: Target) -> None:
    assert isinstance(target, Pausable)
    assert isinstance(target, Killable)
    with client(port(target, "redis-c")) as server:
        assert server.ping()
    target.pause("redis-c", target.incarnation("redis-c") or "")
    assert target.paused() == {"redis-c"}
    with client(port_c := port(target, "redis-c")) as server, pytest.raises(redis.exceptions.TimeoutError):
        server.ping()
    target.resume("redis-c")
    with client(port_c) as server:
        assert server.ping()
    assert target.paused() == frozenset()
