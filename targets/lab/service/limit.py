"""A bound on the requests that are served at once: whoever comes beyond it is told so at once, and was not served."""

from collections.abc import Collection

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class Limit:
    """Refuses what goes beyond `most` requests at once; paths in `always` are served all the same.

    Whether the process lives is such a path: an overloaded replica that is killed for it leaves more to the others.
    Whether it has room, `room`, is answered here: who spreads callers at random leaves a full replica out by that.
    """

    def __init__(self, app: ASGIApp, *, most: int, always: Collection[str], room: str) -> None:
        self.app, self.most, self.always, self.room = app, most, always, room
        self.busy = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        if scope["type"] == "http" and scope["path"] == self.room:
            free = self.most - self.busy
            await JSONResponse({"room": free}, 200 if free else 503)(scope, receive, send)
        elif scope["type"] != "http" or scope["path"] in self.always:
            await self.app(scope, receive, send)
        elif self.busy >= self.most:
            refusal = JSONResponse({"error": f"busy with {self.most} requests"}, 503, {"Connection": "close"})
            await refusal(scope, receive, send)
        else:
            self.busy += 1
            try:
                await self.app(scope, receive, send)
            finally:
                self.busy -= 1
