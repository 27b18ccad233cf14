"""Residue of every kind, planted by hand into a lab or this process, and what the detector has to call it."""

import ctypes
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from rollback import journal
from targets.lab import processes, spaces
from targets.lab.layout import names
from targets.lab.roles import resp
from targets.lab.target import LocalTarget
from targets.rules import Rule

LIBC = ctypes.CDLL(None, use_errno=True)
IPC_CREAT, IPC_RMID = 0o1000, 0
MOUNT, UMOUNT = shutil.which("mount") or "mount", shutil.which("umount") or "umount"
SLEEP = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(300)"]


class Cannot(Exception):
    """This machine, or this user, has not the means to leave that kind."""


def orphan(lab: LocalTarget) -> Iterator[str]:
    """Leave a program beside a node, of which nobody is the parent: only its place and its mark tell whose it is."""
    start = f"import os\nif not os.fork():\n os.close(1)\n os.execv({SLEEP[0]!r}, {SLEEP})"
    here = lab.folder / "worker-1"
    subprocess.run([sys.executable, "-c", start], cwd=here, env=marked(lab), start_new_session=True, check=True)
    yield r"processes: worker-1: .*time\.sleep\(300\) was not there"
    os.kill(next(pid for pid in processes.members(lab.folder) if _argv(pid) == SLEEP), signal.SIGKILL)


def child(_: LocalTarget) -> Iterator[str]:
    with subprocess.Popen(SLEEP) as started:
        yield rf"processes: .*time\.sleep\(300\) \(pid {started.pid}, started at \d+\) was not there"
        started.kill()


def stopped(lab: LocalTarget) -> Iterator[str]:
    pid = int((lab.incarnation("worker-1") or "").partition(":")[0])
    os.kill(pid, signal.SIGSTOP)
    yield r"processes: worker-1: .* is \d running, stopped, and was \d running"
    os.kill(pid, signal.SIGCONT)


def killed(lab: LocalTarget) -> Iterator[str]:
    lab.kill("sentinel-b", lab.incarnation("sentinel-b") or "", for_good=True)
    yield r"processes: sentinel-b: .* is gone, it was: running"
    lab.start("sentinel-b")


def listener(_: LocalTarget) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield rf"listeners: port {sock.getsockname()[1]} was not there"


def listener_inside(lab: LocalTarget) -> Iterator[str]:
    with inside(lab, "api-1") as space, spaces.listening(space, "127.0.0.1", 999) as _sock:
        yield r"listeners: port 999 in net:\[\d+\] was not there"


def nft(lab: LocalTarget) -> Iterator[str]:
    with inside(lab, "api-1") as space:
        enter = ["nsenter", f"--net=/proc/self/fd/{space}", spaces.nft() or "nft"]
        subprocess.run([*enter, "add table inet left_behind"], pass_fds=(space,), check=True)
        yield r"nft: .*left_behind.* was not there"
        subprocess.run([*enter, "delete table inet left_behind"], pass_fds=(space,), check=True)


def rule(lab: LocalTarget) -> Iterator[str]:
    lab.cut(Rule(id="left-behind", sources=("api-1",), destinations=("objects-a",), mode="reject"))
    yield "rules: left-behind was not there"
    lab.uncut("left-behind")


def held_namespace(_: LocalTarget) -> Iterator[str]:
    try:
        space = spaces.make()
    except OSError as error:
        raise Cannot(f"no network namespace can be made here: {error}") from error
    yield r"namespaces: held open by .* is net:|namespaces: held open by .* was not there"
    os.close(space)


def named_namespace(_: LocalTarget) -> Iterator[str]:
    name = Path("/run/netns/left-behind")
    with as_root():
        name.parent.mkdir(exist_ok=True)
        name.touch()
    yield "namespaces: named left-behind was not there"
    name.unlink()


def cgroup(_: LocalTarget) -> Iterator[str]:
    places = [Path("/sys/fs/cgroup/freezer"), Path("/sys/fs/cgroup")]
    with as_root():
        group = next(each for each in places if each.is_dir()) / "drillyard-left-behind"
        group.mkdir()
    yield "cgroups: group .*drillyard-left-behind was not there"
    group.rmdir()


def mount(lab: LocalTarget) -> Iterator[str]:
    folder = lab.folder / "worker-1" / "full"
    folder.mkdir()
    with as_root():
        made = subprocess.run([MOUNT, "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=False)
    if made.returncode:
        folder.rmdir()
        raise Cannot("nothing can be mounted here")
    yield r"mounts: .*/worker-1/full was not there, and is: tmpfs"
    subprocess.run([UMOUNT, folder], check=True)
    folder.rmdir()


def balloon(lab: LocalTarget) -> Iterator[str]:
    file = lab.folder / "postgres-b" / "data" / "base" / "balloon"
    file.touch()
    yield "files: lab postgres-b/data/base/balloon was not there"
    file.unlink()


def temporary(_: LocalTarget) -> Iterator[str]:
    handle, path = tempfile.mkstemp(prefix="left-behind-")
    os.close(handle)
    yield "files: temporary left-behind-.* was not there"
    Path(path).unlink()


def record(_: LocalTarget) -> Iterator[str]:
    file = journal.home() / "open" / "left-behind.json"
    file.touch()
    yield "files: open record left-behind.json was not there"
    file.unlink()


def memory(_: LocalTarget) -> Iterator[str]:
    number = LIBC.shmget(0xD1, 4096, IPC_CREAT | 0o600)
    yield "ipc: shm of .* was not there"
    LIBC.shmctl(number, IPC_RMID, None)


def orphaned_memory(_: LocalTarget) -> Iterator[str]:
    program = f"import ctypes; print(ctypes.CDLL(None).shmget(0xd2, 4096, {IPC_CREAT | 0o600}))"
    said = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True)
    yield "ipc: shm .* with key 210, whose maker is dead or not told was not there"
    LIBC.shmctl(int(said.stdout), IPC_RMID, None)


def semaphore(_: LocalTarget) -> Iterator[str]:
    number = LIBC.semget(0xD3, 1, IPC_CREAT | 0o600)
    yield "ipc: sem .* with key 211, .* was not there"
    LIBC.semctl(number, 0, IPC_RMID)


def queue(_: LocalTarget) -> Iterator[str]:
    number = LIBC.msgget(0xD4, IPC_CREAT | 0o600)
    yield "ipc: msg .* with key 212, .* was not there"
    LIBC.msgctl(number, IPC_RMID, None)


def shared_file(_: LocalTarget) -> Iterator[str]:
    file = Path("/dev/shm/faketime_left_behind")
    file.touch()
    yield "ipc: POSIX faketime_left_behind was not there"
    file.unlink()


def setting(lab: LocalTarget) -> Iterator[str]:
    with psycopg.connect(primary(lab), autocommit=True) as server:
        server.execute("alter system set work_mem = '5MB'")
        yield r"postgres: postgres-\w: altered work_mem was not there, and is: '5MB'"
        server.execute("alter system reset work_mem")


def setting_in_force(lab: LocalTarget) -> Iterator[str]:
    lab.configure("postgres-b", "log_statement", "all")
    yield "postgres: postgres-b: setting log_statement is all by configuration file, and was none by default"
    lab.configure("postgres-b", "log_statement", None)


def pg_role(lab: LocalTarget) -> Iterator[str]:
    with psycopg.connect(primary(lab), autocommit=True) as server:
        server.execute("create role left_behind login")
        yield r"postgres: postgres-\w: role left_behind was not there"
        server.execute("drop role left_behind")


def slot(lab: LocalTarget) -> Iterator[str]:
    with psycopg.connect(primary(lab), autocommit=True) as server:
        server.execute("select pg_create_physical_replication_slot('left_behind')")
        yield r"postgres: postgres-\w: slot left_behind was not there, and is: physical"
        server.execute("select pg_drop_replication_slot('left_behind')")


def session(lab: LocalTarget) -> Iterator[str]:
    with psycopg.connect(primary(lab), application_name="left-behind") as server:
        server.execute("select 1")
        yield r"postgres: postgres-\w: session idle in a transaction of postgres as 'left-behind' was not there"


def redis_setting(lab: LocalTarget) -> Iterator[str]:
    door = replica(lab)
    resp.ask(door, "CONFIG", "SET", "min-replicas-to-write", "2")
    yield "redis: redis-.: setting min-replicas-to-write is 2, and was 0"
    resp.ask(door, "CONFIG", "SET", "min-replicas-to-write", "0")


def redis_user(lab: LocalTarget) -> Iterator[str]:
    door = replica(lab)
    resp.ask(door, "ACL", "SETUSER", "left-behind")
    yield "redis: redis-.: user user left-behind .* was not there"
    resp.ask(door, "ACL", "DELUSER", "left-behind")


def redis_pause(lab: LocalTarget) -> Iterator[str]:
    door = replica(lab)
    resp.ask(door, "CLIENT", "PAUSE", "60000", "WRITE")
    yield "redis: redis-.: paused_reason is client_pause, and was none"
    resp.ask(door, "CLIENT", "UNPAUSE")


def marker(lab: LocalTarget) -> Iterator[str]:
    lab.add_key("redis", "drillyard:flush-00000000", seconds=60)
    yield "redis: redis-.: keys like drillyard:flush-# was not there"
    lab.delete_keys("redis", ["drillyard:flush-00000000"])


def sentinel_setting(lab: LocalTarget) -> Iterator[str]:
    door = f"{lab.folder}/sentinel-a/socket"
    resp.ask(door, "SENTINEL", "SET", "lab", "quorum", "3")
    yield "redis: sentinel-a: of the master: quorum is 3, and was 2"
    resp.ask(door, "SENTINEL", "SET", "lab", "quorum", "2")


def policy(lab: LocalTarget) -> Iterator[str]:
    ask_store(lab, "PUT", "/lab?policy", '{"Version": "2012-10-17", "Statement": []}')
    yield "objects: policy of bucket lab is 200 .*, and was 404"
    ask_store(lab, "DELETE", "/lab?policy")


def upload(lab: LocalTarget) -> Iterator[str]:
    said = ask_store(lab, "POST", "/lab/left-behind?uploads")
    yield "objects: unfinished upload of left-behind in bucket lab was not there"
    number = said.partition("<UploadId>")[2].partition("<")[0]
    ask_store(lab, "DELETE", f"/lab/left-behind?uploadId={number}")


def variable(_: LocalTarget) -> Iterator[str]:
    os.environ["LEFT_BEHIND"] = "1"
    yield "environment: LEFT_BEHIND was not there"
    del os.environ["LEFT_BEHIND"]


KINDS: tuple[Callable[[LocalTarget], Iterator[str]], ...] = (
    orphan, child, stopped, killed, listener, listener_inside, nft, rule, held_namespace, named_namespace, cgroup,
    mount, balloon, temporary, record, memory, orphaned_memory, semaphore, queue, shared_file, setting,
    setting_in_force, pg_role, slot, session, redis_setting, redis_user, redis_pause, marker, sentinel_setting,
    policy, upload, variable,
)  # fmt: skip


@contextmanager
def inside(lab: LocalTarget, node: str) -> Iterator[int]:
    """Give a descriptor of a node's network namespace; skips where nodes have none of their own."""
    pid = int((lab.incarnation(node) or "").partition(":")[0])
    path = Path(f"/proc/{pid}/ns/net")
    if path.readlink() == Path("/proc/self/ns/net").readlink():
        raise Cannot("no nft on this machine, or network namespaces are not permitted")
    space = os.open(path, os.O_RDONLY)
    try:
        yield space
    finally:
        os.close(space)


def marked(lab: LocalTarget) -> dict[str, str]:
    return {**os.environ, processes.MARK: str(lab.folder)}


@contextmanager
def as_root() -> Iterator[None]:
    try:
        yield
    except (StopIteration, OSError) as error:
        raise Cannot(str(error)) from error


def _argv(pid: int) -> list[str]:
    """Read a process's command line; that of one which has ended meanwhile is empty."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
    return []


def primary(lab: LocalTarget) -> str:
    (node,) = lab.nodes("postgres", "primary")
    return node.endpoint


def replica(lab: LocalTarget) -> str:
    """Find a replica: a master that is paused or picky would stop the others' planting."""
    doors = [f"{lab.folder}/{name}/socket" for name in names("redis")]
    return next(door for door in doors if resp.ask(door, "ROLE")[0] == "slave")


def ask_store(lab: LocalTarget, method: str, path: str, body: str = "") -> str:
    connection = http.client.HTTPConnection("lab", timeout=5)
    connection.sock = socket.socket(socket.AF_UNIX)
    with connection.sock:
        connection.sock.connect(f"{lab.folder}/objects-a/socket")
        connection.request(method, path, body=body or None)
        answer = connection.getresponse()
        assert answer.status < 300, answer.read()
        return answer.read().decode()
