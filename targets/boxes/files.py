"""A node's files and commands, as targets.lab.settings wants them."""

from collections.abc import Mapping, Sequence

from targets.boxes import commands
from targets.lab.host import HOME
from targets.lab.layout import DATABASE
from targets.target import Ran


class There:
    """The nodes of one lab of containers."""

    def __init__(self, lab: str, doors: Mapping[str, int]) -> None:
        self.lab = lab
        self.doors = doors

    @staticmethod
    def home(node: str) -> str:
        """Say where a node's folder is in its container."""
        return str(HOME / node)

    def ran(self, node: str, argv: Sequence[str], timeout: float) -> Ran:
        """Run a command of PostgreSQL's in the node's container; code 2, as psql gives it, when it does not run."""
        words = ["timeout", "-k", "1", f"{timeout:.3f}", *argv]
        environment = {"PGHOST": self.home(node), "PGUSER": "postgres", "PGDATABASE": DATABASE}
        try:
            code, out, err = commands.inside(self.lab, node, words, environment=environment, user="nobody")
        except commands.NotRunning as error:
            return Ran(argv=tuple(argv), code=2, out="", err=str(error))
        return Ran(argv=tuple(argv), code=code, out=out, err=err)

    def text(self, node: str, name: str) -> str | None:
        """Read a file in the node's folder, None when there is none."""
        return commands.read(self.lab, node, name)

    def write(self, node: str, name: str, text: str) -> None:
        """Write a file in the node's folder; its owner stays who it is."""
        commands.write(self.lab, node, name, text)
