"""The job queues in Redis, and the scripts that move a job between them whole: it is always in exactly one list.

A job waits in `queue:<priority>`, is in the hands of one slot of a worker in `processing:<slot>`, and is given up in
`queue:failed`.  How often it was begun is counted in the hash `attempts`, under the job's own text, by the very script
that hands it out: a job that kills its worker has been counted before it can do so.
"""

import json
from typing import Any

PRIORITIES = ("high", "medium", "low")
WAITING = tuple(f"queue:{priority}" for priority in PRIORITIES)
AGAIN, FAILED = "queue:medium", "queue:failed"  # again: after those that wait now, not only once nobody waits
ATTEMPTS = "attempts"
BEGUN = "begun"  # slot -> the job that it is at
SLOTS = "processing"  # the set of the names of all processing lists
MOST_TAKES_S = 60.0
WORK_S = 0.02

# KEYS: the slot's processing list, ATTEMPTS, BEGUN, the queues.  Gives job, attempt, and 1 when the attempt begins now,
# 0 when it was begun and not ended: the slot's last life left it.  A job that lies there unbegun was brought by BLMOVE.
TAKE = """local job = redis.call('LINDEX', KEYS[1], -1)
if job and redis.call('HGET', KEYS[3], KEYS[1]) == job then
  return {job, tonumber(redis.call('HGET', KEYS[2], job) or 0), 0}
end
for at = 4, #KEYS do
  if job then break end
  job = redis.call('LMOVE', KEYS[at], KEYS[1], 'RIGHT', 'LEFT')
end
if not job then return false end
redis.call('HSET', KEYS[3], KEYS[1], job)
return {job, redis.call('HINCRBY', KEYS[2], job, 1), 1}"""
# KEYS: the slot's processing list, ATTEMPTS, BEGUN, perhaps the list to move to; ARGV: the job, "forget" its attempts
# A job that somebody else took away meanwhile is not put back.
LEAVE = """local mine = redis.call('LREM', KEYS[1], 1, ARGV[1])
if mine == 1 and KEYS[4] then redis.call('LPUSH', KEYS[4], ARGV[1]) end
if ARGV[2] == 'forget' then redis.call('HDEL', KEYS[2], ARGV[1]) end
redis.call('HDEL', KEYS[3], KEYS[1])
return mine"""


def order_job(order: int) -> str:
    """Write the job of an order."""
    return json.dumps({"order": order})


def job_text(job: int, takes_s: float) -> str:
    """Write a job that has a row of its own."""
    return json.dumps({"job": job, "takes_s": takes_s})


def takes(said: Any) -> float:
    """Check how long a job is to take, seconds. ValueError when that makes no sense."""
    found = float(said)
    if not 0 <= found <= MOST_TAKES_S:
        raise ValueError(f"takes_s {said!r}: use 0 to {MOST_TAKES_S:g} seconds")
    return found
