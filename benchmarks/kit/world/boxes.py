"""A lab of containers as the engine and each of its hosts tell it; the rest of the machine as ever."""

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from benchmarks.kit import world
from benchmarks.kit.world import postgres, redis
from benchmarks.kit.world.where import Facts
from targets.boxes import build, commands, engine, front, layout
from targets.lab.layout import PARTS
from targets.places import ROOT
from targets.target import TargetError

HOSTS = (*(part.name for part in PARTS), layout.SWITCHBOARD)


def prepare(lab: str) -> None:
    """Bring the looks' programs to every host of a lab."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path in (ROOT / "benchmarks/__init__.py", ROOT / "benchmarks/kit/__init__.py", Path(world.__file__).parent):
            tar.add(
                path, arcname=str(path.relative_to(ROOT)), filter=lambda one: None if "__pycache" in one.name else one
            )
    for host in HOSTS:
        with commands.answered(lab, host):
            engine.client().api.put_archive(build.container(lab, host), layout.CODE, packed.getvalue())


def snapshot(lab: str | None, *, state: Path | None = None, tmp: Path | None = None) -> world.World:
    """Look at everything of a lab of containers; None: of every lab of this engine, from outside only."""
    beside = world.snapshot(None, state=state, tmp=tmp)
    if lab is None:
        return replace(beside, engine=dict(_engine(None)))
    with ThreadPoolExecutor(len(HOSTS)) as pool:
        hosts = list(pool.map(lambda host: _host(lab, host), HOSTS))
    found: dict[str, Facts] = {section.name: getattr(beside, section.name) for section in fields(world.World)}
    for host in hosts:
        for section, facts in host.items():
            found[section] = {**found[section], **facts}
    found["postgres"] = {**found["postgres"], **postgres.together(found["postgres"])}
    found["redis"] = {**found["redis"], **redis.together(found["redis"])}
    return replace(beside, **{**found, "rules": _rules(lab), "engine": dict(_engine(lab))})


def _host(lab: str, node: str) -> Mapping[str, Facts]:
    """Have a host tell what it sees; {} when it does not run, which the engine tells."""
    argv = ["python3", "-m", "benchmarks.kit.world.host", node]
    with suppress(commands.NotRunning):
        code, out, err = commands.inside(lab, node, argv)
        if code:
            raise TargetError(f"{node} cannot be looked at: code {code}, {(err or out).strip()[-300:]}")
        told: Mapping[str, dict[str, str]] = json.loads(out)
        return {section: {_whose(node, thing): how for thing, how in facts.items()} for section, facts in told.items()}
    return {}


def _whose(node: str, thing: str) -> str:
    """Name the host where the thing does not."""
    return thing if node in thing else f"{thing} on {node}"


def _rules(lab: str) -> Facts:
    try:
        return dict.fromkeys(front.ask(lab, "links.cuts"), "in force")
    except TargetError as error:
        return {"the front": f"does not answer: {error}"}


def _engine(lab: str | None) -> Iterator[tuple[str, str]]:
    """Tell what carries the label; containers with how they are."""
    api, wanted = engine.client().api, {"label": f"{layout.LAB}={lab}" if lab else layout.LAB}
    for box in api.containers(all=True, filters=wanted):
        yield f"container {_name(box)}", str(box["State"])
        yield f"networks of {_name(box)}", ", ".join(sorted(map(_plug, box["NetworkSettings"]["Networks"].items())))
    for network in api.networks(filters=wanted):
        yield f"network {network['Name']}", "there"
    for volume in api.volumes(filters=wanted)["Volumes"] or []:
        yield f"volume {volume['Name']}", "there"


def _plug(network: tuple[str, Mapping[str, Any]]) -> str:
    name, how = network
    return f"{name} as {(how.get('IPAMConfig') or {}).get('IPv4Address', 'any')}"


def _name(box: Mapping[str, Any]) -> str:
    return str(box["Names"][0]).lstrip("/") if box["Labels"].get(layout.NODE) else "without a node"
