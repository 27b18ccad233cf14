"""The scripted service's orders: what was confirmed and when, and what is then lost, doubled or slipped in."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(kw_only=True)
class Book:
    """One ledger, as the store knows it."""

    rows: list[int] = field(default_factory=list)  # what is there: numbers, one entry per stored row
    acked_ns: dict[int, int] = field(default_factory=dict)  # number -> just before its confirmation left
    unconfirmed: set[int] = field(default_factory=set)  # stored, and nobody was told


class Store:
    """All ledgers."""

    def __init__(self) -> None:
        self._books: dict[str, Book] = {}

    def book(self, ledger: str) -> Book:
        """Give a ledger, an empty one when nobody wrote to it."""
        return self._books.setdefault(ledger, Book())

    def seqs(self, ledger: str) -> list[int]:
        """List what is there."""
        return sorted(self.book(ledger).rows)

    def take(self, ledger: str, seq: int, *, confirmed: bool, kept: bool) -> None:
        """Take an order; `confirmed`: the caller is about to be told, `kept`: it is stored."""
        book = self.book(ledger)
        if confirmed:
            book.acked_ns[seq] = time.monotonic_ns()
        else:
            book.unconfirmed.add(seq)
        if kept:
            book.rows.append(seq)

    def forget(self, ledger: str, seqs: Sequence[int]) -> None:
        """Lose orders, however often they are stored."""
        book, gone = self.book(ledger), set(seqs)
        book.rows = [seq for seq in book.rows if seq not in gone]

    def add(self, ledger: str, seqs: Sequence[int]) -> None:
        """Store rows that nobody asked for, or the same ones again."""
        self.book(ledger).rows += seqs

    def truth(self, ledger: str) -> dict[str, Any]:
        """Say what is true of a ledger: lost, recovered, foreign and doubled rows, and when the lost were confirmed."""
        book = self.book(ledger)
        there = set(book.rows)
        lost = sorted(set(book.acked_ns) - there)
        return {
            "acked": len(book.acked_ns),
            "lost": lost,
            "lost_acked_ns": [book.acked_ns[seq] for seq in lost],
            "recovered": sorted((book.unconfirmed & there) - set(book.acked_ns)),
            "unexpected": sorted(there - set(book.acked_ns) - book.unconfirmed),
            "duplicates": len(book.rows) - len(there),
        }
