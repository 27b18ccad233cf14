"""Jobs: a row in PostgreSQL, then an entry in a Redis queue; a worker does them, at least once each.

The row is the promise: Redis replicates asynchronously and may lose an entry at a failover, and the worker then
enqueues it again from the row.  `executions` has one row each time a job was begun, completed when it was done.
"""

import time

from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from targets.lab.service import lists
from targets.lab.service.database import Database
from targets.lab.service.stores import Stores

SCHEMA = """
create table if not exists jobs (
    id bigint generated always as identity primary key,
    ledger text not null, seq bigint not null, priority text not null default 'medium',
    takes_s double precision not null,
    created_at timestamptz not null default clock_timestamp(),
    enqueued_at timestamptz not null default clock_timestamp(),
    done_at timestamptz, failed_at timestamptz,
    unique (ledger, seq));
create index if not exists jobs_open on jobs (created_at) where done_at is null and failed_at is null;
create table if not exists executions (
    id bigint generated always as identity primary key,
    job bigint not null, attempt int not null, slot text not null,
    begun_at timestamptz not null default clock_timestamp(),
    done_at timestamptz);
create index if not exists executions_by_job on executions (job);
"""
WITHIN_S = 0.7
INSERT = """insert into jobs (ledger, seq, priority, takes_s) values (%s, %s, %s, %s)
on conflict (ledger, seq) do update set priority = excluded.priority returning id"""
EXECUTED = """select seq from executions join jobs on jobs.id = executions.job
where ledger = %s and executions.done_at is not null order by seq"""
OPEN = "select count(*) from jobs where ledger = %s and done_at is null and failed_at is null"
NEWEST = """select seq, count(executions.id), count(executions.done_at) from
(select id, seq from jobs where ledger = %s order by id desc limit %s) as newest
left join executions on executions.job = newest.id group by seq order by seq"""
CANARY_EVERY_S = 0.25  # of each replica
CANARY_WITHIN_S = 0.4  # with AGE_WITHIN_S below a second: whoever watches asks often and gives up soon
AGE_WITHIN_S = 0.3
SEND_CANARY = """insert into jobs (ledger, seq, takes_s)
select 'canary', (extract(epoch from clock_timestamp()) * 1e6)::bigint, %s
where not exists (select from jobs where ledger = 'canary' and done_at is null and failed_at is null)
on conflict do nothing returning id"""
OLDEST = """select coalesce(extract(epoch from clock_timestamp() - least(
    (select min(created_at) from jobs where done_at is null and failed_at is null),
    (select min(created_at) from orders where done_at is null and failed_at is null))), 0)::float8"""


async def create(request: Request) -> Response:
    """Take a job: 202 when it is written for good and so will be done, 503 when not taken, 504 when nobody knows."""
    stores: Stores = request.app.state.stores
    body = await request.json()
    ledger, seq, priority = str(body["ledger"]), int(body["seq"]), str(body.get("priority", "medium"))
    takes_s = lists.takes(body.get("takes_s", lists.WORK_S))
    if priority not in lists.PRIORITIES:
        raise ValueError(f"priority {priority!r}: use {', '.join(lists.PRIORITIES)}")
    rows = await stores.database.run(INSERT, (ledger, seq, priority, takes_s), within=WITHIN_S)
    queued = await stores.queue.enqueue(priority, lists.job_text(rows[0][0], takes_s))
    return JSONResponse({"id": rows[0][0], "queued": queued}, status_code=202)


async def listing(request: Request) -> Response:
    """List what was done of a ledger, a number for each time, and count what is open and what is in the queues.

    The queues are counted first: what is neither open nor in a queue in this answer is in no queue for good.
    """
    stores: Stores = request.app.state.stores
    ledger = request.query_params["ledger"]
    lengths = await stores.queue.lengths()
    ((undone,),) = await stores.database.run(OPEN, (ledger,), within=WITHIN_S)
    rows = await stores.database.run(EXECUTED, (ledger,), within=WITHIN_S)
    queued = sum(count for name, count in lengths.items() if name != "failed")
    return JSONResponse({"seqs": [row[0] for row in rows], "open": undone, "queued": queued})


async def newest(request: Request) -> Response:
    """Tell of the newest jobs of a ledger how often each was begun and done."""
    stores: Stores = request.app.state.stores
    asked = (request.query_params["ledger"], int(request.query_params["count"]))
    rows = await stores.database.run(NEWEST, asked, within=WITHIN_S)
    return JSONResponse({"jobs": [{"seq": seq, "begun": begun, "done": done} for seq, begun, done in rows]})


async def done(request: Request) -> Response:
    """Count the executions that were completed, of all ledgers."""
    stores: Stores = request.app.state.stores
    rows = await stores.database.run("select count(done_at) from executions", within=WITHIN_S)
    return JSONResponse({"done": rows[0][0]})


async def punctual(request: Request) -> Response:
    """Say whether no accepted job has waited for longer than `within_s`: 200, else 503.

    There is always a job to go by: when none is, this request enqueues one, so that an idle queue hides no dead worker.
    """
    stores: Stores = request.app.state.stores
    within_s = float(request.query_params["within_s"])
    await _canary(request.app.state, stores)
    age_s = await _oldest_s(stores.database)
    if age_s > within_s:
        return JSONResponse({"error": f"queue: a job has waited for {age_s:.2f} s"}, status_code=503)
    return JSONResponse({"oldest_s": round(age_s, 3)})


async def _oldest_s(database: Database) -> float:
    rows = await database.run(OLDEST, within=AGE_WITHIN_S)
    return float(rows[0][0])


async def _canary(state: State, stores: Stores) -> None:
    """Send a canary, at most one every CANARY_EVERY_S, and none while one is under way."""
    now = time.monotonic()
    if now - getattr(state, "canary_at", -CANARY_EVERY_S) < CANARY_EVERY_S:
        return
    state.canary_at = now
    for (job,) in await stores.database.run(SEND_CANARY, (lists.WORK_S,), within=CANARY_WITHIN_S):
        await stores.queue.enqueue("medium", lists.job_text(job, lists.WORK_S))
