"""Sessions and queues: what the API keeps in Redis alone."""

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from targets.lab.service.stores import Stores


async def put(request: Request) -> Response:
    """Keep a session's JSON."""
    stores: Stores = request.app.state.stores
    text = json.dumps(await request.json())
    await stores.queue.put(request.path_params["name"], text)
    return JSONResponse({"id": request.path_params["name"]})


async def get(request: Request) -> Response:
    """Give a session's JSON back."""
    stores: Stores = request.app.state.stores
    text = await stores.queue.get(request.path_params["name"])
    if text is None:
        return JSONResponse({"error": "no such session"}, status_code=404)
    return Response(text, media_type="application/json")


async def queues(request: Request) -> Response:
    """Count the jobs in each queue."""
    stores: Stores = request.app.state.stores
    return JSONResponse(await stores.queue.lengths())
