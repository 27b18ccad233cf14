"""A service that does nothing but answer, as fast as one core can: python -m benchmarks.kit.answerer CORE PORTS.

It prints its ports and ends with stdin.  A connection is accepted only once its request has arrived (TCP_DEFER_ACCEPT),
so that one request costs it four system calls and no waiting.
"""

import contextlib
import json
import os
import select
import socket
import sys

from benchmarks.kit.service import free_port
from probes.client import hurry

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
BACKLOG = 4096


def listening(port: int) -> socket.socket:
    """Listen on a port."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 1)
    made.bind(("127.0.0.1", port))
    made.listen(BACKLOG)
    made.settimeout(0)
    return made


def serve(doors: dict[int, socket.socket]) -> None:
    """Answer until stdin ends."""
    waiting = select.epoll()
    for number in (*doors, 0):
        waiting.register(number, select.EPOLLIN)
    while True:
        for number, _ in waiting.poll():
            if number == 0:
                return
            with contextlib.suppress(OSError):  # nobody is left at this door
                while True:
                    caller, _ = doors[number].accept()
                    with contextlib.suppress(OSError):
                        caller.recv(65536)
                        caller.send(ANSWER)
                    caller.close()


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[1])})
    hurry()
    ports = [free_port() for _ in range(int(sys.argv[2]))]
    made = [listening(port) for port in dict.fromkeys(ports)]
    print(json.dumps([one.getsockname()[1] for one in made]), flush=True)
    serve({one.fileno(): one for one in made})
