"""A lab on a real kind cluster for the tests of clusters, or why there is none."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from targets.boxes import engine, marked
from targets.pods import clusters, plane, power
from targets.pods import lab as lab_there
from targets.pods.kindlab import KindTarget
from targets.target import DrillyardError, TargetGone, create
from targets.waiting import until
from tests import errands


def lacks() -> str:
    """Say why there can be no cluster here, "" when there can."""
    try:
        engine.client()
        clusters.check()
    except DrillyardError as error:
        return str(error)
    return ""


@contextmanager
def up() -> Iterator[KindTarget]:
    """Give a lab, and see that nothing is left of it."""
    built: Any = create("kind", on_progress=lambda text: print(text, flush=True))
    yield built
    built.close()
    with pytest.raises(TargetGone):
        built.cuts()
    if marked.is_ours(built.name):
        assert built.name not in clusters.names()
        assert not clusters.kubeconfig(built.name).exists()
    else:
        assert built.namespace not in lab_there.of(built.cluster)


def await_orders_heeded(lab: KindTarget) -> None:
    """Leave a cluster to other tests only when its controllers and every host do again what they are told."""
    now = datetime.now(UTC)
    for part in plane.PARTS[1:]:
        heard = partial(plane.was_heard, lab.cluster, part, plane.NAMESPACE, now)
        until(heard, plane.BACK_WITHIN_S, f"{part} to be heard of")
    errands.run(lab.cluster, plane.NAMESPACE, power.hosts(lab.name), plane.BACK_WITHIN_S)
