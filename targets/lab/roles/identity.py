"""As whom PostgreSQL runs: it refuses uid 0, so root starts it as nobody, or as somebody in a user namespace."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from targets.lab.processes import die_with_parent


@dataclass(frozen=True, kw_only=True)
class Identity:
    """How to run a program: words before it, options of subprocess, the user to change to before an exec."""

    prefix: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def own(self, *paths: Path) -> None:
        """Hand files or folders over to the identity."""
        for path in paths:
            if "user" in self.options and path.stat().st_uid != self.options["user"]:
                os.chown(path, self.options["user"], self.options["group"])

    def assume(self) -> None:
        """Become that user for good."""
        if "user" in self.options:
            os.setgroups([])
            os.setgid(self.options["group"])
            os.setuid(self.options["user"])
            die_with_parent()  # the change of user has undone it


def find_identity(program: str) -> Identity:
    """Find out as whom a program that refuses root can be run here."""
    if os.geteuid() != 0:
        return Identity()
    nobody = pwd.getpwnam("nobody")
    options = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    if _runs([program, "--version"], options):
        return Identity(options=options)
    prefix = (shutil.which("unshare") or "unshare", "-U", "--map-user=1000", "--map-group=1000")
    if _runs([*prefix, program, "--version"], {}):
        return Identity(prefix=prefix)
    raise SystemExit(
        f"launcher: PostgreSQL refuses root, user nobody may not run {program}, and user namespaces are off; "
        "run as an ordinary user, or move the checkout to a folder that others can read"
    )


def _runs(argv: list[str], options: dict[str, Any]) -> bool:
    try:
        return subprocess.run(argv, capture_output=True, check=False, **options).returncode == 0
    except OSError:
        return False
