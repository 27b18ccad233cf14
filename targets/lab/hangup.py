"""Learns that the far side of a socket has closed or reset it, without reading from it."""

import asyncio
import select
import socket
from collections.abc import Callable


class Hangups:
    """Watches sockets that nobody reads; must be made while the event loop runs."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._calls: dict[int, Callable[[], None]] = {}
        asyncio.get_running_loop().add_reader(self._epoll.fileno(), self._look)

    def watch(self, sock: socket.socket, call: Callable[[], None]) -> None:
        """Call when the peer closes its side, or the connection breaks."""
        self._calls[sock.fileno()] = call
        self._epoll.register(sock.fileno(), select.EPOLLRDHUP)

    def forget(self, sock: socket.socket) -> None:
        """Watch no longer; nothing to do when it is not watched."""
        if self._calls.pop(sock.fileno(), None):
            self._epoll.unregister(sock.fileno())

    def close(self) -> None:
        """Watch nothing any more."""
        asyncio.get_running_loop().remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _look(self) -> None:
        for handle, _events in self._epoll.poll(0):
            self._epoll.unregister(handle)
            self._calls.pop(handle)()
