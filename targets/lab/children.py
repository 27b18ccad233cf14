"""Waiting for a child of the supervisor. Standard library only."""

import asyncio
import os
import subprocess


async def exited(process: "subprocess.Popen[bytes]") -> None:
    """Wait for the end of a child through its pidfd, without a signal handler or a thread; it is not reaped."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    handle = os.pidfd_open(process.pid)
    loop.add_reader(handle, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)
