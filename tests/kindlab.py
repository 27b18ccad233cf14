"""A lab on a real kind cluster for the tests of clusters, or why there is none."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from targets.boxes import engine, marked
from targets.pods import clusters
from targets.pods import lab as lab_there
from targets.pods.kindlab import KindTarget
from targets.target import DrillyardError, TargetGone, create


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
