"""The jobs in the lab's queues, as somebody sees and changes them who stands beside Redis. Standard library only."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from targets.lab.layout import Doors, at, names
from targets.lab.roles import resp
from targets.target import TargetError
from targets.waiting import until

QUEUE = "queue:medium"
MASTER_WITHIN_S = 10.0  # a failover may be under way
LOOK_WITHIN_S = 3.0
_POLL_S = 0.1

# every list in which a job can be: waiting and failed ones, and those in the hands of the workers' slots
_LISTS = """local lists = {}
for _, pattern in ipairs({'queue:*', 'processing:*'}) do
  for _, key in ipairs(redis.call('KEYS', pattern)) do lists[#lists + 1] = key end
end
"""
_FIND = f"""{_LISTS}local found = {{}}
for _, key in ipairs(lists) do
  for _, job in ipairs(redis.call('LRANGE', key, 0, -1)) do
    if string.find(job, ARGV[1], 1, true) then found[#found + 1] = key; found[#found + 1] = job end
  end
end
return found"""
_DROP = f"""{_LISTS}local gone = 0
for _, job in ipairs(ARGV) do
  for _, key in ipairs(lists) do gone = gone + redis.call('LREM', key, 0, job) end
  redis.call('HDEL', 'attempts', job)
  local begun = redis.call('HGETALL', 'begun')
  for at = 1, #begun, 2 do
    if begun[at + 1] == job then redis.call('HDEL', 'begun', begun[at]) end
  end
end
return gone"""
_PUT = f"""{_LISTS}local put = 0
for _, job in ipairs(ARGV) do
  local there = false
  for _, key in ipairs(lists) do there = there or redis.call('LPOS', key, job) end
  if not there then put = put + 1; redis.call('LPUSH', '{QUEUE}', job) end
end
return put"""


def put(doors: Doors, jobs: Sequence[str]) -> None:
    """Put jobs into the queue, but for those that are somewhere already. TargetError when no master takes them."""
    for door in until(lambda: _masters(doors), MASTER_WITHIN_S, "a Redis master to answer", _POLL_S)[:1]:
        _say(door, "EVAL", _PUT, "0", *jobs)


def drop(doors: Doors, jobs: Sequence[str]) -> None:
    """Take jobs out of wherever they are; nothing to do for those that are nowhere. TargetError: no master answers."""
    for door in until(lambda: _masters(doors), MASTER_WITHIN_S, "a Redis master to answer", _POLL_S):
        _say(door, "EVAL", _DROP, "0", *jobs)


def find(doors: Doors, mark: str) -> dict[str, str]:
    """Map each job whose text contains `mark` to where it is: waiting, held or failed. TargetError: nobody answers.

    The master is asked; while there is none, its replicas, to whom nothing is written then.
    """
    masters: list[str] = []
    with suppress(TargetError):
        masters = until(lambda: _masters(doors), LOOK_WITHIN_S, "a Redis master to answer", _POLL_S)
    found: dict[str, str] = {}
    for door in masters or _answering(doors):
        said = _say(door, "EVAL" if masters else "EVAL_RO", _FIND, "0", mark)
        found |= {job: _place(key) for key, job in zip(said[::2], said[1::2], strict=True)}
    return found


def _place(key: str) -> str:
    return "held" if key.startswith("processing:") else "failed" if key == "queue:failed" else "waiting"


def _masters(doors: Doors) -> list[str]:
    return [door for door, role in _roles(doors).items() if role == "master"]


def _answering(doors: Doors) -> list[str]:
    if not (found := list(_roles(doors))):
        raise TargetError("no Redis server answers")
    return found


def _roles(doors: Doors) -> dict[str, str]:
    asked = {door: resp.ask(door, "ROLE") for name in names("redis") for door in [at(doors[name])]}
    return {door: str(answer[0]) for door, answer in asked.items() if isinstance(answer, list)}


def _say(door: str, *words: str) -> Any:
    answer = resp.ask(door, *words)
    if answer is None:
        raise TargetError(f"redis at {door}: no answer to {words[0]}")
    return answer
