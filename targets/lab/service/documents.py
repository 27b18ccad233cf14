"""Documents: an object each, and a row that says what the object is worth.

The row is the arbiter, so that nothing stays half-written whoever dies when: it is claimed as `pending` before the
object is sent, and becomes `stored` only once the object is there; from then on the document can be read.  A claim
whose object the store refused is given up at once.  What stays pending for too long, and what a newer upload replaces,
becomes `doomed`: first its object is removed, then its row.  A store may take an object long after everybody gave it
up, for kernels go on sending what a closed connection still holds: what has no row is found, and doomed, too.
"""

import asyncio
from contextlib import suppress
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from targets.lab.service.database import NotKnown, NotWritten
from targets.lab.service.objects import Refused
from targets.lab.service.queue import Unavailable
from targets.lab.service.stores import Stores

SCHEMA = """
create table if not exists documents (
    key text primary key, name text not null, size bigint not null,
    state text not null default 'pending' check (state in ('pending', 'stored', 'doomed')),
    since timestamptz not null default clock_timestamp());
create index if not exists documents_by_name on documents (name, state);
"""
PREFIX = "documents/"
ROW_WITHIN_S = 0.7
TIDY_EVERY_S = 0.25
ADOPT_EVERY_S = 2.0  # it lists the whole bucket
CLAIM = "insert into documents (key, name, size) values (%(key)s, %(name)s, %(size)s)"
UNCLAIM = "delete from documents where key = %(key)s and state = 'pending'"
KEEP = """with kept as (
    update documents set state = 'stored', since = clock_timestamp()
    where key = %(key)s and state = 'pending' returning key),
replaced as (
    update documents set state = 'doomed' where name = %(name)s and state = 'stored' and exists (select from kept))
select key from kept"""
CURRENT = "select key from documents where name = %s and state = 'stored' order by since desc limit 1"
# an upload ends within a second; what is pending for longer than that has failed, or its replica has died, and if
# it has not, its KEEP finds the row doomed and the caller is told so
DOOM = """update documents as d set state = 'doomed'
where (state = 'pending' and since < clock_timestamp() - interval '1.1 seconds')
or (state = 'stored' and exists (select from documents as newer
    where newer.name = d.name and newer.state = 'stored' and newer.since > d.since))"""

# rows come before their objects and are read after them here: who has none has lost it, and will not get another
ADOPT = """insert into documents (key, name, size, state)
select key, '', 0, 'doomed' from unnest(%s::text[]) as late(key)
where not exists (select from documents where documents.key = late.key) on conflict do nothing"""

# in one request, which must end within its deadline also on a busy store: else it is sent again and again, for nothing
DOOMED = "select key from documents where state = 'doomed' limit 100"


async def put(request: Request) -> Response:
    """Store a document: 201, or 503 with the dependency's name and nothing kept."""
    stores: Stores = request.app.state.stores
    name, body = request.path_params["name"], await request.body()
    key = f"{PREFIX}{name}/{uuid4().hex}"
    row = {"key": key, "name": name, "size": len(body)}
    try:
        await stores.database.run(CLAIM, row, within=ROW_WITHIN_S)
    except (NotWritten, NotKnown) as error:  # in doubt, too: nothing was sent to the store, and the claim expires
        raise NotWritten(f"postgres: {error}") from error
    try:
        await stores.objects.put(key, body)
    except Refused:
        with suppress(NotWritten, NotKnown):  # then the claim expires
            await stores.database.run(UNCLAIM, row, within=ROW_WITHIN_S)
        raise
    try:
        kept = await stores.database.run(KEEP, row, within=ROW_WITHIN_S)
    except NotWritten as error:
        raise NotWritten(f"postgres: {error}") from error
    if not kept:
        raise NotWritten("objects: the upload took too long")
    return JSONResponse({"name": name, "size": len(body)}, status_code=201)


async def get(request: Request) -> Response:
    """Give a document back."""
    stores: Stores = request.app.state.stores
    rows = await stores.database.run(CURRENT, (request.path_params["name"],), within=ROW_WITHIN_S)
    body = await stores.objects.get(rows[0][0]) if rows else None
    if body is None:
        return JSONResponse({"error": "no such document"}, status_code=404)
    return Response(body, media_type="application/octet-stream")


async def audit(request: Request) -> Response:
    """Compare rows and objects; uploads under way, and what is being removed, show for a moment."""
    stores: Stores = request.app.state.stores
    sizes = await stores.objects.sizes(PREFIX)
    rows = await stores.database.run("select key, size, state from documents", within=ROW_WITHIN_S)
    stored = {key: size for key, size, state in rows if state == "stored"}
    answer = {
        "rows_without_object": sorted(stored.keys() - sizes.keys()),
        "objects_without_row": sorted(sizes.keys() - {key for key, _, _ in rows}),
        "objects_of_another_size": sorted(key for key in stored.keys() & sizes.keys() if stored[key] != sizes[key]),
        "unfinished": sorted(key for key, _, state in rows if state != "stored"),
    }
    return JSONResponse(answer)


async def tidy(stores: Stores) -> None:
    """Remove, for as long as the process lives, what is not worth anything; both replicas may do it at once."""
    while True:
        await asyncio.sleep(TIDY_EVERY_S)
        try:
            await stores.database.run(DOOM, within=ROW_WITHIN_S)
            doomed = await stores.database.run(DOOMED, within=ROW_WITHIN_S)
            gone = [key for (key,) in doomed]
            if not gone:
                continue
            await stores.objects.delete(gone)
            await stores.database.run("delete from documents where key = any(%s)", (gone,), within=ROW_WITHIN_S)
        except (Unavailable, NotWritten, NotKnown):
            continue  # a store is away: later


async def adopt(stores: Stores) -> None:
    """Doom, for as long as the process lives, objects that came after their rows had gone."""
    while True:
        await asyncio.sleep(ADOPT_EVERY_S)
        with suppress(Unavailable, NotWritten, NotKnown):
            keys = list(await stores.objects.sizes(PREFIX))
            await stores.database.run(ADOPT, (keys,), within=ROW_WITHIN_S)
