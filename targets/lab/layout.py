"""What the lab is made of: nodes, zones, who restarts, and the URLs of its doors. Standard library only."""

from collections.abc import Mapping
from dataclasses import dataclass

MASTER = "lab"  # the name under which the sentinels watch the Redis master
BUCKET = "lab"
ACCESS_KEY = "lab"
SECRET_KEY = "lab-secret"  # noqa: S105  the sample store's key, known to everybody
DATABASE = "lab"
LOCALHOST = "127.0.0.1"
Doors = Mapping[str, int | str]  # node names (and "api") to this machine's ports, or to HOST:PORT


@dataclass(frozen=True, kw_only=True)
class Part:
    """A node of the lab: its name, what it is, where it stands, whether the supervisor restarts it."""

    name: str
    component: str
    zone: str
    restarts: bool
    serves: bool = True  # it takes connections, so it has a door
    spare: bool = False  # it has a door, and is started when its component is scaled up
    liveness: bool = False  # the supervisor asks it whether it lives, and replaces it when it does not answer


def _trio(component: str, *, restarts: bool) -> tuple[Part, ...]:
    return tuple(Part(name=f"{component}-{x}", component=component, zone=f"zone-{x}", restarts=restarts) for x in "abc")


PARTS: tuple[Part, ...] = (
    *_trio("postgres", restarts=False),  # a dead database host stays dead until somebody starts it
    *_trio("redis", restarts=False),
    *_trio("sentinel", restarts=True),
    Part(name="objects-a", component="objects", zone="zone-c", restarts=True),
    Part(name="api-1", component="api", zone="zone-a", restarts=True, liveness=True),
    Part(name="api-2", component="api", zone="zone-b", restarts=True, liveness=True),
    Part(name="api-3", component="api", zone="zone-c", restarts=True, liveness=True, spare=True),
    Part(name="api-4", component="api", zone="zone-b", restarts=True, liveness=True, spare=True),
    Part(name="worker-1", component="worker", zone="zone-a", restarts=True, serves=False),
)
COMPONENTS: tuple[str, ...] = tuple(dict.fromkeys(part.component for part in PARTS))
FRONT = "api"  # the door that balances over all nodes of the component of this name
RELEASES = {"api": ("stable", "crashing")}  # what its program exists in, the first one in force at first; see roles/


def names(component: str) -> tuple[str, ...]:
    """List the node names of a component, spare ones aside."""
    return tuple(part.name for part in PARTS if part.component == component and not part.spare)


def part(name: str) -> Part:
    """Find a node by its name; KeyError when the lab has none of that name."""
    found = {each.name: each for each in PARTS}
    return found[name]


def component_url(component: str, doors: Doors) -> str:
    """Write the URL at which the component's callers reach it."""
    hosts = ",".join(at(doors[name]) for name in names(component) if name in doors)
    if component == "postgres":
        return f"postgresql://postgres@{hosts}/{DATABASE}?target_session_attrs=read-write&connect_timeout=2"
    if component in ("redis", "sentinel"):
        sentinels = ",".join(at(doors[name]) for name in names("sentinel"))
        return f"redis+sentinel://{sentinels}/{MASTER}"
    if component == "objects":
        return f"http://{ACCESS_KEY}:{SECRET_KEY}@{hosts}/{BUCKET}"
    return f"http://{at(doors[FRONT])}" if component == FRONT else ""


def at(door: int | str) -> str:
    """Write a door as HOST:PORT."""
    return f"{LOCALHOST}:{door}" if isinstance(door, int) else door


def node_url(name: str, doors: Doors) -> str:
    """Write the URL of one node, "" for a node that takes no connections."""
    component = part(name).component
    if name not in doors:
        return ""
    here = at(doors[name])
    return {
        "postgres": f"postgresql://postgres@{here}/{DATABASE}",
        "redis": f"redis://{here}",
        "sentinel": f"redis://{here}",
        "objects": f"http://{ACCESS_KEY}:{SECRET_KEY}@{here}/{BUCKET}",
        "api": f"http://{here}",
    }[component]
