"""An HTTP service: the expected status and a whole body, on a new connection each time."""

from collections.abc import Callable

from probes import headers
from probes.attempt import Attempt, Flight, NoAnswer
from probes.headers import Headers
from probes.spec import StreamSpec
from probes.subjects import Request
from probes.wire import quick
from probes.wire.http import Answer, Call, exchange, prepare


class Asking:
    """A prepared request; `launch` makes it without a task, None where that cannot be."""

    def __init__(self, call: Call, expect: int, sent: Headers) -> None:
        self._call, self._expect, self._sent = call, expect, sent
        self.launch = self._launch if quick.able(call) else None

    async def __call__(self, attempt: Attempt) -> None:
        """Ask; returns when the answer was the expected one."""
        if wrong := self._wrong(await exchange(self._call, attempt)):
            raise wrong

    def _launch(self, attempt: Attempt, landed: Callable[[BaseException | None], None]) -> Flight:
        def judged(came: Answer | BaseException) -> None:
            landed(came if isinstance(came, BaseException) else self._wrong(came))

        return quick.Flight(self._call, attempt, judged)

    def _wrong(self, answer: Answer) -> NoAnswer | None:
        if answer.status == self._expect:
            return None
        said = answer.body[:80].decode(errors="replace")
        return NoAnswer(self._sent.hide(f"HTTP {answer.status}, not {self._expect}: {said}"))


def stream(spec: StreamSpec) -> Request:
    """Ask `url` with `method`, `headers` and `body`; `expect` is the status that counts as served."""
    sent = headers.ready(spec.headers)
    return Asking(prepare(spec.url, spec.method, spec.body, sent.sent), spec.expect, sent)
