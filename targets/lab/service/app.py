"""The lab's HTTP API. Every handler answers within its own deadline, also when a dependency hangs."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ExceptionHandler

from targets.lab.service import catalogue, documents, jobs, orders, sessions
from targets.lab.service.cache import Cache
from targets.lab.service.database import Database, NotKnown, NotWritten
from targets.lab.service.limit import Limit
from targets.lab.service.objects import Objects
from targets.lab.service.queue import Queue, Unavailable
from targets.lab.service.stores import Stores

SWITCH_S = 0.0005  # threads of the S3 client hold the interpreter for no longer while requests wait
ROOM = 100  # requests at once; a replica that takes more than it can do serves nobody in time
DEADLINE_S = 0.75  # for one dependency; with the others' share every answer comes within a second
SCHEMA = """
create table if not exists orders (
    id bigint generated always as identity primary key,
    ledger text not null, seq bigint not null, priority text not null default 'medium',
    created_at timestamptz not null default clock_timestamp(),
    enqueued_at timestamptz not null default clock_timestamp(),
    done_at timestamptz, failed_at timestamptz,
    unique (ledger, seq));
create index if not exists orders_open on orders (created_at) where done_at is null and failed_at is null;
"""


async def livez(_request: Request) -> Response:
    """Answer while the process lives."""
    return JSONResponse({"status": "ok"})


async def health(request: Request) -> Response:
    """Say how each dependency is; 503 only when the database is gone."""
    stores: Stores = request.app.state.stores
    checks = {
        "postgres": stores.database.run("select 1", within=DEADLINE_S),
        "redis": stores.queue.ping(),
        "objects": stores.objects.ping(),
    }
    results = await asyncio.gather(*checks.values(), return_exceptions=True)
    said = {name: "ok" if not isinstance(r, BaseException) else "down" for name, r in zip(checks, results, strict=True)}
    status = "down" if said["postgres"] != "ok" else "ok" if set(said.values()) == {"ok"} else "degraded"
    return JSONResponse(said | {"status": status}, status_code=503 if status == "down" else 200)


def refused(_request: Request, error: Exception) -> Response:
    """Answer for what was certainly not done."""
    return JSONResponse({"error": str(error)}, status_code=503)


def unknown(_request: Request, error: Exception) -> Response:
    """Answer for what may or may not have been done."""
    return JSONResponse({"error": str(error)}, status_code=504)


def bad(_request: Request, error: Exception) -> Response:
    """Answer for a request that makes no sense."""
    return JSONResponse({"error": f"bad request: {error}"}, status_code=400)


def gone(_request: Request, _error: Exception) -> Response:
    """Answer nobody: the caller went away before its request was whole, so nothing was done."""
    return JSONResponse({"error": "the request was never whole"}, status_code=400)


async def prepare(database: Database) -> None:
    """Create the tables, as soon as there is a database; both replicas may try at once."""
    lock = "select pg_advisory_xact_lock(7)"
    while True:
        try:
            # not waiting for the standbys: at the very first start there are none yet
            tables = f"{SCHEMA} {documents.SCHEMA} {jobs.SCHEMA} {catalogue.SCHEMA}"
            script = f"begin; set local synchronous_commit = local; {lock}; {tables} commit"
            await database.run(script, within=DEADLINE_S)
        except (NotWritten, NotKnown):
            await asyncio.sleep(0.05)
        else:
            return


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Own the connections while the process serves."""
    sys.setswitchinterval(SWITCH_S)
    stores = Stores(
        database=Database(os.environ["LAB_POSTGRES"]),
        queue=Queue(os.environ["LAB_REDIS"]),
        cache=Cache(os.environ["LAB_REDIS"]),
        objects=Objects(os.environ["LAB_OBJECTS"]),
    )
    app.state.stores = stores
    lasting = (prepare(stores.database), documents.tidy(stores), documents.adopt(stores))
    tasks = [asyncio.create_task(each) for each in lasting]
    yield
    for task in tasks:
        task.cancel()


def application() -> Starlette:
    """Build the service."""
    routes = [
        Route("/livez", livez),
        Route("/health", health),
        Route("/orders", orders.create, methods=["POST"]),
        Route("/orders", orders.listing),
        Route("/orders/latest", orders.latest),
        Route("/documents/{name:path}", documents.put, methods=["PUT"]),
        Route("/documents/{name:path}", documents.get),
        Route("/documents-audit", documents.audit),
        Route("/sessions/{name}", sessions.put, methods=["PUT"]),
        Route("/sessions/{name}", sessions.get),
        Route("/jobs", jobs.create, methods=["POST"]),
        Route("/jobs", jobs.listing),
        Route("/jobs/newest", jobs.newest),
        Route("/jobs/done", jobs.done),
        Route("/jobs/punctual", jobs.punctual, methods=["POST"]),
        Route("/queues", sessions.queues),
        Route("/products/{product}", catalogue.get),
        Route("/cache", catalogue.counters),
    ]
    handlers: Mapping[Any, ExceptionHandler] = {
        ClientDisconnect: gone,
        NotWritten: refused,
        Unavailable: refused,
        NotKnown: unknown,
        ValueError: bad,
        KeyError: bad,
    }
    limit = Middleware(Limit, most=ROOM, always=("/livez",), room="/readyz")
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers, middleware=[limit])
