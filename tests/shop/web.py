"""The shop: POST /items stores {"ledger", "seq"}, GET /items?ledger= lists the numbers, everything else says hello."""

import json
import os
import queue
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg

TABLE = "create table if not exists items (ledger text, seq int, primary key (ledger, seq))"
SOON: dict[str, Any] = {"connect_timeout": 2, "tcp_user_timeout": 1000, "options": "-c statement_timeout=1000"}
POOL: "queue.LifoQueue[psycopg.Connection[Any] | None]" = queue.LifoQueue()
for _ in range(8):
    POOL.put(None)


def ask(statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Ask on one of eight connections, made when they are needed; who finds none free soon is told so."""
    try:
        connection = POOL.get(timeout=0.3)
    except queue.Empty:
        raise psycopg.OperationalError("too many are being served") from None
    try:
        connection = connection or psycopg.connect(os.environ["DATABASE"], autocommit=True, **SOON)
        found = connection.execute(statement, values)
        return found.fetchall() if found.description else []
    except psycopg.Error:
        connection = None
        raise
    finally:
        POOL.put(connection)


class Shop(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        ledger = parse_qs(asked.query).get("ledger")
        words = ("select seq from items where ledger = %s", *ledger) if ledger else ("select 1",)
        self.answer(lambda: [row[0] for row in ask(*words)], 200)

    def do_POST(self) -> None:
        item = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        stored = "insert into items values (%s, %s) on conflict do nothing"
        self.answer(lambda: ask(stored, item["ledger"], item["seq"]), 201)

    def answer(self, work: Callable[[], object], well: int) -> None:
        try:
            code, said = well, work()
        except psycopg.Error as error:
            code, said = 503, str(error)
        body = json.dumps({"said": said}).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def prepare() -> None:
    while True:
        try:
            ask(TABLE)
        except psycopg.Error:
            time.sleep(0.5)
        else:
            return


if __name__ == "__main__":
    prepare()
    ThreadingHTTPServer(("", 80), Shop).serve_forever()
