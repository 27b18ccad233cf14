"""A node that is a host of its own, seen from inside: `python3 -m benchmarks.kit.world.host NODE` tells it in JSON.

The same looks as at the embedded lab; here everything that runs is the node's.
"""

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from benchmarks.kit.world import files, inside, kernel, objects, people, postgres, redis, spaces
from benchmarks.kit.world.where import Facts, Where

HOME = Path("/lab")  # as targets.lab.host has it


def look(node: str) -> Mapping[str, Facts]:
    """Tell the sections of a World as far as they concern this host."""
    where = Where(lab=HOME, labs=HOME.parent / "labs", state=HOME / "state", tmp=Path("/tmp"))  # noqa: S108
    inhabitants = [replace(one, owner=node) for one in people.everybody(where)]
    network = spaces.Network(name=node, nft=inside.rules(shutil.which("nft")), listening=[])
    asked = {"postgres": postgres.server, "redis": redis.server, "sentinel": redis.server, "objects": objects.store}
    component = node.rpartition("-")[0]
    told = {"processes": people.processes(inhabitants), "nft": spaces.nft([network])}
    if not component:  # the front sees every node's folder: what is in them is told by the nodes
        return told
    return told | {
        "listeners": spaces.listeners(inhabitants, []),
        "files": {thing: how for thing, how in files.files(where).items() if not thing.startswith("open record")},
        "ipc": kernel.ipc(inhabitants),
        **({component.replace("sentinel", "redis"): asked[component](HOME / node)} if component in asked else {}),
    }


if __name__ == "__main__":
    print(json.dumps(look(sys.argv[1])))
