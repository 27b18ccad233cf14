"""Orders: a row in PostgreSQL, then a job in Redis. A number written twice is one row, so clients may try again."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from targets.lab.service.lists import PRIORITIES, order_job
from targets.lab.service.stores import Stores

WITHIN_S = 0.7
# an update when the row is there: this commit waits for a standby, and so vouches for the earlier one
INSERT = """insert into orders (ledger, seq, priority) values (%s, %s, %s)
on conflict (ledger, seq) do update set priority = excluded.priority returning id"""


async def create(request: Request) -> Response:
    """Take an order: 201 when it is written for good, 503 when certainly not, 504 when nobody knows."""
    stores: Stores = request.app.state.stores
    body = await request.json()
    ledger, seq, priority = str(body["ledger"]), int(body["seq"]), str(body.get("priority", "medium"))
    if priority not in PRIORITIES:
        raise ValueError(f"priority {priority!r}: use {', '.join(PRIORITIES)}")
    rows = await stores.database.run(INSERT, (ledger, seq, priority), within=WITHIN_S)
    queued = await stores.queue.enqueue(priority, order_job(rows[0][0]))
    return JSONResponse({"id": rows[0][0], "queued": queued}, status_code=201)


async def latest(request: Request) -> Response:
    """Give the newest order's number, 0 when there is none."""
    stores: Stores = request.app.state.stores
    rows = await stores.database.run("select coalesce(max(id), 0) from orders", within=WITHIN_S)
    return JSONResponse({"id": rows[0][0]})


async def listing(request: Request) -> Response:
    """List all numbers of a ledger, ascending, one per row."""
    stores: Stores = request.app.state.stores
    sql = "select seq from orders where ledger = %s order by seq"
    rows = await stores.database.run(sql, (request.query_params["ledger"],), within=WITHIN_S)
    return JSONResponse({"seqs": [row[0] for row in rows]})
