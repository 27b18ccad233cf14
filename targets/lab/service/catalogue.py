"""The catalogue: products in PostgreSQL, read through a cache in Redis that it can do without."""

import json
import random

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from targets.lab.service.stores import Stores

PRODUCTS = 24
WITHIN_S = 0.7
SCHEMA = f"""
create table if not exists products (id int primary key, name text not null, cents int not null);
insert into products select n, 'product ' || n, 100 * n from generate_series(1, {PRODUCTS}) n on conflict do nothing;
"""  # noqa: S608  a number of our own


async def get(request: Request) -> Response:
    """Give a product, and say whether it came from the cache; "any" is one at random: callers want different ones."""
    stores: Stores = request.app.state.stores
    asked = request.path_params["product"]
    product = random.randint(1, PRODUCTS) if asked == "any" else int(asked)  # noqa: S311  no secret hangs on it
    if known := await stores.cache.get(f"product:{product}"):
        return JSONResponse(json.loads(known) | {"cached": True})
    sql = "select id, name, cents from products where id = %s"
    rows = await stores.database.run(sql, (product,), within=WITHIN_S)
    if not rows:
        return JSONResponse({"error": f"no product {product}"}, status_code=404)
    found = dict(zip(("id", "name", "cents"), rows[0], strict=True))
    await stores.cache.put(f"product:{product}", json.dumps(found))
    return JSONResponse(found | {"cached": False})


async def counters(request: Request) -> Response:
    """Count the cache's hits and misses since this replica started."""
    stores: Stores = request.app.state.stores
    return JSONResponse({"hits": stores.cache.hits, "misses": stores.cache.misses})
