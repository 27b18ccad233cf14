"""An HTTP service: the expected status and a whole body, on a new connection each time."""

from probes.attempt import Attempt, NoAnswer
from probes.spec import StreamSpec
from probes.subjects import Request
from probes.wire.http import exchange, prepare


def stream(spec: StreamSpec) -> Request:
    """Ask `url` with `method` and `body`; `expect` is the status that counts as served."""
    call = prepare(spec.url, spec.method, spec.body)

    async def request(attempt: Attempt) -> None:
        answer = await exchange(call, attempt)
        if answer.status != spec.expect:
            raise NoAnswer(f"HTTP {answer.status}, not {spec.expect}: {answer.body[:80].decode(errors='replace')}")

    return request
