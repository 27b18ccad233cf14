"""`python -m targets`: a lab to play with."""

import argparse
import signal
import sys
import time

import yaml

from targets import labs
from targets.abilities import Partitionable
from targets.lab.layout import COMPONENTS
from targets.target import DrillyardError, Target, TargetError, TargetGone, create

_LOOK_EVERY_S = 0.2


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0 when all went well, 2 with one clear line otherwise."""
    parser = argparse.ArgumentParser(
        prog="python -m targets", description="Labs: real servers on this machine, made for being hurt."
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="up | down | list | rbac | reaper")
    up = verbs.add_parser("up", help="start a lab and keep it in the foreground until Ctrl-C or `down`")
    up.add_argument("kind", choices=labs.KINDS, help="local: processes; containers: of the Docker engine; gone with it")
    down = verbs.add_parser("down", help="tear a lab down, or all labs of yours that are up")
    down.add_argument("address", nargs="?", help="its address, as `list` shows it; without it: all of them")
    verbs.add_parser("list", help="show the labs that are up")
    rbac = verbs.add_parser("rbac", help="write the Roles that drills need on a cluster, for `kubectl apply -f -`")
    rbac.add_argument("--system", required=True, help="whose namespaces: a TOML file, or a name in targets/systems/")
    rbac.add_argument(
        "--for",
        dest="doings",
        action="append",
        metavar="DOING",
        help="look, lease, kill, partition, run, stress (these without it); drain, quota, rotate, lose, restart, "
        "rollout, erase, backup, sweep, lab; may be said several times",
    )
    rbac.add_argument("--target", help="kubernetes:kind-NAME: for the lab that stands there, whatever the system says")
    reaper = verbs.add_parser("reaper", help="write what puts back, in a cluster, what is past its time; as rbac does")
    reaper.add_argument("--image", required=True, help="the lab's, or any with this package and the official client")
    reaper.add_argument("--namespace", default="drillyard", help="where it is to run (default: drillyard)")
    options = parser.parse_args(argv)
    try:
        if options.verb == "up":
            return _up(options.kind)
        if options.verb == "rbac":
            return _rbac(options.system, options.doings, options.target)
        if options.verb == "reaper":
            return _reaper(options.namespace, options.image)
        return _down(options.address) if options.verb == "down" else _list()
    except DrillyardError as error:
        print(f"drillyard: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _up(kind: str) -> int:
    for one in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.default_int_handler)
    began = time.monotonic()
    lab = create(kind, on_progress=lambda text: print(f"{text} ...", flush=True))
    try:
        print(f"\nThe lab is up after {time.monotonic() - began:.1f} s: {lab.address}\n")
        _show(lab)
        if isinstance(lab, Partitionable):
            _wait_for_its_end(lab)
        print("The lab was taken down.")
    except KeyboardInterrupt:
        print("\nTaking the lab down.")
    finally:
        lab.close()
    return 0


def _wait_for_its_end(lab: Partitionable) -> None:
    while True:
        try:
            lab.cuts()
        except TargetGone:
            return
        except TargetError:
            pass  # it is busy, not gone
        time.sleep(_LOOK_EVERY_S)


def _show(lab: Target) -> None:
    for component in COMPONENTS:
        nodes = lab.nodes(component)
        print(f"{component:<12}{lab.endpoint(component) or '(takes no connections)'}")
        for node in nodes:
            print(f"  {node.name:<12}{node.role:<10}{node.zone:<8}{node.endpoint}")
    print(
        "\nIn another shell, next:\n"
        f"  export DRILLYARD_TARGET={lab.address}\n"
        "  .venv/bin/chaos run experiments/api-killed.yaml\n"
        "  .venv/bin/python -m rollback verify\n"
        "  .venv/bin/python -m targets down\n"
        "\nCtrl-C ends it.",
        flush=True,
    )


def _down(address: str | None) -> int:
    labs.clear_abandoned()
    found = (address,) if address else labs.running()
    if not found:
        print("No lab is up.")
    for one in found:
        there = one in labs.running()
        labs.down(one)
        print(f"{one}: taken down." if there else f"{one}: no lab is up there.")
    return 0


def _list() -> int:
    found = labs.running()
    print("\n".join(found) if found else "No lab is up. Start one with `python -m targets up local`.")
    return 0


def _rbac(system: str, doings: list[str] | None, target: str | None) -> int:
    from targets import kubernetes  # noqa: PLC0415  the client takes its time
    from targets.pods import rights  # noqa: PLC0415

    usual = [*rights.USUAL, *([rights.LAB] if target else [])]
    if target:
        lab = kubernetes.attach_lab(target, system)
        namespaces = lab.namespaces(lab.components)
    else:
        namespaces = frozenset(where.namespace for where in kubernetes.selections(system).values())
    print(yaml.safe_dump_all(rights.roles(namespaces, doings or usual), sort_keys=False), end="")
    return 0


def _reaper(namespace: str, image: str) -> int:
    from targets.pods import reaper  # noqa: PLC0415  the client takes its time

    own = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    print(yaml.safe_dump_all([own, *reaper.manifests(namespace, image)], sort_keys=False), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
