"""Becomes the S3 store (ministack, an emulator: it keeps objects over a restart and checks no signatures)."""

import http.client
import importlib.util
import os
import socket
import sys
import time
from pathlib import Path

from targets.lab.roles.common import afterwards, read_config

BUCKET = "lab"
POLL_S = 0.02


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over the server's Unix socket."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.host)


def make_bucket(path: str) -> None:
    """Create the bucket as soon as the server answers."""
    while True:
        try:
            connection = _UnixConnection(path, timeout=5)
            connection.putrequest("PUT", f"/{BUCKET}", skip_host=True)
            connection.putheader("Host", "lab")
            connection.endheaders()
            if connection.getresponse().status in (200, 409):
                return
        except (OSError, http.client.HTTPException):
            time.sleep(POLL_S)


def main() -> None:
    """Prepare, then become the server."""
    config = read_config()
    if importlib.util.find_spec("ministack") is None:
        raise SystemExit("launcher: no ministack found; install the wheel (`pip install ministack`)")
    here = Path.cwd()
    environment = os.environ | {
        "SERVICES": "s3",
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(here / "data"),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(here / "state"),
        "TMPDIR": str(here),
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
    }
    afterwards(lambda: make_bucket(config.socket))
    words = ["-m", "hypercorn", "ministack.app:app", "--workers", "0", "--bind", f"unix:{config.socket}"]
    words += ["--bind", f"0.0.0.0:{config.port}"] if config.port else []
    os.execve(sys.executable, [sys.executable, *words, "--log-level", "WARNING"], environment)  # noqa: S606


if __name__ == "__main__":
    main()
