"""Documents: the object first, then its row. Each upload has a key of its own, so a failed one spoils no earlier one.

What could not be removed at once (its store hangs) is remembered and removed when the store answers again, unless
its row turns out to be there after all.
"""

import asyncio
import time
from typing import TYPE_CHECKING
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from targets.lab.service.database import NotKnown, NotWritten
from targets.lab.service.queue import Unavailable

if TYPE_CHECKING:
    from targets.lab.service.app import Stores

PREFIX = "documents/"
ROW_WITHIN_S = 0.7
SETTLED_S = 3.0  # a held write that is delivered late has arrived by then
TIDY_EVERY_S = 0.5
_UPSERT = """with old as (select key from documents where name = %(name)s)
insert into documents (name, key, size) values (%(name)s, %(key)s, %(size)s)
on conflict (name) do update set key = excluded.key, size = excluded.size returning (select key from old)"""
_doubtful: dict[str, float] = {}  # key -> when it became so


async def put(request: Request) -> Response:
    """Store a document: 201, or 503 with the dependency's name and nothing kept."""
    stores: Stores = request.app.state.stores
    name, body = request.path_params["name"], await request.body()
    key = f"{PREFIX}{name}/{uuid4().hex}"
    try:
        await stores.objects.put(key, body)
        old = await _write_row(stores, name, key, len(body))
    except (Unavailable, NotWritten, NotKnown):
        _doubtful[key] = time.monotonic()
        raise
    if old:
        _doubtful[old] = 0.0  # no row names it any more, and nothing of it is under way: it is tidied away at once
    return JSONResponse({"name": name, "size": len(body)}, status_code=201)


async def _write_row(stores: "Stores", name: str, key: str, size: int) -> str | None:
    values = {"name": name, "key": key, "size": size}
    try:
        rows = await stores.database.run(_UPSERT, values, within=ROW_WITHIN_S)
    except NotWritten as error:
        raise NotWritten(f"postgres: {error}") from error
    old: str | None = rows[0][0]
    return old


async def get(request: Request) -> Response:
    """Give a document back."""
    stores: Stores = request.app.state.stores
    rows = await stores.database.run(
        "select key from documents where name = %s", (request.path_params["name"],), within=ROW_WITHIN_S
    )
    body = await stores.objects.get(rows[0][0]) if rows else None
    if body is None:
        return JSONResponse({"error": "no such document"}, status_code=404)
    return Response(body, media_type="application/octet-stream")


async def audit(request: Request) -> Response:
    """Compare rows and objects; uploads in flight may show for a moment."""
    stores: Stores = request.app.state.stores
    keys = await stores.objects.keys(PREFIX)
    rows = {row[0] for row in await stores.database.run("select key from documents", within=ROW_WITHIN_S)}
    answer = {"rows_without_object": sorted(rows - keys), "objects_without_row": sorted(keys - rows)}
    return JSONResponse(answer)


async def tidy(stores: "Stores") -> None:
    """Remove, for as long as the process lives, objects of uploads that failed."""
    while True:
        await asyncio.sleep(TIDY_EVERY_S)
        settled = time.monotonic() - SETTLED_S
        for key in [key for key, since in _doubtful.items() if since < settled]:
            try:
                if not await stores.database.run("select 1 from documents where key = %s", (key,), within=ROW_WITHIN_S):
                    await stores.objects.delete(key)
                _doubtful.pop(key, None)
            except (Unavailable, NotWritten, NotKnown):
                break  # a store is still away
