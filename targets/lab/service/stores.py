"""What the service depends on."""

from dataclasses import dataclass

from targets.lab.service.cache import Cache
from targets.lab.service.database import Database
from targets.lab.service.objects import Objects
from targets.lab.service.queue import Queue


@dataclass(frozen=True, kw_only=True)
class Stores:
    """All of them, for the handlers."""

    database: Database
    queue: Queue
    cache: Cache
    objects: Objects
