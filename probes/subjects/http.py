"""An HTTP service: the expected status and a whole body, on a new connection each time."""

from probes import headers
from probes.attempt import Attempt, NoAnswer
from probes.spec import StreamSpec
from probes.subjects import Request
from probes.wire.http import exchange, prepare


def stream(spec: StreamSpec) -> Request:
    """Ask `url` with `method`, `headers` and `body`; `expect` is the status that counts as served."""
    sent = headers.ready(spec.headers)
    call = prepare(spec.url, spec.method, spec.body, sent.sent)

    async def request(attempt: Attempt) -> None:
        answer = await exchange(call, attempt)
        if answer.status != spec.expect:
            said = answer.body[:80].decode(errors="replace")
            raise NoAnswer(sent.hide(f"HTTP {answer.status}, not {spec.expect}: {said}"))

    return request
