"""Commands on the hosts of a kind cluster, which are containers of the Docker engine."""

from collections.abc import Sequence

from docker.errors import DockerException, NotFound

from targets.boxes import engine
from targets.target import TargetError, TargetGone


def ran(host: str, argv: Sequence[str]) -> str:
    """Run a command there; gives what it prints. TargetGone without such a host, TargetError when it fails."""
    api = engine.client().api
    try:
        made = api.exec_create(host, list(argv))
        said = str(api.exec_start(made["Id"]).decode(errors="replace"))
        code = api.exec_inspect(made["Id"])["ExitCode"]
    except NotFound as error:
        raise TargetGone(f"kind: there is no host {host}") from error
    except (DockerException, OSError) as error:
        raise engine.failed(error, f"kind: {host}") from error
    if code:
        raise TargetError(f"kind: {host}: {argv[0]} ended with {code}: {said.strip()[-300:]}")
    return said
